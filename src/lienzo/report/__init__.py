"""A run as one page and as figures for a paper: pictures, evolution, curves, scores, networks, resources."""
