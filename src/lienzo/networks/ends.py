"""The first layer of a generator and the last of a discriminator, where features have height and width no more."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from lienzo.compute.devices import memory_format


class Projection(nn.Module):
    """The transposed convolution of a single pixel, from (N, inputs) to (N, outputs, H, W), as a matrix product.

    The weights are those of ``nn.ConvTranspose2d``, which takes several times as long on a CPU. The result is
    channels-last in memory, so that nothing is copied (except on MPS, see
    :func:`lienzo.compute.devices.memory_format`).
    """

    def __init__(self, inputs: int, outputs: int, height: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs, height, width))

    def forward(self, z: Tensor) -> Tensor:
        """Return (N, outputs, H, W)."""
        outputs, height, width = self.weight.shape[1:]
        features = (z @ self.weight.permute(0, 2, 3, 1).flatten(1)).view(-1, height, width, outputs)
        return features.permute(0, 3, 1, 2).contiguous(memory_format=memory_format(z.device))


class Readout(nn.Module):
    """The convolution whose kernel covers its whole input, from (N, C, H, W) to (N, outputs), as a matrix product.

    The weights are those of ``nn.Conv2d``, which takes several times as long on a CPU. Channels-last input is not
    copied.
    """

    def __init__(self, inputs: int, height: int, width: int, outputs: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, height, width))

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, outputs)."""
        return linear(features.permute(0, 2, 3, 1).flatten(1), self.weight.permute(0, 2, 3, 1).flatten(1))
