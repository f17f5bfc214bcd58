"""DCGAN's recommendations, each switched off in turn: training runs that differ in one point, scored alike.

Every run is the recipe ``thesis`` with narrow networks, at a small size, for a fixed number of pictures. It is scored
against held-out pictures. Runs are taken seed by seed, so that every variant has its first seed before one has its
second. A finished run leaves its :class:`Row` in its folder, whole or not at all; the same call passes over it and goes
on with the run that was interrupted.
"""

import dataclasses
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

import msgspec

from lienzo.collection import preparation
from lienzo.collection.collection import Collection
from lienzo.display import charts
from lienzo.errors import InputError, TrainingError
from lienzo.evaluation import evaluation
from lienzo.painter import painting
from lienzo.recipe import catalogue
from lienzo.recipe.recipe import Recipe
from lienzo.run.run import Run
from lienzo.storage import files, schemas
from lienzo.theory.finding import Drawing
from lienzo.thesis import kept
from lienzo.thesis.edition import Edition
from lienzo.thesis.experiments.conditions import computed_by
from lienzo.thesis.kept import Kept, KeptDrawing, KeptTable
from lienzo.training import loop

ROW = "row.json"
"""Name of the file, in a run's folder, that holds its row."""

LAST = 0.25
"""Share of the training, at its end, over which the measures of the log are averaged."""


@dataclass(frozen=True)
class Variant:
    """The recipe with one recommendation switched off."""

    without: str
    """The recommendation."""

    instead: str
    """What stands in its place."""

    settings: tuple[str, ...] = ()
    """Settings of the recipe that switch it off."""


VARIANTS: dict[str, Variant] = {
    "thesis": Variant("nothing", "all recommendations"),
    "pooling": Variant(
        "strided convolutions in the discriminator", "3×3 convolutions and max pooling", ("network.pooling=true",)
    ),
    "upsampling": Variant(
        "transposed convolutions in the generator", "repeated pixels and 3×3 convolutions", ("network.upsampling=true",)
    ),
    "generator-norm": Variant("batch normalisation in the generator", "none", ("network.generator_norm=none",)),
    "discriminator-norm": Variant(
        "batch normalisation in the discriminator", "none", ("network.discriminator_norm=none",)
    ),
    "norm": Variant(
        "batch normalisation in both", "none", ("network.generator_norm=none", "network.discriminator_norm=none")
    ),
    "fully-connected": Variant(
        "no fully connected layers", "one of 256 units in each network", ("network.hidden_units=256",)
    ),
    "generator-activation": Variant("ReLU in the generator", "LeakyReLU", ("network.generator_activation=leaky-relu",)),
    "generator-output": Variant(
        "tanh at the generator's end", "nothing, clamped after training", ("network.generator_output=linear",)
    ),
    "discriminator-activation": Variant(
        "LeakyReLU in the discriminator", "ReLU", ("network.discriminator_activation=relu",)
    ),
    "weights": Variant("weights from N(0, 0.02²)", "PyTorch's uniform law", ("network.initial_weights=uniform",)),
    "momentum": Variant(
        "β₁ = 0.5 in Adam",
        "β₁ = 0.9",
        ("generator_optimizer.betas=[0.9,0.999]", "discriminator_optimizer.betas=[0.9,0.999]"),
    ),
    "smoothing": Variant("labels of 0.9", "labels of 1", ("objective.real_label=1", "objective.generator_label=1")),
}
"""Name -> variant: the thesis itself, DCGAN's recommendations (Radford et al. 2016, section 3), and two more choices of
the thesis."""


class Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A score with its standard error."""

    value: float
    error: float


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What came of one run."""

    variant: str
    seed: int
    size: tuple[int, int]
    """Height and width of the pictures, in pixels."""
    width: int
    """Channels of both networks' layers next to the picture."""
    images: int
    """Pictures shown in training."""
    seconds: float
    """Of training."""
    collection: str = ""
    """Fingerprint of the collection; empty in rows of older versions."""
    samples: int = 0
    """Pictures to score; 0 in rows of older versions."""
    machine: str = "a machine that was not recorded"
    """What trained."""
    failure: str = ""
    """Why training could not go on; empty where it came to its end."""
    kid: Measured | None = None
    """Against held-out pictures, with the features of lite0; none where training failed."""
    precision: float | None = None
    recall: float | None = None
    real_score: float | None = None
    """Mean D(x) over the last quarter of the training."""
    fake_score: float | None = None
    """Mean D(G(z)) over the last quarter of the training."""
    diversity: float | None = None
    """Diversity of generated pictures over that of real ones, mean of the last quarter."""


