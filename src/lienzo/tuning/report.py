"""A study as a self-contained page: the best recipe, its pictures, the history, importances, and every trial."""

import io
import itertools
from collections.abc import Sequence
from pathlib import Path

import optuna
from matplotlib.ticker import MaxNLocator
from optuna.trial import FrozenTrial, TrialState
from PIL import Image

from lienzo.collection.collection import Collection
from lienzo.display import charts, pages
from lienzo.display.wording import counted
from lienzo.recipe.recipe import Recipe
from lienzo.run.run import Run

ENOUGH = 10
"""Trials that came to their end, before the page shows importances: a tenth of fewer is not one trial."""

ERROR = "error"
"""Attribute of a trial: the standard error of its KID."""

REASON = "reason"
"""Attribute of a trial: why it was pruned."""

STATES = {
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "pruned",
    TrialState.RUNNING: "open",
    TrialState.WAITING: "waiting",
    TrialState.FAIL: "failed",
}
"""Words for the states of a trial on the page."""


def run(folder: Path, number: int) -> Run:
    """Return the run of a trial of the study in a folder."""
    return Run(folder / "trials" / f"{number:04}")


def page(study: optuna.Study, folder: Path, budget: Recipe, collection: Collection, best: Recipe | None) -> str:
    """Return the page.

    Args:
        study: the study, whose trials may have the attributes :data:`ERROR` and :data:`REASON`.
        folder: of the study.
        budget: the recipe it started from, as long as a trial.
        collection: what the trials learnt from.
        best: the recipe of the best trial, as long as the one the study started from; none where no trial ended.
    """
    trials = study.get_trials(deepcopy=False)
    completed = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    return pages.page(
        f"Study of {budget.name}",
        pages.facts(
            [
                (_kid(study.best_trial) if best else "−", "lowest KID"),
                (len(completed), "trials finished"),
                (sum(trial.state == TrialState.PRUNED for trial in trials), "trials pruned"),
                (f"{budget.images:,}", "pictures shown in a trial"),
                (collection.path.name, f"collection {collection.fingerprint}"),
            ]
        ),
        pages.section("The best so far", *(_best(study.best_trial, folder, collection) if best else _NONE)),
        pages.section("History", *([pages.svg(_history(trials), caption=_HISTORY)] if completed else _NONE)),
        pages.section("What mattered", *_importances(study, completed)),
        pages.section("Trials", _table(trials)),
        *([pages.section("The best recipe", pages.paragraph(_RECIPE), pages.code(best.to_toml()))] if best else []),
        lead="Many short trainings with different settings, and the KID that each came to: lower is better.",
    )


_NONE = [pages.paragraph("No trial has come to its end.")]

_RECIPE = "This is best.toml, as long as the recipe that the study started from."

_HISTORY = "Circles are trials that came to their end, crosses pruned ones; the line is the lowest KID so far."


def _kid(trial: FrozenTrial) -> str:
    """Return a trial's KID with its error; of a pruned one, the last that was taken before."""
    if trial.value is None:
        return "−"
    error = trial.user_attrs.get(ERROR)
    return f"{trial.value:.4f}" if error is None else f"{trial.value:.4f} ± {error:.4f}"


def _best(trial: FrozenTrial, folder: Path, collection: Collection) -> list[str]:
    enlarged = max(1, 64 // collection.width)
    sheets = []
    for path in run(folder, trial.number).samples()[-1:]:
        data = path.read_bytes()
        width = enlarged * Image.open(io.BytesIO(data)).width
        caption = f"Pictures of trial {trial.number} after {int(path.stem):,} shown to it."
        sheets.append(pages.picture(data, caption, caption=caption, pixels=True, width=width))
    return [
        *sheets,
        pages.paragraph(
            f"Trial {trial.number}, KID {_kid(trial)}. A difference of less than two errors may be chance, "
            "and the lowest of many is lower than it deserves: train the best few again with other seeds."
        ),
        pages.table(["setting", "value"], [(key, _written(value)) for key, value in trial.params.items()]),
    ]


def _history(trials: Sequence[FrozenTrial]) -> str:
    """Draw KID over the trials, and the lowest so far."""
    with charts.figure(8, 3.4) as figure:
        axes = figure.subplots()
        for state, marker, colour in ((TrialState.COMPLETE, "o", 0), (TrialState.PRUNED, "x", 1)):
            numbers, values = _values(trials, state)
            axes.plot(numbers, values, marker, color=charts.COLOURS[colour])
        numbers, values = _values(trials, TrialState.COMPLETE)
        axes.step(numbers, list(itertools.accumulate(values, min)), where="post", color=charts.COLOURS[0])
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("trial")
        axes.set_ylabel("KID")
        return charts.svg(figure)


def _values(trials: Sequence[FrozenTrial], state: TrialState) -> tuple[list[int], list[float]]:
    """Return the numbers of the trials in a state, and their KID; those pruned before any score are left out."""
    known = {trial.number: trial.value for trial in trials if trial.state == state and trial.value is not None}
    return list(known), list(known.values())


def _importances(study: optuna.Study, completed: Sequence[FrozenTrial]) -> list[str]:
    """Draw how much each setting had to do with a trial's being among the best."""
    if len(completed) < ENOUGH:
        own = "its" if len(completed) == 1 else "their"
        text = f"{counted(len(completed), 'trial')} came to {own} end, and importances take {ENOUGH} of them."
        return [pages.paragraph(text)]
    if len({trial.value for trial in completed}) == 1:
        return [pages.paragraph("All trials came to the same KID: no setting mattered.")]
    found = optuna.importance.get_param_importances(study)
    with charts.figure(8, 0.8 + 0.3 * len(found)) as figure:
        axes = figure.subplots()
        bars = axes.barh(list(found), list(found.values()), color=charts.COLOURS[0])
        axes.bar_label(bars, [f"{share:.2f}" for share in found.values()], padding=3)
        axes.invert_yaxis()
        axes.set_xlabel("importance")
        drawn = charts.svg(figure)
    return [
        pages.svg(drawn, caption="Shares that sum to 1."),
        pages.paragraph(
            "PED-ANOVA (Watanabe et al. 2023): how far the values of a setting in the best tenth of the trials that "
            f"came to their end ({-(-len(completed) // 10)} of {len(completed)}) stray from those in all of them. "
            "With fewer than five in that tenth, another study may well order the settings otherwise."
        ),
    ]


def _table(trials: Sequence[FrozenTrial]) -> str:
    keys = list(dict.fromkeys(key for trial in trials for key in trial.params))
    rows = [
        (
            trial.number,
            STATES[trial.state],
            _kid(trial),
            trial.user_attrs.get(REASON, ""),
            *(_written(trial.params.get(key, "−")) for key in keys),
        )
        for trial in trials
    ]
    return pages.table(["trial", "state", "KID", "reason", *keys], rows)


def _written(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
