"""What a discriminator has learnt, measured by how well a linear classifier tells labels apart on its features.

Radford, Metz and Chintala, Unsupervised Representation Learning with Deep Convolutional GANs, 2016
(https://arxiv.org/abs/1511.06434), section 5.1: the features of all convolutional layers, max-pooled to 4×4 and
concatenated, under a linear support vector machine with a squared penalty.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from torch import Tensor, nn
from torch.nn import functional

from lienzo.errors import ScoreError
from lienzo.metrics.estimate import Estimate, mean

GRID = 4
"""Height and width that every layer is pooled to."""


class Classified(NamedTuple):
    """How well labels were told apart on pictures that the classifier had not seen."""

    accuracy: Estimate
    per_label: dict[int, Estimate]
    """Of the pictures with each label, the share that was recognised."""
    chance: float
    """The share of the commonest label: what one gets without looking."""


def activations(module: nn.Module, images: Tensor) -> Tensor:
    """Return what the convolutional layers of a network make of pictures.

    Layers whose output is smaller than 4×4 (the last, which holds the logit) are left out.

    Args:
        module: the network; it is called on the pictures as it is: put it in ``eval()`` first.
        images: (n, c, h, w) as the network takes them.

    Returns:
        (n, 16 · channels of all layers) float32.
    """
    pooled: list[Tensor] = []

    def collect(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
        if min(output.shape[2:]) >= GRID:  # pooled at once, since the next layer may work in place
            pooled.append(functional.adaptive_max_pool2d(output.float(), GRID).flatten(1))

    hooks = [layer.register_forward_hook(collect) for layer in module.modules() if isinstance(layer, nn.Conv2d)]
    try:
        with torch.inference_mode():
            module(images)
    finally:
        for hook in hooks:
            hook.remove()
    if not pooled:
        raise ScoreError("this network has no convolutional layer of 4×4 or more: its features cannot be classified.")
    return torch.cat(pooled, 1)


def classify(
    train: NDArray[np.floating[Any]],
    train_labels: NDArray[np.int64],
    test: NDArray[np.floating[Any]],
    test_labels: NDArray[np.int64],
) -> Classified:
    """Fit a linear classifier on some pictures' features and try it on others'.

    Features are standardised; the weight of the penalty is chosen on the training pictures by threefold
    cross-validation.

    Args:
        train: (n, d).
        train_labels: (n,), at least two different ones, each at least three times.
        test: (m, d).
        test_labels: (m,).

    Raises:
        ScoreError: too few labels or pictures of one.
    """
    labels, counts = np.unique(train_labels, return_counts=True)
    if len(labels) < 2 or counts.min() < 3:
        raise ScoreError(
            "a classifier wants at least two labels with three training pictures each: "
            "merge or leave out the rare ones."
        )
    if not len(test_labels):
        raise ScoreError("there are no labelled pictures to try the classifier on: hold some out with --holdout.")
    search = GridSearchCV(
        make_pipeline(StandardScaler(), LinearSVC(random_state=0, max_iter=10_000)),
        {"linearsvc__C": [c / train.shape[1] for c in (0.1, 1, 10)]},  # |x|² is about d
        cv=3,
    )
    right = torch.from_numpy(search.fit(train, train_labels).predict(test) == test_labels)
    of_label = {int(label): right[torch.from_numpy(test_labels == label)] for label in np.unique(test_labels)}
    common = labels[counts.argmax()]
    return Classified(
        mean(right), {label: mean(hits) for label, hits in of_label.items()}, float((test_labels == common).mean())
    )
