"""Stride and pooling on the same task: which of the painter's six manners has a picture?

Both classifiers are lienzo's discriminator with six outputs. One halves the size by 4×4 convolutions of stride 2, the
other by 3×3 convolutions and max pooling. Their widths are chosen so that both have almost equally many parameters.
"""

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lienzo import seeds
from lienzo.compute import machine
from lienzo.compute.threads import one_thread
from lienzo.networks.configurations import DCGAN
from lienzo.networks.dcgan import Discriminator
from lienzo.networks.layers import layers
from lienzo.networks.shape import Shape
from lienzo.painter.manners import MANNERS
from lienzo.theory.finding import Drawing
from lienzo.thesis import kept
from lienzo.thesis.edition import Edition
from lienzo.thesis.experiments.manners import painted
from lienzo.thesis.kept import Kept, KeptTable
from lienzo.training.optimizers import Adam

SIDE, BATCH, RATE = 32, 32, 0.001
SEEDS = (0, 1, 2)
TRAINING, TEST = (6, 12, 24), 600
"""Numbers of pictures to learn from, and of others to be tested on."""
STEPS = 80
"""Updates of each classifier."""

CLASSIFIERS: dict[str, DCGAN] = {
    "4×4 convolutions, stride 2": DCGAN(width=13),
    "3×3 convolutions, max pooling": DCGAN(width=17, pooling=True),
}
"""Name -> the configuration whose discriminator classifies."""


@dataclass(frozen=True)
class Trial:
    """What came of one training."""

    accuracy: float
    """Share of the test pictures whose manner was found."""
    seconds: float
    """Of training."""


def result(_folder: Path, _edition: Edition) -> Generator[str, None, tuple[Kept, Sequence[Drawing]]]:
    """Train both classifiers on several numbers of pictures with each seed, and compare what they find."""
    began = time.monotonic()
    trials: dict[tuple[str, int], list[Trial]] = {}
    for seed in SEEDS:
        yield f"seed {seed}"
        pictures, manners = painted(max(TRAINING) + TEST, SIDE, seed)
        for name, network in CLASSIFIERS.items():
            for count in TRAINING:
                chosen = [*range(count), *range(len(pictures) - TEST, len(pictures))]
                trial = classified(network, pictures[chosen], manners[chosen], seed)
                trials.setdefault((name, count), []).append(trial)
    rows = [
        (
            name,
            *_sizes(network),
            count,
            f"{mean(trial.accuracy for trial in trials[name, count]):.3f} ± "
            f"{stdev(trial.accuracy for trial in trials[name, count]):.3f}",
            round(mean(trial.seconds for trial in trials[name, count]), 2),
        )
        for name, network in CLASSIFIERS.items()
        for count in TRAINING
    ]
    headers = ("classifier", "parameters", "multiply-adds", "pictures", "accuracy", "seconds")
    found = Kept(
        title="Stride and pooling on the same task",
        command="lienzo thesis convolutions --again",
        processor=f"{machine.processor()}, one thread",
        date=kept.today(),
        seeds=SEEDS,
        seconds=round(time.monotonic() - began, 1),
        tables=(
            KeptTable("The painter's six manners: share found, mean and deviation of the seeds", headers, tuple(rows)),
        ),
    )
    return found, ()


@one_thread()
def classified(network: DCGAN, pictures: Tensor, manners: Tensor, seed: int) -> Trial:
    """Train a classifier on all pictures (N, 3, H, W) but the last ``TEST``, and test it on those."""
    torch.manual_seed(seeds.derive(seed, "thesis/downsampling"))
    classifier = _classifier(network)
    optimizer = Adam(classifier.parameters(), RATE, (0.9, 0.999))
    count = len(pictures) - TEST
    began = time.process_time()
    for _ in range(STEPS):
        chosen = torch.randint(count, (BATCH,))
        optimizer.zero_grad()
        torch.autograd.backward(cross_entropy(classifier(pictures[chosen]), manners[chosen]))
        optimizer.step()
    seconds = time.process_time() - began
    with torch.no_grad():
        answers = classifier.eval()(pictures[count:]).argmax(1)
    return Trial(float((answers == manners[count:]).float().mean()), seconds)


def _classifier(network: DCGAN) -> nn.Module:
    """Return the layers of a discriminator with an output for each manner."""
    return Discriminator(network, Shape(SIDE, SIDE, 3), outputs=len(MANNERS)).layers


def _sizes(network: DCGAN) -> tuple[int, int]:
    """Return the number of parameters, and of multiply-adds for one picture."""
    found = layers(_classifier(network), torch.zeros(1, 3, SIDE, SIDE))
    return sum(layer.parameters for layer in found), sum(layer.multiply_adds for layer in found)
