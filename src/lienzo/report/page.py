"""The sections of a run's page."""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lienzo.collection.collection import Collection
from lienzo.display import gallery, pages, wording
from lienzo.display.charts import Chart
from lienzo.evaluation import scores
from lienzo.report import evolution, networks, resources
from lienzo.report.parts import Parts
from lienzo.report.pictures import Nearest
from lienzo.run import drawing
from lienzo.run.progress import Progress
from lienzo.run.run import Run

FRAMES = 30
"""Samples at most under the slider."""

EACH_LABEL = 12
"""Labels at most whose number of pictures is told, the most frequent."""


def page(parts: Parts) -> str:
    """Return the page of a run."""
    charts = {chart.name: chart for chart in parts.charts}
    sections = [
        _pictures(parts),
        _evolution(parts.run),
        _curves([chart for name, chart in charts.items() if name not in ("scores", "networks")], parts.log),
        _scores(parts.scores, charts.get("scores")),
        networks.section(parts.players),
        _resources(parts),
        pages.section("The recipe", pages.code(parts.recipe.to_toml().strip())),
        _learnt_from(parts),
        _onward(parts),
    ]
    lead = f"A training with the recipe {parts.recipe.name}, {_state(parts.progress)}."
    return pages.page(str(parts.run.path.resolve().name), _headline(parts), *sections, lead=lead)


def _state(far: Progress) -> str:
    if far.trainer is not None:
        left = f", about {resources.duration(far.seconds_left)} left" if far.seconds_left else ""
        return f"in training by {far.trainer}{left}"
    return {
        "finished": "finished",
        "stopped": f"stopped by trouble: {(far.stop or '').rstrip('.')}",
        "interrupted": "interrupted before its end",
    }.get(far.state, far.state)


def _headline(parts: Parts) -> str:
    far, kids = parts.progress, [line for line in parts.log if "kid" in line]
    seconds = far.last.get("seconds", 0.0)
    best = min(kids, key=lambda line: line["kid"], default=None)
    return pages.facts(
        [
            (f"{far.images:,}", f"pictures shown of {far.total:,}"),
            (resources.duration(seconds), "of training"),
            *([(wording.speed(far.images / seconds), "pictures a second, on average")] if seconds else []),
            *([(f"{best['kid']:.4f} ± {best['kid_error']:.4f}", f"lowest KID, at {best['images']:,}")] if best else []),
            (f"{parts.manifest['collection']['count']:,}", "pictures in the collection"),
        ]
    )


def _pictures(parts: Parts) -> str:
    blocks = [pages.paragraph(parts.missing)] if parts.missing else []
    if (shown := parts.gallery) is not None:
        order = f"Each row has one label: {', '.join(shown.labels)}. " if shown.labels else ""
        text = f"{order}The pictures of the seeds from 0 on, none left out."
        blocks += [
            pages.paragraph(text),
            gallery.sheet(shown.images, shown.columns, f"{len(shown.images)} generated pictures"),
        ]
        if parts.nearest is not None:
            blocks += _nearest(parts.nearest)
    elif found := drawing.samples(parts.run, 1):
        images, frame = found[-1]
        blocks.append(pages.picture(gallery.png(frame), f"the samples after {images:,} pictures shown", pixels=True))
    return pages.section("What the generator paints", *blocks)


def _nearest(found: Nearest) -> list[str]:
    both = np.concatenate([found.generated, found.training])
    among = (
        f"all {found.count:,} training pictures"
        if found.searched == found.count
        else f"{found.searched:,} of the {found.count:,} training pictures"
    )
    return [
        "<h3>Are they copies?</h3>",
        pages.paragraph(
            f"Above, the pictures of the first {len(found.generated)} seeds; below each, the nearest of {among}, "
            "compared by the means of 16×16 fields."
        ),
        gallery.sheet(both, len(found.generated), "generated pictures above the nearest training pictures"),
    ]


def _evolution(run: Run) -> str:
    frames = drawing.samples(run, FRAMES)
    if not frames:
        return pages.section("How it learnt", pages.paragraph("There are no samples yet."))
    return pages.section(
        "How it learnt",
        pages.paragraph(
            f"The same latents at {len(frames)} moments of the training. Move the slider, by the arrow keys too."
        ),
        evolution.slider(frames, "the same latents, drawn again and again during training"),
    )


def _curves(charts: Sequence[Chart], log: Sequence[Mapping[str, Any]]) -> str:
    trouble = [
        pages.paragraph(f"Trouble began after {images:,} pictures: {sentence}")
        for images, sentence in drawing.troubles(log).items()
    ]
    figures = [
        pages.svg(chart.svg(), caption=chart.caption, alt=f"{chart.title} over pictures shown") for chart in charts
    ]
    blocks = [f"<h3>{pages.escape(chart.title)}</h3>{figure}" for chart, figure in zip(charts, figures, strict=True)]
    nothing = [] if charts else [pages.paragraph("The log has no line yet.")]
    return pages.section("The curves", *trouble, *nothing, *blocks)


