"""Scores: what was measured of a generator, on what, and whether two of them may be compared."""

import dataclasses
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from lienzo.display import cells, pages, wording
from lienzo.errors import ScoreError
from lienzo.metrics.estimate import Estimate
from lienzo.metrics.results import Excess, Measures, expected_share
from lienzo.storage import schemas
from lienzo.storage.files import encoded, write_bytes

log = logging.getLogger("lienzo")


@dataclass(frozen=True)
class Case:
    """One of the generated pictures that look least new, and the training pictures that it resembles."""

    seed: int
    """Seed of the picture, or its row where a collection was scored."""

    rows: tuple[int, ...]
    """Rows in the collection of the nearest training picture, or of the two that it is a blend of."""

    value: float
    """Distance to the nearest training picture, or the share of the picture that the blend leaves unexplained."""

    rank: float
    """Share of held-out real pictures with a lower value: 0 is closer than any real picture comes."""


@dataclass(frozen=True)
class Trial:
    """One test of whether generated pictures are new, in comparison with held-out real pictures."""

    excess: Excess
    """Comparison of the generated with the held-out pictures."""

    generated: int
    """Number of generated pictures that were tested."""

    held_out: int
    """Number of held-out pictures that were tested."""

    worst: tuple[Case, ...]
    """The generated pictures that look least new, the most suspicious first."""


@dataclass(frozen=True)
class Novelty:
    """Three tests of whether generated pictures are new, in comparison with real pictures that were not trained on."""

    training: int
    """Number of training pictures that were searched."""

    features: Trial
    """Distance to the nearest training picture, in the detector's features."""

    pixels: Trial
    """Distance to the nearest training picture, mirrored or not, in pixels, after both were shrunk to 16×16."""

    blends: Trial
    """Share of a picture that the best blend of two training pictures leaves unexplained, in pixels of 16×16; either of
    the two may be mirrored."""

    mirrored: bool = False
    """Whether mirrored training pictures were searched too; an earlier lienzo did not."""


@dataclass(frozen=True)
class Scores:
    """All that was measured of one generator against one collection."""

    subject: str
    """Name of what was scored, as it was given."""

    generator: str
    """Fingerprint of the generator, or of the collection that was scored."""

    collection: str
    """Fingerprint of the collection it was scored against."""

    part: str
    """Which pictures of the collection: train, holdout or all."""

    detector: str
    """Name of the detector."""

    detector_fingerprint: str | None
    """Fingerprint of its weights, size, resize and precision."""

    seed: int
    """The first seed; the pictures are those of this and the following ones."""

    measures: Measures
    """Measures by the detector's features."""

    sliced_wasserstein: dict[int, float]
    """Height in pixels of a level of the Laplacian pyramid -> distance of its patches, which needs no detector."""

    novelty: Novelty | None
    """Tests for copies and blends; None where no pictures are held out, or where they were not asked for."""

    labels: dict[str, Measures]
    """Label -> measures of its pictures alone, where labels were asked for."""

    prepared: dict[str, Any]
    """How folders and archives of pictures were brought to size: ``subject`` or ``reference`` -> ``source``, ``kept``,
    ``resized``, ``notes``, ``refused``, ``examples`` of these, ``remarks`` about what could not be listed, and
    ``settings`` of the preparation. Empty if neither is one."""

    notes: tuple[str, ...]
    """Sentences about what could not be measured, and why."""

    seconds: float
    """Duration of the evaluation, in seconds."""

    lienzo: str
    """Version of lienzo."""

    truncation: float | None = None
    """ψ by which latents were drawn towards their mean; none where they were as they are."""

    @property
    def title(self) -> str:
        """As it stands in tables: the subject, and its truncation where it has one."""
        return titled(self.subject, self.truncation)

    @property
    def counted(self) -> str:
        """How many pictures were scored against how many, in sentences; and what few held-out ones cannot tell."""
        generated, reference = self.measures.generated, self.measures.reference
        text = f"{generated:,} pictures against {reference:,} real ones, by {self.detector}."
        if self.novelty is None or (expected := expected_share(self.novelty.features.held_out)) <= 0.05:
            return text
        held = wording.counted(self.novelty.features.held_out, "held-out picture")
        return f"{text} Copies and blends are told by {held} only: {expected:.2f} of pictures like these count as such."

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the table of the scores with their standard errors, and notes."""
        headers, rows = table([self])
        turned = list(zip(headers, rows[0], strict=True))
        return cells.cell(
            self.title, self.counted, pages.table(("", ""), turned[1:]), *map(pages.paragraph, self.notes)
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain values; an `Estimate` becomes ``{"value": …, "error": …}``."""
        plain = _plain(self)
        assert isinstance(plain, dict)
        return plain if self.truncation is not None else {k: v for k, v in plain.items() if k != "truncation"}


