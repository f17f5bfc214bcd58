"""The averaged generator: an exponential moving average of weights and of batch normalisation's statistics."""

import torch
from torch import nn


@torch.no_grad()
def update(average: nn.Module, module: nn.Module, decay: float) -> None:
    """Move ``average`` towards ``module``: average ← decay · average + (1 − decay) · module.

    Integer buffers, such as the count of batches seen, are copied.
    """
    averages, values = [], []
    for old, new in zip(average.state_dict().values(), module.state_dict().values(), strict=True):
        if old.is_floating_point():
            averages.append(old)
            values.append(new)
        else:
            old.copy_(new)
    torch._foreach_lerp_(averages, values, 1 - decay)
