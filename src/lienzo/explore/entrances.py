"""The layers through which latents enter a network, and the first that is not linear in them, found by forward hooks.

No network has to say so: a forward hook sees what every layer gets and gives.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from lienzo.errors import GeneratorError
from lienzo.networks.entrances import entrances
from lienzo.networks.modulation import Modulation

Watch = Callable[[str, Any, Any], None]
"""Called with the name of a layer, its first input and its output."""


@torch.no_grad()
def matrices(module: nn.Module, latents: int) -> list[Tensor]:
    """Return the matrix of every layer that latents enter by.

    In lienzo's networks those layers are linear in z: the projection that begins a generator, and what scales and
    shifts its features where z does so.

    Args:
        module: a generator in evaluation mode.
        latents: dimension of z.

    Returns:
        A matrix (latents, outputs) for each, in the order in which they are met.

    Raises:
        GeneratorError: no layer takes z, or one that does is not linear.
    """
    z = _drawn(module, 2, latents)
    entered = [(name, module.get_submodule(name)) for name, _ in entrances(module, latents)]
    if not entered:
        raise GeneratorError("no layer of this generator takes its latents as they are: there is no matrix to look at.")
    return [
        layer.style.weight.T if isinstance(layer, Modulation) else _matrix(name, layer, z) for name, layer in entered
    ]


@torch.no_grad()
def first_bent(module: nn.Module, latents: int) -> str:
    """Return the name of the first layer whose output is not linear in z.

    It is found by superposition: f(a + b) + f(0) = f(a) + f(b) holds for every linear layer.
    """
    a, b = _drawn(module, 2, latents)
    bent: list[str] = []

    def watch(name: str, _given: Any, output: Any) -> None:
        if not bent and isinstance(output, Tensor) and len(output) == 4:
            of_sum, of_a, of_b, of_nothing = output.detach().cpu().double()  # MPS has no float64
            surplus = (of_sum + of_nothing - of_a - of_b).norm()
            if surplus > 1e-3 * (of_sum - of_nothing).norm():
                bent.append(name)

    _run(module, watch, torch.stack([a + b, a, b, torch.zeros_like(a)]))
    if not bent:
        raise GeneratorError("every layer of this generator is linear: its activations tell no more than its weights.")
    return bent[0]


@torch.no_grad()
def activations(module: nn.Module, layer: str, z: Tensor, y: Tensor | None = None) -> Tensor:
    """Return the output of one layer (N, ...) for latents (N, latents) and labels (N, classes)."""
    seen: list[Tensor] = []

    def watch(name: str, _given: Any, output: Any) -> None:
        if name == layer:
            seen.append(output.detach().clone())

    _run(module, watch, z, y)
    return seen[0]


def _run(module: nn.Module, watch: Watch, z: Tensor, y: Tensor | None = None) -> None:
    """Run a network once and call ``watch`` after each of its layers."""

    def hook(name: str) -> Callable[[nn.Module, tuple[Any, ...], Any], None]:
        return lambda _layer, inputs, output: watch(name, inputs[0] if inputs else None, output)

    hooks = [layer.register_forward_hook(hook(name)) for name, layer in module.named_modules() if name]
    try:
        module(z) if y is None else module(z, y)
    finally:
        for each in hooks:
            each.remove()


def _drawn(module: nn.Module, count: int, latents: int) -> Tensor:
    device = next(module.parameters()).device
    return torch.randn(count, latents, generator=torch.Generator().manual_seed(0)).to(device)


def _matrix(name: str, layer: nn.Module, z: Tensor) -> Tensor:
    """Return the matrix (latents, outputs) of a linear layer, with what it adds left out."""
    shift = layer(torch.zeros_like(z[:1])).flatten(1)
    matrix: Tensor = layer(torch.eye(z.shape[1], device=z.device)).flatten(1) - shift
    expected, found = layer(z).flatten(1) - shift, z @ matrix
    if (expected - found).norm() > 1e-3 * expected.norm():
        raise GeneratorError(f"the layer {name} takes the latents and is not linear: it has no matrix to look at.")
    return matrix
