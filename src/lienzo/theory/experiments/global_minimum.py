r"""Theorem 2: the generator can do no better than have the law of the data.

Goodfellow et al. 2014, theorem 1. With the optimal discriminator put in, the generator minimises

    C(G) = \max_D V(D, G) = \operatorname{E}[\log D^*(x)] + \operatorname{E}[\log(1 - D^*(G(z)))]
    = -\log 4 + 2 \operatorname{JS}(p_d, p_g).

So the global minimum is $-\log 4$. It is reached if and only if $p_g = p_d$, and there $D^* = 1/2$ everywhere.

The loss of every discriminator, at its optimum, is such a divergence:

    \text{minimax} &\quad \log 4 - 2 \operatorname{JS}(p_d, p_g) \\
    \text{least squares} &\quad \frac{1}{2} \int \frac{p_d \, p_g}{p_d + p_g} \\
    \text{hinge} &\quad 2 - 2 \operatorname{TV}(p_d, p_g) \\
    \text{Wasserstein} &\quad -W_1(p_d, p_g) \quad \text{over critics whose slope is at most 1}

What the generator then descends is known too. At a fixed optimal discriminator, the gradient of the minimax loss is
that of $2 \operatorname{JS}(p_d, p_g)$. The gradient of the non-saturating loss is that of
$\operatorname{KL}(p_g \parallel p_d) - 2 \operatorname{JS}(p_d, p_g)$ (Arjovsky and Bottou 2017, theorem 2.5). A
critic's loss follows $W_1$. The batches here are quantiles: then a loss, which is a mean over a batch, is a quadrature.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import expit, ndtri
from torch import Tensor

from lienzo import seeds
from lienzo.display import charts
from lienzo.networks.configurations import MLP
from lienzo.recipe.objectives import Hinge, LeastSquares, Minimax, NonSaturating, Objective, Wasserstein
from lienzo.theory.finding import Claim, Drawing, Finding, Table
from lienzo.theory.models import distances, players
from lienzo.theory.models.distances import LOG4
from lienzo.theory.models.laws import Array, Cells, Mixture, gaussian, levels

CELLS = Cells(-3.0, 3.0, 6000)
DATA = (0.2, 0.2)
"""Mean and standard deviation of the data, a Gaussian."""

PATH = tuple((0.2 + 0.8 * t, 0.2 * 2.0**t) for t in np.linspace(-1.0, 1.0, 17))
"""Mean and standard deviation of each of 17 generators, of which the ninth has the law of the data."""

BATCH = 4096


@dataclass(frozen=True)
class Trained:
    """A discriminator that was trained against one generator of the path."""

    value: float
    """The value V(D, G), which is at most C(G)."""

    answers: Array
    """D at the cells' midpoints, (cells,)."""


def experiment(seed: int) -> Generator[str, None, Finding]:
    """Compute C(G) along a path of generators, by quadrature and by trained discriminators."""
    yield "the value of every objective at its optimum"
    claims = values_at_the_optimum() + no_better(seed) + gradients()
    yield "a discriminator trained along the path"
    trained = train(seed)
    exact = [_minimum_value(law) for law in PATH]
    return Finding(
        name="global-minimum",
        title="Theorem 2: the global minimum",
        mathematics=str(__doc__),
        claims=(*claims, *_claims_of(trained, exact)),
        drawings=(_draw(trained, exact),),
        tables=(
            Table(
                "C(G) along the path",
                ("mean", "deviation", "JS", "−log 4 + 2 JS", "V of the trained D"),
                tuple(
                    (mean, deviation, 0.5 * (value + LOG4), value, discriminator.value)
                    for (mean, deviation), value, discriminator in zip(PATH, exact, trained, strict=True)
                ),
            ),
        ),
    )


