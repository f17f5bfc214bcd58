"""The residual networks' step beside the DCGAN's, and a penalty through their convolution beside PyTorch's own.

First one step with the objective `relativistic`, R1 and R2, in bfloat16, of 64×64 pictures, the networks taking turns.
Then, for planes of the sizes' networks, milliseconds of what a penalty on the discriminator's gradient asks of a 3×3
convolution: itself, its gradient by the planes, and that gradient's own by the weights and by what came from above.

    python benchmarks/residual.py [--batch 16] [--turns 7] [--sizes XS S]
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from lienzo.networks.configurations import DCGAN, SIZES, Network, Residual
from lienzo.networks.kernels.grouped import convolve
from lienzo.networks.shape import Shape
from lienzo.recipe.objectives import Regularisation, Relativistic
from lienzo.recipe.recipe import Adam, Recipe
from lienzo.training.game import StepInputs
from lienzo.training.model import build_model

PLANES = [(32, 64, 16), (64, 32, 16), (128, 16, 16), (256, 8, 16), (1536, 8, 16), (32, 64, 32), (256, 8, 256)]
"""Channels, side, and channels of a group."""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--batch", type=int, default=16)
    words.add_argument("--turns", type=int, default=7)
    words.add_argument("--sizes", nargs="+", choices=SIZES, default=["XS", "S"])
    given = words.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, batch {given.batch}")
    networks: dict[str, Network] = {
        "dcgan, width 64": DCGAN(width=64, discriminator_norm="none"),
        "dcgan, width 32": DCGAN(width=32, discriminator_norm="none"),
    }
    networks |= {f"residual, {size}": Residual(size=size) for size in given.sizes}
    times = race({name: step(network, given.batch) for name, network in networks.items()}, given.turns)
    base = times["dcgan, width 64"]
    print(f"{'':18}{'pictures/s':>12}{'ratio':>8}")
    for name, seconds in times.items():
        ratio = statistics.median(b / t for b, t in zip(base, seconds, strict=True))
        print(f"{name:18}{given.batch / statistics.median(seconds):>12.1f}{ratio:>8.2f}")
    print(f"{'':18}{'PyTorch, ms':>12}{'ours, ms':>12}")
    for channels, side, group in PLANES:
        ways = race(penalties(given.batch, channels, side, group), given.turns)
        label = f"{channels}×{side}×{side} by {group}"
        print(f"{label:18}" + "".join(f"{1e3 * statistics.median(seconds):>12.2f}" for seconds in ways.values()))


def step(network: Network, batch: int) -> Callable[[], object]:
    """Return what takes one step on random pictures."""
    adam = Adam(0.0002, (0.0, 0.99))
    regularisation = Regularisation(r1=1.0, r2=1.0)
    recipe = Recipe(
        "step", network, Relativistic(), regularisation, generator_optimizer=adam, discriminator_optimizer=adam
    )
    model = build_model(recipe.with_settings(["precision=bf16"]), Shape(64, 64, 3), torch.device("cpu"), 0)
    images = (2 * torch.rand(batch, 3, 64, 64) - 1).contiguous(memory_format=torch.channels_last)
    return lambda: model.step(StepInputs(images[None], torch.randn(1, batch, network.latents)))


def penalties(batch: int, channels: int, side: int, group: int) -> dict[str, Callable[[], object]]:
    """Return both ways to differentiate a convolution twice."""
    planes, above, direction = (draw(batch, channels, side, side) for _ in range(3))
    weight, groups = draw(channels, group, 3, 3), channels // group

    def twice(convolved: Tensor) -> object:
        (slope,) = torch.autograd.grad(convolved, planes, above, create_graph=True)
        return torch.autograd.grad(slope, [weight, above], direction)

    return {
        "PyTorch": lambda: twice(conv2d(planes, weight, padding=1, groups=groups)),
        "ours": lambda: twice(convolve(planes, weight, None, groups)),
    }


def draw(*size: int) -> Tensor:
    return torch.randn(size, dtype=torch.bfloat16).contiguous(memory_format=torch.channels_last).requires_grad_()


def race(contestants: dict[str, Callable[[], object]], turns: int) -> dict[str, list[float]]:
    """Return the seconds that each takes in each turn; the first turn warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(turns + 1):
        for name, work in contestants.items():
            start = time.perf_counter()
            work()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return seconds


if __name__ == "__main__":
    main()
