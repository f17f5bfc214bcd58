"""Conversion of samples of more than eight bits to eight, which has to find out the values of black and white."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LADDER = (8, 10, 12, 14, 16, 24, 32)
"""Depths of samples, in bits, that devices deliver in words of the same or of a larger size."""

OUTLIERS = 0.01
"""Up to this share of floating-point samples may lie beyond black and white and is clipped."""

ROWS = 256
"""Number of rows that are converted at a time, since float64 takes eight bytes for each sample."""


def to_eight_bits(samples: NDArray[Any], bits: int, largest: int = 0) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Convert samples of any kind of number to 0 … 255.

    - Unsigned integers of 10, 12 or 14 bits: black is 0 and white the largest number.
    - Unsigned integers of 16 and 32 bits: white is ``largest`` if it is given. Otherwise it is the largest number of
      the smallest depth of :data:`LADDER` that holds all samples: a camera's 12 bits in words of 16 are not dark.
    - Signed integers, none of them negative: the same, with one bit less.
    - Signed integers that reach far below 0: the whole range of their type.
    - Floats, at most a share :data:`OUTLIERS` of which lies outside [0, 1]: black is 0 and white is 1.
    - Other floats and signed integers: white is the level that the share :data:`OUTLIERS` lies above. For floats it is
      the largest number of a depth of the ladder, such as 255, if at least half of that is used. Black is 0, or, where
      more samples are negative, the level that the share :data:`OUTLIERS` lies below.

    What lies beyond black and white is clipped.

    Args:
        samples: samples of any shape (rows, …).
        bits: bits of a sample in the file.
        largest: value of white that the file states; 0 for none.

    Returns:
        the samples, and the note ``scaled`` where black or white had to be guessed.

    Raises:
        ValueError: more than a few samples are no numbers.
    """
    if samples.dtype.kind == "f":
        black, white, guessed = _range_of_floats(samples)
    elif (low := int(samples.min())) >= 0:
        black, white, guessed = _range_of_integers(int(samples.max()), bits - (samples.dtype.kind == "i"), largest)
    elif low < -(2 ** (bits - 2)):
        black, white, guessed = -(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1, False
    else:
        black, white, guessed = *_quantiles(samples), True
    pixels = np.empty(samples.shape, np.uint8)
    for start in range(0, len(samples), ROWS):
        rows = (samples[start : start + ROWS].astype(np.float64) - black) * (255 / max(white - black, 1e-9))
        pixels[start : start + ROWS] = np.clip(np.rint(np.nan_to_num(rows, nan=0.0)), 0, 255)
    return pixels, ("scaled",) if guessed else ()


Range = tuple[float, float, bool]
"""Black, white, and whether they had to be guessed."""


def _range_of_integers(high: int, bits: int, largest: int) -> Range:
    """Return the range of integers of up to ``bits`` bits, none of them negative and none above ``high``."""
    if largest and high <= largest:
        return 0.0, float(largest), False
    depth = bits if bits < 15 else min(step for step in (*LADDER, bits) if high < 2**step)
    white = 2 ** min(depth, bits) - 1
    return 0.0, float(white), white != 2**bits - 1


def _range_of_floats(samples: NDArray[Any]) -> Range:
    beyond = 1 - np.count_nonzero((samples >= 0) & (samples <= 1)) / samples.size
    if beyond <= OUTLIERS:
        return 0.0, 1.0, False
    finite = samples[np.isfinite(samples)]
    if len(finite) < (1 - OUTLIERS) * samples.size:
        raise ValueError("pixels that are not finite")
    black, white = _quantiles(finite)
    fulls = (2.0**bits - 1 for bits in LADDER)
    return black, next((full for full in fulls if black == 0 and full / 2 <= white <= full), white), True


def _quantiles(levels: NDArray[Any]) -> tuple[float, float]:
    """Return black and white such that :data:`OUTLIERS` lie beyond each, but no level above 0 is black."""
    some = levels.ravel()[:: max(1, levels.size >> 20)]
    low, high = np.quantile(some.astype(np.float64), [OUTLIERS, 1 - OUTLIERS], method="nearest")
    return min(0.0, float(low)), float(high)
