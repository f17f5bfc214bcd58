"""4×4 kernels with stride 2 that are computed from 3×3 weights, and make no checkerboard.

A transposed convolution with stride 2 computes the four pixels of each 2×2 block by four kernels of 2×2 weights that
have nothing in common. Whatever differs between the four shows in the picture as a checkerboard. The nearest pixel
repeated, followed by a 3×3 convolution, has no such pattern. It is the same as a transposed convolution whose 4×4
kernel is the sum of the 3×3 weights at four places, each a pixel apart ("upscale2d_conv2d" in the code of Karras et al.
2018). In the same way a 3×3 convolution followed by the mean of each 2×2 block is a convolution with stride 2.

In texture the four still differ: ReLU behind them has another mean at even pixels than at odd ones. A layer that
smooths what it makes (:mod:`lienzo.networks.kernels.strided`) is a 3×3 convolution of bilinearly enlarged features, in
which they hardly do.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.nn.utils.parametrize import register_parametrization

SCALE = 2 / 3
"""Factor of the sum. The 4×4 kernel of independent weights has then the mean square of these weights, so that learning
rates and first weights mean what they mean for kernels that are not tied."""


class TiedKernel(nn.Module):
    """The sum of 3×3 weights at the four places of a 4×4 kernel, times ``SCALE``."""

    def forward(self, weight: Tensor) -> Tensor:
        """Return the kernels (O, C, 4, 4) of weights (O, C, 3, 3)."""
        rows = pad(weight, (0, 0, 0, 1)) + pad(weight, (0, 0, 1, 0))
        return SCALE * (pad(rows, (0, 1)) + pad(rows, (1, 0)))

    def right_inverse(self, kernel: Tensor) -> Tensor:
        """Return first weights (O, C, 3, 3) for a layer of 4×4 kernels: the kernels without last row and column."""
        return kernel[..., :3, :3].clone(memory_format=torch.contiguous_format)


def tie(layer: nn.Conv2d | nn.ConvTranspose2d) -> None:
    """Compute the 4×4 kernels of this layer from 3×3 weights from now on, drawn as its kernels were."""
    register_parametrization(layer, "weight", TiedKernel(), unsafe=True)  # the shape differs on purpose