def values_at_the_optimum() -> list[Claim]:
    """Return the claims about the value of each of lienzo's discriminator losses at its known optimum."""
    data, other = Mixture((-0.6, 0.5), (0.2, 0.3), (0.5, 0.5)), gaussian(0.1, 0.5)
    p, q = data.log_density(CELLS.points), other.log_density(CELLS.points)

    def loss(objective: Objective, optimum: Callable[[Array], Array], p: Array = p, q: Array = q) -> float:
        x, y = (CELLS.quantiles(law, levels(40_000)) for law in (p, q))
        return float(objective.discriminator(torch.from_numpy(optimum(x)), torch.from_numpy(optimum(y))))

    def odds(x: Array) -> Array:
        return data.log_density(x) - other.log_density(x)

    harmonic = 0.5 * CELLS.integral(np.exp(p + q - np.logaddexp(p, q)))
    near, far = (gaussian(mean, 0.3).log_density(CELLS.points) for mean in (-0.5, 0.7))
    return [
        Claim(text, predicted, measured, 1e-3)
        for text, predicted, measured in (
            ("minimax at D*: log 4 − 2 JS", LOG4 - 2 * distances.jensen_shannon(p, q, CELLS), loss(Minimax(), odds)),
            (
                "non-saturating at D*: log 4 − 2 JS",
                LOG4 - 2 * distances.jensen_shannon(p, q, CELLS),
                loss(NonSaturating(), odds),
            ),
            ("least squares at D*: ½ ∫ p_d p_g/(p_d + p_g)", harmonic, loss(LeastSquares(), lambda x: expit(odds(x)))),
            (
                "hinge at D*: 2 − 2 TV",
                2 - 2 * distances.total_variation(p, q, CELLS),
                loss(Hinge(), lambda x: np.sign(odds(x))),
            ),
            (
                "Wasserstein at f(x) = −x: −W₁",
                -distances.wasserstein_1(near, far, CELLS),
                loss(Wasserstein(), lambda x: -x, near, far),
            ),
        )
    ]


def no_better(seed: int) -> list[Claim]:
    """Return the claim that no random disturbance of D* raises V."""
    p, q = (gaussian(*law).log_density(CELLS.points) for law in (DATA, PATH[3]))
    x, y = (CELLS.quantiles(law, levels(BATCH)) for law in (p, q))
    random = seeds.numpy_generator(seed, "theory/global-minimum/disturbances")

    def value(waves: Array) -> float:
        def logit(points: Array) -> Tensor:
            best = gaussian(*DATA).log_density(points) - gaussian(*PATH[3]).log_density(points)
            return torch.from_numpy(best + waves[0] * np.sin(waves[1] * points + waves[2]))

        return -float(Minimax().discriminator(logit(x), logit(y)))

    gains = [value(random.uniform((0.1, 0.5, 0.0), (1.0, 8.0, 6.3))) - value(np.zeros(3)) for _ in range(50)]
    return [Claim("V(D, G) ≤ V(D*, G): the largest gain of 50 disturbances of D*", 0.0, max(gains), 1e-6, "≤")]


def gradients() -> list[Claim]:
    """Return the claims about the gradients of G(z) = μ + σ z by μ, against a fixed optimal discriminator."""
    (mean, deviation), data = PATH[6], gaussian(*DATA)
    p = data.log_density(CELLS.points)

    def slope(objective: Objective, critic: bool = False) -> float:
        moved = torch.tensor(mean, dtype=torch.float64, requires_grad=True)
        x = moved + deviation * torch.from_numpy(ndtri(levels(40_000)))
        odds = ((x - mean) / deviation).square() / 2 - ((x - DATA[0]) / DATA[1]).square() / 2
        logits = x if critic else odds + float(np.log(deviation / DATA[1]))
        (gradient,) = torch.autograd.grad(objective.generator(None, logits), moved)
        return float(gradient)

    def along(divergence: Callable[[Array], float]) -> float:
        return distances.derivative(lambda at: divergence(gaussian(at, deviation).log_density(CELLS.points)), mean)

    def js(q: Array) -> float:
        return distances.jensen_shannon(p, q, CELLS)

    return [
        Claim("∂(minimax loss of G)/∂μ at D* = 2 ∂JS/∂μ", along(lambda q: 2 * js(q)), slope(Minimax()), 1e-3),
        Claim(
            "∂(non-saturating loss of G)/∂μ at D* = ∂[KL(p_g ‖ p_d) − 2 JS]/∂μ",
            along(lambda q: distances.kullback_leibler(q, p, CELLS) - 2 * js(q)),
            slope(NonSaturating()),
            1e-3,
        ),
        Claim(
            "∂(Wasserstein loss of G)/∂μ at the best critic, f(x) = x, = ∂W₁/∂μ, of N(μ, σ²) and N(μ + 1, σ²)",
            distances.derivative(
                lambda at: distances.wasserstein_1(
                    gaussian(at, deviation).log_density(CELLS.points),
                    gaussian(mean + 1.0, deviation).log_density(CELLS.points),
                    CELLS,
                ),
                mean,
            ),
            slope(Wasserstein(), critic=True),
            1e-3,
        ),
    ]


