"""The units of a generator, and how to hold them at a value while it paints.

A layer is an activation (ReLU or LeakyReLU) of the network, and a unit is a channel of what it gives. Layers are called
``layer1``, ``layer2`` and so on in the order in which latents pass them, as in Bau et al. (2019, arXiv 1811.10597); a
network that grows keeps the names it has. Forward hooks reach them, so that no network has to know of this.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lienzo.errors import InputError, unknown

ACTIVATIONS = (nn.ReLU, nn.LeakyReLU)
"""The modules whose outputs (N, units, H, W), or (N, units), are layers."""

SETTING = re.compile(
    r"\s*(?P<layer>[^:=\s]+)\s*:\s*(?P<units>\d{1,9}(?:\+\d{1,9})*)\s*=\s*(?P<value>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*"
)
"""Units of a layer and the value they are held at, such as ``layer4:3=0`` or ``layer4:3+17=2.5``."""


@dataclass(frozen=True)
class Layer:
    """A layer whose units can be looked at."""

    name: str
    """``layer1`` next to the latents, ``layer2`` and so on."""
    module: str
    """The name of its activation among the modules of the network, such as ``layers.2``."""
    units: int
    """How many channels it gives."""
    height: int
    """Height of each unit's map; 1 where units are single numbers."""
    width: int
    """Width of each unit's map; 1 where units are single numbers."""


@dataclass(frozen=True)
class Held:
    """Units of one layer, and what they are held at."""

    layer: str
    """Name of the layer."""
    units: tuple[int, ...]
    """Numbers of its units, from 0 on."""
    values: tuple[float, ...]
    """What each of them gives, in place of what it would."""
    region: tuple[float, float, float, float] | None = None
    """Left, top, right and bottom of where they are held, as shares of the picture's sides; by default everywhere."""


@torch.no_grad()
def layers(module: nn.Module, latents: int) -> tuple[Layer, ...]:
    """Return the layers of a generator in the order in which latents (N, latents) pass them."""
    found: list[Layer] = []

    def note(name: str, output: Tensor) -> None:
        height, width = output.shape[2:] if output.dim() == 4 else (1, 1)
        found.append(Layer(f"layer{len(found) + 1}", name, output.shape[1], height, width))

    names = [name for name, part in module.named_modules() if isinstance(part, ACTIVATIONS)]
    with _hooked(module, {name: _noting(note, name) for name in names}):
        module(torch.zeros(1, latents, device=next(module.parameters()).device))
    return tuple(found)


def parse(texts: Sequence[str], known: Sequence[Layer]) -> list[Held]:
    """Return the units that texts such as ``layer4:3=0,layer7:2+5=2.5`` hold, each a list with commas.

    Raises:
        InputError: a text that is not written like this, a layer or a unit that is not there, or a unit twice.
    """
    by_name, found = {layer.name: layer for layer in known}, []
    for setting in (part for text in texts for part in text.split(",")):
        written = SETTING.fullmatch(setting)
        if not written:
            raise InputError(f"'{setting}' holds no unit: write layer, unit and value, such as layer1:3=0.")
        layer = by_name.get(written["layer"])
        if layer is None:
            raise InputError(unknown("layer", written["layer"], by_name))
        units = tuple(map(int, written["units"].split("+")))
        for unit in units:
            if unit >= layer.units:
                raise InputError(
                    f"{layer.name} has no unit {unit}: it has {layer.units}, which are numbered from 0 to "
                    f"{layer.units - 1}."
                )
        found.append(Held(layer.name, units, (float(written["value"]),) * len(units)))
    named = [(one.layer, unit) for one in found for unit in one.units]
    for layer_name, unit in named:
        if named.count((layer_name, unit)) > 1:
            raise InputError(f"unit {unit} of {layer_name} is held twice: give it one value.")
    return found


@contextmanager
def holding(module: nn.Module, known: Sequence[Layer], held: Sequence[Held]) -> Iterator[None]:
    """Hold units at their values while the block runs; afterwards the generator is as before.

    Args:
        module: the generator.
        known: its layers.
        held: which units, and at what.
    """
    hooks: dict[str, Callable[[Tensor], Tensor]] = {}
    for layer in known:
        of_layer = [one for one in held if one.layer == layer.name]
        if of_layer:
            hooks[layer.module] = _replacing(of_layer)
    with _hooked(module, hooks):
        yield


@contextmanager
def watching(module: nn.Module, layer: Layer) -> Iterator[list[Tensor]]:
    """Provide a list to which each pass adds what the layer gives, (N, units, height, width)."""
    seen: list[Tensor] = []

    def note(output: Tensor) -> None:
        seen.append(output.detach().reshape(len(output), layer.units, layer.height, layer.width).clone())

    with _hooked(module, {layer.module: note}):
        yield seen


def _noting(note: Callable[[str, Tensor], None], name: str) -> Callable[[Tensor], None]:
    return lambda output: note(name, output)


def _replacing(held: Sequence[Held]) -> Callable[[Tensor], Tensor]:
    """Return a function from a layer's output to one in which units are held."""

    def replaced(output: Tensor) -> Tensor:
        changed = output.clone()
        planes = changed.view(*changed.shape, *(1,) * (4 - changed.dim()))  # (N, units, H, W)
        for one in held:
            values = torch.tensor(one.values, dtype=output.dtype, device=output.device)[:, None, None]
            rows, columns = _region(one, planes.shape[2], planes.shape[3])
            planes[:, list(one.units), rows, columns] = values
        return changed

    return replaced


def _region(held: Held, height: int, width: int) -> tuple[slice, slice]:
    """Return the rows and columns of a map (height, width) where units are held; at least one of each."""
    if held.region is None:
        return slice(None), slice(None)
    left, top, right, bottom = held.region
    first_row, first_column = min(int(top * height), height - 1), min(int(left * width), width - 1)
    last_row, last_column = max(round(bottom * height), first_row + 1), max(round(right * width), first_column + 1)
    return slice(first_row, last_row), slice(first_column, last_column)


@contextmanager
def _hooked(module: nn.Module, functions: Mapping[str, Callable[[Tensor], Tensor | None]]) -> Iterator[None]:
    """Call a function on the output of each named module, which takes the place of the output if it is not None."""
    hooks: list[Any] = []
    for name, function in functions.items():

        def hook(_layer: nn.Module, _inputs: Any, output: Tensor, call: Any = function) -> Tensor | None:
            result: Tensor | None = call(output)
            return result

        hooks.append(module.get_submodule(name).register_forward_hook(hook))
    try:
        yield
    finally:
        for each in hooks:
            each.remove()
