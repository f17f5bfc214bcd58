"""Processes that screen files, so that a file that kills or stalls its decoder ends one process, not the preparation.

Workers are started with the interpreter's own command line, not forked and without importing the caller's script, so
that :func:`lienzo.prepare` works on every system, in notebooks and in scripts without ``if __name__ == "__main__"``.
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
from lienzo.collection.screening.decoding import LACK
from lienzo.collection.screening.screening import Screened, screen
from lienzo.collection.settings import Settings
from lienzo.errors import SourceError

PATIENCE = 120.0
"""Seconds that a process may spend on one file before it is killed."""

SPARE_MEMORY = 4 << 30
"""Bytes of memory that a process may use beside one decoded picture: the file, up to 1 GiB, the decoder and copies."""

_START = "import sys; sys.path[:] = {path!r}; from lienzo.collection.screening.workers import serve; serve()"

Unit = tuple[str, Sequence[Entry]]
"""A unit of work: its key in the journal, and the entries that one process screens one after the other."""


def serve() -> None:
    """Run a worker process: screen the entries that arrive on standard input until it is closed.

    It reads pickles, first the settings, then lists of entries, and writes one pickle for each entry.
    """
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
    """Screen one entry; return errors instead of raising them."""
    try:
        return screen(entry, settings)
    except SourceError as error:  # a store does not answer; the worker's owner raises it
        return error
    except MemoryError:  # outside the decoder
        return _refused(entry, Reason.EXHAUSTED, LACK)
    except Exception as error:  # a bug in lienzo: only this picture is refused, and the detail says why
        mistake = f"a mistake in lienzo, please report it: {type(error).__name__}: {error}"
        return _refused(entry, Reason.UNDECODABLE, mistake)


def _refused(entry: Entry, reason: Reason, detail: str) -> Screened:
    """Return the result of an entry that is refused."""
    return Screened(entry.name, entry.size, entry.stamp, dict(entry.labels), reason, detail)


def _limit_memory(size: int) -> None:
    """Limit this process to ``size`` bytes of memory (Linux only).

    A file whose decoder asks for more is then refused; without a limit the system would kill some process.
    """
    if sys.platform == "linux":
        import resource  # noqa: PLC0415  other systems lack or ignore it

        _, highest = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (size if highest < 0 else min(size, highest), highest))


class Worker:
    """A process that screens entries, started on first use and restarted whenever it died.

    A thread of this process kills it when it spends longer than ``patience`` seconds on one entry.
    """

    def __init__(self, settings: Settings, patience: float = PATIENCE) -> None:
        self._settings = settings
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._deadline = float("inf")
        self._ended = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def screen(self, entries: Sequence[Entry]) -> list[Screened]:
        """Screen entries in the process, in their order; an entry that kills it twice, or stalls it, is refused.

        Raises:
            SourceError: a store does not answer.
            EOFError, OSError: :meth:`end` was called from another thread.
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
                        self._stop()  # the process goes on with the other entries, whose answers nobody reads
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
                    screened.append(_refused(entries[len(screened)], Reason.EXHAUSTED, detail))
                    deaths = 0
            finally:
                self._deadline = float("inf")
        return screened

    def _running(self) -> subprocess.Popen[bytes]:
        """Return the process; start it if there is none."""
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
        """Kill the process once its deadline is over; runs in a thread until :meth:`end`."""
        while not self._ended.wait(0.5):
            process = self._process
            if process is not None and time.monotonic() > self._deadline:
                process.kill()

    def end(self) -> None:
        """Kill the process and start no other; a :meth:`screen` that runs in another thread raises."""
        self._ended.set()
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """Kill the process, start no other, and close its pipes; no :meth:`screen` may be running."""
        self.end()
        self._stop()

    def _stop(self) -> str:
        """Kill the process and close its pipes; return a clause on how it died, "" if there was none."""
        process, self._process = self._process, None
        if process is None:
            return ""
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)  # the pipes of a process that died close shortly before its exit code is known
        code = process.poll()
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):  # closing flushes, and nothing reads the rest
                pipe.close()
        signals = {-one.value: one.name for one in signal.Signals}
        return "the decoder died of it" + (f" ({signals[code]})" if code in signals else "")


def screen_units(
    units: Iterable[Unit], settings: Settings, workers: int, *, patience: float = PATIENCE
) -> Iterator[tuple[str, list[Screened]]]:
    """Screen units in ``workers`` processes on this machine.

    Args:
        units: keys and entries to screen; they are taken as processes become free.
        settings: the settings of the preparation.
        workers: number of processes.
        patience: seconds that a process may spend on one entry before it is killed.

    Yields:
        each unit's key and the results of its entries, in the order in which units are done.
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
