"""The log of a run, read in ranges: a few lines of many for a curve, and what is new since an offset.

Lines are ordered by ``images``. A curve of a thousand points therefore parses a thousand lines and no more, however
long the log is. Only for the few lines with KID or trouble the whole of it is looked through, for a word.
"""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

LONGEST = 1 << 16
"""Bytes of one line at most; a longer one is damaged."""

MOST_NEWS = 1 << 22
"""Bytes of new lines at most; who is farther behind reads the curve anew."""

MOST_TROUBLES = 100
"""Places that trouble is told of at most."""

KID = b'"kid": '
"""Stands in the lines in which KID was taken, which are few: a curve has them beside what it is spread over."""

TROUBLE = b'"trouble": "'

PART = 1 << 20
"""Bytes that are looked through at once."""


def curve(path: Path, *, first: int = 0, last: int | None = None, most: int = 1_000) -> list[dict[str, Any]]:
    """Return lines of a log, at most so many, evenly spread over the range, its ends among them.

    A quarter of them at most are lines with KID, which are looked for first.

    Args:
        path: of the log.
        first: lines from so many pictures on.
        last: to so many pictures; None: to the end.
        most: number of lines.
    """
    try:
        with path.open("rb") as file:
            size = _whole(file)
            begin = _find(file, size, first)
            end = size if last is None else _find(file, size, last + 1)
            rare = _measured(file, begin, end, most // 4)
            lines = list(_spread(file, begin, end, most - len(rare)))
    except FileNotFoundError:
        return []
    return [line for _, line in sorted({line["images"]: line for line in (*lines, *rare)}.items())] if rare else lines


def measured(path: Path, most: int = 1_000) -> list[dict[str, Any]]:
    """Return lines of a log in which KID was taken, at most so many, evenly spread, both ends among them."""
    try:
        with path.open("rb") as file:
            return _measured(file, 0, _whole(file), most)
    except FileNotFoundError:
        return []


def newest_kid(path: Path) -> float | None:
    """Return the KID that was taken last, however long ago; None where there is none."""
    try:
        with path.open("rb") as file:
            *_, begin = (0, *_with(file, KID, 0, _whole(file)))
            line = parsed(_line(file, begin))
    except FileNotFoundError:
        return None
    kid = line.get("kid") if line else None
    return kid if isinstance(kid, float) else None


def after(path: Path, offset: int) -> tuple[list[dict[str, Any]] | None, int]:
    """Return the whole lines from an offset in bytes on, and the offset behind them.

    A last line that is not finished stays for the next time. In place of lines stands None where no line begins at the
    offset, as after a run was set back, or where too much is new: the curve has to be read anew. The offset is then
    that behind the last line.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, offset - 1))
            begins = size >= offset and (offset == 0 or file.read(1) == b"\n")
            if not begins or size - offset > MOST_NEWS:
                return None, _whole(file)
            data = file.read(size - offset)
    except FileNotFoundError:
        return [] if offset == 0 else None, 0
    whole = data[: data.rfind(b"\n") + 1]
    lines = [line for text in whole.splitlines() if (line := parsed(text)) is not None]
    return lines, offset + len(whole)


def size(path: Path) -> int:
    """Return the bytes of the whole lines: the offset from which :func:`after` tells what is new."""
    try:
        with path.open("rb") as file:
            return _whole(file)
    except FileNotFoundError:
        return 0


def troubles(path: Path) -> list[dict[str, Any]]:
    """Return where trouble began: ``images`` and the ``trouble``, a sentence; what goes on is told once."""
    try:
        with path.open("rb") as file:
            begins = _with(file, TROUBLE, 0, _whole(file))
            lines = (parsed(_line(file, begin)) for begin in begins)
            told = (line for line in lines if line is not None and isinstance(line.get("trouble"), str))
            return [{name: line[name] for name in ("images", "trouble")} for line in islice(told, MOST_TROUBLES)]
    except FileNotFoundError:
        return []


def _measured(file: BinaryIO, begin: int, end: int, most: int) -> list[dict[str, Any]]:
    """Return at most so many lines with KID from between two beginnings of lines, evenly spread."""
    places = list(_with(file, KID, begin, end))
    most = min(most, len(places))
    chosen = [places[at * (len(places) - 1) // max(1, most - 1)] for at in range(most)]
    lines = (parsed(_line(file, place)) for place in chosen)
    return [line for line in lines if line is not None and isinstance(line.get("kid"), float)]


def _with(file: BinaryIO, word: bytes, begin: int, end: int) -> Iterator[int]:
    """Yield where lines begin in which a word stands, from between two beginnings of lines."""
    while begin < end:
        file.seek(begin)
        data = file.read(min(PART, end - begin))
        if not data:  # it has just become shorter
            return
        cut = data.rfind(b"\n") + 1 or len(data)
        at = data.find(word, 0, cut)
        while at >= 0:
            yield begin + data.rfind(b"\n", 0, at) + 1
            at = data.find(word, data.find(b"\n", at), cut)
        begin += cut


def _whole(file: BinaryIO) -> int:
    """Return the bytes up to the end of the last finished line."""
    size = file.seek(0, 2)
    begin = max(0, size - LONGEST)
    file.seek(begin)
    end = file.read(size - begin).rfind(b"\n")
    return begin + end + 1


def _spread(file: BinaryIO, begin: int, end: int, most: int) -> Iterator[dict[str, Any]]:
    """Yield at most so many lines from between two beginnings of lines, evenly spread in bytes."""
    step = max(1, (end - begin) // max(1, most - 1))
    at, newest = begin, begin
    while at < end:
        newest, text = at, _line(file, at)
        line = parsed(text)
        if line is not None:
            yield line
        ends = at + len(text)
        at = ends if at + step <= ends else _next(file, at + step)
    if newest < end:
        before = _beginning(file, end - 1)
        if before > newest and (line := parsed(_line(file, before))) is not None:
            yield line


def _find(file: BinaryIO, size: int, images: int) -> int:
    """Return the beginning of the first line of so many pictures or more, by halving."""
    low, high = 0, size
    while low < high:
        middle = max(low, _beginning(file, (low + high) // 2))  # of a damaged line no beginning may be near
        text = _line(file, middle)
        line = parsed(text)
        if line is not None and line["images"] >= images:
            high = middle
        else:
            low = middle + len(text)
    return low


def _beginning(file: BinaryIO, at: int) -> int:
    """Return where the line begins that a byte belongs to."""
    begin = max(0, at - LONGEST)
    file.seek(begin)
    return begin + file.read(at - begin).rfind(b"\n") + 1


def _next(file: BinaryIO, at: int) -> int:
    """Return where the first line begins that begins at a byte or after it."""
    file.seek(at - 1)
    return at - 1 + len(file.readline(LONGEST))


def _line(file: BinaryIO, at: int) -> bytes:
    file.seek(at)
    return file.readline(LONGEST)


_FAST = msgspec.json.Decoder()
_TOLERANT = json.JSONDecoder(parse_constant=lambda _name: None)
"""JSON has no word for what is no finite number, but logs have: ``NaN``."""


def parsed(text: bytes) -> dict[str, Any] | None:
    """Return a line of a log, with None for what is no finite number, or None where it is none."""
    try:
        line = _FAST.decode(text)
    except (ValueError, RecursionError):
        try:
            line = _TOLERANT.decode(text.decode())
        except (ValueError, RecursionError):
            return None
    return line if isinstance(line, dict) and isinstance(line.get("images"), int) else None
