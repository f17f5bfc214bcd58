r"""Divergences: how far apart two laws are.

The Kullback-Leibler divergence of laws with densities $p$ and $q$ is

    \operatorname{KL}(p \parallel q) = \int p(x) \log \frac{p(x)}{q(x)} \, dx \ge 0.

It is zero only for $p = q$, it is not symmetric, and it is infinite where $p$ has mass and $q$ has none. Between two
Gaussians it is

    \operatorname{KL}(\mathcal{N}(μ_1, σ_1^2) \parallel \mathcal{N}(μ_2, σ_2^2)) =
    \log \frac{σ_2}{σ_1} + \frac{σ_1^2 + (μ_1 - μ_2)^2}{2 σ_2^2} - \frac{1}{2}.

The Jensen-Shannon divergence compares both with their mean $m = (p + q)/2$,

    \operatorname{JS}(p, q) =
    \frac{1}{2} \operatorname{KL}(p \parallel m) + \frac{1}{2} \operatorname{KL}(q \parallel m)
    = H(m) - \frac{1}{2} H(p) - \frac{1}{2} H(q),

where $H$ is the entropy. It is symmetric and at most $\log 2$. It reaches $\log 2$ when the supports are disjoint,
however far apart they are. The total variation

    \operatorname{TV}(p, q) = \frac{1}{2} \int \left| p - q \right|

does the same with its largest value, 1. The Wasserstein-1 distance, with the distribution functions $P$ and $Q$,

    W_1(p, q) = \int \left| P - Q \right|,

counts how far mass has to be moved. It alone keeps a gradient when the supports are disjoint. That is why it was
proposed for generators (Arjovsky, Chintala and Bottou 2017, example 1).
"""

from collections.abc import Callable, Generator

import numpy as np
from scipy.special import ndtr

from lienzo import seeds
from lienzo.display import charts
from lienzo.theory.finding import Claim, Drawing, Finding, Table
from lienzo.theory.models import distances
from lienzo.theory.models.distances import LOG2
from lienzo.theory.models.laws import Array, Cells, Law, Mixture, Uniform, gaussian

CELLS = Cells(-16.0, 16.0, 8000)
DRAWS = 200_000


def experiment(seed: int) -> Generator[str, None, Finding]:
    """Compute the divergences by quadrature and by Monte Carlo, and compare them with theorems."""
    yield "closed forms"
    claims = closed_forms() + bounds(seed)
    yield "Monte Carlo"
    sampled, table = by_monte_carlo(seed)
    yield "disjoint supports"
    return Finding(
        name="divergences",
        title="Divergences between two laws",
        mathematics=str(__doc__),
        claims=tuple(claims + sampled + disjoint_supports()),
        drawings=(_draw_integrands(), _draw_shift()),
        tables=(table,),
    )


def closed_forms() -> list[Claim]:
    """Return the claims about Gaussians, whose divergences are known in closed form."""
    first, second = (1.0, 0.7), (-0.5, 1.3)
    p, q = (gaussian(*law).log_density(CELLS.points) for law in (first, second))
    return [
        Claim(
            f"KL({a} ‖ {b}) of two Gaussians: the closed form", formula, distances.kullback_leibler(x, y, CELLS), 1e-9
        )
        for a, b, formula, x, y in (
            ("p", "q", _kl_of_gaussians(first, second), p, q),
            ("q", "p", _kl_of_gaussians(second, first), q, p),
        )
    ] + [
        Claim("KL(p ‖ p) = 0", 0.0, distances.kullback_leibler(p, p, CELLS), 1e-12),
        Claim("JS(p, q) = H(m) − ½H(p) − ½H(q)", _js_from_entropies(p, q), distances.jensen_shannon(p, q, CELLS), 1e-9),
        Claim(
            "TV of N(0, 1) and N(δ, 1) = 2Φ(δ/2) − 1, δ = 1.5",
            float(2 * ndtr(0.75) - 1),
            distances.total_variation(*_shifted(1.5), CELLS),
            1e-5,
        ),
        Claim("W₁ of N(0, 1) and N(δ, 1) = δ, δ = 1.5", 1.5, distances.wasserstein_1(*_shifted(1.5), CELLS), 1e-5),
    ]


