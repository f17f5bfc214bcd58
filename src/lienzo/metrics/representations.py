"""What a discriminator has learnt, measured by how well a linear classifier tells labels apart on its features.

Radford, Metz and Chintala, Unsupervised Representation Learning with Deep Convolutional GANs, 2016
(https://arxiv.org/abs/1511.06434), section 5.1: the features of all convolutional layers, max-pooled to 4×4 and
concatenated, under a linear support vector machine with a squared penalty.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from lienzo.errors import ScoreError
from lienzo.metrics.estimate import Estimate, share

GRID = 4
"""Height and width that every layer is pooled to."""

COSTS = (0.01, 0.1, 1.0, 10.0)
"""Candidates for the cost of a squared hinge loss against ½|w|²; cross-validation chooses one."""

FOLDS = 3
"""Number of folds of that cross-validation: of three folds, one has every third picture."""


class Classified(NamedTuple):
    """How well a classifier tells labels apart on pictures that it was not fitted on."""

    accuracy: Estimate
    """Share of all pictures whose label was recognised."""
    per_label: dict[int, Estimate]
    """Number of a label -> share of its pictures that were recognised."""
    chance: float
    """Share of the commonest label: the accuracy of a classifier that always answers with it."""


def activations(module: nn.Module, images: Tensor) -> Tensor:
    """Return the outputs of a network's convolutional layers, max-pooled to 4×4 and put side by side.

    Layers whose output is smaller than 4×4 (the last, which holds the logit) are left out.

    Args:
        module: the network, in the mode in which it is to be called; ``eval()`` for a trained one.
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
    train: Tensor, train_labels: NDArray[np.int64], test: Tensor, test_labels: NDArray[np.int64]
) -> Classified:
    """Fit a linear classifier on some pictures' features and try it on others'.

    Features are standardised by those of the training pictures.

    Args:
        train: (n, d).
        train_labels: (n,), at least two different ones, each at least `FOLDS` times.
        test: (m, d).
        test_labels: (m,), among the former.

    Raises:
        ScoreError: too few labels or pictures of one.
    """
    known, classes, counts = np.unique(train_labels, return_inverse=True, return_counts=True)
    if len(known) < 2 or counts.min() < FOLDS:
        raise ScoreError(
            f"a classifier wants at least two labels, and {FOLDS} training pictures of each: leave out the rare ones."
        )
    if not len(test_labels):
        raise ScoreError("there are no labelled pictures to try the classifier on: prepare with --holdout 0.1.")
    middle, scale = standard(train)
    x, tried = ((side.float() - middle).div_(scale) for side in (train, test))
    y = torch.from_numpy(classes).to(x.device)
    fold = torch.arange(len(x), device=x.device) % FOLDS
    hits = dict.fromkeys(COSTS, 0)
    for cost in COSTS:
        for out in range(FOLDS):
            kept, left = fold != out, fold == out
            weights = fit(x[kept], y[kept], len(known), cost)
            hits[cost] += int((_predict(x[left], weights) == y[left]).sum())
    best = max(COSTS, key=lambda cost: hits[cost])
    found = _predict(tried, fit(x, y, len(known), best)).cpu().numpy()
    right = torch.from_numpy(known[found] == test_labels)
    per_label = {int(label): share(right[torch.from_numpy(test_labels == label)]) for label in np.unique(test_labels)}
    return Classified(share(right), per_label, float((test_labels == known[counts.argmax()]).mean()))


def fit(x: Tensor, y: Tensor, classes: int, cost: float) -> Tensor:
    """Fit one linear support vector machine per class against the rest, with squared hinge loss.

    Minimises ½|w|² + cost · Σ max(0, 1 − t (x·w + b))² over w and b, t being 1 for the class and −1 for the rest:
    smooth and convex, so that L-BFGS finds the minimum.

    Args:
        x: (n, d).
        y: (n,) from 0 to ``classes`` − 1.
        classes: number of classes.
        cost: weight of the loss.

    Returns:
        (d + 1, classes): w, and b in the last row.
    """
    target = 2 * functional.one_hot(y, classes).to(x.dtype) - 1
    weights = x.new_zeros(x.shape[1] + 1, classes).requires_grad_()
    optimizer = torch.optim.LBFGS([weights], max_iter=200, tolerance_grad=1e-5, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        slack = (1 - target * decisions(x, weights)).clamp_min(0)
        value = weights[:-1].square().sum() / 2 + cost * slack.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return weights.detach()


def standard(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return what to subtract from features (n, d) before a classifier sees them, and then to divide by; (d,) each.

    Rows then have about unit length, whatever their dimension.
    """
    spread, middle = torch.std_mean(features.float(), 0)
    return middle, spread.clamp_min(1e-6) * features.shape[1] ** 0.5


def decisions(x: Tensor, weights: Tensor) -> Tensor:
    """Return how far each row (n, d) lies on the side of each class of a fitted classifier; (n, classes)."""
    return x @ weights[:-1] + weights[-1]


def _predict(x: Tensor, weights: Tensor) -> Tensor:
    """Return the likeliest class (n,) of each row."""
    return decisions(x, weights).argmax(1)
