"""A study: its trials are runs, several processes share it, and it goes on where it was stopped."""

import dataclasses
import itertools
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import optuna
import pytest
from conftest import Command
from test_pages import read

import lienzo
from lienzo.collection.collection import Collection
from lienzo.errors import CollectionError, RecipeError, RunError, TrainingError
from lienzo.metrics.estimate import Estimate
from lienzo.recipe import catalogue
from lienzo.recipe.objectives import Minimax
from lienzo.recipe.recipe import Recipe
from lienzo.storage import files
from lienzo.training import kid_monitor, open_run
from lienzo.tuning import report, tuning
from lienzo.tuning.space import DEFAULT, Range, parse, usual, values
from lienzo.tuning.study import NAME

SEARCH = ["generator_optimizer.rate=0.0001..0.01:log", "batch=4,8"]

ScoreScript = Callable[[Iterable[float]], None]


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> ScoreScript:
    """Give a function that says what KID will be, score for score."""

    def scripted(scores: Iterable[float]) -> None:
        given = iter(scores)

        class Scripted:
            seconds = 0.0

            def __init__(self, *_: object) -> None: ...

            def kid(self, *_: object) -> Estimate:
                return Estimate(next(given), 0.01)

        monkeypatch.setattr(open_run, "KIDMonitor", Scripted)

    return scripted


@pytest.fixture(autouse=True)
def few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kid_monitor, "SAMPLES", 8)


def trials_of(out: Path) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name=NAME, storage=f"sqlite:///{out / 'study.db'}").trials


def test_a_search_is_read(recipe: Recipe) -> None:
    assert parse(["generator_optimizer.betas=[0.0,0.9],[0.5,0.99]", "batch=2..8", SEARCH[0]], recipe) == {
        "generator_optimizer.betas": ("[0.0,0.9]", "[0.5,0.99]"),
        "batch": Range(2, 8),
        "generator_optimizer.rate": Range(0.0001, 0.01, log=True),
    }
    assert len(parse(DEFAULT, recipe)) == len(DEFAULT)
    searched = parse(["average_half_life=1e3..1e5:log", "generator_optimizer.rate=0.0..1e0"], recipe)
    assert str([*searched.values()]) == str([Range(1000, 100_000, log=True), Range(0.0, 1.0)])


@pytest.mark.parametrize(
    "search",
    [
        "batch",
        "batch=8..2",
        "batch=0..4:log",
        "batch=2..8:lin",
        "batch=a..b",
        "generator_optimizer.rate=0.001..inf",
        "generator_optimizer.rate=0.001..1e400",
        "badge=1,2",
        "images=16,32",
        "evaluate_every=0,32",
    ],
)
def test_a_bad_search_is_refused(recipe: Recipe, search: str) -> None:
    with pytest.raises(RecipeError):
        parse([search], recipe)


@pytest.mark.parametrize(
    "searches", [*itertools.permutations(["objective.name=minimax", "objective.real_label=0.7..0.8"])]
)
def test_a_trial_has_the_value_of_every_key_in_whatever_order_they_are_searched(
    collection: Collection, recipe: Recipe, tmp_path: Path, searches: tuple[str, ...]
) -> None:
    search = [*searches, *SEARCH]
    best = tuning.tune(collection, recipe, tmp_path / "study", trials=1, images=8, search=search, device="cpu")
    assert isinstance(best.objective, Minimax)
    assert 0.7 <= best.objective.real_label <= 0.8


def test_the_usual_search_leaves_out_what_a_recipe_has_not(recipe: Recipe) -> None:
    assert usual(recipe) == DEFAULT
    assert {search.partition("=")[0] for search in usual(catalogue.vae())} == {
        "generator_optimizer.rate",
        "generator_optimizer.betas",
        "batch",
        "average_half_life",
    }


