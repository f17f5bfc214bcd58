"""Where tensors live, and in which precision their products are computed."""

import sys
from typing import Literal

import torch

from lienzo.errors import InputError

Precision = Literal["auto", "fp32", "bf16"]


def pick_device(name: str = "auto") -> torch.device:
    """Return the device of this name; ``auto`` is CUDA, else Apple's MPS, else the CPU.

    Raises:
        InputError: this machine has no such device.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(device for device, there in available.items() if there))
    if not available.get(name.partition(":")[0]):
        there = ", ".join(device for device, there in available.items() if there)
        raise InputError(f"this machine has no device '{name}': choose auto or {there}.")
    return torch.device(name)


def pick_precision(precision: Precision, device: torch.device) -> Literal["fp32", "bf16"]:
    """Return the precision to use; ``auto`` is bf16 where the hardware multiplies it, else fp32."""
    if precision != "auto":
        return precision
    if device.type == "cpu":
        able = torch.cpu.get_capabilities()
        return "bf16" if able.get("avx512_bf16") or able.get("amx_bf16") else "fp32"
    return "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"


def has_tiles() -> bool:
    """Say whether the processor multiplies matrices of bfloat16 in tiles (AMX)."""
    return bool(torch.cpu.get_capabilities().get("amx_bf16"))


def peak_memory(device: torch.device) -> int:
    """Return the most bytes that were held so far: of a GPU's memory, else of this process's; 0 where nobody counts."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        return 0
    import resource  # noqa: PLC0415  not there on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
