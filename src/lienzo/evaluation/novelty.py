"""The search for copies and blends of training pictures, beside the same search of held-out ones."""

from collections.abc import Generator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lienzo.evaluation.comparison import Comparison
from lienzo.evaluation.features import THUMBNAIL, shrunk, walk
from lienzo.evaluation.scores import Case, EvaluationProgress, Novelty, Trial
from lienzo.evaluation.subject import sample
from lienzo.metrics.distances import nearest
from lienzo.metrics.novelty import blends, excess

BLENDED = 1_000
"""Pictures of either kind that blends are sought of: each is compared with every pair of training pictures."""

HELD_OUT = 5_000
"""Held-out pictures at most: the more there are, the better the threshold is known."""

WORST = 12
"""Number of the least new pictures that are kept, for the report."""


def search(
    comparison: Comparison, training: Tensor, fake: Tensor, small: Tensor
) -> Generator[EvaluationProgress, None, Novelty]:
    """Look for copies and blends of training pictures, and compare with those held out.

    Recipes may mirror what they learn from. So both kinds are compared by pixels with the mirrored pictures too.

    Args:
        comparison: what is scored, and the collection.
        training: features (N, d) of all training pictures.
        fake: features (n, d) of the pictures to score.
        small: the same pictures shrunk, as rows.
    """
    collection, numbers = comparison.collection, comparison.numbers
    rows, aside = collection.rows("train"), collection.rows("holdout")
    aside = aside[sample(len(aside), HELD_OUT)]
    held = yield from comparison.features("holdout", aside)
    shrink = [shrunk(comparison.device)]
    small_training = with_mirrored(torch.cat((yield from walk("pixels of train", collection.take, rows, shrink))[0]))
    both_ways = np.concatenate([rows, rows])
    small_held = torch.cat((yield from walk("pixels of holdout", collection.take, aside, shrink))[0])
    yield EvaluationProgress("copies by features", 0, 3)
    by_features = _distances(fake, held, training, numbers, rows)
    yield EvaluationProgress("copies by pixels", 1, 3)
    by_pixels = _distances(small, small_held, small_training, numbers, both_ways)
    yield EvaluationProgress("blends", 2, 3)
    ours, theirs = (torch.from_numpy(sample(len(side), BLENDED)) for side in (small, small_held))
    of_ours, of_theirs = (blends(side, small_training) for side in (small[ours], small_held[theirs]))
    pairs = both_ways[torch.stack([of_ours.first, of_ours.second], 1).cpu().numpy()]
    by_blends = _trial(of_ours.unexplained, of_theirs.unexplained, numbers[ours.numpy()], pairs)
    return Novelty(len(rows), by_features, by_pixels, by_blends, mirrored=True)


def with_mirrored(small: Tensor) -> Tensor:
    """Return shrunk pictures as rows (n, 3 · THUMBNAIL²), and the same mirrored left to right behind them: (2n, …)."""
    return torch.cat([small, small.reshape(-1, 3, THUMBNAIL, THUMBNAIL).flip(3).flatten(1)])


def _distances(
    fake: Tensor, held: Tensor, training: Tensor, numbers: NDArray[np.int64], rows: NDArray[np.int64]
) -> Trial:
    found = nearest(fake, training)
    return _trial(
        found.distances[:, 0], nearest(held, training).distances[:, 0], numbers, rows[found.indices.cpu().numpy()]
    )


def _trial(ours: Tensor, theirs: Tensor, numbers: NDArray[np.int64], rows: NDArray[np.int64]) -> Trial:
    """Compare suspicious values of generated (n,) and held-out pictures (m,), and keep the worst cases."""
    order = ours.argsort()[:WORST].tolist()
    ordered = theirs.sort().values
    ranks = torch.searchsorted(ordered, ours) / len(ordered)
    worst = tuple(
        Case(int(numbers[i]), tuple(int(row) for row in rows[i]), ours[i].item(), ranks[i].item()) for i in order
    )
    return Trial(excess(ours, theirs), len(ours), len(theirs), worst)
