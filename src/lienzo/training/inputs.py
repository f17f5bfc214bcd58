"""The input pipeline: pictures and random numbers of each training step, as a function of its position.

Pictures, latents and all other randomness follow from the seed and from the number of pictures shown, drawn on the CPU
whatever the device, so that a run that was interrupted, or that goes on elsewhere, gets the same. With several
processes each draws the random numbers of the whole batch, and takes and reads its share only.
"""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

import torch
from torch import Tensor

from lienzo.compute import processes
from lienzo.errors import RecipeError
from lienzo.recipe.recipe import Recipe
from lienzo.seeds import derive
from lienzo.training.augmentation import CHANCES, flipped
from lienzo.training.batches import Batches
from lienzo.training.game import StepInputs

CHUNK = 32
"""Steps whose inputs are prepared and uploaded together for a GPU, so that it never waits for them."""

Chunk = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
"""Inputs of several steps: pictures (steps, k, N, H, W, C) uint8, labels, latents, mixes and changes."""


class InputPipeline:
    """Prepares the inputs of steps: ahead of time, in a second thread, where pictures are on the disk or go to a GPU.

    Otherwise it prepares each when it is asked for: in a second thread PyTorch's operations have threads of their own,
    which wait busily for one another on the cores that the step needs (docs/log.md has what that cost). And a second
    thread crashes MPS (pytorch/pytorch, issue 197805).
    """

    def __init__(self, recipe: Recipe, batches: Batches) -> None:
        self.recipe = recipe
        self.batches = batches
        self.shown = recipe.discriminator_steps * recipe.batch
        self.share = processes.share(recipe.batch, recipe.accumulate)
        if recipe.mismatched_labels and self.share.stop - self.share.start == recipe.accumulate:
            raise RecipeError(
                "mismatched_labels are those of other pictures beside each, and every part of a batch is a single "
                "picture here: take a larger batch, fewer parts (accumulate) or fewer processes."
            )
        if recipe.mismatched_labels and batches.classes < 2:
            raise RecipeError(
                f"mismatched_labels are other labels than a picture's own, and the training pictures have only one of "
                f"the kind {recipe.labels}: leave mismatched_labels out."
            )
        self.chunk = CHUNK if batches.device.type != "cpu" and batches.resident is not None else 1
        self.ahead = batches.device.type == "cuda" or (batches.device.type == "cpu" and batches.resident is None)

    @contextmanager
    def stream(self, position: int) -> Iterator[Iterator[StepInputs]]:
        """Yield the endless iterator of inputs from ``position`` on, which is counted in pictures shown.

        Until labels begin to count there are none, so that weights for labels do not learn, nor do optimisers take them
        for weights whose gradients are small.

        Their pictures are bytes; :func:`lienzo.compute.pixels.from_bytes` makes numbers of them.
        """
        with ThreadPoolExecutor(1) as prefetcher:

            def steps() -> Iterator[StepInputs]:
                shown = position
                for chunk in self._chunks(position, prefetcher):
                    for pixels, labels, latents, mix, chance in zip(*chunk, strict=True):
                        labelled = self.batches.classes and shown >= self.recipe.labels_begin
                        shown += self.shown
                        yield StepInputs(
                            pixels,
                            latents,
                            mix if self.recipe.regularisation.gradient_penalty else None,
                            chance if self.recipe.augmentation.policy != "none" else None,
                            labels if labelled else None,
                        )

            yield steps()

    def _chunks(self, position: int, prefetcher: Executor) -> Iterator[Chunk]:
        """Yield one chunk after the other, each prepared while the one before it is used, or when it is asked for."""
        chunk = self._prepare(position)
        while True:
            position += self.chunk * self.shown
            if self.ahead:
                following = prefetcher.submit(self._prepare, position)
                yield chunk
                chunk = following.result()
            else:
                yield chunk
                chunk = self._prepare(position)

    def _prepare(self, position: int) -> Chunk:
        """Return the next inputs, uploaded together once all is drawn: an upload waits for the GPU's steps before."""
        chances = [self._chance(position + i * self.shown) for i in range(self.chunk)]
        drawn = [torch.stack(parts) for parts in zip(*chances, strict=True)]
        shape = (self.chunk, self.recipe.discriminator_steps, self.recipe.batch)
        rows = self.batches.rows(position, self.chunk * self.shown).reshape(shape)[..., self.share]
        pixels, labels = self.batches.take(rows.ravel()), self.batches.labels(rows.ravel())
        pixels, labels = (part.view(*rows.shape, *part.shape[1:]) for part in (pixels, labels))
        latents, mixes, flips, changes = (part.to(self.batches.device) for part in drawn)
        pixels = flipped(pixels, flips) if self.recipe.augmentation.flips else pixels
        return pixels, labels, latents, mixes, changes

    def _chance(self, position: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the latents (k, N, latents), the mix (k, N), the flips (k, N) and the changes of one step."""
        seed, groups, batch = self.recipe.seed, self.recipe.discriminator_steps, self.recipe.batch
        source = torch.Generator().manual_seed(derive(seed, "latents", position))
        latents = torch.randn(groups, batch, self.recipe.network.latents, generator=source)
        mix = torch.rand(groups, batch, generator=source)
        source = torch.Generator().manual_seed(derive(seed, "augmentation", position))
        flips = torch.rand(groups, batch, generator=source)
        changes = torch.rand(groups + 1, 2, batch, CHANCES[self.recipe.augmentation.policy], generator=source)
        own = self.share
        return latents[:, own], mix[:, own], flips[:, own], changes[:, :, own]
