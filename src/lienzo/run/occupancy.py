"""Who is training in a run's folder: one process at a time, and it can be seen from outside.

The operating system drops the lock of a process that ends, however it ends, so that nothing is left to clean up. Locks
need not reach across machines that share a folder; a file that is written every ten seconds at most tells of those.
"""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from filelock import FileLock, Timeout

from lienzo.errors import RunError
from lienzo.run.run import Run
from lienzo.storage.files import write_json
from lienzo.storage.schemas import decode

BEAT_SECONDS = 10.0
"""A sign of life at most this often."""

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


@dataclass
class Presence:
    """The sign of life of this process."""

    run: Run
    _beaten: float = field(default=0.0)

    def beat(self) -> None:
        """Say that this process is alive, unless it has just done so."""
        if time.monotonic() - self._beaten >= BEAT_SECONDS or not self._beaten:
            self._beaten = time.monotonic()
            me = {"host": socket.gethostname(), "pid": os.getpid(), "seen": time.time()}
            write_json(self.run.presence_path, me)


def occupant(run: Run) -> Occupant | None:
    """Return who is training in the run's folder, or none."""
    try:
        found = decode(run.presence_path.read_bytes(), Occupant)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    if found.host != socket.gethostname():
        return found if time.time() - found.seen < SILENCE_SECONDS else None
    if not run.lock_path.exists():
        return None
    try:
        with FileLock(run.lock_path, timeout=0):
            return None
    except Timeout:
        return found


@contextmanager
def occupying(run: Run) -> Iterator[Presence]:
    """Hold the run's folder for as long as the block runs.

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
        presence = Presence(run)
        presence.beat()
        try:
            yield presence
        finally:
            run.presence_path.unlink(missing_ok=True)
