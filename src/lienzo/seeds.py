"""Randomness as a function of (seed, stream, position), never of history.

The batch, the latents and the augmentation at picture 1,280,000 are the same whether training came there in one go or
in five, in one process or in eight. Resuming therefore needs no saved generator state.
"""

import hashlib

import numpy as np


def derive(seed: int, stream: str, position: int = 0) -> int:
    """Return the 63-bit seed of one named stream of randomness at one position.

    Args:
        seed: the run's seed.
        stream: what the randomness is for, such as ``"latents"``; streams are independent of one another.
        position: where on the stream, counted in pictures or epochs.
    """
    digest = hashlib.blake2b(f"{seed}/{stream}/{position}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def numpy_generator(seed: int, stream: str, position: int = 0) -> np.random.Generator:
    """Return NumPy's generator for one stream at one position."""
    return np.random.Generator(np.random.Philox(derive(seed, stream, position)))
