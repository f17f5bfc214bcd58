"""The layers of a network in the order of their calls, with the sizes of their inputs and outputs, for a table."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Layer:
    """One layer and the sizes it was called with."""

    name: str
    """The name of its class in PyTorch, such as ``Conv2d``, also where lienzo computes it in another way."""
    settings: str
    """Its settings, such as channels, kernel and stride, as PyTorch prints them."""
    inputs: tuple[int, ...]
    """Size of its input without the batch dimension."""
    outputs: tuple[int, ...]
    """Size of its output without the batch dimension."""
    parameters: int
    """Number of its learnable parameters."""


@torch.no_grad()
def layers(module: nn.Module, example: Tensor) -> list[Layer]:
    """Return the layers through which ``module`` passes an example (1, ...), in order; the module stays as it is."""
    found: list[Layer] = []

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        parameters = sum(parameter.numel() for parameter in layer.parameters())
        sizes = (tuple(inputs[0].shape[1:]), tuple(output.shape[1:]))
        found.append(Layer(_name(layer), layer.extra_repr(), *sizes, parameters))

    leaves = [part for part in module.modules() if not any(True for _ in part.children())]
    hooks: list[Any] = [leaf.register_forward_hook(note) for leaf in leaves]
    training = module.training
    try:
        module.eval()(example)
    finally:
        module.train(training)
        for hook in hooks:
            hook.remove()
    return found


def _name(layer: nn.Module) -> str:
    """Return the name of the nearest class that is PyTorch's own layer, or else of the layer's class."""
    kinds = [kind for kind in type(layer).__mro__ if kind.__module__.startswith("torch.nn.") and kind is not nn.Module]
    return (kinds or [type(layer)])[0].__name__
