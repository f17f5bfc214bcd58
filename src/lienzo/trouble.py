"""What goes wrong while two networks play, told by the lines that a run logs.

``docs/log.md``, section "Trouble", has the runs that the bounds below come from.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from lienzo.likelihood import EvidenceBound
from lienzo.objectives import Objective

PATIENCE = 10
"""A sign of trouble counts once so many ticks in succession show it."""

SATURATED = 1e-3
"""D(G(z)) below this: no generated picture looks real to the discriminator (Arjovsky and Bottou 2017, section 2)."""

VANISHED = 1e-4
"""The norm of the generator's gradient below this, as where log(1 − D(G(z))) is flat (Goodfellow et al. 2014, 3)."""

COLLAPSED = 0.1
"""Diversity of generated pictures over that of real ones, below which they are variations of one picture."""

SPREAD_OUT = 0.4
"""A generator begins with grey pictures all alike: it can collapse once its diversity was above this."""


@dataclasses.dataclass(frozen=True)
class Signs:
    """How long each kind of trouble has been showing, after some lines of the log."""

    won: int = 0
    """Ticks in succession that show a discriminator that has won."""

    collapsed: int = 0
    """Ticks in succession that show a generator that has collapsed."""

    spread_out: bool = False
    """Whether generated pictures once differed among themselves nearly as real ones do."""

    @property
    def good(self) -> bool:
        """Whether nothing is suspicious, and this is a state to come back to."""
        return not (self.won or self.collapsed)

    def after(self, line: Mapping[str, Any], objective: Objective | EvidenceBound) -> "Signs":
        """Return the signs after one more line."""
        probabilistic = not isinstance(objective, EvidenceBound) and objective.probabilistic
        saturated = probabilistic and line["fake_score"] < SATURATED
        diversity = relative_diversity(line)
        spread_out = self.spread_out or diversity > SPREAD_OUT
        return Signs(
            self.won + 1 if saturated or line["generator_gradient"] < VANISHED else 0,
            self.collapsed + 1 if spread_out and diversity < COLLAPSED else 0,
            spread_out,
        )

    def trouble(self, line: Mapping[str, Any]) -> str | None:
        """Say in one sentence what is wrong at this line, the last, and what to try; none where all is well."""
        if self.won >= PATIENCE:
            return (
                f"the discriminator has won (D(G(z)) is {line['fake_score']:.1e}, the norm of the generator's gradient "
                f"{line['generator_gradient']:.1e}): try a lower discriminator_optimizer.rate, "
                "objective.name=non-saturating, regularisation.r1=1 or network.discriminator_norm=spectral."
            )
        if self.collapsed >= PATIENCE:
            return (
                f"the generator has collapsed (its pictures differ {relative_diversity(line):.0%} as much as real): "
                "try network.minibatch_deviation=true, network.discriminator_norm=spectral, or lower learning rates."
            )
        return None


def relative_diversity(line: Mapping[str, Any]) -> float:
    """Return the diversity of generated pictures over that of real ones; 1 where real ones do not differ."""
    return float(line["fake_diversity"] / line["real_diversity"]) if line["real_diversity"] else 1.0


def not_finite(measures: Mapping[str, float], images: int) -> str | None:
    """Say which measure is no finite number after so many pictures, if one is: training cannot go on then."""
    for name, value in sorted(measures.items()):
        if not math.isfinite(value):
            return (
                f"{name} is {value} after {images:,} pictures, and training cannot go on: "
                "try a lower learning rate (--set generator_optimizer.rate=0.0001), or --precision fp32."
            )
    return None
