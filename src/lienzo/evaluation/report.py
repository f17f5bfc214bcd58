"""Scores as a self-contained page: a table, the measures drawn with their errors, and the least new pictures."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lienzo.collection.collection import Collection
from lienzo.collection.listing.sources import printable
from lienzo.display import charts, gallery, pages
from lienzo.display.charts import Chart
from lienzo.evaluation.scores import Scores, Trial, table, written
from lienzo.evaluation.subject import Subject, place_of
from lienzo.metrics.estimate import Estimate
from lienzo.metrics.results import Measures, expected_share

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NOVEL = 8
"""From this column of the table on, it is about novelty."""

ROOM = 24
"""Characters of a name for which a chart has room."""

DRAWN = {
    "fid": "FID, lower is better",
    "kid": "KID, lower is better",
    "precision": "precision: fidelity",
    "recall": "recall: diversity",
    "density": "density: fidelity",
    "coverage": "coverage: diversity",
}
"""Measures that are drawn, and what stands above them."""

TRIALS = {
    "features": (
        "Nearest training pictures, by features",
        "Above, the pictures that lie closest to a training picture in the detector's features; "
        "below each, that training picture.",
    ),
    "pixels": (
        "Nearest training pictures, by pixels",
        "The same by pixels, both shrunk to 16×16; training pictures count mirrored too, and are shown as they are.",
    ),
    "blends": (
        "Blends",
        "Above, the pictures that are best explained as a blend of two training pictures, mirrored or not; "
        "below, the two as they are.",
    ),
}
"""Ways to ask whether pictures are new, their titles and what the pictures show."""


def page(scores: Sequence[Scores], subjects: Sequence[Subject], collection: Collection) -> str:
    """Return a page that compares scores.

    Args:
        scores: of one or several subjects, against one collection.
        subjects: what was scored, one for each of the scores; it draws the pictures shown.
        collection: what they were scored against.

    Raises:
        ScoreError: the scores cannot be compared.
    """
    first = scores[0]
    blocks = [
        pages.facts(
            [
                (f"{first.measures.generated:,}", "pictures scored, of each"),
                (f"{first.measures.reference:,}", f"real pictures, of the part {first.part}"),
                (first.detector, f"detector {first.detector_fingerprint or 'of your own'}"),
                (Path(place_of(collection)).name, f"collection {first.collection}"),
            ]
        ),
        _table(scores),
        *([] if first.truncation is None else [_truncations(scores)]),
        pages.section(
            "Scales",
            pages.svg(
                _scales(scores), caption="Sliced Wasserstein distance of 7×7 patches: coarse layout to fine detail."
            ),
        ),
    ]
    for one, subject in zip(scores, subjects, strict=True):
        if one.labels:
            blocks.append(pages.section(f"{one.title}, label by label", _labels(one.labels)))
        if one.novelty:
            blocks.append(
                pages.section(
                    f"Is it new? {one.title}",
                    *(_trial(kind, getattr(one.novelty, kind), subject, collection) for kind in TRIALS),
                )
            )
    return pages.page("Scores", *blocks, lead=", ".join(dict.fromkeys(one.subject for one in scores)))


def _table(scores: Sequence[Scores]) -> str:
    """Return the section with the table of scores, and their chart."""
    headers, rows = table(scores)
    drawn = chart([(one.title, one.measures) for one in scores])
    usual = max((expected_share(one.novelty.features.held_out) for one in scores if one.novelty), default=0.05)
    return pages.section(
        "Scores",
        pages.table(headers[:NOVEL], [row[:NOVEL] for row in rows]),
        pages.table(["", *headers[NOVEL:]], [[row[0], *row[NOVEL:]] for row in rows]),
        pages.paragraph(
            "Each value stands with its standard error. Copies and blends are the shares of generated pictures "
            "that are closer to the training set (by features, and by pixels), or better explained as a blend of "
            f"two of its pictures, than {100 * (1 - usual):.0f} in 100 real pictures that were held out: real pictures "
            f"have {usual:.3g}. SWD is the sliced Wasserstein distance."
        ),
        *(pages.paragraph(f"{note}.") for note in dict.fromkeys(note for one in scores for note in one.notes)),
        pages.svg(drawn.svg(), caption=drawn.caption, alt="scores with their standard errors"),
    )


def chart(measured: Sequence[tuple[str, Measures]]) -> Chart:
    """Return a chart of what was measured of several subjects: each measure with its errors, beside the others."""
    height = 1.6 + 0.5 * len(measured)
    return Chart("scores", "Scores", "Values and standard errors.", partial(_draw, measured), 7.0, height)


def _draw(measured: Sequence[tuple[str, Measures]], figure: "Figure") -> None:
    names = _short([name for name, _ in measured])
    for axes, (name, title) in zip(figure.subplots(2, 3).flat, DRAWN.items(), strict=True):
        values: list[Estimate | None] = [getattr(one, name) for _, one in measured]
        for row, value in enumerate(values):
            if value is not None:
                colour = charts.COLOURS[row % len(charts.COLOURS)]
                axes.errorbar(value.value, row, xerr=value.error, fmt="o", capsize=3, color=colour)
        axes.set_title(title, fontsize=9)
        axes.set_ylim(len(values) - 0.5, -0.5)
        axes.set_yticks(range(len(values)), names, fontsize=8)
        axes.tick_params(axis="x", labelsize=8)


def _truncations(scores: Sequence[Scores]) -> str:
    """Return the section that draws precision, recall and KID against the truncation, a line for each subject."""
    subjects = list(dict.fromkeys(one.subject for one in scores))
    with charts.figure(9.0, 3.0) as figure:
        for axes, name in zip(figure.subplots(1, 3), ("precision", "recall", "kid"), strict=True):
            for number, (subject, short) in enumerate(zip(subjects, _short(subjects), strict=True)):
                points = sorted(
                    (one.truncation or 0.0, getattr(one.measures, name)) for one in scores if one.subject == subject
                )
                axes.errorbar(
                    [psi for psi, _ in points],
                    [value.value for _, value in points],
                    yerr=[value.error for _, value in points],
                    marker="o",
                    capsize=3,
                    linestyle=charts.LINES[number % len(charts.LINES)],
                    label=short,
                )
            axes.set_title(DRAWN[name], fontsize=9)
            axes.set_xlabel("ψ")
            axes.set_ylim(bottom=0)
        if len(subjects) > 1:
            axes.legend(fontsize=8)
        drawn = charts.svg(figure)
    return pages.section(
        "Truncation",
        pages.paragraph(
            "Latents are drawn towards their mean: ψ = 1 leaves them as they are, smaller ones paint what is more "
            "typical. Where this helps, precision rises while recall falls."
        ),
        pages.svg(drawn, caption="Each value with its standard error.", alt="precision, recall and KID against ψ"),
    )


def _scales(scores: Sequence[Scores]) -> str:
    """Draw the patches' distance over the levels of the pyramid."""
    with charts.figure(6.0, 3.0) as figure:
        axes = figure.subplots()
        for row, (one, name) in enumerate(zip(scores, _short([one.title for one in scores]), strict=True)):
            levels = sorted(one.sliced_wasserstein)
            axes.plot(
                range(len(levels)),
                [one.sliced_wasserstein[level] for level in levels],
                marker="o",
                linestyle=charts.LINES[row % len(charts.LINES)],
                label=name,
            )
            axes.set_xticks(range(len(levels)), [f"{level} px" for level in levels])
        axes.set_ylim(bottom=0)
        axes.set_ylabel("distance")
        axes.legend()
        return charts.svg(figure)


