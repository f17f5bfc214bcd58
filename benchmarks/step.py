"""The speed of training steps on a CPU: the plain loop, lienzo, and what matrix products reach, in one run.

The plain loop is the one of the tutorials, with the recipe's networks and augmentation: float32, NCHW, PyTorch's own
layers, real and generated pictures one after the other, the discriminator's gradients computed in the generator's step
too and thrown away, losses read back in every step. It has a process of its own, as it would without lienzo, which
tells the C library to keep memory. Contestants take turns, and ratios are taken turn by turn: absolute numbers depend
on the machine and on what else it does.

Each recipe is measured with one thread and with all, and lienzo also with as many as find a core each, on the machine
as it is and beside a process that keeps a core busy. The share is that of the multiplications and additions, as PyTorch
counts those of a step without penalty, in the rate of a matrix product in the same precision beside the same work.

    python benchmarks/step.py [--recipes thesis fast modern-plain-128] [--machines quiet busy] [--turns 5]
                              [--seconds 5]
"""

import argparse
import dataclasses
import multiprocessing
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection

import torch
from torch import Tensor, autograd, nn
from torch.nn import functional
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations
from torch.utils.flop_counter import FlopCounterMode

from lienzo.compute.devices import Precision, keeping_memory, pick_precision
from lienzo.compute.threads import Threads
from lienzo.networks.ends import Projection, Readout
from lienzo.networks.shape import Shape
from lienzo.recipe.catalogue import find
from lienzo.recipe.recipe import Recipe
from lienzo.training import augmentation
from lienzo.training.augmentation import CHANCES
from lienzo.training.game import StepInputs
from lienzo.training.state import State

CPU = torch.device("cpu")
MACHINES = ("quiet", "busy")
"""As it is, and beside a process that keeps a core busy."""

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--recipes", nargs="+", default=["thesis", "fast", "modern-plain-128"])
    words.add_argument("--machines", nargs="+", choices=MACHINES, default=MACHINES)
    words.add_argument("--turns", type=int, default=5)
    words.add_argument("--seconds", type=float, default=5.0, help="of each measurement with adjusted threads")
    words.add_argument("--precisions", nargs="+", choices=DTYPES, help="by default all that the processor computes")
    given = words.parse_args()
    every = torch.get_num_threads()
    able: list[Precision] = ["fp32"] if pick_precision("auto", CPU) == "fp32" else ["fp32", "bf16"]
    precisions: list[Precision] = given.precisions or able
    print(f"torch {torch.__version__}, pictures a second; GFLOP/s of the product of 1024² matrices")
    print(f"{'recipe':14}{'machine':9}{'threads':>9}{'plain loop':>12}", end="")
    print("".join(f"{f'lienzo, {name}':>14}{'ratio':>7}{'product':>9}{'share':>7}" for name in precisions), flush=True)
    with keeping_memory(CPU):
        for name in given.recipes:
            plain_loop = apart(name)
            ours = [prepared(dataclasses.replace(find(name), precision=precision)) for precision in precisions]
            for machine in given.machines:
                with busy() if machine == "busy" else nullcontext():
                    for threads in sorted({1, every}):
                        row = compare(plain_loop, ours, threads, given.turns)
                        print(f"{name:14}{machine:9}{threads:>9}{row}", flush=True)
                    row = adjusted(ours, every, given.seconds)
                    print(f"{name:14}{machine:9}{'adjusted':>9}{'':12}{row}", flush=True)


@dataclass(frozen=True)
class Contestant:
    """What takes steps of a recipe, how many pictures each has, and what it needs for a picture."""

    step: Callable[[], None]
    images: int
    work: float
    """GFLOP of a picture."""
    dtype: torch.dtype

    @property
    def steps(self) -> int:
        """Steps of one turn, of which each eighth may have a penalty."""
        return 8 if self.images < 64 else 1


