"""The space that a training needs on the disk, known before it starts."""

import shutil

from lienzo.collection.collection import Collection
from lienzo.errors import RunError
from lienzo.recipe.recipe import Recipe
from lienzo.run.run import Run
from lienzo.training.resumption import FOLDERS, KEPT_CHECKPOINTS
from lienzo.training.state import State


def refuse_too_little(run: Run, recipe: Recipe, collection: Collection, state: State) -> None:
    """Refuse to start a training whose run would not fit on the disk.

    Raises:
        RunError: says how much is needed and how much is free.
    """
    own = [run.generator_path, run.best_path, *(path for name in FOLDERS for path in (run.path / name).glob("*"))]
    there = sum(path.stat().st_size for path in own if path.is_file())
    needed = bytes_needed(recipe, len(collection.rows("train")), state) - there
    free = shutil.disk_usage(run.path).free
    if needed > free:
        epochs = ", or leave out the generator of every epoch (--set keep_epochs=false)" if recipe.keep_epochs else ""
        raise RunError(
            f"{run.path} will need about {_written(needed)} on the disk, and {_written(free)} are free: "
            f"make room, choose another --out{epochs}."
        )


def bytes_needed(recipe: Recipe, count: int, state: State) -> int:
    """Return the most bytes that the files of a whole run take, the one that is being written included.

    Checkpoints and generators are as large as their tensors. Samples count as much as their pixels, which PNG makes a
    little less. Log, curves and the like are small beside them.

    Args:
        recipe: with its length resolved.
        count: number of pictures in an epoch.
        state: the state before the first step.
    """
    checkpoint = sum(tensor.nbytes for tensor in state.tensors().values())
    generator = sum(tensor.nbytes for tensor in state.shown.state_dict().values())
    checkpoints = KEPT_CHECKPOINTS + 1
    checkpoints += bool(recipe.evaluate_every)  # that of the lowest KID
    checkpoints += KEPT_CHECKPOINTS if recipe.on_trouble == "rollback" else 0  # milestones
    generators = 2 + bool(recipe.evaluate_every)  # the newest, the one being written, and the best
    generators += recipe.total // count if recipe.keep_epochs else 0
    sample = recipe.samples * state.shape.height * state.shape.width * state.shape.channels
    samples = 2 + recipe.total // recipe.sample_every
    return int(checkpoints * checkpoint + generators * generator + samples * sample)


def _written(count: int) -> str:
    """Return a number of bytes as people read it."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e8 else f"{count / 1e6:,.1f} MB"
