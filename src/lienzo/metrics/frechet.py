"""The Fréchet distance between Gaussians fitted to two sets of features: FID.

Heusel et al., GANs Trained by a Two Time-Scale Update Rule, 2017 (https://arxiv.org/abs/1706.08500), section 4;
the distance itself: Dowson and Landau 1982. FID is biased: it falls as pictures are added, so that only values taken
with the same counts compare (Chong and Forsyth 2020, https://arxiv.org/abs/1911.07023).
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lienzo import seeds
from lienzo.errors import ScoreError
from lienzo.metrics.distances import CHUNK
from lienzo.metrics.estimate import Estimate


class Moments(NamedTuple):
    """The Gaussian fitted to a set of features."""

    mean: Tensor  # (d,) float64
    covariance: Tensor  # (d, d) float64, unbiased


def moments(features: Tensor, weights: Tensor | None = None, *, chunk: int = CHUNK) -> Moments:
    """Return mean and covariance of features (n, d), in two passes.

    Args:
        features: (n, d).
        weights: (n,) how often each row counts; by default once.
        chunk: rows taken at a time.
    """
    weights = torch.ones(len(features)) if weights is None else weights
    weights = weights.to(features.device, torch.float64)
    features, weights = features[weights > 0], weights[weights > 0]  # a bootstrap leaves out a third of the pictures
    total = weights.sum()
    chunks = [slice(start, start + chunk) for start in range(0, len(features), chunk)]
    mean = torch.zeros(features.shape[1], dtype=torch.float64, device=features.device)
    for rows in chunks:
        mean += weights[rows] @ features[rows].double() / total
    covariance = torch.zeros(len(mean), len(mean), dtype=torch.float64, device=features.device)
    for rows in chunks:
        deviations = features[rows].double() - mean
        covariance += deviations.T @ (weights[rows, None] * deviations)
    return Moments(mean, covariance / (total - 1))


def distance(a: Moments, b: Moments) -> float:
    """Return |μa − μb|² + tr(A + B − 2 (A½ B A½)½), the squared 2-Wasserstein distance of two Gaussians.

    With A = R Rᵀ, the matrix Rᵀ B R has the eigenvalues of A½ B A½. R is the Cholesky factor, at a thirtieth of
    the cost of A½, or A½ itself where A is singular. The matrix is symmetric, so that its eigenvalues stay real, where
    the usual product of two covariances gets imaginary parts from rounding.
    """
    root, singular = torch.linalg.cholesky_ex(a.covariance)
    if singular:
        values, vectors = torch.linalg.eigh(a.covariance)
        root = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    cross = torch.linalg.eigvalsh(root.T @ b.covariance @ root).clamp_min(0).sqrt().sum()
    apart = (a.mean - b.mean).square().sum()
    return max(0.0, float(apart + a.covariance.trace() + b.covariance.trace() - 2 * cross))


def fid(real: Tensor, fake: Tensor, *, replicates: int = 20, seed: int = 0, chunk: int = CHUNK) -> Estimate:
    """Return the Fréchet distance of two sets of features, and its standard error by a bootstrap over the pictures.

    Args:
        real: (n, d), n > d.
        fake: (m, d), m > d.
        replicates: bootstrap samples of both sets; the value itself is that of the sets as they are, since a
            bootstrap sample holds fewer different pictures and has a larger FID.
        seed: of the bootstrap.
        chunk: rows taken at a time.

    Raises:
        ScoreError: a set has no more pictures than features, where its covariance is singular and FID means little.
    """
    dimension = real.shape[1]
    fewest = min(len(real), len(fake))
    if fewest <= dimension:
        raise ScoreError(
            f"FID wants more pictures on either side than the {dimension} features of the detector, not {fewest}: "
            "score more pictures, or go by KID, which has no such bias."
        )
    value = distance(moments(real, chunk=chunk), moments(fake, chunk=chunk))
    again = []
    for replicate in range(replicates):
        generator = seeds.numpy_generator(seed, "bootstrap", replicate)
        sides = []
        for side in (real, fake):
            drawn = generator.integers(len(side), size=len(side))
            counts = torch.from_numpy(np.bincount(drawn, minlength=len(side)))
            sides.append(moments(side, counts, chunk=chunk))
        again.append(distance(*sides))
    return Estimate(value, float(np.std(again, ddof=1)))
