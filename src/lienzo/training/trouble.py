"""Trouble in training, recognised by the lines of a run's log, and settings to try against it.

``docs/log.md``, section "Trouble", has the runs that the bounds below come from. Each kind of trouble has two: beyond
the first a tick shows trouble, beyond the second it is healthy. A dying generator goes back and forth across any single
bound.
"""

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lienzo.errors import RecipeError
from lienzo.networks.configurations import DCGAN
from lienzo.recipe.likelihood import EvidenceBound
from lienzo.recipe.objectives import Minimax, Objective
from lienzo.recipe.recipe import Recipe

PATIENCE = 10
"""Ticks that trouble has to last before it is reported: from the first that shows it, and with none that is healthy."""

SATURATED, UNSATURATED = 1e-3, 2e-3
"""Bounds of D(G(z)). Below the first, no generated picture looks real to the discriminator (Arjovsky and Bottou 2017,
section 2); from the second on, some do again."""

VANISHED, STIRRING, LIVELY = 1e-4, 1e-3, 1e-1
"""Bounds of the norm of the generator's gradient. Below the first the generator does not learn: log(1 − D(G(z))) is
flat (Goodfellow et al. 2014, section 3), or a rate that is too high has driven its outputs to ±1. From the third on it
learns where D(x) is a probability. Where it is not, a score has any scale, and a critic with clipped weights a flat
slope: there the generator learns from the second bound on."""

COLLAPSED, RECOVERED = 0.1, 0.2
"""Bounds of the diversity of generated pictures over that of real ones. Below the first they are variations of one
picture; from the second on they are several pictures."""

SPREAD_OUT = 0.4
"""Diversity, relative to real pictures, that a generator must once have had to collapse: it begins with equal greys."""


@dataclasses.dataclass(frozen=True)
class Trouble:
    """Something that goes wrong, and settings that may help."""

    seen: str
    """The symptom, with its numbers."""

    remedies: tuple[str, ...]
    """Settings that the recipe does not have already, each of which may help."""

    final: bool = False
    """Whether training cannot go on."""

    def __str__(self) -> str:
        """Say it in one sentence."""
        return f"{self.seen}{', and training cannot go on' if self.final else ''}: {self.advice}."

    @property
    def advice(self) -> str:
        """A clause that names settings to try, in another run."""
        *others, last = self.remedies
        choice = f"{', '.join(others)} or {last}" if others else last
        return f"try --set {choice} with another --out, as a run keeps its recipe"


@dataclasses.dataclass(frozen=True)
class Signs:
    """Counts of how long each kind of trouble has lasted, up to some line of the log."""

    won: int = 0
    """Ticks since the first that showed a discriminator that has won; 0 again after one that shows that it has not."""

    collapsed: int = 0
    """Ticks since the first that showed a collapsed generator; 0 again after one that shows that it is none."""

    spread_out: bool = False
    """Whether generated pictures once differed among themselves nearly as real ones do."""

    @property
    def confirmed_now(self) -> bool:
        """Whether some trouble has just lasted long enough to be reported, at this tick and not before."""
        return PATIENCE in (self.won, self.collapsed)

    def is_healthy(self, line: Mapping[str, Any], objective: Objective | EvidenceBound) -> bool:
        """Say whether this line, the last, shows neither trouble: then a rollback may come back to this state."""
        return max(self._shown(line, objective)) < 0

    def after(self, line: Mapping[str, Any], objective: Objective | EvidenceBound) -> "Signs":
        """Return the counts after one more line of the log."""
        spread = dataclasses.replace(self, spread_out=self.spread_out or relative_diversity(line) > SPREAD_OUT)
        won, collapsed = spread._shown(line, objective)
        return dataclasses.replace(spread, won=_lasting(self.won, won), collapsed=_lasting(self.collapsed, collapsed))

    def _shown(self, line: Mapping[str, Any], objective: Objective | EvidenceBound) -> tuple[int, int]:
        """Return for both kinds of trouble what a line shows: 1 trouble, −1 health, 0 something between the bounds."""
        probabilistic = not isinstance(objective, EvidenceBound) and objective.probabilistic
        won = _beyond(line["generator_gradient"], VANISHED, LIVELY if probabilistic else STIRRING)
        if probabilistic:
            won = max(won, _beyond(line["fake_score"], SATURATED, UNSATURATED))
        return won, _beyond(relative_diversity(line), COLLAPSED, RECOVERED) if self.spread_out else -1

    def diagnose(self, line: Mapping[str, Any], recipe: Recipe, slowdown: float = 1.0) -> Trouble | None:
        """Return what is wrong at this line, the last; none where all is well. Of two troubles it is the newer one.

        ``slowdown`` is the factor of the learning rates that rollbacks have brought about.
        """
        lasting = [ticks for ticks in (self.won, self.collapsed) if ticks >= PATIENCE]
        if not lasting:
            return None
        if min(lasting) == self.won:
            return Trouble(_stuck(line, recipe), tuple(_revive(line, recipe, slowdown)))
        seen = f"the generator has collapsed (its pictures differ {relative_diversity(line):.0%} as much as real)"
        return Trouble(seen, tuple(_spread(recipe, slowdown)))


