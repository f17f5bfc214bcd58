"""Optimisers: the interface that a training step needs, and Adam."""

from collections.abc import Iterable
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim.adam import adam


class Optimizer(Protocol):
    """An optimiser of a network's parameters: one of PyTorch's, or :class:`Adam`."""

    def zero_grad(self) -> None:
        """Forget the gradients."""
        ...

    def step(self) -> Any:
        """Update the parameters by their gradients."""
        ...


class Adam:
    """Adam (Kingma and Ba 2015) in PyTorch's fused kernel.

    ``torch.optim.Adam`` computes the same, but imports ``torch._dynamo``, which takes two seconds, even where nothing
    is compiled. Here the moments are there from the start, so that fresh and resumed runs have the same tensors.
    """

    memory: list[dict[str, Tensor]]
    """For each parameter ``step``, the number of updates, and the moments ``exp_avg`` and ``exp_avg_sq``."""

    def __init__(self, parameters: Iterable[nn.Parameter], rate: float, betas: tuple[float, float]) -> None:
        """Begin with moments of 0. On a GPU the rate is a tensor, so that a captured step sees it change."""
        self.parameters, self.betas = list(parameters), betas
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
            beta1=self.betas[0],
            beta2=self.betas[1],
            lr=self.rate,
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )
