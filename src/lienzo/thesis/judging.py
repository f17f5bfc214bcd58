"""How statements of the thesis are judged: each function computes a number over seeds and a verdict on it."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image

from lienzo import seeds
from lienzo.collection import preparation
from lienzo.networks.configurations import DCGAN, MLP
from lienzo.networks.layers import players as layers_of
from lienzo.networks.shape import Shape
from lienzo.recipe import catalogue
from lienzo.recipe.objectives import Minimax
from lienzo.report.resources import MACHINES, THESIS
from lienzo.theory import laboratory
from lienzo.theory.experiments import convergence, equilibrium, optimal_discriminator
from lienzo.theory.finding import Finding
from lienzo.theory.models import players
from lienzo.theory.models.distances import LOG4
from lienzo.theory.models.laws import levels
from lienzo.thesis import kept
from lienzo.thesis.edition import Edition
from lienzo.thesis.experiments.ablations import HEADERS, VARIANTS

Verdict = Literal["reproduced", "not reproduced", "not tried"]

SEEDS = (0, 1, 2)
"""Seeds over which the quick verdicts are taken."""


@dataclass(frozen=True)
class Judgement:
    """What was found about a statement."""

    verdict: Verdict
    numbers: tuple[float, ...] = ()
    """The number that the criterion is about, for each seed; one where nothing is random, none where nothing is
    measured."""


def judged(numbers: Sequence[float], good: bool) -> Judgement:
    """Return the judgement of numbers that are good enough, or not."""
    return Judgement("reproduced" if good else "not reproduced", tuple(map(float, numbers)))


@cache
def finding(name: str, seed: int) -> Finding:
    """Run an experiment of the theory; the judgements of one check share it."""
    (found,) = laboratory.theory([name], None, seed)
    return found


def measured(name: str, statement: str, numbered: Sequence[int] = SEEDS) -> Judgement:
    """Judge by one claim of an experiment, whose statement begins with these words, over seeds."""
    claims = [next(c for c in finding(name, seed).claims if c.statement.startswith(statement)) for seed in numbered]
    return judged([claim.measured for claim in claims], all(claim.holds for claim in claims))


def held(name: str, numbered: Sequence[int] = SEEDS) -> Judgement:
    """Judge by the share of an experiment's claims that hold, over seeds; all have to."""
    findings = [finding(name, seed) for seed in numbered]
    shares = [sum(claim.holds for claim in found.claims) / max(1, len(found.claims)) for found in findings]
    return judged(shares, all(found.holds for found in findings))


def kept_claims(name: str) -> Judgement:
    """Judge by the share of the claims of a kept result that hold."""
    result = kept.read(name)
    share = sum(claim.holds for claim in result.claims) / max(1, len(result.claims))
    return judged([share], share == 1.0)


def kullback_leibler() -> Judgement:
    """Judge definition 1 by the least divergence of random pairs of laws, which is not negative."""
    return measured("divergences", "KL ≥ 0")


def jensen_shannon() -> Judgement:
    """Judge definition 2 by the largest divergence of random pairs of laws, which is at most log 2."""
    return measured("divergences", "JS ≤ log 2")


def nash() -> Judgement:
    """Judge definition 3 by the largest gain of a player who moves alone, in 30 random games, which is 0."""
    gains = [equilibrium.random_games(seed)[1] for seed in SEEDS]
    return judged([claim.measured for claim in gains], all(claim.holds for claim in gains))


def figure_of_the_idea() -> Judgement:
    """Judge figure 3.1 by drawing it in both languages."""
    from lienzo.thesis.figures import idea  # noqa: PLC0415  drawing needs Matplotlib

    drawn = [idea.figure(Edition(language)) for language in ("en", "es")]
    return judged([], all("<svg" in str(each.content) for each in drawn))


def algorithm() -> Judgement:
    """Judge algorithm 1 by the share of 20 steps of each player after which V moved its player's way."""
    shares = []
    for seed in SEEDS:
        game = players.game(MLP(1, 32, 2), players.LINE, Minimax(), seed, rate=1e-4, betas=(0.0, 0.9))
        real = players.pictures(0.2 + 0.2 * np.random.default_rng(seeds.derive(seed, "thesis/real")).normal(size=512))
        latents = players.latents(levels(512))
        right = []
        for _ in range(20):
            before = _value(game.generator, game.discriminator, real, latents)
            game.discriminator_step(real, game.generator(latents).detach())
            between = _value(game.generator, game.discriminator, real, latents)
            game.generator_step(real, [game.generator(latents)])
            right += [between > before, _value(game.generator, game.discriminator, real, latents) < between]
        shares.append(float(np.mean(right)))
    return judged(shares, min(shares) == 1.0)


@torch.no_grad()
def _value(generator: torch.nn.Module, discriminator: torch.nn.Module, real: torch.Tensor, z: torch.Tensor) -> float:
    return -float(Minimax().discriminator(discriminator(real), discriminator(generator(z))))


def optimal_discriminator_reached() -> Judgement:
    """Judge theorem 1 by the largest distance of a trained discriminator from p_d / (p_d + p_g)."""
    errors = [_approach(1.0, seed) for seed in SEEDS]
    return judged(errors, max(errors) < 0.05)


def smoothed_labels() -> Judgement:
    """Judge the optimum for the label 0.9 by the largest distance of a trained discriminator from it."""
    errors = [_approach(0.9, seed) for seed in SEEDS]
    return judged(errors, max(errors) < 0.05)


@cache
def _approach(smoothing: float, seed: int) -> float:
    return optimal_discriminator.approach(smoothing, seed).supremum[-1]


