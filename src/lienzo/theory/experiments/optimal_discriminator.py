r"""Theorem 1: the best discriminator against a fixed generator.

Goodfellow et al. 2014, proposition 1. For a fixed generator, the discriminator maximises

    V(D, G) = \operatorname{E}[\log D(x)] + \operatorname{E}[\log(1 - D(G(z)))] = \int p_d \log D + p_g \log(1 - D).

At every point $x$ the maximum is

    D^*(x) = \frac{p_d(x)}{p_d(x) + p_g(x)},

because $y \mapsto a \log y + b \log(1 - y)$ is largest at $y = a/(a + b)$. As a logit that is $\log(p_d/p_g)$. With
one-sided label smoothing, real pictures are to be called real with probability $α$ only, and the same argument gives
$α p_d/(p_d + p_g)$.

Each separable loss has an optimum of its own, found the same way. Least squares with labels 0 and 1 gives the output
$p_d/(p_d + p_g)$ without a sigmoid. The hinge loss gives the sign of $p_d - p_g$. Here each loss of lienzo is
minimised point by point, by trying a fine grid of outputs. Then a perceptron is trained by the loop that trains on
pictures.
"""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

from lienzo import seeds
from lienzo.display import charts
from lienzo.networks.configurations import MLP
from lienzo.recipe.objectives import Hinge, LeastSquares, Minimax, NonSaturating, Objective
from lienzo.theory.finding import Claim, Drawing, Finding, Table
from lienzo.theory.models import game_of_2014, players
from lienzo.theory.models.game_of_2014 import DATA
from lienzo.theory.models.laws import Array, Cells, gaussian, levels

CELLS = Cells(-1.0, 1.0, 2000)
GENERATED = gaussian(0.1, 0.3)
NET = MLP(latents=1, width=64, depth=3)
UPDATES = 1500
WATCHED = (0, 10, 30, 100, 300, 1000, UPDATES)
"""Updates after which the distance to the optimum is measured."""


@dataclass(frozen=True)
class Approach:
    """The distance of a discriminator to the optimum in the course of its training."""

    supremum: tuple[float, ...]
    """Largest |D − D*| where the two laws have mass, after each of the ``WATCHED`` updates."""

    mean_square: tuple[float, ...]
    """(∫ ½(p_d + p_g) (D − D*)²)^½ after each of the ``WATCHED`` updates."""

    answers: tuple[Array, ...]
    """D at the cells' midpoints, (cells,), after each of the ``WATCHED`` updates."""


def experiment(seed: int) -> Generator[str, None, Finding]:
    """Find the optimal discriminator by exhaustive search and by training, and draw the figure of the 2014 paper."""
    yield "point by point"
    claims = point_by_point()
    approaches = {}
    for smoothing in (1.0, 0.9):
        yield f"training against a fixed generator, real label {smoothing}"
        approaches[smoothing] = approach(smoothing, seed)
        claims += _claims_of(approaches[smoothing], smoothing)
    yield "the figure of 2014"
    animation, ending = game_of_2014.train(seed)
    return Finding(
        name="optimal-discriminator",
        title="Theorem 1: the optimal discriminator",
        mathematics=str(__doc__),
        claims=(*claims, *ending),
        drawings=(animation, _draw_approach(approaches)),
        tables=(
            Table(
                "Distance to the optimum as training goes on",
                ("updates", "sup, α = 1", "L², α = 1", "sup, α = 0.9", "L², α = 0.9"),
                tuple(
                    (count, a.supremum[i], a.mean_square[i], b.supremum[i], b.mean_square[i])
                    for a, b in [(approaches[1.0], approaches[0.9])]
                    for i, count in enumerate(WATCHED)
                ),
            ),
        ),
    )


def optimum(smoothing: float = 1.0) -> Array:
    """Return α p_d / (p_d + p_g) at the cells' midpoints."""
    best: Array = smoothing * expit(_log_densities()[0] - _log_densities()[1])
    return best