def bounds(seed: int) -> list[Claim]:
    """Return the claims that hold for any pair of laws, on 40 random pairs of mixtures."""
    random = seeds.numpy_generator(seed, "theory/divergences/pairs")
    pairs = [[_random_mixture(random).log_density(CELLS.points) for _ in range(2)] for _ in range(40)]
    kl = np.array([distances.kullback_leibler(p, q, CELLS) for p, q in pairs])
    js = np.array([distances.jensen_shannon(p, q, CELLS) for p, q in pairs])
    reverse = np.array([distances.jensen_shannon(q, p, CELLS) for p, q in pairs])
    tv = np.array([distances.total_variation(p, q, CELLS) for p, q in pairs])
    return [
        Claim("KL ≥ 0: the smallest of 40 random pairs of mixtures", 0.0, kl.min(), 1e-9, "≥"),
        Claim("JS(p, q) = JS(q, p): the largest difference of 40 pairs", 0.0, np.abs(js - reverse).max(), 1e-12),
        Claim("JS ≤ log 2: the largest of 40 pairs", LOG2, js.max(), 1e-9, "≤"),
        Claim("TV ≤ √(KL/2), Pinsker: the largest excess of 40 pairs", 0.0, (tv - np.sqrt(kl / 2)).max(), 1e-9, "≤"),
        Claim("JS ≤ TV · log 2: the largest excess of 40 pairs", 0.0, (js - tv * LOG2).max(), 1e-9, "≤"),
    ]


def by_monte_carlo(seed: int) -> tuple[list[Claim], Table]:
    """Return the claims that Monte Carlo agrees with quadrature within four standard errors, and a table of both."""
    pairs: dict[str, tuple[Law, Law]] = {
        "two Gaussians": (gaussian(1.0, 0.7), gaussian(-0.5, 1.3)),
        "two mixtures": (
            Mixture((-2.0, 1.0), (0.5, 1.0), (0.4, 0.6)),
            Mixture((-1.5, 1.5, 3.0), (0.8, 0.6, 1.5), (0.3, 0.3, 0.4)),
        ),
        "disjoint segments": (Uniform(0.0, 1.0), Uniform(2.0, 3.0)),
    }
    claims, rows = [], []
    for position, (name, (p, q)) in enumerate(pairs.items()):
        random = seeds.numpy_generator(seed, "theory/divergences/draws", position)
        on_cells = p.log_density(CELLS.points), q.log_density(CELLS.points)
        x, y = (CELLS.quantiles(density, random.random(DRAWS)) for density in on_cells)
        ratios = p.log_density(x) - q.log_density(x), p.log_density(y) - q.log_density(y)
        js_terms = LOG2 - np.logaddexp(0.0, -ratios[0]), LOG2 - np.logaddexp(0.0, ratios[1])
        js, js_error = distances.monte_carlo(0.5 * (js_terms[0] + js_terms[1]))
        exact = distances.jensen_shannon(*on_cells, CELLS)
        claims.append(Claim(f"JS by {DRAWS:,} draws, {name}", exact, js, 4 * js_error + 1e-9))
        rows.append(("JS", name, exact, js, js_error))
        exact = distances.kullback_leibler(*on_cells, CELLS)
        kl, kl_error = distances.monte_carlo(ratios[0]) if np.isfinite(exact) else (float("inf"), 0.0)
        rows.append(("KL", name, exact, kl, kl_error))
        if np.isfinite(exact):
            claims.append(Claim(f"KL by {DRAWS:,} draws, {name}", exact, kl, 4 * kl_error))
    headers = ("divergence", "pair", "quadrature", "Monte Carlo", "standard error")
    return claims, Table(f"Quadrature and Monte Carlo ({DRAWS:,} draws)", headers, tuple(rows))


def disjoint_supports() -> list[Claim]:
    """Return the claims about the divergences of laws with disjoint supports, and about their derivatives."""
    here, apart = (law.log_density(CELLS.points) for law in (Uniform(0.0, 1.0), Uniform(2.0, 3.0)))
    wider = Uniform(0.0, 2.0).log_density(CELLS.points)

    def slope(distance: Callable[[Array, Array, Cells], float]) -> float:
        moved = Uniform(2.0 + CELLS.width, 3.0 + CELLS.width).log_density(CELLS.points)
        return float((distance(here, moved, CELLS) - distance(here, apart, CELLS)) / CELLS.width)

    return [
        Claim(
            "KL = ∞ where q lacks mass that p has: U[0,1], U[2,3]",
            np.inf,
            distances.kullback_leibler(here, apart, CELLS),
        ),
        Claim("KL(U[0,1] ‖ U[0,2]) = log 2", LOG2, distances.kullback_leibler(here, wider, CELLS), 1e-9),
        Claim("KL(U[0,2] ‖ U[0,1]) = ∞", np.inf, distances.kullback_leibler(wider, here, CELLS)),
        Claim("JS = log 2 on disjoint supports", LOG2, distances.jensen_shannon(here, apart, CELLS), 1e-9),
        Claim("TV = 1 on disjoint supports", 1.0, distances.total_variation(here, apart, CELLS), 1e-9),
        Claim("W₁ = distance of the supports' means", 2.0, distances.wasserstein_1(here, apart, CELLS), 1e-9),
        Claim("∂JS/∂θ = 0 on disjoint supports", 0.0, slope(distances.jensen_shannon), 1e-6),
        Claim("∂TV/∂θ = 0 on disjoint supports", 0.0, slope(distances.total_variation), 1e-6),
        Claim("∂W₁/∂θ = 1 on disjoint supports", 1.0, slope(distances.wasserstein_1), 1e-6),
    ]


