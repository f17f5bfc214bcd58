"""Directions of latents that change something a person can name, and measures of what they change.

They are found without any label: from the weights by which z enters (Shen and Zhou 2021, SeFa, arXiv 2007.06600), or as
principal components of early activations (Härkönen et al. 2020, GANSpace, arXiv 2004.02546). What each one does is then
measured: how far pictures move in a detector's features, whether they move the same way whatever the seed, and how it
goes with brightness, colour and the labels of a collection, from which its name is suggested.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Generator as Steps
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lienzo.collection.collection import Collection
from lienzo.compute.devices import pick_device
from lienzo.errors import InputError, unknown
from lienzo.evaluation.scores import EvaluationProgress
from lienzo.explore import attributes
from lienzo.explore.entrances import activations, first_bent, matrices
from lienzo.explore.labelling import fitted, kind_of
from lienzo.explore.sources import fitting, opened, refuse_labels_of_nothing
from lienzo.generation.directions import Directions, Effect, beside, parse_names
from lienzo.generation.generation import Generator
from lienzo.metrics import detectors
from lienzo.metrics.detectors import Detector
from lienzo.run.run import Run
from lienzo.signatures import finished

log = logging.getLogger("lienzo")

Method = Literal["weights", "activations"]
"""Closed form from the weights, or principal components of activations."""

SAMPLES = 2_000
"""Number of latents whose activations the principal components are computed of."""

SEEDS = 32
"""Number of seeds on which the effect of a direction is measured."""

STEP = 2.0
"""Length of the step to either side over which an effect is measured, in standard deviations."""

NAMED = 0.5
"""A direction is named after an attribute whose correlation with it is at least this."""

Labeller = Callable[[NDArray[np.float32]], dict[str, NDArray[np.float64]]]
"""From features (n, d) to a number (n,) for each label: how much a picture looks like it."""


def from_weights(generator: Generator, count: int) -> Directions:
    """Return the directions that change most of what z enters (SeFa, equation 5).

    They are the eigenvectors of Σ A Aᵀ over all layers whose input is z, each layer divided by its trace, so that large
    ones do not speak for all. The matrix is symmetric, and so is the solver (`torch.linalg.eigh`).

    Args:
        generator: of any network.
        count: how many, at most as many as z has dimensions; they come in the order of their eigenvalues.
    """
    taken = [matrix.cpu().double() for matrix in matrices(generator.module, generator.latents)]  # MPS has no float64
    products = [matrix @ matrix.T for matrix in taken]
    summed = sum((product / product.trace().clamp_min(1e-30) for product in products), torch.zeros(()).double())
    _, vectors = torch.linalg.eigh(summed)
    return _directions(vectors.flip(1).T[:count], generator, "weights")


@torch.no_grad()
def from_activations(generator: Generator, count: int) -> Directions:
    """Return the directions of z that go with the principal components of its early activations (GANSpace).

    The activations are those of the first layer that is not linear in z. Their components are regressed onto the
    latents that they came from (equation 3 of the paper), and made orthogonal in the order of their variance.

    Args:
        generator: of any network; a conditional one paints without a label.
        count: how many, at most as many as z has dimensions.
    """
    z = torch.randn(SAMPLES, generator.latents, generator=torch.Generator().manual_seed(0))
    layer = first_bent(generator.module, generator.latents)
    device = next(generator.module.parameters()).device
    parts = [
        activations(generator.module, layer, part.to(device)).flatten(1).float().cpu() for part in torch.split(z, 250)
    ]
    centred = torch.cat(parts)
    centred -= centred.mean(0)
    strengths, left = torch.linalg.eigh((centred @ centred.T).double())  # of pictures: there are fewer than features
    scores = left.flip(1)[:, :count] * strengths.flip(0)[:count].clamp_min(0).sqrt()
    regressed = scores.T @ z.double()
    orthogonal, triangular = torch.linalg.qr(regressed.T)
    return _directions((orthogonal * triangular.diagonal().sign()).T, generator, "activations")


def _directions(vectors: Tensor, generator: Generator, method: Method) -> Directions:
    """Return unit vectors whose largest component is positive, so that the same directions come out everywhere."""
    unit = vectors / vectors.norm(dim=1, keepdim=True)
    unit *= unit.gather(1, unit.abs().argmax(1, keepdim=True)).sign()
    names = tuple(str(number) for number in range(len(unit)))
    return Directions(unit.float().numpy(), names, generator.fingerprint, method)


METHODS: dict[str, Callable[[Generator, int], Directions]] = {"weights": from_weights, "activations": from_activations}
"""Every way of finding directions by its name."""


def effects(
    generator: Generator, directions: Directions, detector: Detector, labeller: Labeller | None = None
) -> Iterator[Effect]:
    """Yield what each direction does, one after the other.

    Args:
        generator: that they belong to.
        directions: of it.
        detector: whose features distances are measured in.
        labeller: how much pictures look like each label, from features of that detector.
    """
    z, y = generator.drawn(range(SEEDS))
    steps = np.linspace(-STEP, STEP, 5, dtype=np.float32)
    apart = _apart(detectors.features(detector, generator.paint(z, y)).double())
    for vector in directions.vectors:
        moved = (z[:, None] + steps[:, None] * vector).reshape(-1, z.shape[1])  # (seeds · steps, latents)
        pictures = generator.paint(moved, y.repeat(len(steps), 0))
        features = detectors.features(detector, pictures).cpu()
        ends = features.view(SEEDS, len(steps), -1)
        change = (ends[:, -1] - ends[:, 0]).double()
        unit = change / change.norm(dim=1, keepdim=True).clamp_min(1e-12)
        alike = ((unit @ unit.T).sum() - unit.square().sum()) / (SEEDS * (SEEDS - 1))
        measured = attributes.measure(pictures)
        if labeller is not None:
            measured |= labeller(features.numpy())
        correlations = {name: _within(values.reshape(SEEDS, -1), steps) for name, values in measured.items()}
        effect = float(change.norm(dim=1).mean() / apart) if apart > 0 else 0.0  # all pictures are alike
        yield Effect(effect, float(alike), correlations, suggestion(correlations))


def suggestion(correlations: dict[str, float]) -> str:
    """Return a name after what a direction goes with most, or none where nothing is as high as :data:`NAMED`."""
    name = max(correlations, key=lambda each: abs(correlations[each]))
    if abs(correlations[name]) < NAMED:
        return ""
    if name in attributes.ATTRIBUTES:
        attribute = attributes.ATTRIBUTES[name]
        return attribute.more if correlations[name] > 0 else attribute.less
    return name if correlations[name] > 0 else f"not {name}"


def suggested(directions: Directions, found: Sequence[Effect]) -> Directions:
    """Return directions with their effects, under the names that these suggest; later ones of one get their number."""
    names: list[str] = []
    for number, effect in enumerate(found):
        name = effect.suggestion or str(number)
        names.append(name if name not in names else f"{name} ({number})")
    return replace(directions, names=tuple(names), effects=tuple(found))


def _apart(features: Tensor) -> float:
    """Return the mean distance between two different rows."""
    return float(torch.pdist(features).mean())


def _within(values: NDArray[np.float64], steps: NDArray[np.float32]) -> float:
    """Return the correlation of steps with values (seeds, steps) within seeds; 0 where nothing varies."""
    centred = values - values.mean(1, keepdims=True)
    spread = np.sqrt((centred**2).sum() * len(values) * (steps.astype(np.float64) ** 2).sum())
    return float((centred * steps).sum() / spread) if spread > 0 else 0.0


@dataclass(frozen=True)
class Steered:
    """Directions of a generator, and what each of them does."""

    directions: Directions
    """Under the names that their effects suggest, or their numbers; with their effects."""
    strips: NDArray[np.uint8]
    """(directions, seeds, steps, height, width, channels): some seeds' pictures moved along each direction."""
    steps: tuple[float, ...]
    """How far, in standard deviations."""

    @property
    def effects(self) -> tuple[Effect, ...]:
        """What each of the directions does."""
        return self.directions.effects

    def to_json(self) -> dict[str, Any]:
        """Return what was measured as JSON values, without pictures."""
        found = [
            {
                "number": number,
                "name": name,
                "effect": round(effect.size, 4),
                "repeatability": round(effect.repeatability, 4),
                "correlations": {of: round(value, 4) for of, value in effect.correlations.items()},
            }
            for number, (name, effect) in enumerate(zip(self.directions.names, self.effects, strict=True))
        ]
        return {"generator": self.directions.generator, "method": self.directions.method, "directions": found}


