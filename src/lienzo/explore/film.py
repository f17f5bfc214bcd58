"""How a walk becomes a film: every choice, declared once for the function and for the command. Light to import."""

from dataclasses import dataclass
from typing import Literal, get_args

from lienzo.errors import InputError, refuse_below, unknown

Curve = Literal["great-circles", "spline"]
"""Great circles turn at each keyframe; a spline passes through all of them without a corner."""

Easing = Literal["none", "smooth"]
"""``smooth`` slows down at each keyframe: 3t² − 2t³ in place of t."""


MOST_FRAMES, MOST_WALKS = 100_000, 400
"""What a path may hold."""

SLOWEST, FASTEST = 0.1, 1000
"""Frames per second that a film may have: not all kinds of films can hold fewer or more."""


@dataclass(frozen=True, kw_only=True)
class Film:
    """How a walk becomes a film. The fields are options of ``lienzo explore walk``."""

    frames: int = 240
    """Frames of the film."""

    frames_per_second: float = 30.0
    """Frames that are shown in a second."""

    walks: int = 1
    """Walks side by side; each takes the seeds after those of the one before."""

    columns: int | None = None
    """Columns of the grid that several walks stand in; by default as many as make it about square."""

    curve: Curve = "great-circles"
    """What lies between keyframes: great circles, or a spline, which has no corners."""

    easing: Easing = "none"
    """Whether to slow down at every keyframe: smooth does."""

    closed: bool = False
    """Return to the beginning, so that the film can go on for ever."""

    even: bool = False
    """Go at an even speed: the same distance in a detector's features from every frame to the next."""

    def __post_init__(self) -> None:
        refuse_below(
            1, {"frames": self.frames, "walks": self.walks, "columns": 1 if self.columns is None else self.columns}
        )
        if self.frames > MOST_FRAMES or self.walks > MOST_WALKS:
            raise InputError(
                f"a walk has up to {MOST_FRAMES:,} frames, and a film up to {MOST_WALKS} walks: give fewer."
            )
        for kind, name, known in (("curve", self.curve, get_args(Curve)), ("easing", self.easing, get_args(Easing))):
            if name not in known:
                raise InputError(unknown(kind, name, known))
        if self.columns is not None and self.walks == 1:
            raise InputError("--columns says nothing of one walk: leave it out, or give --walks.")
        if self.even and self.frames < 2:
            raise InputError("one frame has no speed: give more frames, or leave even out.")
        if not SLOWEST <= self.frames_per_second <= FASTEST:
            raise InputError(
                f"a film of {self.frames_per_second:g} frames per second cannot be shown: give a number from {SLOWEST} "
                "to 60."
            )
        if self.even and self.easing != "none":
            raise InputError("a walk at an even speed cannot slow down at its keyframes: leave one of the two out.")