def compare(plain_loop: Callable[[int, int], float], ours: list[Contestant], threads: int, turns: int) -> str:
    """Return a row: pictures a second of the plain loop, then of lienzo, with ratio, product and share."""
    torch.set_num_threads(threads)
    steps = ours[0].steps
    seconds: list[list[float]] = [[] for _ in range(1 + len(ours))]
    rates: list[list[float]] = [[] for _ in ours]
    for turn in range(turns + 1):
        took = [plain_loop(threads, steps), *(clock(one.step, steps) for one in ours)]
        for each, one in zip(seconds, took, strict=True):
            each.extend([one] if turn else [])  # the first turn warms up
        for each, contestant in zip(rates, ours, strict=True):
            each.append(product(contestant.dtype))
    shown = steps * ours[0].images
    cells = [f"{shown / statistics.median(seconds[0]):>12.1f}"]
    for contestant, times, rate in zip(ours, seconds[1:], rates, strict=True):
        ratio = statistics.median(base / one for base, one in zip(seconds[0], times, strict=True))
        cells.append(figures(shown / statistics.median(times), contestant, statistics.median(rate), f"{ratio:.2f}"))
    return "".join(cells)


def adjusted(ours: list[Contestant], most: int, seconds: float) -> str:
    """Return the figures of lienzo with as many threads as find a core each."""
    cells = []
    for contestant in ours:
        torch.set_num_threads(most)
        with Threads(CPU) as threads:
            run_adjusted(contestant, threads, 3)  # until the number has settled
            speed = run_adjusted(contestant, threads, seconds)
            cells.append(figures(speed, contestant, product(contestant.dtype), ""))
    return "".join(cells)


def run_adjusted(contestant: Contestant, threads: Threads, seconds: float) -> float:
    """Return the pictures a second of as many steps as begin within so many seconds."""
    begun, shown = time.perf_counter(), 0
    while time.perf_counter() < begun + seconds:
        threads.adjust()
        contestant.step()
        shown += contestant.images
    return shown / (time.perf_counter() - begun)


def figures(speed: float, contestant: Contestant, rate: float, ratio: str) -> str:
    return f"{speed:>14.1f}{ratio:>7}{rate:>9.0f}{speed * contestant.work / rate:>7.0%}"


@contextmanager
def busy() -> Iterator[None]:
    """Keep a core busy with another process."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


def prepared(recipe: Recipe) -> Contestant:
    """Return lienzo's training of a recipe, warm."""
    state, inputs = State(recipe, shape_of(recipe.name), CPU), inputs_of(recipe)

    def step() -> None:
        state.advance([inputs])

    step()  # the first takes the penalties
    with FlopCounterMode(display=False) as counter:
        step()
    return Contestant(step, recipe.batch, counter.get_total_flops() / recipe.batch / 1e9, DTYPES[recipe.precision])


def shape_of(name: str) -> Shape:
    side = int(name.rpartition("-")[2]) if name.endswith(("128", "256")) else 64
    return Shape(side, side, 3)


def inputs_of(recipe: Recipe) -> StepInputs:
    """Return a step's pictures and random numbers, always the same."""
    source, batch, shape = torch.Generator().manual_seed(0), recipe.batch, shape_of(recipe.name)
    pixels = torch.randint(0, 256, (1, batch, shape.height, shape.width, 3), dtype=torch.uint8, generator=source)
    latents = torch.randn(1, batch, recipe.network.latents, generator=source)
    chances = CHANCES[recipe.augmentation.policy]
    return StepInputs(pixels, latents, None, torch.rand(2, 2, batch, chances, generator=source) if chances else None)


def apart(name: str) -> Callable[[int, int], float]:
    """Return a function of threads and steps: a process of its own takes them, and it returns the seconds they took."""
    processes = multiprocessing.get_context("spawn")
    here, there = processes.Pipe()
    processes.Process(target=play_apart, args=(there, name), daemon=True).start()

    def run_steps(threads: int, steps: int) -> float:
        here.send((threads, steps))
        return float(here.recv())

    return run_steps


def play_apart(orders: Connection, name: str) -> None:
    recipe = find(name)
    inputs = inputs_of(recipe)
    step = plain(CPU, recipe, shape_of(name), None if inputs.chance is None else inputs.chance[0])
    images = inputs.real[0].permute(0, 3, 1, 2).float() / 127.5 - 1
    with suppress(EOFError):  # no more orders
        while True:
            threads, steps = orders.recv()
            torch.set_num_threads(threads)
            orders.send(clock(lambda: step(images), steps))


