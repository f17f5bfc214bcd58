"""What can be scored: a generator, or the real pictures of a collection."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from lienzo.collection.collection import Collection
from lienzo.collection.listing.places import is_url
from lienzo.collection.settings import Part
from lienzo.display.wording import examples
from lienzo.errors import ScoreError
from lienzo.evaluation.scores import titled
from lienzo.generation import generation, hub
from lienzo.generation.generation import Generator
from lienzo.generation.latents import truncated
from lienzo.run.run import Run
from lienzo.storage import caches

SIZING = ("geometry", "trim_borders", "resample")
"""Settings of a preparation that show in pictures whose size it changed."""


@dataclass(frozen=True)
class Subject:
    """Pictures to score, each made or found by a number."""

    name: str
    """Name of the subject in tables and messages."""

    fingerprint: str
    """Fingerprint of the generator or collection."""

    draw: Callable[[NDArray[np.int64]], NDArray[np.uint8]]
    """Function from seeds, or from rows of a collection, to pictures (n, height, width, channels)."""

    rows: NDArray[np.int64] | None = None
    """Rows of a collection that may be drawn; None for a generator, which has a picture for every seed."""

    vocabularies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Kind of labels -> names of the labels that the pictures have."""

    labels: Callable[[str, NDArray[np.int64]], NDArray[np.int64]] | None = None
    """Function from a kind of labels, and seeds or rows (n,), to positions among its names (n,), −1 for no label."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the preparation, if it is a collection's."""

    shows: tuple[str, ...] = ()
    """Names of those of these settings that show in its pictures; see :func:`shown`."""

    prepared: Mapping[str, Any] | None = None
    """How they were made of a folder or an archive of pictures; see :func:`prepared`."""

    learnt: str = ""
    """Fingerprint of the collection that the generator learnt from; empty where its file does not tell."""

    run: Run | None = None
    """The run whose newest generator is scored, if it is one."""

    truncation: float | None = None
    """ψ by which its latents are drawn towards their mean."""

    @property
    def title(self) -> str:
        """Its name, and its truncation where it has one."""
        return titled(self.name, self.truncation)

    def numbers(self, samples: int, seed: int) -> NDArray[np.int64]:
        """Return the seeds of ``samples`` pictures, one after the other, or the rows of as many as there are."""
        if self.rows is None:
            return np.arange(seed, seed + samples, dtype=np.int64)
        return self.rows[sample(len(self.rows), samples)]


Source = str | Path | Run | Generator | Collection | Subject
"""A generator, a run or collection, or where one of them lies."""


def sample(count: int, samples: int) -> NDArray[np.int64]:
    """Return ``samples`` of the numbers below ``count``, ascending; all of them where they do not suffice.

    Always the same ones, so that all generators are compared with the same real pictures.
    """
    return np.sort(np.random.Generator(np.random.Philox(0)).permutation(count)[:samples]).astype(np.int64)


def holds_collection(place: str | Path) -> bool:
    """Say whether a collection is at a path; at a URL there can be nothing else, but for a generator on the Hub."""
    if hub.is_address(str(place)):
        return False
    return is_url(str(place)) or (Path(place) / "collection.json").exists()


def prepared(collection: Collection) -> dict[str, Any] | None:
    """Return how a collection was made of a folder or archive for scoring, as JSON values; none for any other.

    The keys are ``source``, ``kept``, ``resized`` (how many of these had another size), ``notes`` (what was special ->
    about how many), ``refused`` (reason -> how many), ``examples`` (names of some refused files), ``remarks``
    (sentences about what could not be listed), and ``settings``, those of the preparation.
    """
    if not is_prepared(collection):
        return None
    apart = ("sources", "labels", "remarks")
    return {
        "source": place_of(collection),
        "kept": collection.count,
        "resized": _resized(collection),
        "notes": _noted(collection),
        "refused": collection.refused,
        "examples": examples(collection.rejected()["source"].to_pylist()),
        "remarks": collection.settings.get("remarks", []),
        "settings": {key: value for key, value in collection.settings.items() if key not in apart},
    }


def shown(collection: Collection) -> tuple[str, ...]:
    """Return the names of the settings of its preparation that show in a collection's pictures.

    The size shows where it was another one, and the background behind what was transparent or padded.
    """
    resized = _resized(collection) > 0
    transparent = collection.channels != 4 and "alpha" in _noted(collection)
    padded = resized and collection.settings.get("geometry") == "pad"
    return (*(SIZING if resized else ()), *(("background",) if transparent or padded else ()))


