"""The laws that a network's first weights are drawn from."""

import math
from collections.abc import Callable

from torch import nn

from lienzo.networks.ends import Projection, Readout


def _normal(module: nn.Module) -> None:
    """Draw weights of mean 0, and scales of batch normalisation of mean 1, with a deviation of 0.02: the thesis's."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | Projection | Readout):
        nn.init.normal_(module.weight, 0.0, 0.02)
    _begin_the_rest(module)


def _uniform(module: nn.Module) -> None:
    """Draw the weights that PyTorch's layers have drawn already, uniform, where it has no layer."""
    if isinstance(module, Projection | Readout):
        nn.init.kaiming_uniform_(module.weight, math.sqrt(5))  # as the convolutions that they stand for


def _he(module: nn.Module) -> None:
    """Draw weights of mean 0 with a deviation of √(2 / (1.04 · inputs)), those of a logit with one of √(1 / inputs)."""
    if isinstance(module, nn.Conv2d | nn.Linear | Readout):
        gain = 1.0 if isinstance(module, Readout) else 2 / (1 + 0.2**2)  # of LeakyReLU(0.2); of ReLU it would be 2
        nn.init.normal_(module.weight, 0.0, math.sqrt(gain / module.weight[0].numel()))
    _begin_the_rest(module)


def _begin_the_rest(module: nn.Module) -> None:
    """Set biases to 0, and draw the scales of batch normalisation of mean 1 with a deviation of 0.02."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
    if isinstance(module, nn.BatchNorm2d) and module.affine:
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


INITIALISATIONS: dict[str, Callable[[nn.Module], None]] = {"normal": _normal, "uniform": _uniform, "he": _he}
"""Name of a law of the first weights -> what draws those of one module."""
