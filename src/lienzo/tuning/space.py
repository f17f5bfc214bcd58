"""What a study searches: for each key of the recipe a range of numbers or a few values."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lienzo.errors import RecipeError
from lienzo.recipe import Recipe

DEFAULT = (
    "generator_optimizer.rate=0.00005..0.002:log",
    "discriminator_optimizer.rate=0.00005..0.002:log",
    "generator_optimizer.betas=[0.0,0.9],[0.0,0.99],[0.5,0.999]",
    "discriminator_optimizer.betas=[0.0,0.9],[0.0,0.99],[0.5,0.999]",
    "batch=16,32,64,128",
    "average_half_life=0,1000,5000,20000",
)
"""Searched unless told otherwise: what every recipe has."""


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included; whole ones where both ends are whole."""

    low: float
    high: float
    log: bool = False
    """Whether to search by orders of magnitude."""


Dimension = Range | tuple[str, ...]
"""A range, or values as they are written in a setting."""


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
        key, equals, text = search.partition("=")
        if not equals or not key or not text:
            raise RecipeError(f"'{search}' is no search: write key=low..high, key=low..high:log or key=a,b,c.")
        if key in space:
            raise RecipeError(f"{key} is searched twice: give it once.")
        space[key] = _range(text, search) if ".." in text else tuple(re.split(r",(?![^\[]*\])", text))
        _check(key, space[key], recipe)
    return space


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
    if not found.low < found.high or (found.log and found.low <= 0):
        raise RecipeError(f"'{search}' is no range: the low end comes first, and is positive where :log is asked for.")
    return found


def _check(key: str, dimension: Dimension, recipe: Recipe) -> None:
    """Refuse a key none of whose values fits: a value may need that of another key, all of them hardly do."""
    values = (dimension.low, dimension.high) if isinstance(dimension, Range) else dimension
    refused = []
    for value in values:
        try:
            recipe.with_settings([f"{key}={value}"])
        except RecipeError as error:
            refused.append(error)
    if len(refused) == len(values):
        raise refused[0]