def train(seed: int, updates: int = 100) -> list[Trained]:
    """Train one discriminator against each generator of the path in turn, without starting anew in between."""
    rate = 5e-3
    game = players.game(MLP(1, 64, 3), players.LINE, Minimax(), seed, rate=rate, betas=(0.9, 0.99))
    laws = [gaussian(*law).log_density(CELLS.points) for law in (DATA, *PATH)]
    real = players.pictures(CELLS.quantiles(laws[0], levels(BATCH)))
    trained = []
    for position, law in enumerate(laws[1:]):
        for update in range(updates):
            players.cool(game, rate, update / updates)
            random = seeds.numpy_generator(seed, "theory/global-minimum", position * updates + update)
            batches = (players.pictures(CELLS.quantiles(some, levels(512, random))) for some in (laws[0], law))
            game.discriminator_step(*batches)
        with torch.no_grad():
            fake = players.pictures(CELLS.quantiles(law, levels(BATCH)))
            loss = float(game.objective.discriminator(game.discriminator(real), game.discriminator(fake)))
        trained.append(Trained(-loss, expit(players.logits(game.discriminator, CELLS.points))))
    return trained


def _minimum_value(law: tuple[float, float]) -> float:
    p, q = (gaussian(*some).log_density(CELLS.points) for some in (DATA, law))
    return -LOG4 + 2 * distances.jensen_shannon(p, q, CELLS)


def _claims_of(trained: list[Trained], exact: list[float]) -> list[Claim]:
    values = np.array([discriminator.value for discriminator in trained])
    middle = len(PATH) // 2
    massive = np.abs(CELLS.points - DATA[0]) < 3 * DATA[1]
    answers = trained[middle].answers[massive]
    return [
        Claim("trained D: V ≤ −log 4 + 2 JS, the largest excess on the path", 0.0, (values - exact).max(), 1e-3, "≤"),
        Claim("trained D: V = −log 4 + 2 JS, the largest error on the path", 0.0, np.abs(values - exact).max(), 0.02),
        Claim("the smallest C(G) of the path is at p_g = p_d: its number", float(middle), float(values.argmin())),
        Claim("C(G) = −log 4 at p_g = p_d, by the trained D", -LOG4, float(values[middle]), 5e-3),
        Claim("D = ½ at p_g = p_d: the trained D's largest error", 0.0, float(np.abs(answers - 0.5).max()), 0.05),
    ]


def _draw(trained: list[Trained], exact: list[float]) -> Drawing:
    along = np.linspace(-1.0, 1.0, len(PATH))
    with charts.figure(7.2, 3.2) as figure:
        left, right = figure.subplots(1, 2)
        left.plot(along, exact, "-", label="−log 4 + 2 JS, by quadrature")
        left.plot(
            along, [discriminator.value for discriminator in trained], "o", label="V of the trained D", markersize=5
        )
        left.axhline(-LOG4, color="0.5", linestyle=":", label="−log 4")
        left.axhline(0.0, color="0.8", linewidth=0.8)
        left.set(xlabel="generator's position t on the path", ylabel="C(G)", title="The value of the game")
        left.legend(fontsize=8, loc="upper center")
        shown = np.abs(CELLS.points) < 1.2
        for index, style in ((2, "--"), (8, "-"), (14, "-.")):
            right.plot(CELLS.points[shown], trained[index].answers[shown], style, label=f"t = {along[index]:.2f}")
        density = np.exp(gaussian(*DATA).log_density(CELLS.points))[shown]
        right.fill_between(CELLS.points[shown], 0.25 * density / density.max(), color="0.85", label="p_d, scaled")
        right.set(xlabel="x", ylabel="D(x)", ylim=(-0.02, 1.02), title="The trained discriminator")
        right.legend(fontsize=8, loc="upper right")
        return Drawing(
            charts.svg(figure),
            "C(G) along a path of generators that passes through the data at t = 0; there the discriminator is at ½.",
        )
