"""Progress of a command, on standard error: a bar in a terminal, plain lines elsewhere."""

import datetime
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PLAIN_SECONDS = 10.0
"""Least number of seconds between two lines of progress outside a terminal."""


def under_torchrun() -> bool:
    """Return whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def prints_messages() -> bool:
    """Return whether this process prints messages: of those that torchrun started on a machine, only the first does."""
    return not under_torchrun() or os.environ["LOCAL_RANK"] == "0"


def note(text: str) -> None:
    """Print a message to standard error, since standard output is for results."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


@dataclass
class Bar:
    """A display of a command's progress; see :func:`bar`."""

    progress: "Progress | None"
    """Rich's progress bar, or None outside a terminal."""

    title: str
    _task: "TaskID | None" = None
    _shown: float = field(default=-PLAIN_SECONDS)
    _line: str = ""
    _first: tuple[float, float] | None = None

    def show(self, done: float, total: float, text: str = "", title: str | None = None) -> None:
        """Show that ``done`` of ``total`` are done, with ``text`` beside it; ``title`` replaces the earlier title."""
        if title is not None and title != self.title:
            self.title, self._first = title, None
        now = time.monotonic()
        if self.progress is not None:
            if self._task is None:
                self._task = self.progress.add_task(self.title, completed=int(done), total=total, text=text)
            self.progress.update(self._task, completed=done, total=total, text=text, description=self.title)
        elif prints_messages() and (done >= total or now - self._shown >= PLAIN_SECONDS):
            self._shown = now
            self._first = self._first or (now, done)
            words = [f"{self.title}: {done:,.0f} of {total:,.0f}", text, self._left(now, done, total)]
            line = "  ".join(word for word in words if word)
            if line != self._line:  # some commands report their end twice
                note(line)
            self._line = line

    def _left(self, now: float, done: float, total: float) -> str:
        """Return the time left as text, estimated from the speed since the first line under this title."""
        assert self._first is not None
        since, at = self._first
        if done >= total or done <= at:
            return ""
        return f"{datetime.timedelta(seconds=round((now - since) * (total - done) / (done - at)))} left"


def _in_terminal() -> tuple["Progress", logging.Handler]:
    """Return Rich's progress bar, and a handler that writes log messages above it."""
    from rich.console import Console  # noqa: PLC0415  needed in a terminal only
    from rich.logging import RichHandler  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    progress = Progress(*columns, TextColumn("{task.fields[text]}"), console=console, expand=False)
    return progress, RichHandler(console=console, show_time=False, show_path=False)


@contextmanager
def bar(title: str) -> Iterator[Bar]:
    """Show a :class:`Bar` while the block runs; log messages of lienzo are written above it."""
    progress, handler = _in_terminal() if sys.stderr.isatty() and prints_messages() else (None, logging.StreamHandler())
    logger = logging.getLogger("lienzo")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    try:
        if progress is None:
            yield Bar(None, title)
        else:
            with progress:
                yield Bar(progress, title)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
