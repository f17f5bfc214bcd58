"""How much faster the second discriminator's gradient is than that of PyTorch's operations as they come, on a CPU.

The gradient through a depthwise convolution with stride 2 is taken in float32, and ReLU6 is no clamp. In turn, in one
process: the generator's loss and its gradient with respect to 16 pictures, as lienzo computes them and with
``clamp`` and convolutions in the precision of all others. It needs ``pip install 'lienzo[pretrained]'``.

    python benchmarks/features.py [--turns 10] [--size 64]
"""

import argparse
import statistics
import time
from unittest.mock import patch

import torch
from torch import Tensor
from torch.nn import functional

from lienzo.metrics import folded
from lienzo.networks.shape import Shape
from lienzo.recipe.pretrained import Pretrained
from lienzo.training.feature_discriminator import FeatureDiscriminator

BATCH = 16


def as_they_come(convolution: folded.Convolution, x: Tensor, padding: tuple[int, int]) -> Tensor:
    """Return the convolution in the precision that autocast chooses."""
    weight, bias, stride, groups = convolution.weight, convolution.bias, convolution.stride, convolution.groups
    return functional.conv2d(x, weight, bias, stride, padding, 1, groups)


def seconds(judge: FeatureDiscriminator, images: Tensor, dtype: torch.dtype) -> float:
    """Return how long one loss and its gradient take."""
    begun = time.perf_counter()
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        loss = judge.generator_loss(images)
    torch.autograd.grad(loss, images)
    return time.perf_counter() - begun


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--turns", type=int, default=10)
    words.add_argument("--size", type=int, default=64)
    given = words.parse_args()
    judge = FeatureDiscriminator(Pretrained(weight=1.0, channels=64), Shape(given.size, given.size, 3))
    judge = judge.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = torch.rand(BATCH, 3, given.size, given.size) * 2 - 1
    images = images.contiguous(memory_format=torch.channels_last).requires_grad_()
    print("| precision | ms for a picture | as they come | times as fast |\n|---|---|---|---|")
    for dtype in (torch.float32, torch.bfloat16):
        ours, theirs = [], []
        for _ in range(given.turns + 1):  # the first warms up
            ours.append(seconds(judge, images, dtype))
            clamped = patch.object(functional, "relu6", lambda x: x.clamp(0, 6))
            with clamped, patch.object(folded, "_convolved", as_they_come):
                theirs.append(seconds(judge, images, dtype))
        mine, other = (1000 / BATCH * statistics.median(times[1:]) for times in (ours, theirs))
        print(f"| {str(dtype).removeprefix('torch.')} | {mine:.2f} | {other:.2f} | {other / mine:.1f} |", flush=True)


if __name__ == "__main__":
    main()
