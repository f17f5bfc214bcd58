"""The training step of a variational autoencoder, beside the game of two players."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import Optimizer

from lienzo.game import Measures
from lienzo.likelihood import EvidenceBound
from lienzo.nets.vae import Autoencoder


@dataclass
class Autoencoding:
    """An encoder and a decoder that raise one bound together."""

    autoencoder: Autoencoder
    bound: EvidenceBound
    optimizer: Optimizer

    def step(self, images: Tensor, noise: Tensor) -> Measures:
        """Update both networks once.

        Args:
            images: (N, C, H, W) in [−1, 1].
            noise: (N, latents) from N(0, 1).

        Returns:
            The bound, a scalar, as it was before the update.
        """
        painted, guess = self.autoencoder(images, noise)
        loss = self.bound.loss(images, painted, guess.mean, guess.log_variance)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimizer.step()
        return {"evidence_bound": -loss.detach()}
