"""A study of tune: its database, which several processes share, and the folder of its trials."""

import sqlite3
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any

import filelock
import optuna
from optuna.trial import FrozenTrial, TrialState

from lienzo.collection.collection import Collection
from lienzo.display.wording import counted
from lienzo.errors import InputError, RunError, TrainingError, lacks_memory
from lienzo.recipe.recipe import Recipe
from lienzo.run.run import Run
from lienzo.seeds import derive
from lienzo.storage.files import fingerprint, linked, write_text
from lienzo.training import loop
from lienzo.training.tick import Tick
from lienzo.tuning import report
from lienzo.tuning.space import Dimension, Range, values

NAME = "lienzo"
"""Name of the only study in the file."""

PRUNER = optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2)
"""Stops a trial that is worse than the median, from the sixth trial on, and not at its first score, which is early."""


class Study:
    """A search whose trials are runs."""

    def __init__(
        self, path: Path, space: dict[str, Dimension], recipe: Recipe, budget: Recipe, collection: Collection
    ) -> None:
        """Open or begin the study in a folder.

        Args:
            path: of the folder.
            space: what to search, by the key of the recipe.
            recipe: that the study starts from.
            budget: the same, as long as a trial.
            collection: the pictures to learn from.

        Raises:
            RunError: a damaged study, or that of something else.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.path, self.space, self.recipe, self.budget, self.collection = path, space, recipe, budget, collection
        if (link := linked(path, ("trials", "study.db"))) is not None:
            raise RunError(f"{link} is a link, and a study writes into no other folder: choose another --out.")
        (path / "trials").mkdir(parents=True, exist_ok=True)
        self.lock = filelock.FileLock(path / "study.lock")
        with self.lock:
            file = path / "study.db"
            if file.exists() and not _is_sound(file):
                raise RunError(f"{file} is damaged: restore it, or choose another --out.")
            self.storage = optuna.storages.RDBStorage(f"sqlite:///{file.as_posix()}")
            self.study = optuna.create_study(storage=self.storage, study_name=NAME, pruner=PRUNER, load_if_exists=True)
            self._check()
            if not self.study.get_trials(deepcopy=False):
                self.study.enqueue_trial(values(space, recipe))  # so that what is found is better than what there was

    def begin(self, total: int) -> "tuple[optuna.Trial, filelock.AcquireReturnProxy[filelock.BaseFileLock]] | None":
        """Return a trial to train and its lock: one whose process is gone, or a new one; None where there are enough.

        The operating system releases a lock when its process ends, however it ends.
        """
        with self.lock:
            known = self.study.get_trials(deepcopy=False)
            for number in [trial.number for trial in known if trial.state == TrialState.RUNNING]:
                try:
                    held = self._trial_lock(number).acquire(timeout=0)
                except filelock.Timeout:
                    continue
                if not self.study.get_trials(deepcopy=False)[number].state.is_finished():
                    study = self.storage.get_study_id_from_name(NAME)
                    identity = self.storage.get_trial_id_from_study_id_trial_number(study, number)
                    return self._proposed(optuna.Trial(self.study, identity)), held
                held.lock.release()  # it has ended since the first query
            if sum(trial.state != TrialState.WAITING for trial in known) >= total:
                return None
            trial = self.study.ask()
            held = self._trial_lock(trial.number).acquire()
            return self._proposed(trial), held

    def train(self, trial: optuna.Trial, device: str) -> Generator[Tick, None, None]:
        """Train the trial's run to its end, or until it is worse than the median, and store its KID.

        A trial that cannot be trained counts as pruned, so that the sampler keeps away from its settings.
        """
        run = report.run(self.path, trial.number)
        try:
            recipe = self.budget.with_settings(self._settings(trial.params))
            with closing(loop.steps(self.collection, recipe, run.path, device=device)) as ticks:
                for tick in ticks:
                    yield tick
                    if "kid" in tick.measures:
                        self._report(trial, run, recipe.evaluate_every)
                        if tick.images < tick.total and trial.should_prune():
                            self._prune(trial, f"worse than the median after {counted(tick.images, 'picture')}")
                            return
        except RunError:  # of the study's folder, not of these settings
            raise
        except (InputError, RuntimeError, MemoryError) as error:
            if not (without_memory := lacks_memory(error)) and not isinstance(error, InputError | TrainingError):
                raise
            Collection.open(self.collection.path)  # if it is gone, the settings are not to blame
            self._prune(trial, "the memory is too small for these settings" if without_memory else str(error))
            return
        last = run.last_line()
        if "kid" not in last:
            self._prune(trial, f"the last line of {run.log_path.name} has no score")
            return
        trial.set_user_attr(report.ERROR, last["kid_error"])
        self.study.tell(trial, last["kid"])

    def finished(self) -> int:
        """Return how many trials have ended."""
        return sum(trial.state.is_finished() for trial in self.study.get_trials(deepcopy=False))

    def reasons(self) -> set[str]:
        """Return why trials were pruned."""
        return {str(trial.user_attrs.get(report.REASON, "")) for trial in self.study.get_trials(deepcopy=False)}

    def under_way(self) -> bool:
        """Say whether a trial is being trained, or was when its process ended."""
        return bool(self.study.get_trials(deepcopy=False, states=[TrialState.RUNNING]))

    def completed(self) -> list[FrozenTrial]:
        """Return the trials that were trained to their end."""
        return self.study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])

    def write(self) -> None:
        """Write the best recipe so far, as long as the one the study started from, and the report.

        Under the lock, so that no process writes over what another one found later.
        """
        with self.lock:
            best = None
            if self.completed():
                best = self.recipe.with_settings(self._settings(self.study.best_params))
                write_text(self.path / "best.toml", best.to_toml())
            write_text(
                self.path / "report.html", report.page(self.study, self.path, self.budget, self.collection, best)
            )

    def _report(self, trial: optuna.Trial, run: Run, every: int) -> None:
        """Add the scores to the study that only the run's log has, which a killed process may have left there."""
        reported = {*self.study.get_trials(deepcopy=False)[trial.number].intermediate_values}
        for line in run.log():
            step = line["images"] // every
            if "kid" in line and step not in reported:
                trial.report(line["kid"], step)
                reported.add(step)

    def _prune(self, trial: optuna.Trial, reason: str) -> None:
        trial.set_user_attr(report.REASON, reason)
        self.study.tell(trial, state=TrialState.PRUNED)

    def _proposed(self, trial: optuna.Trial) -> optuna.Trial:
        """Return the trial with a value for every key; values that it has already stay."""
        seed = derive(self.recipe.seed, "tune", trial.number) % 2**32  # of its own in every trial and process
        self.study.sampler = optuna.samplers.TPESampler(seed=seed)
        for key, dimension in self.space.items():
            if not isinstance(dimension, Range):
                trial.suggest_categorical(key, dimension)
            elif isinstance(dimension.low, int) and isinstance(dimension.high, int):
                trial.suggest_int(key, dimension.low, dimension.high, log=dimension.log)
            else:
                trial.suggest_float(key, dimension.low, dimension.high, log=dimension.log)
        return trial

    def _settings(self, params: dict[str, Any]) -> list[str]:
        return [f"{key}={params[key]}" for key in self.space]

    def _trial_lock(self, number: int) -> filelock.BaseFileLock:
        return filelock.FileLock(self.path / "trials" / f"{number:04}.lock")

    def _check(self) -> None:
        """Refuse to open a study of another collection, recipe, length or space."""
        asked = {
            "collection": self.collection.fingerprint,
            "base recipe or budget": fingerprint(self.budget.to_dict()),
            "space": fingerprint({key: str(dimension) for key, dimension in self.space.items()}),
        }
        for name, value in asked.items():
            if self.study.user_attrs.get(name, value) != value:
                raise RunError(f"{self.path} is a study with another {name}: choose another --out, or give that one.")
        for name, value in asked.items():
            self.study.set_user_attr(name, value)


def _is_sound(file: Path) -> bool:
    """Say whether SQLite finds a whole database in the file."""
    try:
        with closing(sqlite3.connect(file)) as database:
            return database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):  # locked, say: no damage
            raise
        return False
