"""The power of generated pictures at some frequencies, as a multiple of that of real pictures.

Networks that enlarge with strided convolutions tend to paint patterns of two or four pixels (Odena et al. 2016). The
columns are:

- ``corner``: the one frequency of a checkerboard, half a cycle a pixel along both sides; ``around`` the nine by nine
  frequencies about it;
- ``stripes``: half a cycle a pixel along one side, none along the other; ``period 4``: a quarter of a cycle along one
  side, none along the other; both are means of two directions;
- ``middling``: all frequencies of 0.1 to 0.25 cycles a pixel.

Real pictures of the part to train on are the first row: what the others would be if nothing were wrong. With ``--ada``
there are rows of the same pictures as the discriminator sees them, changed with a probability (holes left out), as
multiples of what they have unchanged. The last line says how strong the corner is in held-out pictures, in levels of a
byte: that of a row is as many times as strong as the root of its number.

    python benchmarks/spectrum.py art-64 [RUN ...] [--samples 512] [--ada 0.5]
"""

import argparse
import itertools
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import lienzo
from lienzo.collection.collection import Collection
from lienzo.collection.settings import Part
from lienzo.compute.pixels import from_bytes
from lienzo.recipe.augmentation import Augmentation, Sampling
from lienzo.seeds import numpy_generator
from lienzo.training.augmentation import CHANCES, change, decide

HOLE = 20
"""The number of ada's that decides whether there is a hole."""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("collection", type=Path)
    words.add_argument("generators", type=Path, nargs="*", help="runs or generators' files")
    words.add_argument("--ada", type=float, nargs="*", default=[], help="probabilities of ada's changes")
    words.add_argument("--samples", type=int, default=512)
    given = words.parse_args()
    collection = Collection.open(given.collection)
    real = powers(drawn(collection, "holdout", given.samples))
    print(f"| | {' | '.join(real)} |\n|{'---|' * (len(real) + 1)}")
    known = drawn(collection, "train", given.samples)
    print(row("to train on", powers(known), real))
    for probability, sampling in itertools.product(given.ada, get_args(Sampling)):
        print(
            row(f"{sampling}, {probability}", powers(changed(known, probability, sampling)), powers(known)), flush=True
        )
    for path in given.generators:
        print(row(path.name, powers(lienzo.load(path).generate(range(given.samples)).images), real), flush=True)
    corner = real["corner"] ** 0.5 / (collection.height * collection.width) * 127.5
    print(f"\nThe corner of held-out pictures has an amplitude of {corner:.3f} of 255 levels.")


def row(name: str, found: dict[str, float], real: dict[str, float]) -> str:
    """Return a row of the table."""
    return f"| {name} | {' | '.join(f'{found[band] / real[band]:.2f}' for band in real)} |"


def drawn(collection: Collection, part: Part, count: int, stream: str = "spectrum") -> NDArray[np.uint8]:
    """Return pictures of a part, each drawn at most once."""
    rows = numpy_generator(0, stream).permutation(collection.rows(part))[:count]
    return collection.take(np.sort(rows))


def changed(images: NDArray[np.uint8], probability: float, sampling: Sampling) -> Tensor:
    """Return pictures (n, C, H, W) as a discriminator sees them, without holes."""
    ada, seen = Augmentation(policy="ada", sampling=sampling), from_bytes(torch.from_numpy(images))
    chance = torch.rand(len(seen), CHANCES["ada"], generator=torch.Generator().manual_seed(0))
    chance[:, HOLE] = 1
    return change(ada, seen, decide(ada, chance, torch.tensor(probability), *seen.shape[2:]))


def powers(images: NDArray[np.uint8] | Tensor) -> dict[str, float]:
    """Return the mean power of pictures in each band of frequencies: bytes (n, H, W, C), or numbers (n, C, H, W)."""
    seen = images if isinstance(images, Tensor) else from_bytes(torch.from_numpy(images))
    power = torch.fft.fft2(seen).abs().square().mean((0, 1))
    high, wide = (side // 2 for side in power.shape)
    along = [torch.fft.fftfreq(side) for side in power.shape]
    radius = (along[0][:, None].square() + along[1].square()).sqrt()
    bands: dict[str, Tensor] = {
        "corner": power[high, wide],
        "around": power[high - 4 : high + 5, wide - 4 : wide + 5],
        "stripes": torch.stack([power[high, 0], power[0, wide]]),
        "period 4": torch.stack([power[high // 2, 0], power[0, wide // 2]]),
        "middling": power[(radius >= 0.1) & (radius <= 0.25)],
    }
    return {name: float(values.mean()) for name, values in bands.items()}


if __name__ == "__main__":
    main()