def titled(name: str, truncation: float | None) -> str:
    """Return the name of what is scored, with its truncation where it has one."""
    return name if truncation is None else f"{name}, ψ {truncation:g}"


@dataclass(frozen=True)
class EvaluationProgress:
    """The progress of an evaluation."""

    stage: str
    """Name of the present stage."""

    done: int
    """Number of pictures, or of measures, that are done in this stage."""

    total: int
    """Number of all of them."""

    scores: Scores | None = None
    """The scores, on the last step."""


def append(path: Path, scores: Scores) -> None:
    """Add a line to a file such as a run's ``scores.jsonl``; the file is whole at any moment.

    Evaluations that end at the same time, in this process or another, wait for one another.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        before = path.read_bytes() if path.exists() else b""
        end = b"" if before.endswith(b"\n") or not before else b"\n"  # which someone else left out
        write_bytes(path, before + end + encoded(json.dumps(scores.to_json(), ensure_ascii=False)) + b"\n")


def read(path: Path) -> list[Scores]:
    """Return the lines of a file such as a run's ``scores.jsonl``, the oldest first; none where there is no file.

    A line that is damaged, or that another version of lienzo wrote in another form, is left out with a warning, and so
    is a file that cannot be read.
    """
    found: list[Scores] = []
    try:
        lines = path.read_bytes().splitlines() if path.exists() else []
    except OSError as error:
        log.warning("%s is left out, it cannot be read: %s", path, error)
        return found
    for number, line in enumerate(lines, 1):
        try:
            plain = _restored(schemas.parse(line))
            levels = {int(level): value for level, value in plain["sliced_wasserstein"].items()}
            found.append(schemas.convert({**plain, "sliced_wasserstein": levels}, Scores))
        except (ValueError, TypeError, KeyError, AttributeError):
            log.warning("%s is damaged in line %d, which is left out.", path, number)
    return found


def _restored(plain: Any) -> Any:
    """Return plain values in which each estimate that :meth:`Scores.to_json` wrote as a dict is a sequence again."""
    if isinstance(plain, dict):
        values = {key: _restored(value) for key, value in plain.items()}
        for kind in (Estimate, Excess):
            if tuple(values) == kind._fields:
                return tuple(values.values())
        return values
    return [_restored(value) for value in plain] if isinstance(plain, list) else plain


def refuse_incomparable(scores: Sequence[Scores]) -> None:
    """Refuse scores that were not taken in the same way.

    Raises:
        ScoreError: says in what they differ.
    """
    first = scores[0]
    for other in scores[1:]:
        found = differences(conditions(first), conditions(other))
        if found:
            raise ScoreError(
                f"the scores of {first.subject} and {other.subject} cannot be compared, they differ in "
                f"{', '.join(found)}: evaluate both again with the same settings and --samples."
            )


def conditions(scores: Scores) -> dict[str, Any]:
    """Return what has to be the same of scores that are compared: what it is called -> what it is."""
    return named_conditions(
        truncated=scores.truncation is not None,
        mirrored=scores.novelty is None or scores.novelty.mirrored,
        collection=scores.collection,
        part=scores.part,
        detector=scores.detector,
        detector_fingerprint=scores.detector_fingerprint,
        generated=scores.measures.generated,
        reference=scores.measures.reference,
    )


def named_conditions(
    *,
    truncated: bool,
    mirrored: bool,
    collection: str,
    part: str,
    detector: str,
    detector_fingerprint: str | None,
    generated: int,
    reference: int | str,
) -> dict[str, Any]:
    """Return the conditions of scores by what they are called, wherever the scores come from."""
    return {
        "whether latents are truncated": "yes" if truncated else "no",
        "whether mirrored pictures are copies too": "yes" if mirrored else "no",
        "collection": collection,
        "part of it": part,
        "detector": detector,
        "detector's fingerprint": detector_fingerprint,
        "number of generated pictures": generated,
        "number of real pictures": reference,
    }


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return in which conditions two scores differ, each with what it is for either."""
    return [f"{what} ({mine} and {other[what]})" for what, mine in one.items() if mine != other[what]]


