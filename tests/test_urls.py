"""A collection behind an fsspec URL is one wherever a collection may be named, in the command and in the functions."""

import json
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from conftest import Command, Paint

import lienzo
from lienzo.errors import CollectionError
from lienzo.recipe.recipe import Recipe
from lienzo.run.run import usual_path


@pytest.fixture(params=["memory", "file"])
def url(request: pytest.FixtureRequest, paint: Paint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Prepare a collection behind a URL, with held-out pictures and labels."""
    monkeypatch.setenv("LIENZO_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    place = (
        f"memory://{tmp_path.name}/art-16" if request.param == "memory" else (tmp_path / "store" / "art-16").as_uri()
    )
    lienzo.prepare(paint(tmp_path / "pictures", 60), place, size=16, holdout=0.3, workers=1)
    yield place
    fsspec.filesystem("memory").store.clear()


def test_the_command_takes_a_url_wherever_it_takes_a_collection(
    url: str, command: Command, recipe: Recipe, tmp_path: Path
) -> None:
    (tmp_path / "small.toml").write_text(recipe.to_toml(), encoding="utf-8")

    def said(*words: object) -> object:
        status, out, told = command(*words)
        assert status == 0, told
        return json.loads(out)

    found = said("info", url, "--json")
    assert isinstance(found, dict)
    assert (found["kind"], found["pictures"]) == ("collection", 60)
    status, _, told = command("train", url, "--recipe", "small.toml", "--out", "memory://runs/a", "--device", "cpu")
    assert status == 2
    assert "not at memory://runs/a" in told
    status, out, told = command("train", url, "--recipe", "small.toml", "--images", 16, "--device", "cpu")
    assert (status, Path(out.strip())) == (0, Path("runs") / "art-16-small"), told
    scores = said("evaluate", "runs/art-16-small", url, url, "--detector", "pixels", "--samples", 12, "--json")
    assert isinstance(scores, list)
    assert [one["collection"] for one in scores] == [found["fingerprint"]] * 2
    assert {path.name for path in tmp_path.iterdir()} <= {"pictures", "cache", "store", "small.toml", "runs"}


def test_functions_take_a_url_wherever_they_take_a_collection(url: str, recipe: Recipe, tmp_path: Path) -> None:
    assert lienzo.info(url)["pictures"] == 60
    run = lienzo.train(url, recipe.lasting(epochs=None, images=16), device="cpu")
    assert run.path == Path("runs") / "art-16-small"
    scores = lienzo.evaluate(url, url, detector="pixels", samples=12, device="cpu")
    assert scores.collection == lienzo.Collection.open(url).fingerprint
    assert {path.name for path in tmp_path.iterdir()} <= {"pictures", "cache", "store", "runs"}


def test_a_collection_behind_a_url_needs_no_report_but_all_else(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store, folder = fsspec.core.url_to_fs(url)
    store.rm(f"{folder}/report.html")
    monkeypatch.setenv("LIENZO_CACHE", "elsewhere")
    assert lienzo.Collection.open(url).count == 60
    store.rm(f"{folder}/rejected.parquet")
    monkeypatch.setenv("LIENZO_CACHE", "and-elsewhere")
    with pytest.raises(CollectionError, match=r"lacks rejected\.parquet, which its manifest names"):
        lienzo.Collection.open(url)


@pytest.mark.parametrize(
    "verb", ["grow runs/a --collection", "probe runs/a", "tune", "train", "evaluate runs/a", "info"]
)
def test_a_url_where_nothing_lies_is_said_as_it_was_written(
    verb: str, command: Command, run: lienzo.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIENZO_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    words = [str(run.path) if word == "runs/a" else word for word in verb.split()]
    status, _, said = command(*words, "memory://nowhere/art")
    assert status == 2
    assert "there is no collection at memory://nowhere/art" in said


def test_the_usual_name_of_what_is_made_of_a_collection(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert usual_path("runs", "s3://museum/art-64/", recipe) == Path("runs/art-64-small")
    (tmp_path / "art").mkdir()
    monkeypatch.chdir(tmp_path / "art")
    assert usual_path("studies", ".", recipe) == Path("studies/art-small")
