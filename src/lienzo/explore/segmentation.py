"""A segmenter: a small network that finds the parts of the painter's pictures, such as a sun or a sail.

No one knows exactly where the sun is in a generated picture. But the painter knows it of its own (Bau et al. 2019 took
a segmenter that others had trained on photographs). A network learns from pictures with exact masks, and is tried on
others that it has not seen, so that it is known how far its masks of generated pictures can be trusted.
"""

import itertools
from collections.abc import Generator, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor, nn
from torch.nn.functional import interpolate

from lienzo.evaluation.scores import EvaluationProgress
from lienzo.explore.concepts import Colours, Masks
from lienzo.painter.manners import MANNERS, PARTS, paint_with_parts
from lienzo.seeds import derive, numpy_generator

Floats = NDArray[np.float32]

TRAINING, HELD_OUT = 60, 20
"""Pictures of each manner that it learns from, and pictures that it is tried on."""

STEPS, BATCH, RATE = 400, 24, 4e-3
"""Of its training by Adam; the rate falls to 0 as a cosine."""

SEED = 7_001
"""Of its pictures and of everything random; collections that the demo paints have others."""

CHUNK = 64
"""Pictures that it looks at together."""

WIDTHS = (12, 24, 36, 48)
"""Channels at the pictures' size, at half of it, and so on."""


