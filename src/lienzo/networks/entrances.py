"""The layers by which latents enter a generator, and latents of their own for each of them.

No network has to say which these are: a forward hook sees what every layer is given. In most networks latents enter
once. Where they also scale and shift features (:class:`lienzo.networks.modulation.Modulation`), they enter at several
sizes, and different latents can be mixed by layer, as styles are (Karras et al. 2019, section 3.1).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from lienzo.networks.conditions import apply

Entrance = tuple[str, int]
"""The name of a layer, and which of its arguments the latents are."""


@torch.no_grad()
def entrances(module: nn.Module, latents: int) -> list[Entrance]:
    """Return the layers that latents enter by, in the order in which they are met: coarse to fine.

    Args:
        module: a generator in evaluation mode.
        latents: dimension of z.
    """
    device = next(module.parameters()).device
    z = torch.randn(2, latents, generator=torch.Generator().manual_seed(0)).to(device)
    found: dict[str, int] = {}

    def look(name: str) -> Callable[[nn.Module, tuple[Any, ...]], None]:
        def hook(_layer: nn.Module, given: tuple[Any, ...]) -> None:
            for position, value in enumerate(given):
                if value is z:
                    found[name] = position

        return hook

    hooks = [layer.register_forward_pre_hook(look(name)) for name, layer in module.named_modules() if name]
    try:
        module(z)
    finally:
        for each in hooks:
            each.remove()
    return [  # a container only hands its latents on to a layer within it
        (name, position) for name, position in found.items() if not any(other.startswith(f"{name}.") for other in found)
    ]


@torch.no_grad()
def apply_each(module: nn.Module, places: list[Entrance], z: Tensor, y: Tensor | None) -> Tensor:
    """Return the pictures (N, C, H, W) of latents ``z`` (N, entrances, latents), those of each entrance its own.

    Args:
        module: a generator in evaluation mode.
        places: its entrances.
        z: as many latents for each picture as the generator has entrances.
        y: (N, classes), labels, where it is conditional.
    """
    each = [part.contiguous() for part in z.unbind(1)]
    if y is not None:  # labels are added to latents before these enter
        each = [module.get_submodule("embedding")(part, y) for part in each]
    with _entering(module, places, each):
        return apply(module, z[:, 0].contiguous(), y)


@contextmanager
def _entering(module: nn.Module, places: list[Entrance], each: list[Tensor]) -> Iterator[None]:
    """Within this context every entrance is given latents of its own."""

    def hook(position: int, latents: Tensor) -> Callable[[nn.Module, tuple[Any, ...]], tuple[Any, ...]]:
        return lambda _layer, given: (*given[:position], latents, *given[position + 1 :])

    hooks = [
        module.get_submodule(name).register_forward_pre_hook(hook(position, latents))
        for (name, position), latents in zip(places, each, strict=True)
    ]
    try:
        yield
    finally:
        for handle in hooks:
            handle.remove()
