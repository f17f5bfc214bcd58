"""Exporting: what is written is whole, says where it comes from, and replaces nothing."""

import dataclasses
import inspect
import json
import shutil
import typing
from pathlib import Path

import numpy as np
import pytest
from conftest import Command

import lienzo
from lienzo.collection.collection import Collection
from lienzo.errors import InputError
from lienzo.export.collections import COLLECTIONS
from lienzo.export.generators import GENERATORS
from lienzo.export.settings import ENDINGS, Kind, Settings
from lienzo.storage import tensors


def test_every_kind_has_a_function_and_every_setting_a_kind() -> None:
    assert {*GENERATORS, *COLLECTIONS} == set(typing.get_args(Kind)) == ENDINGS.keys()
    taken = {name for kind in (GENERATORS | COLLECTIONS).values() for name in inspect.signature(kind).parameters}
    assert {field.name for field in dataclasses.fields(Settings)} - {"to", "out"} <= taken


def test_a_generator_goes_out_as_one_file_with_its_card(run: lienzo.Run, tmp_path: Path) -> None:
    out = tmp_path / "new" / "a.safetensors"
    exported = lienzo.export(run.path, to="safetensors", out=str(out), licence="cc-by-4.0")
    assert exported.path == out
    assert exported.facts["bytes"] == out.stat().st_size
    before, after = lienzo.load(run), lienzo.load(out)
    assert np.array_equal(before.generate(range(3)).images, after.generate(range(3)).images)
    card = lienzo.info(out)["card"]
    assert card["generator"] == before.fingerprint
    assert card["recipe"] == run.recipe().to_dict()
    assert card["collection"] == {
        "fingerprint": before.header["collection"],
        "count": 24,
        "shape": [16, 16, 3],
        "parts": {"train": 24, "holdout": 0},
        "kinds": {"folder": 2},
    }
    assert card["licence"] == "cc-by-4.0"


def test_a_generator_from_before_its_network_had_a_setting_is_still_that_of_its_run(
    run: lienzo.Run, tmp_path: Path
) -> None:
    old = lienzo.Run(Path(shutil.copytree(run.path, tmp_path / "old")))
    state, header = tensors.load(old.generator_path, "generator", InputError)
    del header["fingerprint"], header["network"]["grown"]
    tensors.save(old.generator_path, state, header)
    card = lienzo.info(lienzo.export(old, to="safetensors", out=tmp_path / "a.safetensors").path)["card"]
    assert card["recipe"] == run.recipe().to_dict()
    tensors.save(tmp_path / "old" / "foreign.safetensors", state, header | {"recipe": "another"})
    foreign = lienzo.export(tmp_path / "old" / "foreign.safetensors", to="safetensors", out=tmp_path / "b.safetensors")
    assert "recipe" not in lienzo.info(foreign.path)["card"]


def test_float16_halves_the_weights_and_hardly_the_pictures(run: lienzo.Run, tmp_path: Path) -> None:
    whole = lienzo.export(run, to="safetensors", out=tmp_path / "whole.safetensors")
    half = lienzo.export(run, to="safetensors", out=tmp_path / "half.safetensors", float16=True)
    assert half.facts["bytes"] < 0.75 * whole.facts["bytes"]
    assert lienzo.info(half.path)["weights"] == "float16"
    before, after = (lienzo.load(path).generate(range(32)).images.astype(int) for path in (run, half.path))
    assert np.abs(before - after).max() <= 1


def test_a_collection_at_a_url_goes_out_under_its_own_name(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = Path(shutil.copytree(collection.path, tmp_path / "0123456789abcdef"))
    monkeypatch.setattr("lienzo.collection.listing.places.exists", lambda _: True)
    monkeypatch.setattr("lienzo.collection.remote.fetch", lambda _: cached)
    monkeypatch.chdir(tmp_path)
    assert lienzo.export("s3://bucket/art-16/", to="zip").path == Path("art-16.zip")
    assert lienzo.export(cached, to="zip").path == Path("0123456789abcdef.zip")


def test_a_run_takes_along_its_scores_against_its_own_collection_those_of_the_usual_detector_last(
    run: lienzo.Run, tmp_path: Path
) -> None:
    scored = lienzo.Run(Path(shutil.copytree(run.path, tmp_path / "scored")))
    measures = {"generated": 50, "reference": 20, "fid": None, "kid": {"value": 0.1, "error": 0.01}}
    own = {"generator": lienzo.load(run).fingerprint, "collection": run.manifest()["collection"]["fingerprint"]}
    whole = {"part": "train", "novelty": None, "measures": measures} | own
    lines = [
        whole | {"detector": "pixels", "seed": 0},
        whole | {"detector": "lite0", "seed": 1},
        whole | {"detector": "lite0", "seed": 2},
        whole | {"detector": "pixels", "seed": 3},
        whole | {"detector": "lite0", "seed": 4, "collection": "0" * 16},
        whole | {"detector": "lite0", "seed": 5, "generator": "0" * 64},
        whole | {"detector": "lite0", "seed": 6, "truncation": 0.5},
        whole | {"detector": "lite0", "seed": 7, "measures": measures | {"kid": 1}},
    ]

    def kept(lines: list[dict[str, object]], out: str) -> list[object]:
        scored.scores_path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        card = lienzo.info(lienzo.export(scored, to="safetensors", out=tmp_path / out).path)["card"]
        return [score["seed"] for score in card.get("scores", [])]

    assert kept(lines, "a.safetensors") == [0, 3, 1, 2]
    assert kept(lines[4:], "b.safetensors") == []


def test_what_cannot_be_exported_is_said_in_one_sentence(
    run: lienzo.Run, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there.safetensors").write_text("mine")
    for words, said in {
        ("nowhere", "--to", "safetensors"): "there is no nowhere: give a run",
        (tmp_path, "--to", "safetensors"): "is neither a run nor a collection",
        (run.path,): "a generator can be exported --to safetensors",
        (run.path, "--to", "safetensor"): "did you mean 'safetensors'?",
        (run.path, "--to", "safetensors", "--out", "there.safetensors"): "there.safetensors exists: choose another",
        (run.path, "--to", "safetensors", "--out", "s3://bucket/a.safetensors"): "is a URL",
        (run.path, "--to", "safetensors", "--push", "me/mine"): "--push says nothing of an export --to safetensors",
        (run.path, "--to", "zip"): "not to zip",
        ("hf://me", "--to", "onnx"): "is no address on the Hub",
        (run.checkpoints()[0], "--to", "safetensors"): "is no lienzo generator",
    }.items():
        status, out, error = command("export", *words)
        assert (status, out) == (2, "")
        assert said in error
        assert error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["there.safetensors"]
    assert Path("there.safetensors").read_text() == "mine"


def test_an_export_that_fails_leaves_nothing(run: lienzo.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = GENERATORS["safetensors"]

    def failing(*given: object, **named: object) -> typing.Iterator[object]:
        yield from steps(*given, **named)
        raise InputError("the pictures are not the same.")

    monkeypatch.setitem(GENERATORS, "safetensors", failing)
    with pytest.raises(InputError, match="not the same"):
        lienzo.export(run, to="safetensors", out=tmp_path / "a.safetensors")
    assert list(tmp_path.iterdir()) == []
