"""A number measured on a sample of pictures, and how far it would move on another sample."""

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import torch


class Estimate(NamedTuple):
    """A value and its standard error, in the same unit."""

    value: float
    error: float

    def __str__(self) -> str:
        return f"{self.value:.4g} ± {self.error:.1g}"


def mean(values: "torch.Tensor") -> Estimate:
    """Return the mean of one number per picture.

    The standard error is what a bootstrap over the pictures tends to: their standard deviation over the root of their
    count.

    Args:
        values: (n,), n > 0.
    """
    values = values.double()
    return Estimate(values.mean().item(), (values.std(correction=0) / math.sqrt(len(values))).item())


def share(hits: "torch.Tensor") -> Estimate:
    """Return the share of the pictures of which something is true.

    The standard error is the binomial one of (k + 1) / (n + 2), of k hits among n (Laplace's rule of succession), so
    that a share of 0 or 1 has one too: of eight pictures out of eight little is known.

    Args:
        hits: (n,) bool, n > 0.
    """
    n, k = len(hits), int(hits.sum())
    likely = (k + 1) / (n + 2)
    return Estimate(k / n, math.sqrt(likely * (1 - likely) / n))
