"""Endurance: whatever is killed, damaged, filled up or kept running for long, no work is lost and nothing is wrong."""

import json
import logging
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from test_training import PROGRAM, assert_same, content, interrupted, start

import lienzo
from lienzo.collection.collection import Collection
from lienzo.errors import InputError, RunError
from lienzo.networks.shape import Shape
from lienzo.recipe.recipe import Recipe
from lienzo.run.run import Run
from lienzo.storage import tensors
from lienzo.training import open_run, resumption
from lienzo.training.state import State

SETTINGS = ["average_half_life=100", "on_trouble=rollback", "sample_every=16"]
"""So that a run has an average and milestones."""

SIXTEENTHS = range(16)


@pytest.fixture(autouse=True)
def every_tick_is_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_run, "SAVE_SECONDS", 0.0)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("kills", [pytest.param(4, marks=pytest.mark.slow), pytest.param(20, marks=pytest.mark.long)])
def test_kills_at_random_moments_lose_nothing(
    collection: Collection, recipe: Recipe, tmp_path: Path, kills: int
) -> None:
    """Half of them come anywhere in the life of a process, half soon after it has logged something new."""
    recipe = recipe.with_settings(
        ["average_half_life=100", "on_trouble=rollback", "sample_every=160", "images=1e9", "keep_epochs=false"]
    )
    path, run = tmp_path / "recipe.toml", Run(tmp_path / "run")
    path.write_text(recipe.to_toml(), encoding="utf-8")
    chance = random.Random(0)
    for kill in range(kills):
        before = len(run.log())
        process = start(PROGRAM, collection.path, path, run.path, 10**9)
        while kill % 2 and len(run.log()) <= before and process.poll() is None:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.5 if kill % 2 else 5.0))
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    reached = run.log()[-1]["images"]
    recipe = recipe.with_settings([f"images={reached + 160}"])
    whole = lienzo.train(collection, recipe, tmp_path / "whole", device="cpu")
    assert_same(lienzo.train(collection, recipe, run.path, device="cpu"), whole)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, collection: Collection, recipe: Recipe) -> tuple[Recipe, Run, Run]:
    """Give a recipe, the run of it that nothing interrupted, and one that was killed after three of four ticks."""
    recipe, folder = recipe.with_settings(SETTINGS), tmp_path_factory.mktemp("pair")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(open_run, "SAVE_SECONDS", 0.0)
        whole = lienzo.train(collection, recipe, folder / "whole", device="cpu")
        stopped = interrupted(collection, recipe, folder / "stopped")
    stopped.presence_path.write_text(json.dumps({"host": "elsewhere", "pid": 7, "seen": 0.0}), encoding="utf-8")
    return recipe, whole, stopped


@pytest.mark.parametrize(
    "flips", [1, pytest.param(3, marks=pytest.mark.slow), pytest.param(25, marks=pytest.mark.long)]
)
def test_a_flipped_byte_in_any_file_of_a_run_is_said_or_harmless(
    collection: Collection, pair: tuple[Recipe, Run, Run], tmp_path: Path, flips: int
) -> None:
    """In the head, in the body and in the tail: one sentence refuses it, or the run ends as it would have."""
    recipe, whole, stopped = pair
    names = sorted(path.relative_to(stopped.path) for path in stopped.path.rglob("*") if path.is_file())
    kinds = {name.parts[0].split(".")[0] for name in names}
    assert {
        "checkpoints",
        "milestones",
        "generator",
        "generators",
        "samples",
        "recipe",
        "run",
        "log",
        "events",
    } <= kinds
    assert {"lock", "running"} <= kinds
    chance, refused = random.Random(0), {}
    for number, name in enumerate(names):
        size = (stopped.path / name).stat().st_size
        for i in range(flips if size else 0):
            position = (
                chance.randrange(min(size, 64)),
                chance.randrange(size),
                size - 1 - chance.randrange(min(size, 64)),
            )
            run = Run(Path(shutil.copytree(stopped.path, tmp_path / "run")))
            flip(run.path / name, position[(number + i) % 3], chance.randrange(1, 256))
            try:
                lienzo.train(collection, recipe, run.path, device="cpu")
            except InputError as error:
                refused[str(error)] = name.name
            else:
                assert_unharmed(run, whole, run.path / name)
            shutil.rmtree(run.path)
    assert set(refused.values()) == {"run.json"}
    assert not [said for said in refused if "\n" in said or "run.json" not in said]


