"""Scores of all runs, in groups that can be compared, and all that is known of the scores of one run."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import Any

from lienzo.display.wording import counted
from lienzo.errors import InputError, unknown
from lienzo.evaluation import scores as evaluated
from lienzo.evaluation.scores import Scores
from lienzo.metrics.estimate import Estimate
from lienzo.recipe.recipe import Recipe
from lienzo.run.run import Run
from lienzo.storage import sealed
from lienzo.storage.files import fingerprint
from lienzo.studio.reading import logs
from lienzo.studio.reading.artefacts import Artefacts

BETTER = {
    "kid": -1,
    "lowest kid": -1,
    "fid": -1,
    "precision": 1,
    "recall": 1,
    "density": 1,
    "coverage": 1,
    "patches": -1,
    "copies": 0,
    "by pixels": 0,
    "blends": 0,
}
"""Column -> whether more is better (1) or less (−1); 0 where it depends on what real pictures have."""

ERRORS = 2.0
"""What is within so many standard errors of the difference from the best counts as no worse."""

MOST_BYTES = 64 << 20
"""Of a file of scores, or of the log of a run whose KID was taken; larger ones are not read."""

MOST_EPOCHS = 64
"""Generators of epochs whose headers are looked at for what was scored, the newest."""

REMEMBERED = 4_096
"""Files whose scores are remembered, by when they changed."""


@dataclass(frozen=True)
class Line:
    """A row of the comparison: one evaluation of one run."""

    run: str
    """Path of the run."""
    recipe: str
    """Name of its recipe."""
    number: int
    """Which of the run's evaluations it is, from 0 on; −1 for what was measured during training."""
    generator: str
    """Fingerprint of what was scored."""
    images: int | None
    """Pictures that it had been shown in training, where that is known."""
    truncation: float | None
    """ψ of its latents."""
    values: Mapping[str, Estimate | None]
    """Column -> value with its standard error."""
    conditions: Mapping[str, Any]
    """What has to be the same in lines that are compared."""
    seconds: float | None = None
    """Duration of the evaluation."""


def evaluations(run: Run) -> list[Scores]:
    """Return the evaluations of a run, the oldest first, as far as this lienzo can read them."""
    return list(_read(run.scores_path, *_stamp(run.scores_path))[0])


def left_out(run: Run) -> int:
    """Return how many lines of a run's scores this lienzo cannot read: damaged, or written by another version."""
    return _read(run.scores_path, *_stamp(run.scores_path))[1]


def all_left_out(artefacts: Artefacts) -> dict[str, str]:
    """Return the runs of whose scores something is left out, and what, in a clause."""
    found = {}
    for name in artefacts.runs():
        try:
            if count := left_out(artefacts.run(name)):
                found[name] = f"{counted(count, 'line')} that this lienzo cannot read"
        except (InputError, OSError) as error:
            found[name] = str(error)
    return found


def groups(artefacts: Artefacts, sort: str = "kid", *, down: bool = False) -> list[dict[str, Any]]:
    """Return all that was scored below the folder in groups that can be compared, the largest first.

    Each has a ``key``, the ``conditions`` that its lines share, in what it ``differs`` from the first group, the
    ``columns`` that have values, its ``lines`` in order, and for each column the lines that are ``best`` within error.

    Args:
        artefacts: the folder.
        sort: column to sort by.
        down: from the largest value on.

    Raises:
        InputError: an unknown column.
    """
    if sort not in BETTER:
        raise InputError(unknown("column", sort, BETTER))
    found: dict[str, list[Line]] = {}
    for line in _lines(artefacts):
        found.setdefault(fingerprint(dict(line.conditions)), []).append(line)
    told: list[dict[str, Any]] = []
    for key, lines in sorted(found.items(), key=lambda item: (-len(item[1]), item[0])):
        conditions = lines[0].conditions
        told.append(
            {
                "key": key,
                "conditions": conditions,
                "differs": evaluated.differences(told[0]["conditions"], conditions) if told else [],
                "columns": [name for name in BETTER if any(line.values.get(name) for line in lines)],
                "lines": sorted(lines, key=lambda line: _order(line, sort, down)),
                "best": {name: best(lines, name) for name, better in BETTER.items() if better},
            }
        )
    return told


def best(lines: Iterable[Line], column: str) -> set[tuple[str, int]]:
    """Return run and number of the lines that are no worse than the best of a column by more than the error allows.

    Where all are so, none is told.
    """
    measured = [(line, value) for line in lines if (value := line.values.get(column)) is not None]
    if len(measured) < 2 or not BETTER[column]:
        return set()
    top = max((value for _, value in measured), key=lambda value: BETTER[column] * value.value)
    found = {
        (line.run, line.number)
        for line, value in measured
        if abs(value.value - top.value) <= ERRORS * (value.error**2 + top.error**2) ** 0.5
    }
    return found if len(found) < len(measured) else set()


