"""What can be asked of an export. It is read without PyTorch, so that the command's help is quick."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["safetensors", "onnx"]

ENDINGS: dict[Kind, str] = {
    "safetensors": ".safetensors",
    "onnx": ".onnx",
}
"""Every kind, and what is added to the name of a run or collection where no ``out`` is given."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is exported, and how.

    ``to`` and ``out`` are asked of every kind. Of the others each kind takes those that its function has as keyword
    arguments. One that it does not take is refused.
    """

    to: Kind | None = None
    """What to export to."""

    out: Path | None = None
    """File or folder to write, which may not exist yet; by default the name of what is exported, in this folder."""

    float16: bool = False
    """Write the weights as float16: half the size, and pictures that differ by at most 1 of 255."""

    floats: bool = False
    """Let the pictures stay numbers, (N, channels, height, width) in [-1, 1], instead of bytes."""

    licence: str | None = None
    """Licence under which you give the generator to others, such as cc-by-4.0; it stands in the card."""
