"""Batch normalisation on a CPU whose numbers do not depend on how many threads there are.

PyTorch's adds up what each thread has summed, so that a run would end differently on a machine that was busy meanwhile.
Here one thread takes the sums, which are a fiftieth of a step. Several batches, one behind the other, are normalised
each by itself and written side by side, so that nothing is put together afterwards.

Planes are (N, C, H, W), fastest channels-last; weights and biases (C), or None.
"""

from typing import Any

import torch
from torch import Tensor

from lienzo.compute.threads import one_thread


def normalise(
    planes: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running: tuple[Tensor, Tensor],
    *,
    momentum: float,
    epsilon: float,
    batches: int,
) -> Tensor:
    """Return planes (N, C, H, W) of which each of ``batches`` equal parts is normalised by its own mean and variance.

    Each part moves the ``running`` mean and variance (C). The result can be differentiated twice.
    """
    normalised: Tensor = _Normalisation.apply(planes, weight, bias, *running, momentum, epsilon, batches)  # type: ignore[no-untyped-call]
    return normalised


class _Normalisation(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0917
        context: Any,
        planes: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        running_mean: Tensor,
        running_variance: Tensor,
        momentum: float,
        epsilon: float,
        batches: int,
    ) -> Tensor:
        normalised = torch.empty_like(planes)
        moments = running_mean.new_empty(batches, 2, len(running_mean))  # means and inverse deviations
        with one_thread():
            for part, place, (mean, inverse) in zip(
                planes.chunk(batches), normalised.chunk(batches), moments, strict=True
            ):
                torch.native_batch_norm(
                    part, weight, bias, running_mean, running_variance, True, momentum, epsilon,
                    out=(place, mean, inverse),
                )  # fmt: skip
        context.save_for_backward(planes, weight, moments)
        context.epsilon = epsilon
        return normalised

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        planes, weight, moments = context.saved_tensors
        parts = zip(gradients[0].chunk(len(moments)), planes.chunk(len(moments)), moments, strict=True)
        if torch.is_grad_enabled():  # to be differentiated again
            found = [_differentiable_gradients(gradient, part, weight, context.epsilon) for gradient, part, _ in parts]
        else:
            mask = [True, weight is not None, weight is not None]
            with one_thread():
                found = [
                    torch.ops.aten.native_batch_norm_backward(
                        gradient, part, weight, None, None, mean, inverse, True, context.epsilon, mask
                    )
                    for gradient, part, (mean, inverse) in parts
                ]
        by_planes, by_weight, by_bias = zip(*found, strict=True)
        affine = (None, None) if weight is None else (sum(by_weight), sum(by_bias))
        return (torch.cat(by_planes) if len(by_planes) > 1 else by_planes[0], *affine, *[None] * 5)


def _differentiable_gradients(
    gradient: Tensor, planes: Tensor, weight: Tensor | None, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients by planes (N, C, H, W), weights and biases (C) of one batch, as sums and products."""
    gradient, planes = (tensor.to(torch.promote_types(tensor.dtype, torch.float32)) for tensor in (gradient, planes))
    over = (0, 2, 3)
    centred = planes - planes.mean(over, keepdim=True)
    inverse = (centred.square().mean(over, keepdim=True) + epsilon).rsqrt()
    normalised = centred * inverse
    scaled = gradient if weight is None else gradient * weight[:, None, None]
    along = normalised * (scaled * normalised).mean(over, keepdim=True)
    by_planes = inverse * (scaled - scaled.mean(over, keepdim=True) - along)
    return by_planes, (gradient * normalised).sum(over), gradient.sum(over)
