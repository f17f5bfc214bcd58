"""The verbs that look at what is there."""

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
    told = {known: (make.__doc__ or "").split("\n")[0] for known, make in catalogue.RECIPES.items()}
    show(told if json else "\n".join(f"{known:14} {line}" for known, line in told.items()), json)


def info(path: Annotated[str, Word("PATH")], /, *, json: Json = False) -> None:
    """Say what a collection, a run or one of their files holds.

    Args:
        path: Folder or URL of a collection, a run, or a .safetensors, .toml or generated .png file.
    """
    from lienzo.inspection import inspection

    found = inspection.info(path)
    show(found if json else table(found), json)
