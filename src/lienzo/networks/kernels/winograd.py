"""The 4×4 convolution with stride 2 and padding 1 with fewer multiplications, for float32 on a CPU.

On blocks of 2×2 pixels such a convolution is one with a 2×2 kernel, stride 1 and four times as many channels.
Winograd's minimal filtering F(2, 2) (Lavin and Gray 2016, section 4.1) makes two of its outputs from three products
instead of four,

    y₀ = d₀g₀ + d₁g₁ = (d₀ − d₁)g₀ + d₁(g₀ + g₁)
    y₁ = d₁g₀ + d₂g₁ = d₁(g₀ + g₁) − (d₁ − d₂)g₁

where d are pixels, g weights and y outputs along one axis. In two dimensions four outputs take nine products instead of
sixteen, and each of the nine is a matrix product over channels. Beside these products there are only sums and
differences of two numbers, so that results agree with those of the plain convolution up to float32 rounding.

The three functions transform their arguments (``_transform_...``), multiply matrices, and transform the products back
(``_inverse_transform_...``). Pictures are (N, C, H, W), fastest channels-last, with H and W divisible by 4; features
(N, O, H/2, W/2); weights (O, C, 4, 4).
"""

import torch
from torch import Tensor
from torch.nn.functional import pad


def convolution(images: Tensor, weight: Tensor) -> Tensor:
    """Return the convolution (N, O, H/2, W/2)."""
    height, width = images.shape[2] // 4, images.shape[3] // 4
    products = torch.bmm(_transform_images(images), _transform_weight(weight).mT)
    return _inverse_transform_features(products, height, width)


def transposed_convolution(features: Tensor, weight: Tensor) -> Tensor:
    """Return the transposed convolution (N, C, H, W)."""
    height, width = features.shape[2] // 2, features.shape[3] // 2
    products = torch.bmm(_transform_features(features), _transform_weight(weight))
    return _inverse_transform_images(products, height, width)


def weight_gradient(images: Tensor, features: Tensor) -> Tensor:
    """Return the gradient of the sum of ``features`` · convolved ``images`` by the weights, (O, C, 4, 4)."""
    return _inverse_transform_weight(torch.bmm(_transform_features(features).mT, _transform_images(images)))


def _transform_images(images: Tensor) -> Tensor:
    """Return d₀ − d₁, d₁, d₁ − d₂ along both axes, (9, N · H/4 · W/4, 4C)."""
    number, channels, height, width = images.shape
    blocks = pad(images.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))
    blocks = blocks.view(number, height // 2 + 1, 2, width // 2 + 1, 2, channels)
    before, at, after = blocks[:, :-1:2], blocks[:, 1::2], blocks[:, 2::2]
    transformed = images.new_empty(3, 3, number, height // 4, width // 4, 2, 2, channels)
    before, at, after = (rows.transpose(2, 3) for rows in (before, at, after))
    for i, rows in enumerate((before - at, at, at - after)):
        torch.sub(rows[:, :, :-1:2], rows[:, :, 1::2], out=transformed[i, 0])
        transformed[i, 1] = rows[:, :, 1::2]
        torch.sub(rows[:, :, 1::2], rows[:, :, 2::2], out=transformed[i, 2])
    return transformed.view(9, -1, 4 * channels)


def _inverse_transform_images(products: Tensor, height: int, width: int) -> Tensor:
    """Return (N, C, 4 · height, 4 · width): the transpose of :func:`_transform_images`."""
    channels = products.shape[2] // 4
    products = products.view(3, 3, -1, height, width, 2, 2, channels)
    number = products.shape[2]
    columns = products.new_empty(3, number, height, 2, 2 * width + 1, 2, channels)
    before, at, after = products.transpose(-4, -3).unbind(1)
    _spread(columns, 4, before, at, after)
    blocks = products.new_empty(number, 2 * height + 1, 2, 2 * width + 1, 2, channels)
    _spread(blocks, 1, *columns)
    padded = blocks.view(number, 4 * height + 2, 4 * width + 2, channels)
    return padded[:, 1:-1, 1:-1].permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def _spread(target: Tensor, dimension: int, before: Tensor, at: Tensor, after: Tensor) -> None:
    """Write the transpose of d₀ − d₁, d₁, d₁ − d₂ along a dimension of ``target``."""
    target = target.movedim(dimension, 0)
    before, at, after = (part.movedim(dimension, 0) for part in (before, at, after))
    target[:-1:2] = before
    target[-1] = 0
    target[2::2] -= after
    torch.add(at, after, out=target[1::2]).sub_(before)


def _transform_features(features: Tensor) -> Tensor:
    """Return y₀, y₀ + y₁, −y₁ along both axes, (9, N · H/4 · W/4, O).

    This is the transpose of :func:`_inverse_transform_features`.
    """
    number, channels, height, width = features.shape
    pairs = features.permute(0, 2, 3, 1).reshape(number, height // 2, 2, width // 2, 2, channels)
    transformed = features.new_empty(3, 3, number, height // 2, width // 2, channels)
    top, bottom = pairs[:, :, 0], pairs[:, :, 1]
    for i, rows in enumerate((top, top + bottom, -bottom)):
        transformed[i, 0] = rows[:, :, :, 0]
        torch.add(rows[:, :, :, 0], rows[:, :, :, 1], out=transformed[i, 1])
        torch.neg(rows[:, :, :, 1], out=transformed[i, 2])
    return transformed.view(9, -1, channels)


def _inverse_transform_features(products: Tensor, height: int, width: int) -> Tensor:
    """Return m₀ + m₁ and m₁ − m₂ along both axes, (N, O, 2 · height, 2 · width)."""
    channels = products.shape[2]
    products = products.view(3, 3, -1, height, width, channels)
    features = products.new_empty(products.shape[2], height, 2, width, 2, channels)
    for i, rows in enumerate((products[0] + products[1], products[1] - products[2])):
        torch.add(rows[0], rows[1], out=features[:, :, i, :, 0])
        torch.sub(rows[1], rows[2], out=features[:, :, i, :, 1])
    return features.view(-1, 2 * height, 2 * width, channels).permute(0, 3, 1, 2)


def _transform_weight(weight: Tensor) -> Tensor:
    """Return g₀, g₀ + g₁, g₁ along both axes, (9, O, 4C)."""
    outputs, channels = weight.shape[:2]
    blocks = weight.permute(0, 2, 3, 1).reshape(outputs, 2, 2, 2, 2, channels)  # O, row, in block, column, in block, C
    transformed = weight.new_empty(3, 3, outputs, 2, 2, channels)
    first, second = blocks[:, 0], blocks[:, 1]
    for i, rows in enumerate((first, first + second, second)):
        transformed[i, 0] = rows[:, :, 0]
        torch.add(rows[:, :, 0], rows[:, :, 1], out=transformed[i, 1])
        transformed[i, 2] = rows[:, :, 1]
    return transformed.view(9, outputs, 4 * channels)


def _inverse_transform_weight(products: Tensor) -> Tensor:
    """Return (O, C, 4, 4): the transpose of :func:`_transform_weight`."""
    outputs, channels = products.shape[1], products.shape[2] // 4
    products = products.view(3, 3, outputs, 2, 2, channels)
    weight = products.new_empty(outputs, 2, 2, 2, 2, channels)
    for i, rows in enumerate((products[0] + products[1], products[1] + products[2])):
        torch.add(rows[0], rows[1], out=weight[:, i, :, 0])
        torch.add(rows[1], rows[2], out=weight[:, i, :, 1])
    return weight.view(outputs, 4, 4, channels).permute(0, 3, 1, 2)
