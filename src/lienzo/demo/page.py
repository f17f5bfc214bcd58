"""The demo's page: what was painted, refused, kept, learnt and generated, from the artefacts of one demo."""

import io
import math
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from lienzo.collection.collection import Collection
from lienzo.display import gallery, pages
from lienzo.generation import generation
from lienzo.networks.layers import players
from lienzo.networks.shape import Shape
from lienzo.report import curves, networks, resources
from lienzo.report.pictures import nearest
from lienzo.run.run import Run

Pixels = NDArray[np.uint8]

EACH_MANNER = 10
"""Real pictures shown of each manner."""

GENERATED, COLUMNS = 64, 8
"""Pictures in the generated grid, and side by side in it."""

SIDE = 96
"""Width at which each picture of a grid is shown, in CSS pixels."""

CLASSIFIED = 512
"""Number of generated pictures that are assigned to manners, by their nearest real picture."""

EACH_REASON = 3
"""Refused files of which a picture is shown for each reason, where anything of them can be drawn."""


def page(out: Path, seconds: dict[str, float], peak_memory: int) -> str:
    """Return the page of the demo in the folder ``out``.

    Args:
        out: with ``pictures``, ``collection`` and ``run``.
        seconds: how long each stage took.
        peak_memory: the most memory in bytes that a process held; 0 where unknown.
    """
    collection, run = Collection.open(out / "collection"), Run.open(out / "run")
    refused = collection.rejected().to_pylist()
    made = generation.load(run).generate(range(CLASSIFIED)).images
    last = run.log()[-1]
    shape = Shape(collection.height, collection.width, collection.channels)
    seconds = seconds | {"training": last["seconds"]}  # of all calls of train
    return pages.page(
        "From a folder of pictures to pictures that never existed",
        pages.facts(
            (
                (f"{collection.count:,}", f"pictures kept of {collection.count + len(refused):,} files"),
                (f"{last['images']:,}", "pictures shown in training"),
                (f"{last['images'] / last['seconds']:,.0f}", "of them a second"),
                (resources.duration(sum(seconds.values())), "in all"),
            )
        ),
        _generated(made, collection),
        _evolution(run),
        _kept(collection),
        _refused(out / "pictures", refused),
        _losses(run),
        networks.section(players(run.recipe().network, shape)),
        pages.section("The recipe", pages.code(run.recipe().to_toml().strip())),
        _resources(run, seconds, peak_memory),
        _onward(out, run),
        lead="One command painted a collection, broke some of its files as downloads break, sorted them out, trained "
        "a generative adversarial network on the rest, and drew this page.",
    )


def _generated(made: Pixels, collection: Collection) -> str:
    names, labels = _manners(collection)
    counts = np.bincount(labels[nearest(made, collection, collection.rows(), fields=8)], minlength=len(names))
    rows = [
        (name, f"{100 * np.mean(labels == i):.0f} %", f"{100 * counts[i] / len(made):.0f} %")
        for i, name in enumerate(names)
    ]
    return pages.section(
        "What the generator paints",
        pages.paragraph(
            f"{GENERATED} pictures in the order of their seeds, none left out. The generator never saw a picture of "
            "the collection: it learnt from nothing but what the discriminator objected to."
        ),
        pages.picture(
            gallery.png(gallery.grid(made[:GENERATED], COLUMNS)),
            f"{GENERATED} generated pictures in rows of {COLUMNS}",
            width=COLUMNS * SIDE,
        ),
        pages.paragraph(
            f"Which manner each of {len(made)} generated pictures is nearest to, pixel for pixel at 8×8 pixels, "
            "against how often the collection holds it:"
        ),
        pages.table(("manner", "in the collection", "generated"), rows),
    )


def _evolution(run: Run) -> str:
    return pages.section(
        "How it learnt",
        pages.paragraph(
            f"The same {run.recipe().samples} latents, drawn every {run.recipe().sample_every:,} pictures."
        ),
        pages.picture(
            run.evolution_path.read_bytes(),
            "the same latents drawn again and again during training",
            width=math.ceil(math.sqrt(run.recipe().samples)) * SIDE,
        ),
    )


