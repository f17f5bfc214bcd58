r"""Theorem 3: when the game converges, and when it circles.

Goodfellow et al. 2014, proposition 2. Let the discriminator be optimal at each step, and let $p_g$ then take a small
enough step to lower $V(D^*, \cdot)$. Then $p_g$ converges to $p_d$: $C(G)$ is convex in $p_g$, and its one minimum,
$-\log 4$, is at $p_d$. Here $p_g$ is a table of probabilities. Each step multiplies it by $\exp(-h \log(1 - D^*))$
and normalises it, and $C(G)$ falls monotonically.

Real training takes one step of the discriminator and finite steps of the parameters. Then the theorem says nothing.
The smallest example is the Dirac-GAN (Mescheder, Geiger and Nowozin 2018): one real point at 0, one generated at $θ$,
and $D(x) = ψx + b$. Linearised at its equilibrium, the players move along a field with the eigenvalues

    λ = -\frac{γ}{2} \pm \sqrt{\frac{γ^2}{4} - a^2} \quad \text{and one for } b.

Here $γ$ is the weight of R1 (R1 and R2 add up). The coupling $a$ is 1/2 for minimax, non-saturating, least squares
and relativistic pairing, and 1 for hinge and Wasserstein. Without a penalty the eigenvalues are $\pm i a$: the
players circle. In continuous time minimax, hinge and Wasserstein circle for ever. With the other three losses what is
of higher order pulls inwards: the circles shrink, ever more slowly. With a penalty the real part is negative, and the
players arrive. Clipping keeps circling. So does the penalty of WGAN-GP, which wants slopes of 1 where the equilibrium
has slope 0. Every number is measured by the loop that trains on pictures.
"""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from lienzo.display import charts
from lienzo.recipe.objectives import OBJECTIVES, Minimax, Regularisation
from lienzo.theory.finding import Claim, Drawing, Finding, Table
from lienzo.theory.models import dirac
from lienzo.theory.models.distances import LOG4
from lienzo.theory.models.laws import Array, Cells, Mixture, gaussian


@dataclass(frozen=True)
class Equilibrium:
    """The equilibrium of the Dirac-GAN under one objective, as the theory predicts it."""

    coupling: float
    """The coupling a, up to its sign the derivative of each player's velocity by the other's parameter."""

    level_rate: float
    """The eigenvalue that belongs to the discriminator's bias."""

    level: float
    """The bias b at the equilibrium."""


EQUILIBRIA = {
    "minimax": Equilibrium(0.5, -0.5, 0.0),
    "non-saturating": Equilibrium(0.5, -0.5, 0.0),
    "least-squares": Equilibrium(0.5, -2.0, 0.5),
    "hinge": Equilibrium(1.0, 0.0, 0.0),
    "wasserstein": Equilibrium(1.0, 0.0, 0.0),
    "relativistic": Equilibrium(0.5, 0.0, 0.0),
}
"""Name of an objective in ``OBJECTIVES`` -> its equilibrium."""

PENALTIES = {
    "none": (Regularisation(), 0.0),
    "R1": (Regularisation(r1=0.6), 0.6),
    "R1 + R2": (Regularisation(r1=0.4, r2=0.4), 0.8),
}
"""Name of a penalty -> its settings and its total weight γ."""

CIRCLING = {
    "wasserstein, clipped": Regularisation(clip=0.5),
    "wasserstein, WGAN-GP": Regularisation(gradient_penalty=1.0),
}

STEPS, RATE = 600, 0.1
LATE = 200
"""How many steps at the end are late."""


