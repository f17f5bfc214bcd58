"""All measures that compare generated with real pictures by their features."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lienzo.metrics.frechet import fid
from lienzo.metrics.kernel import kid
from lienzo.metrics.manifold import manifold
from lienzo.metrics.results import Measures

NEIGHBOURS = 5
"""Number k of the neighbour that gives the radius of the balls of precision, recall, density and coverage."""


def _fid(real: Tensor, fake: Tensor) -> dict[str, Any]:
    """Return FID, or none where there are no more pictures than features."""
    return {"fid": fid(real, fake) if min(len(real), len(fake)) > real.shape[1] else None}


def _kid(real: Tensor, fake: Tensor) -> dict[str, Any]:
    return {"kid": kid(real, fake)}


def _manifold(real: Tensor, fake: Tensor) -> dict[str, Any]:
    return manifold(real, fake, NEIGHBOURS)._asdict()


MEASURES: dict[str, Callable[[Tensor, Tensor], dict[str, Any]]] = {
    "FID": _fid,
    "KID": _kid,
    "precision, recall, density, coverage": _manifold,
}
"""Name that progress shows -> function from real and generated features to some fields of `Measures`."""


def measure(real: Tensor, fake: Tensor) -> Measures:
    """Return every measure of features (n, d) and (m, d); FID only where there are more pictures than features."""
    fields = {name: value for take in MEASURES.values() for name, value in take(real, fake).items()}
    return Measures(len(fake), len(real), **fields)


def measure_labels(
    real: Tensor,
    fake: Tensor,
    real_labels: NDArray[np.int64],
    fake_labels: NDArray[np.int64],
    names: Sequence[str],
) -> dict[str, Measures]:
    """Return every measure label by label, of those with more than `NEIGHBOURS` pictures on either side.

    Args:
        real: features (n, d).
        fake: features (m, d).
        real_labels: (n,) positions in ``names``, −1 for none.
        fake_labels: (m,) likewise.
        names: names of the labels.

    Returns:
        Name of a label -> its measures.
    """
    measured = {}
    for label, name in enumerate(names):
        ours, theirs = (torch.from_numpy(np.flatnonzero(side == label)) for side in (real_labels, fake_labels))
        if min(len(ours), len(theirs)) > NEIGHBOURS:
            measured[name] = measure(real[ours.to(real.device)], fake[theirs.to(fake.device)])
    return measured
