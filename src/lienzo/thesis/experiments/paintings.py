"""What a generator paints after training on the procedural painter's pictures, and how it came there."""

from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from lienzo.collection import preparation
from lienzo.collection.settings import Settings
from lienzo.display import gallery
from lienzo.painter import painting
from lienzo.recipe import catalogue
from lienzo.run.run import Run
from lienzo.theory.finding import Drawing
from lienzo.thesis import kept
from lienzo.thesis.edition import Edition
from lienzo.thesis.experiments.conditions import computed_by
from lienzo.thesis.kept import Kept, KeptDrawing, KeptTable
from lienzo.training import loop

LATENTS = 8
"""How many of the fixed latents the evolution shows."""


def result(folder: Path, _edition: Edition) -> Generator[str, None, tuple[Kept, Sequence[Drawing]]]:
    """Paint, prepare, train, and draw the samples of the run."""
    yield "the painter's pictures"
    pictures, out = folder / "pictures", folder / "collection"
    if not out.exists():
        painting.paint(pictures)
    for _ in preparation.steps(pictures, out, Settings(size=64, holdout=0.2)):
        pass
    for tick in loop.steps(out, catalogue.fast(), folder / "run"):
        yield f"{tick.images:,} of {tick.total:,} pictures"
    return drawn(Run(folder / "run"), kept.today())


def drawn(run: Run, date: str) -> tuple[Kept, Sequence[Drawing]]:
    """Return the result of a finished run: its last samples, and those of a few latents since the beginning."""
    sheets = [(int(path.stem), path) for path in sorted((run.path / "samples").glob("*.png")) if path.stem.isdigit()]
    recipe, end = run.recipe(), run.log()[-1]
    cells = [_cells(path) for _, path in sheets]
    columns = np.concatenate([np.stack([frame[i] for frame in cells]) for i in range(LATENTS)])
    shown = ", ".join(f"{images:,}" for images, _ in sheets)
    drawings = (
        Drawing(sheets[-1][1].read_bytes(), f"{recipe.samples} generated pictures of 64 by 64 pixels, a grid."),
        Drawing(gallery.png(gallery.grid(columns, len(cells))), f"{LATENTS} latents after {shown} pictures shown."),
    )
    row = (recipe.name, f"{end['images']:,}", shown, "the painter's, 1,600 files")
    found = Kept(
        title="Pictures of a run on the painter's pictures",
        command="lienzo thesis results --again",
        processor=computed_by(run),
        date=date,
        seeds=(recipe.seed,),
        seconds=round(float(end["seconds"]), 1),
        tables=(KeptTable("The run", ("recipe", "pictures shown", "drawn after", "pictures"), (row,)),),
        drawings=tuple(KeptDrawing(drawing.caption, "png") for drawing in drawings),
    )
    return found, drawings


def _cells(path: Path, side: int = 64, gap: int = 2) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return the first row of pictures of a sheet of samples, (n, side, side, 3)."""
    sheet = np.asarray(Image.open(path).convert("RGB"))
    lefts = range(gap, sheet.shape[1] - side, side + gap)
    return np.stack([sheet[gap : gap + side, left : left + side] for left in lefts])
