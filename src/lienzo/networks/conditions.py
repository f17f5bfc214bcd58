"""Layers that condition a generator or a discriminator on labels.

Labels y are (N, classes): one-hot rows, mixtures whose parts sum to 1, or zeros where a label is missing. Both layers
are linear in y, so that none of these is a special case, and a missing label adds nothing.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

LABEL_LAYERS = ("embedding.", "projection.")
"""How the names of tensors of these layers begin, in all networks."""

SHIFT = 0.25
"""How far a label moves latents at first in a network that paints already, as a share of their own length."""


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
        """Return (N,) of features φ(x), (N, F) or (N, F, H, W), summed over H and W, and labels ``y`` (N, classes).

        Of several labels for each picture, (K, N, classes), it returns (K, N).
        """
        summed = features.flatten(2).sum(2) if features.dim() > 2 else features
        return ((y @ self.weight) * summed).sum(-1)


@torch.no_grad()
def introduce_labels(network: nn.Module) -> None:
    """Set the weights for labels so that a network that has learnt without them can go on with them.

    Learning to paint first keeps variety that labels would cost (Shahbazi et al. 2022, arXiv 2201.06578).

    A generator paints nearly as before: each label moves all latents a little, into a direction of its own, from which
    it learns faster than from none. A discriminator judges as before, unless its weights are spectrally normalised, or
    it has minibatch deviation, which is taken within labels now.
    """
    for layer in network.modules():
        if isinstance(layer, LabelEmbedding):
            length = SHIFT * layer.weight.shape[1] ** 0.5
            if not torch.allclose(layer.weight.norm(dim=1), layer.weight.new_tensor(length)):  # once more is no change
                layer.weight.copy_(nn.functional.normalize(layer.weight) * length)
        if isinstance(layer, LabelProjection) and not is_parametrized(layer):
            layer.weight.zero_()


def mismatched(y: Tensor) -> tuple[Tensor, Tensor]:
    """Return the labels (N, classes) that are those of the row before, and where (N,) they contradict the row's own.

    They contradict nothing where one of both is missing.
    """
    other = y.roll(1, 0)
    return other, y.any(1) & other.any(1) & (other != y).any(1)


def apply(network: Callable[..., Tensor], inputs: Tensor, labels: Tensor | None) -> Tensor:
    """Return the network's output for inputs (N, ...), and for labels (N, classes) where it is conditional."""
    return network(inputs) if labels is None else network(inputs, labels)
