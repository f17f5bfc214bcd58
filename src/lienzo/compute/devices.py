"""Where tensors live, and in which precision their products are computed."""

import ctypes
import sys
from typing import Literal

import torch
from torch import Tensor

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


def in_autocast(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return tensors in the precision of autocast, where it is on for their device: custom functions do not see it."""
    kind = tensors[0].device.type
    if not (torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)):
        return tensors
    dtype = torch.get_autocast_dtype(kind)
    return tuple(tensor.to(dtype) for tensor in tensors)


def memory_format(device: torch.device) -> torch.memory_format:
    """Return how pictures and weights of convolutions lie in memory where they are fastest: channels-last but on MPS.

    There their gradients were thirty times slower (pytorch/pytorch, issue 193349), and batch normalisation wrong for
    parts of a tensor (174345) and views (175189).
    """
    return torch.contiguous_format if device.type == "mps" else torch.channels_last


def keep_memory(device: torch.device) -> None:
    """Let this process keep the memory that tensors leave, for the next ones: those on a CPU, where glibc manages it.

    Otherwise large tensors and what is free at the heap's end go back to the kernel, and every step of a training is
    given the same pages again, filled with zeros: 5 to 7 % of its time (docs/log.md, section "Memory that is kept").
    """
    if device.type != "cpu" or sys.platform != "linux":
        return
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)  # another C library than glibc may lack it
    if set_option is not None:
        set_option(-4, 0)  # M_MMAP_MAX: no tensor in a mapping of its own
        set_option(-1, -1)  # M_TRIM_THRESHOLD: the heap never shrinks


def peak_memory(device: torch.device) -> int:
    """Return the most bytes that were held so far: of a GPU's memory, else of this process's; 0 where nobody counts."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        return 0
    import resource  # noqa: PLC0415  not there on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
