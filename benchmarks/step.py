"""The speed of one training step of the recipe `thesis`: the plain loop, lienzo in float32 and in bfloat16, in one run.

The plain loop is the one of the tutorials: float32, NCHW, the discriminator's gradients computed in the generator's
step too and thrown away, losses read back in every step. It has a process of its own, as it would without lienzo, which
tells the C library to keep memory. Absolute numbers depend on the machine and on what else it does; the contestants
therefore take turns, and the ratios are taken turn by turn.

    python benchmarks/step.py [--device cpu|cuda] [--batch 128] [--turns 7] [--float32]
"""

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy

from lienzo.compute.devices import keeping_memory
from lienzo.networks.shape import Shape
from lienzo.recipe.catalogue import thesis
from lienzo.recipe.objectives import NonSaturating
from lienzo.training.game import Game, StepInputs
from lienzo.training.model import adam, to_device

SHAPE = Shape(64, 64, 3)
WORK = 2.29
"""GFLOP that a step needs for a picture, by plain convolutions and without gradients that are thrown away."""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--device", default="cpu")
    words.add_argument("--batch", type=int, default=128)
    words.add_argument("--turns", type=int, default=7)
    words.add_argument("--steps", type=int, default=2, help="steps of one turn")
    words.add_argument("--float32", action="store_true", help="leave out bfloat16, slow where no hardware has it")
    given = words.parse_args()
    device = torch.device(given.device)
    with keeping_memory(device):
        compare(given, device)


def compare(given: argparse.Namespace, device: torch.device) -> None:
    contestants: dict[str, Callable[[int], float]] = {
        "plain loop, float32": apart(device, given.batch),
        "lienzo, float32": partial(clock, device, ours(device, given.batch, None)),
    }
    dtypes = [torch.float32]
    if not given.float32:
        contestants["lienzo, bfloat16"] = partial(clock, device, ours(device, given.batch, torch.bfloat16))
        dtypes.append(torch.bfloat16)
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    products: dict[torch.dtype, list[float]] = {dtype: [] for dtype in dtypes}
    for turn in range(given.turns + 1):
        for name, contestant in contestants.items():
            took = contestant(given.steps)
            if turn:  # the first turn warms up
                seconds[name].append(took / given.steps)
        for dtype in dtypes if turn else []:
            products[dtype].append(product(device, dtype))
    base = seconds["plain loop, float32"]
    print(f"torch {torch.__version__}, {device}, {torch.get_num_threads()} threads, batch {given.batch}")
    rates = {dtype: statistics.median(rates) for dtype, rates in products.items()}
    print(f"{'':22}{'pictures/s':>12}{'ratio':>8}{'GFLOP/s':>10}{'of the product':>16}")
    for name, times in seconds.items():
        ratio = statistics.median(b / t for b, t in zip(base, times, strict=True))
        speed = given.batch / statistics.median(times)
        share = WORK * speed / rates[torch.bfloat16 if "bfloat16" in name else torch.float32]
        print(f"{name:22}{speed:>12.0f}{ratio:>8.2f}{WORK * speed:>10.0f}{share:>16.0%}")
    for dtype, rate in rates.items():
        print(f"matrix product of 2048², {str(dtype).removeprefix('torch.')}: {rate:,.0f} GFLOP/s")


def apart(device: torch.device, batch: int) -> Callable[[int], float]:
    """Return a function that lets a process of its own take so many plain steps, and returns the seconds they took."""
    processes = multiprocessing.get_context("spawn")
    here, there = processes.Pipe()
    processes.Process(target=play_apart, args=(there, device, batch), daemon=True).start()

    def run_steps(steps: int) -> float:
        here.send(steps)
        return float(here.recv())

    return run_steps


def play_apart(orders: Connection, device: torch.device, batch: int) -> None:
    step = plain(device, batch)
    with suppress(EOFError):  # no more orders
        while True:
            orders.send(clock(device, step, orders.recv()))


