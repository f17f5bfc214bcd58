"""What the canvas's process does with a wish. Read without PyTorch."""

from pathlib import Path

from lienzo.run.run import Run
from lienzo.studio.canvas.wishes import Wish
from lienzo.studio.worker import Answer


def paint(wished: tuple[Path, Wish]) -> Answer:
    """Fulfil a wish for pictures of the generator of the run in this folder."""
    from lienzo.studio.canvas.painting import fulfil  # noqa: PLC0415  in a process of its own

    folder, wish = wished
    return fulfil(Run(folder), wish)
