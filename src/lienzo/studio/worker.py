"""Processes that compute for the page, and the queue in front of each: the latest wish of each page wins.

A process has a low priority and one thread, so that a training beside it loses little. It is started with the first
wish, loads PyTorch then, and ends with the studio, or after a while without wishes.
"""

import asyncio
import contextlib
import logging
import multiprocessing
import os
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool

from lienzo.errors import InputError

NICENESS = 12
"""Of 19, the lowest priority: docs/log.md, section "The studio under load", says what others cost."""

IDLE_SECONDS = 600.0
"""Without a wish for so long the process ends, and its memory is free."""

log = logging.getLogger("lienzo")

Answer = tuple[str, bytes]
"""Media type and content; the type ``error`` stands before a sentence."""

Job = Callable[[Any], Answer]
"""What a process does with a wish."""

Load = Callable[[], Job]
"""Imports what a job needs, PyTorch above all, and returns the job. It has to be a function of a module."""


class SupersededError(Exception):
    """The same page has wished for something newer, or has been left."""


@dataclass
class Worker:
    """A process, and who waits for it."""

    title: str
    """What it works for, as the list of processes has it."""
    load: Load
    """What its process begins with."""
    _process: multiprocessing.process.BaseProcess | None = None
    _pipe: Connection | None = None
    _change: threading.Lock = field(default_factory=threading.Lock)
    """Held while a process begins or is taken away: a wish runs in a thread, and the studio ends in another."""
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _newest: dict[str, int] = field(default_factory=dict)
    _count: int = 0
    _closed: bool = False

    async def ask(self, page: str, wish: object, gone: Callable[[], Awaitable[bool]] | None = None) -> Answer:
        """Return the answer to a wish, when its turn has come.

        Args:
            page: who wishes; a newer wish of the same page replaces one that still waits.
            wish: what is asked for, as the job takes it.
            gone: whether nobody waits for the answer any more, when its turn has come.

        Raises:
            SupersededError: a newer one came, or nobody waits.
            InputError: it cannot be done.
        """
        self._count += 1
        mine = self._newest[page] = self._count
        try:
            async with self._turn:
                if self._newest.get(page) != mine or (gone is not None and await gone()):
                    raise SupersededError
                kind, content = await run_in_threadpool(self._exchange, wish)
        finally:
            if self._newest.get(page) == mine:
                del self._newest[page]
        if kind == "error":
            raise InputError(content.decode())
        return kind, content

    def close(self) -> None:
        """End the process, and begin no other. A wish that is in hand is refused."""
        self._closed = True
        self._end()

    def _end(self) -> None:
        """End the process, once, whichever thread asks for it.

        The pipe closes itself when nobody holds it any more: another thread may be reading from it just now.
        """
        with self._change:
            process, self._process, self._pipe = self._process, None, None
        if process is not None:
            process.terminate()
            process.join()

    def _exchange(self, wish: object) -> Answer:
        for _ in range(2):
            pipe = self._open()
            try:
                pipe.send(wish)
                answer: Answer = pipe.recv()
            except (EOFError, OSError):  # it was killed, or ended for idleness just now
                self._end()
            else:
                return answer
        raise InputError("the process that computes for this view was ended twice: is the memory full? Try again.")

    def _open(self) -> Connection:
        """Return the pipe to the process, which begins if there is none."""
        with self._change:
            if self._closed:
                raise InputError("the studio is ending.")
            if self._process is None or self._pipe is None or not self._process.is_alive():
                context = multiprocessing.get_context("spawn")
                self._pipe, theirs = context.Pipe()
                name = f"lienzo {self.title}"
                process = context.Process(target=work, args=(theirs, self.load), daemon=True, name=name)
                process.start()
                self._process = process  # not before it has begun: there is nothing to end else
                theirs.close()
            return self._pipe


def _step_back() -> None:
    """Take a low priority, against processes of other terminals too, where the system knows priorities.

    Linux shares a processor between terminals first, and between the processes of each then. So this process leaves the
    studio's terminal, and gives its own group the low priority.
    """
    with contextlib.suppress(AttributeError, OSError):
        os.nice(NICENESS)
        os.setsid()
        Path("/proc/self/autogroup").write_text(str(NICENESS), encoding="ascii")


def work(pipe: Connection, load: Load) -> None:
    """Fulfil one wish after the other, until nobody is there.

    What the job needs is loaded before the priority falls: on a busy machine those seconds would become minutes.
    """
    import torch  # noqa: PLC0415  the server lives without

    torch.set_num_threads(1)
    job = load()
    _step_back()
    while pipe.poll(IDLE_SECONDS):
        try:
            wish = pipe.recv()
        except EOFError:
            return
        try:
            answer = job(wish)
        except InputError as error:
            answer = ("error", str(error).encode())
        except Exception as error:
            log.exception("A wish of the page failed.")
            answer = ("error", f"this failed ({type(error).__name__}); the terminal says more.".encode())
        try:
            pipe.send(answer)
        except OSError:  # the studio has ended meanwhile
            return
