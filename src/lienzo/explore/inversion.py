"""Inversion: the search for latents from which a generator makes a picture closest to a given one.

The generator is a function of its latents whose gradient is known, so that descent finds them (Zhu et al. 2016, arXiv
1609.03552, section 4.1; Creswell and Bharath 2018, arXiv 1611.05644). The distance has many minima: it is begun from
several seeds whose pictures are nearest, and is measured at several sizes at once, as coarse ones have fewer minima.
"""

import math
from collections.abc import Generator as Steps
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d

from lienzo.collection.collection import Collection
from lienzo.compute.pixels import from_bytes
from lienzo.errors import InputError, refuse_below
from lienzo.evaluation.scores import EvaluationProgress
from lienzo.evaluation.subject import sample
from lienzo.explore.sources import fitting, opened, read_picture, refuse_idle
from lienzo.generation.generation import Generator
from lienzo.generation.latents import Latents
from lienzo.metrics import detectors
from lienzo.metrics.estimate import Estimate, mean
from lienzo.networks.conditions import apply
from lienzo.run.run import Run
from lienzo.signatures import finished

Pixels = NDArray[np.uint8]

CANDIDATES = 512
"""Number of seeds whose pictures are compared with the given one at first."""

STARTS = 6
"""Number of the nearest of them, from which descent begins."""

ITERATIONS = 600
"""Iterations of descent in all; after a third of them the better half of the starts goes on."""

RATE = 0.08
"""Learning rate of Adam at the beginning, which falls to zero as a cosine."""

SHELL = 1e-3
"""Weight of (|z|²/d − 1)², which keeps latents near the sphere of radius √d, where those of training lie."""


@dataclass(frozen=True)
class Inverted:
    """The best latents found for one picture."""

    z: NDArray[np.float32]
    """Latents (latents,)."""
    y: NDArray[np.float32]
    """(classes,), the label's row; empty where the generator knows none."""
    picture: Pixels
    """Picture that the generator makes of them, (height, width, channels)."""
    error: float
    """Root mean square difference of pixels to the given picture, the range from black to white being 1."""


