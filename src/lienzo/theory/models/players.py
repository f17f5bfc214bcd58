"""Games on densities: the networks, the objectives and the loop that paint, on pictures of one pixel.

A point of the line is a picture of one grey pixel, a point of space one pixel of three colours. Values lie in (−1, 1),
as everywhere in lienzo.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor, nn

from lienzo import seeds
from lienzo.networks.configurations import Network
from lienzo.networks.shape import Shape
from lienzo.recipe.objectives import Objective, Regularisation
from lienzo.theory.models.laws import Array, Cells, levels
from lienzo.training.game import Game
from lienzo.training.optimizers import Adam, Optimizer

LINE = Shape(height=1, width=1, channels=1)
PLANE = Shape(height=1, width=2, channels=1)
SPACE = Shape(height=1, width=1, channels=3)


def game(
    net: Network,
    shape: Shape,
    objective: Objective,
    seed: int,
    *,
    regularisation: Regularisation | None = None,
    rate: float = 1e-3,
    betas: tuple[float, float] = (0.5, 0.99),
) -> Game:
    """Return a game of two fresh networks, both learning by Adam.

    Args:
        net: configuration of the pair.
        shape: of the pictures.
        objective: what the players want.
        seed: of their weights.
        regularisation: of the discriminator, by default none.
        rate: learning rate of both.
        betas: Adam's.
    """
    with weights_from(seed):
        pair = net.generator(shape), net.discriminator(shape)
    return game_of(*pair, objective, regularisation=regularisation, rate=rate, betas=betas)


def game_of(
    generator: nn.Module,
    discriminator: nn.Module,
    objective: Objective,
    *,
    regularisation: Regularisation | None = None,
    rate: float = 1e-3,
    betas: tuple[float, float] = (0.5, 0.99),
) -> Game:
    """Return a game of two networks that are given, both learning by Adam; the rest as in :func:`game`."""
    return Game(generator, discriminator, objective, adam(generator, rate, betas), adam(discriminator, rate, betas),
                regularisation or Regularisation())  # fmt: skip


def adam(network: nn.Module, rate: float, betas: tuple[float, float]) -> Adam:
    """Return Adam for all of a network's weights."""
    return Adam(network.parameters(), rate, betas)


@contextmanager
def weights_from(seed: int) -> Iterator[None]:
    """Let networks made inside draw their weights from ``seed``, and leave PyTorch's own randomness as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds.derive(seed, "theory/weights"))
        yield


def cool(game: Game, rate: float, done: float) -> None:
    """Set both learning rates to ``rate`` · ½(1 + cos π·done), which falls to 0 as ``done`` goes from 0 to 1."""
    for optimizer in (game.generator_optimizer, game.discriminator_optimizer):
        set_rate(optimizer, rate, done)


def set_rate(optimizer: Optimizer, rate: float, done: float) -> None:
    """Set the rate of one optimiser to ``rate`` · ½(1 + cos π·done)."""
    assert isinstance(optimizer, Adam)
    optimizer.set_rate(rate * 0.5 * (1 + np.cos(np.pi * done)))


def pictures(points: Array, shape: Shape = LINE) -> Tensor:
    """Return points (N,) of the line, or (N, d), as pictures (N, C, H, W) in float32."""
    return torch.from_numpy(points.astype(np.float32)).view(-1, shape.channels, shape.height, shape.width)


def latents(at: Array) -> Tensor:
    """Return the quantiles of N(0, 1) at levels (N,) as latents (N, 1)."""
    return torch.from_numpy(ndtri(at).astype(np.float32))[:, None]


@torch.no_grad()
def logits(discriminator: nn.Module, points: Array) -> Array:
    """Return the discriminator's logits (N,) at points (N,) of the line."""
    answers: Tensor = discriminator(pictures(points))
    return answers.double().numpy()


@torch.no_grad()
def pushed_forward(generator: nn.Module, cells: Cells, count: int = 40_000) -> Array:
    """Return log p_g at the cells' midpoints, for a generator from one latent to the line.

    The latents are ``count`` quantiles of N(0, 1); the density is the share of them that falls into each cell.
    """
    points = generator(latents(levels(count))).flatten().double().numpy()
    shares, _ = np.histogram(points, bins=np.linspace(cells.low, cells.high, cells.count + 1))
    with np.errstate(divide="ignore"):
        return np.log(shares / (count * cells.width))