PLANNED = ("size", "width", "images", "collection", "samples")
"""Fields of a row that a plan decides."""


def refuse_nothing_held_out(collection: Collection) -> None:
    """Refuse a collection without pictures held out.

    Raises:
        InputError: it has none.
    """
    if not len(collection.rows("holdout")):
        raise InputError(
            f"{collection.path} has no pictures held out to score against: prepare it with --holdout 0.5, for example."
        )


@dataclass(frozen=True)
class Plan:
    """Which runs to make."""

    collection: Collection
    """Pictures, a part of them held out."""
    out: Path
    """Folder for the runs."""
    variants: Sequence[str] = tuple(VARIANTS)
    seeds: Sequence[int] = (0, 1, 2)
    images: int = 160_000
    """Pictures shown in each run."""
    width: int = 16
    """Channels of both networks' layers next to the picture."""
    samples: int = 2_000
    """Pictures to score."""
    device: str = "auto"

    def __post_init__(self) -> None:
        refuse_nothing_held_out(self.collection)


def recipe(variant: str, seed: int, images: int, width: int) -> Recipe:
    """Return the recipe of a run."""
    settings = (*VARIANTS[variant].settings, f"network.width={width}", f"seed={seed}", "tick=6400", "keep_epochs=false")
    return dataclasses.replace(catalogue.thesis().with_settings(settings), name=variant).lasting(None, images)


def steps(plan: Plan) -> Iterator[tuple[str, Row | None]]:
    """Make the runs of a plan, seed by seed; yield the name of each as it begins, and again with its row."""
    for seed in plan.seeds:
        for variant in plan.variants:
            name = f"{variant}-{seed}"
            yield name, None
            yield name, row(plan, variant, seed)


def row(plan: Plan, variant: str, seed: int) -> Row:
    """Return the row of a run: the one that is there, or what training and scoring give now.

    Raises:
        InputError: the run's folder holds a run of another plan.
    """
    size, collection = (plan.collection.height, plan.collection.width), plan.collection.fingerprint
    folder = plan.out / f"{variant}-{seed}"
    made = Row(variant, seed, size, plan.width, plan.images, 0.0, collection, plan.samples)
    if (folder / ROW).exists():
        found = schemas.decode((folder / ROW).read_bytes(), Row)
        if any(getattr(found, name) != getattr(made, name) for name in PLANNED):
            raise InputError(
                f"{folder} holds a run of another collection, width, length or number of pictures to score: "
                "give another folder."
            )
        return found
    run = Run(folder)
    try:
        loop.train(plan.collection, recipe(variant, seed, plan.images, plan.width), folder, device=plan.device)
    except TrainingError as error:
        made = msgspec.structs.replace(made, failure=str(error))
    else:
        made = _scored(made, run, plan)
    made = msgspec.structs.replace(made, seconds=_seconds(run), machine=computed_by(run))
    files.write_bytes(folder / ROW, msgspec.json.format(msgspec.json.encode(made), indent=1))
    return made


def rows(folder: Path) -> list[Row]:
    """Return the rows of all finished runs in a folder, in the order of the variants, then of the seeds."""
    found = [schemas.decode(path.read_bytes(), Row) for path in folder.glob(f"*/{ROW}")]
    order = list(VARIANTS)
    return sorted(found, key=lambda each: (order.index(each.variant), each.seed))


def _scored(made: Row, run: Run, plan: Plan) -> Row:
    """Return a row with the scores of a finished run, and with what its log says of its last quarter."""
    measures = evaluation.evaluate(
        run, plan.collection, samples=plan.samples, part="holdout", novelty=False, device=plan.device
    ).measures
    log = run.log()
    last = [line for line in log if line["images"] > (1 - LAST) * log[-1]["images"]]
    watched = [line for line in last if "fake_diversity" in line]
    return msgspec.structs.replace(
        made,
        kid=Measured(measures.kid.value, measures.kid.error),
        precision=None if measures.precision is None else measures.precision.value,
        recall=None if measures.recall is None else measures.recall.value,
        real_score=mean(line["real_score"] for line in last),
        fake_score=mean(line["fake_score"] for line in last),
        diversity=mean(line["fake_diversity"] / line["real_diversity"] for line in watched) if watched else None,
    )


