"""A run below a cell of a notebook: how far it is, its curves, and its newest drawing."""

from lienzo.display import cells, pages
from lienzo.run import drawing
from lienzo.run.progress import progress
from lienzo.run.run import Run

WIDTH = 520
"""CSS pixels of a picture."""


def cell(run: Run) -> str:
    """Return what a run looks like, as HTML.

    Raises:
        RecipeError: its recipe is missing or damaged.
        RunError: ``run.json`` is damaged.
    """
    if not run.exists():
        return cells.cell(str(run.path), "no run yet.")
    far = progress(run)
    said = f"{far.recipe.name}, {far.images:,} of {far.total:,} pictures shown, {far.state}."
    drawn, samples = drawing.curves(run), run.samples()
    figures = [] if drawn is None else [pages.picture(drawn, "losses and scores", width=WIDTH)]
    if samples:
        sample = samples[-1].read_bytes()
        figures.append(pages.picture(sample, "the fixed latents, drawn last", pixels=True, width=WIDTH))
    return cells.cell(str(run.path), far.stop or said, *figures)
