r"""Saturation: how much gradient the generator gets when the discriminator wins.

The minimax loss saturates (Goodfellow et al. 2014, section 3). Let $l$ be the logit of a generated picture, and
$D = σ(l)$. Then

    \frac{\partial}{\partial l} \log(1 - D) &= -σ(l) = -D \\
    \frac{\partial}{\partial l} (-\log D) &= -σ(-l) = -(1 - D),

so that the minimax gradient is $e^l$ times the non-saturating one. As the discriminator wins, $l \to -\infty$: the
first vanishes and the second stays. The generator then learns from $-\log D$ and keeps the same fixed point.

Take data $\mathcal{N}(δ, σ^2)$ and a generator $\mathcal{N}(0, σ^2)$ against the optimal discriminator. As the
distance $δ$ grows, the pull on the generator's mean goes to 0 for the minimax loss, and grows as $δ/σ^2$ for the
other. On the convolutional networks of the thesis a gradient through one picture is exactly $e^l$ times the other,
whatever the weights.
"""

import math
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import expit, ndtri
from torch import Tensor
from torch.nn.functional import interpolate

from lienzo import seeds
from lienzo.display import charts
from lienzo.networks.configurations import DCGAN
from lienzo.networks.shape import Shape
from lienzo.recipe.objectives import Minimax, NonSaturating, Objective
from lienzo.theory.finding import Claim, Drawing, Finding, Table
from lienzo.theory.models import players
from lienzo.theory.models.laws import Array, levels
from lienzo.training.game import Game

DEVIATION = 0.5
UPDATES = 8
BATCH = 16


@dataclass(frozen=True)
class Stage:
    """The gradients of the networks after a number of updates of the discriminator alone."""

    updates: int

    logit: float
    """Logit of the single picture."""

    minimax: float
    """Norm of the generator's gradient through that picture."""

    non_saturating: float

    batch_logit: float
    """Mean logit of a batch."""

    batch_minimax: float
    """Norm of the generator's gradient through the batch."""

    batch_non_saturating: float


def experiment(seed: int) -> Generator[str, None, Finding]:
    """Compare both generator losses by their gradients: by a logit, by a mean, and by the weights of real networks."""
    yield "by a logit"
    claims = of_a_logit()
    yield "by a generator's mean"
    shifts, pulls = of_a_mean()
    yield "by the weights of the thesis's networks"
    stages = of_the_networks(seed)
    return Finding(
        name="saturation",
        title="The generator's gradient as the discriminator wins",
        mathematics=str(__doc__),
        claims=(*claims, *_claims_of_mean(shifts, pulls), *_claims_of_networks(stages)),
        drawings=(_draw(shifts, pulls, stages),),
        tables=(
            Table(
                "The DCGAN of the thesis while only its discriminator learns: norms of the generator's gradient",
                ("updates of D", "mean logit of fakes", "‖∇ log(1 − D)‖", "‖∇ −log D‖", "ratio", "e^logit"),
                tuple(
                    (
                        stage.updates,
                        stage.batch_logit,
                        stage.batch_minimax,
                        stage.batch_non_saturating,
                        stage.batch_minimax / stage.batch_non_saturating,
                        math.exp(stage.batch_logit),
                    )
                    for stage in stages
                ),
            ),
        ),
    )


def of_a_logit() -> list[Claim]:
    """Return the claims about the derivatives of lienzo's two generator losses by the logit."""
    at = torch.linspace(-12, 12, 97, dtype=torch.float64)
    minimax, non_saturating = (_pull(objective, at) for objective in (Minimax(), NonSaturating()))
    logits = at.numpy()
    smoothed = _pull(NonSaturating(generator_label=0.9), at) + 0.9 * expit(-logits) - 0.1 * expit(logits)
    return [
        Claim("label β = 0.9: ∂L/∂l = (1 − β)σ(l) − βσ(−l): largest error", 0.0, float(np.abs(smoothed).max()), 1e-12),
        Claim("∂ log(1 − D)/∂l = −σ(l): largest error", 0.0, float(np.abs(minimax + expit(logits)).max()), 1e-12),
        Claim("∂(−log D)/∂l = −σ(−l): largest error", 0.0, float(np.abs(non_saturating + expit(-logits)).max()), 1e-12),
        Claim(
            "their ratio is e^l: largest error of its logarithm",
            0.0,
            _log_error(minimax / non_saturating, logits),
            1e-9,
        ),
    ]


def of_a_mean() -> tuple[Array, Array]:
    """Return distances δ (N,) and −∂L/∂μ (2, N) of both losses for N(μ, σ²), at μ = 0, against data N(δ, σ²) and D*."""
    shifts = np.linspace(0.0, 5.0, 41)
    z = torch.from_numpy(ndtri(levels(20_000)))
    pulls = np.zeros((2, len(shifts)))
    losses: tuple[Objective, ...] = (Minimax(), NonSaturating())
    for row, objective in enumerate(losses):
        for column, shift in enumerate(shifts):
            mean = torch.zeros((), dtype=torch.float64, requires_grad=True)
            logits = shift * (mean + DEVIATION * z - shift / 2) / DEVIATION**2  # log p_d/p_g, the optimum
            (gradient,) = torch.autograd.grad(objective.generator(None, logits), mean)
            pulls[row, column] = -float(gradient)
    return shifts, pulls