def experiment(seed: int) -> Generator[str, None, Finding]:  # noqa: ARG001  nothing here is random
    """Minimise C(G) over p_g with the optimal discriminator, then train the Dirac-GAN with every objective."""
    yield "with the optimal discriminator"
    values = descend()
    yield "eigenvalues of the Dirac-GAN"
    spectral, table = eigenvalues()
    yield "phase portraits"
    paths = {(name, kind): train(name, *PENALTIES[kind][:1]) for name in OBJECTIVES for kind in ("none", "R1")}
    paths |= {(name, "itself"): train("wasserstein", regularisation) for name, regularisation in CIRCLING.items()}
    return Finding(
        name="convergence",
        title="Theorem 3: convergence, and the Dirac-GAN where it fails",
        mathematics=str(__doc__),
        claims=(*_claims_of_descent(values), *spectral, *bounds_on_the_slope(), *_claims_of_paths(paths)),
        drawings=(_draw_descent(values), _draw_portraits(paths)),
        tables=(table,),
    )


def descend(steps: int = 400, rate: float = 0.5) -> Array:
    """Minimise C(G) over p_g, a table of 60 probabilities, and return its value at each step, (steps,)."""
    cells = Cells(-3.0, 3.0, 60)
    data, generated = (
        torch.from_numpy(law.log_density(cells.points)).log_softmax(0)
        for law in (Mixture((-1.2, 1.0), (0.4, 0.5), (0.5, 0.5)), gaussian(0.5, 1.5))
    )
    objective, values = Minimax(), []
    nothing = torch.zeros(1, dtype=torch.float64)
    of_real = torch.vmap(lambda logit: objective.discriminator(logit[None], nothing))
    of_fake = torch.vmap(lambda logit: objective.discriminator(nothing, logit[None]))
    for_generator = torch.vmap(lambda logit: objective.generator(None, logit[None]))
    both_at_rest = float(objective.discriminator(nothing, nothing))
    for _ in range(steps):
        best = data - generated  # the logit of D*
        loss = (data.exp() * of_real(best)).sum() + (generated.exp() * of_fake(best)).sum() - both_at_rest
        values.append(-float(loss))
        generated = (generated - rate * for_generator(best)).log_softmax(0)
    return np.array(values)


def eigenvalues() -> tuple[list[Claim], Table]:
    """Return the claims about the Dirac-GAN's eigenvalues for every objective and penalty, and a table of them."""
    claims, rows = [], []
    for name, objective in OBJECTIVES.items():
        for kind, (regularisation, gamma) in PENALTIES.items():
            rest = EQUILIBRIA[name]
            step = dirac.jacobian(objective(), regularisation, rest.level, simultaneous=True, rate=1.0)
            measured = dirac.spectrum(step - np.eye(3))
            root = np.sqrt(complex(gamma**2 / 4 - rest.coupling**2))
            predicted = np.array([-gamma / 2 + root, -gamma / 2 - root, rest.level_rate])
            error = dirac.spectral_error(measured, predicted)
            rows.append((name, kind, _spelt(predicted), _spelt(measured), error))
            claims.append(
                Claim(f"Dirac-GAN, {name}, penalty {kind}: λ = {_spelt(predicted)}, largest error", 0.0, error, 2e-3)
            )
    headers = ("objective", "penalty", "predicted λ", "measured λ", "largest error")
    return claims, Table("Eigenvalues of the Dirac-GAN at its equilibrium, (θ, ψ, b)", headers, tuple(rows))


def bounds_on_the_slope() -> list[Claim]:
    """Return the claims about how each bound on the slope changes ψ = ½ at θ = 0, where the loss has no gradient."""
    slope = 0.5
    bounds = (
        ("R1, γ = 0.6: −γψ", Regularisation(r1=0.6), -0.3),
        ("R2, γ = 0.6: −γψ", Regularisation(r2=0.6), -0.3),
        ("WGAN-GP, λ = 0.7: −2λ(|ψ| − 1)", Regularisation(gradient_penalty=0.7), 0.7),
        ("clipping, c = ¼: to c", Regularisation(clip=0.25), -0.25),
    )
    claims = []
    for name, regularisation, predicted in bounds:
        game = dirac.Dirac(OBJECTIVES["wasserstein"](), regularisation, 1.0, theta=0.0, psi=slope)
        game.step()
        claims.append(Claim(f"Dirac-GAN, pull on ψ = ½ by {name}", predicted, float(game.position()[1] - slope), 1e-5))
    return claims


