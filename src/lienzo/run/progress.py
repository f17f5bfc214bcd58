"""How far a run is: in training, finished, interrupted, or stopped by trouble."""

from dataclasses import dataclass
from typing import Any, Literal

from lienzo.recipe.recipe import Recipe
from lienzo.run.occupancy import Occupant, occupant
from lienzo.run.run import Run

State = Literal["in training", "finished", "stopped", "interrupted"]


@dataclass(frozen=True)
class Progress:
    """How far a run is."""

    state: State
    """``stopped`` is by trouble."""
    images: int
    """Pictures shown so far."""
    recipe: Recipe
    """What it is trained by."""
    trainer: Occupant | None
    """The process that trains, while one does."""
    stop: str | None
    """The trouble that ended the run, in a sentence."""
    last: dict[str, Any]
    """The last line of its log; empty before the first."""

    @property
    def total(self) -> int:
        """Pictures that the whole training shows."""
        return self.recipe.total

    @property
    def finished(self) -> bool:
        """Whether all pictures were shown and no trouble ended the run."""
        return self.images >= self.total and self.stop is None

    @property
    def seconds_left(self) -> float | None:
        """Time to the end at the last speed; none where nothing trains, or before the first line of the log."""
        speed = self.last.get("images_per_second", 0.0)
        return (self.total - self.images) / speed if self.trainer is not None and speed > 0 else None


def progress(run: Run) -> Progress:
    """Return how far a run is.

    Raises:
        RecipeError: its recipe is missing or damaged.
        RunError: ``run.json`` is damaged.
    """
    recipe, last, stop = run.recipe(), run.last_line(), run.manifest().get("stop")
    shown = [last.get("images", 0), *(int(path.stem) for path in run.checkpoints()[:1])]  # a log may be cut off
    trainer, images = occupant(run), max(shown)
    finished = images >= recipe.total and not stop
    state: State = "in training" if trainer else "finished" if finished else "stopped" if stop else "interrupted"
    return Progress(state, images, recipe, trainer, stop["trouble"] if stop else None, last)
