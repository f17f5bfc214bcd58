"""How to evaluate: every choice, declared once for the function and for the command. Light to import."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from lienzo.collection.settings import Part
from lienzo.errors import ScoreError, unknown
from lienzo.generation.spans import LAST_SEED

if TYPE_CHECKING:
    from lienzo.metrics.detectors import Detector
else:
    Detector = str  # the command line reads these types, and takes detectors by name only

Precision = Literal["bf16", "fp32"]
"""Number formats in which lite0 computes."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to evaluate. The fields are the options of ``lienzo evaluate`` and of :func:`lienzo.evaluate`."""

    detector: str | Detector = "lite0"
    """Detector whose features are compared: lite0, inception or pixels; in Python also a Detector of your own."""

    detector_file: Path | None = None
    """Weights of inception; by default they are fetched once."""

    samples: int = 5_000
    """Number of generated pictures, and of real ones where there are more."""

    part: Part = "train"
    """Which of the real pictures to compare with. Copies are always sought among those to train on."""

    size: int | str | tuple[int, int] | None = None
    """Size in pixels to which folders of pictures are brought, one number, or height by width such as 96x64; by default
    that of the other side, or, if both are folders, of the first picture to score."""

    labels: str | None = None
    """Kind of labels, to score each label by itself too."""

    novelty: bool = True
    """Look for copies and blends of training pictures, which takes features of all of them and of those held out."""

    truncation: Sequence[float] = ()
    """Truncations ψ to score at, such as 0.5,0.7,1; by default latents stay as they are."""

    seed: int = 0
    """First seed of the generated pictures."""

    device: str = "auto"
    """Where to compute: auto, cpu, cuda or mps."""

    precision: Precision | None = None
    """Precision in which lite0 computes: fp32 (the default), or bf16 where the device multiplies it."""

    def __post_init__(self) -> None:
        for name in ("samples", "seed"):
            if not isinstance(value := getattr(self, name), Integral):
                raise ScoreError(f"{name} is {value!r}, but has to be a whole number.")
            object.__setattr__(self, name, int(value))  # NumPy's numbers are no JSON
        if self.seed < 0:
            raise ScoreError(f"the seed is {self.seed}, but seeds are whole numbers from 0 on.")
        if self.seed + self.samples > LAST_SEED:
            raise ScoreError(
                f"{self.samples} seeds from {self.seed} on end beyond {LAST_SEED}: begin with a lower one."
            )
        if self.part not in get_args(Part):
            raise ScoreError(unknown("part", str(self.part), get_args(Part)))
        if self.precision not in (None, *get_args(Precision)):
            raise ScoreError(unknown("precision", str(self.precision), get_args(Precision)))
        try:
            truncations = tuple(self.truncation)
            strange = [psi for psi in truncations if not math.isfinite(psi)]
        except TypeError:
            raise ScoreError(f"truncation is {self.truncation!r}, but has to be a list of numbers.") from None
        if strange:
            raise ScoreError(f"a truncation is {strange[0]}, but has to be a finite number.")
        object.__setattr__(self, "truncation", tuple(map(float, truncations)))
