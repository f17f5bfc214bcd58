"""Where tensors live: what is asked of the C library."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
import torch
from lienzo.compute.devices import keeping_memory

def faults(rows=16):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(rows, 2**20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

usual = faults()
with keeping_memory(torch.device("cpu")):
    faults()  # the heap grows to what is needed
    kept = min(faults() for _ in range(3))
print(usual, kept, min(faults(64) for _ in range(2)))  # larger than any gap that was left in the heap
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are")
def test_memory_that_tensors_leave_is_kept_for_the_next_ones() -> None:
    printed = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True).stdout
    usual, kept, after = map(int, printed.split())
    assert usual > 100
    assert kept < usual / 10
    assert after > usual / 2  # the host process has its own memory management back
