"""Probability laws whose densities are known exactly, and small GANs that are trained on them."""
