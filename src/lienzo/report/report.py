"""A run as one page: what it paints, how it learnt, how good it is, both networks, the machine, and how to go on.

The page needs nothing beside it. Figures for a paper are the same charts, as SVG and as PNG.
"""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lienzo.collection.collection import Collection
from lienzo.compute.devices import pick_device
from lienzo.display import gallery, pages, wording
from lienzo.display.charts import Chart
from lienzo.errors import CollectionError, GeneratorError
from lienzo.evaluation import scores
from lienzo.evaluation.report import chart as scores_chart
from lienzo.generation import generation
from lienzo.generation.generation import Generator
from lienzo.networks.layers import Layer, players
from lienzo.networks.shape import Shape
from lienzo.recipe.likelihood import EvidenceBound
from lienzo.recipe.recipe import Recipe
from lienzo.report import curves, evolution, networks, pictures, resources
from lienzo.run import drawing
from lienzo.run.manifest import Manifest
from lienzo.run.progress import Progress, progress
from lienzo.run.run import Run
from lienzo.storage import files

NAME = "report.html"
"""Name of the page in the run's folder."""

FRAMES = 30
"""Samples at most under the slider."""

EVALUATIONS = 12
"""Evaluations at most that are shown, the newest."""

EACH_LABEL = 12
"""Labels at most whose number of pictures is told, the most frequent."""


@dataclass(frozen=True)
class Report:
    """What was written of a run, and the numbers on the page."""

    page: Path
    """The page."""
    figures: tuple[Path, ...]
    """Figures for a paper, where they were asked for."""
    facts: dict[str, Any]
    """State, pictures shown, seconds, size of both networks, last scores; plain values."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"page": str(self.page), "figures": [str(path) for path in self.figures], **self.facts}


@dataclass(frozen=True)
class Parts:
    """All that a page is made of, read from the artefacts of a run."""

    run: Run
    recipe: Recipe
    manifest: Manifest
    progress: Progress
    log: Sequence[Mapping[str, Any]]
    """The lines of its log."""
    scores: Sequence[scores.Scores]
    """Its newest evaluations, the oldest first."""
    players: Mapping[str, Sequence[Layer]]
    """Layers of both networks by the network's name."""
    generator: Generator | None
    """The newest generator; none before the first tick, or where its file is damaged."""
    collection: Collection | None
    """What it was trained on; none where it is not at hand."""
    missing: str
    """Why there is no generator or no collection, in sentences."""

    @property
    def charts(self) -> list[Chart]:
        """Every figure of the page."""
        measured = [scores_chart([(one.subject, one.measures) for one in self.scores])] if self.scores else []
        return [*curves.curves(self.log), *measured, networks.chart(self.players)]


def report(
    run: str | Path | Run,
    collection: str | Path | Collection | None = None,
    *,
    out: str | Path | None = None,
    figures: str | Path | None = None,
    device: str = "cpu",
) -> Report:
    """Write a run as one page, and its figures for a paper.

    Args:
        run: any run: finished, interrupted or still in training.
        collection: what it was trained on, where that no longer lies where ``run.json`` says.
        out: file of the page; by default ``report.html`` in the run's folder.
        figures: folder for each figure as SVG and as PNG at 300 dots per inch; by default none are written.
        device: where the generator paints: auto, cpu, cuda or mps.

    Raises:
        RunError: no run, or ``run.json`` is damaged.
        CollectionError: the collection that was given is none, or not the one that the run was trained on.
    """
    parts = read(Run.open(run), collection, device)
    page_path = parts.run.path / NAME if out is None else Path(out)
    files.write_text(page_path, page(parts))
    written = [] if figures is None else _figures(parts, Path(figures))
    return Report(page_path, tuple(written), _facts(parts))


