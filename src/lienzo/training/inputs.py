"""Dealing: everything that a step takes from the collection and from chance, as a function of its position.

Pictures, latents and all other randomness follow from the seed and from the number of pictures shown, drawn on the CPU
whatever the device, so that a run that was interrupted, or that plays elsewhere, is dealt the same. Several processes
deal the whole batch each, and take their shares of it; only pictures of the share are read.
"""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

import torch
from torch import Tensor

from lienzo.compute import processes
from lienzo.compute.devices import memory_format
from lienzo.recipe.augmentation import CHANCES, flipped
from lienzo.recipe.recipe import Recipe
from lienzo.seeds import derive
from lienzo.training.batches import Batches
from lienzo.training.game import Round

HAND = 32
"""Rounds for a GPU are dealt and uploaded this many at a time, so that it never waits for one."""


Hand = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
"""Rounds dealt together: pictures (rounds, k, N, H, W, C) uint8, labels, latents, mixes and changes."""


class Dealer:
    """Deals rounds: ahead of time, in a thread of its own, where they come from the disk or go to a GPU.

    Otherwise each when its turn comes: in a second thread PyTorch's operations have threads of their own, which wait
    busily for one another on the cores that the step needs (docs/log.md has what that cost). And MPS bears no second
    thread (pytorch/pytorch, issue 197805).
    """

    def __init__(self, recipe: Recipe, batches: Batches) -> None:
        self.recipe = recipe
        self.batches = batches
        self.shown = recipe.discriminator_steps * recipe.batch
        self.share = processes.share(recipe.batch, recipe.accumulate)
        self.hand = HAND if batches.device.type != "cpu" and batches.resident is not None else 1
        self.ahead = batches.device.type == "cuda" or (batches.device.type == "cpu" and batches.resident is None)

    @contextmanager
    def rounds(self, position: int) -> Iterator[Iterator[Round]]:
        """Yield the endless iterator of rounds from ``position`` on, which is counted in pictures shown.

        Their pictures are still bytes: :func:`scaled` makes them what a lesson learns from.
        """
        with ThreadPoolExecutor(1) as assistant:

            def play() -> Iterator[Round]:
                for hand in self._hands(position, assistant):
                    for pixels, labels, latents, mix, chance in zip(*hand, strict=True):
                        yield Round(
                            pixels,
                            latents,
                            mix if self.recipe.regularisation.gradient_penalty else None,
                            chance if self.recipe.augmentation.policy != "none" else None,
                            labels if self.batches.classes else None,
                        )

            yield play()

    def _hands(self, position: int, assistant: Executor) -> Iterator[Hand]:
        """Yield one hand after the other, each dealt while the one before it is played, or when its turn comes."""
        hand = self._deal(position)
        while True:
            position += self.hand * self.shown
            if self.ahead:
                following = assistant.submit(self._deal, position)
                yield hand
                hand = following.result()
            else:
                yield hand
                hand = self._deal(position)

    def _deal(self, position: int) -> Hand:
        """Return the next rounds, uploaded together once all is drawn: an upload waits for the GPU's steps before."""
        chances = [self._chance(position + i * self.shown) for i in range(self.hand)]
        drawn = [torch.stack(parts) for parts in zip(*chances, strict=True)]
        shape = (self.hand, self.recipe.discriminator_steps, self.recipe.batch)
        rows = self.batches.rows(position, self.hand * self.shown).reshape(shape)[..., self.share]
        pixels, labels = self.batches.take(rows.ravel()), self.batches.labels(rows.ravel())
        pixels, labels = (part.view(*rows.shape, *part.shape[1:]) for part in (pixels, labels))
        latents, mixes, flips, changes = (part.to(self.batches.device) for part in drawn)
        pixels = flipped(pixels, flips) if self.recipe.augmentation.flips else pixels
        return pixels, labels, latents, mixes, changes

    def _chance(self, position: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the latents (k, N, latents), the mix (k, N), the flips (k, N) and the changes of one round."""
        seed, groups, batch = self.recipe.seed, self.recipe.discriminator_steps, self.recipe.batch
        source = torch.Generator().manual_seed(derive(seed, "latents", position))
        latents = torch.randn(groups, batch, self.recipe.network.latents, generator=source)
        mix = torch.rand(groups, batch, generator=source)
        source = torch.Generator().manual_seed(derive(seed, "augmentation", position))
        flips = torch.rand(groups, batch, generator=source)
        changes = torch.rand(groups + 1, 2, batch, CHANCES[self.recipe.augmentation.policy], generator=source)
        own = self.share
        return latents[:, own], mix[:, own], flips[:, own], changes[:, :, own]


def scaled(pixels: Tensor) -> Tensor:
    """Return pictures (..., H, W, C) uint8 as (..., C, H, W) float32 in [−1, 1], in the device's memory format."""
    images = pixels.float().div_(127.5).sub_(1).movedim(-1, -3)
    return images if memory_format(pixels.device) == torch.channels_last else images.contiguous()
