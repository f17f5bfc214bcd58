"""The deep convolutions in bfloat16: PyTorch's, and as products of rows
(`lienzo.networks.kernels.im2col`), taking turns.

Milliseconds of the convolution, of the transposed one, and of the gradient of the weights, for each plane of a DCGAN.
Where the rows win stand the two bounds of `im2col`, as far as the processor has matrix tiles (AMX).

    python benchmarks/convolutions.py [--batch 128] [--width 64] [--turns 15]
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d
from torch.nn.grad import conv2d_weight

from lienzo.networks.kernels import im2col


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--batch", type=int, default=128)
    words.add_argument("--width", type=int, default=64)
    words.add_argument("--turns", type=int, default=15)
    given = words.parse_args()
    im2col.LARGEST = im2col.LARGEST_FOR_WEIGHTS = 2**30  # rows everywhere
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, batch {given.batch}")
    print(f"{'':24}{'convolution':>20}{'transposed':>20}{'weights':>20}")
    for side, inputs in ((32, given.width), (16, 2 * given.width), (8, 4 * given.width)):
        cells = compare(given.batch, side, inputs, given.turns)
        print(f"{f'{inputs} to {2 * inputs}, {side}x{side}':24}" + "".join(f"{cell:>20}" for cell in cells))


def compare(batch: int, side: int, inputs: int, turns: int) -> list[str]:
    """Return the milliseconds of both ways for each of the three products of a layer."""
    images, features = draw(batch, inputs, side, side), draw(batch, 2 * inputs, side // 2, side // 2)
    weight = draw(2 * inputs, inputs, 4, 4)
    sizes = tuple(weight.shape)
    return [
        race(
            lambda: conv2d(images, weight, stride=2, padding=1),
            lambda: im2col.convolution(images, weight),
            turns,
        ),
        race(
            lambda: conv_transpose2d(features, weight, stride=2, padding=1),
            lambda: im2col.transposed_convolution(features, weight),
            turns,
        ),
        race(
            lambda: conv2d_weight(images, sizes, features, stride=2, padding=1),  # type: ignore[no-untyped-call]
            lambda: im2col.weight_gradient(images, features),
            turns,
        ),
    ]


def draw(*size: int) -> Tensor:
    return torch.randn(size).to(torch.bfloat16, memory_format=torch.channels_last)


def race(plain: Callable[[], Tensor], rows: Callable[[], Tensor], turns: int) -> str:
    """Return the median milliseconds of both."""
    taken: dict[Callable[[], Tensor], list[float]] = {plain: [], rows: []}
    for turn in range(turns + 1):
        for way, times in taken.items():
            started = time.perf_counter()
            way()
            if turn:  # the first turn warms up
                times.append(1000 * (time.perf_counter() - started))
    return " → ".join(f"{statistics.median(times):.2f}" for times in taken.values())


if __name__ == "__main__":
    main()
