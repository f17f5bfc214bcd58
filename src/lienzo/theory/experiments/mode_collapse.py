r"""Mode collapse: parts of the data that the generator never makes.

Where data lie in $K$ separate modes of equal weight, a generator may leave some out: mode collapse. The theorems do
not forbid it, since they speak of a discriminator that is optimal at every step. It is measured here on clusters with
known centres: 8 on a ring, 25 on a grid, and 1000 stacked ones, one pixel of ten reds, ten greens and ten blues.

A mode is found if a quarter of its fair share of the draws lies within three standard deviations of its centre. With
$h$ the shares of the draws nearest to each mode and $u$ the uniform law, the reverse Kullback-Leibler divergence is

    \operatorname{KL}(h \parallel u) = \log K + \sum_{k=1}^K h_k \log h_k.

It is 0 for perfect balance, $\log(K/m)$ for a generator that makes $m$ of the $K$ modes equally often, and on average
$(K - 1)/(2n)$ for $n$ fair draws. Two measurements whose answers are known come first. Then every objective of lienzo
is trained on equal terms: the same perceptrons, batches, number of updates and learning rate, over several seeds, by
Adam without momentum. Two of them are trained once more with the momentum $β_1 = 0.5$ that is usual for pictures. It
costs most of the modes here.
"""

from collections.abc import Generator
from dataclasses import dataclass, field

import numpy as np
import torch

from lienzo import seeds
from lienzo.display import charts
from lienzo.networks.configurations import MLP
from lienzo.recipe.objectives import (
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    Objective,
    Regularisation,
    Relativistic,
    Wasserstein,
)
from lienzo.theory.finding import Claim, Drawing, Finding, Table
from lienzo.theory.models import players
from lienzo.theory.models.clusters import CLUSTERS, Clusters, Count, count
from lienzo.theory.models.laws import Array
from lienzo.training.game import StepInputs

NET = MLP(latents=4, width=64, depth=2)
BATCH = 128
UPDATES = 600
RATE = 2e-3
DRAWS = 50
"""Number of generated points for each mode, when the modes are counted."""


@dataclass(frozen=True)
class Candidate:
    """A GAN that is compared: an objective, its penalties and the momentum of Adam."""

    objective: Objective
    regularisation: Regularisation = field(default_factory=Regularisation)
    momentum: float = 0.0
    """β₁; β₂ is 0.9."""


_BOTH = Regularisation(r1=0.02, r2=0.02)

CANDIDATES = {
    "minimax": Candidate(Minimax()),
    "non-saturating": Candidate(NonSaturating()),
    "least squares": Candidate(LeastSquares()),
    "hinge": Candidate(Hinge()),
    "Wasserstein, clipped": Candidate(Wasserstein(), Regularisation(clip=0.1)),
    "Wasserstein, gradient penalty": Candidate(Wasserstein(), Regularisation(gradient_penalty=0.1)),
    "non-saturating, R1 + R2": Candidate(NonSaturating(), _BOTH),
    "relativistic, R1 + R2": Candidate(Relativistic(), _BOTH),
    "non-saturating, β₁ = 0.5": Candidate(NonSaturating(), momentum=0.5),
    "relativistic, R1 + R2, β₁ = 0.5": Candidate(Relativistic(), _BOTH, momentum=0.5),
}

TRAININGS = {
    "ring of 8": (tuple(CANDIDATES), 3),
    "grid of 25": (("non-saturating", "non-saturating, R1 + R2", "relativistic, R1 + R2"), 2),
    "stack of 1000": (("non-saturating", "non-saturating, R1 + R2", "relativistic, R1 + R2"), 2),
}
"""Clusters -> the names of the candidates that are trained on them, and the number of seeds."""


def experiment(seed: int) -> Generator[str, None, Finding]:
    """Count the modes that each objective finds, over seeds."""
    claims = known_answers(seed)
    counts: dict[tuple[str, str], list[Count]] = {}
    shown: dict[tuple[str, str], Array] = {}
    for target, (names, repeats) in TRAININGS.items():
        for name in names:
            yield f"{target}, {name}"
            for repeat in range(repeats):
                points = train(CLUSTERS[target], CANDIDATES[name], seeds.derive(seed, "theory/mode-collapse", repeat))
                counts.setdefault((target, name), []).append(count(points, CLUSTERS[target]))
                shown.setdefault((target, name), points)
    return Finding(
        name="mode-collapse",
        title="Mode collapse",
        mathematics=str(__doc__),
        claims=(*claims, *_claims_of(counts)),
        drawings=(_draw(shown, counts),),
        tables=(
            Table(
                f"Modes found after {UPDATES} updates, over seeds",
                (
                    "data",
                    "objective",
                    "seeds",
                    "modes found, mean",
                    "least",
                    "reverse KL, mean",
                    "± spread",
                    "draws near a mode",
                ),
                tuple(
                    (
                        target,
                        name,
                        len(each),
                        float(np.mean([c.found for c in each])),
                        min(c.found for c in each),
                        float(np.mean([c.reverse_kl for c in each])),
                        float(np.std([c.reverse_kl for c in each], ddof=1)),
                        float(np.mean([c.near for c in each])),
                    )
                    for (target, name), each in counts.items()
                ),
            ),
        ),
    )


