"""Probing a run's discriminator."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lienzo.cli.main import main
from lienzo.collection.collection import Collection
from lienzo.collection.preparation import prepare
from lienzo.errors import InputError, RunError, ScoreError
from lienzo.evaluation.probing import _pixels, lines, probe
from lienzo.recipe.catalogue import find
from lienzo.run.run import Run
from lienzo.training.loop import train

LABELS = ("across", "down")


def stripes(folder: Path, count: int, size: int) -> Path:
    """Pictures striped across or down, of any colour, phase and width: no pixel alone tells which."""
    rng = np.random.default_rng(0)
    for i in range(count):
        wave = np.sin(np.arange(size) * rng.uniform(0.8, 1.6) + rng.uniform(0, 6.3))
        stripe = np.repeat(wave[:, None], size, 1) if i % 2 == 0 else np.repeat(wave[None], size, 0)
        image = (127 + 100 * stripe[..., None] * rng.uniform(0.3, 1, 3)).astype(np.uint8)
        path = folder / LABELS[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return folder


@pytest.fixture(scope="module")
def collection(tmp_path_factory) -> Collection:
    folder = tmp_path_factory.mktemp("probe")
    return prepare(stripes(folder / "pictures", 100, 16), folder / "collection", size=16, holdout=0.4, workers=1)


@pytest.fixture(scope="module")
def run(collection, tmp_path_factory) -> Run:
    recipe = find("thesis").with_settings(["network.width=16", "images=64", "batch=32"])
    return train(collection, recipe, tmp_path_factory.mktemp("runs") / "a", device="cpu")


@pytest.fixture(scope="module")
def probed(run, collection):
    return probe(run, collection, device="cpu")


def test_convolutions_tell_apart_what_pixels_do_not(probed):
    assert list(probed.features) == ["discriminator", "untrained", "pixels", "lite0"]
    assert probed.features["lite0"].accuracy.value > 0.95
    assert probed.features["untrained"].accuracy.value > probed.features["pixels"].accuracy.value + 0.2


def test_a_conditional_discriminator_is_probed_without_labels(collection, tmp_path):
    recipe = find("conditional").with_settings(["network.width=8", "images=64", "batch=32"])
    conditional = train(collection, recipe, tmp_path / "run", device="cpu")
    assert conditional.manifest()["collection"]["labels"] == list(LABELS)
    assert probe(conditional, collection, samples=30, device="cpu").train == 30


def test_what_was_fitted_was_not_tried(probed, collection):
    assert probed.train == len(collection.rows("train"))
    assert probed.test == len(collection.rows("holdout"))
    assert probed.labels == LABELS
    assert set(probed.features["pixels"].per_label) == {0, 1}


def test_the_table_has_a_line_for_each_kind_of_features(probed):
    headers, *rows = lines(probed)
    assert headers.split() == ["accuracy", "chance", *LABELS]
    assert [row.split()[0] for row in rows] == list(probed.features)


def test_the_command_prints_json(run, collection, capsys, monkeypatch):
    words = ["lienzo", "probe", str(run.path), str(collection.path), "--samples", "24", "--device", "cpu", "--json"]
    monkeypatch.setattr(sys, "argv", words)
    main()
    found = json.loads(capsys.readouterr().out)
    assert found["train"] == found["test"] == 24
    assert set(found["features"]["pixels"]["per_label"]) == set(LABELS)


def test_what_cannot_be_probed_is_refused(run, collection, tmp_path):
    with pytest.raises(InputError, match="unknown label kind 'style'"):
        probe(run, collection, labels="style", device="cpu")
    whole = prepare(stripes(tmp_path / "p", 20, 16), tmp_path / "c", size=16, workers=1)
    with pytest.raises(ScoreError, match="no labelled pictures to try the classifier on"):
        probe(run, whole, device="cpu")
    large = prepare(stripes(tmp_path / "q", 20, 32), tmp_path / "d", size=32, workers=1)
    with pytest.raises(ScoreError, match="trained on pictures of another shape than 32×32 with 3 channels"):
        probe(run, large, device="cpu")


def test_rare_labels_are_left_out_and_said(run, collection, tmp_path, monkeypatch, capsys):
    folder = stripes(tmp_path / "p", 40, 16)
    for name in ("askew", "bent"):
        stripes(tmp_path / name, 6, 16)
        (tmp_path / name / "down" / "5.png").rename((folder / name).with_suffix(".png"))
        (folder / name).mkdir()
        (folder / name).with_suffix(".png").rename(folder / name / "5.png")
    rare = prepare(folder, tmp_path / "c", size=16, holdout=0.4, workers=1, curate=False)
    words = ["lienzo", "probe", str(run.path), str(rare.path), "--device", "cpu", "--json"]
    monkeypatch.setattr(sys, "argv", words)
    main()
    said = capsys.readouterr()
    found = json.loads(said.out)
    told = "labels with fewer than 3 of the training pictures are left out: askew, bent"
    assert found["notes"] == [told]
    assert told in said.err
    assert found["labels"] == list(LABELS)
    known = rare.labels("folder")
    whole = [name in LABELS for name in rare.vocabularies["folder"]]
    rows = rare.rows("train")
    assert found["train"] == sum(whole[label] for label in known[rows])
    assert set(found["features"]["lite0"]["per_label"]) == set(LABELS)


def test_too_few_labels_are_refused_before_features_are_made(run, collection, monkeypatch):
    monkeypatch.setattr("lienzo.evaluation.probing.walk", None)
    with pytest.raises(ScoreError, match="at least two labels with 3 training pictures each"):
        probe(run, collection, samples=4, device="cpu")


def test_pixels_are_those_of_at_most_64_by_64():
    pixels = _pixels(torch.device("cpu"))
    chance = np.random.default_rng(0)
    small = chance.integers(0, 256, (2, 48, 64, 1), np.uint8)
    assert pixels(small, 0).tolist() == small.reshape(2, -1).tolist()
    assert pixels(chance.integers(0, 256, (2, 256, 32, 3), np.uint8), 0).shape == (2, 64 * 32 * 3)
    plain = np.full((1, 128, 128, 3), (10, 20, 30), np.uint8)
    assert pixels(plain, 0).reshape(3, 64, 64).mean((1, 2)).tolist() == pytest.approx([10, 20, 30])


@pytest.mark.parametrize("samples", [0, -3])
def test_a_number_of_samples_that_is_none_is_refused(run, collection, samples):
    with pytest.raises(ScoreError, match=f"{samples} samples are too few"):
        probe(run, collection, samples=samples, device="cpu")


def test_a_run_without_a_checkpoint_says_so(run, collection, tmp_path):
    for name in ("run.json", "recipe.toml"):
        (tmp_path / name).write_bytes((run.path / name).read_bytes())
    with pytest.raises(RunError, match="has no checkpoint yet"):
        probe(tmp_path, collection, device="cpu")
