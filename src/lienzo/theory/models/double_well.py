"""An unnormalised density with two modes, and a noise density, for noise-contrastive estimation."""

import numpy as np
import torch
from scipy.special import logsumexp
from torch import Tensor, nn

from lienzo.theory.models.laws import Array, Cells

CELLS = Cells(-1.6, 1.6, 1600)
NOISE = 0.5
"""Standard deviation of the Gaussian noise that the data are contrasted with."""

TRUTH = (4.0, 2.0)
"""Coefficients a and b of the energy of the data; see :class:`DoubleWell`."""


class DoubleWell(nn.Module):
    """The energy E(x) = −a (2x)² + b (2x)⁴ of pictures of one pixel x; its two minima are at x = ±½√(a/2b).

    The integral of exp(−E) has no closed form.
    """

    def __init__(self, quadratic: float, quartic: float) -> None:
        super().__init__()
        self.quadratic = nn.Parameter(torch.tensor(quadratic, dtype=torch.float64))
        self.quartic = nn.Parameter(torch.tensor(quartic, dtype=torch.float64))

    def forward(self, images: Tensor) -> Tensor:
        """Return E(x), (N,), of pictures (N, 1, 1, 1)."""
        square = (2 * images.flatten()).square()
        return -self.quadratic * square + self.quartic * square.square()


def data() -> tuple[Array, float]:
    """Return log p_d at the cells' midpoints, and log Z of its energy, both by quadrature."""
    with torch.no_grad():
        energy = DoubleWell(*TRUTH)(torch.from_numpy(CELLS.points)).numpy()
    log_partition = float(logsumexp(-energy) + np.log(CELLS.width))
    return -energy - log_partition, log_partition


def log_noise(images: Tensor) -> Tensor:
    """Return log p_n(x), (N,), of pictures (N, 1, 1, 1) under N(0, NOISE²)."""
    return -0.5 * (images.flatten() / NOISE).square() - float(np.log(NOISE * np.sqrt(2 * np.pi)))
