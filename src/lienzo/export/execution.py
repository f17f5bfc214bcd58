"""Operations computed by NumPy: what a page will paint, known before it is written."""

import numpy as np
from numpy.typing import NDArray

from lienzo.export.operations import (
    Bounded,
    Combined,
    Enlarged,
    Features,
    Modulated,
    Noisy,
    Operation,
    Operations,
    Product,
    Spread,
)

Array = NDArray[np.float32]

Values = dict[int, Array]
"""Number of features -> the features (n, height, width, channels)."""


def painted(
    operations: Operations, picture: Features, z: Array, y: Array, shape: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """Return the pictures (n, height, width, channels) of latents (n, latents) and labels (n, classes)."""
    values: Values = {0: z[:, None, None]}
    if operations.y is not None:
        values[operations.y.number] = y[:, None, None]
    for operation in operations.operations:
        _execute(operation, values)
    images = values[picture.number].reshape(len(z), *shape)
    pixels: NDArray[np.uint8] = np.clip(np.rint((images + 1) * np.float32(127.5)), 0, 255).astype(np.uint8)
    return pixels


def _execute(operation: Operation, values: Values) -> None:
    match operation:
        case Product():
            values[operation.target.number] = _product(operation, values[operation.source.number])
        case Modulated(target, style, slope):
            scale, shift = np.split(values[style.number], 2, 3)
            values[target.number] = _rectified(values[target.number] * scale + shift, slope)
        case Noisy(target, noise, strength, slope):
            plane = values[noise.number].reshape(-1, target.height, target.width, 1)
            values[target.number] = _rectified(values[target.number] + plane * strength, slope)
        case Spread(source, target, basis):
            values[target.number] = basis * values[source.number]
        case Combined(target, source, share):
            before, other = values[target.number], values[source.number]
            values[target.number] = before + other if share is None else before + np.float32(share) * (other - before)
        case Enlarged(source, target, bilinear):
            values[target.number] = _enlarged(values[source.number], bilinear)
        case Bounded(target, by):
            values[target.number] = (
                np.tanh(values[target.number]) if by == "tanh" else values[target.number].clip(-1, 1)
            )


def _product(product: Product, source: Array) -> Array:
    height, width, channels = product.target.height, product.target.width, product.target.channels
    result = np.zeros((len(source), height, width, channels), np.float32)
    padded = np.pad(source, ((0, 0), (1, 1), (1, 1), (0, 0)))
    for part in product.parts:
        (top, left), step = part.at, product.step
        rows, columns = len(range(top, height, step)), len(range(left, width, step))
        seen = [padded[:, 1 + down :, 1 + right :][:, :rows, :columns] for down, right in part.taps]
        groups = [np.split(pixels, len(part.matrix), 3) for pixels in seen]
        made = [
            sum(pixels[number] @ matrix[tap] for tap, pixels in enumerate(groups))
            for number, matrix in enumerate(part.matrix)
        ]
        result[:, top::step, left::step] = np.concatenate(made, 3)
    return _rectified(result + product.bias, product.slope)


def _rectified(features: Array, slope: float) -> Array:
    return features if slope == 1 else np.maximum(features, np.float32(slope) * features)


def _enlarged(features: Array, bilinear: bool) -> Array:
    if not bilinear:
        return features.repeat(2, 1).repeat(2, 2)
    for axis in (1, 2):
        length = features.shape[axis]
        before = features.take([0, *range(length - 1)], axis)
        after = features.take([*range(1, length), length - 1], axis)
        pairs = [features + np.float32(0.25) * (other - features) for other in (before, after)]
        shape = [*features.shape]
        shape[axis] *= 2
        features = np.stack(pairs, axis + 1).reshape(shape)
    return features
