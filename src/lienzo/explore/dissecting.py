"""Dissection: which units of a generator go with what its pictures show, and what becomes of it without them.

After Bau et al. (2019, arXiv 1811.10597). Three sets of seeds keep the numbers honest: thresholds and layers are chosen
on the first, agreement is measured on the second, and effects are measured on the third.
"""

from collections.abc import Generator as Steps
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from lienzo.collection.collection import Collection
from lienzo.errors import InputError, refuse_below, unknown
from lienzo.evaluation.scores import EvaluationProgress
from lienzo.explore import causes, concepts, segmentation
from lienzo.explore.agreement import Agreement, agreement, maps_of
from lienzo.explore.causes import Effect, Off, Trial
from lienzo.explore.concepts import MEASURED, TIED, Concept, Masks
from lienzo.explore.dissection import Dissection, Example
from lienzo.explore.labelling import fitted, kind_of
from lienzo.explore.segmentation import Segmentation
from lienzo.explore.sources import fitting, opened, refuse_idle, refuse_labels_of_nothing
from lienzo.generation import opening, units
from lienzo.generation.generation import Generator
from lienzo.generation.units import Held, Layer
from lienzo.metrics import detectors
from lienzo.painter.manners import PARTS
from lienzo.run.run import Run
from lienzo.signatures import finished

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
MasksFrom = Literal["painter", "none"]

FRESH = 10**6
"""The first of the seeds that effects are measured on."""

PROBE, PROBED = 64, 4
"""Pictures, and units switched off, by which the layer is chosen in which a concept is switched."""

TRUSTED = 0.3
"""A concept of a segmenter is switched only if its masks agree this well with exact ones."""

MOST = 5
"""Concepts that are switched where none are named: those that a unit agrees with best."""

EXAMPLES = 8
"""Pictures of each concept that are kept to look at."""


@dataclass(frozen=True)
class _Finder:
    """What finds all concepts in pictures."""

    segmented: Segmentation | None

    @property
    def names(self) -> list[str]:
        return [*(self.segmented.names if self.segmented else ()), *MEASURED]

    @property
    def qualities(self) -> list[float | None]:
        return [*(self.segmented.quality if self.segmented else ()), *[None] * len(MEASURED)]

    def masks(self, pictures: Pixels) -> Masks:
        """Return where pictures show each concept, (n, concepts, h, w)."""
        colours = concepts.reduced(pictures)
        measured = concepts.measured(colours)
        return np.concatenate([self.segmented.masks(colours), measured], 1) if self.segmented else measured

    def described(self, found: Masks) -> tuple[Concept, ...]:
        """Return what each concept is, and how much of generated pictures its masks (n, concepts, h, w) cover."""
        return tuple(
            Concept(name, "measured" if quality is None else "painter", quality, float(share))
            for name, quality, share in zip(self.names, self.qualities, found.mean((0, 2, 3)), strict=True)
        )

    def one(self, name: str, pictures: Pixels) -> Masks:
        """Return where pictures show one concept, (n, h, w)."""
        colours = concepts.reduced(pictures)
        if self.segmented and name in self.segmented.names:
            return self.segmented.masks(colours)[:, self.segmented.names.index(name)]
        return MEASURED[name](colours)


