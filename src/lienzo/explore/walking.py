"""Walks through latents: the frames of a film, and the path that they follow."""

import math
from collections.abc import Generator as Steps
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path as File
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from lienzo.display import films, gallery, pages
from lienzo.errors import InputError
from lienzo.evaluation.scores import EvaluationProgress
from lienzo.explore import curves
from lienzo.explore.film import Film
from lienzo.explore.paths import Keyframe, Path, Walk, between, places
from lienzo.explore.sources import opened, refuse_idle
from lienzo.generation.generation import Generator
from lienzo.generation.latents import Latents
from lienzo.generation.request import checked
from lienzo.generation.spans import parse_seeds
from lienzo.metrics import detectors
from lienzo.metrics.detectors import Detector
from lienzo.run.run import Run
from lienzo.signatures import finished
from lienzo.storage.files import replacing, write_bytes

Pixels = NDArray[np.uint8]

FINER = 4
"""Where speed is to be even, a walk is first painted with so many times as many frames."""

SEEDS = 8
"""Seeds that a walk goes through where nothing else is given."""

FRAMES = "frame-[0-9][0-9][0-9][0-9][0-9].png"
"""The names of frames in a folder."""

PIECE = 256
"""Pictures that are painted between two reports of how far it is."""


def keyframes(
    generator: Generator,
    seeds: Sequence[int] = (),
    labels: Sequence[str] = (),
    latents: Latents | None = None,
) -> tuple[Keyframe, ...]:
    """Return the keyframes of a walk through seeds, saved latents, or one seed's labels.

    With labels, a seed is walked through all of them, and several seeds or latents take them in turn.

    Args:
        generator: that paints them.
        seeds: by default the first eight, or the first alone with labels.
        labels: names or mixtures that the generator knows.
        latents: in place of seeds.

    Raises:
        InputError: seeds and latents at once, latents of another generator, or labels that it does not know.
    """
    if latents is not None and seeds:
        raise InputError("a walk goes through seeds or through latents: give one of the two.")
    if latents is not None:
        latents.check(generator.fingerprint, generator.latents, generator.classes)
        rows = [tuple(map(float, y)) if len(y) else None for y in latents.y]
        found = [Keyframe(z=tuple(map(float, z)), y=y) for z, y in zip(latents.z, rows, strict=True)]
    else:
        found = [Keyframe(seed=seed) for seed in seeds or range(1 if labels else SEEDS)]
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
        frames_per_second=film.frames_per_second,
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
    """Write a film (``.avif``, ``.webp``, ``.gif``, ``.mp4``), or a folder of PNGs where the name has no ending.

    In a folder the frames take the place of those of an earlier film, all of them.
    """
    file = File(file)
    if file.suffix:
        write_bytes(file, films.encoder(file.suffix)(frames, per_second))
    else:
        names = [f"frame-{number:05}.png" for number in range(len(frames))]
        for name, frame in zip(names, frames, strict=True):
            write_bytes(file / name, gallery.png(frame))
        for surplus in {path.name for path in file.glob(FRAMES)} - set(names):
            (file / surplus).unlink()  # of an earlier, longer film
    return file