def table(scores: Sequence[Scores]) -> tuple[list[str], list[list[str]]]:
    """Return headers and rows of a table that compares scores, each with its standard error.

    Raises:
        ScoreError: they cannot be compared.
    """
    refuse_incomparable(scores)
    headers = [
        "",
        "FID",
        "KID × 1000",
        "precision",
        "recall",
        "density",
        "coverage",
        "SWD",
        "copies",
        "by pixels",
        "blends",
    ]
    rows = []
    for one in scores:
        measures, novelty = one.measures, one.novelty
        levels = one.sliced_wasserstein.values()
        rows.append(
            [
                one.title,
                written(measures.fid),
                written(_thousandfold(measures.kid)),
                *(
                    written(value)
                    for value in (measures.precision, measures.recall, measures.density, measures.coverage)
                ),
                f"{sum(levels) / len(levels):.3f}",
                written(novelty.features.excess.share if novelty else None),
                written(novelty.pixels.excess.share if novelty else None),
                written(novelty.blends.excess.share if novelty else None),
            ]
        )
    return headers, rows


def lines(scores: Sequence[Scores]) -> list[str]:
    """Return the table as lines of plain text, its columns aligned; the numbers of pictures and labels follow.

    Raises:
        ScoreError: the scores cannot be compared.
    """
    headers, rows = table(scores)
    found = [*aligned([headers, *rows]), "", scores[0].counted]
    if any(one.novelty for one in scores):
        said = "probability that a picture is less new than one held out; 0.5 if there is no difference"
        found += ["", said, *aligned(_probabilities(scores))]
    for one in scores:
        if one.labels:
            found += ["", f"{one.title}, label by label", *aligned(_by_label(one.labels))]
    return found


def _probabilities(scores: Sequence[Scores]) -> list[list[str]]:
    """Return the rows of a table, its headers first, of how often pictures are less new than held-out ones."""
    rows = [
        [one.title, *(written(trial.excess.probability) for trial in (new.features, new.pixels, new.blends))]
        for one in scores
        if (new := one.novelty)
    ]
    return [["", "copies", "by pixels", "blends"], *rows]


def _by_label(labels: dict[str, Measures]) -> list[list[str]]:
    """Return the rows of a table, its headers first, of what holds for few pictures too."""
    headers = ["", "scored", "real", "KID × 1000", "precision", "recall"]
    rows = [
        [name, f"{one.generated:,}", f"{one.reference:,}"]
        + [written(value) for value in (_thousandfold(one.kid), one.precision, one.recall)]
        for name, one in labels.items()
    ]
    return [headers, *rows]


def _thousandfold(kid: Estimate) -> Estimate:
    return Estimate(1000 * kid.value, 1000 * kid.error)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines whose columns are aligned, the first to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def written(estimate: Estimate | None) -> str:
    """Return a value with as many decimals as its standard error warrants: 12.34 ± 0.05."""
    if estimate is None:
        return "–"
    decimals = 3
    while decimals > 0 and estimate.error >= 2 * 10 ** (1 - decimals):
        decimals -= 1
    return f"{estimate.value:.{decimals}f} ± {estimate.error:.{decimals}f}"


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Estimate | Excess):
        return {name: _plain(part) for name, part in value._asdict().items()}
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value
