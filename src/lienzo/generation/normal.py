"""The normal random numbers of PyTorch, computed by NumPy, for those who draw latents without PyTorch.

PyTorch draws uniform numbers with the Mersenne Twister (Matsumoto and Nishimura 1998), seeded as the authors do, and
makes normal ones of them by Box and Muller's method (1958): of u and v come r cos 2πv and r sin 2πv, r = √(−2 ln u).
Fewer than 16 numbers are drawn in pairs in float64, 16 or more in groups of sixteen in float32.
"""

import numpy as np
from numpy.typing import NDArray

GROUP = 16
"""Numbers that are drawn together: of sixteen uniform ones the first eight are u, the others v."""


def normal(seed: int, count: int) -> NDArray[np.float32]:
    """Return what ``torch.randn(count, generator=torch.Generator().manual_seed(seed))`` does, up to rounding; (count,).

    Numbers differ from PyTorch's by 2.4e-7 at most, since it has its own logarithm, sine and cosine.
    """
    twister = np.random.RandomState(seed & 0xFFFFFFFF)  # of a seed PyTorch takes 32 bits
    return _few(twister, count) if count < GROUP else _many(twister, count)


def _few(twister: np.random.RandomState, count: int) -> NDArray[np.float32]:
    pairs = -(-count // 2)
    words = _words(twister, 4 * pairs).astype(np.uint64)
    uniform = ((words[0::2] << np.uint64(32) | words[1::2]) & np.uint64(2**53 - 1)) * 2.0**-53
    angle, radius = 2 * np.pi * uniform[0::2], np.sqrt(-2 * np.log1p(-uniform[1::2]))
    both = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    return both.astype(np.float32).ravel()[:count]


def _many(twister: np.random.RandomState, count: int) -> NDArray[np.float32]:
    """Return whole groups; where they do not fill the count, the last sixteen numbers are a group drawn anew."""
    numbers = _groups(twister, count)[: count // GROUP * GROUP]
    if count % GROUP == 0:
        return numbers
    return np.concatenate([numbers[: count - GROUP], _groups(twister, GROUP)])


def _groups(twister: np.random.RandomState, count: int) -> NDArray[np.float32]:
    """Draw ``count`` uniform numbers, and return the normal ones of the groups that they fill."""
    uniform = (_words(twister, count) & np.uint32(2**24 - 1)).astype(np.float32) * np.float32(2**-24)
    first, second = uniform[: count // GROUP * GROUP].reshape(-1, 2, GROUP // 2).swapaxes(0, 1)
    angle, radius = np.float32(2 * np.pi) * second, np.sqrt(np.float32(-2) * np.log(1 - first))
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], 1).ravel()


def _words(twister: np.random.RandomState, count: int) -> NDArray[np.uint32]:
    """Return the next numbers of the Mersenne Twister, 32 bits each."""
    return twister.randint(0, 2**32, count, np.uint32)
