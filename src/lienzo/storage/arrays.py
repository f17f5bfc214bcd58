"""Arrays in .npy files of other hands: a header is believed only as far as the file has bytes for it."""

import math
import tokenize
from collections.abc import Collection
from pathlib import Path
from typing import Any, BinaryIO

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
        shape, fortran, kind = read_header(file, [(1, 0)])
        start = file.tell()
    if fortran or kind != dtype or min(shape, default=0) < 0:
        raise ValueError(f"its shape is wrong: {kind} {shape}")
    if path.stat().st_size != start + math.prod(shape) * dtype.itemsize:
        raise ValueError("its length is wrong")
    return shape, start


def read_header(file: BinaryIO, versions: Collection[tuple[int, int]]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return the shape of the array that a .npy file is about to give, whether it is in Fortran's order, and its type.

    Args:
        file: at its beginning; afterwards it is where the values begin.
        versions: of the format, as far as it may have them: (1, 0) and (2, 0).

    Raises:
        ValueError: the file is something else, or of another version.
    """
    version = np.lib.format.read_magic(file)
    if version not in versions:
        raise ValueError(f"version {version[0]} of the format")
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        return readers[version](file, max_header_size=HEADER)
    except (tokenize.TokenError, SyntaxError, RecursionError, MemoryError) as error:  # of NumPy's parser of headers
        raise ValueError(f"its header is broken ({type(error).__name__})") from None
