"""The form that starts a training: the keys of a recipe, with their values and what their docstrings say."""

import dataclasses
from functools import cache
from typing import Any

import docstring_parser

from lienzo.recipe.catalogue import RECIPES, find
from lienzo.recipe.recipe import Recipe


def forms() -> list[dict[str, Any]]:
    """Return every recipe: its name, its purpose, and its keys in the order of the file, with value and meaning."""
    return [
        {"name": name, "purpose": (make.__doc__ or "").partition("\n")[0], "keys": keys(find(name))}
        for name, make in RECIPES.items()
    ]


def keys(recipe: Recipe) -> list[dict[str, str]]:
    """Return the keys of a recipe as ``--set`` writes them, such as ``network.width``."""
    found: list[dict[str, str]] = []
    for field in dataclasses.fields(recipe):
        value = getattr(recipe, field.name)
        if dataclasses.is_dataclass(value):
            found += [
                _key(f"{field.name}.{inner.name}", getattr(value, inner.name), type(value), inner.name)
                for inner in dataclasses.fields(value)
            ]
        elif field.name != "name":
            found.append(_key(field.name, value, Recipe, field.name))
    return found


def _key(path: str, value: object, holder: type, name: str) -> dict[str, str]:
    return {"key": path, "value": written(value), "meaning": meanings(holder).get(name, "")}


def written(value: object) -> str:
    """Return a value as ``--set`` reads it; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"[{', '.join(map(str, value))}]" if isinstance(value, tuple) else str(value)


@cache
def meanings(holder: type) -> dict[str, str]:
    """Return what the docstring under each field of a dataclass says."""
    params = docstring_parser.parse_from_object(holder).params
    return {param.arg_name: " ".join((param.description or "").replace("``", "").split()) for param in params}
