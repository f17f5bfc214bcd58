"""The settings of annealing: numbers that change over the last part of training, besides the learning rates.

They are functions of the pictures shown (:mod:`lienzo.training.schedule`), so a training that goes on has them too.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Annealing:
    """Where numbers have gone at the end of ``cool_down``, the last part of training, and how they go there."""

    shape: Literal["linear", "cosine"] = "linear"
    """Linearly, or by half a cosine, which begins and ends gently (Huang et al. 2024, R3GAN)."""

    rates: float = 0.0
    """Share of both learning rates that is left at the end."""

    r1: float | None = None
    """``regularisation.r1`` at the end; without it, R1 stays as it is."""

    r2: float | None = None
    """``regularisation.r2`` at the end; without it, R2 stays as it is."""

    beta2: float | None = None
    """The second of the ``betas`` of each optimiser at the end; without it, they stay as they are."""

    def __post_init__(self) -> None:
        if self.rates == 1 and self.r1 is self.r2 is self.beta2 is None:
            raise ValueError(
                "rates is 1, which leaves them as they are, and nothing else changes: set r1 or beta2 too, or leave "
                "annealing out and set cool_down to 0."
            )
        if not 0 <= self.rates <= 1:
            raise ValueError(f"rates is {self.rates}, but is a share of the learning rates: give 0 to 1.")
        for name in ("r1", "r2"):
            if (end := getattr(self, name)) is not None and end < 0:
                raise ValueError(f"{name} is {end}, but is a weight and cannot be negative.")
        if self.beta2 is not None and not 0 <= self.beta2 < 1:
            raise ValueError(f"beta2 is {self.beta2}; give a number from 0 on and below 1.")
