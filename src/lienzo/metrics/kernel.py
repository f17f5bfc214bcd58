"""The kernel distance: KID, the squared maximum mean discrepancy of two sets of features, without bias.

Bińkowski et al., Demystifying MMD GANs, 2018 (https://arxiv.org/abs/1801.01401), section 4.3, with their kernel
k(x, y) = (x·y / d + 1)³. Where they average blocks of 1,000 pictures, this is the complete U-statistic over all pairs.
"""

import math

import torch
from torch import Tensor

from lienzo.errors import ScoreError
from lienzo.metrics.distances import CHUNK, tiles
from lienzo.metrics.estimate import Estimate

FEWEST = 3
"""Pictures that KID needs at least on either side."""


def kernel(a: Tensor, b: Tensor) -> Tensor:
    """Return (x·y / d + 1)³ for all pairs: (n, d), (m, d) → (n, m)."""
    return (a @ b.T / a.shape[1] + 1) ** 3


def kid(real: Tensor, fake: Tensor, *, chunk: int = CHUNK) -> Estimate:
    """Return KID and its standard error by the jackknife over the pictures of both sets.

    Being unbiased, it does not depend on the counts and is 0 on average where both sets come from one distribution,
    hence negative half of the time there. The jackknife leaves every picture out once, which the row sums of the
    kernel give for nothing; it is somewhat too large (up to a factor of √2) where the two distributions agree.

    Args:
        real: (n, d), n > 2.
        fake: (m, d), m > 2.
        chunk: size of a tile.

    Raises:
        ScoreError: fewer than three pictures on a side.
    """
    n, m = len(real), len(fake)
    if min(n, m) < FEWEST:
        raise ScoreError(f"KID wants at least {FEWEST} pictures on either side, not {min(n, m)}: take more samples.")
    within_real, within_fake = _sums_within(real, chunk), _sums_within(fake, chunk)
    across_real, across_fake = _sums(real, fake, chunk)
    rr, ff, rf = within_real.sum(), within_fake.sum(), across_real.sum()
    value = rr / (n * (n - 1)) + ff / (m * (m - 1)) - 2 * rf / (n * m)
    without_real = (
        (rr - 2 * within_real) / ((n - 1) * (n - 2))
        + ff / (m * (m - 1))
        - 2 * (rf - across_real) / ((n - 1) * m)
    )  # fmt: skip
    without_fake = (
        rr / (n * (n - 1))
        + (ff - 2 * within_fake) / ((m - 1) * (m - 2))
        - 2 * (rf - across_fake) / (n * (m - 1))
    )  # fmt: skip
    variance = (n - 1) * without_real.var(correction=0) + (m - 1) * without_fake.var(correction=0)
    return Estimate(value.item(), math.sqrt(variance.item()))


def _sums(a: Tensor, b: Tensor, chunk: int) -> tuple[Tensor, Tensor]:
    """Return the sums of the kernel's values (n, m) over rows and over columns."""
    over_b = torch.zeros(len(a), dtype=torch.float64, device=a.device)
    over_a = torch.zeros(len(b), dtype=torch.float64, device=a.device)
    for rows, columns, left, right in tiles(a, b, chunk):
        values = kernel(left, right)
        over_b[rows] += values.sum(1)
        over_a[columns] += values.sum(0)
    return over_b, over_a


def _sums_within(features: Tensor, chunk: int) -> Tensor:
    """Return the sums of the kernel's values (n, n) over rows, without the diagonal; each pair is computed once."""
    sums = torch.zeros(len(features), dtype=torch.float64, device=features.device)
    for rows, columns, left, right in tiles(features, features, chunk):
        if rows.start > columns.start:
            continue
        values = kernel(left, right)
        if rows == columns:
            values.fill_diagonal_(0)
        else:
            sums[columns] += values.sum(0)
        sums[rows] += values.sum(1)
    return sums
