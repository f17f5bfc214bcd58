"""Variational autoencoders (Kingma and Welling 2014): an encoder guesses the latents, a decoder paints them."""

from typing import NamedTuple

from torch import Tensor, nn


class Guess(NamedTuple):
    """The encoder's guess q(z | x) = N(mean, e^log_variance) of the latents behind each picture."""

    mean: Tensor
    """(N, latents)"""

    log_variance: Tensor
    """(N, latents)"""

    def draw(self, noise: Tensor) -> Tensor:
        """Return latents (N, latents) drawn from it, given ``noise`` (N, latents) from N(0, 1)."""
        return self.mean + (0.5 * self.log_variance).exp() * noise


class Encoder(nn.Module):
    """From pictures (N, C, H, W) in [−1, 1] to guesses of their latents."""

    def __init__(self, body: nn.Module) -> None:
        """Encode by ``body``, any network from pictures (N, C, H, W) to (N, 2 · latents)."""
        super().__init__()
        self.body = body

    def forward(self, images: Tensor) -> Guess:
        """Return the guess for pictures (N, C, H, W) in [−1, 1]."""
        mean, log_variance = self.body(images).chunk(2, dim=1)
        return Guess(mean, log_variance)


class Autoencoder(nn.Module):
    """An encoder and a decoder; the decoder alone is a generator like any other."""

    def __init__(self, encoder: Encoder, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, images: Tensor, noise: Tensor) -> tuple[Tensor, Guess]:
        """Return the pictures (N, C, H, W) painted anew from drawn latents, and the guess they were drawn from.

        Args:
            images: (N, C, H, W) in [−1, 1].
            noise: (N, latents) from N(0, 1).
        """
        guess: Guess = self.encoder(images)
        return self.decoder(guess.draw(noise)), guess


class Observed(nn.Module):
    """A decoder seen through Gaussian noise: from latents (N, latents + C·H·W) to draws of its law."""

    def __init__(self, decoder: nn.Module, latents: int, deviation: float) -> None:
        """Add noise of this standard deviation, made of the latents after the decoder's own."""
        super().__init__()
        self.decoder, self.latents, self.deviation = decoder, latents, deviation

    def forward(self, z: Tensor) -> Tensor:
        """Return pictures (N, C, H, W) drawn from N(decoder(z), deviation²)."""
        own, noise = z.tensor_split((self.latents,), dim=1)
        images: Tensor = self.decoder(own)
        return images + self.deviation * noise.view_as(images)