def _resized(collection: Collection) -> int:
    """Return how many of a collection's pictures had another size before."""
    height, width = (np.asarray(collection.column(side)) for side in ("height", "width"))
    return int(((height != collection.height) | (width != collection.width)).sum())


def _noted(collection: Collection) -> dict[str, int]:
    """Return the notes of a collection's index, each with the number of pictures that have it."""
    return dict(sorted(Counter(pc.list_flatten(collection.column("notes")).to_pylist()).items()))


def is_prepared(collection: Collection) -> bool:
    """Say whether a collection was made of a folder or archive for scoring."""
    return collection.path.parent == caches.folder("pictures")


def place_of(collection: Collection) -> str:
    """Return where a collection lies, or the folder or archive that it was made of for scoring."""
    return str(collection.settings["sources"][0] if is_prepared(collection) else collection.path)


def open_subject(
    source: Source, against: Collection, device: str = "cpu", part: Part = "train", *, truncation: float | None = None
) -> Subject:
    """Return what is to be scored against a collection.

    Real pictures are scored like generated ones: of the collection itself those held out, of another one all. They show
    what scores a perfect generator would have.

    Args:
        source: a generator, a run or a collection, or where one of them lies.
        against: the collection to compare with.
        device: where a generator that has to be loaded runs.
        part: of the collection that it is compared with.
        truncation: ψ by which a generator's latents are drawn towards their mean; by default they are as they are.

    Raises:
        ScoreError: real pictures that are to be truncated, pictures of another shape than the collection's, a
            collection without held-out pictures, or one whose held-out pictures are to be compared with themselves.
        InputError: there is no generator and no collection.
    """
    if isinstance(source, Subject):
        return source
    if isinstance(source, str | Path) and holds_collection(source):
        source = Collection.open(source)
    if isinstance(source, Collection):
        if truncation is not None:
            raise ScoreError(f"{place_of(source)} holds pictures, which nothing truncates: leave --truncation out.")
        subject = _real(source, against, part)
        shape = source.height, source.width, source.channels
    else:
        made = source if isinstance(source, Generator) else generation.load(source, device)
        subject = _made(source, made, truncation)
        shape = made.height, made.width, made.channels
    wanted = against.height, against.width, against.channels
    if shape != wanted:
        raise ScoreError(
            f"{subject.name} has pictures of {written_shape(shape)}, but {place_of(against)} of "
            f"{written_shape(wanted)}: take a collection of its shape."
        )
    return subject


def _real(source: Collection, against: Collection, part: Part) -> Subject:
    itself = source.fingerprint == against.fingerprint and not is_prepared(source) and not is_prepared(against)
    rows = source.rows("holdout" if itself else "all")
    if not len(rows):
        raise ScoreError(
            f"{source.path} has no held-out pictures to compare with the rest: prepare it with --holdout 0.1."
        )
    if itself and part != "train":
        raise ScoreError(
            f"the held-out pictures of {source.path} would be compared with themselves: leave --part out, "
            "and they are compared with those to train on."
        )
    return Subject(
        place_of(source),
        source.fingerprint,
        source.take,
        rows=rows,
        vocabularies=source.vocabularies,
        labels=lambda kind, chosen: source.labels(kind)[chosen],
        settings=source.settings,
        shows=shown(source),
        prepared=prepared(source),
    )


def _made(source: str | Path | Run | Generator, generator: Generator, truncation: float | None) -> Subject:
    name, run = f"generator {generator.fingerprint}", None
    if isinstance(source, str) and hub.is_address(source):
        name = source
    elif not isinstance(source, Generator):
        run = source if isinstance(source, Run) else Run(Path(source))
        name = str(run.path)
    there = run if run is not None and run.exists() else None
    vocabulary = generator.vocabulary

    def draw(seeds: NDArray[np.int64]) -> NDArray[np.uint8]:
        z, y = generator.drawn(seeds.tolist())
        return generator.paint(z if truncation is None else truncated(z, truncation), y)

    def drawn(_kind: str, seeds: NDArray[np.int64]) -> NDArray[np.int64]:
        assert vocabulary is not None
        return vocabulary.positions(vocabulary.drawn(seed) for seed in seeds.tolist())

    return Subject(
        name,
        generator.fingerprint,
        draw,
        learnt=str(generator.header.get("collection", "")),
        run=there,
        vocabularies={vocabulary.kind: vocabulary.names} if vocabulary else {},
        labels=drawn if vocabulary else None,
        truncation=truncation,
    )


def written_shape(shape: tuple[int, int, int]) -> str:
    """Return height, width and channels as words."""
    return f"{shape[0]}×{shape[1]} pixels with {shape[2]} channels"
