"""What the canvas's process does with a wish. Read without PyTorch."""

from pathlib import Path

from lienzo.run.run import Run
from lienzo.studio.canvas.wishes import Wish
from lienzo.studio.worker import Answer, Job


def painter() -> Job:
    """Load what paints; the job takes the folder of a run, and a wish for pictures of its generator."""
    from lienzo.studio.canvas.painting import fulfil  # noqa: PLC0415  in a process of its own

    def paint(wished: tuple[Path, Wish]) -> Answer:
        folder, wish = wished
        return fulfil(Run(folder), wish)

    return paint
