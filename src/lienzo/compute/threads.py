"""How many threads share an operation on a CPU: as many as there are cores that nothing else uses.

PyTorch divides each operation among its threads and waits for the last of them. Beside a program that keeps a core
busy, one thread is always the last, and a step takes several times as long as with a thread less (docs/log.md, section
"A machine that does other work too").
"""

import ctypes
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch

SECONDS = 1.0
"""Seconds between two measurements of what other programs use."""

SPARE = 0.35
"""Cores that others may use without a thread's being given up: an idle desktop, a system's own work."""

CALM = 2
"""Number of measurements in a row that have to find room before a thread is added."""

log = logging.getLogger("lienzo")


class Threads:
    """The number of threads of the calling thread's operations, adjusted between them.

    Never more than PyTorch had at the beginning. The number stays as it is where ``OMP_NUM_THREADS`` is set, and where
    the system does not tell what other programs use: everywhere but on Linux. What is computed depends on their number
    by rounding at most (docs/train.md).
    """

    def __init__(self, device: torch.device) -> None:
        """Begin to watch, where operations on ``device`` are the threads' work."""
        adjusted = device.type == "cpu" and "OMP_NUM_THREADS" not in os.environ
        self.most = torch.get_num_threads() if adjusted else 1
        self._before = torch.get_num_threads()
        self._calm = 0
        self._announced = False
        self._cores = _cores()
        self._since = _clocks(self._cores)

    def __enter__(self) -> "Threads":
        return self

    def __exit__(self, *exception: object) -> None:
        """Give PyTorch back the number of threads that it had."""
        torch.set_num_threads(self._before)

    def adjust(self) -> None:
        """Measure what other programs use, at most once a second, and set as many threads as fit beside them."""
        if self.most == 1 or self._since is None or time.monotonic() - self._since[0] < SECONDS:
            return
        now = _clocks(self._cores)
        if now is None:
            return
        elapsed, own, busy = (after - before for after, before in zip(now, self._since, strict=True))
        self._since = now
        others = max(0.0, (busy - own) / elapsed)
        self._take(fitting(len(self._cores), others, self.most), others)

    def _take(self, number: int, others: float) -> None:
        now = torch.get_num_threads()
        self._calm = self._calm + 1 if number > now else 0
        if number < now or self._calm >= CALM:
            torch.set_num_threads(number)
            self._calm = 0
        if number < now and not self._announced:
            self._announced = True
            log.info(
                "The machine is shared: other programs keep %.1f of its %d cores busy, so training uses %d of %d "
                "threads until they are done. Up to rounding, what it learns does not depend on that.",
                others, len(self._cores), number, self.most,
            )  # fmt: skip


def fitting(cores: int, others: float, most: int) -> int:
    """Return how many threads find a core each, where other programs use so many of the cores; at least one.

    >>> [fitting(2, others, 2) for others in (0.0, 0.3, 0.5, 1.0, 2.0)], fitting(8, 1.0, 8), fitting(8, 1.0, 4)
    ([2, 2, 1, 1, 1], 7, 4)
    """
    return max(1, min(most, int(cores - others + SPARE)))


@contextmanager
def one_thread() -> Iterator[None]:
    """Within it operations have one thread, so that sums do not depend on how many there are elsewhere.

    OpenMP itself is asked where it can be: ``torch.set_num_threads`` makes oneDNN forget its compiled convolutions.
    """
    number = torch.get_num_threads()
    if number == 1:
        yield
        return
    set_number = _setter()
    set_number(1)
    try:
        yield
    finally:
        set_number(number)


@cache
def _setter() -> Callable[[int], object]:
    """Return what sets the number of threads."""
    setter = getattr(ctypes.CDLL(None), "omp_set_num_threads", None) if sys.platform == "linux" else None
    return setter or torch.set_num_threads


def _cores() -> frozenset[int]:
    """Return the cores that this process may use; none where the system does not tell what they do."""
    return frozenset(os.sched_getaffinity(0)) if sys.platform == "linux" else frozenset()


def _clocks(cores: frozenset[int]) -> tuple[float, float, float] | None:
    """Return seconds: of the clock, of this process on all cores, and of all programs on these; None where unknown."""
    if not cores:
        return None
    try:
        lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    busy = 0
    for line in lines:
        name, *numbers = line.split()
        if name.removeprefix("cpu").isdigit() and name.startswith("cpu") and int(name[3:]) in cores:
            user, nice, system, _idle, _waiting, interrupts, soft = map(int, numbers[:7])
            busy += user + nice + system + interrupts + soft
    return time.monotonic(), time.process_time(), busy / os.sysconf("SC_CLK_TCK")