def point_by_point() -> list[Claim]:
    """Return the claims that each separable loss has its known optimum at each point, by a search over outputs."""
    p, q = (np.exp(density[::10]) for density in _log_densities())
    odds, step = p / (p + q), 0.01
    tried = torch.arange(-16.0, 16.0 + step / 2, step, dtype=torch.float64)
    at_rest = torch.zeros(1, dtype=torch.float64)

    def best(objective: Objective) -> Array:
        real = torch.vmap(lambda logit: objective.discriminator(logit[None], at_rest))(tried).numpy()
        fake = torch.vmap(lambda logit: objective.discriminator(at_rest, logit[None]))(tried).numpy()
        costs = p[:, None] * real + q[:, None] * fake  # up to terms that do not depend on the logit
        lowest: Array = tried.numpy()[costs.argmin(axis=1)]
        return lowest

    decided = np.abs(p - q) > 1e-3 * (p + q)
    pairs = (
        ("minimax: σ(logit) = p_d/(p_d + p_g)", expit(best(Minimax())), odds, step / 4),
        ("non-saturating: the same optimum", expit(best(NonSaturating())), odds, step / 4),
        (
            "label smoothing, α = 0.9: σ(logit) = α·p_d/(p_d + p_g)",
            expit(best(Minimax(real_label=0.9))),
            0.9 * odds,
            step / 4,
        ),
        ("least squares: output = p_d/(p_d + p_g)", best(LeastSquares()), odds, step),
        ("hinge: output = sign(p_d − p_g)", best(Hinge())[decided], np.sign(p - q)[decided], step),
    )
    return [
        Claim(f"{text}: largest error over {len(found)} points", 0.0, float(np.abs(found - predicted).max()), tolerance)
        for text, found, predicted, tolerance in pairs
    ]


def approach(smoothing: float, seed: int) -> Approach:
    """Train a discriminator against a fixed generator, by lienzo's loss and training step."""
    game = players.game(NET, players.LINE, Minimax(real_label=smoothing), seed, rate=5e-3, betas=(0.9, 0.99))
    data, generated = _log_densities()
    best, mass = optimum(smoothing), _mass()
    supremum, mean_square, answers = [], [], []
    for update in range(UPDATES + 1):
        if update in WATCHED:
            answers.append(expit(players.logits(game.discriminator, CELLS.points)))
            missed = np.abs(answers[-1] - best)
            supremum.append(float(missed[_massive()].max()))
            mean_square.append(CELLS.integral(mass * missed**2) ** 0.5)
        players.cool(game, 5e-3, update / (UPDATES + 1))
        random = seeds.numpy_generator(seed, "theory/optimal-discriminator", update)
        real, fake = (players.pictures(CELLS.quantiles(law, levels(512, random))) for law in (data, generated))
        game.discriminator_step(real, fake)
    return Approach(tuple(supremum), tuple(mean_square), tuple(answers))


def _log_densities() -> tuple[Array, Array]:
    return DATA.log_density(CELLS.points), GENERATED.log_density(CELLS.points)


def _mass() -> Array:
    data, generated = _log_densities()
    mass: Array = 0.5 * (np.exp(data) + np.exp(generated))
    return mass


def _massive() -> NDArray[np.bool_]:
    massive: NDArray[np.bool_] = _mass() > 0.02 * _mass().max()
    return massive


def _claims_of(trained: Approach, smoothing: float) -> list[Claim]:
    label = f"trained, α = {smoothing:g}"
    return [
        Claim(f"{label}: sup |D − α p_d/(p_d + p_g)|", 0.0, trained.supremum[-1], 0.05),
        Claim(f"{label}: L² distance to the optimum", 0.0, trained.mean_square[-1], 0.01),
        Claim(f"{label}: the L² distance at the end over that after 100 updates", 0.5, _fall(trained), 0.0, "≤"),
    ]


def _fall(trained: Approach) -> float:
    return trained.mean_square[-1] / trained.mean_square[WATCHED.index(100)]


def _draw_approach(approaches: dict[float, Approach]) -> Drawing:
    with charts.figure(7.2, 3.2) as figure:
        left, right = figure.subplots(1, 2)
        for (smoothing, trained), colour in zip(approaches.items(), charts.COLOURS, strict=False):
            left.plot(CELLS.points, optimum(smoothing), color=colour, linewidth=3.5, alpha=0.3)
            left.plot(CELLS.points, trained.answers[-1], "--", color=colour, label=f"α = {smoothing:g}, trained")
            counts = np.array(WATCHED) + 1
            right.loglog(counts, trained.supremum, "-", color=colour, marker="o", label=f"sup, α = {smoothing:g}")
            right.loglog(counts, trained.mean_square, "--", color=colour, marker="s", label=f"L², α = {smoothing:g}")
        left.fill_between(CELLS.points, _mass() / _mass().max() * 0.25, color="0.85", label="½(p_d + p_g), scaled")
        left.set(xlabel="x", ylabel="D(x)", title="Optimum (broad) and trained (dashed)", ylim=(0, 1.02))
        left.legend(fontsize=8)
        right.set(xlabel="updates + 1", ylabel="distance to the optimum", title="The error falls")
        right.legend(fontsize=8)
        return Drawing(charts.svg(figure), "A perceptron trained by lienzo's loss against the optimum of theorem 1.")
