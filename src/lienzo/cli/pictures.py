"""The commands demo, prepare and generate."""

import itertools
from pathlib import Path
from typing import Annotated

from lienzo.cli.options import DEVICE, Json, has_equals_sign, resumable, show, table
from lienzo.cli.syntax import Word
from lienzo.collection.settings import Settings
from lienzo.display.terminal import bar, note
from lienzo.errors import InputError
from lienzo.generation.settings import Settings as GenerationSettings

PREPARATION = {
    "size": Word("64|96x64"),
    "labels": Word("folders|FILE.csv|none"),
    "label_columns": Word("NAME,...", separator=","),
    "choices": Word("FILE"),
    "background": Word("COLOUR"),
    "near_duplicates": Word("BITS"),
    "holdout": Word("SHARE"),
}
"""How settings of a preparation are written, where their types do not say it."""

GENERATION = {
    "seeds": Word("LIST"),
    "label": Word("NAME"),
    "latents": Word("FILE"),
    "truncation": Word("PSI"),
    "centres": Word("FILE|K"),
    "along": Word("NAME=X", continues=has_equals_sign),
    "directions": Word("FILE"),
    "mix": Word("SEED:LAYERS"),
    "units": Word("LAYER:UNIT=VALUE"),
    "save_latents": Word("FILE"),
    "out": Word("FILE.png|FOLDER"),
    "device": DEVICE,
}
"""How settings of a generation are written, where their types do not say it."""


def demo(*, out: Annotated[Path, Word("FOLDER")] = Path("lienzo-demo")) -> None:
    """Paint a collection, prepare it, train on it and show the result on one page, in at most six minutes on two cores.

    The same command goes on after an interruption.

    Args:
        out: Folder for everything that the demo makes.
    """
    from lienzo.demo import demo

    with resumable():
        for stage, progress in itertools.groupby(demo.steps(out), key=lambda step: step.stage):
            with bar(stage) as shown:
                for step in progress:
                    shown.show(step.done, step.total, step.text)
    show(str(demo.page_path(out)), as_json=False)


def prepare(
    *places: Annotated[str, Word("SOURCE... OUT")],
    settings: Annotated[Settings, PREPARATION],
    dry_run: bool = False,
    json: Json = False,
) -> None:
    """Make a collection of the pictures in folders and archives; the same command goes on after an interruption.

    Args:
        places: Folders, zip and tar files, tables, URLs or kaggle:COMPETITION; then the collection's folder or URL.
        settings: How to prepare.
        dry_run: Screen only, and write nothing but OUT/report.html.
    """
    from lienzo.collection import preparation
    from lienzo.inspection.inspection import info

    if len(places) < 2:
        raise InputError("prepare needs a source of pictures and the folder of the collection: SOURCE... OUT.")
    *sources, out = places
    if out.startswith("memory:"):
        raise InputError(f"{out} would be gone when this command ends: name a folder, or the URL of a store.")
    with bar("preparing") as shown:
        for step in preparation.steps(sources, out, settings, dry_run=dry_run):
            shown.show(step.done, step.total, f"{step.kept:,} kept, {step.done - step.kept:,} refused")
    note(f"The report: {out.rstrip('/')}/report.html")
    found = {"kept": step.kept, "refused": step.refused} if step.collection is None else info(step.collection.path)
    show(found if json else table(found), json)


def generate(
    source: Annotated[str, Word("RUN|FILE|hf://USER/NAME")],
    /,
    *,
    settings: Annotated[GenerationSettings, GENERATION],
    json: Json = False,
) -> None:
    """Generate pictures: one grid, or one file for each seed.

    Args:
        source: Folder of a run, a generator's .safetensors or .onnx file, or where one lies on the Hugging Face Hub.
        settings: What to generate.
    """
    from lienzo.generation import pictures

    with bar("generating"):
        made = pictures.generate(source, **vars(settings))
    show(made.to_json() if json else str(settings.out), json)
