"""From a generator's modules to :class:`~lienzo.export.operations.Operations`.

There is one function for each kind of module, in :data:`NETWORKS` and :data:`LAYERS`. Batch normalisation in evaluation
mode is a scale and a shift, which the product before it takes over. A module of another kind is an error: nothing is
guessed.
"""

import itertools
from collections.abc import Callable, Iterable
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import type_before_parametrizations

from lienzo.errors import InputError
from lienzo.export.operations import (
    Array,
    Bounded,
    Combined,
    Enlarged,
    Features,
    Modulated,
    Noisy,
    Operations,
    Part,
    Spread,
)
from lienzo.generation.generation import Generator
from lienzo.networks import alternatives, conditions, dcgan, ends, haar, mlp, modulation, residual, statistics
from lienzo.networks.kernels import grouped, pixel_blocks, resampling, strided

Module = Any
"""A module of the kind that its function is for."""


def traced(generator: Generator) -> tuple[Operations, Features]:
    """Return the operations of a generator in evaluation mode, and which features are its picture.

    The picture is (height, width, channels), or all of it is one vector, in this order.

    Raises:
        InputError: a kind of module that is not known here.
    """
    module: Module = generator.module
    operations = Operations(generator.latents, generator.classes)
    if type(module) not in NETWORKS:
        raise InputError(f"a page cannot paint with the network {type(module).__name__}: export it to another kind.")
    z = operations.z
    if module.embedding is not None:
        z = _embedded(operations, module.embedding)
    with torch.no_grad():
        return operations, NETWORKS[type(module)](operations, module, z)


def _dcgan(operations: Operations, module: dcgan.Generator, z: Features) -> Features:
    stages = cast("list[dcgan.GeneratorStage]", [module.layers, *module.growth])
    features = z
    for stage in stages[:-1]:
        features = _through(operations, [*stage][: stage.first_of_exit], features, z)
    images = _through(operations, stages[-1], features, z)
    if module.fade is None or module.fade.alpha == 1:
        return images
    before = _through(operations, [*stages[-2]][stages[-2].first_of_exit :], features, z)
    enlarged = operations.made(images.height, images.width, images.channels)
    operations.operations += [
        Enlarged(before, enlarged, bilinear=False),
        Combined(enlarged, images, float(module.fade.alpha)),
    ]
    return enlarged


def _mlp(operations: Operations, module: mlp.Generator, z: Features) -> Features:
    *hidden, last = cast("list[nn.Linear]", [*module.layers])
    features = _through(operations, hidden, z, z)
    channels, height, width = module.shape
    order = torch.arange(channels * height * width).view(channels, height, width).permute(1, 2, 0).flatten()
    images = _dense(operations, features, last.weight[order].T, last.bias[order])
    operations.operations.append(Bounded(images, "tanh"))
    return images


def _residual(operations: Operations, module: residual.Generator, z: Features) -> Features:
    images = _through(operations, module.layers, z, z)
    operations.operations.append(Bounded(images, "clamp"))
    return images


NETWORKS: dict[type[nn.Module], Callable[[Operations, Module, Features], Features]] = {
    dcgan.Generator: _dcgan,
    mlp.Generator: _mlp,
    residual.Generator: _residual,
}
"""Class of a generator -> the function from its latents, label embedded, to its picture."""


def _through(operations: Operations, layers: Iterable[nn.Module], features: Features, z: Features) -> Features:
    for layer in layers:
        kind = type_before_parametrizations(layer)  # the class of a layer whose weight is computed, as a tied one's is
        if kind not in LAYERS:
            raise InputError(f"a page cannot paint with the layer {kind.__name__}: export to another kind.")
        features = LAYERS[kind](operations, layer, features, z)
    return features


def _embedded(operations: Operations, layer: conditions.LabelEmbedding) -> Features:
    """Return z + y E."""
    assert operations.y is not None
    with torch.no_grad():
        embedded = _dense(operations, operations.y, layer.weight, None)
    operations.operations.append(Combined(embedded, operations.z, None))
    return embedded


