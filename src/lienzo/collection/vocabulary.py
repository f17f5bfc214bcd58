"""Labels as networks see them: rows of numbers, one for each name of one kind of label.

A row is one-hot, a mixture whose parts sum to 1, or all zeros where the label is missing.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lienzo.errors import InputError, unknown
from lienzo.seeds import numpy_generator

PART = re.compile(r"\s*(.+?)\s*=\s*(\d+\.?\d*|\.\d+)\s*(?:,|$)")
"""One part of a mixture, such as ``cubism=0.3``. Names may hold commas."""


@dataclass(frozen=True)
class Vocabulary:
    """The labels that a conditional generator has learnt, and how often it has met them."""

    kind: str
    """Kind of the labels, such as ``style``, ``artist`` or ``folder``."""

    counts: dict[str, int]
    """Name -> training pictures that carry it; the order of the names is that of the numbers in a row."""

    unlabelled: int
    """Training pictures without a label of this kind."""

    @classmethod
    def counted(cls, kind: str, names: Sequence[str], codes: NDArray[np.int64]) -> "Vocabulary":
        """Count the labels of pictures: ``codes`` (n,) are positions in ``names``, −1 where a picture has none."""
        counts = np.bincount(codes[codes >= 0], minlength=len(names)).tolist()
        return cls(kind, dict(zip(names, counts, strict=True)), int((codes < 0).sum()))

    @property
    def names(self) -> tuple[str, ...]:
        """The labels, in the order of the numbers in a row."""
        return tuple(self.counts)

    def row(self, text: str) -> NDArray[np.float32]:
        """Return the row (classes,) of a name, of a mixture such as ``cubism=0.3,baroque=0.7``, or of no label, ``""``.

        The numbers of a mixture say in which proportion its labels stand.

        Raises:
            InputError: an unknown label, or a mixture of nothing.
        """
        row = np.zeros(len(self.counts), np.float32)
        if text in self.counts or not text:
            parts = {text: 1.0} if text else {}
        elif PART.sub("", text):
            hint = " A mixture is written as name=0.3,name=0.7." if "=" in text or "," in text else ""
            raise InputError(unknown(self.kind, text, self.counts) + hint)
        else:
            parts = {name: float(number) for name, number in PART.findall(text)}
            if not sum(parts.values()):
                raise InputError(f"'{text}' is a mixture of nothing: give one of its labels a number above 0.")
        for name, number in parts.items():
            if name not in self.counts:
                raise InputError(unknown(self.kind, name, self.counts))
            row[self.names.index(name)] = number / sum(parts.values())
        return row

    def rows(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """Return the rows (n, classes) of several such texts."""
        wanted = list(texts)
        known = {text: self.row(text) for text in set(wanted)}
        return np.stack([known[text] for text in wanted])

    def positions(self, names: Iterable[str]) -> NDArray[np.int64]:
        """Return the position of each of these names in a row, −1 for no label; (n,)."""
        known = {name: position for position, name in enumerate(self.counts)} | {"": -1}
        return np.array([known[name] for name in names], np.int64)

    def drawn(self, seed: int) -> str:
        """Return the label of one seed's picture: each as often as among the training pictures, ``""`` being none."""
        ends = np.cumsum([*self.counts.values(), self.unlabelled])
        index = np.searchsorted(ends, numpy_generator(seed, "label").integers(ends[-1]), side="right")
        return (*self.counts, "")[int(index)]
