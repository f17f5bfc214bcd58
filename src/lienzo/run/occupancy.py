"""Occupancy of a run's folder: one process at a time trains there, and others can see which.

The operating system drops the lock of a process that ends, however it ends, so that nothing is left to clean up. Locks
need not reach across machines that share a folder; for those there is a file that is written anew every ten seconds.
"""

import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from filelock import FileLock, Timeout

from lienzo.errors import RunError
from lienzo.run.run import Run
from lienzo.storage.files import write_json
from lienzo.storage.schemas import decode

if sys.platform != "win32":
    import fcntl

SHOW_SECONDS = 10.0
"""Time between two signs of life."""

SILENCE_SECONDS = 600.0
"""After so long without one, a process on another machine is taken for dead."""


@dataclass(frozen=True)
class Occupant:
    """A process that is training."""

    host: str
    """The machine's name."""

    pid: int
    """The process's number there."""

    seen: float
    """Its last sign of life, in seconds since 1970."""

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def occupant(run: Run) -> Occupant | None:
    """Return the process that is training in the run's folder, or None."""
    try:
        found = decode(run.presence_path.read_bytes(), Occupant)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    if found.host != socket.gethostname():
        return found if time.time() - found.seen < SILENCE_SECONDS else None
    return found if _is_locked(run) else None


def _is_locked(run: Run) -> bool:
    """Say whether a process holds the lock; of several that look at once none takes another for a training."""
    if not run.lock_path.exists():
        return False
    try:
        if sys.platform == "win32":  # it has no locks that several can share
            with FileLock(run.lock_path, timeout=0.1, poll_interval=0.01):
                return False
        with run.lock_path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (BlockingIOError, Timeout):
        return True
    except FileNotFoundError:  # it has just vanished
        return False
    return False


@contextmanager
def occupying(run: Run) -> Iterator[None]:
    """Hold the run's folder for as long as the block runs; a second thread shows meanwhile that this process lives.

    Raises:
        RunError: another process is training in it, or it cannot be written.
    """
    other = occupant(run)
    if other is not None:
        elsewhere = (
            f"; if that process was killed, wait {SILENCE_SECONDS / 60:.0f} minutes or delete {run.presence_path}"
            if other.host != socket.gethostname()
            else ""
        )
        raise RunError(f"{run.path} is being trained by {other}: let it, or choose another --out{elsewhere}.")
    try:
        run.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(run.lock_path).acquire(timeout=1)  # `lienzo info` may be looking
    except Timeout:
        raise RunError(f"{run.path} is being trained by another process: let it, or choose another --out.") from None
    except OSError as error:
        raise RunError(f"{run.path} cannot be written ({error.strerror}): choose another --out.") from None
    with lock:
        ended = threading.Event()
        _show(run)
        signs_of_life = threading.Thread(target=_keep_showing, args=(run, ended), daemon=True)
        signs_of_life.start()
        try:
            yield
        finally:
            ended.set()
            signs_of_life.join()
            run.presence_path.unlink(missing_ok=True)


def _keep_showing(run: Run, ended: threading.Event) -> None:
    """Renew the sign of life until the end, however long a step, a score or a pause between two ticks takes."""
    while not ended.wait(SHOW_SECONDS):
        with contextlib.suppress(OSError):  # a full disk: the next try may succeed, and a reader waits for long
            _show(run)


def _show(run: Run) -> None:
    """Write which process this is, and that it lives."""
    write_json(run.presence_path, {"host": socket.gethostname(), "pid": os.getpid(), "seen": time.time()})
