"""The two-player game on laws of the plane, step by step, for whoever wants to watch it."""
