"""The search for a better recipe: many short runs, chosen by what the earlier ones came to.

Trials are proposed by the tree-structured Parzen estimator (Bergstra et al. 2011) and stopped by the median rule
(Golovin et al. 2017, section 3.2.2). The rule fits studies of tens of trials with a handful of scores each; Hyperband
divides them among brackets, each of which has to learn by itself.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from lienzo import training
from lienzo.data.collection import Collection
from lienzo.errors import InputError, RecipeError, RunError, TrainingError
from lienzo.files import fingerprint, write_text
from lienzo.recipe import Recipe
from lienzo.recipes import find
from lienzo.run import Run
from lienzo.seeds import derive
from lienzo.training import Tick
from lienzo.tuning.space import DEFAULT, Dimension, Range, parse

if TYPE_CHECKING:
    import filelock
    import optuna

SCORES = 4
"""Scores of a trial, where the recipe does not say when to take them."""

NAME = "lienzo"
"""Of the only study in the file."""


@dataclasses.dataclass(frozen=True)
class Step:
    """How a study stands: after every tick of a trial, and after its end."""

    number: int
    """Of the trial, from 0 on."""

    finished: int
    """Trials that have ended, in whatever process."""

    total: int
    """Trials in all."""

    tick: Tick | None = None
    """How the trial's training stands; none at its end."""


def tune(
    collection: str | Path | Collection,
    recipe: str | Path | Recipe = "thesis",
    out: str | Path = "study",
    *,
    trials: int = 20,
    images: int = 50_000,
    search: Sequence[str] = DEFAULT,
    device: str = "auto",
) -> Recipe:
    """Search for the settings of a recipe with the lowest KID; the same call goes on after an interruption.

    Args:
        collection: the pictures to learn from.
        recipe: what to start from: its name, the path of its TOML file, or itself.
        out: the study's folder, which several processes may share.
        trials: how many in all.
        images: pictures shown in each.
        search: what to vary, such as ``batch=16,32`` or ``generator_optimizer.rate=0.0001..0.001:log``.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Returns:
        The recipe of the best trial, as long as the one it started from.

    Raises:
        InputError: Optuna is missing, or there is nothing to search.
        RecipeError: no such recipe, or a search that does not fit it.
        RunError: ``out`` holds the study of something else.
        TrainingError: no trial came to its end.
    """
    for _ in steps(collection, recipe, out, trials=trials, images=images, search=search, device=device):
        pass
    return Recipe.from_toml(Path(out) / "best.toml")


