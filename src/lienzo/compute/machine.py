"""The machine that computes: its processor, cores, memory and GPU; read without PyTorch."""

import os
import platform
import re
import sys
from pathlib import Path


def processor() -> str:
    """Return the name of this machine's processor."""
    described = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", described.read_text()) if described.exists() else None
    return found.group(1) if found else platform.processor() or platform.machine()


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def memory() -> int | None:
    """Return the bytes of memory that this machine has; none where the system does not say."""
    if sys.platform == "win32":
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def described(gpu: str | None = None) -> dict[str, str | int]:
    """Return what identifies this machine as plain values.

    Args:
        gpu: the name of the GPU that computes, if one does.
    """
    known: dict[str, str | int | None] = {"model": processor(), "cores": cores(), "memory": memory(), "gpu": gpu}
    return {name: value for name, value in known.items() if value is not None}
