"""What becomes of a concept when units are switched off or on, beside other units of equal activation.

That a unit is active where a sun is does not say that it paints the sun. Switching it off and looking for suns does
(Bau et al. 2019, section 3.2). A control tells what any units would do: for each unit another of the same layer is
switched, drawn among those whose mean activation is nearest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from lienzo import seeds
from lienzo.explore.agreement import Agreement
from lienzo.explore.concepts import Masks
from lienzo.generation.generation import Generator
from lienzo.generation.units import Held, Layer, holding
from lienzo.metrics.estimate import Estimate, mean

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Off = Literal["zero", "mean"]
How = Literal["off", "on"]

SIZES = (1, 2, 4, 8, 16)
"""How many of the best units are switched together."""

CONTROLS = 3
"""How often other units are drawn."""

NEAREST = 6
"""Units of nearest activation that each of a control is drawn among."""

SEEN = 0.005
"""Share of a picture's pixels from which on it counts as showing a concept."""

EVERYWHERE = (0.0, 0.0, 1.0, 1.0)
"""Where units are switched off, and what becomes of a concept is measured."""

REGION = (0.1, 0.1, 0.35, 0.35)
"""Where units are switched on: left, top, right and bottom as shares of the sides."""


@dataclass(frozen=True)
class Effect:
    """What switching some units does to a concept."""

    concept: str
    """Its name."""
    layer: str
    """Name of the layer."""
    units: tuple[int, ...]
    """Which units, the best first."""
    how: How
    """Whether they were switched off everywhere, or on in :data:`REGION`."""
    area: float
    """Share of pixels that show the concept before, within the region where units are switched on."""
    change: Estimate
    """By how much that share changes."""
    control: Estimate
    """By how much it changes where other units of equal activation are switched."""
    seen: float
    """Share of pictures that show it before: it covers at least :data:`SEEN` of their pixels."""
    seen_change: Estimate
    """By how much that share changes."""
    seen_control: Estimate
    """By how much it changes where other units of equal activation are switched."""

    def relative(self, change: Estimate) -> Estimate | None:
        """Return a change of the area as a share of what there was: −1 where nothing is left, None of nothing."""
        return _share(change, self.area)

    def relative_seen(self, change: Estimate) -> Estimate | None:
        """Return a change of the pictures that show it as a share of those that did; None where none did."""
        return _share(change, self.seen)


def _share(change: Estimate, whole: float) -> Estimate | None:
    return Estimate(change.value / whole, change.error / whole) if whole else None


@dataclass(frozen=True)
class Trial:
    """Pictures on which units are switched, and what finds one concept in them."""

    generator: Generator
    layers: tuple[Layer, ...]
    z: Floats
    """(n, latents)."""
    y: Floats
    """(n, classes)."""
    concept: str
    """Its name."""
    find: Callable[[Pixels], Masks]
    """From pictures (n, height, width, channels) to where they show the concept, (n, h, w)."""

    def pictures(self, held: Sequence[Held]) -> Pixels:
        """Return the pictures with units held."""
        with holding(self.generator.module, self.layers, held):
            return self.generator.paint(self.z, self.y)

    @cached_property
    def before(self) -> Masks:
        """Where the pictures show the concept with no unit held, (n, h, w)."""
        return self.find(self.pictures([]))

    def areas(self, held: Held | None, how: How) -> NDArray[np.float64]:
        """Return the share of each picture's pixels, in the region of that kind of switch, that show it; (n,)."""
        found = self.find(self.pictures([held])) if held else self.before
        height, width = found.shape[1:]
        left, top, right, bottom = EVERYWHERE if how == "off" else REGION
        rows, columns = (
            slice(round(top * height), round(bottom * height)),
            slice(round(left * width), round(right * width)),
        )
        return np.asarray(found[:, rows, columns].mean((1, 2)))


def alike(level: Floats, units: Sequence[int], draw: int) -> tuple[int, ...]:
    """Return as many other units of nearly equal mean activation, drawn at random.

    Args:
        level: (units,), the mean activation of every unit of the layer.
        units: those that are not to be drawn. Where they are more than half of all, fewer are found.
        draw: another number draws others.
    """
    chance, left = seeds.numpy_generator(draw, "dissection/control"), set(range(len(level))) - set(units)
    found = []
    for unit in units[: len(left)]:
        nearest = sorted(left, key=lambda other: (abs(float(level[other] - level[unit])), other))[:NEAREST]
        found.append(nearest[int(chance.integers(len(nearest)))])
        left.remove(found[-1])
    return tuple(found)


def off(ties: Agreement, units: Sequence[int], at: Off) -> Held:
    """Return units switched off: held at zero, or at their mean activation."""
    values = tuple(float(ties.level[unit]) if at == "mean" else 0.0 for unit in units)
    return Held(ties.layer.name, tuple(units), values)


def on(ties: Agreement, units: Sequence[int]) -> Held:
    """Return units switched on in :data:`REGION`: held at a high quantile of their activations."""
    return Held(ties.layer.name, tuple(units), tuple(float(ties.high[unit]) for unit in units), REGION)


def effect(trial: Trial, ties: Agreement, units: tuple[int, ...], how: How, at: Off = "zero") -> Effect:
    """Measure what switching units of a layer does to a concept.

    Args:
        trial: on which pictures.
        ties: the layer, with the activations of its units.
        units: of the layer.
        how: off, or on.
        at: what they are held at when off.
    """

    def areas(chosen: Sequence[int]) -> NDArray[np.float64]:
        return trial.areas(off(ties, chosen, at) if how == "off" else on(ties, chosen), how)

    before, after = trial.areas(None, how), areas(units)
    controls = np.stack([areas(alike(ties.level, units, draw)) for draw in range(CONTROLS)])
    return Effect(
        trial.concept,
        ties.layer.name,
        units,
        how,
        float(before.mean()),
        _change(before, after[None]),
        _change(before, controls),
        float((before >= SEEN).mean()),
        _change(before >= SEEN, after[None] >= SEEN),
        _change(before >= SEEN, controls >= SEEN),
    )


def _change(before: NDArray[np.generic], after: NDArray[np.generic]) -> Estimate:
    """Return the mean difference, paired by picture, of one or more draws (draws, n) from before (n,).

    The error counts how pictures differ, and how draws of units do.
    """
    differences = after.astype(np.float64) - before.astype(np.float64)
    over_pictures = mean(torch.from_numpy(differences.mean(0)))
    draws = differences.mean(1)
    over_draws = draws.std(ddof=1) / np.sqrt(len(draws)) if len(draws) > 1 else 0.0
    return Estimate(over_pictures.value, float(np.hypot(over_pictures.error, over_draws)))
