"""Devices, the precision of products, and memory."""

import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
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
    try:
        return torch.device(name)
    except RuntimeError:
        raise InputError(f"'{name}' is no device: write cpu, mps, cuda or one of several, such as cuda:1.") from None


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


def without_autocast(tensor: Tensor) -> AbstractContextManager[object]:
    """Return a context in which operations on a tensor's device keep the precision that they are given."""
    kind = tensor.device.type
    return torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext()


def in_autocast(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return tensors in the precision of autocast, where it is on for their device: custom functions do not see it."""
    kind = tensors[0].device.type
    if not (torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)):
        return tensors
    dtype = torch.get_autocast_dtype(kind)
    return tuple(tensor.to(dtype) for tensor in tensors)


def memory_format(device: torch.device) -> torch.memory_format:
    """Return the memory format in which convolutions are fastest: channels-last, but contiguous on MPS.

    There the gradients of channels-last were thirty times slower (pytorch/pytorch, issue 193349), and batch
    normalisation wrong for parts of a tensor (174345) and views (175189).
    """
    return torch.contiguous_format if device.type == "mps" else torch.channels_last


@contextmanager
def keeping_memory(device: torch.device) -> Iterator[None]:
    """Let this process keep the memory that tensors leave, for the next ones: those on a CPU, where glibc manages it.

    Otherwise large tensors and what is free at the heap's end go back to the kernel, and every step of a training is
    given the same pages again, filled with zeros: 5 to 7 % of its time (docs/log.md, section "Memory that is kept").
    After the block the settings are those that glibc documents as usual, and what is free goes back to the kernel.
    """
    library = _glibc() if device.type == "cpu" else None
    if library is None:
        yield
        return
    with _MALLOC_LOCK:
        _MALLOC_USERS.append(device)
        _set_options(library, maps=0, trim=-1)
    try:
        yield
    finally:
        with _MALLOC_LOCK:
            _MALLOC_USERS.pop()
            if not _MALLOC_USERS:  # of trainings side by side the last one
                _set_options(library, maps=65_536, trim=128 * 1024)
                library.malloc_trim(0)


_MALLOC_LOCK = threading.Lock()
_MALLOC_USERS: list[torch.device] = []
"""The blocks of :func:`keeping_memory` that run now in this process, whatever the thread."""


def _glibc() -> ctypes.CDLL | None:
    """Return the C library of this process where it is glibc; others lack what is asked of it."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if all(hasattr(library, name) for name in ("mallopt", "malloc_trim")) else None


def _set_options(library: ctypes.CDLL, *, maps: int, trim: int) -> None:
    """Say how many tensors may be mappings of their own, and from which size on free memory goes back (−1: never)."""
    library.mallopt(-4, maps)  # M_MMAP_MAX
    library.mallopt(-1, trim)  # M_TRIM_THRESHOLD


RESIDENT_BYTES = 4 << 30
"""Pictures up to this size are held on the device, by all processes of a machine together."""


def resident_bytes(device: torch.device) -> int:
    """Return how many bytes of pictures this process may hold on its device; more stay on the disk.

    At most 4 GiB, and at most a quarter of what a GPU has free. On a CPU the processes of a machine share the 4 GiB:
    what stays on the disk is read through the system's cache, which they share too.
    """
    if device.type == "cuda":
        return min(RESIDENT_BYTES, torch.cuda.mem_get_info(device)[0] // 4)
    if device.type == "mps":
        return min(RESIDENT_BYTES, torch.mps.recommended_max_memory() // 4)
    return RESIDENT_BYTES // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def peak_memory(device: torch.device) -> int:
    """Return the most bytes that were held so far: of a GPU's memory, else of this process's; 0 on Windows."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        return 0
    import resource  # noqa: PLC0415  not there on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def gpu(device: torch.device) -> str | None:
    """Return the name of the GPU that a device is; none where it is none."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return "Apple GPU" if device.type == "mps" else None