def test_a_recipe_stands_in_the_space_where_its_values_do() -> None:
    recipe = catalogue.thesis()
    assert values(parse(DEFAULT, recipe), recipe) == {
        "generator_optimizer.rate": 0.0002,
        "discriminator_optimizer.rate": 0.0002,
        "generator_optimizer.betas": "[0.5,0.999]",
        "discriminator_optimizer.betas": "[0.5,0.999]",
        "batch": "128",
        "average_half_life": "0",
    }
    assert values(parse(["batch=16,32", "network.width=8..32"], recipe), recipe) == {}


def test_the_first_trial_is_the_recipe_itself(collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    search = [SEARCH[0], f"batch={recipe.batch},2"]
    tuning.tune(collection, recipe, tmp_path, trials=1, images=8, search=search, device="cpu")
    (trial,) = trials_of(tmp_path)
    assert trial.params == {
        "generator_optimizer.rate": recipe.generator_optimizer.rate,
        "batch": str(recipe.batch),
    }


def test_trials_are_runs_and_the_best_recipe_is_kept(collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    recipe = dataclasses.replace(recipe, evaluate_every=32)
    best = lienzo.tune(collection, recipe, tmp_path, trials=3, images=32, search=SEARCH, device="cpu")
    trials = trials_of(tmp_path)
    lowest = min(trials, key=lambda trial: trial.value)
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 3
    assert best.images == recipe.images
    assert best == Recipe.from_toml(tmp_path / "best.toml")
    assert best.generator_optimizer.rate == lowest.params["generator_optimizer.rate"]
    for trial in trials:
        run = lienzo.Run.open(tmp_path / "trials" / f"{trial.number:04}")
        assert run.log()[-1]["kid"] == trial.value
        assert run.epochs() == []


def test_the_same_call_takes_up_a_trial_that_was_left(collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    recipe = dataclasses.replace(recipe, evaluate_every=64)
    going = lienzo.tuning.tuning.steps(collection, recipe, tmp_path, trials=2, images=64, search=SEARCH, device="cpu")
    next(going)
    going.close()  # type: ignore[attr-defined]
    [left] = trials_of(tmp_path)
    lienzo.tune(collection, recipe, tmp_path, trials=2, images=64, search=SEARCH, device="cpu")
    first, second = trials_of(tmp_path)
    assert not left.state.is_finished()
    assert first.params == left.params != second.params
    assert first.state.name == second.state.name == "COMPLETE"


def test_what_cannot_be_trained_does_not_stop_the_study(collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no trial"):
        lienzo.tune(collection, recipe, tmp_path, trials=2, images=32, search=["batch=25,26"], device="cpu")
    assert all("fewer than one batch" in trial.user_attrs["reason"] for trial in trials_of(tmp_path))


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 1 bytes.")])
def test_a_lack_of_memory_does_not_stop_the_study(
    error: Exception, collection: Collection, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("lienzo.training.loop.steps", lacking)
    with pytest.raises(TrainingError, match="all for one reason: the memory is too small for these settings"):
        lienzo.tune(collection, recipe, tmp_path, trials=2, images=32, search=["batch=4,8"], device="cpu")
    assert [trial.state.name for trial in trials_of(tmp_path)] == ["PRUNED", "PRUNED"]


def test_an_error_of_the_program_ends_the_study(
    collection: Collection, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise RuntimeError("shapes differ")

    monkeypatch.setattr("lienzo.training.loop.steps", failing)
    with pytest.raises(RuntimeError, match="shapes differ"):
        lienzo.tune(collection, recipe, tmp_path, trials=1, images=32, search=["batch=8"], device="cpu")


def test_labels_that_the_collection_lacks_do_not_stop_the_study(
    collection: Collection, recipe: Recipe, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match=r"no trial.*label"):
        lienzo.tune(collection, recipe, tmp_path, trials=2, images=32, search=["labels=style"], device="cpu")
    assert [trial.state.name for trial in trials_of(tmp_path)] == ["PRUNED", "PRUNED"]


def test_a_collection_that_is_gone_ends_the_study_and_no_trial(
    collection: Collection, recipe: Recipe, tmp_path: Path
) -> None:
    gone = Collection.open(shutil.copytree(collection.path, tmp_path / "gone"))
    shutil.rmtree(gone.path)
    with pytest.raises(CollectionError):
        lienzo.tune(gone, recipe, tmp_path / "study", trials=2, images=32, search=["batch=8"], device="cpu")
    assert [trial.state.name for trial in trials_of(tmp_path / "study")] == ["RUNNING"]


def test_a_reason_that_all_trials_have_is_said(collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"all for one reason: .*fewer than one batch"):
        lienzo.tune(collection, recipe, tmp_path, trials=2, images=32, search=["batch=25"], device="cpu")


def test_another_question_is_refused(collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    lienzo.tune(collection, recipe, tmp_path, trials=1, images=16, search=SEARCH, device="cpu")
    other = dataclasses.replace(recipe, seed=1)
    with pytest.raises(RunError, match="another base recipe"):
        lienzo.tune(collection, other, tmp_path, trials=2, images=16, search=SEARCH, device="cpu")
    with pytest.raises(RunError, match="another space"):
        lienzo.tune(collection, recipe, tmp_path, trials=2, images=16, search=SEARCH[:1], device="cpu")


@pytest.mark.slow
def test_two_processes_share_a_study(collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    base, out = tmp_path / "base.toml", tmp_path / "study"
    base.write_text(dataclasses.replace(recipe, evaluate_every=32).to_toml(), encoding="utf-8")
    program = (
        "import lienzo; from lienzo.training import kid_monitor; kid_monitor.SAMPLES = 8; "
        f"lienzo.tune({str(collection.path)!r}, {str(base)!r}, {str(out)!r}, "
        f"trials=6, images=32, search={SEARCH}, device='cpu')"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    trials = trials_of(out)
    assert [trial.state.is_finished() for trial in trials] == [True] * 6
    assert len({str(trial.params) for trial in trials}) == 6


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_trial_is_taken_up_whose_process_was_killed(collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    base, out = tmp_path / "base.toml", tmp_path / "study"
    base.write_text(recipe.to_toml(), encoding="utf-8")
    program = (
        "import os, signal; from lienzo.training import kid_monitor, open_run; from lienzo.tuning import tuning\n"
        "kid_monitor.SAMPLES, open_run.SAVE_SECONDS = 8, 0.0\n"
        f"for step in tuning.steps({str(collection.path)!r}, {str(base)!r}, {str(out)!r}, "
        f"trials=1, images=64, search={SEARCH}, device='cpu'):\n"
        "    if step.tick.images >= 32: os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -signal.SIGKILL
    [left] = trials_of(out)
    [*ticks, end] = lienzo.tuning.tuning.steps(
        collection, recipe, out, trials=1, images=64, search=SEARCH, device="cpu"
    )
    [trial] = trials_of(out)
    assert not left.state.is_finished()
    assert [step.tick.images for step in ticks if step.tick] == [48, 64]
    assert (end.tick, end.finished) == (None, 1)
    assert trial.state.name == "COMPLETE"
    assert trial.params == left.params
    assert sorted(trial.intermediate_values) == [1, 2, 3, 4]


def test_a_trial_whose_process_died_while_it_was_proposed_is_proposed_the_rest(
    collection: Collection, recipe: Recipe, tmp_path: Path, scripted: ScoreScript
) -> None:
    scripted([0.5] * 8)
    lienzo.tune(collection, recipe, tmp_path, trials=1, images=16, search=SEARCH, device="cpu")
    half = optuna.load_study(study_name=NAME, storage=f"sqlite:///{tmp_path / 'study.db'}").ask()
    rate = half.suggest_float("generator_optimizer.rate", 0.0001, 0.01, log=True)
    lienzo.tune(collection, recipe, tmp_path, trials=2, images=16, search=SEARCH, device="cpu")
    trial = trials_of(tmp_path)[1]
    assert trial.state.name == "COMPLETE"
    assert trial.params["generator_optimizer.rate"] == rate
    assert trial.params["batch"] in ("4", "8")


def test_a_trial_is_stopped_that_is_worse_than_the_median(
    collection: Collection, recipe: Recipe, tmp_path: Path, scripted: ScoreScript
) -> None:
    """Four scores each; the last two trials begin worse than all others, but only one of them is so later on."""
    scripted([*[0.5, 0.4, 0.3, 0.2] * 5, *[0.9, 0.41], *[0.9, 0.39, 0.29, 0.19]])
    lienzo.tune(collection, recipe, tmp_path, trials=7, images=64, search=SEARCH, device="cpu")
    trials = trials_of(tmp_path)
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 5 + ["PRUNED", "COMPLETE"]
    assert trials[5].user_attrs["reason"] == "worse than the median after 32 pictures"
    assert lienzo.Run(tmp_path / "trials" / "0005").log()[-1]["images"] == 32
    page = read((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert "0.4100" in page
    assert "worse than the median after 32 pictures" in page


def test_losses_that_are_no_numbers_are_a_reason(
    collection: Collection, recipe: Recipe, tmp_path: Path, scripted: ScoreScript
) -> None:
    scripted([0.5] * 8)
    search = ["generator_optimizer.rate=1e30,2e30", "discriminator_optimizer.rate=1e30"]
    with pytest.raises(TrainingError, match=r"no trial .* came to its end, and report.html says why"):
        lienzo.tune(collection, recipe, tmp_path, trials=2, images=64, search=search, device="cpu")
    assert [trial.state.name for trial in trials_of(tmp_path)] == ["PRUNED"] * 2
    for trial in trials_of(tmp_path):
        assert "and training cannot go on" in trial.user_attrs["reason"]
    page = read((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert page.count("training cannot go on") == 2
    assert page.count("No trial has come to its end.") == 2
    assert not (tmp_path / "best.toml").exists()


def test_a_trial_of_another_process_is_left_to_it(
    collection: Collection, recipe: Recipe, tmp_path: Path, scripted: ScoreScript
) -> None:
    scripted([0.5] * 8)
    going = tuning.steps(collection, recipe, tmp_path, trials=1, images=64, search=SEARCH, device="cpu")
    next(going)
    with pytest.raises(RunError, match=r"no trial .* has come to its end yet, but other processes are at it"):
        lienzo.tune(collection, recipe, tmp_path, trials=1, images=64, search=SEARCH, device="cpu")
    assert [step.finished for step in going][-1] == 1
    lienzo.tune(collection, recipe, tmp_path, trials=1, images=64, search=SEARCH, device="cpu")
    assert len(trials_of(tmp_path)) == 1


@pytest.mark.parametrize("damage", [lambda data: b"SQL" * 999, lambda data: data[: len(data) // 2]])
def test_a_damaged_study_is_one_sentence(
    collection: Collection, recipe: Recipe, tmp_path: Path, scripted: ScoreScript, damage: Callable[[bytes], bytes]
) -> None:
    scripted([0.5] * 4)
    lienzo.tune(collection, recipe, tmp_path, trials=1, images=16, search=SEARCH, device="cpu")
    path = tmp_path / "study.db"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RunError, match=r"study\.db is damaged: restore it, or choose another --out\.$"):
        lienzo.tune(collection, recipe, tmp_path, trials=1, images=16, search=SEARCH, device="cpu")


def test_without_optuna_it_says_what_to_install(
    command: Command, collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    for module in ("report", "study"):
        monkeypatch.delitem(sys.modules, f"lienzo.tuning.{module}")
    assert command("tune", collection.path, "--recipe", "fast", "--out", tmp_path / "study") == (
        2, "", "lienzo: tune needs Optuna: install it with pip install 'lienzo[tune]'.\n"
    )  # fmt: skip
    assert not (tmp_path / "study").exists()


def test_the_command(
    command: Command, collection: Collection, recipe: Recipe, tmp_path: Path, scripted: ScoreScript
) -> None:
    scripted([0.5, 0.4, 0.3, 0.2, 0.45, 0.35, 0.25, 0.15])
    base, out = tmp_path / "base.toml", tmp_path / "study"
    base.write_text(recipe.to_toml(), encoding="utf-8")
    words = ("tune", collection.path, "--recipe", base, "--out", out, "--trials", 2, "--images", 64, "--seed", 3,
             "--search", *SEARCH, "--device", "cpu")  # fmt: skip
    status, printed, said = command(*words)
    assert (status, printed) == (0, f"{out / 'best.toml'}\n")
    assert "tuning: 0 of 2  trial 0" in said
    assert "tuning: 2 of 2  trial 1" in said
    assert said.splitlines()[-1] == f"The report: {out / 'report.html'}"
    status, printed, _ = command(*words, "--json")
    best = Recipe.from_dict(json.loads(printed))
    assert status == 0
    assert (best, best.seed, best.images) == (Recipe.from_toml(out / "best.toml"), 3, recipe.images)
    assert best.generator_optimizer.rate == trials_of(out)[1].params["generator_optimizer.rate"]


def test_the_report_shows_the_best_trial(
    collection: Collection, recipe: Recipe, tmp_path: Path, scripted: ScoreScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted([0.4, 0.1, 0.3])
    pages: list[str] = []
    write = files.write_text
    monkeypatch.setattr(
        "lienzo.tuning.study.write_text",
        lambda path, text: (write(path, text), pages.append(text) if path.name == "report.html" else None),
    )
    recipe = dataclasses.replace(recipe, evaluate_every=16)
    lienzo.tune(collection, recipe, tmp_path, trials=3, images=16, search=SEARCH, device="cpu")
    assert [read(page).text.count("finished") for page in pages] == [2, 3, 4, 4]  # after every trial; one is a heading
    page = read(pages[-1])
    assert "0.1000 ± 0.0100" in page.text
    assert "Pictures of trial 1 after 16 shown to it." in page.text
    assert (tmp_path / "best.toml").read_text(encoding="utf-8").strip() in page.text
    assert "3 trials came to their end, and importances take 10 of them." in page.text
    assert pages[-1].count("data:image/png;base64,") == 1
    assert "<script" not in pages[-1]
    assert 'src="http' not in pages[-1]


def study_of(values: list[float]) -> optuna.Study:
    """Return a study of trials whose values follow their rates, whatever their batches."""
    study = optuna.create_study()
    rates = optuna.distributions.FloatDistribution(0.0, 1.0)
    batches = optuna.distributions.CategoricalDistribution(["4", "8"])
    for i, value in enumerate(values):
        params = {"rate": value, "batch": str(4 + 4 * (i % 2))}
        study.add_trial(
            optuna.trial.create_trial(value=value, params=params, distributions={"rate": rates, "batch": batches})
        )
    return study


def test_trials_in_every_state_are_listed(collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    study = study_of([0.1])
    study.enqueue_trial({"rate": 0.5})
    study.add_trial(optuna.trial.create_trial(state=optuna.trial.TrialState.FAIL))
    shown = read(report.page(study, tmp_path, recipe, collection, recipe)).text
    assert "waiting" in shown
    assert "failed" in shown


@pytest.mark.parametrize(("values", "said"), [
    ([0.1], "1 trial came to its end, and importances take 10 of them."),
    ([0.1] * 9, "9 trials came to their end, and importances take 10 of them."),
    ([0.1] * 30, "All trials came to the same KID: no setting mattered."),
])  # fmt: skip
def test_importances_that_cannot_be_known_are_not_shown(
    collection: Collection, recipe: Recipe, tmp_path: Path, values: list[float], said: str
) -> None:
    page = report.page(study_of(values), tmp_path, recipe, collection, recipe)
    assert said in read(page).text
    assert "PED-ANOVA" not in page


def test_what_mattered_stands_first(collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    study = study_of([i / 30 for i in range(30)])
    page = report.page(study, tmp_path, recipe, collection, recipe)
    assert page.index("<!-- rate -->") < page.index("<!-- batch -->")  # so Matplotlib says what its outlines spell
    assert "(3 of 30)" in read(page).text