def of_the_networks(seed: int) -> list[Stage]:
    """Train the thesis's discriminator against its untrained generator, and measure the generator's gradients."""
    shape = Shape(64, 64, 3)
    game = players.game(DCGAN(), shape, NonSaturating(), seed, rate=2e-5, betas=(0.5, 0.999))
    torch_random = torch.Generator().manual_seed(seeds.derive(seed, "theory/saturation"))
    real = interpolate(torch.randn(BATCH, 3, 4, 4, generator=torch_random), size=64, mode="bilinear").tanh()
    latents = torch.randn(BATCH, DCGAN().latents, generator=torch_random)
    stages = []
    for update in range(UPDATES + 1):
        if update % 2 == 0:
            alone, batch = (
                [_gradient(game, objective, real[:n], latents[:n]) for objective in (Minimax(), NonSaturating())]
                for n in (1, BATCH)
            )
            stages.append(Stage(update, alone[0][0], alone[0][1], alone[1][1], batch[0][0], batch[0][1], batch[1][1]))
        with torch.no_grad():
            fake = game.generator(latents)
        game.discriminator_step(real, fake)
    return stages


def _pull(objective: Objective, at: Tensor) -> Array:
    """Return the derivative of the generator's loss by each logit (N,), times the number of logits."""
    logits = at.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(objective.generator(None, logits), logits)
    pull: Array = gradient.numpy() * len(at)
    return pull


def _gradient(game: Game, objective: Objective, real: Tensor, latents: Tensor) -> tuple[float, float]:
    """Return the mean logit and the norm of the generator's gradient, from a step of the game at rate 0."""
    still = torch.optim.SGD(game.generator.parameters(), 0.0)
    watched = Game(game.generator, game.discriminator, objective, still, game.discriminator_optimizer)
    fake = watched.generator(latents)
    with torch.no_grad():
        logit = float(watched.discriminator(fake).mean())
    watched.generator_step(real, [fake])
    squares = [
        parameter.grad.square().sum() for parameter in watched.generator.parameters() if parameter.grad is not None
    ]
    return logit, float(torch.stack(squares).sum().sqrt())


def _log_error(ratios: Array, logits: Array) -> float:
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.abs(np.log(ratios) - logits).max())


def _claims_of_mean(shifts: Array, pulls: Array) -> list[Claim]:
    far = float(shifts[-1])
    return [
        Claim(
            f"N(0, σ²) against N(δ, σ²), δ = {far:g}: the pull of log(1 − D) vanishes", 0.0, float(pulls[0, -1]), 1e-3
        ),
        Claim(
            f"N(0, σ²) against N(δ, σ²), δ = {far:g}: the pull of −log D is δ/σ²",
            far / DEVIATION**2,
            float(pulls[1, -1]),
            1e-3,
        ),
        Claim("at δ = 0 both pulls are 0", 0.0, float(np.abs(pulls[:, 0]).max()), 1e-9),
    ]


def _claims_of_networks(stages: list[Stage]) -> list[Claim]:
    single = np.array([[stage.logit, stage.minimax, stage.non_saturating] for stage in stages])
    last = stages[-1]
    return [
        Claim(
            "the thesis's DCGAN, one picture: log(‖∇ log(1 − D)‖ / ‖∇ −log D‖) = l, largest error over training",
            0.0,
            _log_error(single[:, 1] / single[:, 2], single[:, 0]),
            0.02,
        ),
        Claim(
            f"the thesis's DCGAN, {BATCH} pictures, {last.updates} updates of D: ‖∇ log(1 − D)‖ over ‖∇ −log D‖",
            0.2,
            last.batch_minimax / last.batch_non_saturating,
            0.0,
            "≤",
        ),
    ]


def _draw(shifts: Array, pulls: Array, stages: list[Stage]) -> Drawing:
    with charts.figure(8.4, 3.0) as figure:
        left, middle, right = figure.subplots(1, 3)
        logits = np.linspace(-8, 8, 161)
        left.plot(logits, expit(logits), "-", label="log(1 − D)")
        left.plot(logits, expit(-logits), "--", label="−log D")
        left.set(xlabel="logit l of a generated picture", ylabel="|∂L/∂l|", title="of a logit")
        left.annotate("D wins", (-8, 0.12), fontsize=9)
        for pull, label, style in zip(pulls, ("log(1 − D)", "−log D"), charts.LINES, strict=False):
            middle.plot(shifts, pull, style, label=label)
        middle.plot(shifts, shifts / DEVIATION**2, ":", color="0.4", label="δ/σ²")
        middle.set(xlabel="distance δ of the means", ylabel="pull on the mean", title="of a Gaussian's mean")
        updates = [stage.updates for stage in stages]
        right.semilogy(updates, [stage.batch_minimax for stage in stages], "-", marker="o", label="log(1 − D)")
        right.semilogy(updates, [stage.batch_non_saturating for stage in stages], "--", marker="s", label="−log D")
        right.set(xlabel="updates of D alone", ylabel="norm of G's gradient", title="of the thesis's DCGAN")
        right.set_yticks((marks := (5, 10, 20, 50)), [str(mark) for mark in marks])
        right.minorticks_off()
        for axes in (left, middle, right):
            axes.legend(fontsize=8)
        return Drawing(charts.svg(figure), "The gradients that the generator learns from as the discriminator wins.")
