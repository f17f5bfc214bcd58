"""The networks of variational autoencoders (Kingma and Welling 2014): an encoder, and a decoder as generator."""

from typing import NamedTuple

from torch import Tensor, nn


class Posterior(NamedTuple):
    """The encoder's output: the approximate posterior q(z | x) = N(mean, e^log_variance) of each picture's latents."""

    mean: Tensor
    """(N, latents) means."""

    log_variance: Tensor
    """(N, latents) logarithms of the variances."""

    def draw(self, noise: Tensor) -> Tensor:
        """Return latents (N, latents) drawn from q(z | x), given ``noise`` (N, latents) from N(0, 1)."""
        return self.mean + (0.5 * self.log_variance).exp() * noise


class Encoder(nn.Module):
    """From pictures (N, C, H, W) in [−1, 1] to the means and variances of their latents."""

    def __init__(self, body: nn.Module) -> None:
        """Encode by a network ``body`` from pictures (N, C, H, W) to (N, 2 · latents): means, then log variances."""
        super().__init__()
        self.body = body

    def forward(self, images: Tensor) -> Posterior:
        """Return q(z | x) for pictures (N, C, H, W) in [−1, 1]."""
        mean, log_variance = self.body(images).chunk(2, dim=1)
        return Posterior(mean, log_variance)


class Autoencoder(nn.Module):
    """An encoder and a decoder; the decoder alone is a generator like any other."""

    def __init__(self, encoder: Encoder, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, images: Tensor, noise: Tensor) -> tuple[Tensor, Posterior]:
        """Return pictures (N, C, H, W) reconstructed from latents drawn from q(z | x), and q(z | x).

        Args:
            images: (N, C, H, W) in [−1, 1].
            noise: (N, latents) from N(0, 1).
        """
        posterior: Posterior = self.encoder(images)
        return self.decoder(posterior.draw(noise)), posterior


class Observed(nn.Module):
    """A decoder with normal noise on its pictures, from latents (N, latents + C·H·W) to draws from p(x)."""

    def __init__(self, decoder: nn.Module, latents: int, deviation: float) -> None:
        """Add noise of this standard deviation: the last C·H·W numbers of the latents, times ``deviation``."""
        super().__init__()
        self.decoder, self.latents, self.deviation = decoder, latents, deviation

    def forward(self, z: Tensor) -> Tensor:
        """Return pictures (N, C, H, W) drawn from N(decoder(z), deviation²)."""
        own, noise = z.tensor_split((self.latents,), dim=1)
        images: Tensor = self.decoder(own)
        return images + self.deviation * noise.view_as(images)
