"""A folder of painted pictures as a download leaves it: three formats, a folder per manner, some files broken."""

import io
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from lienzo import seeds
from lienzo.errors import InputError
from lienzo.painter.manners import MANNERS, paint_canvas
from lienzo.storage import files

COUNT = 1600
"""Default number of files, of which 1,549 are whole."""

BROKEN_EVERY = 31
"""One file in so many is broken."""

TURNED_EVERY = 24
"""One file in so many, if it is a JPEG, is stored lying on its side with an EXIF note of how to turn it."""

KINDS = ("jpg", "jpg", "png", "webp")
"""File formats, one of which is drawn for each file; JPEG has two of four chances."""

CHUNK = 16
"""Files that a process paints at a time."""


def _encode(picture: Image.Image, kind: str, turned: bool = False) -> bytes:
    buffer = io.BytesIO()
    if kind == "jpg" and turned:
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = 6  # "turn me a quarter clockwise", as telephones write it
        picture.transpose(Image.Transpose.ROTATE_90).save(buffer, "JPEG", quality=90, exif=exif)
    elif kind == "jpg":
        picture.save(buffer, "JPEG", quality=90)
    elif kind == "png":
        picture.save(buffer, "PNG", compress_level=1)
    else:
        picture.save(buffer, "WEBP", quality=85, method=1)
    return buffer.getvalue()


ERROR_PAGE = b"<!DOCTYPE html>\n<html><head><title>429 Too Many Requests</title></head><body>Slow down.</body></html>\n"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 81920\n"
TRACKING_PIXEL = _encode(Image.new("RGB", (1, 1), "white"), "png")

DAMAGES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "empty": ("jpg", lambda data: b""),  # noqa: ARG005
    "error page": ("jpg", lambda data: ERROR_PAGE),  # noqa: ARG005
    "cut JPEG": ("jpg", lambda data: data[: len(data) // 2]),
    "cut PNG": ("png", lambda data: data[: len(data) // 2]),
    "cut WebP": ("webp", lambda data: data[: len(data) // 2]),
    "zeroed end": ("jpg", lambda data: data[: len(data) // 3].ljust(len(data), b"\0")),
    "zeroed middle": ("jpg", lambda data: data[: len(data) // 3].ljust(len(data) - 40, b"\0") + data[-40:]),
    "text": ("png", lambda data: POINTER),  # noqa: ARG005
    "random bytes": ("jpg", lambda data: np.random.Generator(np.random.Philox(len(data))).bytes(len(data))),
    "one pixel": ("png", lambda data: TRACKING_PIXEL),  # noqa: ARG005
}
"""How files break: the kind of file, and what becomes of the bytes of a whole one."""


@dataclass(frozen=True)
class File:
    """The plan of one file of the collection."""

    number: int
    """Which file of the collection."""
    manner: str
    """A key of :data:`MANNERS`."""
    kind: str
    """``jpg``, ``png`` or ``webp``."""
    damage: str
    """A key of :data:`DAMAGES`, ``"duplicate"`` for another file's very bytes, or ``""``."""

    @property
    def name(self) -> str:
        """Its path within the collection's folder."""
        return f"{self.manner}/{self.number:05d}.{self.kind}"


def plan(number: int, seed: int = 0) -> File:
    """Return the plan of a file: its manner, format and damage follow from its number and the seed."""
    manner = sorted(MANNERS)[number % len(MANNERS)]
    kind = KINDS[int(seeds.numpy_generator(seed, "painter/kind", number).integers(len(KINDS)))]
    turn, position = divmod(number, BROKEN_EVERY)
    if position != BROKEN_EVERY - 1:
        return File(number, manner, kind, "")
    damage = [*DAMAGES, "duplicate"][turn % (len(DAMAGES) + 1)]
    if damage == "duplicate":
        return File(number, manner, plan(number - len(MANNERS), seed).kind, damage)
    return File(number, manner, DAMAGES[damage][0], damage)


def content(file: File, seed: int = 0) -> bytes:
    """Return the bytes of one file."""
    number = file.number - len(MANNERS) if file.damage == "duplicate" else file.number
    data = _encode(paint_canvas(file.manner, seed, number), file.kind, turned=number % TURNED_EVERY == 0)
    return DAMAGES[file.damage][1](data) if file.damage in DAMAGES else data


def _write(out: Path, numbers: range, seed: int) -> int:
    for number in numbers:
        file = plan(number, seed)
        files.write_bytes(out / file.name, content(file, seed))
    return len(numbers)


def steps(out: Path, count: int = COUNT, seed: int = 0, workers: int | None = None) -> Iterator[int]:
    """Paint a collection, and yield how many files there are so far.

    Args:
        out: the folder; each manner gets a folder in it. A file of the same name is painted over.
        count: how many files.
        seed: seed of all randomness.
        workers: processes; by default as many as there are cores.

    Raises:
        InputError: if ``count`` or ``workers`` is below 1.
    """
    workers = workers or os.cpu_count() or 1
    if count < 1 or workers < 1:
        raise InputError(f"cannot paint {count} canvases with {workers} processes: give numbers from 1 up")
    chunks = [range(first, min(first + CHUNK, count)) for first in range(0, count, CHUNK)]
    if workers == 1 or len(chunks) == 1:
        done = 0
        for chunk in chunks:
            yield (done := done + _write(out, chunk, seed))
        return
    processes = [_start(out, chunks[first::workers], seed) for first in range(min(workers, len(chunks)))]
    try:
        done = 0
        for i in range(len(chunks)):
            yield (done := done + _answer(processes[i % len(processes)]))
    finally:
        for process in processes:
            process.kill()
            with process:  # closes its pipe, and waits for its end
                pass


def serve() -> None:
    """Paint the chunks of files that come in on standard input, and report each: the main function of a process."""
    out, chunks, seed = pickle.load(sys.stdin.buffer)
    for chunk in chunks:
        try:
            answer: int | OSError = _write(out, chunk, seed)
        except OSError as error:  # no space left, say
            answer = error
        pickle.dump(answer, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _start(out: Path, chunks: Sequence[range], seed: int) -> "subprocess.Popen[bytes]":
    """Start a process that paints chunks of files.

    The caller's script is not imported there, so that it need not guard anything by ``__main__``.
    """
    program = f"import sys; sys.path[:] = {sys.path!r}; from lienzo.painter.painting import serve; serve()"
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    pickle.dump((out, chunks, seed), process.stdin)
    process.stdin.close()
    return process


def _answer(process: "subprocess.Popen[bytes]") -> int:
    """Wait for the next chunk of a process, and return how many files it has.

    Raises:
        OSError: a file could not be written.
        RuntimeError: the process was ended.
    """
    assert process.stdout is not None
    try:
        answer: int | OSError = pickle.load(process.stdout)
    except EOFError:
        raise RuntimeError(f"a painter's process ended with status {process.wait()}") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def paint(out: Path, count: int = COUNT, seed: int = 0, workers: int | None = None) -> Path:
    """Paint a collection to its end, and return its folder; the arguments are those of :func:`steps`."""
    for _ in steps(out, count, seed, workers):
        pass
    return out
