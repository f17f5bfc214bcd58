"""Where the distance to real pictures lies: KID of both kinds averaged to smaller sizes, and enlarged again.

What is left at 16 pixels is how pictures are laid out and coloured. What goes away between two sizes is detail. The
held-out pictures are the real ones; those to train on are the first row, what a perfect generator would have.

    python benchmarks/detail.py art-64 RUN [RUN ...] [--sizes 64 32 16 8] [--samples 1000]
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from spectrum import drawn

import lienzo
from lienzo.collection.collection import Collection
from lienzo.metrics import detectors
from lienzo.metrics.kernel import kid

STREAM = "detail"
"""Name of the random numbers that draw the real pictures."""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("collection", type=Path)
    words.add_argument("generators", type=Path, nargs="+", help="runs or generators' files")
    words.add_argument("--sizes", type=int, nargs="+", default=[64, 32, 16, 8], help="divisors of the pictures' sides")
    words.add_argument("--samples", type=int, default=1_000)
    given = words.parse_args()
    collection, detector = Collection.open(given.collection), detectors.load("lite0", torch.device("cpu"))
    held_out = drawn(collection, "holdout", given.samples, STREAM)
    real = {size: detectors.features(detector, averaged(held_out, size)) for size in given.sizes}
    print(f"| | {' | '.join(f'{size} px' for size in given.sizes)} |\n|{'---|' * (len(given.sizes) + 1)}")
    trained_on = drawn(collection, "train", given.samples, STREAM)
    made = {path.name: lienzo.load(path).generate(range(given.samples)).images for path in given.generators}
    for name, pictures in {"to train on": trained_on, **made}.items():
        found = [kid(real[size], detectors.features(detector, averaged(pictures, size))) for size in given.sizes]
        print(f"| {name} | {' | '.join(map(str, found))} |", flush=True)


def averaged(images: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Return pictures (n, side, side, C) of which every square is its mean, so that ``size`` of them make a side."""
    n, side, _, channels = images.shape
    if side % size:
        raise SystemExit(f"pictures of {side} pixels are not averaged to {size}: give a divisor.")
    edge = side // size
    means = images.reshape(n, size, edge, size, edge, channels).mean((2, 4), keepdims=True)
    whole: NDArray[np.uint8] = np.rint(np.broadcast_to(means, (n, size, edge, size, edge, channels))).astype(np.uint8)
    return whole.reshape(images.shape)


if __name__ == "__main__":
    main()
