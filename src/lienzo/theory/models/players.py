"""GANs on points instead of pictures, trained by lienzo's own networks, objectives and game.

A point of one dimension is a picture of one grey pixel, a point of three dimensions one of a coloured pixel. Values lie
in (−1, 1), as everywhere in lienzo.
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
    """Return a game of a new generator and a new discriminator, both trained by Adam.

    Args:
        net: configuration of the pair of networks.
        shape: shape of the pictures.
        objective: the losses of both.
        seed: seed from which their weights are drawn.
        regularisation: gradient penalties of the discriminator, by default none.
        rate: learning rate of both.
        betas: β₁ and β₂ of Adam.
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
    """Return a game of two given networks, both trained by Adam; the other arguments are those of :func:`game`."""
    return Game(generator, discriminator, objective, adam(generator, rate, betas), adam(discriminator, rate, betas),
                regularisation or Regularisation())  # fmt: skip


def adam(network: nn.Module, rate: float, betas: tuple[float, float]) -> Adam:
    """Return Adam for all of a network's weights."""
    return Adam(network.parameters(), rate, betas)


@contextmanager
def weights_from(seed: int) -> Iterator[None]:
    """Seed PyTorch for networks that are made within the block, and restore its random state afterwards."""
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
    """Return points (N,) or (N, d) as pictures (N, C, H, W) of float32, with d = C · H · W."""
    return torch.from_numpy(points.astype(np.float32)).view(-1, shape.channels, shape.height, shape.width)


def latents(at: Array) -> Tensor:
    """Return the quantiles of N(0, 1) at levels (N,) as latents (N, 1)."""
    return torch.from_numpy(ndtri(at).astype(np.float32))[:, None]


@torch.no_grad()
def logits(discriminator: nn.Module, points: Array) -> Array:
    """Return the discriminator's logits (N,) at points (N,) of one dimension."""
    answers: Tensor = discriminator(pictures(points))
    return answers.double().numpy()


@torch.no_grad()
def pushed_forward(generator: nn.Module, cells: Cells, count: int = 40_000) -> Array:
    """Return log p_g at the cells' midpoints, (cells,), for a generator of one latent and one pixel.

    The density is the share of the generator's outputs in each cell, for ``count`` quantiles of N(0, 1) as latents.
    """
    points = generator(latents(levels(count))).flatten().double().numpy()
    shares, _ = np.histogram(points, bins=np.linspace(cells.low, cells.high, cells.count + 1))
    with np.errstate(divide="ignore"):
        return np.log(shares / (count * cells.width))
