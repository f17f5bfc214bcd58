"""The score while training runs: taken when it is due, kept where it is best, the same after an interruption."""

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import lienzo
from lienzo.collection.collection import Collection
from lienzo.errors import GeneratorError, RecipeError, RunError
from lienzo.metrics.estimate import Estimate
from lienzo.recipe.recipe import Recipe
from lienzo.storage import tensors
from lienzo.training import kid_monitor, open_run
from lienzo.training.kid_monitor import KIDMonitor
from lienzo.training.resumption import best_score


@pytest.fixture(autouse=True, scope="module")
def few_samples() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kid_monitor, "SAMPLES", 24)
        yield


@pytest.fixture(scope="module")
def scored(recipe: Recipe) -> Recipe:
    """Give a recipe whose score is due after 40 and 64 of its pictures: at the ticks of 48 and 64."""
    return dataclasses.replace(recipe, evaluate_every=40)


@pytest.fixture(scope="module")
def whole(collection: Collection, scored: Recipe, tmp_path_factory: pytest.TempPathFactory) -> lienzo.Run:
    """Give a run that was trained in one go; tests read it only."""
    return lienzo.train(collection, scored, tmp_path_factory.mktemp("whole") / "run", device="cpu")


def scores(run: lienzo.Run) -> dict[int, float]:
    return {int(line["images"]): line["kid"] for line in run.log() if "kid" in line}


def test_a_score_is_taken_when_it_is_due_and_at_the_end(whole: lienzo.Run) -> None:
    assert list(scores(whole)) == [48, 64]
    assert all(line["kid_error"] > 0 and line["evaluation_seconds"] > 0 for line in whole.log() if "kid" in line)


def test_the_best_generator_is_kept(collection: Collection, whole: lienzo.Run) -> None:
    best = lienzo.load(whole.best_path)
    assert best.header["images"] == min(scores(whole), key=lambda images: scores(whole)[images])
    again = KIDMonitor(collection, torch.device("cpu")).kid(best.module, best.latents)
    assert again.value == pytest.approx(min(scores(whole).values()), rel=1e-4)


def test_the_checkpoint_of_the_best_generator_outlives_newer_ones(
    collection: Collection, scored: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KID is lowest after 48 pictures; 64, 80 and 96 follow, of which the last two are kept anyhow."""
    monkeypatch.setattr(open_run, "SAVE_SECONDS", 0.0)
    values = iter([0.3, 0.1, 0.2, 0.4])
    monkeypatch.setattr(KIDMonitor, "kid", lambda *_: Estimate(next(values), 0.01))
    recipe = dataclasses.replace(scored, evaluate_every=24, images=96)
    run = lienzo.train(collection, recipe, tmp_path / "run", device="cpu")
    assert list(scores(run)) == [32, 48, 80, 96]
    assert [int(path.stem) for path in run.checkpoints()] == [96, 80, 48]
    best, header = tensors.load(run.checkpoint_path(48), "checkpoint", RunError)
    assert (header["images"], float(best["best"]), int(best["best_at"])) == (48, 0.1, 48)
    assert lienzo.load(run.best_path).header["images"] == 48


@pytest.mark.parametrize("ticks", [1, 2, 3])
def test_an_interruption_changes_no_score(
    collection: Collection, scored: Recipe, whole: lienzo.Run, tmp_path: Path, ticks: int
) -> None:
    going = lienzo.steps(collection, scored, tmp_path / "run", device="cpu")
    for _ in range(ticks):
        next(going)
    going.close()  # type: ignore[attr-defined]
    run = lienzo.train(collection, scored, tmp_path / "run", device="cpu")
    assert scores(run) == scores(whole)
    assert run.best_path.read_bytes() == whole.best_path.read_bytes()


def test_without_it_nothing_is_scored(collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    run = lienzo.train(collection, recipe, tmp_path / "run", device="cpu")
    assert scores(run) == {}
    assert not run.best_path.exists()


@pytest.mark.parametrize(("train", "held", "taken"), [(5, 2, "train"), (5, 3, "holdout"), (2, 2, "")])
def test_fewer_pictures_than_kid_needs_are_not_its_measure(
    collection: Collection,
    recipe: Recipe,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    train: int,
    held: int,
    taken: str,
) -> None:
    rows = {"train": np.arange(train), "holdout": np.arange(10, 10 + held)}
    monkeypatch.setattr(Collection, "rows", lambda _, part: rows[part])
    if not taken:
        kid_monitor.refuse_too_few(recipe, collection)
        with pytest.raises(RecipeError, match="has fewer than 3 pictures, which KID needs at least"):
            kid_monitor.refuse_too_few(dataclasses.replace(recipe, evaluate_every=32), collection)
    else:
        assert len(KIDMonitor(collection, torch.device("cpu")).real) == len(rows[taken])
        assert ("hold out 50 or more when you prepare, or none" in caplog.text) == (len(rows[taken]) < 50)


def test_held_out_pictures_are_the_measure(collection: Collection, tmp_path: Path, paint: object) -> None:
    held = lienzo.prepare(paint(tmp_path / "pictures", 60), tmp_path / "held", size=16, holdout=0.5, workers=1)  # type: ignore[operator]
    seen: list[int] = []
    taking = held.take

    def take(rows):
        seen.extend(rows.tolist())
        return taking(rows)

    object.__setattr__(held, "take", take)
    KIDMonitor(held, torch.device("cpu"))
    assert seen
    assert set(seen) <= set(held.rows("holdout").tolist())


def test_the_best_generator_is_not_replaced_by_a_worse_one_after_a_step_back(
    collection: Collection, scored: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest checkpoint is damaged: the one before it does not know of the best score."""
    monkeypatch.setattr(open_run, "SAVE_SECONDS", 0.0)
    values = iter([0.3, 0.1, 0.2])
    monkeypatch.setattr(KIDMonitor, "kid", lambda *_: Estimate(next(values), 0.01))
    recipe = dataclasses.replace(scored, evaluate_every=16, images=48)
    going = lienzo.steps(collection, recipe, tmp_path / "run", device="cpu")
    assert [next(going).images for _ in range(2)] == [16, 32]
    going.close()
    run = lienzo.Run(tmp_path / "run")
    best = run.best_path.read_bytes()
    assert lienzo.load(run.best_path).header["kid"] == 0.1
    run.checkpoint_path(32).write_bytes(b"damaged")
    values = iter([0.2, 0.25])
    lienzo.train(collection, recipe, run.path, device="cpu")
    assert scores(run) == {16: 0.3, 32: 0.2, 48: 0.25}
    assert run.best_path.read_bytes() == best


def test_the_best_score_of_an_older_run_is_found_in_its_log(run: lienzo.Run, tmp_path: Path) -> None:
    """Older generators have no score in their header."""
    old = lienzo.Run(tmp_path)
    assert best_score(old) == (math.inf, 0)
    state, header = tensors.load(run.generator_path, "generator", GeneratorError)
    tensors.save(old.best_path, state, {key: value for key, value in header.items() if key != "fingerprint"})
    assert best_score(old) == (math.inf, 48)
    old.append_log({"images": 48, "seconds": 1, "images_per_second": 1, "kid": 0.5})
    assert best_score(old) == (0.5, 48)
