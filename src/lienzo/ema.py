"""The averaged generator: an exponential moving average of weights and of batch normalisation's statistics."""

import copy

import torch
from torch import nn


class Average:
    """A network that follows another at a distance."""

    def __init__(self, source: nn.Module) -> None:
        self.module = copy.deepcopy(source)
        pairs = list(zip(self.module.state_dict().values(), source.state_dict().values(), strict=True))
        self._floats = [pair for pair in pairs if pair[0].is_floating_point()]
        self._integers = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self, decay: float) -> None:
        """Move towards the source: average ← decay · average + (1 − decay) · source.

        Integer buffers, such as the count of batches seen, are copied.
        """
        averages, values = zip(*self._floats, strict=True)
        torch._foreach_lerp_(averages, values, 1 - decay)
        for old, new in self._integers:
            old.copy_(new)