def _labels(labels: dict[str, Measures]) -> str:
    rows = [
        [label, one.generated, one.reference, *(written(getattr(one, name)) for name in DRAWN)]
        for label, one in labels.items()
    ]
    return pages.table(["label", "scored", "real", "FID", "KID", *list(DRAWN)[2:]], rows)


def _trial(kind: str, trial: Trial, subject: Subject, collection: Collection) -> str:
    """Show the worst cases above the training pictures that they look like."""
    title, caption = TRIALS[kind]
    made = subject.draw(np.array([case.seed for case in trial.worst]))
    likes = [collection.take(np.array(rows)) for rows in zip(*(case.rows for case in trial.worst), strict=True)]
    share, probability = trial.excess.share, trial.excess.probability
    numbers = ", ".join(str(case.seed) for case in trial.worst)
    return (
        f"<h3>{pages.escape(title)}</h3>"
        + pages.paragraph(
            f"{written(share)} of {trial.generated:,} pictures fall below the threshold that "
            f"{expected_share(trial.held_out):.3g} of real pictures like the {trial.held_out:,} held-out ones fall "
            f"below. Of one picture of either kind, the one that was "
            f"scored has the lower value with probability {written(probability)}; 0.5 if there is no difference."
        )
        + gallery.sheet(
            np.concatenate([made, *likes]),
            len(trial.worst),
            caption,
            f"{caption} {'Seeds' if subject.rows is None else 'Rows'}: {numbers}.",
        )
    )


def _short(names: Sequence[str]) -> list[str]:
    """Return names as a chart has room for them: their ends, or another part where two names would become one."""
    whole = [printable(name) for name in names]
    folder = os.path.commonprefix(whole).rpartition("/")[0]  # noqa: RUF071  cut to whole folders
    ends = [name if len(name) <= ROOM else f"…{name[1 - ROOM :]}" for name in whole]
    inner = [name.removeprefix(f"{folder}/") for name in whole]
    inner = [name if len(name) <= ROOM else f"{name[: ROOM // 2]}…{name[1 - ROOM // 2 :]}" for name in inner]
    numbered = [f"{number} {name[-ROOM // 2 :]}" for number, name in enumerate(whole, 1)]
    cut = next((one for one in (ends, inner) if len(set(one)) == len(set(whole))), numbered)
    plain = [name.replace("$", r"\$") for name in cut]  # between two of them would be a formula
    return [f" {name}" if name.startswith("_") else name for name in plain]  # which legends leave out
