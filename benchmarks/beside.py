"""Several trainings side by side on one GPU, each on a stream of its own: small batches leave most of a card idle.

Each is a recipe with settings, gets the inputs that `lienzo train` would give it, and ends after its own length; its
generator is then written to ``OUT/NUMBER.safetensors``, for `lienzo evaluate`. No checkpoints: what is
interrupted is lost. On a CPU they take turns.

    python benchmarks/beside.py COLLECTION "modern-gpu compile=true" "modern-gpu compile=true seed=1" [--out beside]
"""

import argparse
import dataclasses
import json
import time
from itertools import islice
from pathlib import Path

import torch

from lienzo.collection.collection import Collection
from lienzo.compute.devices import pick_device, pick_precision
from lienzo.generation.generation import save_generator
from lienzo.networks.shape import Shape
from lienzo.recipe.catalogue import find
from lienzo.training.batches import Batches
from lienzo.training.cuda_graphs import WARM_UP
from lienzo.training.game import StepInputs
from lienzo.training.inputs import InputPipeline
from lienzo.training.state import State

AHEAD = 2
"""Launches that wait on a stream, so that it never runs dry."""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("collection", type=Path)
    words.add_argument("trainings", nargs="+", help="a recipe and settings, such as 'modern-gpu seed=1'")
    words.add_argument("--device", default="auto")
    words.add_argument("--out", type=Path, default=Path("beside"))
    words.add_argument("--every", type=float, default=30.0, help="seconds between two lines for each training")
    given = words.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    collection, device = Collection.open(given.collection), pick_device(given.device)
    trainings = [Training(text.split(), collection, device) for text in given.trainings]
    begun = spoken = time.monotonic()
    unfinished = list(enumerate(trainings))
    while unfinished:
        for number, training in unfinished:
            training.advance()
            if training.done:
                training.finish(given.out / f"{number}.safetensors")
                print(number, f"ends after {time.monotonic() - begun:.0f} s", flush=True)
        unfinished = [(number, training) for number, training in unfinished if not training.done]
        if time.monotonic() - spoken > given.every:
            spoken = time.monotonic()
            for number, training in unfinished:
                training.wait()
                measures = {name: round(value, 3) for name, value in training.state.take_measures().items()}
                print(number, f"{training.state.images:,}", json.dumps(measures), flush=True)


class Training:
    """One of them: its state, its inputs, and the CUDA stream of its steps."""

    def __init__(self, words: list[str], collection: Collection, device: torch.device) -> None:
        name, *settings = words
        recipe = find(name).with_settings(settings)
        batches = Batches(collection, recipe.seed, device, recipe.labels, recipe.balanced)
        recipe = recipe.resolved(len(batches.members))
        self.recipe = dataclasses.replace(recipe, precision=pick_precision(recipe.precision, device))
        shape = Shape(collection.height, collection.width, collection.channels)
        self.state = State(self.recipe, shape, device, classes=batches.classes)
        self._pipeline = InputPipeline(self.recipe, batches).stream(0)
        self._inputs = self._pipeline.__enter__()
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]
        self._waiting: list[torch.cuda.Event] = []
        self._vocabulary = batches.vocabulary
        for _ in range(2 * WARM_UP):  # until a graph holds its steps: the next one has the compiler forget them
            if not self.done:
                self.advance()
                self.wait()

    @property
    def done(self) -> bool:
        """Whether all pictures of its length have been shown."""
        return self.state.images >= self.recipe.total

    def advance(self) -> None:
        """Launch the next steps, unless enough are waiting already."""
        if self._stream is None:
            self.state.advance(self._next())
            return
        self._waiting = [event for event in self._waiting if not event.query()]  # type: ignore[no-untyped-call]
        if len(self._waiting) == AHEAD:
            return
        inputs = self._next()
        self._stream.wait_stream(torch.cuda.default_stream())  # on which they were uploaded
        for one in inputs:
            for value in vars(one).values():
                if value is not None:
                    value.record_stream(self._stream)
        with torch.cuda.stream(self._stream):
            self.state.advance(inputs)
            self._waiting.append(self._stream.record_event())

    def _next(self) -> list[StepInputs]:
        """Return the inputs of the steps that are taken together next, no more than its length asks for."""
        left = (self.recipe.total - self.state.images) // (self.recipe.batch * self.recipe.discriminator_steps)
        return list(islice(self._inputs, min(left, self.state.steps_at_once)))

    def wait(self) -> None:
        """Wait for all that was launched."""
        if self._stream is not None:
            self._stream.synchronize()

    def finish(self, path: Path) -> None:
        """Write the generator."""
        self._pipeline.__exit__(None, None, None)
        labels = {"labels": dataclasses.asdict(self._vocabulary)} if self._vocabulary else {}
        self.wait()
        about = {"recipe": self.recipe.name, "images": self.state.images, **labels}
        save_generator(path, self.state.shown, self.recipe.network, self.state.shape, about)


if __name__ == "__main__":
    main()