def _shifted(delta: float) -> tuple[Array, Array]:
    return gaussian(0.0, 1.0).log_density(CELLS.points), gaussian(delta, 1.0).log_density(CELLS.points)


def _kl_of_gaussians(first: tuple[float, float], second: tuple[float, float]) -> float:
    (mean, deviation), (other_mean, other) = first, second
    return float(np.log(other / deviation) + (deviation**2 + (mean - other_mean) ** 2) / (2 * other**2) - 0.5)


def _js_from_entropies(p: Array, q: Array) -> float:
    middle = np.logaddexp(p, q) - LOG2
    return distances.entropy(middle, CELLS) - 0.5 * distances.entropy(p, CELLS) - 0.5 * distances.entropy(q, CELLS)


def _random_mixture(random: np.random.Generator) -> Mixture:
    count = int(random.integers(1, 5))
    weights = random.dirichlet(np.ones(count))
    return Mixture(tuple(random.uniform(-5, 5, count)), tuple(random.uniform(0.2, 1.5, count)), tuple(weights))


def _draw_integrands() -> Drawing:
    p, q = (
        law.log_density(CELLS.points)
        for law in (Mixture((-2.0, 1.0), (0.5, 1.0), (0.4, 0.6)), Mixture((-1.0, 2.0), (1.2, 0.8), (0.5, 0.5)))
    )
    middle, shown = np.logaddexp(p, q) - LOG2, np.abs(CELLS.points) < 5.5
    x = CELLS.points[shown]
    with charts.figure(7.2, 3.2) as figure:
        left, right = figure.subplots(1, 2)
        for density, label, style in ((p, "p", "-"), (q, "q", "--"), (middle, "m = ½(p + q)", ":")):
            left.plot(x, np.exp(density)[shown], style, label=label)
        left.set(xlabel="x", ylabel="density", title="Two mixtures and their mean", ylim=(-0.02, 0.48))
        left.legend()
        for value, label, style in (
            (np.exp(p) * (p - q), "p log(p/q), KL(p ‖ q)", "-"),
            (np.exp(q) * (q - p), "q log(q/p), KL(q ‖ p)", "--"),
            (0.5 * np.exp(p) * (p - middle) + 0.5 * np.exp(q) * (q - middle), "JS(p, q)", "-."),
        ):
            right.plot(x, value[shown], style, label=f"{label} = {CELLS.integral(value):.3f}")
        right.set(xlabel="x", ylabel="integrand", title="What is integrated", ylim=(-0.15, 0.55))
        right.legend(fontsize=8)
        return Drawing(
            charts.svg(figure), "The area under each curve on the right is the divergence of the laws on the left."
        )


def _draw_shift() -> Drawing:
    here = Uniform(0.0, 1.0).log_density(CELLS.points)
    shifts = CELLS.width * np.arange(-500, 501, 10)
    moved = [Uniform(shift, 1.0 + shift).log_density(CELLS.points) for shift in shifts]
    with charts.figure(7.2, 3.2) as figure:
        axes = figure.subplots()
        for measure, label, style in (
            (distances.wasserstein_1, "Wasserstein-1", "-"),
            (distances.total_variation, "total variation", "--"),
            (distances.jensen_shannon, "Jensen-Shannon", "-."),
        ):
            axes.plot(shifts, [measure(here, other, CELLS) for other in moved], style, label=label)
        axes.axhline(LOG2, color="0.6", linewidth=0.8)
        axes.annotate("log 2", (1.93, LOG2), va="bottom", ha="right", color="0.4", fontsize=9)
        axes.set(xlabel="shift θ between U[0, 1] and U[θ, 1 + θ]", ylabel="distance")
        axes.legend()
        return Drawing(
            charts.svg(figure),
            "Once the segments part, at |θ| = 1, JS and TV are flat: a generator learns nothing from them. W₁ goes on. "
            "KL is 0 at θ = 0 and infinite everywhere else.",
        )
