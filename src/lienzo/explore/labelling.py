"""How much a picture looks like each label of a collection: a linear classifier on a detector's features."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lienzo.collection.collection import Collection
from lienzo.errors import ScoreError
from lienzo.evaluation.features import cached_features
from lienzo.evaluation.scores import EvaluationProgress
from lienzo.evaluation.subject import sample
from lienzo.metrics.detectors import Detector
from lienzo.metrics.representations import FOLDS, decisions, fit, standard

COST = 1.0
"""Weight of the squared hinge loss against ½|w|² in the classifier."""

SAMPLES = 5_000
"""Largest number of pictures that the classifier is fitted on."""


@dataclass(frozen=True)
class Classifier:
    """A linear support vector machine for each label against the rest, on standardised features."""

    names: tuple[str, ...]
    """Names of the labels."""
    middle: Tensor
    """Mean of the features that it was fitted on, (d,)."""
    scale: Tensor
    """Standard deviation of these features, times √d, (d,)."""
    weights: Tensor
    """Weights, and in the last row biases, (d + 1, labels)."""

    def scores(self, features: Tensor) -> Tensor:
        """Return how much pictures look like each label, from features (n, d); (n, labels), above 0 for yes."""
        return decisions((features.float().cpu() - self.middle) / self.scale, self.weights)

    def by_name(self, features: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
        """Return the scores (n,) under each label's name."""
        scores = self.scores(torch.from_numpy(features)).double().numpy()
        return {name: scores[:, number] for number, name in enumerate(self.names)}

    def labels(self, features: Tensor) -> NDArray[np.int64]:
        """Return the label (n,) that each picture looks like most, as a position in ``names``."""
        return np.asarray(self.scores(features).argmax(1).numpy())


def fitted(collection: Collection, kind: str, detector: Detector) -> Generator[EvaluationProgress, None, Classifier]:
    """Fit a classifier to the training pictures of a collection that carry a label of one kind.

    Labels with fewer than ``FOLDS`` of the pictures that are looked at are left out.

    Raises:
        CollectionError: the collection has no labels of that kind.
        ScoreError: too few labels, or pictures of one.
    """
    known, rows = collection.labels(kind), collection.rows("train")
    labelled = rows[known[rows] >= 0]
    chosen = labelled[sample(len(labelled), SAMPLES)]
    found, counts = np.unique(known[chosen], return_counts=True)
    chosen = chosen[np.isin(known[chosen], found[counts >= FOLDS])]
    names, codes = np.unique(known[chosen], return_inverse=True)
    if len(names) < 2:
        raise ScoreError(
            f"{collection.path} has too few pictures for a classifier of the kind {kind}: it wants at least two labels "
            f"with {FOLDS} training pictures each."
        )
    features = yield from cached_features(collection, "train", chosen, detector, torch.device("cpu"))
    middle, scale = standard(features)
    weights = fit((features.float() - middle) / scale, torch.from_numpy(codes), len(names), COST)
    vocabulary = collection.vocabularies[kind]
    return Classifier(tuple(vocabulary[name] for name in names), middle, scale, weights)


def kind_of(collection: Collection, kind: str | None) -> str:
    """Return the kind of labels to compare with: the one that is given, or the collection's first.

    Raises:
        ScoreError: the collection has no labels.
    """
    if kind is None and not collection.vocabularies:
        raise ScoreError(f"{collection.path} has no labels to compare with: prepare it with --labels.")
    return kind or next(iter(collection.vocabularies))
