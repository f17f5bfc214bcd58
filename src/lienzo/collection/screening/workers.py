"""Processes that screen files: one that kills or stalls its decoder costs one process, never the preparation.

Workers are started with the interpreter's own command line, not forked and without importing the caller's script, so
that :func:`lienzo.prepare` works alike on every system, in notebooks and in scripts that guard nothing by ``__main__``.
"""

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from lienzo.collection.listing.entries import Entry
from lienzo.collection.reasons import Reason
from lienzo.collection.screening.screening import Screened, screen
from lienzo.collection.settings import Settings
from lienzo.errors import SourceError

PATIENCE = 120.0
"""Seconds after which a process that has not come to an end with a file is stopped."""

SPARE_MEMORY = 4 << 30
"""Bytes that a process may use beside the pixels of one picture: the file, up to 1 GiB, the decoder and copies."""

_START = "import sys; sys.path[:] = {path!r}; from lienzo.collection.screening.workers import serve; serve()"

Unit = tuple[str, Sequence[Entry]]
"""A key and the entries that are screened in one go."""


def serve() -> None:
    """Screen the entries that arrive on standard input until it ends; the main function of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what C libraries print must not mix with the answers
    try:
        settings: Settings = pickle.load(sys.stdin.buffer)
        _limit_memory(SPARE_MEMORY + 16 * settings.max_pixels)
        while True:
            for entry in pickle.load(sys.stdin.buffer):
                pickle.dump(_answer(entry, settings), answers, protocol=5)
                answers.flush()
    except (EOFError, BrokenPipeError):
        os._exit(0)  # the preparation ended or died


def _answer(entry: Entry, settings: Settings) -> Screened | SourceError:
    try:
        return screen(entry, settings)
    except SourceError as error:  # a store does not answer
        return error
    except Exception as error:  # a mistake of ours: it is told as what it is, and costs one picture
        return _undecodable(entry, f"a mistake in lienzo, please report it: {type(error).__name__}: {error}")


def _undecodable(entry: Entry, detail: str) -> Screened:
    return Screened(entry.name, entry.size, entry.stamp, dict(entry.labels), Reason.UNDECODABLE, detail)


def _limit_memory(size: int) -> None:
    """Let no allocation take this process beyond ``size`` bytes, where the system can: it fails instead.

    A file that makes its decoder ask for more is refused; without a limit the system would end some process.
    """
    if sys.platform == "linux":
        import resource  # noqa: PLC0415  no other system has it, or heeds it

        _, highest = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (size if highest < 0 else min(size, highest), highest))


class Worker:
    """A process that screens, started when it is first needed and again whenever it died.

    A thread watches it: a process that is busy with one entry for longer than ``patience`` seconds is killed.
    """

    def __init__(self, settings: Settings, patience: float = PATIENCE) -> None:
        self._settings = settings
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._deadline = float("inf")
        self._ended = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def screen(self, entries: Sequence[Entry]) -> list[Screened]:
        """Screen entries one after the other; one that kills its process twice, or stalls it, is refused.

        Raises:
            SourceError: a store does not answer.
            EOFError, OSError: :meth:`end` was called meanwhile.
        """
        screened: list[Screened] = []
        deaths = 0
        while len(screened) < len(entries):
            before = len(screened)
            try:
                process = self._running()
                assert process.stdin is not None
                assert process.stdout is not None
                pickle.dump(entries[before:], process.stdin, protocol=5)
                process.stdin.flush()
                while len(screened) < len(entries):
                    if self._ended.is_set():
                        raise EOFError
                    self._deadline = time.monotonic() + self._patience
                    answer = pickle.load(process.stdout)
                    if isinstance(answer, SourceError):
                        raise answer
                    screened.append(answer)
            except (EOFError, OSError, pickle.UnpicklingError):
                if self._ended.is_set():
                    raise
                stalled = time.monotonic() > self._deadline
                died = self._stop()
                deaths = deaths + 1 if len(screened) == before else 1
                if stalled or deaths == 2:
                    detail = f"no end after {self._patience:.0f} seconds" if stalled else f"{died}, twice"
                    screened.append(_undecodable(entries[len(screened)], detail))
                    deaths = 0
            finally:
                self._deadline = float("inf")
        return screened

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START.format(path=sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            assert self._process.stdin is not None
            pickle.dump(self._settings, self._process.stdin, protocol=5)
        return self._process

    def _watch(self) -> None:
        while not self._ended.wait(0.5):
            process = self._process
            if process is not None and time.monotonic() > self._deadline:
                process.kill()

    def end(self) -> None:
        """Kill the process for good; a :meth:`screen` that is running in another thread fails."""
        self._ended.set()
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """Kill the process for good and let go of its pipes; no :meth:`screen` may be running."""
        self.end()
        self._stop()

    def _stop(self) -> str:
        """Kill the process, if there is one, and say how it had ended before."""
        process, self._process = self._process, None
        if process is None:
            return ""
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)  # one that died closes its pipes a little before it can be asked how
        code = process.poll()
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):  # what was left unwritten went with the process
                pipe.close()
        signals = {-one.value: one.name for one in signal.Signals}
        return "the decoder died of it" + (f" ({signals[code]})" if code in signals else "")


def screen_units(
    units: Iterable[Unit], settings: Settings, workers: int, *, patience: float = PATIENCE
) -> Iterator[tuple[str, list[Screened]]]:
    """Screen units in ``workers`` processes on this machine.

    Args:
        units: to be screened; they are taken as processes become free.
        settings: the preparation's.
        workers: how many processes.
        patience: seconds after which a process that has not come to an end with an entry is stopped.

    Yields:
        each unit's key and what was found out, in the order in which they are done.
    """
    everyone = [Worker(settings, patience) for _ in range(workers)]
    idle = list(everyone)

    def run(key: str, entries: Sequence[Entry]) -> tuple[str, list[Screened]]:
        worker = idle.pop()
        try:
            return key, worker.screen(entries)
        finally:
            idle.append(worker)

    pool = ThreadPoolExecutor(workers)
    pending: set[Future[tuple[str, list[Screened]]]] = set()
    try:
        for key, entries in units:
            pending.add(pool.submit(run, key, entries))
            while len(pending) >= 2 * workers:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
    finally:
        for worker in everyone:
            worker.end()
        pool.shutdown(cancel_futures=True)
        for worker in everyone:
            worker.close()
