"""The space that a study searches: for each key of the recipe a range of numbers, or a few values."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lienzo.errors import RecipeError
from lienzo.recipe.codec import read
from lienzo.recipe.recipe import Recipe

DEFAULT = (
    "generator_optimizer.rate=0.00005..0.002:log",
    "discriminator_optimizer.rate=0.00005..0.002:log",
    "generator_optimizer.betas=[0.0,0.9],[0.0,0.99],[0.5,0.999]",
    "discriminator_optimizer.betas=[0.0,0.9],[0.0,0.99],[0.5,0.999]",
    "batch=16,32,64,128",
    "average_half_life=0,1000,5000,20000",
)
"""The default search. Keys that a recipe lacks are left out: one without a discriminator has no rate of it."""


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included; whole ones where both ends are written so, or the key asks."""

    low: float
    high: float
    log: bool = False
    """Whether to search by orders of magnitude."""


OF_THE_STUDY = ("name", "epochs", "images", "evaluate_every", "tick", "keep_epochs")
"""Keys of the recipe that are the same in every trial."""

Dimension = Range | tuple[str, ...]
"""A range of numbers, or a few values, written as in a setting."""


def parse(searches: Sequence[str], recipe: Recipe) -> dict[str, Dimension]:
    """Return the dimensions of a space, by the key of the recipe.

    Args:
        searches: such as ``batch=16,32`` or ``generator_optimizer.rate=0.0001..0.001:log``.
        recipe: that the values are tried on.

    Raises:
        RecipeError: a text that is no search, a key given twice, or none of whose values fits the recipe.
    """
    space: dict[str, Dimension] = {}
    for search in searches:
        key, dimension = _read(search)
        if key in space:
            raise RecipeError(f"{key} is searched twice: give it once.")
        if key in OF_THE_STUDY:
            raise RecipeError(f"{key} is the same in every trial, which are compared by it: leave it out.")
        space[key] = dimension = _whole(key, dimension, recipe)
        if all(refusals := _refusals(key, dimension, recipe)):  # some may need a value of another key
            raise next(filter(None, refusals))
    return space


def usual(recipe: Recipe) -> tuple[str, ...]:
    """Return those of the usual searches all of whose values fit the recipe."""
    return tuple(search for search in DEFAULT if not any(_refusals(*_read(search), recipe)))


def values(space: dict[str, Dimension], recipe: Recipe) -> dict[str, Any]:
    """Return the recipe's own values of the keys of a space, as far as they lie in their dimensions."""
    found: dict[str, Any] = {}
    for key, dimension in space.items():
        value: Any = recipe.to_dict()
        for name in key.split("."):
            value = value.get(name)
        if isinstance(dimension, Range):
            written = [value] if value is not None and dimension.low <= value <= dimension.high else []
        else:
            written = [text for text in dimension if read(text) == value]
        if written:
            found[key] = written[0]
    return found


def _read(search: str) -> tuple[str, Dimension]:
    """Return the key and the dimension that a text describes."""
    key, equals, text = search.partition("=")
    if not equals or not key or not text:
        raise RecipeError(f"'{search}' is no search: write key=low..high, key=low..high:log or key=a,b,c.")
    return key, _range(text, search) if ".." in text else tuple(re.split(r",(?![^\[]*\])", text))


def _range(text: str, search: str) -> Range:
    ends, colon, scale = text.partition(":")
    low, _, high = ends.partition("..")
    number = int if re.fullmatch(r"-?\d+\.\.-?\d+", ends) else float
    try:
        found = Range(number(low), number(high), bool(colon))
    except ValueError:
        raise RecipeError(f"'{search}' is no search: write two numbers, such as batch=16..128.") from None
    if scale not in ("", "log") or (colon and not scale):
        raise RecipeError(f"'{search}' is no search: only :log may stand behind a range.")
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        raise RecipeError(f"'{search}' is no range: both ends are finite numbers.")
    if not found.low < found.high or (found.log and found.low <= 0):
        raise RecipeError(f"'{search}' is no range: the low end comes first, and is positive where :log is asked for.")
    return found


def _whole(key: str, dimension: Dimension, recipe: Recipe) -> Dimension:
    """Return a range such as 1e3..1e5 in whole numbers where the recipe takes no others."""
    if not isinstance(dimension, Range) or isinstance(dimension.low, int):
        return dimension
    between = Range(dimension.low + (dimension.high - dimension.low) / math.pi, dimension.high, dimension.log)
    ends, (inside, _) = _refusals(key, dimension, recipe), _refusals(key, between, recipe)
    if any(ends) or not inside:
        return dimension
    return Range(int(dimension.low), int(dimension.high), dimension.log)


def _refusals(key: str, dimension: Dimension, recipe: Recipe) -> list[RecipeError | None]:
    """Return for each value, or for both ends of a range, why the recipe refuses it, or none."""
    tried = (dimension.low, dimension.high) if isinstance(dimension, Range) else dimension
    refusals: list[RecipeError | None] = []
    for value in tried:
        try:
            recipe.with_settings([f"{key}={value}"])
        except RecipeError as error:
            refusals.append(error)
        else:
            refusals.append(None)
    return refusals
