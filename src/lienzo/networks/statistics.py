"""Layers that compute statistics over the batch: over the global batch, where several processes share it.

The mean of equal shares' means is the global mean; the mean of their variances and of their means' squared distances
from it is the global variance (Chan, Golub and LeVeque 1983). One exchange carries both, and it can be differentiated
as often as a gradient penalty asks, which the exchange in PyTorch's ``SyncBatchNorm`` cannot.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from lienzo.compute import processes
from lienzo.compute.devices import without_autocast
from lienzo.networks.kernels.normalisation import normalise

_thread = threading.local()
"""``batches``: how many batches this thread's networks are given in one pass; 1 where it is not set."""


@contextmanager
def batches(number: int) -> Iterator[None]:
    """Within this context, an input of these layers is ``number`` batches of one size, one after the other.

    A network then sees several batches in one pass, which is faster, and normalises each by itself.
    """
    _thread.batches = number
    try:
        yield
    finally:
        del _thread.batches


def _each(layer: Callable[..., Tensor], *inputs: Tensor | None) -> Tensor:
    """Apply a layer to each batch by itself, and return the results one after the other."""
    number = getattr(_thread, "batches", 1)
    if number == 1:
        return layer(*inputs)
    parts = ([None] * number if value is None else value.chunk(number) for value in inputs)
    return torch.cat([layer(*part) for part in zip(*parts, strict=True)])


def moments(batch: Tensor, dimensions: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return mean and variance (not corrected) of the global batch over ``dimensions``, in float32 or better."""
    batch = batch.to(torch.promote_types(batch.dtype, torch.float32))
    mean = batch.mean(dimensions, keepdim=True)
    variance = (batch - mean).square().mean(dimensions)  # on a CPU five times as fast as var_mean over the first one
    if processes.count() == 1:
        return mean.view_as(variance), variance
    means, variances = processes.gathered(torch.stack([mean.view_as(variance), variance])).unbind(1)
    whole = means.mean(0)
    return whole, variances.mean(0) + (means - whole).square().mean(0)


class BatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation (Ioffe and Szegedy 2015) over the global batch, of (N, C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """Return (N, C, H, W)."""
        if not self.training:
            return super().forward(input)
        alone = processes.count() == 1
        if alone and input.device.type == "cpu" and not torch.compiler.is_compiling():
            return self._normalised_on_a_cpu(input)
        return _each(super().forward if alone else self._normalised, input)

    def _normalised_on_a_cpu(self, input: Tensor) -> Tensor:  # noqa: A002
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        number = getattr(_thread, "batches", 1)
        self.num_batches_tracked.add_(number)
        running = self.running_mean, self.running_var
        return normalise(
            input, self.weight, self.bias, running, momentum=self.momentum, epsilon=self.eps, batches=number
        )

    def _normalised(self, input: Tensor) -> Tensor:  # noqa: A002
        mean, variance = moments(input, (0, 2, 3))
        self._remember(mean.detach(), variance.detach(), processes.count() * input[:, 0].numel())
        scale = (variance + self.eps).rsqrt()
        shift = -mean * scale
        if self.affine:
            scale, shift = self.weight * scale, self.weight * shift + self.bias
        return (input.float() * scale[:, None, None] + shift[:, None, None]).to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, number: int) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * (number / (number - 1)), self.momentum)


class MinibatchDeviation(nn.Module):
    """A channel with the mean standard deviation over the batch, added to features: (N, C, H, W) to (N, C + 1, H, W).

    By it the discriminator notices a generator that always makes the same picture (Karras et al. 2018, section 3).
    With labels, the deviation is taken from the mean of each label, so that it also notices one picture for each. A
    picture whose label no other one of the batch has is its own mean: its deviation is taken from that of the batch.
    """

    def forward(self, features: Tensor, y: Tensor | None = None) -> Tensor:
        """Return (N, C + 1, H, W) of features (N, C, H, W) and, where there are any, labels ``y`` (N, classes)."""
        return _each(self._deviating, features, y)

    def _deviating(self, features: Tensor, y: Tensor | None) -> Tensor:
        values = features.float()
        if y is not None:
            with without_autocast(values):  # else the means have the digits of bfloat16
                values = values - moments(values, (0,))[0]
                sums, numbers = processes.gathered(y.T @ values.flatten(1)), processes.gathered(y.sum(0))
                number = numbers.sum(0)[:, None]
                means = sums.sum(0) / number.clamp_min(1) * (number > 1)
                values = values - (y @ means).view_as(values)
        deviation = (moments(values, (0,))[1] + 1e-8).sqrt().mean()
        channel = deviation.to(features.dtype).expand(len(features), 1, *features.shape[2:])
        return torch.cat([features, channel], 1)
