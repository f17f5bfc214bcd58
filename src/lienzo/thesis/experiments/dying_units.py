"""LeakyReLU against ReLU in the discriminator of the game: how many units die at which rate of learning?

A unit, one channel of an activation, is dead if what goes into it is negative for all pictures of a set and at all
places. With ReLU its output and its gradient are then zero, and it cannot come back. With LeakyReLU a fifth of the
gradient is left. Batch normalisation, which sets the mean of each channel, hardly lets a unit die: every network is
trained with it and without.
"""

import itertools
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from statistics import mean, stdev

import torch
from torch import Tensor, nn

from lienzo import seeds
from lienzo.compute import machine
from lienzo.compute.threads import one_thread
from lienzo.networks.configurations import DCGAN
from lienzo.networks.shape import Shape
from lienzo.recipe.objectives import NonSaturating
from lienzo.theory.finding import Drawing
from lienzo.thesis import kept
from lienzo.thesis.edition import Edition
from lienzo.thesis.experiments.manners import painted
from lienzo.thesis.kept import Kept, KeptTable
from lienzo.training.game import Game, StepInputs
from lienzo.training.optimizers import Adam

SIDE, WIDTH, BATCH, STEPS = 16, 16, 64, 150
SEEDS = (0, 1, 2)
RATES = (0.0002, 0.002, 0.02)
PICTURES = 512
"""Pictures to train on; the dead units are counted on them, and on as many generated ones."""


def result(_folder: Path, _edition: Edition) -> Generator[str, None, tuple[Kept, Sequence[Drawing]]]:
    """Play the game with each activation, normalisation, rate and seed, and count the discriminator's dead units."""
    began = time.monotonic()
    rows: list[tuple[str | float, ...]] = []
    for norm, rate in itertools.product(("none", "batch"), RATES):
        cells = []
        for activation in ("relu", "leaky-relu"):
            yield f"{activation}, normalisation {norm}, rate {rate:g}"
            network = DCGAN(width=WIDTH, discriminator_norm=norm, discriminator_activation=activation)  # type: ignore[arg-type]
            shares = [dead_share(network, rate, seed) for seed in SEEDS]
            cells.append(f"{mean(shares):.3f} ± {stdev(shares):.3f}")
        rows.append(({"none": "none", "batch": "batch normalisation"}[norm], rate, *cells))
    headers = ("normalisation of D", "rate", "dead with ReLU", "dead with LeakyReLU")
    found = Kept(
        title="Dying units",
        command="lienzo thesis convolutions --again",
        processor=f"{machine.processor()}, one thread",
        date=kept.today(),
        seeds=SEEDS,
        seconds=round(time.monotonic() - began, 1),
        tables=(KeptTable("Share of the discriminator's units that are dead", headers, tuple(rows)),),
    )
    return found, ()


@one_thread()
def dead_share(network: DCGAN, rate: float, seed: int) -> float:
    """Return the share of the discriminator's units that are dead after playing the game at a rate."""
    real, _ = painted(PICTURES, SIDE, seed)
    torch.manual_seed(seeds.derive(seed, "thesis/dying-units"))
    shape = Shape(SIDE, SIDE, 3)
    generator, discriminator = network.generator(shape), network.discriminator(shape)
    game = Game(
        generator,
        discriminator,
        NonSaturating(real_label=0.9, generator_label=0.9),
        Adam(generator.parameters(), rate, (0.5, 0.999)),
        Adam(discriminator.parameters(), rate, (0.5, 0.999)),
    )
    for _ in range(STEPS):
        chosen = torch.randint(PICTURES, (1, BATCH))
        game.step(StepInputs(real[chosen], torch.randn(1, BATCH, network.latents)), watched=False)
    with torch.no_grad():
        fake = generator(torch.randn(PICTURES, network.latents))
    return dead(discriminator, real, fake)


@torch.no_grad()
def dead(discriminator: nn.Module, *sets: Tensor) -> float:
    """Return the share of units into which only negative numbers go, for sets of pictures (N, 3, H, W) together.

    The discriminator stays in training mode, in which it sees each set as a batch, as in the game.
    """
    largest: dict[nn.Module, Tensor] = {}

    def watch(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen = inputs[0].amax((0, 2, 3))
        largest[layer] = torch.maximum(largest[layer], seen) if layer in largest else seen

    activations = [layer for layer in discriminator.modules() if isinstance(layer, nn.ReLU | nn.LeakyReLU)]
    hooks = [layer.register_forward_pre_hook(watch) for layer in activations]
    for pictures in sets:
        discriminator(pictures)
    for hook in hooks:
        hook.remove()
    return float((torch.cat([*largest.values()]) <= 0).float().mean())
