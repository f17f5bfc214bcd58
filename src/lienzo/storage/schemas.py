"""What a file says becomes a value of a stated type, or an error: never code, a path to follow, or a size to believe.

Types are dataclasses or :class:`msgspec.Struct`, with limits as :class:`msgspec.Meta`.
"""

import json
from typing import Annotated, Any, TypeVar

import msgspec

T = TypeVar("T")

Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]
"""How many there are of something."""

Fingerprint = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{16}\Z")]
"""Made by :func:`lienzo.storage.files.fingerprint`."""

Sha256 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
"""A SHA-256 in hexadecimal."""


def parse(data: bytes) -> Any:
    """Return the value that JSON describes; NaN and infinities are numbers.

    Raises:
        ValueError: it is no JSON, or nested without end.
    """
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def decode(data: bytes, expected: type[T]) -> T:
    """Return the value of the expected type that JSON describes.

    Raises:
        ValueError: it is no JSON, or describes something else; the message says where.
    """
    return convert(parse(data), expected)


def convert(value: Any, expected: type[T]) -> T:
    """Return plain values of JSON as a value of the expected type.

    Raises:
        ValueError: they describe something else; the message says where.
    """
    try:
        return msgspec.convert(value, expected)
    except (TypeError, OverflowError) as error:  # of a dataclass's own checks
        raise ValueError(str(error)) from None