def path_beside(film: str | File, written: Path | None = None) -> File:
    """Return where the path of a film goes. It is the mark of lienzo's films: one without it is not replaced.

    A path that is there belongs to the film of this name, or to one of another ending, which could not be painted again
    if another path took its place.

    Args:
        film: its file, or the folder of its frames.
        written: the path that will be written, where it is known: the same one may stand there.

    Raises:
        InputError: another ending, ``.mp4`` without PyAV, a folder of the film's name, something there that lienzo did
            not write, or another film of this path.
    """
    film = File(film)
    if film.suffix:
        films.encoder(film.suffix)
        if film.is_dir():
            raise InputError(f"{film} is a folder: give the film another name, or leave {film.suffix} out for frames.")
    path = film.with_suffix(".json") if film.suffix else film / "path.json"
    there = film if film.suffix or not film.is_dir() else next(film.glob(FRAMES), film / FRAMES)
    if not path.exists():
        if there.exists():
            raise InputError(
                f"{there} exists, and no path {path.name} beside it says that lienzo generated it: choose another "
                "name, or move it away."
            )
        return path
    try:
        found = Path.open(path)
    except InputError:
        raise InputError(f"{path} is there and holds no path: give the film another name.") from None
    others = (path.with_suffix(ending) for ending in films.ENCODERS if ending != film.suffix.lower())
    other = next((each for each in others if each.exists()), None)
    if there.exists() and other is not None:
        raise InputError(f"{path} may be the path of {there} or of {other}: give the film another name.")
    if not there.exists() and found != written:
        raise InputError(
            f"{path} is the path of {other or 'another film'}, which could not be painted again: give the film another "
            f"name, or replay that path with --path {path}."
        )
    return path


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
    speed: Speed | None = None
    """How evenly it goes, where that was asked for."""
    speed_before: Speed | None = None
    """How evenly it went before its speed was evened."""

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the film as an animated GIF."""
        wait = round(1000 / self.path.frames_per_second)
        film = gallery.gif(self.frames, wait, wait)
        return pages.picture(film, "a walk through latents", pixels=True, width=max(256, self.frames[0].shape[1]))

    def to_json(self) -> dict[str, Any]:
        """Return what it is as JSON values, without its pictures."""
        about: dict[str, Any] = {"frames": len(self.frames), "frames_per_second": self.path.frames_per_second}
        about |= {"walks": len(self.path.walks), "generator": self.path.generator}
        speeds = {"speed": self.speed, "speed_before": self.speed_before}
        return about | {name: asdict(value) for name, value in speeds.items() if value is not None}

    def save(self, film: str | File) -> tuple[File, File]:
        """Write the film, and its path beside it under the same name with ``.json``; return both places.

        Args:
            film: ``.avif``, ``.webp``, ``.gif``, ``.mp4``, or a folder for PNGs, in which the path is then.

        Raises:
            InputError: what :func:`path_beside` refuses.
        """
        film = File(film)
        path = path_beside(film, self.path)
        if film.suffix:
            with replacing(path) as beside:  # both or neither: a film that cannot be encoded leaves them as they are
                beside.write(self.path.to_bytes())
                save(self.frames, film, self.path.frames_per_second)
        else:
            self.path.save(path)  # first: frames without it would be taken for someone else's
            save(self.frames, film, self.path.frames_per_second)
        return film, path


def steps(
    source: str | File | Run | Generator,
    *,
    seeds: str | Iterable[int] | None = None,
    label: str | Sequence[str] = (),
    latents: str | File | Latents | None = None,
    path: str | File | Path | None = None,
    film: Film | None = None,
    detector: str = "lite0",
    device: str = "cpu",
) -> Steps[EvaluationProgress, None, Walked]:
    """Walk through latents and return the frames of a film.

    Args:
        source: a generator, a run, or where one lies.
        seeds: to walk through: numbers, or a text such as ``0,1,2`` or ``10-19``; by default the first eight.
        label: one or several to walk through with one seed; several seeds or latents take them in turn.
        latents: to walk through in place of seeds, or a file of them.
        path: to replay, or its file; nothing else is then given.
        film: how the walk becomes a film.
        detector: whose features distances are measured in; see :data:`lienzo.metrics.detectors.DETECTORS`.
        device: where to compute.

    Raises:
        InputError: a path or latents of another generator, no seeds, an unknown label, or a detector that measures
            nothing.
    """
    if path is not None:
        refuse_idle(steps, "of a path", detector=detector)
    elif film is None or not film.even:
        refuse_idle(steps, "of a walk that is not --even", detector=detector)
    generator = opened(source, device)
    if path is not None:
        if seeds is not None or label or latents is not None or film not in (None, Film()):
            raise InputError("a path says all of a walk: leave seeds, labels, latents and the film's settings out.")
        replayed = Path.open(path) if isinstance(path, str | File) else path
        frames = yield from painted(generator, replayed)
        return Walked(tuple(frames), replayed)
    film = film or Film()
    labels = [label] if isinstance(label, str) else label
    kept = Latents.open(latents) if isinstance(latents, str | File) else latents
    chosen = parse_seeds(seeds) if isinstance(seeds, str) else () if seeds is None else checked(seeds)
    found = keyframes(generator, chosen, labels, kept)
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
    return Walked(tuple(frames), following, after, before)


walk = finished(steps, "walk")


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
