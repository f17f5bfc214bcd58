"""What a request asks for, checked."""

from starlette.requests import Request

from lienzo.errors import InputError

MOST_DIGITS = 15
"""A number of so many fits an integer of a browser."""

LONGEST = 1_000
"""Characters of a word at most."""


def number(request: Request, name: str, default: int) -> int:
    """Return a whole number, not negative, from the address.

    Raises:
        InputError: it is something else.
    """
    text = request.query_params.get(name, str(default))
    found = whole(text)
    if found is None:
        raise InputError(f"{name} is '{text[:40]}' in this address: give a whole number.")
    return found


def whole(text: str) -> int | None:
    """Return the number that a text is, not negative; None where it is something else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None


def word(request: Request, name: str, default: str | None = None) -> str:
    """Return a text from the address.

    Raises:
        InputError: it is missing, or too long.
    """
    text = request.query_params.get(name, default)
    if text is None:
        raise InputError(f"this address lacks {name}: go back to the list.")
    if len(text) > LONGEST:
        raise InputError(f"{name} has {len(text):,} characters in this address: give at most {LONGEST:,}.")
    return text
