"""What is asked of a generator: seeds, and a label for each."""

import operator
from collections.abc import Iterable, Sequence

from lienzo.collection.vocabulary import Vocabulary
from lienzo.errors import InputError


def checked(seeds: Iterable[int]) -> tuple[int, ...]:
    """Return seeds that are whole numbers from 0 on, at least one.

    Raises:
        InputError: they are not.
    """
    try:
        given = tuple(seeds)
        chosen = tuple(operator.index(seed) for seed in given)  # NumPy's numbers are no JSON
    except TypeError:
        chosen, given = (), ()
    if not chosen or min(chosen) < 0 or any(isinstance(seed, bool) for seed in given):
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
