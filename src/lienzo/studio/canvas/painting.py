"""Pictures that the canvas is asked for: places in the space of latents, and what becomes of them."""

import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from lienzo.display import gallery
from lienzo.errors import InputError
from lienzo.explore import inversion, walking
from lienzo.explore.film import Film as FilmSettings
from lienzo.explore.sources import picture_of
from lienzo.generation.directions import Directions, beside
from lienzo.generation.generation import Generator, load
from lienzo.generation.latents import Latents, truncated
from lienzo.run.run import Run
from lienzo.studio.canvas.finding import read, show
from lienzo.studio.canvas.wishes import About, Film, Invert, Paint, Picture, Place, Read, Show, Wish

Array = NDArray[np.float32]


@lru_cache(maxsize=2)
def _loaded(path: Path, _changed: float) -> Generator:
    return load(path)


def generator_of(run: Run) -> Generator:
    """Return the newest generator of a run.

    Raises:
        GeneratorError: there is none yet, or it is damaged.
    """
    path = run.generator_path
    return _loaded(path, path.stat().st_mtime if path.exists() else 0.0)


def directions_of(run: Run, generator: Generator) -> Directions | None:
    """Return the directions that were found for this generator; None where there are none, or another's."""
    try:
        return Directions.open(beside(run), generator.fingerprint, generator.latents)
    except InputError:
        return None


def place(generator: Generator, wanted: Place) -> tuple[Array, Array]:
    """Return the latents (latents,) of a place, and its label's row (classes,).

    Raises:
        InputError: latents or a row of another dimension, or a place that says nothing.
    """
    if wanted.seed is not None:
        (z,), (y,) = generator.drawn([wanted.seed])
        return z, y
    if wanted.z is not None:
        written = wanted.y or (0.0,) * generator.classes
        for what, given, needed in (("latents", wanted.z, generator.latents), ("labels", written, generator.classes)):
            if len(given) != needed:
                raise InputError(f"these {what} have {len(given)} numbers, but {needed} are needed.")
        return np.array(wanted.z, np.float32), np.array(written, np.float32)
    if wanted.mixture is None:
        raise InputError("a place is a seed, latents or a mixture: give one of them.")
    parts = [(weight, *place(generator, part)) for weight, part in wanted.mixture]
    total = sum(abs(weight) for weight, *_ in parts)
    mixed = sum((weight * z for weight, z, _ in parts), np.zeros(generator.latents, np.float32))
    length = sum(abs(weight) * float(np.linalg.norm(z)) for weight, z, _ in parts) / max(total, 1e-12)
    row = sum((weight * y for weight, _, y in parts), np.zeros(generator.classes, np.float32))
    at = mixed * (length / max(float(np.linalg.norm(mixed)), 1e-12))
    return np.asarray(at, np.float32), np.asarray(row, np.float32)


def places(run: Run, generator: Generator, pictures: tuple[Picture, ...]) -> tuple[Array, Array]:
    """Return the latents (n, latents) and labels (n, classes) of pictures; (n, entrances, latents) if some are mixed.

    Raises:
        InputError: an unknown label or direction, latents of another dimension, or a generator that mixes nothing.
    """
    directions = directions_of(run, generator) if any(picture.along for picture in pictures) else None
    z = np.stack([_moved(generator, picture.place, picture, directions) for picture in pictures])
    y = np.stack([_row(generator, picture) for picture in pictures])
    mixed = [(number, picture) for number, picture in enumerate(pictures) if picture.mix is not None]
    if not mixed:
        return z, y
    count = len(generator.entrances)
    if count == 1:
        raise InputError("latents enter this generator by one layer only, so that none can be mixed by layer.")
    each = np.repeat(z[:, None], count, 1)
    for number, picture in mixed:
        assert picture.mix is not None
        each[number, picture.mix.layer :] = _moved(generator, picture.mix.place, picture, directions)
    return each, y


