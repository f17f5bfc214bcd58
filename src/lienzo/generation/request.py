"""What is asked of a generator: seeds, and a label for each."""

from collections.abc import Iterable, Sequence

from lienzo.collection.vocabulary import Vocabulary
from lienzo.errors import InputError


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
        numbers += span
    return numbers


def checked(seeds: Iterable[int]) -> tuple[int, ...]:
    """Return seeds that are whole numbers from 0 on, at least one.

    Raises:
        InputError: they are not.
    """
    chosen = tuple(seeds)
    if not chosen or min(chosen) < 0:
        raise InputError("pictures are made from one or more seeds, whole numbers from 0 on: give at least one.")
    return chosen


def labels_of(
    seeds: Sequence[int], labels: str | Sequence[str] | None, vocabulary: Vocabulary | None
) -> tuple[str, ...]:
    """Return the label or mixture of each seed's picture; nothing where the generator knows none.

    Args:
        seeds: of the pictures.
        labels: one text for all of them or one for each; by default each seed draws its own.
        vocabulary: the labels that the generator knows.

    Raises:
        InputError: labels for a generator that knows none, or another number of them than of seeds.
    """
    if vocabulary is None:
        if labels is not None:
            raise InputError("the generator was trained without labels: ask for its pictures by seed alone.")
        return ()
    if labels is None:
        return tuple(vocabulary.drawn(seed) for seed in seeds)
    texts = (labels,) * len(seeds) if isinstance(labels, str) else tuple(labels)
    if len(texts) != len(seeds):
        raise InputError(f"{len(texts)} labels are not one for each of {len(seeds)} seeds: give as many, or one.")
    return texts
