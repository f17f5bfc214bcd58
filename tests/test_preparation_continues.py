"""A preparation that is killed goes on, and nobody can tell from the collection."""

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pictures_for_tests import files_of, gallery

import lienzo
from lienzo.collection import preparation
from lienzo.collection.destination import JOURNAL, LOCK
from lienzo.collection.packing.journal import Journal
from lienzo.collection.settings import Settings

PREPARE = "import sys, lienzo; lienzo.prepare(sys.argv[1], sys.argv[2], size=64, workers=2, holdout=0.2)"


def prepare_until(source: Path, out: Path, journal_bytes: int) -> None:
    """Start preparing in another process and kill it as soon as its journal has so many bytes."""
    process = subprocess.Popen([sys.executable, "-c", PREPARE, source, out])
    journal = out / JOURNAL
    while process.poll() is None and not (journal.exists() and journal.stat().st_size >= journal_bytes):
        time.sleep(0.002)
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = gallery(tmp_path_factory.mktemp("source") / "pictures", 150)
    (source / "seas" / "broken.jpg").write_bytes((source / "seas" / "001.jpg").read_bytes()[:900])
    (source / "seas" / "again.jpg").write_bytes((source / "grids" / "000.jpg").read_bytes())
    return source


@pytest.fixture(scope="module")
def uninterrupted(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("whole") / "out"
    lienzo.prepare(source, out, size=64, workers=1, holdout=0.2)
    return files_of(out)


@pytest.mark.parametrize("journal_bytes", [pytest.param(1, marks=pytest.mark.slow), 800_000])
def test_killed_and_started_again(
    source: Path, uninterrupted: dict[str, bytes], tmp_path: Path, journal_bytes: int
) -> None:
    prepare_until(source, tmp_path / "out", journal_bytes)
    assert not (tmp_path / "out" / "collection.json").exists()
    lienzo.prepare(source, tmp_path / "out", size=64, workers=1, holdout=0.2)
    assert files_of(tmp_path / "out") == uninterrupted


@pytest.fixture(scope="module")
def seconds(source: Path, tmp_path_factory: pytest.TempPathFactory) -> float:
    """Give the time that a preparation takes which nobody stops."""
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", PREPARE, source, tmp_path_factory.mktemp("timed") / "out"], check=True)
    return time.monotonic() - started


@pytest.mark.parametrize(
    "moment",
    [pytest.param(moment, marks=pytest.mark.slow if moment < 3 else pytest.mark.long) for moment in range(10)],
)
def test_killed_at_a_random_moment(
    source: Path, uninterrupted: dict[str, bytes], seconds: float, tmp_path: Path, moment: int
) -> None:
    process = subprocess.Popen([sys.executable, "-c", PREPARE, source, tmp_path / "out"])
    time.sleep(seconds * random.Random(moment).random())
    process.kill()
    process.wait()
    lienzo.prepare(source, tmp_path / "out", size=64, workers=1, holdout=0.2)
    assert files_of(tmp_path / "out") == uninterrupted


@pytest.mark.parametrize("keep", [3, 0.3, pytest.param(0.9999, marks=pytest.mark.slow)])
def test_a_journal_that_lost_its_end(
    source: Path, uninterrupted: dict[str, bytes], tmp_path: Path, keep: float
) -> None:
    prepare_until(source, tmp_path / "out", 1_000_000)
    journal = tmp_path / "out" / JOURNAL
    content = journal.read_bytes()
    journal.write_bytes(content[: int(keep if keep >= 1 else keep * len(content))] + bytes(100))
    lienzo.prepare(source, tmp_path / "out", size=64, workers=1, holdout=0.2)
    assert files_of(tmp_path / "out") == uninterrupted


def test_what_the_journal_holds_is_not_done_again(source: Path, tmp_path: Path) -> None:
    prepare_until(source, tmp_path / "out", 1_000_000)
    journal, whole = tmp_path / "out" / JOURNAL, tmp_path / "whole"
    journal.write_bytes(journal.read_bytes()[:-10])  # a kill may cut the last frame short, whose unit is done again
    shutil.copy(journal, whole)
    settings = Settings(holdout=0.2, workers=1)
    Journal(whole, settings).close()
    held = whole.read_bytes()
    assert 500_000 < len(held) < journal.stat().st_size
    for step in preparation.steps(source, tmp_path / "out", settings):
        assert step.done > 0
        break
    assert journal.read_bytes()[: len(held)] == held


def test_only_one_preparation_at_a_time(source: Path, tmp_path: Path) -> None:
    from lienzo.collection.preparation import steps
    from lienzo.collection.settings import Settings
    from lienzo.errors import CollectionError

    out = tmp_path / "out"
    first = steps(source, out, Settings(workers=1))
    next(first)
    with pytest.raises(CollectionError, match="another preparation is writing into"):
        lienzo.prepare(source, out, workers=1)
    first.close()
    assert lienzo.prepare(source, out, workers=1).count == 150


def test_a_killed_preparation_locks_nobody_out(source: Path, tmp_path: Path) -> None:
    prepare_until(source, tmp_path / "out", 1)
    assert (tmp_path / "out" / LOCK).exists()
    assert lienzo.prepare(source, tmp_path / "out", size=64, workers=1, holdout=0.2).count == 150
