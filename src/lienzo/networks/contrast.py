"""Noise-contrastive estimation (Gutmann and Hyvärinen 2010): a density learnt by classifying data and known noise.

A model log p_m(x) = −E(x) + c, whose constant c = −log Z is a parameter like any other, is put into a discriminator
with the logit log p_m(x) − log p_n(x), p_n being the density of the noise. Trained by the cross-entropy of the first
GAN, against noise in the generator's place, the optimal discriminator of theorem 1 makes p_m the density of the data.
So the discriminator's step of :class:`lienzo.training.game.Game`, with the objective ``minimax``, is the whole
method: equation 3 of the paper is its loss.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn


class Contrast(nn.Module):
    """A discriminator between data and noise that contains a density."""

    def __init__(self, energy: nn.Module, noise: Callable[[Tensor], Tensor]) -> None:
        """Contrast a model with noise.

        Args:
            energy: from pictures (N, C, H, W) to E(x), (N,).
            noise: from pictures (N, C, H, W) to log p_n(x), (N,).
        """
        super().__init__()
        self.energy, self.noise = energy, noise
        self.constant = nn.Parameter(torch.zeros(()))

    def log_density(self, images: Tensor) -> Tensor:
        """Return log p_m(x) (N,), normalised as well as training made it."""
        energy: Tensor = self.energy(images)
        return self.constant - energy

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits log p_m(x) − log p_n(x), (N,)."""
        return self.log_density(images) - self.noise(images)
