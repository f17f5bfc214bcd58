"""A limit of memory for the reading of files that may unpack to far more than they have bytes."""

import contextlib
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

SLACK = 1 << 31
"""Bytes of memory that reading may take beside the file's own size: for copies, and the stock of an allocator. That of
Arrow takes 1 GiB of addresses at once, used or not."""

_one_at_a_time = threading.Lock()


@contextlib.contextmanager
def limited(size: int) -> Iterator[None]:
    """Let this process take no more memory than a file of ``size`` bytes warrants while the block runs (Linux only).

    What asks for more gets a MemoryError, and the process keeps running. On other systems nothing is limited.
    """
    if sys.platform != "linux":
        yield
        return
    import resource  # noqa: PLC0415  other systems lack or ignore it

    with _one_at_a_time:
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        allowed = _taken() + size + SLACK
        tighter = soft == resource.RLIM_INFINITY or allowed < soft
        resource.setrlimit(resource.RLIMIT_DATA, (allowed if tighter else soft, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _taken() -> int:
    """Return how many bytes of data this process has."""
    found = re.search(r"^VmData:\s*(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
