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
    found, start = _header(path, np.dtype(dtype))
    if found != shape:
        raise ValueError(f"its shape is wrong: {found} instead of {shape}")
    return np.memmap(path, np.dtype(dtype), "r", start, shape)


def load(path: Path, rows: int, dtype: type[np.generic]) -> NDArray[Any]:
    """Return an array (rows, columns), of however many columns, from its .npy file.

    Raises:
        ValueError: the file is something else, or shorter or longer than the array.
        OSError: it cannot be read.
    """
    found, start = _header(path, np.dtype(dtype))
    if len(found) != 2 or found[0] != rows:
        raise ValueError(f"its shape is wrong: {found} instead of {rows} rows")
    return np.fromfile(path, dtype, math.prod(found), offset=start).reshape(found)


def _header(path: Path, dtype: np.dtype[Any]) -> tuple[tuple[int, ...], int]:
    """Return the shape of the array in a file, and where its values begin; its length is checked."""
    with path.open("rb") as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError("not version 1 of the format")
        shape, fortran, kind = np.lib.format.read_array_header_1_0(file, max_header_size=HEADER)
        start = file.tell()
    if fortran or kind != dtype or min(shape, default=0) < 0:
        raise ValueError(f"its shape is wrong: {kind} {shape}")
    if path.stat().st_size != start + math.prod(shape) * dtype.itemsize:
        raise ValueError("its length is wrong")
    return shape, start