def steps(
    collection: str | Path | Collection,
    recipe: str | Path | Recipe = "thesis",
    out: str | Path = "study",
    *,
    trials: int = 20,
    images: int = 50_000,
    search: Sequence[str] = DEFAULT,
    device: str = "auto",
) -> Iterator[Step]:
    """Search as :func:`tune` does, and yield a :class:`Step` after every tick and every trial."""
    collection = collection if isinstance(collection, Collection) else Collection.open(collection)
    recipe = recipe if isinstance(recipe, Recipe) else find(recipe)
    if trials < 1 or images < 1:
        raise InputError("a study has trials, and a trial has pictures: give positive numbers.")
    every = recipe.evaluate_every or max(1, images // SCORES)
    budget = dataclasses.replace(recipe, epochs=None, images=images, evaluate_every=every, tick=min(recipe.tick, every))
    study = _Study(Path(out), parse(search, recipe), recipe, budget, collection)
    while (begun := study.begin(trials)) is not None:
        trial, lock = begun
        with lock:
            for tick in study.play(trial, collection, device):
                yield Step(trial.number, study.finished(), trials, tick)
        study.write()
        yield Step(trial.number, study.finished(), trials)
    study.write()
    if not study.completed():
        raise TrainingError(f"no trial of {out} came to its end: search nearer to the recipe.")


class _Study:
    """The study's file, and the folder around it."""

    def __init__(
        self, path: Path, space: dict[str, Dimension], recipe: Recipe, budget: Recipe, collection: Collection
    ) -> None:
        try:
            import filelock  # noqa: PLC0415  an extra
            import optuna  # noqa: PLC0415
        except ImportError:
            raise InputError("tune needs Optuna: install it with pip install 'lienzo[tune]'.") from None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.optuna, self.filelock = optuna, filelock
        self.path, self.space, self.recipe, self.budget = path, space, recipe, budget
        (path / "trials").mkdir(parents=True, exist_ok=True)
        self.lock = filelock.FileLock(path / "study.lock")
        pruner = optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=1)
        with self.lock:
            storage = optuna.storages.RDBStorage(f"sqlite:///{(path / 'study.db').as_posix()}")
            self.study = optuna.create_study(storage=storage, study_name=NAME, pruner=pruner, load_if_exists=True)
            self._check(collection)
        self.distributions = {key: self._distribution(dimension) for key, dimension in space.items()}

    def begin(self, total: int) -> "tuple[optuna.Trial, filelock.BaseFileLock] | None":
        """Take up a trial whose process is gone, or begin another, and hold its lock; none where there are enough.

        The system lets go of a lock whose process ends, however it ends.
        """
        with self.lock:
            known = self.study.get_trials(deepcopy=False)
            for trial in known:
                if trial.state == self.optuna.trial.TrialState.RUNNING:
                    lock = self._trial_lock(trial.number)
                    try:
                        lock.acquire(timeout=0)
                    except self.filelock.Timeout:
                        continue
                    return self.optuna.Trial(self.study, trial._trial_id), lock
            if len(known) >= total:
                return None
            seed = derive(self.recipe.seed, "tune", len(known)) % 2**32  # of its own in every trial and process
            self.study.sampler = self.optuna.samplers.TPESampler(seed=seed)
            lock = self._trial_lock(len(known))
            lock.acquire()
            return self.study.ask(self.distributions), lock

    def play(self, trial: "optuna.Trial", collection: Collection, device: str) -> Iterator[Tick]:
        """Train the trial's run to its end, or until it is worse than the median, and write down what came of it.

        A trial that cannot be trained counts as pruned, so that the sampler keeps away from its settings.
        """
        pruned = self.optuna.trial.TrialState.PRUNED
        run = Run(self.path / "trials" / f"{trial.number:04}")
        reported = self.study.get_trials(deepcopy=False)[trial.number].intermediate_values
        try:
            recipe = self.budget.with_settings(self._settings(trial.params))
            for tick in training.steps(collection, recipe, run.path, device=device):
                yield tick
                step = tick.images // recipe.evaluate_every
                if "kid" in tick.measures and tick.images < tick.total and step not in reported:
                    trial.report(tick.measures["kid"], step)
                    if trial.should_prune():
                        trial.set_user_attr("reason", f"worse than the median after {tick.images:,} pictures")
                        self.study.tell(trial, state=pruned)
                        return
        except (TrainingError, RecipeError, torch.OutOfMemoryError) as error:
            trial.set_user_attr("reason", str(error))
            self.study.tell(trial, state=pruned)
            return
        last = run.log()[-1]
        trial.set_user_attr("error", last["kid_error"])
        self.study.tell(trial, last["kid"])

    def finished(self) -> int:
        """Return how many trials have ended."""
        return sum(trial.state.is_finished() for trial in self.study.get_trials(deepcopy=False))

    def completed(self) -> "list[optuna.trial.FrozenTrial]":
        """Return the trials that were trained to their end."""
        return self.study.get_trials(deepcopy=False, states=[self.optuna.trial.TrialState.COMPLETE])

    def write(self) -> None:
        """Write the best recipe so far, as long as the one the study started from."""
        if self.completed():
            best = self.recipe.with_settings(self._settings(self.study.best_params))
            write_text(self.path / "best.toml", best.to_toml())

    def _settings(self, params: dict[str, Any]) -> list[str]:
        return [f"{key}={params[key]}" for key in self.space]

    def _trial_lock(self, number: int) -> "filelock.BaseFileLock":
        return self.filelock.FileLock(self.path / "trials" / f"{number:04}.lock")

    def _distribution(self, dimension: Dimension) -> Any:
        distributions = self.optuna.distributions
        if not isinstance(dimension, Range):
            return distributions.CategoricalDistribution(dimension)
        if isinstance(dimension.low, int) and isinstance(dimension.high, int):
            return distributions.IntDistribution(dimension.low, dimension.high, log=dimension.log)
        return distributions.FloatDistribution(dimension.low, dimension.high, log=dimension.log)

    def _check(self, collection: Collection) -> None:
        """Make sure that everyone who shares the study asks the same question."""
        asked = {
            "collection": collection.fingerprint,
            "base recipe or budget": fingerprint(self.budget.to_dict()),
            "space": fingerprint({key: str(dimension) for key, dimension in self.space.items()}),
        }
        for name, value in asked.items():
            if self.study.user_attrs.get(name, value) != value:
                raise RunError(f"{self.path} is a study with another {name}: choose another --out, or give that one.")
        for name, value in asked.items():
            self.study.set_user_attr(name, value)
