"""The layers of a network in the order of their calls, with sizes, parameters and products, for tables and figures."""

import itertools
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized
from torch.utils.flop_counter import FlopCounterMode

from lienzo.networks import residual
from lienzo.networks.configurations import Network
from lienzo.networks.ends import Projection, Readout
from lienzo.networks.kernels.resampling import Downsample, Upsample
from lienzo.networks.modulation import Modulation
from lienzo.networks.shape import Shape

WHOLE = (Modulation, residual.Block, residual.Modulated)
"""Layers that consist of others and are shown as one."""

CHANNELS_LAST = (residual.Block, residual.Modulated, residual.Pooled, Upsample, Downsample, nn.Linear)
"""Layers whose feature maps are (N, H, W, C); all others have (N, C, H, W)."""

SILENT = (residual.ChannelsLast, nn.Identity, nn.Flatten)
"""Layers that change no number and are not shown."""


@dataclass(frozen=True)
class Layer:
    """One layer and the sizes it was called with; sizes of feature maps are channels, height, width."""

    path: str
    """The name that its tensors begin with, such as ``layers.3``."""
    name: str
    """The name of its class in PyTorch, such as ``Conv2d``, also where lienzo computes it in another way."""
    kernel: tuple[int, ...] | None
    """Height and width of a convolution's kernel; none where it is no convolution."""
    stride: tuple[int, ...] | None
    """Vertical and horizontal stride of a convolution; none where it is no convolution."""
    settings: str
    """All of its settings as PyTorch prints them."""
    inputs: tuple[int, ...]
    """Size of its input without the batch dimension."""
    outputs: tuple[int, ...]
    """Size of its output without the batch dimension."""
    parameters: int
    """Number of its learnable parameters."""
    multiply_adds: int
    """Multiplications, each with an addition, of its convolutions and matrix products for one picture."""


def players(network: Network, shape: Shape, classes: int = 0, *, encoder: bool = False) -> dict[str, list[Layer]]:
    """Return the layers of both networks of a configuration by the network's name.

    The networks are made on PyTorch's meta device, which computes sizes and holds no numbers.

    Args:
        network: the configuration.
        shape: of the pictures.
        classes: number of labels of a conditional network, else 0.
        encoder: whether the generator is trained with an encoder instead of a discriminator.
    """
    with torch.device("meta"):
        latents, image = torch.empty(1, network.latents), torch.empty(1, shape.channels, shape.height, shape.width)
        labels = [torch.empty(1, classes)] if classes else []
        generator = network.generator(shape, classes)
        if encoder:
            return {"generator": layers(generator, latents), "encoder": layers(network.encoder(shape), image)}
        discriminator = network.discriminator(shape, classes)
        return {
            "generator": layers(generator, latents, *labels),
            "discriminator": layers(discriminator, image, *labels),
        }


@torch.no_grad()
def layers(module: nn.Module, *example: Tensor) -> list[Layer]:
    """Return the layers through which ``module`` passes an example (1, ...), in order; the module stays as it is.

    Args:
        module: a network.
        example: what it is called with: latents or a picture, and labels where it is conditional.
    """
    found: list[Layer] = []
    counter = FlopCounterMode(display=False)
    begun: list[int] = []
    paths = _shown(module)

    def begin(_layer: nn.Module, _inputs: tuple[Tensor, ...]) -> None:
        begun.append(counter.get_total_flops())

    def end(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        operations = counter.get_total_flops() - begun.pop()
        if not isinstance(layer, SILENT):
            found.append(_described(layer, paths[layer], inputs[0], output, operations // 2))

    hooks: list[Any] = [
        *(layer.register_forward_pre_hook(begin) for layer in paths),
        *(layer.register_forward_hook(end) for layer in paths),
    ]
    training = module.training
    try:
        with counter:
            module.eval()(*example)
    finally:
        module.train(training)
        for hook in hooks:
            hook.remove()
    return found


def _shown(module: nn.Module, path: str = "") -> dict[nn.Module, str]:
    """Return the layers of a network that are shown, and their paths: those that consist of no others, and the whole.

    Spectral normalisation makes its tensors a part of the layer, which still counts as one layer.
    """
    if not any(True for _ in module.children()) or is_parametrized(module) or isinstance(module, WHOLE):
        return {module: path}
    parts = (_shown(part, f"{path}.{name}".lstrip(".")) for name, part in module.named_children())
    return dict(itertools.chain.from_iterable(part.items() for part in parts))


def _described(layer: nn.Module, path: str, inputs: Tensor, outputs: Tensor, multiply_adds: int) -> Layer:
    kernel, stride = _window(layer)
    sizes = _size(layer, inputs), _size(layer, outputs)
    parameters = sum(parameter.numel() for parameter in layer.parameters())
    return Layer(path, _name(layer), kernel, stride, layer.extra_repr(), *sizes, parameters, multiply_adds)


def _window(layer: nn.Module) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
    """Return kernel and stride of a convolution; nothing of another layer."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        return tuple(layer.kernel_size), tuple(layer.stride)
    if isinstance(layer, Projection | Readout):
        return tuple(layer.weight.shape[2:]), (1, 1)
    if isinstance(layer, residual.Block):
        return tuple(layer.mix.kernel_size), tuple(layer.mix.stride)
    return None, None


def _size(layer: nn.Module, tensor: Tensor) -> tuple[int, ...]:
    """Return the size of a layer's input or output without the batch, of feature maps with the channels first."""
    size = tuple(tensor.shape[1:])
    return (*size[-1:], *size[:-1]) if isinstance(layer, CHANNELS_LAST) and len(size) == 3 else size


def _name(layer: nn.Module) -> str:
    """Return the name of the nearest class that is PyTorch's own layer, or else of the layer's class."""
    kinds = [kind for kind in type(layer).__mro__ if kind.__module__.startswith("torch.nn.modules.")]
    kinds = [kind for kind in kinds if kind is not nn.Module] or [
        kind for kind in type(layer).__mro__ if kind.__module__.startswith("lienzo.")
    ]
    return kinds[0].__name__