class Segmenter(nn.Module):
    """A network from pictures (N, 3, H, W) in [0, 1] to logits (N, parts, H, W): down by halves, and up again."""

    def __init__(self, parts: int) -> None:
        super().__init__()
        self.enter = _layer(3, WIDTHS[0])
        self.down = nn.ModuleList(_layer(a, b, 2) for a, b in itertools.pairwise(WIDTHS))
        self.up = nn.ModuleList(_layer(a + b, b) for a, b in itertools.pairwise(WIDTHS[::-1]))
        self.leave = nn.Conv2d(WIDTHS[0], parts, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (N, parts, H, W)."""
        features = self.enter(2 * images - 1)
        beside = [features]
        for layer in self.down:
            features = layer(features)
            beside.append(features)
        features = features + features.mean((2, 3), keepdim=True)  # what the whole picture is like
        for layer, skipped in zip(self.up, beside[-2::-1], strict=True):
            larger = interpolate(features, size=skipped.shape[2:], mode="nearest")
            features = layer(torch.cat([larger, skipped], 1))
        logits: Tensor = self.leave(features)
        return logits


def _layer(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.GroupNorm(4, outputs), nn.LeakyReLU(0.1))


@dataclass(frozen=True)
class Segmentation:
    """A trained segmenter, and how good it is."""

    network: Segmenter
    """In evaluation mode."""
    names: tuple[str, ...]
    """The parts that it finds."""
    quality: tuple[float, ...]
    """For each the IoU of its masks with the exact ones, on pictures that it did not learn from."""

    @torch.no_grad()
    def masks(self, colours: Colours) -> Masks:
        """Return where each part is, (n, parts, height, width): every pixel belongs to one.

        Args:
            colours: (n, height, width, 3) in [0, 1].
        """
        images = torch.from_numpy(np.ascontiguousarray(colours.transpose(0, 3, 1, 2))).float()
        largest = torch.cat([self.network(images[at : at + CHUNK]).argmax(1) for at in range(0, len(images), CHUNK)])
        return np.asarray(one_hot(largest.numpy(), len(self.names)))


def one_hot(largest: NDArray[np.int64], parts: int) -> Masks:
    """Return the masks (n, parts, height, width) of the number of the part (n, height, width) that each pixel has."""
    return np.asarray(largest[:, None] == np.arange(parts)[:, None, None])


def examples(numbers: Iterable[int], height: int, width: int) -> tuple[Floats, Floats]:
    """Return pictures of every manner with the truth about them.

    Args:
        numbers: which of its pictures.
        height: of the pictures, cut to shape around their middle.
        width: of the pictures.

    Returns:
        Pictures (n, height, width, 3) in [0, 1], and how much of each pixel every part covers, (n, parts, height,
        width).
    """
    pictures, coverages = [], []
    for number in numbers:
        for manner in MANNERS:
            picture, parts = paint_with_parts(manner, SEED, number)
            pictures.append(np.asarray(_fitted(picture, height, width), np.float32) / 255)
            coverage = np.zeros((len(PARTS), height, width), np.float32)
            for name, part in parts.items():
                coverage[PARTS.index(name)] = np.asarray(_fitted(Image.fromarray(part), height, width))
            coverages.append(coverage)
    return np.stack(pictures), np.stack(coverages)


def _fitted(image: Image.Image, height: int, width: int) -> Image.Image:
    return ImageOps.fit(image, (width, height), Image.Resampling.BOX)


def trained(
    height: int, width: int, *, training: int = TRAINING, steps: int = STEPS
) -> Generator[EvaluationProgress, None, Segmentation]:
    """Train a segmenter for pictures of one size, and yield how far it has come.

    Args:
        height: of the pictures.
        width: of the pictures.
        training: pictures of each manner that it learns from.
        steps: of the optimiser.
    """
    yield EvaluationProgress("painting pictures with masks", 0, training + HELD_OUT)
    shown, covered = (torch.from_numpy(part) for part in examples(range(training), height, width))
    yield EvaluationProgress("painting pictures with masks", training, training + HELD_OUT)
    images, weights = shown.permute(0, 3, 1, 2).contiguous(), _weights(covered)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(SEED, "segmenter"))
        network = Segmenter(len(PARTS))
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        optimizer.zero_grad()
        _loss(network, images, weights * covered, step).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        if step % 20 == 0:
            yield EvaluationProgress("learning masks", step, steps)
    network.eval().requires_grad_(False)
    found = Segmentation(network, PARTS, (0.0,) * len(PARTS))
    pictures, truth = examples(range(training, training + HELD_OUT), height, width)
    quality = iou(found.masks(pictures.astype(np.float64)), one_hot(truth.argmax(1), len(PARTS)))
    yield EvaluationProgress("learning masks", steps, steps)
    return Segmentation(network, PARTS, tuple(quality.tolist()))


def _weights(covered: Tensor) -> Tensor:
    """Return how much each part counts, (parts, 1, 1): a rare one more, by the root of its share of all pixels."""
    share = covered.mean((0, 2, 3))
    weights = share.clamp(min=1e-4).rsqrt()
    return (weights / (share * weights).sum())[:, None, None]


def _loss(network: Segmenter, images: Tensor, covered: Tensor, step: int) -> Tensor:
    """Return the cross-entropy with the parts' weighted shares of each pixel, on a batch turned, toned and blurred.

    Generated pictures are softer than painted ones, and their colours wander.
    """
    chance = numpy_generator(SEED, "segmenter/batch", step)
    rows = torch.from_numpy(chance.integers(len(images), size=BATCH))
    batch, wanted = images[rows], covered[rows]
    if chance.random() < 0.5:
        batch, wanted = batch.flip(3), wanted.flip(3)
    if chance.random() < 0.5:
        height, width = batch.shape[2:]
        half = interpolate(batch, size=((height + 1) // 2, (width + 1) // 2), mode="bilinear", antialias=True)
        batch = interpolate(half, size=(height, width), mode="bilinear")
    tone = torch.from_numpy(chance.normal(0, 0.05, (BATCH, 3, 1, 1)).astype(np.float32))
    noise = torch.from_numpy(chance.normal(0, 0.03, batch.shape).astype(np.float32))
    logits = network(batch + tone + noise)
    loss: Tensor = -(wanted * logits.log_softmax(1)).sum(1).mean()
    return loss


def iou(found: Masks, exact: Masks) -> NDArray[np.float64]:
    """Return intersection over union of masks (n, concepts, height, width), over all pictures together; (concepts,)."""
    both, either = (found & exact).sum((0, 2, 3)), (found | exact).sum((0, 2, 3))
    return np.asarray(both / np.maximum(either, 1))