def _scores(found: Sequence[scores.Scores], chart: Chart | None) -> str:
    if not found or chart is None:
        return pages.section(
            "Scores", pages.paragraph("None were taken: lienzo evaluate RUN COLLECTION measures how good it is.")
        )
    rows = []
    for number, one in enumerate(found, 1):
        headers, (row,) = scores.table([one])
        counts = f"{one.measures.generated:,}", f"{one.measures.reference:,}"
        rows.append([str(number), *counts, one.collection, one.part, one.detector, *row[1:]])
    notes = dict.fromkeys(note for one in found for note in one.notes)
    return pages.section(
        "Scores",
        pages.paragraph(
            "Each value stands with its standard error, the newest evaluation last. Only rows with the same numbers "
            "of pictures, collection, part and detector may be compared; those that compare with the newest are drawn."
        ),
        pages.table(["", "pictures", "real ones", "collection", "part", "detector", *headers[1:]], rows),
        *(pages.paragraph(f"{note}.") for note in notes),
        pages.svg(chart.svg(), caption=chart.caption, alt="scores with their standard errors"),
    )


def _resources(parts: Parts) -> str:
    described, last = parts.manifest["machine"], parts.progress.last
    own = None
    if last.get("seconds"):
        name = described.get("gpu") or described.get("model") or described.get("processor") or "unknown"
        threads = None if "gpu" in described else described.get("threads")
        speed = last["images"] / last["seconds"]
        own = resources.Measured(
            f"{name}: this run", parts.recipe.name, speed, "its log", parts.recipe.precision, threads
        )
    memory = [("most memory held", f"{last['peak_memory'] / 2**20:,.0f} MiB")] if "peak_memory" in last else []
    time = [("time of training", resources.duration(last["seconds"]))] if last.get("seconds") else []
    return pages.section(
        "Resources",
        pages.table(("", ""), [*resources.machine(described), *memory, *time, *parts.manifest["versions"].items()]),
        "<h3>This machine beside others</h3>",
        pages.paragraph(
            "Speeds are comparable within a recipe only, and for one size of pictures: those of other machines were "
            "measured at 64×64."
        ),
        resources.comparison(own),
    )


def _learnt_from(parts: Parts) -> str:
    record = parts.manifest["collection"]
    height, width, channels = record["shape"]
    rows: list[tuple[str, object]] = [
        ("where", record["path"]),
        ("fingerprint", record["fingerprint"]),
        ("pictures", f"{record['count']:,}"),
        ("height × width × channels", f"{height} × {width} × {channels}"),
    ]
    blocks = []
    if parts.collection is not None:
        rows += [(f"part {part}", f"{len(parts.collection.rows(part)):,}") for part in ("train", "holdout")]
        refused = parts.collection.refused
        rows.append(("files refused", f"{sum(refused.values()):,}"))
        if refused:
            blocks += ["<h3>Refused</h3>", pages.table(("reason", "files"), Counter(refused).most_common())]
        for kind in parts.collection.vocabularies:
            blocks += [
                f"<h3>{pages.escape(kind)}</h3>",
                pages.table((kind, "pictures"), _labels(parts.collection, kind)),
            ]
    return pages.section("What it learnt from", pages.table(("", ""), rows), *blocks)


def _labels(collection: Collection, kind: str) -> list[tuple[str, int]]:
    """Return the most frequent labels of a kind with their number of pictures, and how many the others have."""
    names, labels = collection.vocabularies[kind], collection.labels(kind)
    counted = Counter(dict(zip(names, np.bincount(labels[labels >= 0], minlength=len(names)).tolist(), strict=True)))
    most = counted.most_common(EACH_LABEL)
    rest = len(labels) - sum(number for _, number in most)
    return most + ([("others, or without one", rest)] if rest else [])


def _onward(parts: Parts) -> str:
    run = shlex.quote(str(parts.run.path))
    where = parts.collection.path if parts.collection is not None else parts.manifest["collection"]["path"]
    collection, far = shlex.quote(str(where)), parts.progress
    go_on = f"lienzo train {collection} --recipe {run}/recipe.toml --out {run}"
    if not far.finished:
        training = "Go on with the training:", go_on
    elif parts.recipe.cool_down or parts.recipe.label_start:  # such a run's length cannot change once it is over
        begun = f"lienzo train {collection} --recipe {run}/recipe.toml --from {run}"
        longer = shlex.quote(f"{parts.run.path}-longer")
        training = "Train on, in a new run that begins with what this one has learnt:", f"{begun} --out {longer}"
    else:
        longer = "Train it for as long again; interrupt it when you like, the same command goes on:"
        training = longer, f"{go_on} --images {2 * far.total}"
    return pages.section(
        "Go on from here",
        *(
            pages.paragraph(said) + pages.code(command)
            for said, command in (
                training,
                ("Other pictures:", f"lienzo generate {run} --seeds 1000-1063 --out more.png"),
                ("Scores with errors, and a search for copies:", f"lienzo evaluate {run} {collection}"),
                ("This page again:", f"lienzo report {run}"),
            )
        ),
    )
