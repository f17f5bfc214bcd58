"""Findings: the results of an experiment of the theory laboratory, as claims with numbers, drawings and tables."""

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Claim:
    """One statement of the theory: the number that it predicts, and the number that was measured."""

    statement: str
    """What the theory says, with its source."""

    predicted: float
    """The number that the theory predicts."""

    measured: float
    """The number that the experiment gave."""

    tolerance: float = 0.0
    """Largest error that the claim allows, for rounding, quadrature, or as four standard errors of a sample."""

    relation: Literal["=", "≤", "≥"] = "="
    """The relation that the measurement must have to the prediction: equal, at most, or at least."""

    @property
    def error(self) -> float:
        """Distance of the measurement from satisfying the relation, not negative; NaN if either number is NaN."""
        if self.measured == self.predicted:  # also if both are the same infinity
            return 0.0
        miss = self.measured - self.predicted
        if self.relation == "=" or math.isnan(miss):
            return abs(miss)
        return max(0.0, miss if self.relation == "≤" else -miss)

    @property
    def holds(self) -> bool:
        """Whether the error is within the tolerance; NaN never is."""
        return bool(self.error <= self.tolerance)


@dataclass(frozen=True)
class Drawing:
    """A figure with its caption."""

    content: str | bytes
    """SVG as text, or the bytes of a PNG or GIF."""

    caption: str
    """What it shows, in plain text."""


@dataclass(frozen=True)
class Table:
    """A table of numbers that accompanies the claims."""

    title: str

    headers: tuple[str, ...]

    rows: tuple[tuple[str | float, ...], ...]


@dataclass(frozen=True)
class Finding:
    """The result of one experiment."""

    name: str
    """Name of the experiment, a key of ``EXPERIMENTS``."""

    title: str

    mathematics: str
    """The theory, as a headline and paragraphs with formulas in LaTeX (see :func:`lienzo.display.formulas.prose`)."""

    claims: tuple[Claim, ...]

    drawings: tuple[Drawing, ...] = ()

    tables: tuple[Table, ...] = ()

    failure: Exception | None = None
    """The error that stopped the experiment, or None if it was completed."""

    @property
    def holds(self) -> bool:
        """Whether the experiment was completed and every claim holds."""
        return self.failure is None and all(claim.holds for claim in self.claims)

    @property
    def verdict(self) -> str:
        """The outcome of the experiment, as one sentence without a full stop."""
        if self.failure is not None:
            return f"{self.name} stopped with {type(self.failure).__name__}: {self.failure}".rstrip(".: ")
        held = sum(claim.holds for claim in self.claims)
        return f"{held} of {len(self.claims)} claims hold"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the mathematics, the figures and the claims."""
        from lienzo.theory import laboratory  # noqa: PLC0415  it shows findings

        return laboratory.section(self) if self.failure is None else self.verdict

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as a JSON value; ∞ and NaN, which JSON lacks, are strings."""
        return {
            "name": self.name,
            "title": self.title,
            "holds": self.holds,
            "failure": None if self.failure is None else self.verdict,
            "claims": [
                {
                    "statement": claim.statement,
                    "relation": claim.relation,
                    "predicted": _number(claim.predicted),
                    "measured": _number(claim.measured),
                    "error": _number(claim.error),
                    "tolerance": _number(claim.tolerance),
                    "holds": claim.holds,
                }
                for claim in self.claims
            ],
            "tables": [
                {
                    "title": table.title,
                    "headers": table.headers,
                    "rows": [[_number(c) for c in row] for row in table.rows],
                }
                for table in self.tables
            ],
        }


Experiment = Callable[[int], Generator[str, None, Finding]]
"""An experiment: a generator function that takes a seed, yields a few words before each of its parts, and returns its
finding."""


def _number(value: str | float) -> str | float:
    if isinstance(value, str):
        return value
    return float(value) if math.isfinite(value) else str(float(value))
