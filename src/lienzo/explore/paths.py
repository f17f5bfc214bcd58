"""A path: a walk through latents as a small JSON file that the command, Python and pages replay to the same pictures.

A path holds one walk or a grid of them. Each walk has keyframes, which are seeds or latents written out, with a label
where the generator knows labels, and the times at which its frames lie. What lies between keyframes follows from
:mod:`lienzo.explore.curves`.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path as File
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from lienzo.errors import InputError
from lienzo.explore import curves
from lienzo.explore.film import FASTEST, MOST_FRAMES, MOST_WALKS, SLOWEST, Curve
from lienzo.generation.generation import Generator, refuse_infinite
from lienzo.generation.spans import LAST_SEED
from lienzo.storage.files import write_bytes

LARGEST = 1 << 26
"""Largest size of a path's file, in bytes."""

MOST_KEYFRAMES = 10_000
"""Keyframes of a walk, at most."""

Array = NDArray[np.float32]


class Keyframe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One of the points that a walk passes through: a seed, or latents written out."""

    seed: Annotated[int, Meta(ge=0, le=LAST_SEED)] | None = None
    """Seed, from 0 on; None where ``z`` is given."""
    z: tuple[float, ...] | None = None
    """Latents (latents,); None where ``seed`` is given."""
    label: str | None = None
    """A label or a mixture. By default the one that the seed draws, and none for latents written out."""
    y: tuple[float, ...] | None = None
    """(classes,), a label's row written out, where no name says it."""


class Walk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A walk from keyframe to keyframe."""

    keyframes: Annotated[tuple[Keyframe, ...], Meta(min_length=1, max_length=MOST_KEYFRAMES)]
    times: Annotated[tuple[Annotated[float, Meta(ge=0)], ...], Meta(min_length=1, max_length=MOST_FRAMES)]
    """Position of each frame: 0 is the first keyframe, 1 the second, 0.5 half way between."""


class Path(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Walks side by side, all of the same number of frames."""

    generator: str
    """Fingerprint of the generator that the walks belong to."""
    latents: Annotated[int, Meta(ge=1)]
    """Dimension of z."""
    walks: Annotated[tuple[Walk, ...], Meta(min_length=1, max_length=MOST_WALKS)]
    """The walks, in the order of the grid: left to right, then down."""
    columns: Annotated[int, Meta(ge=1)] = 1
    """Columns of the grid that they stand in; no more than there are walks."""
    curve: Curve = "great-circles"
    """What lies between keyframes."""
    closed: bool = False
    """Whether each walk returns from its last keyframe to its first."""
    frames_per_second: Annotated[float, Meta(ge=SLOWEST, le=FASTEST)] = 30.0
    format: Literal["lienzo path"] = "lienzo path"
    version: Literal[1] = 1

    @property
    def frames(self) -> int:
        """Number of frames of each walk."""
        return len(self.walks[0].times)

    def __post_init__(self) -> None:
        """Leave out columns that would stay empty, and refuse what a file of it would not be read with.

        Raises:
            InputError: too many keyframes, or seeds that are too large.
        """
        msgspec.structs.force_setattr(self, "columns", min(self.columns, len(self.walks)))
        if any(len(walk.keyframes) > MOST_KEYFRAMES for walk in self.walks):
            raise InputError(f"a walk goes through {MOST_KEYFRAMES:,} keyframes at most: give fewer seeds.")
        if any((keyframe.seed or 0) > LAST_SEED for walk in self.walks for keyframe in walk.keyframes):
            raise InputError(f"the seeds of a walk are {LAST_SEED} at most: give lower ones.")

    def to_bytes(self) -> bytes:
        """Return what its file holds."""
        return msgspec.json.encode(self) + b"\n"

    def save(self, path: str | File) -> File:
        """Write the file, ``*.json``."""
        write_bytes(File(path), self.to_bytes())
        return File(path)

    @classmethod
    def open(cls, path: str | File) -> "Path":
        """Read what :meth:`save` wrote.

        Raises:
            InputError: no such file, or one that holds no path.
        """
        file = File(path)
        try:
            if file.stat().st_size > LARGEST:
                raise InputError(f"{file} is larger than any path ({LARGEST >> 20} MiB): give another file.")
            opened = msgspec.json.decode(file.read_bytes(), type=cls)
        except OSError as error:
            raise InputError(f"{file} cannot be read ({error.strerror}): check the path.") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(f"{file} holds no path ({error}): save the path of a walk.") from None
        if any(max(walk.times) > len(walk.keyframes) - (not opened.closed) for walk in opened.walks):
            raise InputError(f"{file} has times beyond the last keyframe: save the path again.")
        if any(len(walk.times) != opened.frames for walk in opened.walks):
            raise InputError(f"{file} holds walks of different lengths: save the path again.")
        for keyframe in (each for walk in opened.walks for each in walk.keyframes):
            if (keyframe.seed is None) == (keyframe.z is None):
                raise InputError(f"{file} has a keyframe that is no seed and no latents, or both: save the path again.")
            if keyframe.z is not None and len(keyframe.z) != opened.latents:
                raise InputError(f"{file} has latents of another dimension than {opened.latents}: save the path again.")
        return opened

    def written_out(self, generator: Generator) -> "Path":
        """Return the same path with latents and labels in place of seeds and names, for who cannot draw these."""
        return msgspec.structs.replace(self, walks=tuple(_written_out(generator, walk) for walk in self.walks))

    def check(self, generator: Generator) -> None:
        """Refuse a path of another generator.

        Raises:
            InputError: it is another's.
        """
        if self.generator != generator.fingerprint or self.latents != generator.latents:
            raise InputError(
                f"this path is of the generator {self.generator[:16]}, and this is {generator.fingerprint[:16]}: "
                "give it to its own generator, or walk again."
            )

    def points(self, generator: Generator) -> Iterator[tuple[Array, Array]]:
        """Yield the latents (frames, latents) and labels (frames, classes) of each walk, float32."""
        for walk in self.walks:
            z, y = places(generator, walk.keyframes)
            yield between(z, y, np.array(walk.times), self.curve, closed=self.closed)


