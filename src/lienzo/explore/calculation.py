"""Arithmetic with latents (Radford, Metz and Chintala 2016, section 6.3.2 and figure 7).

There the mean latents of three pictures of smiling women, less those of neutral women, plus those of neutral men, gave
smiling men. Each result is shown with eight neighbours, made by noise, and beside a control: the same sum of latents
drawn at random. Whether it gains anything over that control is measured where a collection's labels say what a picture
shows.
"""

import itertools
from collections.abc import Generator as Steps
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lienzo import seeds
from lienzo.collection.collection import Collection
from lienzo.errors import InputError, ScoreError, refuse_below
from lienzo.evaluation.features import features_of_seeds
from lienzo.evaluation.scores import EvaluationProgress
from lienzo.explore import expressions
from lienzo.explore.expressions import Point, Term
from lienzo.explore.labelling import Classifier, fitted, kind_of
from lienzo.explore.sources import fitting, opened, refuse_idle, refuse_labels_of_nothing
from lienzo.generation.generation import Generator
from lienzo.generation.latents import Latents
from lienzo.metrics import detectors
from lienzo.metrics.detectors import Detector
from lienzo.metrics.estimate import Estimate
from lienzo.run.run import Run
from lienzo.signatures import finished

Pixels = NDArray[np.uint8]

NOISE = 0.25
"""Half the width of the even noise that makes the result's neighbours, as in the paper."""

AROUND = 9
"""Number of pictures of a result: itself in the middle, and eight neighbours."""

MEAN_OF = 3
"""Number of latents in each mean of a sum that is measured, as in the paper."""

SEEDS = 2_000
"""Number of seeds among which examples of each label are searched."""

GROUPS = 25
"""Number of groups, at most, that examples are divided into: how far apart they come tells the standard errors."""

FEWEST = 5
"""Number of groups for which a label needs examples enough: fewer tell no standard error."""


@dataclass(frozen=True)
class Computed:
    """An expression, what it came to, and pictures of it."""

    expression: str
    """The expression as it was given."""
    terms: tuple[Term, ...]
    """Terms of its outermost sum, from left to right."""
    latents: Latents
    """Latents that the expression is equal to, (1, latents)."""
    parts: tuple[Pixels, ...]
    """For each term the pictures (n, height, width, channels) that it is the mean of."""
    means: Pixels
    """(terms, height, width, channels): the picture of each term alone, without its sign."""
    result: Pixels
    """(9, height, width, channels): the result in the middle of its neighbours."""
    control: Pixels
    """(9, height, width, channels): results of the same sum of random latents."""
    norm: float
    """Length of the result, divided by √d, near which all latents lie."""


@dataclass(frozen=True)
class _Names:
    """The meaning of seeds, labels and files in an expression, for one generator."""

    generator: Generator
    chance: np.random.Generator | None = None
    """In a control seeds and files stand for latents drawn from it."""
    chosen: dict[tuple[str, int], NDArray[np.float64]] = field(default_factory=dict)
    """What they stand for, so that a seed that occurs twice is twice the same."""

    def seed(self, seed: int) -> Point:
        """Return the latents of a seed."""
        if seed < 0:
            raise InputError("seeds are whole numbers from 0 on.")
        z, _ = self.generator.drawn([seed])
        return Point(self._drawn(("", seed), z[0]), np.zeros(self.generator.classes))

    def label(self, text: str) -> Point:
        """Return a label, without latents."""
        if not self.generator.classes:
            raise InputError("the generator was trained without labels: leave label(...) out.")
        return Point(np.zeros(self.generator.latents), self.generator.rows([text])[0].astype(np.float64))

    def file(self, path: str, number: int) -> Point:
        """Return latents from a file."""
        kept = Latents.open(path).check(self.generator.fingerprint, self.generator.latents, self.generator.classes)
        one = kept[number]
        return Point(self._drawn((path, number), one.z[0]), one.y[0].astype(np.float64))

    def _drawn(self, key: tuple[str, int], z: NDArray[np.float32]) -> NDArray[np.float64]:
        if self.chance is None:
            return z.astype(np.float64)
        if key not in self.chosen:
            self.chosen[key] = self.chance.standard_normal(len(z))
        return self.chosen[key]


