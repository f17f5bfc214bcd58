"""What exploring costs, and how well it does, with a trained generator.

::

    python benchmarks/explore.py RUN COLLECTION [--only walk,invert,arithmetic]

Prints how long a film of 240 frames of 16 walks takes, beside the painting of its pictures alone; how long one picture
takes to invert, and how many of ten generated ones are found again to 0.05 of the range; and what arithmetic gains over
its control.
"""

import argparse
import time

import torch

import lienzo
from lienzo.explore.film import Film
from lienzo.generation.generation import Generator

CLOSE = 0.05
"""Root mean square error of pixels, of a range of 1, at which a picture counts as found."""


def walk(generator: Generator, _collection: str) -> None:
    """Time a film, and the painting of as many pictures alone."""
    begun, work = time.perf_counter(), time.process_time()
    walked = lienzo.explore.walk(generator, film=Film(frames=240, walks=16))
    painted, worked = time.perf_counter(), time.process_time() - work
    z, y = generator.drawn(range(240 * 16))
    alone = time.perf_counter()
    generator.paint(z, y)
    ended = time.perf_counter()
    shape = f"{len(walked.frames)} frames of 4×4, {generator.height} px"
    ratio = (painted - begun) / (ended - alone)
    print(f"walk: {painted - begun:.1f} s, {worked:.1f} processor seconds, for {shape}")
    print(f"  {ratio:.2f} times painting its pictures alone ({ended - alone:.1f} s)")


def invert(generator: Generator, collection: str) -> None:
    """Invert ten training, held-out and generated pictures, and time it."""
    begun = time.process_time()
    reached = lienzo.explore.invert(generator, collection=collection, samples=10)
    each = (time.process_time() - begun) / (10 * len(reached))
    print(f"invert: {each:.1f} processor seconds a picture")
    for one in reached:
        close = sum(found.error <= CLOSE for found in one.found)
        print(f"  {one.name}: error {one.error}, features {one.distance}, {close} of {len(one.found)} within {CLOSE}")


def arithmetic(generator: Generator, collection: str) -> None:
    """Measure what arithmetic gains."""
    found = lienzo.explore.arithmetic(generator, "mean(1,7,9) - mean(2,4,8) + mean(3,5,6)", collection)
    gain = found.gain
    assert gain is not None
    print(f"arithmetic: gain {gain}, {gain.value / gain.error:.1f} standard errors, {len(found.gains)} pairs of labels")


PARTS = {"walk": walk, "invert": invert, "arithmetic": arithmetic}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("run")
    parser.add_argument("collection")
    parser.add_argument("--only", default=",".join(PARTS))
    given = parser.parse_args()
    generator = lienzo.load(given.run)
    print(f"{torch.get_num_threads()} threads")
    for part in given.only.split(","):
        PARTS[part](generator, given.collection)


if __name__ == "__main__":
    main()
