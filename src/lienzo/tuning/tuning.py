"""The search for a better recipe: many short runs, whose settings are proposed from the KID of earlier ones.

Trials are proposed by the tree-structured Parzen estimator (Bergstra et al. 2011) and stopped by the median rule
(Golovin et al. 2017, section 3.2.2). The rule fits studies of tens of trials with a handful of scores each; Hyperband
divides them among brackets, each of which has to learn by itself.
"""

import dataclasses
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path

from lienzo.collection.collection import Collection
from lienzo.errors import InputError, RunError, TrainingError
from lienzo.recipe.recipe import Recipe
from lienzo.run.run import usual_path
from lienzo.storage.files import local
from lienzo.training.default_recipe import recipe_or_default
from lienzo.training.tick import Tick
from lienzo.tuning.space import parse, usual

SCORES = 4
"""Scores of a trial, where the recipe does not say when to take them."""


@dataclasses.dataclass(frozen=True)
class StudyProgress:
    """The progress of a study, after every tick of a trial and after its end."""

    number: int
    """Number of the trial, from 0 on."""

    finished: int
    """Trials that have ended, in whatever process."""

    total: int
    """Number of trials that the study is to have."""

    tick: Tick | None = None
    """Report on the trial's training; None at its end."""


def tune(
    collection: str | Path | Collection,
    recipe: str | Path | Recipe | None = None,
    out: str | Path | None = None,
    *,
    trials: int = 20,
    images: int = 50_000,
    search: Sequence[str] = (),
    device: str = "auto",
) -> Recipe:
    """Search for the settings of a recipe with the lowest KID; the same call goes on after an interruption.

    Args:
        collection: the pictures to learn from.
        recipe: what to start from: its name, the path of its TOML file, or itself; by default the one that a training
            takes.
        out: the study's folder, which several processes may share; by default ``studies/COLLECTION-RECIPE``.
        trials: number of trainings in all, those of earlier calls included.
        images: number of pictures shown in each.
        search: what to vary, such as ``batch=16,32`` or ``generator_optimizer.rate=0.0001..0.001:log``;
            nothing: rates, betas, batch and average, as far as the recipe has them.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Returns:
        The recipe of the best trial, as long as the one it started from.

    Raises:
        InputError: Optuna is missing, or there is nothing to search.
        RecipeError: no such recipe, or a search that does not fit it.
        RunError: ``out`` holds the study of something else or a damaged one, or other processes are still at all of
            its trials and none has come to its end yet.
        TrainingError: no trial came to its end.
    """
    recipe = recipe_or_default(recipe, collection, None, device)
    out = usual_path("studies", collection, recipe) if out is None else out
    for _ in steps(collection, recipe, out, trials=trials, images=images, search=search, device=device):
        pass
    return Recipe.from_toml(Path(out) / "best.toml")


def steps(
    collection: str | Path | Collection,
    recipe: str | Path | Recipe | None = None,
    out: str | Path | None = None,
    *,
    trials: int = 20,
    images: int = 50_000,
    search: Sequence[str] = (),
    device: str = "auto",
) -> Generator[StudyProgress, None, None]:
    """Search as :func:`tune` does, and yield a :class:`StudyProgress` after every tick and every trial."""
    try:
        from lienzo.tuning.study import Study  # noqa: PLC0415  needs an extra
    except ImportError:
        raise InputError("tune needs Optuna: install it with pip install 'lienzo[tune]'.") from None
    recipe = recipe_or_default(recipe, collection, None, device)
    out = usual_path("studies", collection, recipe) if out is None else out
    collection = collection if isinstance(collection, Collection) else Collection.open(collection)
    if trials < 1 or images < 1:
        raise InputError("a study has trials, and a trial has pictures: give positive numbers.")
    every = recipe.evaluate_every or max(1, images // SCORES)
    budget = dataclasses.replace(
        recipe,
        epochs=None,
        images=images,
        evaluate_every=every,
        tick=min(recipe.tick, every),
        keep_epochs=False,
    )
    study = Study(local(out), parse(search or usual(recipe), recipe), recipe, budget, collection)
    while (begun := study.begin(trials)) is not None:
        trial, held = begun
        with held, closing(study.train(trial, device)) as ticks:
            for tick in ticks:
                yield StudyProgress(trial.number, study.finished(), trials, tick)
        study.write()
        yield StudyProgress(trial.number, study.finished(), trials)
    study.write()
    if not study.completed():
        if study.under_way():
            raise RunError(f"no trial of {out} has come to its end yet, but other processes are at it: wait for them.")
        reasons = study.reasons()
        if len(reasons) == 1 and study.finished() > 1:
            raise TrainingError(f"no trial of {out} came to its end, all for one reason: {reasons.pop()}")
        raise TrainingError(
            f"no trial of {out} came to its end, and report.html says why: search nearer to the recipe."
        )
