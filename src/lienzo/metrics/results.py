"""What measures find: numbers with their errors, which are read without PyTorch."""

from dataclasses import dataclass
from typing import NamedTuple

from lienzo.metrics.estimate import Estimate


@dataclass(frozen=True)
class Measures:
    """Measures of generated against real pictures, by the features of both."""

    generated: int
    """Number of generated pictures."""

    reference: int
    """Number of real pictures."""

    fid: Estimate | None
    """Fréchet distance, lower is better; none where there are no more pictures than features."""

    kid: Estimate
    """Kernel distance, lower is better, 0 on average for the real distribution."""

    precision: Estimate
    """Share of generated pictures in the neighbourhood of real ones: fidelity."""

    recall: Estimate
    """Share of real pictures in the neighbourhood of generated ones: diversity."""

    density: Estimate
    """Fidelity that outliers among the real pictures do not inflate; about 1 for the real distribution."""

    coverage: Estimate
    """Share of real neighbourhoods that hold a generated picture: diversity."""


class Excess(NamedTuple):
    """Comparison of generated with held-out real pictures by a number, such as a distance, suspicious if low."""

    share: Estimate
    """Share of the generated pictures below ``threshold``; of more pictures like the held-out ones it is
    :func:`expected_share`."""
    probability: Estimate
    """Probability that, of one generated and one held-out picture, the generated one has the lower number; ½ if the two
    kinds do not differ."""
    threshold: float
    """Quantile of the held-out pictures' numbers."""


def expected_share(held_out: int) -> float:
    """Return the share below the threshold of pictures like so many held-out ones: 0.05, or more where they are few.

    Of m numbers the lowest is the lowest threshold that they give, and a further one falls below it with the
    probability 1 / (m + 1).

    >>> expected_share(493), expected_share(4)
    (0.05, 0.2)
    """
    return max(0.05, 1 / (held_out + 1))
