"""The objective of a model with a likelihood: the evidence lower bound of the variational autoencoder."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class EvidenceBound:
    """The bound on log p(x) of Kingma and Welling 2014, equation 3, for a Gaussian decoder and a normal prior.

    For each picture x,

        log p(x) ≥ E over q(z | x) of log p(x | z) − KL(q(z | x) ‖ N(0, 1)),

    and the two sides differ by KL(q(z | x) ‖ p(z | x)). Here q(z | x) is the encoder's normal law, and p(x | z) the
    decoder's picture with normal noise.
    """

    deviation: float = 0.1
    """Standard deviation of the noise on the decoder's pictures, in their range from −1 to 1."""

    def __post_init__(self) -> None:
        if self.deviation <= 0:
            raise ValueError(f"the deviation is {self.deviation}; give a positive number.")

    def likelihood(self, images: Tensor, reconstructed: Tensor) -> Tensor:
        """Return log p(x | z) = log N(x; reconstructed, deviation²), (N,), of pictures (N, ...)."""
        standard = ((images - reconstructed) / self.deviation).flatten(1)
        scale = math.log(2 * math.pi * self.deviation**2)
        return -0.5 * (standard.square() + scale).sum(1)

    def divergence(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        """Return KL(N(mean, e^log_variance) ‖ N(0, 1)), (N,), of means and log variances (N, latents)."""
        return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)

    def loss(self, images: Tensor, reconstructed: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
        """Return minus the mean bound, a scalar to be minimised.

        Args:
            images: (N, ...) pictures x.
            reconstructed: (N, ...) the decoder's pictures, from latents drawn from q(z | x).
            mean: (N, latents) of q(z | x).
            log_variance: (N, latents) of q(z | x).
        """
        return (self.divergence(mean, log_variance) - self.likelihood(images, reconstructed)).mean()


LIKELIHOODS: dict[str, type[EvidenceBound]] = {"evidence-bound": EvidenceBound}
"""Every objective of a model with a likelihood, by the name that recipes use."""
