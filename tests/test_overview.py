"""What lies below a folder, and what the caches hold."""

import json
import shutil
from pathlib import Path

import pytest
from conftest import Command, Paint

import lienzo
from lienzo.collection.collection import Collection
from lienzo.errors import InputError
from lienzo.inspection.overview import lines, overview, written
from lienzo.storage import caches


@pytest.fixture
def shelf(run: lienzo.Run, collection: Collection, tmp_path: Path) -> Path:
    """Put a finished run with scores, an interrupted one, a damaged one and a collection into a folder."""
    folder = tmp_path / "shelf"
    scored = lienzo.Run(shutil.copytree(run.path, folder / "runs" / "scored"))
    scores = [
        {"detector": detector, "truncation": psi, "measures": {"kid": {"value": value, "error": 0.1}, "fid": None}}
        for detector, psi, value in (
            ("lite0", None, 0.3),
            ("lite0", None, 0.02),
            ("lite0", 0.5, 0.01),
            ("pixels", None, 4.0),
        )
    ]
    scored.scores_path.write_text("\n".join(map(json.dumps, scores)) + "\n", encoding="utf-8")
    halfway = lienzo.Run(shutil.copytree(run.path, folder / "runs" / "halfway"))
    halfway.truncate_log(16)
    for checkpoint in halfway.checkpoints():
        checkpoint.unlink()
    damaged = shutil.copytree(run.path, folder / "runs" / "deep" / "damaged")
    (damaged / "recipe.toml").write_text("batch = 'many'", encoding="utf-8")
    unreadable = shutil.copytree(run.path, folder / "runs" / "unreadable")
    (unreadable / "log.jsonl").unlink()
    (unreadable / "log.jsonl").mkdir()
    shutil.copytree(collection.path, folder / "art-16")
    return folder


def test_a_folder_lists_its_runs_and_collections(shelf: Path) -> None:
    found = lienzo.info(shelf)
    assert found["kind"] == "folder"
    assert [*found["runs"]] == ["runs/deep/damaged", "runs/halfway", "runs/scored", "runs/unreadable"]
    scored = found["runs"]["runs/scored"]
    assert (scored["state"], scored["images"], scored["total"]) == ("finished", 48, 48)
    assert scored["scores"] == {"kid": 0.02}
    assert scored["bytes"] == sum(
        path.stat().st_size for path in (shelf / "runs" / "scored").rglob("*") if path.is_file()
    )
    assert found["runs"]["runs/halfway"]["state"] == "interrupted"
    assert found["runs"]["runs/deep/damaged"]["state"] == "damaged"
    assert found["runs"]["runs/unreadable"]["state"] == "damaged"
    assert found["collections"]["art-16"]["pictures"] == 24
    assert found["bytes"] == sum(one["bytes"] for group in ("runs", "collections") for one in found[group].values())


def test_the_command_prints_two_tables(shelf: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shelf)
    status, out, _ = command("info")
    assert status == 0
    assert out.splitlines()[0].split() == ["run", "recipe", "state", "pictures", "shown", "KID", "FID", "size"]
    assert "runs/scored        small   finished     48 of 48        0.0200" in out
    assert "art-16      24        16×16×3" in out
    assert json.loads(command("info", shelf, "--json")[1]) == lienzo.info(shelf)


def test_scores_that_cannot_be_read_do_not_hide_the_others(shelf: Path) -> None:
    scored = shelf / "runs" / "halfway" / "scores.jsonl"
    scored.unlink(missing_ok=True)  # other tests may have scored the run
    found = lienzo.info(shelf)
    scored.mkdir()
    assert lienzo.info(shelf) == found


def test_what_is_within_a_run_is_not_listed(shelf: Path, collection: Collection) -> None:
    shutil.copytree(collection.path, shelf / "runs" / "scored" / "samples" / "art")
    assert [*overview(shelf)["collections"]] == ["art-16"]


def test_a_folder_without_any_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no collection and no run, and there is none below it"):
        lienzo.info(tmp_path)


def test_a_folder_of_one_kind_has_one_table() -> None:
    found = {"runs": {}, "collections": {"a": {"state": "damaged", "bytes": 0}}, "bytes": 0}
    assert lines(found) == ["collection  pictures  shape  size", "a           damaged          0 bytes"]
    assert [written(size) for size in (0, 999, 1000, 12_345_678, 10**16)] == [
        "0 bytes", "999 bytes", "1.0 kB", "12.3 MB", "10000.0 TB",
    ]  # fmt: skip


def test_caches_are_listed_and_cleared_but_for_what_is_nowhere_else(
    command: Command, paint: Paint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIENZO_CACHE", str(tmp_path / "cache"))
    mine = tmp_path / "cache" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("no cache")
    (tmp_path / "store").mkdir()
    url = (tmp_path / "store").as_uri()
    made = lienzo.prepare(paint(tmp_path / "pictures", 8), url, size=16, workers=1)
    features = caches.folder("features") / "fedcba9876543210"
    features.mkdir(parents=True)
    (features / "features.npy").write_bytes(bytes(1000))
    theirs = [caches.folder(kind) / "1998" / "scan.jpg" for kind in caches.KINDS]
    for path in theirs:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(7))
    unsent = caches.folder("collections") / "0123456789abcdef"
    unsent.mkdir()
    (unsent / "images-00000.npy").write_bytes(bytes(10))

    status, out, _ = command("info", "--caches", "--json")
    assert status == 0
    found = json.loads(out)
    assert (found["path"], found["features"]["bytes"], found["kernels"]["bytes"]) == (str(tmp_path / "cache"), 1000, 0)
    assert found["bytes"] == found["collections"]["bytes"] + 1000

    for words in (["--clear-caches", str(made.path)], ["nowhere", "--caches"], ["--caches", "--clear-caches"]):
        status, _, told = command("info", *words)
        assert (status, told.count("\n")) == (2, 1)
    status, out, _ = command("info", "--clear-caches", "--json")
    assert status == 0
    cleared = json.loads(out)
    assert (cleared["freed"], cleared["kept"]) == (found["bytes"] - 10, [str(unsent)])
    assert not made.path.exists()
    assert all(path.exists() for path in (mine, *theirs))
    assert lienzo.Collection.open(url).fingerprint == made.fingerprint


@pytest.mark.parametrize("name", ["LIENZO_CACHE", "XDG_CACHE_HOME"])
def test_an_empty_variable_is_none(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in ("LIENZO_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    usual = caches.root()
    monkeypatch.setenv(name, "")
    monkeypatch.chdir(tmp_path)
    assert caches.root() == usual
    assert usual.is_absolute()
