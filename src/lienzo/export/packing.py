"""Operations as JSON and bytes, in the layout that ``browser/interpreter.js`` computes with.

Features lie in memory channels-last, and each pixel's channels are filled up with zeros to :func:`stride`. A matrix
lies in panels of 4 or 8 columns, as :mod:`lienzo.export.products` wants them. Its columns are divided by their largest
number and stored as float16; what they were divided by is stored as float32. So columns of any size keep eleven bits.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

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
    Part,
    Product,
    Spread,
)

Array = NDArray[np.float32]

Precision = Literal["float16", "float32"]


@dataclass(frozen=True)
class Packed:
    """A network as a page carries it."""

    description: dict[str, Any]
    """JSON values: features, operations, and where in the bytes their numbers begin."""
    numbers: bytes
    """Biases, scales of columns and learnt features, float32, little-endian."""
    weights: bytes
    """Matrices, float16 or float32, little-endian."""


def stride(channels: int) -> int:
    """Return how many numbers a pixel of so many channels takes in memory."""
    return 4 if channels <= 4 else math.ceil(channels / 8) * 8


def rounded(operations: Operations, precision: Precision) -> Operations:
    """Return operations whose matrices are what is left of them in this precision."""
    if precision == "float32":
        return operations
    changed: list[Operation] = []
    for operation in operations.operations:
        if isinstance(operation, Product):
            parts = []
            for part in operation.parts:
                scale, halves = _halved(part.matrix)
                parts.append(Part(part.at, part.taps, halves.astype(np.float32) * scale))
            changed.append(
                Product(operation.source, operation.target, parts, operation.step, operation.bias, operation.slope)
            )
        else:
            changed.append(operation)
    result = Operations(operations.latents, operations.classes)
    result.features, result.operations = operations.features, changed
    return result


def packed(operations: Operations, picture: Features, precision: Precision) -> Packed:
    """Return a network as JSON and bytes.

    Args:
        operations: of the network.
        picture: the features that are its picture.
        precision: of the matrices.
    """
    packing = _Packing(precision)
    description = {
        "latents": operations.latents,
        "classes": operations.classes,
        "features": [[one.height, one.width, one.channels] for one in operations.features],
        "operations": [packing.add(operation) for operation in operations.operations],
        "picture": picture.number,
        "precision": precision,
    }
    return Packed(description, b"".join(packing.numbers), b"".join(packing.weights))


class _Packing:
    """Bytes as they come together."""

    def __init__(self, precision: Precision) -> None:
        self.precision = precision
        self.numbers: list[bytes] = []
        self.weights: list[bytes] = []
        self.numbers_so_far = self.weights_so_far = 0

    def add(self, operation: Operation) -> dict[str, Any]:
        """Return the description of an operation whose numbers are added to the bytes."""
        match operation:
            case Product():
                return self._product(operation)
            case Modulated():
                return {
                    "kind": "modulated",
                    "target": operation.target.number,
                    "source": operation.style.number,
                    "slope": operation.slope,
                }
            case Noisy():
                return {
                    "kind": "noisy",
                    "target": operation.target.number,
                    "source": operation.noise.number,
                    "strength": self._number(operation.strength),
                    "slope": operation.slope,
                }
            case Spread():
                where = {"source": operation.source.number, "target": operation.target.number}
                return {"kind": "spread", **where, "basis": self._number(operation.basis)}
            case Combined():
                where = {"target": operation.target.number, "source": operation.source.number}
                return {"kind": "combined", **where, "share": operation.share}
            case Enlarged():
                where = {"source": operation.source.number, "target": operation.target.number}
                return {"kind": "enlarged", **where, "bilinear": operation.bilinear}
            case Bounded():
                return {"kind": "bounded", "target": operation.target.number, "by": operation.by}

    def _product(self, product: Product) -> dict[str, Any]:
        parts = [self._part(product, _in_fours(part)) for part in product.parts]
        groups, _, _, outputs = _in_fours(product.parts[0]).matrix.shape
        columns = _columns(outputs, groups)
        bias = _filled(product.bias.reshape(groups, outputs), 1, columns)
        return {
            "kind": "product",
            "source": product.source.number,
            "target": product.target.number,
            "step": product.step,
            "slope": product.slope,
            "columns": columns,
            "bias": self._number(bias),
            "parts": parts,
        }

    def _part(self, product: Product, part: Part) -> dict[str, Any]:
        groups, taps, inputs, outputs = part.matrix.shape
        columns = _columns(outputs, groups)
        length = stride(product.source.channels) if groups == 1 else inputs
        scale, halves = _halved(part.matrix)
        whole = self.precision == "float32"
        matrix = np.zeros((groups, taps, length, math.ceil(outputs / columns) * columns), "f4" if whole else "f2")
        matrix[:, :, :inputs, :outputs] = part.matrix if whole else halves
        panels = matrix.reshape(groups, taps * length, -1, columns).transpose(0, 2, 1, 3)
        return {
            "at": part.at,
            "taps": part.taps,
            "groups": groups,
            "length": length,
            "panels": panels.shape[1],
            "scale": self._number(_filled(scale[:, 0, 0], 1, columns)),
            "weights": self._weight(panels),
        }

    def _number(self, array: Array) -> int:
        """Add numbers, and return where they begin."""
        before, self.numbers_so_far = self.numbers_so_far, self.numbers_so_far + array.size
        self.numbers.append(np.ascontiguousarray(array, "<f4").tobytes())
        return before

    def _weight(self, array: NDArray[Any]) -> int:
        """Add weights, and return where they begin."""
        before, self.weights_so_far = self.weights_so_far, self.weights_so_far + array.size
        self.weights.append(np.ascontiguousarray(array, "<f4" if self.precision == "float32" else "<f2").tobytes())
        return before


def _halved(matrix: Array) -> tuple[Array, NDArray[np.float16]]:
    """Return the scale (groups, 1, 1, outputs) of each column, and the columns divided by it."""
    largest = np.abs(matrix).max((1, 2), keepdims=True)
    scale = np.where(largest > 0, largest, 1).astype(np.float32)
    return scale, (matrix / scale).astype(np.float16)


def _columns(outputs: int, groups: int) -> int:
    """Return how many columns a panel has: 8, or 4 where 8 would reach into what lies behind."""
    if groups == 1:
        return min(8, stride(outputs))
    return 4 if outputs % 8 else 8


def _in_fours(part: Part) -> Part:
    """Return the part, without groups where they are not of four channels or a multiple: zeros fill its matrix."""
    groups, taps, inputs, outputs = part.matrix.shape
    if groups == 1 or (inputs % 4 == 0 and outputs % 4 == 0):
        return part
    whole = np.zeros((1, taps, groups * inputs, groups * outputs), np.float32)
    for group, matrix in enumerate(part.matrix):
        whole[0, :, group * inputs : (group + 1) * inputs, group * outputs : (group + 1) * outputs] = matrix
    return Part(part.at, part.taps, whole)


def _filled(array: Array, axis: int, multiple: int) -> Array:
    """Return an array with zeros behind the end of an axis, whose length becomes a multiple."""
    widths: Iterable[tuple[int, int]] = [
        (0, -length % multiple if axis == number else 0) for number, length in enumerate(array.shape)
    ]
    return np.pad(array, list(widths))
