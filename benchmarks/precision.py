"""The same mathematics: the recipe `thesis` by the plain loop in float32, by lienzo in float32 and in bfloat16.

Each seed has the same weights, batches and latents in all three. Two tables come out: how far the losses of lienzo,
as means over `WINDOW` steps, are from the plain loop's of the same seed, beside how far the plain loop's own seeds are
from one another; and the KID (lite0, 1,000 pictures) at the end, as mean and standard deviation over the seeds.

Score an averaged generator (`--set average_half_life=2000 average_ramp=0.5`): that of a single step jumps about.

    python benchmarks/precision.py COLLECTION [--images 12800] [--steps 200] [--seeds 3] [--set network.width=16 ...]
"""

import argparse
import copy
import itertools
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from step import as_in_tutorials
from torch import Tensor
from torch.nn.functional import binary_cross_entropy

from lienzo.collection.collection import Collection
from lienzo.compute.devices import pick_device
from lienzo.compute.pixels import from_bytes
from lienzo.networks.shape import Shape
from lienzo.recipe.catalogue import thesis
from lienzo.recipe.recipe import Recipe
from lienzo.training.batches import Batches
from lienzo.training.game import StepInputs
from lienzo.training.inputs import InputPipeline
from lienzo.training.kid_monitor import KIDMonitor
from lienzo.training.schedule import average_decay
from lienzo.training.state import State

WINDOW = 20
"""Steps whose mean loss is compared: single steps part after the second, however equal the mathematics."""

Losses = NDArray[np.float64]
"""(windows, 2): of the discriminator and of the generator."""

Step = Callable[[StepInputs], tuple[float, float]]
"""Takes a step and returns the losses of the discriminator and of the generator."""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("collection", type=Path)
    words.add_argument("--images", type=int, default=12_800, help="pictures shown before KID is measured")
    words.add_argument("--steps", type=int, default=200, help="whose losses are compared")
    words.add_argument("--seeds", type=int, default=3)
    words.add_argument("--device", default="auto")
    words.add_argument("--set", nargs="*", default=[], help="settings of the recipe")
    given = words.parse_args()
    device, collection = pick_device(given.device), Collection.open(given.collection)
    monitor = KIDMonitor(collection, device)
    losses: dict[str, list[Losses]] = {"plain loop, float32": [], "lienzo, float32": [], "lienzo, bfloat16": []}
    scores: dict[str, list[float]] = {name: [] for name in losses}
    for seed in range(given.seeds):
        for name, seeds in losses.items():
            precision = "bf16" if "bfloat16" in name else "fp32"
            settings = [*given.set, f"seed={seed}", f"images={given.images}", f"precision={precision}"]
            recipe = thesis().with_settings(settings)
            state = State(recipe, Shape(collection.height, collection.width, collection.channels), device)
            if name.startswith("plain"):
                seen = losses_of(recipe, collection, device, Plain(state, recipe).step)
            else:
                seen = losses_of(recipe, collection, device, partial(step, state))
            seeds.append(smooth(seen[: given.steps]))
            scores[name].append(monitor.kid(state.shown.eval(), recipe.network.latents).value)
            print(f"seed {seed}, {name}: KID {scores[name][-1]:.4f}", flush=True)
    report(losses, scores)


def report(losses: dict[str, list[Losses]], scores: dict[str, list[float]]) -> None:
    base, *others = losses
    print(f"{'mean distance of the losses of':44}{'D':>8}{'G':>8}")
    for name in others:
        show(f"{name} from the plain loop", list(zip(losses[name], losses[base], strict=True)))
    if pairs := list(itertools.combinations(losses[base], 2)):
        show("the plain loop's seeds from one another", pairs)
    print(f"{'KID':44}{'mean':>8}{'sd':>8}")
    for name, values in scores.items():
        deviation = f"{statistics.stdev(values):.4f}" if len(values) > 1 else "–"
        print(f"{name:44}{statistics.mean(values):>8.4f}{deviation:>8}")


def show(name: str, pairs: list[tuple[Losses, Losses]]) -> None:
    first, second = np.mean([np.abs(a - b).mean(0) for a, b in pairs], axis=0)
    print(f"{name:44}{first:>8.3f}{second:>8.3f}")


def smooth(losses: list[tuple[float, float]]) -> Losses:
    """Return the means (windows, 2) over windows of steps."""
    whole = np.array(losses)[: len(losses) // WINDOW * WINDOW]
    means: Losses = whole.reshape(-1, WINDOW, 2).mean(1)
    return means


def losses_of(recipe: Recipe, collection: Collection, device: torch.device, step: Step) -> list[tuple[float, float]]:
    """Return the losses of every step."""
    assert recipe.images is not None
    with InputPipeline(recipe, Batches(collection, recipe.seed, device)).stream(0) as stream:
        return [step(inputs) for inputs in itertools.islice(stream, recipe.images // recipe.batch)]


def step(state: State, inputs: StepInputs) -> tuple[float, float]:
    """Take a step as lienzo does."""
    state.advance([inputs])
    measures = state.take_measures()
    return measures["discriminator_loss"], measures["generator_loss"]


class Plain:
    """The loop of the tutorials, from the weights of a state."""

    def __init__(self, state: State, recipe: Recipe) -> None:
        self.state, self.recipe = state, recipe
        self.generator, self.discriminator = (
            as_in_tutorials(copy.deepcopy(state.networks[name])) for name in ("generator", "discriminator")
        )
        for player in (self.generator, self.discriminator):
            for parameter in player.parameters():
                parameter.data = parameter.data.contiguous()  # NCHW
        settings = recipe.generator_optimizer
        self.generator_adam = torch.optim.Adam(self.generator.parameters(), settings.rate, settings.betas)
        self.discriminator_adam = torch.optim.Adam(self.discriminator.parameters(), settings.rate, settings.betas)

    def step(self, inputs: StepInputs) -> tuple[float, float]:
        real, z = from_bytes(inputs.real[0]).contiguous(), inputs.latents[0]
        label = torch.full((len(real),), 0.9, device=real.device)
        self.discriminator.zero_grad()
        real_loss = self.loss(real, label)
        torch.autograd.backward(real_loss)
        fake = self.generator(z)
        fake_loss = self.loss(fake.detach(), torch.zeros_like(label))
        torch.autograd.backward(fake_loss)
        self.discriminator_adam.step()
        self.generator.zero_grad()
        loss = self.loss(fake, label)
        torch.autograd.backward(loss)
        self.generator_adam.step()
        self.hand_over()
        return real_loss.item() + fake_loss.item(), loss.item()

    def loss(self, images: Tensor, label: Tensor) -> Tensor:
        return binary_cross_entropy(self.discriminator(images).sigmoid(), label)

    def hand_over(self) -> None:
        """Give the generator back to the state, which averages and evaluates it."""
        state, recipe = self.state, self.recipe
        state.networks["generator"].load_state_dict(self.generator.state_dict())
        state.images += recipe.batch
        if state.average is not None:
            decay = average_decay(state.images, recipe.batch, recipe.average_half_life, recipe.average_ramp)
            state.average.update(1 - decay)


if __name__ == "__main__":
    main()
