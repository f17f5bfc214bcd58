"""The commands recipes and info, which only read."""

from typing import Annotated

from lienzo.cli.options import Json, show, table
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
    show(purposes if json else "\n".join(f"{known:14} {line}" for known, line in purposes.items()), json)


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
        path: A folder, the URL of a collection, or a .safetensors, .toml or generated .png file.
        caches: Say where lienzo keeps what it can make again, and how much space that takes.
        clear_caches: Delete that, and say how much space is free now.
    """
    from lienzo.inspection import inspection, overview

    found = inspection.info(path, caches=caches, clear_caches=clear_caches)
    text = "\n".join(overview.lines(found)) if found["kind"] == "folder" else table(found)
    show(found if json else text, json)
