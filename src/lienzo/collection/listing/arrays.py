"""Listing .npz files: pictures as arrays, with their labels, as users of StyleGAN, EDM and ADM exchange them."""

import math
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

import numpy as np

from lienzo.collection.listing import archives, places
from lienzo.collection.listing.entries import LARGEST, Entry, is_bomb
from lienzo.collection.reasons import Reason
from lienzo.errors import SourceError, StoreError
from lienzo.storage.arrays import read_header

LABELS = 1 << 27
"""Largest array of labels that is read, in bytes."""

PICTURES = re.compile(r"(?:^|_)(images?|imgs?|pictures?|samples?|data|x|arr_0)$", re.I)
"""How the names of arrays of pictures end, after a split such as ``train_``."""

NAMES = {
    "images": "labels",
    "imgs": "labels",
    "pictures": "labels",
    "samples": "labels",
    "data": "labels",
    "image": "label",
    "img": "label",
    "picture": "label",
    "sample": "label",
    "x": "y",
    "arr_0": "arr_1",
}
"""What the labels of an array of pictures are called, by its own name."""


@dataclass(frozen=True)
class _Array:
    """An array in an archive, as far as its header tells."""

    member: zipfile.ZipInfo
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    start: int
    """Bytes of the header within the member."""


def entries(location: str) -> Iterator[Entry]:
    """List the pictures of an .npz file: arrays (n, height, width[, channels]) or (n, channels, height, width), uint8.

    Labels are whole numbers (n,) or (n, 1) in an array called as those of pictures are; their kind is ``label``.

    Raises:
        SourceError: it is broken.
    """
    stem = PurePosixPath(location).name
    try:
        with places.opened(location) as file, zipfile.ZipFile(file) as archive:
            arrays = {PurePosixPath(member.filename).stem: array for member in archive.infolist()
                      if (array := _array(archive, member)) is not None}  # fmt: skip
            splits: set[str] = set()
            for name, array in sorted(arrays.items()):
                if not PICTURES.search(name) or (layout := _layout(array)) is None:
                    continue
                labels = _labels(archive, arrays, name, array.shape[0])
                split = PICTURES.sub("", name).strip("_-")
                split = name if split in splits else split
                splits.add(split)
                folder = f"{stem}/{split}" if split else stem
                for i, entry in enumerate(_pictures(archive, file, location, array, layout)):
                    found = {} if labels is None else {"label": labels[i]}
                    yield replace(entry, name=f"{folder}/{i:08d}", labels=found)
    except StoreError:
        raise
    except archives.BROKEN_ZIP as error:
        raise SourceError(f"{location} cannot be read as NumPy arrays ({error}): download it again.") from None


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> _Array | None:
    """Read the header of an array; none where it is none of numbers, or says more than it has bytes."""
    if not member.filename.endswith(".npy"):
        return None
    with archive.open(member) as file:
        try:
            shape, fortran, dtype = read_header(cast(BinaryIO, file), [(1, 0), (2, 0)])
        except ValueError:
            return None
        start = file.tell()
    whole = not dtype.hasobject and not fortran and all(side >= 0 for side in shape)
    if not whole or member.file_size != start + math.prod(shape) * dtype.itemsize:
        return None
    return _Array(member, shape, dtype, start)


def _layout(array: _Array) -> tuple[bool, tuple[int, int, int]] | None:
    """Return whether channels come first, and a picture's height, width and channels; none where it has no pictures."""
    if array.dtype != np.uint8 or len(array.shape) not in (3, 4) or 0 in array.shape:
        return None
    if len(array.shape) == 3:
        return False, (array.shape[1], array.shape[2], 1)
    _, first, second, third = array.shape
    if third in (1, 3, 4):
        return False, (first, second, third)
    return (True, (second, third, first)) if first in (1, 3, 4) else None


def _labels(archive: zipfile.ZipFile, arrays: dict[str, _Array], name: str, count: int) -> list[str] | None:
    found = PICTURES.search(name)
    assert found is not None
    other = arrays.get(name[: found.start(1)] + NAMES.get(found[1].lower(), ""))
    if other is None or other.dtype.kind not in "iu" or other.shape not in ((count,), (count, 1)):
        return None
    if other.member.file_size > LABELS:
        return None
    with archive.open(other.member) as file:
        file.read(other.start)
        values = np.frombuffer(file.read(count * other.dtype.itemsize), other.dtype)
    return [str(value) for value in values]


def _pictures(
    archive: zipfile.ZipFile, file: Any, location: str, array: _Array, layout: tuple[bool, tuple[int, int, int]]
) -> Iterator[Entry]:
    """List the pictures of one array: where they stand, or with their bytes where the array is compressed."""
    channels_first, shape = layout
    height, width, channels = shape
    size, stamp = math.prod(shape), f"{array.member.CRC:08x}"
    if size > LARGEST:
        return
    file.seek(array.member.header_offset)
    header = file.read(30)
    begin = array.member.header_offset + 30 + array.start
    begin += int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    in_place = Entry("", location, size, stamp, offset=begin, packed=size, shape=shape)
    if array.member.compress_type == zipfile.ZIP_STORED and not channels_first:
        for i in range(array.shape[0]):
            yield replace(in_place, offset=begin + i * size)
        return
    if is_bomb(size, size * array.member.compress_size // array.member.file_size):
        bomb = (Reason.TOO_LARGE, f"{size:,} bytes of next to nothing packed: an archive bomb")
        yield from (Entry("", location, size, stamp, refusal=bomb) for _ in range(array.shape[0]))
        return
    with archive.open(array.member) as content:
        content.read(array.start)
        for _ in range(array.shape[0]):
            pixels = content.read(size)
            if channels_first:
                pixels = np.moveaxis(np.frombuffer(pixels, np.uint8).reshape(channels, height, width), 0, 2).tobytes()
            yield Entry("", location, size, stamp, data=pixels, shape=shape)