@np.errstate(over="ignore")  # what is too large is refused
def places(generator: Generator, keyframes: Sequence[Keyframe]) -> tuple[Array, Array]:
    """Return the latents (k, latents) and labels (k, classes) of keyframes.

    Raises:
        InputError: an unknown label, one for a generator that knows none, or numbers that are not finite.
    """
    parts = [_place(generator, keyframe) for keyframe in keyframes]
    z, y = np.concatenate([z for z, _ in parts]), np.concatenate([y for _, y in parts])
    refuse_infinite("the latents and labels of a walk", z, y)
    return z, y


def between(z: Array, y: Array, times: NDArray[np.float64], curve: Curve, *, closed: bool) -> tuple[Array, Array]:
    """Return latents and labels at times of a walk through keyframes ``z`` (k, latents) and ``y`` (k, classes)."""
    along = curves.points(z.astype(np.float64), times, curve, closed=closed)
    labels = curves.mixed(y.astype(np.float64), times, closed=closed)
    return along.astype(np.float32), labels.astype(np.float32)


def _written_out(generator: Generator, walk: Walk) -> Walk:
    z, y = places(generator, walk.keyframes)
    rows = [tuple(map(float, row)) if len(row) else None for row in y]
    keyframes = tuple(Keyframe(z=tuple(map(float, one)), y=row) for one, row in zip(z, rows, strict=True))
    return Walk(keyframes, walk.times)


def _place(generator: Generator, keyframe: Keyframe) -> tuple[Array, Array]:
    if keyframe.seed is not None:
        z, y = generator.drawn([keyframe.seed])
    else:
        z, y = np.array([keyframe.z], np.float32), np.zeros((1, generator.classes), np.float32)
    if keyframe.label is not None:
        if not generator.classes:
            raise InputError("the generator was trained without labels: leave them out of the walk.")
        y = generator.rows([keyframe.label])
    if keyframe.y is not None:
        if len(keyframe.y) != generator.classes:
            raise InputError(
                f"a keyframe has a label of {len(keyframe.y)} numbers, not {generator.classes}: walk again."
            )
        y = np.array([keyframe.y], np.float32)
    return z, y