def read(run: Run, collection: str | Path | Collection | None = None, device: str = "cpu") -> Parts:
    """Read all that the page of a run is made of.

    Args:
        run: the run.
        collection: what it was trained on, where that no longer lies where ``run.json`` says.
        device: where the generator paints.

    Raises:
        RunError: ``run.json`` is damaged.
        CollectionError: the collection that was given is none, or not the one that the run was trained on.
    """
    recipe, manifest = run.recipe(), run.manifest()
    missing = []
    try:
        generator: Generator | None = generation.load(run, str(pick_device(device)))
    except GeneratorError as error:
        generator = None
        missing.append(f"No pictures are generated here: {error}")
    found, reason = _collection(run, manifest, collection)
    shape = Shape(*manifest["collection"]["shape"])
    return Parts(
        run,
        recipe,
        manifest,
        progress(run),
        run.log(),
        [one for one in scores.read(run.scores_path) if one.truncation is None][-EVALUATIONS:],
        players(
            recipe.network,
            shape,
            len(manifest["collection"].get("labels", [])),
            encoder=isinstance(recipe.objective, EvidenceBound),
        ),
        generator,
        found,
        " ".join([*missing, *([reason] if reason else [])]),
    )


def _collection(
    run: Run, manifest: Manifest, given: str | Path | Collection | None
) -> tuple[Collection | None, str | None]:
    """Return the collection of a run, or why it is not at hand."""
    wanted = manifest["collection"]["fingerprint"]
    if given is not None:
        collection = given if isinstance(given, Collection) else Collection.open(given)
        if collection.fingerprint != wanted:
            raise CollectionError(
                f"{collection.path} is not what {run.path} was trained on (fingerprint {collection.fingerprint}, "
                f"not {wanted}): give that collection, or none."
            )
        return collection, None
    path = run.collection_path()
    try:
        collection = Collection.open(path)
    except CollectionError as error:
        return None, f"The collection is not at hand: {error}"
    if collection.fingerprint != wanted:
        return None, f"The collection is not at hand: {path} has other pictures now than the run was trained on."
    return collection, None


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


def _figures(parts: Parts, folder: Path) -> list[Path]:
    """Write every chart as SVG and as PNG, and the gallery as PNG; return their paths."""
    written = []
    for chart in parts.charts:
        files.write_text(folder / f"{chart.name}.svg", chart.svg())
        files.write_bytes(folder / f"{chart.name}.png", chart.png())
        written += [folder / f"{chart.name}.svg", folder / f"{chart.name}.png"]
    if parts.generator is not None:
        shown = pictures.gallery_of(parts.generator)
        files.write_bytes(folder / "gallery.png", gallery.png(gallery.grid(shown.images, shown.columns)))
        written.append(folder / "gallery.png")
    return written


def _facts(parts: Parts) -> dict[str, Any]:
    far = parts.progress
    return {
        "state": far.state,
        "images": far.images,
        "total": far.total,
        "seconds": far.last.get("seconds", 0.0),
        "networks": {
            name: {
                "parameters": sum(layer.parameters for layer in layers),
                "multiply_adds": sum(layer.multiply_adds for layer in layers),
            }
            for name, layers in parts.players.items()
        },
        "trouble": drawing.troubles(parts.log),
        "scores": parts.scores[-1].to_json() if parts.scores else None,
        "missing": parts.missing or None,
    }


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
    if parts.generator is not None:
        shown = pictures.gallery_of(parts.generator)
        order = f"Each row has one label: {', '.join(shown.labels)}. " if shown.labels else ""
        text = f"{order}The pictures of the seeds from 0 on, none left out."
        blocks += [
            pages.paragraph(text),
            gallery.sheet(shown.images, shown.columns, f"{len(shown.images)} generated pictures"),
        ]
        if parts.collection is not None:
            blocks += _nearest(parts.generator, parts.collection)
    elif found := drawing.samples(parts.run, 1):
        images, frame = found[-1]
        blocks.append(pages.picture(gallery.png(frame), f"the samples after {images:,} pictures shown", pixels=True))
    return pages.section("What the generator paints", *blocks)


def _nearest(generator: Generator, collection: Collection) -> list[str]:
    found = pictures.nearest_training(generator, collection)
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
    for one in found:
        headers, (row,) = scores.table([one])
        rows.append([f"{one.measures.generated:,}", one.detector, one.part, *row[1:]])
    notes = dict.fromkeys(note for one in found for note in one.notes)
    return pages.section(
        "Scores",
        pages.paragraph(
            "Each value stands with its standard error, the newest evaluation last. Only rows of one detector, one "
            "part and one number of pictures may be compared."
        ),
        pages.table(["pictures", "detector", "part", *headers[1:]], rows),
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
    longer = "Train it for as long again; interrupt it when you like, the same command goes on:"
    training = (longer, f"{go_on} --images {2 * far.total}") if far.finished else ("Go on with the training:", go_on)
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