def steps(
    source: str | Path | Run | Generator,
    collection: str | Path | Collection | None = None,
    *,
    masks: MasksFrom = "none",
    layer: Sequence[str] = (),
    concept: Sequence[str] = (),
    count: int = 512,
    off: Off = "zero",
    labels: str | None = None,
    detector: str = "lite0",
    device: str = "cpu",
) -> Steps[EvaluationProgress, None, Dissection]:
    """Compare the units of a generator with concepts, and measure what becomes of these when units are switched.

    Args:
        source: a generator, a run, or where one lies.
        collection: whose labels say what a picture shows as a whole; by default those that the generator knows.
        masks: ``painter`` for the parts of the painter's pictures, found by a segmenter that is trained for it (for
            generators of such pictures), or ``none`` for measured concepts alone.
        layer: names of the layers to look at; by default all.
        concept: names of those to switch off and on; by default those that units agree with best.
        count: seeds to compare on, half of them to choose thresholds; half as many more measure effects.
        off: what units are held at when they are switched off: ``zero``, or ``mean`` for their mean activation.
        labels: their kind, by default the first that the collection has.
        detector: whose features labels are told by; see :data:`lienzo.metrics.detectors.DETECTORS`.
        device: where to compute.

    Raises:
        InputError: a network without hidden layers, an unknown layer or concept, too few seeds, or a collection of
            other pictures.
    """
    generator = opened(source, device)
    refuse_below(32, {"count": count})
    known = layers_of(generator)
    chosen = _chosen_layers(known, layer)
    _refuse_unknown(concept, masks, off)
    refuse_labels_of_nothing(labels, collection)
    if collection is None:
        refuse_idle(steps, "without a collection", detector=detector)
    there = None if collection is None else fitting(generator, collection)
    segmented = None
    if masks == "painter":
        segmented = yield from segmentation.trained(*concepts.reduced_size(generator.height, generator.width))
    finder = _Finder(segmented)
    z, y = generator.drawn(range(count))
    pictures = generator.paint(z, y)
    found = finder.masks(pictures)
    names, shows = yield from _labelled(generator, pictures, y, collection=there, kind=labels, detector=detector)
    ties: list[Agreement] = []
    for one in chosen:
        yield EvaluationProgress("comparing units", len(ties), len(chosen))
        ties.append(agreement(one, maps_of(generator, one, z, y), found, shows))
    about = finder.described(found)
    effects, examples = yield from _switched(
        generator, known, finder, ties, concept or _worth(about, ties), count=count // 2, at=off
    )
    return Dissection(generator.fingerprint, count, about, names, tuple(ties), effects, examples)


dissect = finished(steps, "dissect")


def beside(source: str | Path | Run) -> Path:
    """Return where the dissection of a generator is kept; see :func:`lienzo.generation.opening.beside`."""
    return opening.beside(source, "dissection")


def layers_of(source: str | Path | Run | Generator) -> tuple[Layer, ...]:
    """Return the layers of a generator whose units can be looked at.

    Raises:
        InputError: it has none.
    """
    generator = opened(source)
    found = units.layers(generator.module, generator.latents)
    if not found:
        raise InputError("this generator has no hidden layers, and so no units to look at: take another network.")
    return found


def _chosen_layers(known: tuple[Layer, ...], names: Sequence[str]) -> tuple[Layer, ...]:
    by_name = {one.name: one for one in known}
    for name in names:
        if name not in by_name:
            raise InputError(unknown("layer", name, by_name))
    return tuple(one for one in known if not names or one.name in names)


def _refuse_unknown(concept: Sequence[str], masks: MasksFrom, off: Off) -> None:
    if masks not in get_args(MasksFrom):
        raise InputError(unknown("kind of masks", masks, get_args(MasksFrom)))
    if off not in get_args(Off):
        raise InputError(unknown("value of units that are off", off, get_args(Off)))
    there = [*(PARTS if masks == "painter" else ()), *MEASURED]
    for name in concept:
        if name not in there:
            raise InputError(unknown("concept", name, there))


def _labelled(
    generator: Generator,
    pictures: Pixels,
    y: Floats,
    *,
    collection: Collection | None,
    kind: str | None,
    detector: str,
) -> Steps[EvaluationProgress, None, tuple[tuple[str, ...], NDArray[np.bool_]]]:
    """Return the labels, and which pictures show each (n, labels): by the collection, or as the generator was asked."""
    if collection is not None:
        features_of = detectors.load(detector, generator.device)
        classifier = yield from fitted(collection, kind_of(collection, kind), features_of)
        shown = classifier.labels(detectors.features(features_of, pictures))
        return classifier.names, shown[:, None] == np.arange(len(classifier.names))
    names = tuple(generator.vocabulary.counts) if generator.vocabulary else ()
    return names, (y > 0) & (y == y.max(1, keepdims=True)) if names else np.zeros((len(pictures), 0), np.bool_)


def _worth(about: Sequence[Concept], ties: Sequence[Agreement]) -> list[str]:
    """Return the concepts worth switching, those first that units agree with best; segmented ones where there are."""
    best = np.max([one.iou.max(0) for one in ties], 0)
    source = about[0].source
    worth = [
        number
        for number, one in enumerate(about)
        if one.source == source and best[number] >= TIED and (one.quality is None or one.quality >= TRUSTED)
    ]
    return [about[number].name for number in sorted(worth, key=lambda number: -best[number])[:MOST]]


