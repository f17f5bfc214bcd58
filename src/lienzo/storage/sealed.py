"""Files of tensors, read and verified without PyTorch.

A file is safetensors whose metadata has one entry, ``lienzo``: JSON that describes the tensors and holds, as
``fingerprint``, the SHA-256 of that description and of every tensor. Reading compares it. A file cannot run code.
"""

import hashlib
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import safetensors

from lienzo.errors import InputError

FORMAT = 1
"""Counts up when an older lienzo could no longer read the file."""

DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}
"""PyTorch's names of the types that lienzo writes, by those in the file."""


LONGEST_HEADER = 16 << 20
"""Bytes of a header that is read by itself."""


class Stored(NamedTuple):
    """A tensor as it lies in a file."""

    dtype: str
    """Its type as PyTorch names it, such as ``float32``."""

    shape: tuple[int, ...]
    """Its size in each dimension."""

    data: bytearray
    """Its numbers in C order, little-endian."""

    @property
    def numbers(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)


def read(path: Path, kind: str | None, error: type[InputError]) -> tuple[dict[str, Stored], dict[str, Any]]:
    """Return the tensors of a file by name, and its header with the ``fingerprint``, which is compared.

    Args:
        path: of the file.
        kind: what it has to hold, such as ``generator``; none: anything.
        error: raised where it does not.

    Raises:
        InputError: of the type ``error``: no such file, a damaged or truncated one, or one that holds something else.
    """
    remedy = "copy it again, or delete it" if kind == "checkpoint" else "copy it again, or give another file"
    try:
        content = path.read_bytes()
        found = safetensors.deserialize(content)  # type: ignore[no-untyped-call]
    except FileNotFoundError:
        raise error(f"there is no file {path}: check the path.") from None
    except safetensors.SafetensorError as reason:
        raise error(f"{path} is truncated or no safetensors file ({reason}): {remedy}.") from None
    except OSError as reason:
        raise error(f"{path} cannot be read ({reason}): give a file that can be.") from None
    header = _header(content)
    known = all(value["dtype"] in DTYPES for _, value in found)
    if header is None or not known or kind not in (None, header.get("kind")):
        raise error(f"{path} is no lienzo {kind or 'file'}: it was written by something else or holds something else.")
    if header["format"] > FORMAT:
        raise error(f"{path} was written by a newer lienzo: update lienzo to read it.")
    tensors = {name: Stored(DTYPES[value["dtype"]], tuple(value["shape"]), value["data"]) for name, value in found}
    sealed = header.pop("fingerprint", None)
    if fingerprint(((name, *tensor) for name, tensor in tensors.items()), header) != sealed:
        raise error(f"{path} is damaged, its content does not match its fingerprint: {remedy}.")
    return tensors, {**header, "fingerprint": sealed}


def refuse_other(path: Path, kind: str, generator: str | None = None) -> None:
    """Refuse to write a file of a kind where another stands, such as a generator, or one of another generator.

    Args:
        path: of the file.
        kind: what it may hold.
        generator: fingerprint of the generator that it may be of; none: of any.

    Raises:
        InputError: there is one.
    """
    if not path.exists():
        return
    found = header(path) or {}
    if found.get("kind") != kind:
        raise InputError(f"{path} is there and holds no {kind}: give the name of another file.")
    if generator is not None and found.get("generator") != generator:
        raise InputError(f"{path} is there and is of another generator ({kind}): give the name of another file.")


def header(path: Path) -> dict[str, Any] | None:
    """Return what stands in front of a file's tensors, which are not read and not compared; None where nothing does."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(start := file.read(8), "little")
            return _header(start + file.read(length)) if length <= LONGEST_HEADER else None
    except OSError:
        return None


def fingerprint(
    tensors: Iterable[tuple[str, str, tuple[int, ...], bytearray | memoryview]], header: dict[str, Any]
) -> str:
    """Return the SHA-256 of a header and of tensors, in whatever order these come.

    Args:
        tensors: the name, the type, the shape and the bytes of each.
        header: JSON values.
    """
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, dtype, shape, data in sorted(tensors, key=lambda tensor: tensor[0]):
        digest.update(f"{name} torch.{dtype} {list(shape)}".encode())
        digest.update(data)
    return digest.hexdigest()


def _header(content: bytes) -> dict[str, Any] | None:
    """Return what lienzo wrote into the metadata of a valid safetensors file, or None where it wrote nothing."""
    length = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["lienzo"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return header if isinstance(header, dict) and isinstance(header.get("format"), int) else None
