"""An animation of Goodfellow et al. 2014, figure 1: a GAN trained on a density of one dimension."""

import io

import numpy as np
import torch
from PIL import Image
from scipy.special import expit, ndtri
from torch import Tensor, nn

from lienzo import seeds
from lienzo.display import charts
from lienzo.networks.configurations import MLP
from lienzo.recipe.objectives import NonSaturating
from lienzo.theory.finding import Claim, Drawing
from lienzo.theory.models import distances, players
from lienzo.theory.models.laws import Array, Cells, Mixture, levels
from lienzo.training.game import StepInputs

DATA = Mixture((-0.45, 0.35), (0.12, 0.18), (0.4, 0.6))
CELLS = Cells(-1.0, 1.0, 200)
FRAMES = 44


def train(seed: int) -> tuple[Drawing, list[Claim]]:
    """Train a GAN on a density of one dimension; return the animated figure, and the claims about the end.

    The discriminator takes five steps for each of the generator's, at ten times its rate, so that it stays near its
    optimum.
    """
    rates, updates, data = (5e-4, 5e-3), 500, DATA.log_density(CELLS.points)
    game = players.game(MLP(1, 64, 2), players.LINE, NonSaturating(), seed, betas=(0.5, 0.9))
    shown = np.unique(np.geomspace(1, updates + 1, FRAMES).astype(int) - 1)
    frames = []
    for update in range(updates + 1):
        if update in shown:
            frames.append(_frame(game.generator, game.discriminator, update))
        players.set_rate(game.generator_optimizer, rates[0], update / updates)
        players.set_rate(game.discriminator_optimizer, rates[1], 0.5 * update / updates)
        random = seeds.numpy_generator(seed, "theory/game-of-2014", update)
        real = torch.stack([players.pictures(CELLS.quantiles(data, levels(256, random))) for _ in range(5)])
        game.step(StepInputs(real, torch.stack([players.latents(levels(256, random)) for _ in range(5)])))
    generated = players.pushed_forward(game.generator, CELLS)
    answers = expit(players.logits(game.discriminator, CELLS.points))
    mass = 0.5 * (np.exp(data) + np.exp(generated))
    apart = CELLS.integral(mass * (answers - 0.5) ** 2) ** 0.5
    caption = (
        "The figure of the 2014 paper, by lienzo's own loop: data (dotted), generator (solid), discriminator "
        "(dashed) and its optimum p_d/(p_d + p_g) (thin). Below, the generator maps z to x. The generator's law "
        "comes to lie on the data and the discriminator ends at ½."
    )
    return Drawing(_animate(frames), caption), [
        Claim(
            "the game ends with p_g near p_d: JS(p_d, p_g)", 0.0, distances.jensen_shannon(data, generated, CELLS), 0.02
        ),
        Claim("the game ends with D = ½: L² distance", 0.0, apart, 0.1),
    ]


def _frame(generator: nn.Module, discriminator: nn.Module, update: int) -> Image.Image:
    """Draw both densities, the discriminator, its optimum and the map from z to x after a number of updates."""
    data = np.exp(DATA.log_density(CELLS.points))
    with np.errstate(divide="ignore"):
        generated = np.exp(_smooth(players.pushed_forward(generator, CELLS)))
    with charts.figure(6.4, 4.0) as figure:
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        top.plot(CELLS.points, data, ":", color="black", label="data p_d", linewidth=2)
        top.plot(CELLS.points, generated, "-", color=charts.COLOURS[2], label="generator p_g")
        top.set(ylim=(0, 3.2), ylabel="density", title=f"update {update}")
        right = top.twinx()
        best = data / np.maximum(data + generated, 1e-12)
        right.plot(CELLS.points, best, "-", color="0.6", linewidth=0.8, label="its optimum")
        answers = expit(players.logits(discriminator, CELLS.points))
        right.plot(CELLS.points, answers, "--", color=charts.COLOURS[0], label="discriminator D")
        right.set(ylim=(0, 1.05), ylabel="D(x)")
        right.grid(visible=False)
        figure.legend(loc="outside lower center", ncols=4, fontsize=8)
        at = levels(24)
        with torch.no_grad():
            ends: Tensor = generator(players.latents(at))
        for start, end in zip(ndtri(at) / 3.0, ends.flatten().tolist(), strict=True):
            bottom.annotate(
                "", (end, 1), (start, 0), arrowprops={"arrowstyle": "->", "color": "0.35", "linewidth": 0.8}
            )
        bottom.set(xlim=(-1, 1), ylim=(0, 1), yticks=(0, 1), yticklabels=("z/3", "x"), xticks=())
        bottom.grid(visible=False)
        return Image.open(io.BytesIO(charts.png(figure, 100))).convert("RGB")


def _smooth(log_density: Array) -> Array:
    """Return a log density (cells,) after its density was smoothed by a Gaussian of 1.5 cells."""
    kernel = np.exp(-0.5 * (np.arange(-4, 5) / 1.5) ** 2)
    smoothed: Array = np.log(np.convolve(np.exp(log_density), kernel / kernel.sum(), mode="same"))
    return smoothed


def _animate(frames: list[Image.Image]) -> bytes:
    """Return frames as the bytes of an animated GIF of 64 colours."""
    palette = frames[-1].quantize(64)
    reduced = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    buffer = io.BytesIO()
    durations = [120] * (len(reduced) - 1) + [2500]
    reduced[0].save(buffer, "GIF", save_all=True, append_images=reduced[1:], duration=durations, loop=0, optimize=False)
    return buffer.getvalue()