def plain(device: torch.device, batch: int) -> Callable[..., None]:
    """The loop as the tutorials write it: a step with the pictures (N, C, H, W) given, or with the same ones always."""
    torch.manual_seed(0)
    network = thesis().network
    generator = tutorial_generator(network.generator(SHAPE)).to(device)
    discriminator = tutorial_discriminator(network.discriminator(SHAPE)).to(device)
    generator_optimizer = torch.optim.Adam(generator.parameters(), lr=0.0002, betas=(0.5, 0.999))
    discriminator_optimizer = torch.optim.Adam(discriminator.parameters(), lr=0.0002, betas=(0.5, 0.999))
    fixed = pictures(batch, device)

    def step(images: Tensor = fixed) -> None:
        discriminator.zero_grad()
        label = torch.full((len(images),), 0.9, device=device)
        real_loss = binary_cross_entropy(discriminator(images).flatten(), label)
        torch.autograd.backward(real_loss)
        fake = generator(torch.randn(len(images), 100, 1, 1, device=device))
        fake_loss = binary_cross_entropy(discriminator(fake.detach()).flatten(), torch.zeros_like(label))
        torch.autograd.backward(fake_loss)
        discriminator_optimizer.step()
        generator.zero_grad()
        loss = binary_cross_entropy(discriminator(fake).flatten(), label)
        torch.autograd.backward(loss)
        generator_optimizer.step()
        loss.item()

    return step


def tutorial_generator(ours: nn.Module) -> nn.Sequential:
    """The generator with nothing but the layers of the tutorials."""
    layers = next(ours.children())
    assert isinstance(layers, nn.Sequential)
    projection, *others = layers
    assert isinstance(projection.weight, Tensor)
    inputs, outputs, height, width = projection.weight.shape
    return nn.Sequential(nn.ConvTranspose2d(inputs, outputs, (height, width), bias=False), *map(tutorial_layer, others))


def tutorial_discriminator(ours: nn.Module) -> nn.Sequential:
    """The discriminator with nothing but the layers of the tutorials, and the sigmoid."""
    layers = next(ours.children())
    assert isinstance(layers, nn.Sequential)
    *others, readout = layers
    assert isinstance(readout.weight, Tensor)
    _, inputs, height, width = readout.weight.shape
    return nn.Sequential(*map(tutorial_layer, others), nn.Conv2d(inputs, 1, (height, width), bias=False), nn.Sigmoid())


def tutorial_layer(layer: nn.Module) -> nn.Module:
    """A layer of lienzo, or PyTorch's own convolution in its place."""
    if isinstance(layer, nn.Conv2d):
        return nn.Conv2d(layer.in_channels, layer.out_channels, 4, stride=2, padding=1, bias=False)
    if isinstance(layer, nn.ConvTranspose2d):
        return nn.ConvTranspose2d(layer.in_channels, layer.out_channels, 4, stride=2, padding=1, bias=False)
    return layer


def ours(device: torch.device, batch: int, dtype: torch.dtype | None) -> Callable[[], None]:
    """The step as lienzo takes it."""
    torch.manual_seed(0)
    recipe, objective = thesis(), NonSaturating(0.9, 0.9)
    generator = to_device(recipe.network.generator(SHAPE), device)
    discriminator = to_device(recipe.network.discriminator(SHAPE), device)
    game = Game(
        generator,
        discriminator,
        objective,
        adam(generator, recipe.generator_optimizer),
        adam(discriminator, recipe.discriminator_optimizer),
        autocast=dtype,
    )
    images = pictures(batch, device).to(memory_format=torch.channels_last)[None]

    def step() -> None:
        game.step(StepInputs(images, torch.randn(1, batch, 100, device=device)))

    return step


def pictures(batch: int, device: torch.device) -> Tensor:
    return torch.randint(0, 256, (batch, 3, 64, 64), device=device).float() / 127.5 - 1


def product(device: torch.device, dtype: torch.dtype) -> float:
    """Return the rate of a matrix product in GFLOP/s, the median of several."""
    a = torch.randn(2048, 2048, device=device, dtype=dtype)
    took = [clock(device, lambda: torch.mm(a, a), 3) / 3 for _ in range(7)]
    return 2 * 2048**3 / statistics.median(took) / 1e9


def clock(device: torch.device, work: Callable[[], object], times: int) -> float:
    """Return the seconds that ``work`` takes so many times."""
    start = time.perf_counter()
    for _ in range(times):
        work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
