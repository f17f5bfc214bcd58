"""How well the units of a layer agree with concepts, by intersection over union (Bau et al. 2017, arXiv 1704.05796).

A unit says "here" where its activation, brought to the masks' size, is above a threshold. For each unit and concept the
threshold is the quantile of :data:`TOPS` that agrees best on the first half of the pictures, and what is reported was
measured on the other half. (The paper takes one quantile, 0.005, which no concept of more than a two hundredth of all
pixels can agree with. Bau et al. 2019 choose a threshold for each pair too, by mutual information.)
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from lienzo import seeds
from lienzo.explore.concepts import Masks, reduced_size
from lienzo.generation.generation import CHUNK, Generator
from lienzo.generation.units import Layer, watching

Floats = NDArray[np.float32]

TOPS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Shares of a unit's activations that may count as high."""

HIGH = 0.99
"""The quantile of its activations at which a unit is held to switch it on."""

SAMPLE = 16_384
"""Activations of each unit, at most, that quantiles are taken of."""


@dataclass(frozen=True)
class Agreement:
    """The units of one layer, and what they agree with."""

    layer: Layer
    """The layer."""
    thresholds: Floats
    """(units, concepts), above which a unit counts as active."""
    iou: Floats
    """(units, concepts), in [0, 1]."""
    auc: Floats
    """(units, labels): the chance that a unit is more active in a picture of the label than in another; 0.5 is none."""
    level: Floats
    """(units,), mean activation."""
    high: Floats
    """(units,), quantile of :data:`HIGH` of the activations."""

    def best(self, concept: int, count: int) -> tuple[int, ...]:
        """Return the units that agree best with a concept, given by its position."""
        return tuple(np.argsort(-self.iou[:, concept], kind="stable")[:count].tolist())


def maps_of(generator: Generator, layer: Layer, z: Floats, y: Floats) -> Tensor:
    """Return what a layer gives for latents (n, latents) and labels (n, classes): (n, units, height, width).

    Maps that are larger than masks are brought to their size by means.
    """
    height, width = reduced_size(generator.height, generator.width)
    parts = []
    for start in range(0, len(z), CHUNK):
        with watching(generator.module, layer) as seen:
            generator.paint(z[start : start + CHUNK], y[start : start + CHUNK])
        part = seen[0][: len(z) - start].float().cpu()
        if layer.height > height or layer.width > width:
            part = adaptive_avg_pool2d(part, (min(layer.height, height), min(layer.width, width)))
        parts.append(part)
    return torch.cat(parts)


def agreement(layer: Layer, maps: Tensor, masks: Masks, shows: NDArray[np.bool_]) -> Agreement:
    """Compare the units of a layer with concepts and labels.

    Args:
        layer: the layer.
        maps: (n, units, h, w), what it gives for n pictures.
        masks: (n, concepts, height, width), where the pictures show each concept.
        shows: (n, labels), which pictures show each label as a whole.
    """
    half, exact = len(maps) // 2, torch.from_numpy(masks)
    tops, high = _quantiles(maps[:half])
    fitted, measured = overlaps(maps[:half], exact[:half], tops), overlaps(maps[half:], exact[half:], tops)
    best = fitted.argmax(0)  # (units, concepts)
    return Agreement(
        layer,
        thresholds=tops.T.gather(1, best).numpy(),
        iou=measured.gather(0, best[None])[0].numpy(),
        auc=auc(maps.mean((2, 3)).numpy(), shows),
        level=maps.mean((0, 2, 3)).numpy(),
        high=high.numpy(),
    )


def _quantiles(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Return the quantiles of each unit's activations (n, units, h, w): of TOPS (tops, units), and of HIGH (units,)."""
    values = maps.permute(1, 0, 2, 3).flatten(1)
    if values.shape[1] > SAMPLE:
        chosen = seeds.numpy_generator(0, "dissection/quantiles").choice(values.shape[1], SAMPLE, replace=False)
        values = values[:, torch.from_numpy(chosen)]
    shares, last = [*(1 - top for top in TOPS), HIGH], values.shape[1] - 1
    found = values.sort(1).values[:, [round(share * last) for share in shares]].T
    return found[:-1], found[-1]


def overlaps(maps: Tensor, masks: Tensor, thresholds: Tensor) -> Tensor:
    """Return the IoU (thresholds, units, concepts) of active units with concepts, over all pictures together.

    Args:
        maps: (n, units, h, w).
        masks: (n, concepts, height, width), bool.
        thresholds: (thresholds, units).
    """
    units, concepts = maps.shape[1], masks.shape[1]
    both = torch.zeros(len(thresholds), units, concepts)
    active, shown = torch.zeros(len(thresholds), units), torch.zeros(concepts)
    for start in range(0, len(maps), CHUNK):
        part, exact = maps[start : start + CHUNK], masks[start : start + CHUNK]
        larger = interpolate(part, size=masks.shape[2:], mode="bilinear", align_corners=False)
        larger = larger.permute(1, 0, 2, 3).flatten(1)  # (units, pixels)
        there = exact.permute(1, 0, 2, 3).flatten(1).float()  # (concepts, pixels)
        shown += there.sum(1)
        for number, threshold in enumerate(thresholds):
            here = (larger > threshold[:, None]).float()
            both[number] += here @ there.T
            active[number] += here.sum(1)
    return both / (active[:, :, None] + shown - both).clamp(min=1)


def auc(values: Floats, shows: NDArray[np.bool_]) -> Floats:
    """Return how well values (n, units) tell pictures with a label (n, labels) from those without: (units, labels).

    It is the area under the ROC curve, the chance that a picture with the label has the larger value; equal values
    count as half. It is 0.5 where all pictures show a label, or none does.
    """
    ranks = _ranks(values)
    positive = shows.sum(0)
    pairs = positive * (len(shows) - positive)
    sums = ranks.T @ shows.astype(np.float64)
    above = sums - positive * (positive + 1) / 2
    return np.where(pairs > 0, above / np.maximum(pairs, 1), 0.5).astype(np.float32)


def _ranks(values: Floats) -> NDArray[np.float64]:
    """Return the rank, from 1 on, of each value in its column (n, units); equal ones share their mean rank."""
    ranks = np.empty(values.shape)
    for column, ranked in zip(values.T, ranks.T, strict=True):
        _, place, counts = np.unique(column, return_inverse=True, return_counts=True)
        last = counts.cumsum()
        ranked[:] = (last - (counts - 1) / 2)[place]
    return ranks