def _moved(generator: Generator, where: Place, picture: Picture, directions: Directions | None) -> Array:
    """Return the latents (latents,) of a place, truncated and moved as a picture wants it."""
    at = truncated(place(generator, where)[0][None], picture.psi)[0]
    if picture.along:
        if directions is None:
            raise InputError("this run has no directions: find them with lienzo explore directions.")
        at = at + directions.along([f"{name}={distance}" for name, distance in picture.along.items()])
    return np.asarray(at, np.float32)


def _row(generator: Generator, picture: Picture) -> Array:
    """Return the label's row (classes,): of the label that is wanted, or else the place's own."""
    if generator.classes and picture.label is not None:
        return np.asarray(generator.rows([picture.label])[0])
    return place(generator, picture.place)[1]


def about(run: Run, _wish: About) -> tuple[str, bytes]:
    """Return what a generator is and which folder a command names it by, as JSON."""
    generator = generator_of(run)
    directions, vocabulary = directions_of(run, generator), generator.vocabulary
    told: dict[str, Any] = {
        "folder": str(run.path),
        "fingerprint": generator.fingerprint,
        "latents": generator.latents,
        "height": generator.height,
        "width": generator.width,
        "layers": len(generator.entrances),
        "labels": [] if vocabulary is None else list(vocabulary.counts),
        "directions": [] if directions is None else list(directions.names),
    }
    return "application/json", msgspec.json.encode(told)


def paint(run: Run, wish: Paint) -> tuple[str, bytes]:
    """Return pictures as one PNG, row by row, without gaps."""
    generator = generator_of(run)
    pixels = generator.sketch(*places(run, generator, wish.pictures))
    return "image/png", gallery.png(gallery.grid(pixels, min(wish.columns, len(pixels)), gap=0), quick=True)


def film(run: Run, wish: Film) -> tuple[str, bytes]:
    """Return a walk through pictures as a film, or as the path that every other face of lienzo replays."""
    generator = generator_of(run)
    z, y = places(run, generator, wish.pictures)
    if z.ndim > 2:
        raise InputError("a walk goes through pictures that are not mixed by layer: take those out.")
    going = walking.steps(
        generator,
        latents=Latents(z, y, generator.fingerprint),
        film=FilmSettings(frames=wish.frames, closed=wish.closed),
    )
    walked = _last(going)
    with tempfile.TemporaryDirectory() as folder:
        written, path = walked.save(Path(folder) / f"walk.{'webp' if wish.form == 'json' else wish.form}")
        if wish.form == "json":
            return "application/json", path.read_bytes()
        return f"image/{wish.form}", written.read_bytes()


def invert(run: Run, wish: Invert) -> tuple[str, bytes]:
    """Return the latents of a picture with the row of its label, and how far what they paint is from it, as JSON.

    Raises:
        InputError: the file is no picture that preparation would take.
    """
    generator = generator_of(run)
    (best,) = inversion.inverted(generator, picture_of(wish.file, "this file", generator)[None])
    z, y = ([round(float(value), 4) for value in row] for row in (best.z, best.y))
    told = {"z": z, "y": y, "error": best.error}
    return "application/json", msgspec.json.encode(told)


def _last(steps: Any) -> Any:
    """Return what an iterator of steps returns at its end."""
    while True:
        try:
            next(steps)
        except StopIteration as ended:
            return ended.value


KINDS: dict[type[Any], Callable[[Run, Any], tuple[str, bytes]]] = {
    About: about,
    Paint: paint,
    Film: film,
    Invert: invert,
    Read: read,
    Show: show,
}
"""What makes each kind of wish come true: returns the type of its answer, and the answer."""


def fulfil(run: Run, wish: Wish) -> tuple[str, bytes]:
    """Return the type and the bytes of the answer to a wish.

    Raises:
        InputError: it cannot be done; the sentence says why.
    """
    return KINDS[type(wish)](run, wish)