def images_of(run: Run, generator: str) -> int | None:
    """Return how many pictures a run's generator of this fingerprint had been shown, if it is still there."""
    epochs = sorted((run.path / "generators").glob("epoch-*.safetensors"))[-MOST_EPOCHS:]
    for path in (run.generator_path, run.best_path, *reversed(epochs)):
        header = header_of(path)
        if header.get("fingerprint") == generator:
            images = header.get("images")
            return images if isinstance(images, int) else None
    return None


def header_of(path: Path) -> dict[str, Any]:
    """Return the header of a file of lienzo's, which is remembered until it changes; nothing where there is none."""
    return _header(path, *_stamp(path))


@lru_cache(REMEMBERED)
def _header(path: Path, changed: int, size: int) -> dict[str, Any]:  # noqa: ARG001  the key
    return (sealed.header(path) if size and not path.is_symlink() else None) or {}


def _lines(artefacts: Artefacts) -> Iterator[Line]:
    for name in artefacts.runs():
        try:
            run = artefacts.run(name)
            recipe = _recipe(run.recipe_path, *_stamp(run.recipe_path))
            for number, scores in enumerate(evaluations(run)):
                yield Line(
                    name,
                    recipe.name,
                    number,
                    scores.generator,
                    images_of(run, scores.generator),
                    scores.truncation,
                    values(scores),
                    evaluated.conditions(scores),
                    scores.seconds,
                )
            if recipe.evaluate_every:
                yield from _during_training(name, run, recipe)
        except (InputError, OSError):  # damaged, or gone since the folder was listed: the list of runs says so
            continue


def values(scores: Scores) -> dict[str, Estimate | None]:
    """Return the columns of one evaluation; what is no finite number is none."""
    measures, novelty, levels = scores.measures, scores.novelty, scores.sliced_wasserstein.values()
    found = {
        "kid": measures.kid,
        "fid": measures.fid,
        "precision": measures.precision,
        "recall": measures.recall,
        "density": measures.density,
        "coverage": measures.coverage,
        "patches": Estimate(sum(levels) / len(levels), 0.0) if levels else None,
        "copies": novelty.features.excess.share if novelty else None,
        "by pixels": novelty.pixels.excess.share if novelty else None,
        "blends": novelty.blends.excess.share if novelty else None,
    }
    return {name: value if value is not None and all(map(isfinite, value)) else None for name, value in found.items()}


def _during_training(name: str, run: Run, recipe: Recipe) -> Iterator[Line]:
    """Yield a line of the KID that was taken during training: the newest, and the lowest."""
    taken = _monitored(run.log_path, *_stamp(run.log_path))
    if not taken:
        return
    images, newest = taken[-1]
    lowest = min((value for _, value in taken), key=lambda value: value.value)
    conditions = evaluated.named_conditions(
        truncated=False,
        mirrored=True,
        collection=run.manifest()["collection"]["fingerprint"],
        part="holdout, or train where nothing is held out",
        detector="lite0",
        detector_fingerprint="that of the training",
        generated=1000,
        reference="at most 1000",
    )
    yield Line(name, recipe.name, -1, "", images, None, {"kid": newest, "lowest kid": lowest}, conditions)


@lru_cache(REMEMBERED)
def _read(path: Path, changed: int, size: int) -> tuple[tuple[Scores, ...], int]:  # noqa: ARG001  the key
    """Return the scores in a file, and how many of its lines are none."""
    if not size or path.is_symlink():
        return (), 0
    if size > MOST_BYTES:
        raise InputError(f"{path} has more than {MOST_BYTES >> 20} MiB: keep its newest lines alone.")
    found = evaluated.read(path)
    return tuple(found), len(path.read_bytes().splitlines()) - len(found)


@lru_cache(REMEMBERED)
def _recipe(path: Path, changed: int, size: int) -> Recipe:  # noqa: ARG001  the key
    return Recipe.from_toml(path)


@lru_cache(REMEMBERED)
def _monitored(path: Path, changed: int, size: int) -> tuple[tuple[int, Estimate], ...]:  # noqa: ARG001  the key
    """Return the pictures shown and the KID of every line of a log that has one."""
    found = []
    if 0 < size <= MOST_BYTES:
        with path.open("rb") as file:
            for text in file:
                line = logs.parsed(text) if b'"kid"' in text and text.endswith(b"\n") else None
                if line is not None and isinstance(line.get("kid"), float):
                    error = line.get("kid_error")
                    found.append((line["images"], Estimate(line["kid"], error if isinstance(error, float) else 0.0)))
    return tuple(found)


def _stamp(path: Path) -> tuple[int, int]:
    """Return when a file changed and how long it is; nothing where there is none."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def _order(line: Line, column: str, down: bool) -> tuple[bool, float, str, int]:
    value = line.values.get(column)
    number = 0.0 if value is None else -value.value if down else value.value
    return value is None, number, line.run, line.number