@np.errstate(over="ignore", invalid="ignore")  # painting refuses what is too large
def computed(generator: Generator, expression: str) -> Computed:
    """Return what an expression over seeds, files and labels comes to, with pictures of all its parts.

    Args:
        generator: that paints them.
        expression: such as ``mean(1,7,9) - mean(2,4,8) + mean(3,5,6)``; see :mod:`lienzo.explore.expressions`.

    Raises:
        InputError: it is not well formed, or names what is not there.
    """
    tree, names = expressions.parse(expression), _Names(generator)
    total = expressions.value(tree, names)
    terms = tuple(expressions.terms(tree, names))
    noise = seeds.numpy_generator(0, "arithmetic noise").uniform(-NOISE, NOISE, (AROUND, generator.latents))
    noise[AROUND // 2] = 0  # the middle of the grid
    around = [Point(total.z + each, total.y) for each in noise]
    chances = (seeds.numpy_generator(0, "arithmetic control", turn) for turn in range(AROUND))
    control = [expressions.value(tree, _Names(generator, chance)) for chance in chances]
    return Computed(
        expression=expression,
        terms=terms,
        latents=Latents(*_arrays([total]), generator.fingerprint, (expression,)),
        parts=tuple(generator.paint(*_arrays(term.parts)) for term in terms),
        means=generator.paint(*_arrays([term.point for term in terms])),
        result=generator.paint(*_arrays(around)),
        control=generator.paint(*_arrays(control)),
        norm=float(np.linalg.norm(total.z) / np.sqrt(generator.latents)),
    )


def _arrays(points: Sequence[Point]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return points as latents (n, latents) and labels (n, classes)."""
    return np.stack([p.z for p in points]).astype(np.float32), np.stack([p.y for p in points]).astype(np.float32)


@dataclass(frozen=True)
class Gain:
    """How often A − B + (another B) shows the label of A, beside its control."""

    wanted: str
    """Name of the label A."""
    taken: str
    """Name of the label B."""
    shares: NDArray[np.float64]
    """For each group of examples the share of the results that show the label of A."""
    controls: NDArray[np.float64]
    """For each group the share of the controls, (random − random + B), that show it."""

    @property
    def share(self) -> Estimate:
        """Share of the results that show the label of A."""
        return _over_groups(self.shares)

    @property
    def control(self) -> Estimate:
        """Share of the controls that show it."""
        return _over_groups(self.controls)

    @property
    def gain(self) -> Estimate:
        """Share of the results that show the label of A, less that of the control."""
        return _over_groups(self.shares - self.controls)


def _over_groups(values: NDArray[np.float64]) -> Estimate:
    """Return the mean of what groups without a common example came to, and its standard error."""
    return Estimate(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))))


@dataclass(frozen=True)
class _Examples:
    """Seeds of a generator, and the labels that their pictures show."""

    generator: Generator
    classifier: Classifier
    detector: Detector
    z: NDArray[np.float32]
    y: NDArray[np.float32]
    shown: NDArray[np.int64]

    @classmethod
    def looked_at(
        cls, generator: Generator, classifier: Classifier, detector: Detector
    ) -> Steps[EvaluationProgress, None, "_Examples"]:
        features = yield from features_of_seeds(generator, np.arange(SEEDS), detector, generator.device)
        return cls(generator, classifier, detector, *generator.drawn(range(SEEDS)), classifier.labels(features))

    def pairs(self) -> list[tuple[int, int]]:
        """Return every two labels that enough of the pictures show.

        Raises:
            ScoreError: fewer than two labels have examples enough.
        """
        least = FEWEST * (MEAN_OF + 1)
        known = [label for label in range(len(self.classifier.names)) if (self.shown == label).sum() >= least]
        if len(known) < 2:
            raise ScoreError(
                f"of {SEEDS:,} generated pictures too few show more than one label: train the generator longer, "
                "or take labels that it has learnt."
            )
        return list(itertools.permutations(known, 2))

    def groups(self, labels: set[int], trials: int) -> tuple[NDArray[np.int64], int]:
        """Divide the seeds into groups, each with examples enough of all labels; return that of each, and how many."""
        counts = [int((self.shown == label).sum()) for label in labels]
        number = min(GROUPS, min(counts) // (MEAN_OF + 1), trials)
        of = np.empty(len(self.shown), np.int64)
        for label in np.unique(self.shown):
            members = self.shown == label
            of[members] = np.arange(members.sum()) % number
        return of, number

    def hits(self, z: NDArray[np.float32], y: NDArray[np.float32], wanted: int) -> NDArray[np.bool_]:
        """Return which of the pictures of latents show a label, (n,)."""
        pictures = self.generator.paint(z, y)
        return np.asarray(self.classifier.labels(detectors.features(self.detector, pictures)) == wanted)


def gains(examples: _Examples, pairs: Sequence[tuple[int, int]], trials: int = 100) -> Iterator[Gain]:
    """Yield how well arithmetic moves pictures from one label to another, for pairs of labels.

    Examples of a label are seeds whose pictures the classifier gives it. Each trial takes three examples of A, three of
    B and another one of B at random, without looking at what comes out. Trials that share an example are not
    independent of one another. Therefore all seeds are divided into groups, and a trial takes its own from one of them:
    what groups come to is independent, for one pair and for the mean of all.

    Args:
        examples: of the labels.
        pairs: of labels, A and B.
        trials: for each pair.
    """
    chance = seeds.numpy_generator(0, "arithmetic gains")
    group, number = examples.groups({label for pair in pairs for label in pair}, trials)
    for pair in pairs:
        yield _gain(examples, pair, group, np.arange(trials) % number, chance)


def _gain(
    examples: _Examples,
    pair: tuple[int, int],
    group: NDArray[np.int64],
    trials: NDArray[np.int64],
    chance: np.random.Generator,
) -> Gain:
    """Return how often a sum of one pair of labels comes out as wanted, and how often its control does.

    Args:
        examples: of the labels.
        pair: of labels, A and B.
        group: of each seed.
        trials: the group that each of them takes its examples from.
        chance: what they are drawn by.
    """
    z, (wanted, taken) = examples.z, pair

    def drawn(among: NDArray[np.bool_], count: int) -> NDArray[np.int64]:
        members = [np.flatnonzero(among & (group == one)) for one in range(trials.max() + 1)]
        return np.stack([chance.choice(members[one], count, replace=False) for one in trials])

    of_wanted, of_taken = drawn(examples.shown == wanted, MEAN_OF), drawn(examples.shown == taken, MEAN_OF + 1)
    of_all = drawn(np.ones(len(z), bool), 2 * MEAN_OF)
    starts = of_taken[:, 0]
    moves = (
        z[to].mean(1) - z[away].mean(1)
        for to, away in ((of_wanted, of_taken[:, 1:]), (of_all[:, :MEAN_OF], of_all[:, MEAN_OF:]))
    )
    shares, controls = (
        np.bincount(trials, examples.hits((z[starts] + moved).astype(np.float32), examples.y[starts], wanted))
        / np.bincount(trials)
        for moved in moves
    )
    names = examples.classifier.names
    return Gain(names[wanted], names[taken], shares, controls)


@dataclass(frozen=True)
class Calculated:
    """The result of an expression, and what arithmetic gains over its control with this generator."""

    computed: Computed
    """The expression."""
    gains: tuple[Gain, ...]
    """Gain for every two labels of the collection; empty without a collection."""

    @property
    def gain(self) -> Estimate | None:
        """Mean gain over all pairs of labels; None where nothing was measured."""
        if not self.gains:
            return None
        return _over_groups(np.mean([gain.shares - gain.controls for gain in self.gains], axis=0))

    def to_json(self) -> dict[str, Any]:
        """Return what was computed and measured as JSON values, without pictures."""
        about = {"expression": self.computed.expression, "norm": round(self.computed.norm, 4)}
        about |= {"generator": self.computed.latents.generator}
        if self.gain is None:
            return about
        each = [
            {"label": one.wanted, "from": one.taken}
            | {name: getattr(one, name)._asdict() for name in ("share", "control", "gain")}
            for one in self.gains
        ]
        return about | {"gain": self.gain._asdict(), "pairs": each}


def steps(
    source: str | Path | Run | Generator,
    expression: str,
    collection: str | Path | Collection | None = None,
    *,
    labels: str | None = None,
    trials: int = 100,
    detector: str = "lite0",
    device: str = "cpu",
) -> Steps[EvaluationProgress, None, Calculated]:
    """Compute with latents, and measure what that gains over the same sums of random ones.

    Args:
        source: a generator, a run, or where one lies.
        expression: such as ``mean(1,7,9) - mean(2,4,8) + mean(3,5,6)``; see :mod:`lienzo.explore.expressions`.
        collection: whose labels say what a picture shows; without one nothing is measured.
        labels: their kind, by default the first that the collection has.
        trials: for each pair of labels.
        detector: whose features distances are measured in; see :data:`lienzo.metrics.detectors.DETECTORS`.
        device: where to compute.

    Raises:
        InputError: an expression that is not well formed or names what is not there, or a source without a generator.
        ScoreError: labels that cannot be told apart, or that the generator does not paint.
    """
    refuse_labels_of_nothing(labels, collection)
    if collection is None:
        refuse_idle(steps, "without a collection", trials=trials, detector=detector)
    generator = opened(source, device)
    done = computed(generator, expression)
    if collection is None:
        return Calculated(done, ())
    refuse_below(2, {"trials": trials})
    there = fitting(generator, collection)
    features_of = detectors.load(detector, generator.device)
    classifier = yield from fitted(there, kind_of(there, labels), features_of)
    found: list[Gain] = []
    examples = yield from _Examples.looked_at(generator, classifier, features_of)
    pairs = examples.pairs()
    for gain in gains(examples, pairs, trials):
        yield EvaluationProgress("pairs of labels", len(found), len(pairs))
        found.append(gain)
    yield EvaluationProgress("pairs of labels", len(pairs), len(pairs))
    return Calculated(done, tuple(found))


arithmetic = finished(steps, "arithmetic")
