"""KID measured during training, on a thousand generated pictures, which is cheap enough to be done often."""

import logging
import time

import numpy as np
import torch
from torch import nn

from lienzo.collection.collection import Collection
from lienzo.collection.vocabulary import Vocabulary
from lienzo.errors import RecipeError
from lienzo.generation.generation import CHUNK, drawn_labels, latents, render
from lienzo.metrics import detectors
from lienzo.metrics.estimate import Estimate
from lienzo.metrics.kernel import FEWEST, kid
from lienzo.recipe.recipe import Recipe
from lienzo.seeds import numpy_generator

ENOUGH = 50
"""Real pictures below which a warning says that KID tells little."""

SAMPLES = 1_000
"""Number of pictures on either side. `lienzo evaluate` takes more, for numbers to publish."""

log = logging.getLogger("lienzo")


def refuse_too_few(recipe: Recipe, collection: Collection) -> None:
    """Refuse to measure KID against fewer pictures than it needs.

    Raises:
        RecipeError: the recipe measures it, and the collection has fewer.
    """
    if recipe.evaluate_every and max(len(collection.rows(part)) for part in ("train", "holdout")) < FEWEST:
        raise RecipeError(
            f"{collection.path} has fewer than {FEWEST} pictures, which KID needs at least: leave evaluate_every at 0."
        )


class KIDMonitor:
    """Measures KID against real pictures: held-out ones where the collection has them, else those to train on.

    There are `SAMPLES` generated pictures, and at most as many real ones. The time that the features of the real ones
    took is the first estimate of the time of a measurement.
    """

    seconds: float
    """Duration of the last measurement, in seconds."""

    def __init__(self, collection: Collection, device: torch.device) -> None:
        held = collection.rows("holdout")
        rows = held if len(held) >= FEWEST else collection.rows("train")
        chosen = numpy_generator(0, "judge").permutation(len(rows))[:SAMPLES]
        log.info("Taking the features of %s real pictures, which KID will be measured by.", f"{len(chosen):,}")
        if len(chosen) < ENOUGH:
            log.warning(
                "With so few real pictures KID has a large error, and hardly tells one generator from another: hold "
                "out %s or more when you prepare, or none, so that KID is measured by the training pictures.", ENOUGH,
            )  # fmt: skip
        begun = time.perf_counter()
        self.device = device
        self.detector = detectors.load("lite0", device)
        self.real = detectors.features(self.detector, collection.take(np.sort(rows[chosen])))
        self.seconds = time.perf_counter() - begun

    def kid(self, module: nn.Module, dimension: int, vocabulary: Vocabulary | None = None) -> Estimate:
        """Return the KID of a generator in evaluation mode, with ``dimension`` latents, and its standard error.

        A conditional generator makes each label of its ``vocabulary`` as often as it is among the training pictures.
        """
        begun, pixels = time.perf_counter(), []
        for start in range(0, SAMPLES, CHUNK):
            seeds = range(start, start + CHUNK)
            z = torch.stack([latents(dimension, seed) for seed in seeds]).to(self.device)
            pixels.append(render(module, z, drawn_labels(vocabulary, seeds, self.device)))
        score = kid(self.real, detectors.features(self.detector, np.concatenate(pixels)[:SAMPLES]))
        self.seconds = time.perf_counter() - begun
        return score