def _seconds(run: Run) -> float:
    """Return how long a run has trained so far."""
    log = run.log()
    return round(float(log[-1]["seconds"]), 1) if log else 0.0


HEADERS = (
    "without", "instead", "seeds", "KID", "precision", "recall", "D(x)", "D(G(z))", "diversity", "failed",
)  # fmt: skip


def result(folder: Path, edition: Edition) -> Generator[str, None, tuple[Kept, Sequence[Drawing]]]:
    """Make all runs on the reader's collection, or on the painter's pictures, and return what came of them."""
    collection = edition.collection
    if collection is None:
        yield "the painter's pictures"
        if not (folder / "collection").exists():
            painting.paint(folder / "pictures")
        collection = preparation.prepare(folder / "pictures", folder / "collection", size=16, holdout=0.5)
    plan = Plan(collection, folder / "runs")
    for name, _ in steps(plan):
        yield name
    pictures = "the painter's" if edition.collection is None else edition.collection.path.name
    return summary(rows(plan.out), pictures, "lienzo thesis dcgan --again")


def summary(found: Sequence[Row], pictures: str, command: str) -> tuple[Kept, Sequence[Drawing]]:
    """Return the rows of finished runs as a result that is kept, with a drawing.

    Args:
        found: rows, of one plan.
        pictures: what the pictures are, in a few words.
        command: that made the runs.

    Raises:
        InputError: no run is finished.
    """
    if not found:
        raise InputError("no run is finished yet: nothing can be kept.")
    first = found[0]
    title = (
        f"{first.images:,} pictures of {first.size[0]}×{first.size[1]} ({pictures}), "
        f"{first.width} channels next to the picture"
    )
    drawing = _draw(found)
    return Kept(
        title="DCGAN's recommendations, each switched off in turn",
        command=command,
        processor="; ".join(sorted({row.machine for row in found})),
        date=kept.today(),
        seeds=tuple(sorted({row.seed for row in found})),
        seconds=round(sum(row.seconds for row in found), 1),
        tables=(KeptTable(title, HEADERS, tuple(_cells(name, found) for name in VARIANTS if _of(name, found))),),
        drawings=(KeptDrawing(drawing.caption, "svg"),),
    ), (drawing,)


def _of(variant: str, found: Sequence[Row]) -> list[Row]:
    return [row for row in found if row.variant == variant]


def _cells(variant: str, found: Sequence[Row]) -> tuple[str | float, ...]:
    """Return the row of a variant in the table: means over its seeds."""
    own = _of(variant, found)
    scored = [row for row in own if row.kid is not None]
    kids = [row.kid for row in scored if row.kid is not None]
    if len(kids) > 1:
        kid = f"{mean(each.value for each in kids):.4f} ± {stdev(each.value for each in kids):.4f}"
    else:
        kid = f"{kids[0].value:.4f} ± {kids[0].error:.4f}" if kids else "–"
    shares = [
        [getattr(row, name) for row in scored if getattr(row, name) is not None]
        for name in ("precision", "recall", "real_score", "fake_score", "diversity")
    ]
    means = [f"{mean(values):.3f}" if values else "–" for values in shares]
    failed = str(len(own) - len(scored))
    return (VARIANTS[variant].without, VARIANTS[variant].instead, str(len(own)), kid, *means, failed)


def _draw(found: Sequence[Row]) -> Drawing:
    """Draw the KID of each run: a line of the figure is a variant, a point a seed."""
    names = [name for name in VARIANTS if _of(name, found)]
    with charts.figure(7.0, 0.9 + 0.3 * len(names)) as drawn:
        axes = drawn.subplots()
        for place, name in enumerate(names):
            for row in _of(name, found):
                if row.kid is not None:
                    color = charts.COLOURS[row.seed % len(charts.COLOURS)]
                    axes.errorbar(row.kid.value, place, xerr=row.kid.error, fmt="o", color=color, capsize=2)
        own = [row.kid.value for row in _of("thesis", found) if row.kid is not None]
        if own:
            axes.axvline(mean(own), color="#888888", linestyle="--", linewidth=1)
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set_xlabel("KID")
        caption = f"KID of each run, with its error, by variant: {', '.join(names)}."
        return Drawing(charts.svg(drawn), caption)