def known_answers(seed: int) -> list[Claim]:
    """Return the claims about samples of known modes and divergence: fair ones, and ones that leave modes out."""
    claims = []
    for position, (name, clusters) in enumerate(CLUSTERS.items()):
        modes = len(clusters.centres)
        random = seeds.numpy_generator(seed, "theory/mode-collapse/known", position)
        counted = count(clusters.sample(DRAWS * modes, random), clusters)
        bias = (modes - 1) / (2 * DRAWS * modes)
        claims.append(Claim(f"draws of the data themselves, {name}: modes found", modes, counted.found))
        claims.append(
            Claim(f"draws of the data themselves, {name}: reverse KL", bias, counted.reverse_kl, 6 * bias / modes**0.5)
        )
    ring = CLUSTERS["ring of 8"]
    three = Clusters(ring.centres[:3], ring.deviation, ring.shape)
    exact = np.repeat(three.centres, DRAWS, axis=0)
    collapsed = count(exact, ring)
    claims.append(Claim("a generator of 3 of the 8 modes: modes found", 3, collapsed.found))
    claims.append(
        Claim("a generator of 3 of the 8 modes: reverse KL = log 8/3", float(np.log(8 / 3)), collapsed.reverse_kl, 1e-9)
    )
    return claims


def train(clusters: Clusters, candidate: Candidate, seed: int) -> Array:
    """Train a GAN on clusters and return points (n, d) of its generator."""
    betas = (candidate.momentum, 0.9)
    game = players.game(
        NET,
        clusters.shape,
        candidate.objective,
        seed,
        regularisation=candidate.regularisation,
        rate=RATE,
        betas=betas,
    )
    for update in range(UPDATES):
        players.cool(game, RATE, update / UPDATES)
        random = seeds.numpy_generator(seed, "theory/clusters", update)
        real = players.pictures(clusters.sample(BATCH, random), clusters.shape)
        z, mix = (
            torch.from_numpy(values.astype(np.float32)) for values in (_normal(BATCH, random), random.random(BATCH))
        )
        game.step(StepInputs(real[None], z[None], mix[None]))
    random = seeds.numpy_generator(seed, "theory/clusters/drawn")
    with torch.no_grad():
        z = torch.from_numpy(_normal(DRAWS * len(clusters.centres), random).astype(np.float32))
        points: Array = game.generator(z).flatten(1).double().numpy()
    return points


def _normal(size: int, random: np.random.Generator) -> Array:
    return random.normal(size=(size, NET.latents))


def _claims_of(counts: dict[tuple[str, str], list[Count]]) -> list[Claim]:
    claims = []
    for (target, name), each in counts.items():
        if name.endswith("R1 + R2"):
            least = min(c.found for c in each) / len(CLUSTERS[target].centres)
            statement = f"{target}, {name}: share of the modes that the worst of {len(each)} seeds finds"
            claims.append(Claim(statement, 0.7, least, 0.0, "≥"))
            worst = max(c.reverse_kl for c in each)
            claims.append(
                Claim(f"{target}, {name}: reverse KL of the worst of {len(each)} seeds", 0.3, worst, 0.0, "≤")
            )
    return claims


def _draw(shown: dict[tuple[str, str], Array], counts: dict[tuple[str, str], list[Count]]) -> Drawing:
    panels = [key for key in shown if key[0] != "stack of 1000"]
    with charts.figure(8.8, 6.6) as figure:
        for axes, (target, name) in zip(figure.subplots(3, 4).flat, panels, strict=False):
            clusters = CLUSTERS[target]
            points = shown[target, name]
            axes.scatter(*clusters.centres.T, s=90, facecolors="none", edgecolors="0.6", linewidths=0.8)
            axes.scatter(*points.T, s=3, color=charts.COLOURS[0], linewidths=0)
            first = counts[target, name][0]
            axes.set_title(f"{name}\n{first.found} of {len(clusters.centres)} modes", fontsize=8)
            axes.set(xlim=(-1, 1), ylim=(-1, 1), aspect="equal", xticks=(), yticks=())
            axes.grid(visible=False)
        for axes in figure.axes[len(panels) :]:
            axes.set_visible(False)
        return Drawing(
            charts.png(figure, 120),
            "Draws of each trained generator (first seed) on the modes of the data (circles): the ring, then the grid.",
        )