def _kept(collection: Collection) -> str:
    names, labels = _manners(collection)
    rows = []
    for i, name in enumerate(names):
        members = np.flatnonzero(labels == i)
        shown = gallery.grid(collection.take(members[:EACH_MANNER]), EACH_MANNER)
        picture, text = gallery.png(shown), f"{name}: {len(members)}"
        rows.append(pages.picture(picture, f"{name} of the collection", caption=text, width=EACH_MANNER * SIDE))
    return pages.section(
        "What it learnt from",
        pages.paragraph(
            "A procedural painter made these: each manner is a function that draws places, proportions and palette "
            "from a seed. They were painted with short sides of 96 to 260 pixels and in many proportions, as JPEG, PNG "
            f"and WebP; preparation scaled the short side to {min(collection.height, collection.width)} pixels and cut "
            "out the centre. Training does not look at the manners' names."
        ),
        *rows,
    )


def _manners(collection: Collection) -> tuple[Sequence[str], NDArray[np.int64]]:
    """Return the names of the manners and each picture's position among them, (count,)."""
    return collection.vocabularies["folder"], collection.labels("folder")


def _refused(folder: Path, refused: list[dict[str, Any]]) -> str:
    drawn: list[str] = []
    shown: Counter[str] = Counter()
    for row in refused:
        if shown[row["reason"]] == EACH_REASON or (thumbnail := draw(folder / row["source"])) is None:
            continue
        shown[row["reason"]] += 1
        caption = f"{row['source']}: {row['reason']}, {row['detail']}"
        drawn.append(pages.picture(thumbnail, f"what can be drawn of {row['source']}", caption=caption))
    return pages.section(
        "What was refused, and why",
        pages.paragraph(
            "Every file was decoded to its last byte. What the page can draw of the refused ones stands here; the rest "
            "has nothing to draw."
        ),
        pages.row(*drawn),
        pages.table(("reason", "files"), Counter(row["reason"] for row in refused).most_common()),
        pages.table(
            ("file", "reason", "detail", "bytes"),
            [(row["source"], row["reason"], row["detail"], f"{row['bytes']:,}") for row in refused],
        ),
    )


def draw(path: Path) -> bytes | None:
    """Return what can be drawn of a file that may be damaged, as PNG with sides of 16 to 160 pixels; or none."""
    lenient, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, True
    try:
        with Image.open(path) as opened:
            image = opened.convert("RGB")
    except (OSError, ValueError, SyntaxError):
        return None
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = lenient
    image.thumbnail((160, 160))
    if max(image.size) < 16:
        image = image.resize((16, 16), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _losses(run: Run) -> str:
    return pages.section(
        "The game",
        pages.paragraph(
            "Above, the two players' losses. Below, the discriminator's mean verdict on real pictures, D(x), and on "
            "generated ones, D(G(z)): 1 means real. Neither loss is meant to fall to zero: each player's progress is "
            "the other's setback."
        ),
        pages.picture(run.curves_path.read_bytes(), "losses and verdicts over the pictures shown", width=820),
    )


def _resources(run: Run, seconds: dict[str, float], peak_memory: int) -> str:
    manifest = run.manifest()
    (speed,) = (chart for chart in curves.curves(run.log()) if chart.name == "speed")
    held = [("most memory held by one process", f"{peak_memory / 2**20:,.0f} MiB")] if peak_memory else []
    return pages.section(
        "Speed and resources",
        pages.table(("stage", "seconds"), [(stage, f"{spent:.1f}") for stage, spent in seconds.items()]),
        pages.svg(speed.svg(), caption=speed.caption, alt="speed over pictures shown"),
        pages.table(
            ("", ""),
            [
                *resources.machine(manifest["machine"]),
                ("precision", run.recipe().precision),
                *held,
                *manifest["versions"].items(),
            ],
        ),
    )


def _onward(out: Path, run: Run) -> str:
    images = run.recipe().images
    assert images is not None
    folder = shlex.quote(str(out))
    recipe = f"{folder}/run/recipe.toml"
    longer = f"lienzo train {folder}/collection --recipe {recipe} --out {folder}/run --images {2 * images}"
    return pages.section(
        "Go on from here",
        pages.paragraph("Sixty-four other pictures:"),
        pages.code(f"lienzo generate {folder}/run --seeds 1000-1063 --out more.png"),
        pages.paragraph("Train this run for as long again; interrupt it when you like, the same command goes on:"),
        pages.code(longer),
        pages.paragraph("The same with pictures of your own, one folder for each style or just a folder:"),
        pages.code(
            "lienzo prepare my-pictures my-collection --size 64\n"
            "lienzo train my-collection --recipe thesis --out my-run\n"
            "lienzo generate my-run --out mine.png"
        ),
        pages.paragraph("What a collection, a run or one of their files holds:"),
        pages.code(f"lienzo info {folder}/collection"),
    )
