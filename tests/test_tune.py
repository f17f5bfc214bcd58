"""A study: its trials are runs, several processes share it, and it goes on where it was stopped."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import optuna
import pytest

import lienzo
from lienzo import judge, tuning
from lienzo.data.collection import Collection
from lienzo.errors import RecipeError, RunError, TrainingError
from lienzo.recipe import Recipe
from lienzo.tuning.space import DEFAULT, Range, parse

SEARCH = ["generator_optimizer.rate=0.0001..0.01:log", "batch=4,8"]


@pytest.fixture(autouse=True)
def few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "SAMPLES", 24)


def told(out: Path) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name=tuning.NAME, storage=f"sqlite:///{out / 'study.db'}").trials


def test_a_search_is_read(recipe: Recipe) -> None:
    assert parse(["generator_optimizer.betas=[0.0,0.9],[0.5,0.99]", "batch=2..8", SEARCH[0]], recipe) == {
        "generator_optimizer.betas": ("[0.0,0.9]", "[0.5,0.99]"),
        "batch": Range(2, 8),
        "generator_optimizer.rate": Range(0.0001, 0.01, log=True),
    }
    assert len(parse(DEFAULT, recipe)) == len(DEFAULT)


@pytest.mark.parametrize(
    "search", ["batch", "batch=8..2", "batch=0..4:log", "batch=2..8:lin", "batch=a..b", "badge=1,2"]
)
def test_a_bad_search_is_refused(recipe: Recipe, search: str) -> None:
    with pytest.raises(RecipeError):
        parse([search], recipe)


def test_trials_are_runs_and_the_best_recipe_is_kept(collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    best = lienzo.tune(collection, recipe, tmp_path, trials=3, images=32, search=SEARCH, device="cpu")
    trials = told(tmp_path)
    lowest = min(trials, key=lambda trial: trial.value)
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 3
    assert best.images == recipe.images
    assert best.generator_optimizer.rate == lowest.params["generator_optimizer.rate"]
    for trial in trials:
        assert lienzo.Run.open(tmp_path / "trials" / f"{trial.number:04}").log()[-1]["kid"] == trial.value


def test_the_same_call_takes_up_a_trial_that_was_left(collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    going = lienzo.tuning.steps(collection, recipe, tmp_path, trials=2, images=64, search=SEARCH, device="cpu")
    next(going)
    going.close()  # type: ignore[attr-defined]
    [left] = told(tmp_path)
    lienzo.tune(collection, recipe, tmp_path, trials=2, images=64, search=SEARCH, device="cpu")
    first, second = told(tmp_path)
    assert not left.state.is_finished()
    assert first.params == left.params != second.params
    assert first.state.name == second.state.name == "COMPLETE"


def test_what_cannot_be_trained_does_not_stop_the_study(collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no trial"):
        lienzo.tune(collection, recipe, tmp_path, trials=2, images=32, search=["batch=25,26"], device="cpu")
    assert all("fewer than one batch" in trial.user_attrs["reason"] for trial in told(tmp_path))


def test_another_question_is_refused(collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    lienzo.tune(collection, recipe, tmp_path, trials=1, images=16, search=SEARCH, device="cpu")
    other = dataclasses.replace(recipe, seed=1)
    with pytest.raises(RunError, match="another base recipe"):
        lienzo.tune(collection, other, tmp_path, trials=2, images=16, search=SEARCH, device="cpu")
    with pytest.raises(RunError, match="another space"):
        lienzo.tune(collection, recipe, tmp_path, trials=2, images=16, search=SEARCH[:1], device="cpu")


def test_two_processes_share_a_study(collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    base, out = tmp_path / "base.toml", tmp_path / "study"
    base.write_text(recipe.to_toml(), encoding="utf-8")
    program = (
        "import lienzo; from lienzo import judge; judge.SAMPLES = 24; "
        f"lienzo.tune({str(collection.path)!r}, {str(base)!r}, {str(out)!r}, "
        f"trials=6, images=32, search={SEARCH}, device='cpu')"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    trials = told(out)
    assert [trial.state.is_finished() for trial in trials] == [True] * 6
    assert len({str(trial.params) for trial in trials}) == 6
