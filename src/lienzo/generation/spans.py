"""Whole numbers as they are written, such as ``0,3,10-12``. Light to import."""

from lienzo.errors import InputError

MOST = 1_000_000
"""Pictures that are asked for at once, at most: they are kept in memory."""

LAST_SEED = 2**63 - 1
"""The last seed of a picture where seeds are kept in 64 bits, as scores and paths do."""


def parse_seeds(text: str) -> list[int]:
    """Return the seeds that a text names.

    >>> parse_seeds("0,3,10-12")
    [0, 3, 10, 11, 12]
    """
    return parse_numbers(text, "--seeds", "0,1,2 or 10-19")


def parse_numbers(text: str, what: str, example: str) -> list[int]:
    """Return the whole numbers that a text names.

    Args:
        text: numbers and spans of them, parted by commas.
        what: how an error names the text.
        example: of how it is written.

    Raises:
        InputError: it is not written like this.
    """
    numbers: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        try:
            span = range(int(first), int(last or first) + 1)
        except ValueError:
            raise InputError(f"{what} is '{text}', but has to be numbers such as {example}.") from None
        if not span:
            raise InputError(f"{what} has {part}, which ends before it begins: write {last}-{first}.")
        if span.stop - span.start + len(numbers) > MOST:
            raise InputError(f"{what} has more than {MOST:,} numbers: give fewer at once.")
        numbers += span
    return numbers