@dataclass(frozen=True)
class _Target:
    """A picture whose latents are searched, and the generator."""

    generator: Generator
    picture: Pixels
    iterations: int
    levels: list[Tensor]

    @classmethod
    def of(cls, generator: Generator, picture: Pixels, iterations: int) -> "_Target":
        return cls(
            generator, picture, iterations, _pyramid(from_bytes(torch.from_numpy(picture[None]).to(generator.device)))
        )

    def losses(self, painted: list[Tensor]) -> Tensor:
        """Return the squared difference at every size, summed, of each picture; (N,)."""
        return torch.stack(
            [((level - wanted) ** 2).flatten(1).mean(1) for level, wanted in zip(painted, self.levels, strict=True)]
        ).sum(0)

    def descended(self, z: Tensor, y: Tensor, first: int, last: int) -> tuple[Tensor, Tensor]:
        """Take steps ``first`` to ``last`` of Adam; return latents (N, latents) and the loss (N,) before the last."""
        z = z.clone().requires_grad_()
        optimizer, losses = torch.optim.Adam([z], RATE, (0.9, 0.99)), torch.zeros(len(z))
        for step in range(first, last):
            optimizer.param_groups[0]["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * step / self.iterations))
            losses = self.losses(_pyramid(apply(self.generator.module, z, y if y.shape[1] else None)))
            shell = (z.square().mean(1) - 1).square()
            (z.grad,) = torch.autograd.grad((losses + SHELL * shell).sum(), z)
            optimizer.step()
        return z.detach(), losses.detach()


def inverted(
    generator: Generator,
    pictures: Pixels,
    y: NDArray[np.float32] | None = None,
    *,
    starts: int = STARTS,
    iterations: int = ITERATIONS,
    seed: int = 0,
) -> Iterator[Inverted]:
    """Yield the latents of one picture after the other.

    Args:
        generator: whose latents they are.
        pictures: (n, height, width, channels), of the generator's shape.
        y: (n, classes), the label of each; by default each start takes the label that its seed draws.
        starts: how many descents are begun for each picture.
        iterations: of each descent.
        seed: from which the candidates are counted.
    """
    z0, y0 = generator.drawn(range(seed, seed + CANDIDATES))
    rows = [y0] * len(pictures) if y is None else [np.broadcast_to(row, y0.shape) for row in y]
    targets = [_Target.of(generator, picture, iterations) for picture in pictures]
    for target, row, nearest in zip(targets, rows, _nearest(targets, z0, rows, starts), strict=True):
        begun, labels = (torch.from_numpy(part[nearest]).to(generator.device) for part in (z0, row))
        z, losses = target.descended(begun, labels, 0, iterations // 3)
        better = losses.argsort()[: max(1, len(z) // 2)]
        z, _ = target.descended(z[better], labels[better], iterations // 3, iterations)
        yield _best(target, z, labels[better])


def _nearest(
    targets: Sequence[_Target], z: NDArray[np.float32], rows: Sequence[NDArray[np.float32]], count: int
) -> list[NDArray[np.int64]]:
    """Return which latents (N, latents) paint what is nearest to each target, with its own labels (N, classes).

    Latents are painted once for all targets of the same labels.
    """
    keys = [row.tobytes() for row in rows]
    found: dict[int, NDArray[np.int64]] = {}
    for key in dict.fromkeys(keys):
        generator = targets[0].generator
        painted = generator.paint(z, np.ascontiguousarray(rows[keys.index(key)]))
        levels = _pyramid(from_bytes(torch.from_numpy(painted)).to(generator.device))
        for number, target in enumerate(targets):
            if keys[number] == key:
                found[number] = target.losses(levels).argsort()[:count].cpu().numpy()
    return [found[number] for number in range(len(targets))]


def _best(target: _Target, z: Tensor, y: Tensor) -> Inverted:
    """Return those latents whose picture, in whole bytes, is nearest."""
    latents, rows = z.cpu().numpy(), y.cpu().numpy()
    painted = target.generator.paint(latents, rows)
    errors = np.sqrt(((painted.astype(np.float64) - target.picture) ** 2).mean((1, 2, 3))) / 255
    best = int(errors.argmin())
    return Inverted(latents[best], rows[best], painted[best], float(errors[best]))


def _pyramid(images: Tensor) -> list[Tensor]:
    """Return images (N, C, H, W) at full, half, a quarter of the size and so on, down to 8 pixels."""
    levels = [images]
    while min(levels[-1].shape[2:]) >= 16:
        levels.append(avg_pool2d(levels[-1], 2))
    return levels


@dataclass(frozen=True)
class Reach:
    """How near a generator comes to some pictures by inversion."""

    name: str
    """Kind of the pictures: ``given``, ``training``, ``held-out`` or ``generated``."""
    pictures: Pixels
    """The pictures, (n, height, width, channels)."""
    found: tuple[Inverted, ...]
    """Inversion of each picture."""
    features: Tensor
    """Distance of each picture to its inversion in the detector's features, (n,)."""
    generator: str
    """Fingerprint of the generator."""
    files: tuple[str, ...] = ()
    """Name of the file of each picture; none where they came from no files."""

    @property
    def error(self) -> Estimate:
        """Root mean square difference of pixels, on average over the pictures; the range is 1."""
        return mean(torch.tensor([one.error for one in self.found]))

    @property
    def distance(self) -> Estimate:
        """Distance in features, on average over the pictures."""
        return mean(self.features)

    @property
    def latents(self) -> Latents:
        """What was found, as latents that can be saved."""
        z, y = np.stack([one.z for one in self.found]), np.stack([one.y for one in self.found])
        return Latents(z, y, self.generator, tuple(f"{self.name} {number}" for number in range(len(self.found))))

    def to_json(self) -> dict[str, Any]:
        """Return how near it comes as JSON values, without pictures."""
        errors = [round(one.error, 5) for one in self.found]
        return {
            "pictures": self.name,
            "error": self.error._asdict(),
            "distance": self.distance._asdict(),
            "errors": errors,
            "distances": [round(float(one), 5) for one in self.features],
        } | ({"files": list(self.files)} if self.files else {})


def steps(
    source: str | Path | Run | Generator,
    pictures: Sequence[str | Path] | Pixels = (),
    collection: str | Path | Collection | None = None,
    *,
    samples: int = 16,
    starts: int = STARTS,
    iterations: int = ITERATIONS,
    label: str | None = None,
    detector: str = "lite0",
    device: str = "cpu",
) -> Steps[EvaluationProgress, None, tuple[Reach, ...]]:
    """Find the latents of pictures, or measure how much of a collection a generator reaches.

    With a collection, as many training, held-out and generated pictures are inverted in the same way. A generator that
    reaches training pictures better than held-out ones has learnt some by heart; generated ones show how well the
    search itself does, as each of them has latents that paint it exactly.

    Args:
        source: a generator, a run, or where one lies.
        pictures: files, brought to the generator's shape, or (n, height, width, channels) of it.
        collection: to measure on.
        samples: pictures of each kind, with a collection.
        starts: descents begun for each picture.
        iterations: of each descent.
        label: of the given pictures; by default each start takes the label that its seed draws.
        detector: whose features distances are measured in; see :data:`lienzo.metrics.detectors.DETECTORS`.
        device: where to compute.

    Returns:
        What was found: of the given pictures, and of each kind of the collection's.

    Raises:
        InputError: neither pictures nor a collection, or ones of another shape.
    """
    if collection is None and len(pictures):
        refuse_idle(steps, "without a collection", samples=samples)
    generator = opened(source, device)
    refuse_below(1, {"samples": samples, "starts": starts, "iterations": iterations})
    if label is not None and not (generator.classes and len(pictures)):
        lack = "pictures were given" if generator.classes else "labels are known to this generator"
        raise InputError(f"the label is that of the given pictures, and no {lack}: leave it out.")
    wanted = _wanted(generator, pictures, collection, samples)
    features_of = detectors.load(detector, generator.device)
    reached: list[Reach] = []
    for name, some in wanted.items():
        y = None if label is None or name != "given" else generator.rows([label] * len(some))
        found: list[Inverted] = []
        yield EvaluationProgress(f"{name} pictures", 0, len(some))
        for one in inverted(generator, some, y, starts=starts, iterations=iterations):
            found.append(one)
            yield EvaluationProgress(f"{name} pictures", len(found), len(some))
        painted = np.stack([one.picture for one in found])
        apart = detectors.features(features_of, some).double() - detectors.features(features_of, painted).double()
        files = (
            () if name != "given" or isinstance(pictures, np.ndarray) else tuple(Path(each).name for each in pictures)
        )
        reached.append(Reach(name, some, tuple(found), apart.norm(dim=1).cpu(), generator.fingerprint, files))
    return tuple(reached)


invert = finished(steps, "invert")


def _wanted(
    generator: Generator,
    pictures: Sequence[str | Path] | Pixels,
    collection: str | Path | Collection | None,
    samples: int,
) -> dict[str, Pixels]:
    """Return the pictures to invert, by the name of their kind."""
    wanted: dict[str, Pixels] = {}
    if len(pictures):
        if isinstance(pictures, np.ndarray):
            height, width, channels = generator.height, generator.width, generator.channels
            if pictures.dtype != np.uint8 or pictures.shape[1:] != (height, width, channels):
                raise InputError(
                    f"pictures are uint8 arrays (n, {height}, {width}, {channels}) for this generator, not "
                    f"{pictures.dtype} {pictures.shape}: bring them to that shape, or give files."
                )
            wanted["given"] = pictures
        else:
            wanted["given"] = np.stack([read_picture(path, generator) for path in pictures])
    if collection is not None:
        there = fitting(generator, collection)
        for name, part in (("training", there.rows("train")), ("held-out", there.rows("holdout"))):
            if len(part):
                wanted[name] = there.take(part[sample(len(part), samples)])
        wanted["generated"] = generator.paint(*generator.drawn(range(10**6, 10**6 + samples)))
    if not wanted:
        raise InputError("there is nothing to invert: give pictures, or a collection to measure on.")
    return wanted
