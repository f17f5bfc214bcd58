"""The kinds that a generator can be exported to."""

from collections.abc import Callable

from lienzo.export import card, onnx, page, safetensors
from lienzo.export.progress import Steps
from lienzo.export.settings import Kind

GENERATORS: dict[Kind, Callable[..., Steps]] = {
    "safetensors": safetensors.write,
    "onnx": onnx.write,
    "card": card.write,
    "page": page.write,
}
"""Kind -> the function that writes it.

A function takes a :class:`~lienzo.export.subject.Subject`, a path at which nothing lies yet, and as keyword arguments
those of the :class:`~lienzo.export.settings.Settings` that have a meaning for it. What it writes to the path is moved
to where the user wants it when the function has ended well, and removed when it has not.
"""
