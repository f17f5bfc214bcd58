"""Tensors in files that cannot run code, and that know when they are damaged.

A file is safetensors whose metadata has one entry, ``lienzo``: JSON that describes the tensors and holds, as
``fingerprint``, the SHA-256 of that description and of every tensor. Reading compares it. The same content is always
the same file, byte for byte.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from lienzo.errors import InputError
from lienzo.storage.files import write_bytes

FORMAT = 1
"""Counts up when an older lienzo could no longer read the file."""


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
    header = {"format": FORMAT, **header}
    fingerprint = _fingerprint(tensors, header)
    metadata = {"lienzo": json.dumps({**header, "fingerprint": fingerprint})}  # one entry: their order is random
    write_bytes(path, safetensors.torch.save(tensors, metadata))
    return fingerprint


def load(path: Path, kind: str | None, error: type[InputError]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read tensors of a kind, or of any where that is none, and the header with its ``fingerprint``.

    Raises:
        InputError: of the type ``error``: no such file, a damaged or truncated one, or one that holds something else.
    """
    remedy = "copy it again, or delete it" if kind == "checkpoint" else "copy it again, or give another file"
    try:
        with safetensors.safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is no dict
    except FileNotFoundError:
        raise error(f"there is no file {path}: check the path.") from None
    except safetensors.SafetensorError as reason:
        raise error(f"{path} is truncated or no safetensors file ({reason}): {remedy}.") from None
    except OSError as reason:
        raise error(f"{path} cannot be read ({reason}): give a file that can be.") from None
    header = _read_header(metadata)
    if header is None or kind not in (None, header.get("kind")):
        raise error(f"{path} is no lienzo {kind or 'file'}: it was written by something else or holds something else.")
    if header["format"] > FORMAT:
        raise error(f"{path} was written by a newer lienzo: update lienzo to read it.")
    fingerprint = header.pop("fingerprint", None)
    if _fingerprint(tensors, header) != fingerprint:
        raise error(f"{path} is damaged, its content does not match its fingerprint: {remedy}.")
    return tensors, {**header, "fingerprint": fingerprint}


def _read_header(metadata: dict[str, str]) -> dict[str, Any] | None:
    try:
        header = json.loads(metadata.get("lienzo", ""))
    except ValueError:
        return None
    return header if isinstance(header, dict) and isinstance(header.get("format"), int) else None


def _fingerprint(tensors: dict[str, Tensor], header: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
