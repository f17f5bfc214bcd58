"""What a model with latents and a likelihood wants: the evidence lower bound of the variational autoencoder."""

import math
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class EvidenceBound:
    """The bound on log p(x) of Kingma and Welling 2014, equation 3, for a Gaussian decoder and a normal prior.

    For each picture x,

        log p(x) ≥ E over q(z | x) of log p(x | z) − KL(q(z | x) ‖ N(0, 1)),

    and what is missing is KL(q(z | x) ‖ p(z | x)).
    """

    deviation: float = 0.1
    """Standard deviation of the noise through which the decoder's pictures are seen."""

    def __post_init__(self) -> None:
        if self.deviation <= 0:
            raise ValueError(f"the deviation is {self.deviation}; give a positive number.")

    def likelihood(self, images: Tensor, painted: Tensor) -> Tensor:
        """Return log p(x | z) = log N(x; painted, deviation²), (N,), of pictures (N, ...)."""
        standard = ((images - painted) / self.deviation).flatten(1)
        scale = math.log(2 * math.pi * self.deviation**2)
        return -0.5 * (standard.square() + scale).sum(1)

    def divergence(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        """Return KL(N(mean, e^log_variance) ‖ N(0, 1)), (N,), of guesses (N, latents)."""
        return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)

    def loss(self, images: Tensor, painted: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
        """Return minus the mean bound, a scalar to be minimised.

        Args:
            images: (N, ...) pictures.
            painted: (N, ...) the decoder's, from latents drawn from the guess.
            mean: (N, latents) of the guess.
            log_variance: (N, latents) of the guess.
        """
        return (self.divergence(mean, log_variance) - self.likelihood(images, painted)).mean()


LIKELIHOODS: dict[str, type[EvidenceBound]] = {"evidence-bound": EvidenceBound}
"""Every objective of a model with a likelihood, by the name that recipes use."""
