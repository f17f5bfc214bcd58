"""The samples of a run: the pictures of fixed latents, drawn again and again while it trains."""

from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor, nn

from lienzo.collection.vocabulary import Vocabulary
from lienzo.display import gallery
from lienzo.generation.generation import drawn_labels, render
from lienzo.recipe.recipe import Recipe
from lienzo.run.run import Run
from lienzo.seeds import derive
from lienzo.storage.files import write_bytes


class Samples:
    """Draws the fixed latents of a run; a second thread encodes and writes the PNG while training goes on.

    With labels, each row of the grid is one label, and the same latents repeat from row to row. Where there are too
    many labels for such a grid, each of the latents has the label that its number draws as a seed.
    """

    def __init__(self, run: Run, recipe: Recipe, collection: str, vocabulary: Vocabulary | None) -> None:
        """Take the run's folder and recipe, the fingerprint of its collection, and the labels where there are any."""
        self.run, self.recipe, self.collection, self.vocabulary = run, recipe, collection, vocabulary
        self._thread = ThreadPoolExecutor(1)
        self._written: Future[None] | None = None

    def draw(self, module: nn.Module, images: int, device: torch.device) -> None:
        """Draw with the generator, batch normalisation in evaluation mode, after so many pictures shown."""
        z, y, columns = self._inputs(device)
        pixels = render(module.eval(), z, y)
        module.train()
        about = {"Software": "lienzo", "images": str(images), "collection": self.collection}
        path = self.run.sample_path(images)
        self.wait()
        self._written = self._thread.submit(
            lambda: write_bytes(path, gallery.png(gallery.grid(pixels, columns), about))
        )

    def wait(self) -> None:
        """Wait until the last drawing is written, and raise the error that prevented it, if any."""
        if self._written is not None:
            self._written.result()

    def close(self) -> None:
        """End the thread, once the last drawing is written."""
        self._thread.shutdown()

    def _inputs(self, device: torch.device) -> tuple[Tensor, Tensor | None, int | None]:
        """Return latents (N, latents), labels (N, classes) if any, and the columns of a grid whose rows are labels."""
        labels = len(self.vocabulary.counts) if self.vocabulary else 0
        source = torch.Generator().manual_seed(derive(self.recipe.seed, "fixed latents"))
        z = torch.randn(self.recipe.samples, self.recipe.network.latents, generator=source).to(device)
        if not 0 < labels**2 <= self.recipe.samples:
            return z, drawn_labels(self.vocabulary, range(len(z)), device), None
        columns = self.recipe.samples // labels
        y = torch.eye(labels, device=device).repeat_interleave(columns, 0)
        return z[:columns].repeat(labels, 1), y, columns
