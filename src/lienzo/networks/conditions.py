"""Layers that condition a generator or a discriminator on labels.

Labels y are (N, classes): one-hot rows, mixtures whose parts sum to 1, or zeros where a label is missing. Both layers
are linear in y, so that none of these is a special case, and a missing label adds nothing.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn


class LabelEmbedding(nn.Module):
    """The embedding of labels that is added to latents: z + y E, where row i of E is a vector for label i."""

    def __init__(self, classes: int, latents: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(classes, latents))  # as large as z, so that labels lie apart

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Return latents (N, latents), given ``z`` (N, latents) and labels ``y`` (N, classes)."""
        return z + y @ self.weight


class LabelProjection(nn.Module):
    """The term (y V) · φ(x) of a projection discriminator, added to its logit (Miyato and Koyama 2018, equation 3)."""

    def __init__(self, classes: int, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(classes, features))
        nn.init.normal_(self.weight, 0.0, 0.02)

    def forward(self, features: Tensor, y: Tensor) -> Tensor:
        """Return (N,) of features φ(x), (N, F) or (N, F, H, W), summed over H and W, and labels ``y`` (N, classes)."""
        summed = features.flatten(2).sum(2) if features.dim() > 2 else features
        return ((y @ self.weight) * summed).sum(1)


def apply(network: Callable[..., Tensor], inputs: Tensor, labels: Tensor | None) -> Tensor:
    """Return the network's output for inputs (N, ...), and for labels (N, classes) where it is conditional."""
    return network(inputs) if labels is None else network(inputs, labels)
