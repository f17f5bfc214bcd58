"""What an exported generator takes with it: the generator itself, and all that is known of how it came about."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from lienzo.collection.collection import Collection
from lienzo.errors import GeneratorError, InputError
from lienzo.evaluation.settings import Settings
from lienzo.generation import generation
from lienzo.generation.generation import Generator
from lienzo.recipe.codec import network_from_dict
from lienzo.run.manifest import CollectionRecord
from lienzo.run.run import Run
from lienzo.storage import schemas
from lienzo.storage.schemas import Count, Fingerprint, Sha256


class Value(TypedDict):
    """A measure and its standard error."""

    value: float
    error: float


class Share(TypedDict):
    """The share of pictures that are not new."""

    share: Value


class Trial(TypedDict):
    """One way to ask whether pictures are new."""

    excess: Share


class Measures(TypedDict):
    """What was measured, by which pages name it."""

    generated: Count
    reference: Count
    fid: NotRequired[Value | None]
    kid: NotRequired[Value | None]
    precision: NotRequired[Value | None]
    recall: NotRequired[Value | None]
    density: NotRequired[Value | None]
    coverage: NotRequired[Value | None]


class Novelty(TypedDict):
    """The ways in which pictures were asked for what is new."""

    training: Count
    features: NotRequired[Trial]
    pixels: NotRequired[Trial]
    blends: NotRequired[Trial]


class Score(TypedDict):
    """Scores, as far as a page shows them."""

    part: str
    detector: str
    measures: Measures
    novelty: Novelty | None


class Parts(TypedDict):
    """Pictures to train on, and those held out."""

    train: Count
    holdout: Count


class Described(TypedDict):
    """A collection."""

    fingerprint: Fingerprint
    count: Count
    shape: tuple[Count, Count, Count]
    parts: NotRequired[Parts]
    kinds: NotRequired[dict[str, Count]]


class Begun(TypedDict):
    """The trained generator that a training began from."""

    generator: Sha256


class Card(TypedDict, total=False):
    """The form of a card, which may come in a file from anyone; :attr:`Subject.card` says what the keys mean."""

    generator: Sha256
    recipe: dict[str, Any]
    images: Count
    origin: Begun
    collection: Described
    versions: dict[str, str]
    scores: list[Score]
    licence: str


@dataclass(frozen=True)
class Subject:
    """A generator that is exported."""

    name: str
    """What to call it: the name of its run or file."""

    generator: Generator
    """The generator."""

    card: dict[str, Any]
    """What is known of it, as JSON values; each key is there only where it is known:

    - ``generator``: the fingerprint of the generator that was exported
    - ``recipe``: the whole recipe, as :meth:`lienzo.recipe.recipe.Recipe.to_dict` has it
    - ``images``: pictures shown in training
    - ``origin``: ``generator``, the fingerprint of the trained generator that the training began from
    - ``collection``: ``fingerprint``, ``count`` and ``shape`` (height, width, channels) of the training pictures; where
      it was at hand also ``parts`` (part -> pictures) and ``kinds`` (kind of label -> different labels)
    - ``versions``: of lienzo, PyTorch and Python, in training
    - ``scores``: of this generator against its own collection, as :meth:`lienzo.evaluation.scores.Scores.to_json` has
      them, those by the usual detector behind the others, the newest last
    - ``licence``: as its owner gave it
    """


def subject(source: str | Path | Run | Generator) -> Subject:
    """Return what is exported of a run, of a generator, or of where one of them lies.

    Raises:
        GeneratorError: no generator, or a damaged one.
        RunError: a folder that is no run.
    """
    generator = source if isinstance(source, Generator) else generation.load(source)
    path = source.path if isinstance(source, Run) else None if isinstance(source, Generator) else Path(source)
    if path is None:
        return Subject("generator", generator, _card(generator, None))
    run = next((found for found in (Run(path), Run(path.parent), Run(path.parent.parent)) if found.exists()), None)
    name = path.resolve().name if path.is_dir() else path.stem.partition("@")[0]
    return Subject(name, generator, _card(generator, run))


def _card(generator: Generator, run: Run | None) -> dict[str, Any]:
    """Return what the generator's own file says of it, and its run, where it is that of a run."""
    header = generator.header
    try:
        schemas.convert(header.get("card", {}), Card)
    except ValueError as error:
        raise GeneratorError(f"the card in the generator's file is damaged ({error}): export its run again.") from None
    card: dict[str, Any] = {"generator": generator.fingerprint} | header.get("card", {})
    if isinstance(header.get("images"), int):
        card["images"] = header["images"]
    if run is None or not _is_of(header, run):
        return card
    described = run.manifest()
    collection = _collection(described["collection"])
    card |= {"recipe": run.recipe().to_dict(), "collection": collection, "versions": described["versions"]}
    if "origin" in described:
        card["origin"] = {"generator": described["origin"]["fingerprint"]}
    scores = _scores(run, generator.fingerprint, collection["fingerprint"])
    return card | ({"scores": scores} if scores else {})


def _is_of(header: dict[str, Any], run: Run) -> bool:
    """Say whether a run makes generators of this header; a file in its folder may have come from elsewhere."""
    recipe, fingerprint = run.recipe(), run.manifest()["collection"]["fingerprint"]
    alike = (recipe.name, fingerprint) == (header.get("recipe"), header.get("collection"))
    return alike and network_from_dict(header["network"]) == recipe.network


def _collection(described: CollectionRecord) -> dict[str, Any]:
    """Return what a run says of its collection, except where it lies, and what the collection adds if it is there."""
    known = {"fingerprint": described["fingerprint"], "count": described["count"], "shape": list(described["shape"])}
    try:
        there = Collection.open(Path(described["path"]))
    except (InputError, OSError):
        return known
    if there.fingerprint != described["fingerprint"]:
        return known
    parts = {"train": len(there.rows("train")), "holdout": len(there.rows("holdout"))}
    return known | {"parts": parts, "kinds": {kind: len(names) for kind, names in there.vocabularies.items()}}


def _scores(run: Run, generator: str, collection: str) -> list[dict[str, Any]]:
    """Return a run's scores of a generator against a collection; pages show the last, so the usual detector's are last.

    Damaged lines are left out, and those of truncated latents.
    """
    lines = run.scores_path.read_bytes().splitlines() if run.scores_path.exists() else []
    found = []
    for line in lines:
        with contextlib.suppress(ValueError):
            schemas.decode(line, Score)
            found.append(schemas.parse(line))
    wanted = {"generator": generator, "collection": collection, "truncation": None}
    own = [score for score in found if all(score.get(key) == value for key, value in wanted.items())]
    return sorted(own, key=lambda score: score["detector"] == Settings.detector)
