"""The recipe: everything that decides what a training run does, and the recipes that lienzo knows."""