def global_minimum() -> Judgement:
    """Judge theorem 2 by the value of a trained discriminator where both laws are equal, which is −log 4."""
    return measured("global-minimum", "C(G) = −log 4 at p_g = p_d")


def coin() -> Judgement:
    """Judge the equilibrium by the largest distance of a trained discriminator from ½ where both laws are equal."""
    return measured("global-minimum", "D = ½ at p_g = p_d")


def convergence_of_laws() -> Judgement:
    """Judge theorem 3 by C(G) + log 4 after 400 steps of size ½, which never rises on the way."""
    values = convergence.descend()
    return judged([values[-1] + LOG4], bool(values[-1] + LOG4 < 1e-5 and np.diff(values).max() <= 1e-12))


def circling() -> Judgement:
    """Judge what theorem 3 leaves out by the least late distance of the Dirac-GAN without a penalty, over objectives.

    It is that of 600 steps: with some objectives it goes on falling. With R1 all objectives have to arrive.
    """
    claims = [c for c in finding("convergence", 0).claims if c.statement.startswith("Dirac-GAN played")]
    apart = [claim.measured for claim in claims if "no penalty" in claim.statement]
    return judged([min(apart)], all(claim.holds for claim in claims))


def saturation() -> Judgement:
    """Judge saturation by the ratio of both gradients in the thesis's networks after eight steps of D alone."""
    return measured("saturation", "the thesis's DCGAN, 16 pictures")


def other_models() -> Judgement:
    """Judge the other models by the kept claims about the bound, the estimates and the distances."""
    return kept_claims("other-models")


def preprocessing() -> Judgement:
    """Judge the cleaning by the share of files that end as they should: broken ones refused, others 64×64."""
    with tempfile.TemporaryDirectory() as temporary:
        source, out = Path(temporary) / "pictures", Path(temporary) / "collection"
        source.mkdir()
        for number in range(12):
            pixels = np.random.default_rng(number).integers(0, 256, (4, 5, 3), np.uint8)
            Image.fromarray(pixels).resize((100 + number, 80)).save(source / f"{number:02}.jpg", quality=95)
        whole = (source / "00.jpg").read_bytes()
        (source / "cut.jpg").write_bytes(whole[: len(whole) // 2])
        (source / "download.jpg").write_bytes(b"<html>404 Not Found</html>")
        (source / "empty.jpg").write_bytes(b"")
        made = preparation.prepare(source, out, size=64, workers=1)
        refused = {Path(row["source"]).stem for row in made.rejected().to_pylist()}
        right = made.count + len(refused & {"cut", "download", "empty"})
        return judged([right / 15], right == 15 and (made.height, made.width) == (64, 64))


def architecture() -> Judgement:
    """Judge figure 4.2 by the parameters of both networks, and by the sides 1, 4, 8, 16, 32, 64."""
    both = layers_of(DCGAN(), Shape(64, 64, 3))
    parameters = [sum(layer.parameters for layer in both[name]) for name in ("generator", "discriminator")]
    sides = [layer.outputs[-1] for layer in both["generator"] if layer.kernel is not None]
    return judged([sum(parameters)], parameters == [3_576_704, 2_765_568] and sides == [4, 8, 16, 32, 64])


def settings() -> Judgement:
    """Judge the training's settings by the recipe ``thesis``: how many of its values differ from those stated."""
    recipe = catalogue.RECIPES["thesis"]()
    adam = recipe.generator_optimizer
    found = (recipe.epochs, recipe.batch, adam.rate, adam.betas, getattr(recipe.objective, "real_label", None))
    stated = (30.0, 128, 0.0002, (0.5, 0.999), 0.9)
    differing = sum(a != b for a, b in zip(found, stated, strict=True))
    return judged([differing], differing == 0)


def slower_processor() -> Judgement:
    """Judge "a CPU is about 20 times slower" by how often slower two cores with AVX2 are than the thesis's GPU."""
    (gpu,), cores = MACHINES["quadro-p5000"], MACHINES["zen3"][0]
    ratio = gpu.images_per_second / cores.images_per_second
    return judged([ratio], 10 < ratio < 40)


def day_of_training() -> Judgement:
    """Judge "a CUDA GPU is indispensable" by the hours that two cores with AVX2 take for the thesis's training."""
    hours = THESIS / MACHINES["zen3"][0].images_per_second / 3600
    return judged([hours], hours > 10 * 24)


def recommendations() -> Judgement:
    """Judge by the share of ways to switch off one of DCGAN's recommendations, or a part of it, that make KID worse.

    Worse is by more than both spreads of the seeds. The ten ways are variants of the ablations: batch normalisation is
    switched off in each network and in both, and of the generator its activation and its output. The kept table is
    read; a row of fewer than three seeds leaves the statement untried.
    """
    (table,) = kept.read("ablations").tables
    rows = {row["without"]: row for row in (dict(zip(HEADERS, map(str, cells), strict=True)) for cells in table.rows)}
    asked = [variant.without for name, variant in VARIANTS.items() if name not in ("momentum", "smoothing")]
    if any(without not in rows or int(rows[without]["seeds"]) < len(SEEDS) for without in asked):
        return not_tried()
    (own, spread), *others = [map(float, rows[without]["KID"].split(" ± ")) for without in asked]
    worse = [kid - own > spread + deviation for kid, deviation in others]
    return judged([sum(worse) / len(worse)], all(worse))


def not_tried() -> Judgement:
    """Judge nothing: what the criterion asks for was not done."""
    return Judgement("not tried")