def flip(path: Path, position: int, mask: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= mask
    path.write_bytes(data)


def assert_unharmed(run: Run, whole: Run, damaged: Path) -> None:
    """All is as in the whole run but what was damaged itself, and the drawings of it."""
    (state, log, files), (other_state, other_log, other_files) = content(run), content(whole)
    for name, tensor in state.items():
        assert torch.equal(tensor, other_state[name]), (damaged, name)
    assert log == other_log or damaged == run.log_path
    assert log[-1] == other_log[-1]
    drawn = {"samples": "samples/evolution.gif", run.path.name: "curves.png"}.get(damaged.parent.name)
    for name, data in files.items():
        assert data == other_files[name] or run.path / name == damaged or name == drawn, (damaged, name)


@pytest.mark.parametrize("flips", [60, pytest.param(300, marks=pytest.mark.slow)])
def test_a_checkpoint_with_a_flipped_byte_or_cut_short_is_said_and_the_one_before_it_serves(
    collection: Collection, pair: tuple[Recipe, Run, Run], tmp_path: Path, caplog: pytest.LogCaptureFixture, flips: int
) -> None:
    """Flips in the head and anywhere, and cuts at every sixteenth of the length."""
    recipe, _, stopped = pair
    run = Run(Path(shutil.copytree(stopped.path, tmp_path / "run")))
    shutil.rmtree(run.path / "milestones")
    newest, before = run.checkpoints()
    state, older = (State(recipe, Shape(16, 16, 3), torch.device("cpu")) for _ in range(2))
    hidden = newest.rename(tmp_path / "hidden")
    resumption.restore(run, older, [], pytest.fail)
    whole = hidden.read_bytes()
    chance = random.Random(0)
    damaged = [whole[: len(whole) * part // 16] for part in SIXTEENTHS]
    for i in range(flips):
        flipped = bytearray(whole)
        flipped[chance.randrange(len(whole) if i % 2 else 4096)] ^= chance.randrange(1, 256)
        damaged.append(bytes(flipped))
    silent = 0
    for data in damaged:
        newest.write_bytes(data)
        caplog.clear()
        with caplog.at_level(logging.WARNING, "lienzo"):
            resumption.restore(run, state, [], pytest.fail)
        if not caplog.messages:  # blanks of the padding are read by nobody
            silent += 1
            assert state.images == 48
            continue
        assert str(newest) in caplog.messages[0]
        assert (len(caplog.messages), state.images) == (1, 32)
        for name, tensor in state.tensors().items():
            assert torch.equal(tensor, older.tensors()[name]), name
    assert silent < max(2, flips / 60)
    assert before.exists()


SMALL_DISK = """
import sys
import torch
torch.set_num_threads(1)
from lienzo.cli import main as command
from lienzo.training import disk_space, open_run
open_run.SAVE_SECONDS = 0.0
disk_space.refuse_too_little = lambda *_: None
command.main()
"""
"""The command, which does not ask beforehand whether the disk has room: others may fill it meanwhile."""


@pytest.mark.slow
def test_a_disk_that_is_really_full_loses_nothing(
    collection: Collection, pair: tuple[Recipe, Run, Run], tmp_path: Path
) -> None:
    """A disk that grows by an eighth of what a run needs each time the command says that it is full."""
    recipe, whole, _ = pair
    disk, path = tmp_path / "disk", tmp_path / "recipe.toml"
    path.write_text(recipe.to_toml(), encoding="utf-8")
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4k", "lienzo", disk], capture_output=True, check=False
    ).returncode:
        pytest.skip("only root can make a small disk")
    run, full = Run(disk / "run"), 0
    needed = sum(file.stat().st_size for file in whole.path.rglob("*") if file.is_file())
    try:
        for eighths in range(9):
            room = f"remount,size={4096 + needed * eighths // 8}"
            subprocess.run(["mount", "-o", room, disk], check=True)
            words = ["train", collection.path, "--recipe", path, "--out", run.path, "--device", "cpu"]
            process = start(SMALL_DISK, *words)
            _, said = process.communicate()
            if process.returncode:
                full += 1
                assert process.returncode == 2
                assert "No space left on device" in said
                assert "Traceback" not in said
            for checkpoint in run.checkpoints():
                tensors.load(checkpoint, "checkpoint", RunError)
        assert full > 4
        subprocess.run(["mount", "-o", "remount,size=1g", disk], check=True)
        assert_same(lienzo.train(collection, recipe, run.path, device="cpu"), whole)
    finally:
        subprocess.run(["umount", disk], check=True)


LONG = """
import gc, json, sys, tracemalloc
import torch
torch.set_num_threads(1)
from pathlib import Path
from lienzo.training import loop, open_run
from lienzo.recipe.recipe import Recipe
collection, recipe, out = sys.argv[1:]
tracemalloc.start()
for tick in loop.steps(collection, Recipe.from_toml(Path(recipe)), out, device="cpu"):
    if tick.images % 4_000 == 0:
        gc.collect()
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * 4096
        print(json.dumps({"images": tick.images, "traced": tracemalloc.get_traced_memory()[0], "resident": resident}))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux counts pages there")
@pytest.mark.parametrize(
    "images", [pytest.param(12_000, marks=pytest.mark.slow), pytest.param(40_000, marks=pytest.mark.long)]
)
def test_thousands_of_steps_hold_no_more_memory_than_the_first(
    collection: Collection, recipe: Recipe, tmp_path: Path, images: int
) -> None:
    """Everything goes on meanwhile: ticks, drawings, averages, milestones, generators of epochs, checkpoints."""
    length = ["batch=2", f"images={images}", "tick=200", f"sample_every={images // 4}"]
    network = ["network.name=mlp", "network.width=8"]
    recipe = recipe.with_settings(
        [*length, *network, "average_half_life=100", "on_trouble=rollback", "keep_epochs=false"]
    )
    path = tmp_path / "recipe.toml"
    path.write_text(recipe.to_toml(), encoding="utf-8")
    process = start(LONG, collection.path, path, tmp_path / "run")
    printed, said = process.communicate()
    assert process.returncode == 0, said
    first, *_, last = map(json.loads, printed.splitlines())
    assert (first["images"], last["images"]) == (4_000, images)
    assert last["traced"] - first["traced"] < 200_000
    assert last["resident"] - first["resident"] < 8e6