def steps(
    source: str | Path | Run | Generator,
    collection: str | Path | Collection | None = None,
    *,
    method: Method = "weights",
    count: int = 12,
    name: Sequence[str] = (),
    labels: str | None = None,
    detector: str = "lite0",
    device: str = "cpu",
) -> Steps[EvaluationProgress, None, Steered]:
    """Find the directions of a generator's latents that change most, measure what each does, and name it.

    Args:
        source: a generator, a run, or where one lies.
        collection: whose labels directions are compared with.
        method: ``weights`` (SeFa) or ``activations`` (GANSpace).
        count: how many, at most as many as z has dimensions.
        name: names to give, such as ``0=storm``, by number.
        labels: their kind, by default the first that the collection has.
        detector: whose features distances are measured in; see :data:`lienzo.metrics.detectors.DETECTORS`.
        device: where to compute.

    Raises:
        InputError: nothing that can be explored, fewer than one direction, or a collection of another shape.
    """
    generator = opened(source, device)
    if method not in METHODS:
        raise InputError(unknown("method", method, METHODS))
    if not 1 <= count <= generator.latents:
        raise InputError(f"{count} directions cannot be found among {generator.latents} latents: ask for fewer.")
    refuse_labels_of_nothing(labels, collection)
    there = None if collection is None else fitting(generator, collection)
    names = parse_names(name)
    found = METHODS[method](generator, count)
    found.named(names)  # what cannot be named is refused before anything is measured
    features_of = detectors.load(detector, pick_device(device))
    labeller = None
    if there is not None:
        classifier = yield from fitted(there, kind_of(there, labels), features_of)
        labeller = classifier.by_name
    measured: list[Effect] = []
    yield EvaluationProgress("directions", 0, count)
    for effect in effects(generator, found, features_of, labeller):
        measured.append(effect)
        yield EvaluationProgress("directions", len(measured), count)
    along = np.linspace(-3, 3, 7, dtype=np.float32)
    z, y = generator.drawn(range(4))
    moved = z[None, :, None] + along[:, None] * found.vectors[:, None, None]  # (directions, seeds, steps, latents)
    rows = np.tile(y.repeat(len(along), 0), (count, 1))
    painted = generator.paint(moved.reshape(-1, z.shape[1]), rows)
    strips = painted.reshape(*moved.shape[:3], *painted.shape[1:])
    return Steered(suggested(found, measured).named(names), strips, tuple(along.tolist()))


directions = finished(steps, "directions")


def keep(steered: Steered, source: str | Path | Run, place: str | Path | None = None) -> tuple[Steered, Path]:
    """Write directions to a file, beside their generator unless another place is given.

    Names that someone gave in that file before are kept, with their directions where these were not found again. Those
    of the generator before it was trained on go with what is beside it, and a warning says so.

    Returns:
        What was found under its names, and the file.

    Raises:
        InputError: the file is there and holds something else, or another place holds directions of another generator.
    """
    found, path = steered.directions, Path(place) if place is not None else beside(source)
    kept = found
    earlier = Directions.found(path) if path.exists() else None
    if earlier and earlier.generator == found.generator:
        found = found.inheriting(earlier)
        kept = found.joined(earlier)
        found = replace(found, names=kept.names[: len(found.names)])
    written = kept.save(path, own=place is None)
    if earlier and earlier.generator != found.generator and earlier.given:
        gone = ", ".join(earlier.names[number] for number in sorted(earlier.given))
        log.warning(
            "%s held directions of the generator as it was before; the names given to them are gone: %s.", path, gone
        )
    return replace(steered, directions=found), written
