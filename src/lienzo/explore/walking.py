"""Walks through latents: the frames of a film, and the path that they follow."""

import math
from collections.abc import Generator as Steps
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path as File

import msgspec
import numpy as np
from numpy.typing import NDArray

from lienzo.display import films, gallery
from lienzo.errors import InputError, refuse_below
from lienzo.evaluation.scores import EvaluationProgress
from lienzo.explore import curves
from lienzo.explore.curves import Easing, Kind
from lienzo.explore.paths import Keyframe, Path, Walk, between, places
from lienzo.explore.sources import opened
from lienzo.generation.generation import Generator
from lienzo.generation.latents import Latents
from lienzo.metrics import detectors
from lienzo.metrics.detectors import Detector
from lienzo.run.run import Run
from lienzo.storage.files import write_bytes

Pixels = NDArray[np.uint8]

FINER = 4
"""Where speed is to be even, a walk is first painted with so many times as many frames."""

PIECE = 256
"""Pictures that are painted between two reports of how far it is."""


@dataclass(frozen=True)
class Film:
    """How a walk becomes a film."""

    frames: int = 240
    """Frames of the film."""
    per_second: float = 30.0
    """Frames per second."""
    walks: int = 1
    """Side by side; each takes the seeds after those of the one before."""
    columns: int | None = None
    """Columns of the grid that several walks stand in; by default as many as make it about square."""
    curve: Kind = "great-circles"
    """What lies between keyframes; a spline has no corners."""
    easing: Easing = "none"
    """``smooth`` slows down at every keyframe."""
    closed: bool = False
    """Return to the beginning, so that the film can go on for ever."""
    even: bool = False
    """The same distance in a detector's features from every frame to the next."""

    def __post_init__(self) -> None:
        refuse_below(1, {"frames": self.frames, "walks": self.walks, "columns": self.columns or 1})
        if not 0 < self.per_second <= 1000:
            raise InputError(f"a film of {self.per_second} frames per second cannot be shown: give a number up to 60.")
        if self.even and self.easing != "none":
            raise InputError("a walk at an even speed cannot slow down at its keyframes: leave one of the two out.")


def keyframes(
    generator: Generator,
    seeds: Sequence[int] = (),
    labels: Sequence[str] = (),
    latents: Latents | None = None,
) -> tuple[Keyframe, ...]:
    """Return the keyframes of a walk through seeds, saved latents, or one seed's labels.

    With labels, a seed is walked through all of them, and several seeds or latents take them in turn.

    Raises:
        InputError: nothing to walk through, latents of another generator, or labels that it does not know.
    """
    if latents is not None:
        latents.check(generator.fingerprint, generator.latents, generator.classes)
        rows = [tuple(map(float, y)) if len(y) else None for y in latents.y]
        found = [Keyframe(z=tuple(map(float, z)), y=y) for z, y in zip(latents.z, rows, strict=True)]
    else:
        found = [Keyframe(seed=seed) for seed in seeds]
    if not found:
        raise InputError("a walk goes through seeds or latents: give at least one, such as seeds=[0, 1, 2].")
    if labels:
        count = max(len(found), len(labels)) if len(found) > 1 else len(labels)
        found = [
            Keyframe(found[i % len(found)].seed, found[i % len(found)].z, labels[i % len(labels)]) for i in range(count)
        ]
    places(generator, found)
    return tuple(found)


def _path(generator: Generator, walks: Sequence[Sequence[Keyframe]], film: Film) -> Path:
    """Return the path of walks through keyframes, each segment with the same share of the frames."""
    several = tuple(
        Walk(tuple(each), tuple(curves.even_times(len(each), film.frames, film.easing, closed=film.closed).tolist()))
        for each in walks
    )
    return Path(
        generator=generator.fingerprint,
        latents=generator.latents,
        walks=several,
        columns=film.columns or math.ceil(math.sqrt(len(several))),
        curve=film.curve,
        closed=film.closed,
        frames_per_second=film.per_second,
    )


def painted(generator: Generator, walked: Path) -> Steps[EvaluationProgress, None, list[Pixels]]:
    """Paint a path and return its frames, each (height, width, channels), walks side by side in a grid.

    Raises:
        InputError: the path is of another generator.
    """
    walked.check(generator)
    points = list(walked.points(generator))
    total = walked.frames * len(points)
    z, y = (np.stack([point[i] for point in points], 1).reshape(total, -1) for i in (0, 1))  # frame by frame
    parts: list[Pixels] = []
    for start in range(0, total, PIECE):
        yield EvaluationProgress("frames", start, total)
        parts.append(generator.paint(z[start : start + PIECE], y[start : start + PIECE]))
    yield EvaluationProgress("frames", total, total)
    pictures = np.concatenate(parts).reshape(walked.frames, len(points), *parts[0].shape[1:])
    if len(points) == 1:
        return list(pictures[:, 0])
    return [gallery.grid(frame, walked.columns) for frame in pictures]


def save(frames: Sequence[Pixels], file: str | File, per_second: float) -> File:
    """Write a film (``.avif``, ``.webp``, ``.gif``, ``.mp4``), or a folder of PNGs where the name has no ending."""
    file = File(file)
    if file.suffix:
        write_bytes(file, films.encoder(file.suffix)(frames, per_second))
    else:
        for number, frame in enumerate(frames):
            write_bytes(file / f"frame-{number:05}.png", gallery.png(frame))
    return file


