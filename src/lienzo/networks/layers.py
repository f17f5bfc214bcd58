"""The layers of a network, with the sizes of what goes in and comes out."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Layer:
    """One layer, as it was called on one example."""

    name: str
    """Its class, such as ``Conv2d``: PyTorch's, where lienzo only computes it in another way."""
    settings: str
    """What its representation says: channels, kernel, stride."""
    inputs: tuple[int, ...]
    """Size of what goes in, without the batch."""
    outputs: tuple[int, ...]
    """Size of what comes out, without the batch."""
    parameters: int
    """How many numbers it learns."""


@torch.no_grad()
def layers(module: nn.Module, example: Tensor) -> list[Layer]:
    """Return the layers that ``module`` passes an example (1, ...) through, in order; the module is left as it was."""
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
