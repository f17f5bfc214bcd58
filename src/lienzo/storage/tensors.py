"""Tensors in files that cannot run code, and that are refused when they are damaged: :mod:`lienzo.storage.sealed`.

The same content is always the same file, byte for byte.
"""

import json
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from lienzo.errors import InputError
from lienzo.storage import sealed
from lienzo.storage.files import write_bytes


def save(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> str:
    """Write tensors and what describes them, whole or not at all.

    Args:
        path: of the file, ``*.safetensors``.
        tensors: by name, on any device, in any memory format.
        header: JSON values; ``kind`` says what the file holds.

    Returns:
        The fingerprint of the content.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    header = {"format": sealed.FORMAT, **header}
    seal = fingerprint(tensors, header)
    metadata = {"lienzo": json.dumps({**header, "fingerprint": seal})}  # one entry: their order is random
    write_bytes(path, safetensors.torch.save(tensors, metadata))
    return seal


def fingerprint(tensors: dict[str, Tensor], header: dict[str, Any]) -> str:
    """Return the fingerprint that :func:`save` gives to tensors on the CPU and a header; it has the format in it."""
    parts = (
        (name, str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape), _bytes(tensor))
        for name, tensor in tensors.items()
    )
    return sealed.fingerprint(parts, header)


def load(path: Path, kind: str | None, error: type[InputError]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors of a file by name, and its header with the ``fingerprint``.

    Arguments and errors are those of :func:`lienzo.storage.sealed.read`.
    """
    stored, header = sealed.read(path, kind, error)
    return {name: to_tensor(value) for name, value in stored.items()}, header


def to_tensor(stored: sealed.Stored) -> Tensor:
    """Return a tensor that was read from a file, without copying it."""
    dtype = getattr(torch, stored.dtype)
    numbers = torch.frombuffer(stored.data, dtype=dtype) if stored.numbers else torch.empty(0, dtype=dtype)
    return numbers.view(stored.shape)


def _bytes(tensor: Tensor) -> memoryview:
    return tensor.reshape(-1).view(torch.uint8).numpy().data
