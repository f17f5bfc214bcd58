"""What it costs to watch a run: norms of gradients, diversity, sums and the lines of a tick, as shares of training.

The recipes train as `lienzo train` does, with a clock around everything that is there for the log alone. On a CPU each
part has ended when its function returns, so that the clocks are exact. Drawing samples and saving are not in it: the
recipe asks for those.

    python benchmarks/watching.py COLLECTION [--recipes thesis fast] [--ticks 4]
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

import torch

import lienzo
from lienzo.collection.collection import Collection
from lienzo.recipe.catalogue import find
from lienzo.training import game, open_run, state

Result = TypeVar("Result")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("collection", type=Path)
    words.add_argument("--recipes", nargs="*", default=["thesis", "fast"])
    words.add_argument("--ticks", type=int, default=4, help="after the first, which warms up")
    given = words.parse_args()
    collection = Collection.open(given.collection)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    for name in given.recipes:
        measure(collection, name, given.ticks)


def measure(collection: Collection, name: str, ticks: int) -> None:
    recipe = find(name)
    recipe = recipe.lasting(epochs=None, images=recipe.tick * (ticks + 1))
    spent: dict[str, float] = {}
    clocks = [
        (game, "gradient_norm", "norms of gradients"),
        (game, "diversity", "diversity of both batches"),
        (state.State, "_take_steps", "steps"),
        (game.Game, "step", "steps without their sums"),
        (state.State, "take_measures", "reading the sums"),
        (open_run.OpenRun, "_log", "log.jsonl and TensorBoard"),
    ]
    patches = [patch.object(owner, word, clocked(getattr(owner, word), spent, label)) for owner, word, label in clocks]
    with tempfile.TemporaryDirectory() as folder:
        for each in patches:
            each.start()
        going = lienzo.steps(collection, recipe, Path(folder) / "run", device="cpu")
        next(going)
        spent.clear()
        start, images = time.perf_counter(), 0
        for tick in going:
            took, images = time.perf_counter() - start, tick.images - recipe.tick
        for each in patches:
            each.stop()
    steps = images / recipe.batch
    sums = spent.pop("steps") - spent.pop("steps without their sums")
    print(f"{name}: {took / steps * 1e3:.1f} ms a step of {recipe.batch} pictures, a tick every {recipe.tick:,}")
    for label, seconds in {**spent, "summing up": sums, "all of it": sums + sum(spent.values())}.items():
        print(f"    {label:28}{seconds / steps * 1e3:>9.3f} ms a step{seconds / took:>9.2%}")


def clocked(work: Callable[..., Result], spent: dict[str, float], label: str) -> Callable[..., Result]:
    """Return a function whose seconds are added to ``spent`` under the label."""

    @wraps(work)
    def timed(*words: Any, **named: Any) -> Result:
        start = time.perf_counter()
        try:
            return work(*words, **named)
        finally:
            spent[label] = spent.get(label, 0.0) + time.perf_counter() - start

    return timed


if __name__ == "__main__":
    main()