def train(name: str, regularisation: Regularisation) -> Array:
    """Return the path of (θ, ψ, b), (steps + 1, 3), under alternating training steps from (1, 0, b*)."""
    game = dirac.Dirac(OBJECTIVES[name](), regularisation, RATE, theta=1.0, psi=0.0, level=EQUILIBRIA[name].level)
    path = [game.position()]
    for _ in range(STEPS):
        game.step()
        path.append(game.position())
    return np.array(path)


def _claims_of_descent(values: Array) -> list[Claim]:
    return [
        Claim(
            "optimal D, small steps in p_g: C(G) never rises, the largest rise", 0.0, np.diff(values).max(), 1e-12, "≤"
        ),
        Claim("optimal D, small steps in p_g: C(G) ends at −log 4", -LOG4, float(values[-1]), 1e-5),
        Claim("optimal D, small steps in p_g: C(G) ≥ −log 4 all the way", -LOG4, float(values.min()), 1e-9, "≥"),
    ]


def _claims_of_paths(paths: dict[tuple[str, str], Array]) -> list[Claim]:
    claims = []
    for (name, kind), path in paths.items():
        radius = np.hypot(path[:, 0], path[:, 1])
        late = radius[-LATE:]
        if kind == "R1":
            claims.append(
                Claim(
                    f"Dirac-GAN played, {name}, R1: distance to the equilibrium at the end", 0.0, float(late[-1]), 0.02
                )
            )
        else:
            penalty = "no penalty" if kind == "none" else "its own bound"
            farthest = float(late.max())
            claims.append(
                Claim(
                    f"Dirac-GAN played, {name}, {penalty}: the largest distance in the last {LATE} of {STEPS} steps",
                    0.1,
                    farthest,
                    0.0,
                    "≥",
                )
            )
    return claims


def _spelt(values: NDArray[np.complex128]) -> str:
    """Return eigenvalues as text, a conjugate pair as one number with ±."""
    words = []
    for value in sorted(np.round(values, 3) + 0.0, key=lambda value: (-abs(value.imag), value.real)):
        real = f"{value.real:.3g}" if value.real or not value.imag else ""
        if not value.imag < 0:
            words.append(f"{real} ± {value.imag:.3g}i".strip() if value.imag else real)
    return ", ".join(words).replace("-", "−")


def _draw_descent(values: Array) -> Drawing:
    with charts.figure(5.0, 2.8) as figure:
        axes = figure.subplots()
        axes.semilogy(np.maximum(values + LOG4, 1e-16))
        axes.set(xlabel="steps in p_g", ylabel="C(G) + log 4 = 2 JS(p_d, p_g)")
        return Drawing(
            charts.svg(figure), "With the optimal discriminator at each step, C(G) falls to −log 4 without ever rising."
        )


def _draw_portraits(paths: dict[tuple[str, str], Array]) -> Drawing:
    panels = [*OBJECTIVES, *CIRCLING]
    with charts.figure(8.4, 4.6) as figure:
        for axes, name in zip(figure.subplots(2, 4).flat, panels, strict=True):
            for kind, colour, style in (("none", 1, "-"), ("itself", 1, "-"), ("R1", 0, "-")):
                if (name, kind) in paths:
                    path = paths[name, kind]
                    axes.plot(path[:, 0], path[:, 1], style, color=charts.COLOURS[colour], linewidth=1.0)
                    axes.plot(*path[-1, :2], "o", color=charts.COLOURS[colour], markersize=4)
            axes.plot(0, 0, "+", color="black", markersize=9)
            axes.set(aspect="equal", adjustable="datalim")
            axes.set_title(name, fontsize=9)
        figure.supxlabel("θ, generator", fontsize=9)
        figure.supylabel("ψ, discriminator", fontsize=9)
        return Drawing(
            charts.svg(figure),
            f"Alternating play of the Dirac-GAN from (1, 0), {STEPS} steps of {RATE}, by lienzo's loop: without a "
            "penalty (orange) the players circle and are not there yet, with R1 (blue) they have arrived at the "
            "equilibrium (cross). "
            "A dot marks the last step.",
        )
