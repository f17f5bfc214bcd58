"""Optimisers: the interface that a training step needs, and Adam."""

from collections.abc import Iterable
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

EPSILON = 1e-8
"""What Adam adds to the root of the mean square."""


class Optimizer(Protocol):
    """An optimiser of a network's parameters: one of PyTorch's, or :class:`Adam`."""

    def zero_grad(self) -> None:
        """Forget the gradients."""
        ...

    def step(self) -> Any:
        """Update the parameters by their gradients."""
        ...


class Adam:
    """Adam (Kingma and Ba 2015) in PyTorch's fused kernel, or where β₂ is a scalar on the device, in :func:`update`.

    ``torch.optim.Adam`` computes the same, but imports ``torch._dynamo``, which takes two seconds, even where nothing
    is compiled. Here the moments are there from the start, so that fresh and resumed runs have the same tensors.
    """

    memory: list[dict[str, Tensor]]
    """For each parameter ``step``, the number of updates, and the moments ``exp_avg`` and ``exp_avg_sq``."""

    beta2: float | Tensor
    """Decay of the average of the squared gradient from now on: a number, or a scalar on the device, which a captured
    step sees change."""

    def __init__(self, parameters: Iterable[nn.Parameter], rate: float, betas: tuple[float, float]) -> None:
        """Begin with moments of 0. On a GPU the rate is a tensor, so that a captured step sees it change."""
        self.parameters = list(parameters)
        self.beta1, self.beta2 = betas
        device = self.parameters[0].device
        self.captured = device.type == "cuda"
        self.rate: float | Tensor = torch.tensor(rate, device=device) if self.captured else rate
        self.memory = [
            {
                "step": torch.zeros((), device=device),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }
            for parameter in self.parameters
        ]

    def set_rate(self, rate: float | Tensor) -> None:
        """Set the learning rate."""
        if isinstance(self.rate, Tensor):
            self.rate.fill_(rate)
        else:
            self.rate = rate

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Update every parameter that has a gradient."""
        pairs = zip(self.parameters, self.memory, strict=True)
        learning = [(parameter, memory) for parameter, memory in pairs if parameter.grad is not None]
        if isinstance(self.beta2, Tensor):
            update(
                [parameter for parameter, _ in learning],
                [parameter.grad for parameter, _ in learning if parameter.grad is not None],
                [memory for _, memory in learning],
                self.rate,
                (self.beta1, self.beta2),
            )
            return
        adam(
            [parameter for parameter, _ in learning],
            [parameter.grad for parameter, _ in learning if parameter.grad is not None],
            [memory["exp_avg"] for _, memory in learning],
            [memory["exp_avg_sq"] for _, memory in learning],
            [],
            [memory["step"] for _, memory in learning],
            fused=True,
            capturable=self.captured,
            amsgrad=False,
            beta1=self.beta1,
            beta2=self.beta2,
            lr=self.rate,
            weight_decay=0.0,
            eps=EPSILON,
            maximize=False,
        )


@torch.no_grad()
def update(
    parameters: list[Tensor],
    gradients: list[Tensor],
    memory: list[dict[str, Tensor]],
    rate: float | Tensor,
    betas: tuple[float, Tensor],
) -> None:
    """Take a step of Adam in operations that read β₂, a scalar, on the device; PyTorch's kernel takes a number only.

    Args:
        parameters: what to update.
        gradients: of each parameter.
        memory: of each parameter, as of :class:`Adam`.
        rate: the learning rate.
        betas: decay of the averages of the gradient and of its square.
    """
    beta1, beta2 = betas
    steps, means, squares = ([of_one[name] for of_one in memory] for name in ("step", "exp_avg", "exp_avg_sq"))
    torch._foreach_add_(steps, 1)
    torch._foreach_lerp_(means, gradients, 1 - beta1)
    torch._foreach_mul_(squares, beta2)
    torch._foreach_addcmul_(squares, torch._foreach_mul(gradients, 1 - beta2), gradients)
    counts = torch.stack(steps)
    roots = torch._foreach_sqrt(squares)
    torch._foreach_div_(roots, (1 - beta2**counts).sqrt().unbind())
    torch._foreach_add_(roots, EPSILON)
    changes = torch._foreach_div(means, roots)
    torch._foreach_mul_(changes, (rate / (1 - beta1**counts)).unbind())
    torch._foreach_sub_(parameters, changes)