@dataclass(frozen=True)
class Speed:
    """How much pictures change from frame to frame, in a detector's features."""

    mean: float
    """Distance between one frame and the next, on average over all walks."""
    variation: float
    """Standard deviation of it within a walk, divided by its mean: 0 where a walk goes evenly."""


def speed(generator: Generator, walked: Path, detector: Detector) -> Speed:
    """Measure how evenly a path goes."""
    steps = np.stack([_distances(generator, z, y, detector) for z, y in walked.points(generator)])
    each = steps.mean(1, keepdims=True)
    return Speed(float(steps.mean()), float((steps.std(1, keepdims=True) / np.maximum(each, 1e-12)).mean()))


def evened(generator: Generator, walked: Path, detector: Detector) -> Path:
    """Return the same path at an even speed: the same distance in features from every frame to the next."""
    walks = []
    for walk in walked.walks:
        z, y = places(generator, walk.keyframes)
        segments = len(walk.keyframes) - (not walked.closed)
        fine = np.linspace(0, segments, FINER * walked.frames + 1)
        along = between(z, y, fine, walked.curve, closed=walked.closed)
        times = curves.even_distances(
            fine, _distances(generator, *along, detector), walked.frames, closed=walked.closed
        )
        walks.append(Walk(walk.keyframes, tuple(times.tolist())))
    return msgspec.structs.replace(walked, walks=tuple(walks))


def _distances(
    generator: Generator, z: NDArray[np.float32], y: NDArray[np.float32], detector: Detector
) -> NDArray[np.float64]:
    """Return how far apart the pictures of neighbouring latents are in features; (n − 1,)."""
    features = detectors.features(detector, generator.paint(z, y)).cpu().double()
    return np.asarray((features[1:] - features[:-1]).norm(dim=1).numpy())


@dataclass(frozen=True)
class Walked:
    """A film, and the path that it follows."""

    frames: tuple[Pixels, ...]
    """Each (height, width, channels), walks side by side in a grid."""
    path: Path
    """That paints them again."""
    speed: Speed | None
    """How evenly it goes, where that was asked for."""
    speed_before: Speed | None
    """How evenly it went before its speed was evened."""


def walk(
    source: str | File | Run | Generator,
    *,
    seeds: Sequence[int] = (),
    labels: Sequence[str] = (),
    latents: str | File | Latents | None = None,
    path: str | File | Path | None = None,
    film: Film | None = None,
    detector: str = "lite0",
    device: str = "cpu",
) -> Walked:
    """Walk through latents and return the frames of a film.

    Args:
        source: a generator, a run, or where one lies.
        seeds: to walk through.
        labels: to walk through with one seed; several seeds or latents take them in turn.
        latents: to walk through in place of seeds, or a file of them.
        path: to replay, or its file; nothing else is then given.
        film: how the walk becomes a film.
        detector: whose features distances are measured in; see :data:`lienzo.metrics.detectors.DETECTORS`.
        device: where to compute.

    Raises:
        InputError: nothing to walk through, a path or latents of another generator, or an unknown label.
    """
    for step in steps(
        source, seeds=seeds, labels=labels, latents=latents, path=path, film=film, detector=detector, device=device
    ):
        if isinstance(step, Walked):
            return step
    raise AssertionError("a walk ends with its frames")


def steps(
    source: str | File | Run | Generator,
    *,
    seeds: Sequence[int] = (),
    labels: Sequence[str] = (),
    latents: str | File | Latents | None = None,
    path: str | File | Path | None = None,
    film: Film | None = None,
    detector: str = "lite0",
    device: str = "cpu",
) -> Iterator[EvaluationProgress | Walked]:
    """Do what :func:`walk` does, and yield how far it has come and at last the result."""
    generator = opened(source, device)
    if path is not None:
        if seeds or labels or latents is not None or film is not None:
            raise InputError("a path says all of a walk: leave seeds, labels, latents and the film's settings out.")
        replayed = Path.open(path) if isinstance(path, str | File) else path
        frames = yield from painted(generator, replayed)
        yield Walked(tuple(frames), replayed, None, None)
        return
    film = film or Film()
    kept = Latents.open(latents) if isinstance(latents, str | File) else latents
    found = keyframes(generator, seeds, labels, kept)
    following = _path(generator, _beside(found, film.walks), film)
    before = after = None
    if film.even:
        yield EvaluationProgress("speed", 0, 2)
        features_of = detectors.load(detector, generator.device)
        before = speed(generator, following, features_of)
        yield EvaluationProgress("speed", 1, 2)
        following = evened(generator, following, features_of)
        after = speed(generator, following, features_of)
        yield EvaluationProgress("speed", 2, 2)
    frames = yield from painted(generator, following)
    yield Walked(tuple(frames), following, after, before)


def _beside(found: Sequence[Keyframe], walks: int) -> list[tuple[Keyframe, ...]]:
    """Return the keyframes of each walk: further ones take the seeds after the last of those given.

    Raises:
        InputError: several walks through latents, which have no next ones.
    """
    seeds = [keyframe.seed for keyframe in found if keyframe.seed is not None]
    if walks > 1 and len(seeds) < len(found):
        raise InputError("several walks begin at seeds: give seeds, or one walk.")
    step = max(seeds) - min(seeds) + 1 if seeds else 0
    return [
        tuple(
            msgspec.structs.replace(each, seed=None if each.seed is None else each.seed + turn * step) for each in found
        )
        for turn in range(walks)
    ]
