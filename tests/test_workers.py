"""A picture that kills or stalls its decoder costs one process, never the preparation."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pictures_for_tests import encoded, painting
from PIL import Image

from lienzo.collection.listing.entries import Entry
from lienzo.collection.reasons import Reason
from lienzo.collection.screening import workers
from lienzo.collection.screening.screening import Screened
from lienzo.collection.screening.workers import Worker, screen_units
from lienzo.collection.settings import Settings
from lienzo.errors import SourceError

SETTINGS = Settings(size=16)
GOOD = Entry("good.jpg", "", 0, data=encoded(painting(0)))
GOOD = Entry("good.jpg", "", len(GOOD.data or b""), data=GOOD.data)


class Deadly(Entry):
    """Kills the process that receives it, as a decoder does that writes where it must not."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (11,)


def test_a_picture_that_kills_its_decoder_is_refused() -> None:
    worker = Worker(SETTINGS, patience=60)
    found = worker.screen([Deadly("deadly.jpg", "", 7), GOOD])
    worker.close()
    assert (found[0].reason, found[0].detail) == (Reason.EXHAUSTED, "the decoder died of it, twice")
    assert not found[1].reason


def test_a_worker_that_was_killed_is_replaced() -> None:
    worker = Worker(SETTINGS, patience=60)
    worker._running().kill()
    assert not worker.screen([GOOD])[0].reason
    worker.close()


def test_answers_that_nobody_read_are_not_those_of_the_next_unit() -> None:
    worker = Worker(SETTINGS, patience=60)
    with pytest.raises(SourceError, match="cannot be reached"):
        worker.screen([Entry("far.jpg", "nowhere://far.jpg", 7), GOOD])
    assert [one.source for one in worker.screen([replace(GOOD, name="next.jpg")])] == ["next.jpg"]
    worker.close()


def test_a_bug_is_reported_as_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def mistaken(entry: Entry, settings: Settings) -> None:
        raise UnboundLocalError("data")

    monkeypatch.setattr(workers, "screen", mistaken)
    answer = workers._answer(GOOD, SETTINGS)
    assert isinstance(answer, Screened)
    assert (answer.source, answer.reason) == ("good.jpg", Reason.UNDECODABLE)
    assert answer.detail == "a mistake in lienzo, please report it: UnboundLocalError: data"


def test_lack_of_memory_outside_the_decoder_is_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    def large(entry: Entry, settings: Settings) -> None:
        raise MemoryError

    monkeypatch.setattr(workers, "screen", large)
    answer = workers._answer(GOOD, SETTINGS)
    assert isinstance(answer, Screened)
    assert (answer.source, answer.reason) == ("good.jpg", Reason.EXHAUSTED)


class Violent(Entry):
    """Ends the process that receives it by a signal."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.abort, ()


@pytest.mark.skipif(sys.platform == "win32", reason="has no signals to name")
def test_the_signal_that_ended_a_decoder_is_named() -> None:
    worker = Worker(SETTINGS)
    found = worker.screen([Violent("violent.jpg", "", 7)])
    worker.close()
    assert found[0].detail == "the decoder died of it (SIGABRT), twice"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pipe to wait for")
def test_a_worker_enforces_its_patience_by_itself(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    worker = Worker(SETTINGS, patience=4)  # as each Ray worker has one
    found = worker.screen([Entry("endless.jpg", str(tmp_path / "pipe"), 100), GOOD])
    worker.close()
    assert [one.reason for one in found] == [Reason.EXHAUSTED, ""]
    assert found[0].detail == "no end after 4 seconds"


LIMITED = """
import sys
from lienzo.collection.listing.entries import Entry
from lienzo.collection.screening import workers
from lienzo.collection.settings import Settings
workers._limit_memory(400 << 20)
data = sys.stdin.buffer.read()
found = workers._answer(Entry("a.png", "", len(data), data=data), Settings(size=16))
print(found.reason, found.detail)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="no other system bounds memory")
def test_a_decoder_that_asks_for_too_much_memory_is_refused() -> None:
    data = encoded(Image.new("1", (12_000, 12_000)), "PNG")  # 576 MB as colours
    run = subprocess.run([sys.executable, "-c", LIMITED], input=data, capture_output=True, check=True)
    assert run.stdout.decode().strip() == f"{Reason.EXHAUSTED} it asks for more memory than there is for a worker"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pipe to wait for")
def test_a_picture_that_never_ends_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    endless = Entry("endless.jpg", str(tmp_path / "pipe"), 100)
    units = [("a", [endless, GOOD]), ("b", [GOOD])]
    found = dict(screen_units(units, SETTINGS, 1, patience=4))
    assert found["a"][0].detail == "no end after 4 seconds"
    assert [one.reason for one in (found["a"][1], found["b"][0])] == ["", ""]
