"""The averaged generator: an exponential moving average of weights and of batch normalisation's statistics."""

import copy

import torch
from torch import Tensor, nn


class Average:
    """A copy of a network whose weights are the exponential moving average of the weights there."""

    def __init__(self, source: nn.Module) -> None:
        self.module = copy.deepcopy(source)
        pairs = list(zip(self.module.state_dict().values(), source.state_dict().values(), strict=True))
        self._floats = [pair for pair in pairs if pair[0].is_floating_point()]
        self._integers = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self, share: float | Tensor) -> None:
        """Move the weights towards the source: average ← (1 − share) · average + share · source.

        Integer buffers, such as the count of batches seen, are copied.
        """
        if isinstance(share, Tensor) and share.is_cuda:
            olds, news = (list(tensors) for tensors in zip(*self._floats, strict=True))
            steps = torch._foreach_sub(news, olds)  # three kernels for all tensors, which are many and small
            torch._foreach_mul_(steps, share)
            torch._foreach_add_(olds, steps)
        else:
            for old, new in self._floats:
                old.lerp_(new, share)
        for old, new in self._integers:
            old.copy_(new)