def _switched(
    generator: Generator,
    known: tuple[Layer, ...],
    finder: _Finder,
    ties: Sequence[Agreement],
    names: Sequence[str],
    *,
    count: int,
    at: Off,
) -> Steps[EvaluationProgress, None, tuple[tuple[Effect, ...], tuple[Example, ...]]]:
    """Switch the units of each of these concepts in the layer where that does most, on ``count`` new pictures."""
    effects: list[Effect] = []
    examples: list[Example] = []
    for name in names:
        yield EvaluationProgress("switching units", len(examples), len(names))
        switching = _Switching(generator, known, finder, name, at)
        best = switching.layer(ties)
        measured = switching.effects(best, count)
        effects += measured
        examples.append(switching.example(best, measured[-2]))
    yield EvaluationProgress("switching units", len(examples), len(names))
    return tuple(effects), tuple(examples)


@dataclass(frozen=True)
class _Switching:
    """One concept, whose units are switched."""

    generator: Generator
    known: tuple[Layer, ...]
    finder: _Finder
    concept: str
    at: Off

    @property
    def column(self) -> int:
        """The concept's place among all."""
        return self.finder.names.index(self.concept)

    def _trial(self, z: Floats, y: Floats) -> Trial:
        return Trial(
            self.generator, self.known, z, y, self.concept, lambda pictures: self.finder.one(self.concept, pictures)
        )

    def layer(self, ties: Sequence[Agreement]) -> Agreement:
        """Return the layer in which switching the best units off changes most, compared with other units."""

        def gain(one: Agreement) -> float:
            chosen = one.best(self.column, min(PROBED, max(1, one.layer.units // 4)))
            measured = causes.effect(trial, one, chosen, "off", self.at)
            return measured.control.value - measured.change.value

        trial = self._trial(*self.generator.drawn(range(PROBE)))
        return max(ties, key=gain) if len(ties) > 1 else ties[0]

    def effects(self, ties: Agreement, count: int) -> list[Effect]:
        """Return what larger and larger sets of the best units do when they are off, and the largest when it is on."""
        trial = self._trial(*self.generator.drawn(range(FRESH, FRESH + count)))
        sizes = [size for size in causes.SIZES if size == 1 or size <= ties.layer.units // 4]
        sets = [ties.best(self.column, size) for size in sizes]
        found = [causes.effect(trial, ties, chosen, "off", self.at) for chosen in sets]
        return [*found, causes.effect(trial, ties, sets[-1], "on")]

    def example(self, ties: Agreement, shown: Effect) -> Example:
        """Return the pictures that show most of the concept, with a set of units switched."""
        z, y = self.generator.drawn(range(FRESH, FRESH + 4 * PROBE))
        areas = self.finder.one(self.concept, self.generator.paint(z, y)).mean((1, 2))
        rows = np.sort(np.argsort(-areas, kind="stable")[:EXAMPLES])
        trial = self._trial(z[rows], y[rows])
        before, off = trial.pictures([]), causes.off(ties, shown.units, self.at)
        best = shown.units[0]
        maps = maps_of(self.generator, ties.layer, z[rows], y[rows])[:, best : best + 1]
        mask = self.finder.one(self.concept, before)
        larger = interpolate(maps, size=mask.shape[1:], mode="bilinear", align_corners=False)
        other = causes.alike(ties.level, shown.units, 0)
        return Example(
            self.concept,
            _written(off),
            before,
            mask,
            active=np.asarray(larger[:, 0].numpy() > ties.thresholds[best, self.column]),
            off=trial.pictures([off]),
            control=trial.pictures([causes.off(ties, other, self.at)]),
            on=trial.pictures([causes.on(ties, shown.units)]),
        )


def _written(held: Held) -> str:
    """Return units held as ``generate --units`` takes them."""
    if not any(held.values):
        return f"{held.layer}:{'+'.join(map(str, held.units))}=0"
    return ",".join(f"{held.layer}:{unit}={value:.4g}" for unit, value in zip(held.units, held.values, strict=True))
