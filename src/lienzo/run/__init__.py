"""The folder of a run: its files, who trains in it, its curves and its evolution."""
