"""What a person sees while a verb works: a bar in a terminal, plain lines otherwise; all of it on standard error."""

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
"""Without a terminal, a line at most this often."""


def under_torchrun() -> bool:
    """Say whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def speaks() -> bool:
    """Say whether this process speaks for all: of those that torchrun started on a machine, the first does."""
    return not under_torchrun() or os.environ["LOCAL_RANK"] == "0"


def note(text: str) -> None:
    """Say something that is no result."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


@dataclass
class Bar:
    """How far a verb has come."""

    progress: "Progress | None"
    """Rich's display, or none where there is no terminal."""

    title: str
    _task: "TaskID | None" = None
    _shown: float = field(default=-PLAIN_SECONDS)
    _line: str = ""
    _first: tuple[float, float] | None = None

    def show(self, done: float, total: float, text: str = "", title: str | None = None) -> None:
        """Show that ``done`` of ``total`` are done, and a few words or figures beside it."""
        if title is not None and title != self.title:
            self.title, self._first = title, None
        now = time.monotonic()
        if self.progress is not None:
            if self._task is None:
                self._task = self.progress.add_task(self.title, completed=int(done), total=total, text=text)
            self.progress.update(self._task, completed=done, total=total, text=text, description=self.title)
        elif speaks() and (done >= total or now - self._shown >= PLAIN_SECONDS):
            self._shown = now
            self._first = self._first or (now, done)
            words = [f"{self.title}: {done:,.0f} of {total:,.0f}", text, self._left(now, done, total)]
            line = "  ".join(word for word in words if word)
            if line != self._line:  # many a verb comes to its end twice
                note(line)
            self._line = line

    def _left(self, now: float, done: float, total: float) -> str:
        """Say how long it still takes, at the speed since the first line; what was done before does not count."""
        assert self._first is not None
        since, at = self._first
        if done >= total or done <= at:
            return ""
        return f"{datetime.timedelta(seconds=round((now - since) * (total - done) / (done - at)))} left"


def _in_terminal() -> tuple["Progress", logging.Handler]:
    """Return what shows progress in a terminal, and what writes messages above it."""
    from rich.console import Console  # noqa: PLC0415  whoever has no terminal needs none of it
    from rich.logging import RichHandler  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    progress = Progress(*columns, TextColumn("{task.fields[text]}"), console=console, expand=False)
    return progress, RichHandler(console=console, show_time=False, show_path=False)


@contextmanager
def bar(title: str) -> Iterator[Bar]:
    """Give a :class:`Bar` for as long as the block runs; messages of the library appear above it."""
    progress, handler = _in_terminal() if sys.stderr.isatty() and speaks() else (None, logging.StreamHandler())
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
