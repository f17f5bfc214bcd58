"""Arrays in .npy files of other hands: a header is believed only as far as the file has bytes for it."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEADER = 4096
"""A header of more bytes is none of ours."""


def mapped(path: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
    """Return an array that stays in its .npy file and is read where it is touched.

    Args:
        path: of the file; version 1 of the format, in C order.
        shape: that it has to have.
        dtype: that it has to have.

    Raises:
        ValueError: the file is something else, or shorter or longer than the array.
        OSError: it cannot be read.
    """
    wanted = np.dtype(dtype)
    with path.open("rb") as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError("not version 1 of the format")
        found, fortran, kind = np.lib.format.read_array_header_1_0(file, max_header_size=HEADER)
        start = file.tell()
    if (found, fortran, kind) != (shape, False, wanted):
        raise ValueError(f"its shape is wrong: {kind} {found} instead of {wanted} {shape}")
    if path.stat().st_size != start + math.prod(shape) * wanted.itemsize:
        raise ValueError("its length is wrong")
    return np.memmap(path, wanted, "r", start, shape)
