"""One process at a time trains in a run's folder, and it can be seen from outside."""

import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest
from conftest import Command
from filelock import FileLock
from test_training import PROGRAM, start

import lienzo
from lienzo.collection.collection import Collection
from lienzo.errors import RunError
from lienzo.inspection.inspection import info
from lienzo.recipe.recipe import Recipe
from lienzo.run import occupancy
from lienzo.run.occupancy import SILENCE_SECONDS, occupant
from lienzo.run.run import Run
from lienzo.storage.files import write_json


def test_a_second_training_in_one_folder_is_refused_and_the_first_is_seen(
    collection: Collection, recipe: Recipe, tmp_path: Path, command: Command
) -> None:
    going = lienzo.steps(collection, recipe, tmp_path / "run", device="cpu")
    next(going)
    status, _, said = command("train", collection.path, "--out", tmp_path / "run", "--set", "batch=8")
    assert status == 2
    assert f"is being trained by process {os.getpid()} on" in said
    seen = info(tmp_path / "run")
    assert f"process {os.getpid()}" in seen["state"]
    assert seen["seconds_left"] >= 0
    going.close()  # type: ignore[attr-defined]
    assert info(tmp_path / "run")["state"] == "interrupted"
    lienzo.train(collection, recipe, tmp_path / "run", device="cpu")
    assert info(tmp_path / "run")["state"] == "finished"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_what_a_killed_process_leaves_is_no_lock(collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    path, run = tmp_path / "recipe.toml", Run(tmp_path / "run")
    path.write_text(recipe.with_settings(["images=800000"]).to_toml(), encoding="utf-8")
    process = start(PROGRAM, collection.path, path, run.path, 10**9)
    while not run.log() and process.poll() is None:
        time.sleep(0.01)
    found = occupant(run)
    assert found is not None
    assert found.pid == process.pid
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert run.presence_path.exists()
    assert occupant(run) is None
    next(lienzo.steps(collection, recipe.with_settings(["images=800000"]), run.path, device="cpu"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no locks that several can share")
def test_who_looks_is_taken_for_no_training_by_another_who_looks(tmp_path: Path) -> None:
    import fcntl

    run = Run(tmp_path)
    run.lock_path.touch(mode=0o444)
    write_json(run.presence_path, {"host": socket.gethostname(), "pid": 1, "seen": time.time()})
    with run.lock_path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        assert occupant(run) is None
    with FileLock(run.lock_path):
        assert occupant(run) is not None


def test_a_process_on_another_machine_counts_while_it_gives_signs_of_life(
    collection: Collection, recipe: Recipe, tmp_path: Path
) -> None:
    run = Run(tmp_path / "run")
    next(lienzo.steps(collection, recipe, run.path, device="cpu"))
    away = {"host": "elsewhere", "pid": 7, "seen": time.time()}
    run.presence_path.write_text(json.dumps(away))
    with pytest.raises(RunError, match=r"process 7 on elsewhere.*wait 10 minutes or delete .*running\.json"):
        lienzo.train(collection, recipe, run.path, device="cpu")
    run.presence_path.write_text(json.dumps(away | {"seen": time.time() - SILENCE_SECONDS}))
    lienzo.train(collection, recipe, run.path, device="cpu")


def test_a_long_pause_between_ticks_is_no_death(
    collection: Collection, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signs of life come from a thread of their own."""
    monkeypatch.setattr(occupancy, "SHOW_SECONDS", 0.01)
    run = Run(tmp_path / "run")
    going = lienzo.steps(collection, recipe, run.path, device="cpu")
    next(going)
    before = occupant(run)
    assert before is not None
    while (now := occupant(run)) is not None and now.seen == before.seen:
        time.sleep(0.01)
    assert now is not None
    going.close()
    assert not run.presence_path.exists()
