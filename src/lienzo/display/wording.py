"""Numbers and lists of names as they stand in a sentence."""

from collections.abc import Iterable
from itertools import islice

SHOWN = 3
"""Number of names that a sentence shows as examples."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, in the plural unless it is one.

    >>> counted(1, "picture"), counted(2_000, "picture"), counted(0, "match", "matches")
    ('1 picture', '2,000 pictures', '0 matches')
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def speed(per_second: float) -> str:
    """Return a number of pictures per second, with a decimal where it is small.

    >>> speed(1_234.5), speed(0.98)
    ('1,234', '1.0')
    """
    return f"{per_second:,.0f}" if per_second >= 10 else f"{per_second:.1f}"


def examples(names: Iterable[str]) -> str:
    """Return the first names, with dots behind them if there are more.

    >>> examples(["a", "b", "c"]), examples(["a", "b", "c", "d"])
    ('a, b, c', 'a, b, c, ...')
    """
    first = list(islice(names, SHOWN + 1))
    return ", ".join([*first[:SHOWN], *(["..."] if len(first) > SHOWN else [])])