def plain(device: torch.device, recipe: Recipe, shape: Shape, chance: Tensor | None = None) -> Callable[[Tensor], None]:
    """Return the loop as the tutorials write it: a function that takes a step with pictures (N, C, H, W).

    It is for recipes of the class non-saturating. ``chance`` (2, N, chances) decides the augmentation, always alike.
    """
    torch.manual_seed(0)
    generator = as_in_tutorials(recipe.network.generator(shape)).to(device)
    discriminator = as_in_tutorials(recipe.network.discriminator(shape)).to(device)
    generator_optimizer, discriminator_optimizer = (
        torch.optim.Adam(player.parameters(), lr=settings.rate, betas=settings.betas)
        for player, settings in (
            (generator, recipe.generator_optimizer),
            (discriminator, recipe.discriminator_optimizer),
        )
    )
    latents, penalties, steps = recipe.network.latents, recipe.regularisation, iter(range(10**9))

    def seen(images: Tensor, kind: int) -> Tensor:
        if chance is None:
            return images
        half = torch.tensor(0.5, device=device)
        numbers = augmentation.decide(recipe.augmentation, chance[kind].to(device), half, *images.shape[2:])
        return augmentation.change(recipe.augmentation, images, numbers)

    def loss_of(images: Tensor, label: float) -> Tensor:
        probabilities = discriminator(images).sigmoid()
        return functional.binary_cross_entropy(probabilities, torch.full_like(probabilities, label))

    def step(images: Tensor) -> None:
        penalised = penalties.due(next(steps))
        real = seen(images, 0).requires_grad_(penalised)
        discriminator.zero_grad()
        autograd.backward(loss_of(real, 0.9))
        if penalised:
            (slopes,) = autograd.grad(discriminator(real).sum(), real, create_graph=True)
            autograd.backward(penalties.interval * penalties.r1 / 2 * slopes.square().sum((1, 2, 3)).mean())
        fake = generator(torch.randn(len(images), latents, device=device))
        autograd.backward(loss_of(seen(fake.detach(), 1), 0.0))
        discriminator_optimizer.step()
        generator.zero_grad()
        loss = loss_of(seen(fake, 1), 0.9)
        autograd.backward(loss)
        generator_optimizer.step()
        loss.item()

    return step


class TutorialProjection(Projection):
    """The transposed convolution that a :class:`Projection` stands for."""

    def forward(self, z: Tensor) -> Tensor:
        return functional.conv_transpose2d(z[..., None, None], self.weight)


class TutorialReadout(Readout):
    """The convolution that a :class:`Readout` stands for."""

    def forward(self, features: Tensor) -> Tensor:
        return functional.conv2d(features, self.weight).flatten(1)


AS_IN_TUTORIALS: tuple[tuple[type[nn.Module], type[nn.Module]], ...] = (
    (Projection, TutorialProjection),
    (Readout, TutorialReadout),
    (nn.Conv2d, nn.Conv2d),
    (nn.ConvTranspose2d, nn.ConvTranspose2d),
    (nn.BatchNorm2d, nn.BatchNorm2d),
)


def as_in_tutorials(network: nn.Module) -> nn.Module:
    """Return the network with PyTorch's own layers in the places of lienzo's, and weights of their own where tied."""
    for module in list(network.modules()):
        if is_parametrized(module, "weight"):
            remove_parametrizations(module, "weight")
        for ours, theirs in AS_IN_TUTORIALS:
            if isinstance(module, ours):
                module.__class__ = theirs
    return network


def product(dtype: torch.dtype) -> float:
    """Return the rate of a matrix product in GFLOP/s, the median of five."""
    matrix = torch.randn(1024, 1024).to(dtype)
    return 2 * 1024**3 / statistics.median(clock(lambda: torch.mm(matrix, matrix), 1) for _ in range(5)) / 1e9


def clock(work: Callable[[], object], times: int) -> float:
    """Return the seconds that ``work`` takes so many times."""
    start = time.perf_counter()
    for _ in range(times):
        work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
