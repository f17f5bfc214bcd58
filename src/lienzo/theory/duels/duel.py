"""A duel in the plane: lienzo's own game on points, played in half steps, with a picture of it at any moment."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lienzo import seeds
from lienzo.networks.configurations import MLP
from lienzo.theory.duels.setup import Setup
from lienzo.theory.models import players
from lienzo.theory.models.clusters import PLANE, PLANE_LAWS, count
from lienzo.theory.models.laws import Array
from lienzo.training.game import Game, Measures, StepInputs

GRID = 41
"""Points of the discriminator's surface along each side of the square [−1, 1]²."""

SHOWN = 256
"""Real and generated points that are shown, the same latents at every moment."""

ARROWS = 64
"""Generated points at which the generator's gradient is shown."""

DRAWS = 20
"""Generated points for each mode, when the modes are counted."""

POINTS = 400
"""Moments of the history at most: when it is full, every second one is dropped, and only every second one follows."""


class Duel:
    """A generator and a discriminator of points of the plane, from their first weights on."""

    def __init__(self, setup: Setup) -> None:
        """Make both players of a setup."""
        self.setup = setup
        self.law = PLANE_LAWS[setup.law]
        self.halves = 0
        """Half steps that were played: even between two steps, odd when only the discriminator has moved."""
        self.history: dict[str, list[float]] = {}
        """Measures of some steps: number of the ``step``, both losses, both mean scores."""
        self._every = 1
        network = MLP(latents=setup.latents, width=setup.width, depth=setup.depth)
        with players.weights_from(setup.seed):
            generator, discriminator = network.generator(PLANE), network.discriminator(PLANE)
        betas = (setup.momentum, 0.9)
        self.game = Game(
            generator,
            discriminator,
            setup.objective_of(),
            players.adam(generator, setup.generator_rate, betas),
            players.adam(discriminator, setup.discriminator_rate, betas),
            setup.regularisation(),
        )
        self._begun: Iterator[Measures] | None = None
        random = seeds.numpy_generator(setup.seed, "theory/duel/shown")
        self.real = self.law.sample(SHOWN, random)
        self.z = _tensor(random.normal(size=(SHOWN, setup.latents)))

    def play(self, halves: int, seconds: float = float("inf")) -> None:
        """Play until so many half steps have been played since the beginning, or until the time is over.

        Args:
            halves: where to stop; nothing happens where the duel is there already, or further.
            seconds: time after which it stops between two half steps.
        """
        until = time.monotonic() + seconds
        while self.halves < halves and time.monotonic() < until:
            if self._begun is None:
                self._begun = self.game.halves(self._inputs(self.halves // 2), watched=False)
            measures = next(self._begun)
            self.halves += 1
            if self.halves % 2 == 0:
                self._begun = None
                self._remember(measures)

    def picture(self) -> dict[str, Any]:
        """Return the moment as plain values; what is not finite is left as it is.

        ``surface`` (GRID, GRID) has a row for each y from −1 up, of D as the objective understands it: a probability or
        a score. ``arrows`` (ARROWS, 2) are the generator's negative gradient at the first of the ``generated`` points
        (SHOWN, 2): where its loss wants them to go. ``found`` of ``modes`` modes were found by ``DRAWS`` points for
        each, of which the share ``near`` lies within three standard deviations of a mode.
        """
        generated, arrows = self._generated()
        drawn = self._drawn()
        found = count(drawn, self.law)
        return {
            "halves": self.halves,
            "surface": self._surface().round(4).tolist(),
            "real": self.real.round(3).tolist(),
            "generated": generated.round(3).tolist(),
            "arrows": arrows.tolist(),
            "found": found.found,
            "modes": len(self.law.centres),
            "near": found.near,
            "history": self.history,
        }

    def _inputs(self, step: int) -> StepInputs:
        """Return the points and random numbers of a step, which are a function of its number."""
        setup = self.setup
        random = seeds.numpy_generator(setup.seed, "theory/duel", step)
        updates, size = setup.discriminator_steps, setup.batch
        real = players.pictures(self.law.sample(updates * size, random), PLANE)
        return StepInputs(
            real.view(updates, size, *real.shape[1:]),
            _tensor(random.normal(size=(updates, size, setup.latents))),
            _tensor(random.random((updates, size))),
        )

    def _remember(self, measures: Measures) -> None:
        step = self.halves // 2
        if step % self._every:
            return
        values = {name: float(measures[name]) for name in ("discriminator_loss", "generator_loss")}
        scores = {name: float(measures[name]) for name in ("real_score", "fake_score")}
        for name, value in {"step": step, **values, **scores}.items():
            self.history.setdefault(name, []).append(value)
        if len(self.history["step"]) >= POINTS:
            self._every *= 2
            self.history = {name: each[1::2] for name, each in self.history.items()}

    @torch.no_grad()
    def _surface(self) -> Array:
        """Return D, (GRID, GRID), on the square: rows of y, columns of x."""
        side = np.linspace(-1, 1, GRID)
        x, y = np.meshgrid(side, side)
        logits: Tensor = self.game.discriminator(players.pictures(np.stack([x, y], -1).reshape(-1, 2), PLANE))
        scores = logits.sigmoid() if self.game.objective.probabilistic else logits
        return scores.view(GRID, GRID).double().numpy()

    def _generated(self) -> tuple[Array, Array]:
        """Return the generated points (SHOWN, 2), and the negative gradient of the loss of some of them, (ARROWS, 2).

        The loss is a mean over the points; each gradient is that of the point's own share, times their number.
        """
        with torch.no_grad():
            points = self.game.generator(self.z)
        moved = points[:ARROWS].clone().requires_grad_()
        real = self.game.discriminator(players.pictures(self.real[:ARROWS], PLANE))
        loss = self.game.objective.generator(real.detach(), self.game.discriminator(moved))
        (gradient,) = torch.autograd.grad(ARROWS * loss, moved)
        return points.flatten(1).double().numpy(), -gradient.flatten(1).double().numpy()

    @torch.no_grad()
    def _drawn(self) -> Array:
        random = seeds.numpy_generator(self.setup.seed, "theory/duel/counted")
        z = _tensor(random.normal(size=(DRAWS * len(self.law.centres), self.setup.latents)))
        points: Array = self.game.generator(z).flatten(1).double().numpy()
        return points


def _tensor(values: Array) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