def _linear(operations: Operations, layer: nn.Linear, features: Features, _: Features) -> Features:
    return _dense(operations, features, layer.weight.T, layer.bias)


def _projection(operations: Operations, layer: ends.Projection, z: Features, _: Features) -> Features:
    height, width = layer.weight.shape[2:]
    parts = [
        Part((row, column), ((0, 0),), _numbers(layer.weight[:, :, row, column])[None, None])
        for row, column in itertools.product(range(height), range(width))
    ]
    return operations.product(z, parts, None, (height, width), step=max(height, width))


def _doubling(operations: Operations, layer: nn.ConvTranspose2d, features: Features, _: Features) -> Features:
    """Add a transposed convolution with stride 2, 4×4 with padding 1 or smoothed to 6×6 with padding 2.

    It is four products. A pixel of the result is the sum of 2×2 or 3×3 pixels. Which of the weights they have depends
    on whether its row and its column are even or odd. Of 4×4, row 2i sees row i − 1 with weight 3 and row i with weight
    1, row 2i + 1 sees row i with weight 2 and row i + 1 with weight 0.
    """
    is_smooth = isinstance(layer, strided.StridedConvTranspose2d) and layer.smooth
    weight = strided.smoothed(layer.weight) if is_smooth else layer.weight
    padding = weight.shape[-1] // 2 - 1
    seen = {  # row even or odd: rows that it sees, and their weights
        odd: [((odd + padding - i) // 2, i) for i in range(weight.shape[-1])[::-1] if (odd + padding - i) % 2 == 0]
        for odd in (0, 1)
    }
    parts = []
    for row, column in itertools.product((0, 1), (0, 1)):
        pairs = [*itertools.product(seen[row], seen[column])]
        taps = tuple((down, right) for (down, _), (right, _) in pairs)
        matrix = np.stack([_numbers(weight[:, :, i, j]) for (_, i), (_, j) in pairs])
        parts.append(Part((row, column), taps, matrix[None]))
    return operations.product(features, parts, _optional(layer.bias), (2 * features.height, 2 * features.width), step=2)


def _haar(operations: Operations, layer: haar.InverseHaarTransform, features: Features, _: Features) -> Features:
    """Add the inverse Haar transform, for each level four products: one for each pixel of 2×2."""
    for _level in range(layer.levels):
        channels, sides = features.channels // 4, (2 * features.height, 2 * features.width)
        bands = torch.eye(features.channels).view(features.channels, -1, 1, 1)
        pixels = _numbers(haar.invert(bands))  # (bands, channels, 2, 2)
        assert pixels.shape == (4 * channels, channels, 2, 2)
        parts = [
            Part((row, column), ((0, 0),), np.ascontiguousarray(pixels[:, :, row, column])[None, None])
            for row, column in itertools.product((0, 1), (0, 1))
        ]
        features = operations.product(features, parts, None, sides, step=2)
    return features


def _flat(operations: Operations, layer: nn.Conv2d, features: Features, _: Features) -> Features:
    """Add a 3×3 convolution with padding 1, in groups of channels or in one."""
    weight = _numbers(layer.weight).reshape(layer.groups, -1, *layer.weight.shape[1:])  # groups, outputs, inputs, 3, 3
    matrix = weight.transpose(0, 3, 4, 2, 1).reshape(layer.groups, 9, weight.shape[2], weight.shape[1])
    taps = tuple(itertools.product((-1, 0, 1), (-1, 0, 1)))
    return operations.product(
        features, [Part((0, 0), taps, matrix)], _optional(layer.bias), (features.height, features.width)
    )


def _normalised(operations: Operations, layer: nn.BatchNorm2d, features: Features, _: Features) -> Features:
    assert layer.running_mean is not None
    assert layer.running_var is not None
    scale = (layer.running_var.double() + layer.eps).rsqrt()
    if layer.affine:
        scale = scale * layer.weight.double()
    shift = -layer.running_mean.double() * scale
    if layer.affine:
        shift = shift + layer.bias.double()
    return operations.scaled(features, _numbers(scale), _numbers(shift))


def _modulation(operations: Operations, layer: modulation.Modulation, features: Features, z: Features) -> Features:
    _normalised(operations, layer.norm, features, z)
    bias = layer.style.bias.clone()
    bias[: features.channels] += 1
    style = _dense(operations, z, layer.style.weight.T, bias)
    operations.operations.append(Modulated(features, style))
    if layer.noise is not None:
        noise = _dense(operations, z, layer.noise.pattern, None)
        operations.operations.append(Noisy(features, noise, _numbers(layer.noise.strength)))
    return features


def _upsampled(
    operations: Operations, layer: alternatives.UpsampledConv2d, features: Features, z: Features
) -> Features:
    doubled = operations.made(2 * features.height, 2 * features.width, features.channels)
    operations.operations.append(Enlarged(features, doubled, bilinear=False))
    return _flat(operations, layer, doubled, z)


def _relu(operations: Operations, _: nn.ReLU, features: Features, __: Features) -> Features:
    return operations.rectified(features, 0.0)


def _leaky_relu(operations: Operations, layer: nn.LeakyReLU, features: Features, __: Features) -> Features:
    return operations.rectified(features, layer.negative_slope)


def _tanh(operations: Operations, _: nn.Tanh, features: Features, __: Features) -> Features:
    operations.operations.append(Bounded(features, "tanh"))
    return features


def _clamped(
    operations: Operations, _: alternatives.ClampedAfterTraining, features: Features, __: Features
) -> Features:
    operations.operations.append(Bounded(features, "clamp"))
    return features


def _identity(_: Operations, __: nn.Identity, features: Features, ___: Features) -> Features:
    return features


def _spread(operations: Operations, layer: residual.Modulated, z: Features, _: Features) -> Features:
    strength = _dense(operations, z, layer.strength.weight.T, layer.strength.bias)
    basis = _numbers(layer.basis)
    features = operations.made(*basis.shape)
    operations.operations.append(Spread(strength, features, basis))
    return features


def _block(operations: Operations, layer: residual.Block, features: Features, z: Features) -> Features:
    wide = operations.rectified(_linear(operations, layer.widen, features, z), residual.SLOPE)
    mixed = operations.rectified(_flat(operations, layer.mix, wide, z), residual.SLOPE)
    added = _linear(operations, layer.narrow, mixed, z)
    operations.operations.append(Combined(added, features, None))
    return added


def _upsample(operations: Operations, _: resampling.Upsample, features: Features, __: Features) -> Features:
    doubled = operations.made(2 * features.height, 2 * features.width, features.channels)
    operations.operations.append(Enlarged(features, doubled, bilinear=True))
    return doubled


LAYERS: dict[type[nn.Module], Callable[[Operations, Module, Features, Features], Features]] = {
    alternatives.ClampedAfterTraining: _clamped,
    alternatives.UpsampledConv2d: _upsampled,
    nn.Identity: _identity,
    nn.LeakyReLU: _leaky_relu,
    nn.Linear: _linear,
    nn.ReLU: _relu,
    nn.Tanh: _tanh,
    modulation.Modulation: _modulation,
    ends.Projection: _projection,
    grouped.FlatConv2d: _flat,
    grouped.GroupedConv2d: _flat,
    pixel_blocks.PixelBlockConvTranspose2d: _doubling,
    haar.InverseHaarTransform: _haar,
    resampling.Upsample: _upsample,
    residual.Block: _block,
    residual.Modulated: _spread,
    statistics.BatchNorm2d: _normalised,
    strided.StridedConvTranspose2d: _doubling,
}
"""Class of a layer -> the function from its input, and z, to its output."""


def _dense(operations: Operations, features: Features, matrix: Tensor, bias: Tensor | None) -> Features:
    """Add the product by a matrix (inputs, outputs), pixel by pixel."""
    part = Part((0, 0), ((0, 0),), _numbers(matrix)[None, None])
    return operations.product(features, [part], _optional(bias), (features.height, features.width))


def _optional(tensor: Tensor | None) -> Array | None:
    return None if tensor is None else _numbers(tensor)


def _numbers(tensor: Tensor) -> Array:
    return tensor.detach().float().cpu().numpy()
