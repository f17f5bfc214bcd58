"""Processes that screen: a picture that kills or stalls its decoder costs one process, never the preparation.

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
"""Seconds after which a decoder that has not come to an end is stopped."""

_START = "import sys; sys.path[:] = {path!r}; from lienzo.collection.screening.workers import serve; serve()"

Unit = tuple[str, Sequence[Entry]]
"""A key and the entries that are screened in one go."""


def serve() -> None:
    """Screen what comes in on standard input until it ends; a worker's main function."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what C libraries print must not mix with the answers
    try:
        settings: Settings = pickle.load(sys.stdin.buffer)
        while True:
            for entry in pickle.load(sys.stdin.buffer):
                try:
                    answer: Screened | SourceError = screen(entry, settings)
                except SourceError as error:  # a store does not answer
                    answer = error
                pickle.dump(answer, answers, protocol=5)
                answers.flush()
    except (EOFError, BrokenPipeError):
        os._exit(0)  # the preparation ended or died


class Worker:
    """One process, started when it is first needed and again whenever it died."""

    def __init__(self, settings: Settings, patience: float) -> None:
        self._settings = settings
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._deadline = float("inf")
        self._ended = False

    def screen(self, entries: Sequence[Entry]) -> list[Screened]:
        """Screen entries one after the other; one that kills its process twice is refused."""
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
                    if self._ended:
                        raise EOFError
                    self._deadline = time.monotonic() + self._patience
                    answer = pickle.load(process.stdout)
                    if isinstance(answer, SourceError):
                        raise answer
                    screened.append(answer)
            except (EOFError, OSError, pickle.UnpicklingError):
                if self._ended:
                    raise
                stalled = time.monotonic() > self._deadline
                self.stop()
                deaths = deaths + 1 if len(screened) == before else 1
                if stalled or deaths == 2:
                    entry = entries[len(screened)]
                    detail = (
                        f"no end after {self._patience:.0f} seconds" if stalled else "the decoder died of it, twice"
                    )
                    screened.append(
                        Screened(entry.name, entry.size, entry.stamp, dict(entry.labels), Reason.UNDECODABLE, detail)
                    )
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

    def watch(self) -> None:
        """Kill the process if it has been at one entry for too long."""
        process = self._process
        if process is not None and time.monotonic() > self._deadline:
            process.kill()

    def end(self) -> None:
        """Kill the process, and let :meth:`screen` fail instead of starting another."""
        self._ended = True
        if self._process is not None:
            self._process.kill()

    def stop(self) -> None:
        """Kill the process, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                with contextlib.suppress(OSError):  # what was left unwritten went with the process
                    pipe.close()


def screen_units(
    units: Iterable[Unit], settings: Settings, workers: int, *, patience: float = PATIENCE
) -> Iterator[tuple[str, list[Screened]]]:
    """Screen units in ``workers`` processes on this machine.

    Yields:
        each unit's key and what was found out, in the order in which they are done.
    """
    idle = [Worker(settings, patience) for _ in range(workers)]
    everyone = list(idle)
    ended = threading.Event()

    def run(key: str, entries: Sequence[Entry]) -> tuple[str, list[Screened]]:
        worker = idle.pop()
        try:
            return key, worker.screen(entries)
        finally:
            idle.append(worker)

    def watch() -> None:
        while not ended.wait(0.5):
            for worker in everyone:
                worker.watch()

    pool = ThreadPoolExecutor(workers)
    watchman = threading.Thread(target=watch, daemon=True)
    watchman.start()
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
        ended.set()
        watchman.join()
        for worker in everyone:
            worker.stop()