def not_finite(measures: Mapping[str, float], recipe: Recipe, slowdown: float = 1.0) -> Trouble:
    """Return which of the measures is no finite number, or that a weight is none."""
    found = [f"{name} is {value}" for name, value in sorted(measures.items()) if not math.isfinite(value)]
    bf16 = ["precision=fp32"] if recipe.precision == "bf16" else []
    return Trouble([*found, "a weight is no finite number"][0], (_rates(recipe, slowdown / 10), *bf16), final=True)


def relative_diversity(line: Mapping[str, Any]) -> float:
    """Return the diversity of generated pictures over that of real ones; 1 where real ones do not differ."""
    return float(line["fake_diversity"] / line["real_diversity"]) if line["real_diversity"] else 1.0


def _beyond(value: float, trouble: float, health: float) -> int:
    """Return 1 below the bound of trouble, −1 from the bound of health on, and 0 between them."""
    return (value < trouble) - (value >= health)


def _lasting(ticks: int, shown: int) -> int:
    """Return how many ticks a trouble has lasted: what is between the bounds neither begins nor ends it."""
    return 0 if shown < 0 else ticks + (shown > 0 or ticks > 0)


def _stuck(line: Mapping[str, Any], recipe: Recipe) -> str:
    gradient = f"{line['generator_gradient']:.1e}"
    if isinstance(recipe.objective, EvidenceBound):
        return f"the generator has stopped learning (the norm of its gradient is {gradient})"
    return (
        f"the discriminator has won (D(G(z)) is {line['fake_score']:.1e}, "
        f"the norm of the generator's gradient {gradient})"
    )


def _revive(line: Mapping[str, Any], recipe: Recipe, slowdown: float) -> Iterator[str]:
    """Yield what may help a generator that does not learn."""
    flat = isinstance(recipe.objective, Minimax)
    if line["generator_gradient"] < LIVELY and not flat:  # then it is the generator that passes no gradient on
        yield f"generator_optimizer.rate={recipe.generator_optimizer.rate * slowdown / 10:g}"
    if isinstance(recipe.objective, EvidenceBound):
        return
    yield f"discriminator_optimizer.rate={recipe.discriminator_optimizer.rate * slowdown / 2:g}"
    r1 = f"regularisation.r1={10 * recipe.regularisation.r1 or 1:g}"
    objective = ["objective.name=non-saturating"] if flat else []
    yield from _open_to(recipe, [*objective, r1, _spectral(recipe)])


def _spread(recipe: Recipe, slowdown: float) -> Iterator[str]:
    """Yield what may help a generator that makes variations of one picture."""
    if not isinstance(recipe.objective, EvidenceBound):
        yield from _open_to(recipe, ["network.minibatch_deviation=true", _spectral(recipe)])
    yield _rates(recipe, slowdown / 2)


def _spectral(recipe: Recipe) -> str:
    """Return spectral normalisation of the discriminator, and with it the first weights that it can have."""
    own_law = isinstance(recipe.network, DCGAN) and recipe.network.discriminator_weights != "same"
    return "network.discriminator_norm=spectral" + " network.discriminator_weights=same" * own_law


def _open_to(recipe: Recipe, settings: Iterable[str]) -> Iterator[str]:
    """Yield the settings that the recipe takes, its network's class for one, and does not have already."""
    for setting in settings:
        try:
            changed = recipe.with_settings(setting.split())
        except RecipeError:
            continue
        if changed != recipe:
            yield setting


def _rates(recipe: Recipe, factor: float) -> str:
    """Return all learning rates, lowered."""
    lowered = f"generator_optimizer.rate={recipe.generator_optimizer.rate * factor:g}"
    if isinstance(recipe.objective, EvidenceBound):
        return lowered
    return f"{lowered} discriminator_optimizer.rate={recipe.discriminator_optimizer.rate * factor:g}"
