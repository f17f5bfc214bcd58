"""The commands recipes and info, which only read."""

from pathlib import Path
from typing import Annotated

from lienzo.cli.options import Device, Json, Run, show, table
from lienzo.cli.syntax import Word


def recipes(name: Annotated[str | None, Word("[NAME|FILE.toml]")] = None, /, *, json: Json = False) -> None:
    """List the recipes, or print one as TOML.

    Args:
        name: Name of a recipe, or the path of a .toml file.
    """
    from lienzo.recipe import catalogue

    if name is not None:
        found = catalogue.recipes(name)
        show(found.to_dict() if json else found.to_toml().rstrip(), json)
        return
    purposes = {known: (make.__doc__ or "").split("\n")[0] for known, make in catalogue.RECIPES.items()}
    width = max(map(len, purposes))
    show(purposes if json else "\n".join(f"{known:{width}} {line}" for known, line in purposes.items()), json)


def info(
    path: Annotated[str, Word("[PATH]")] = ".",
    /,
    *,
    caches: bool = False,
    clear_caches: bool = False,
    json: Json = False,
) -> None:
    """Say what a collection, a run or one of their files holds, or list the runs and collections below a folder.

    Args:
        path: A folder, the URL of a collection, or a .safetensors, .onnx, .toml or generated .png file.
        caches: Say where lienzo keeps what it can make again, and how much space that takes.
        clear_caches: Delete that, and say how much space is free now.
    """
    from lienzo.inspection import inspection, overview

    found = inspection.info(path, caches=caches, clear_caches=clear_caches)
    text = "\n".join(overview.lines(found)) if found["kind"] == "folder" else table(found)
    show(found if json else text, json)


def report(
    run: Run,
    collection: Annotated[str | None, Word("[COLLECTION]")] = None,
    /,
    *,
    out: Annotated[Path | None, Word("FILE.html")] = None,
    figures: Annotated[Path | None, Word("FOLDER")] = None,
    device: Device = "cpu",
    json: Json = False,
) -> None:
    """Show a run on one page: pictures, evolution, curves, scores, both networks, resources, and how to go on.

    Args:
        collection: What it was trained on, where that no longer lies where it was.
        out: File of the page; by default report.html in the run's folder.
        figures: Folder for each figure as SVG and as PNG at 300 dpi, for a paper; by default none are written.
    """
    from lienzo.report import report

    written = report.report(run, collection, out=out, figures=figures, device=device)
    show(written.to_json() if json else str(written.page), json)
