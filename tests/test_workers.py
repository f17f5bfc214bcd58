"""A picture that kills or stalls its decoder costs one process, never the preparation."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from pictures_for_tests import encoded, painting

from lienzo.collection.listing.entries import Entry
from lienzo.collection.reasons import Reason
from lienzo.collection.screening.workers import Worker, screen_units
from lienzo.collection.settings import Settings

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
    assert (found[0].reason, found[0].detail) == (Reason.UNDECODABLE, "the decoder died of it, twice")
    assert not found[1].reason


def test_a_worker_that_was_killed_is_replaced() -> None:
    worker = Worker(SETTINGS, patience=60)
    worker._running().kill()
    assert not worker.screen([GOOD])[0].reason
    worker.close()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pipe to wait for")
def test_a_picture_that_never_ends_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    endless = Entry("endless.jpg", str(tmp_path / "pipe"), 100)
    units = [("a", [endless, GOOD]), ("b", [GOOD])]
    found = dict(screen_units(units, SETTINGS, 1, patience=4))
    assert found["a"][0].detail == "no end after 4 seconds"
    assert [one.reason for one in (found["a"][1], found["b"][0])] == ["", ""]
