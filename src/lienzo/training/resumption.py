"""Resumption: what a run's folder lets training begin with, and what training leaves there to begin with again."""

import dataclasses
import logging
import platform
from pathlib import Path
from typing import Any

import torch

from lienzo.collection.collection import Collection
from lienzo.compute.devices import pick_precision
from lienzo.errors import RunError, TrainingError
from lienzo.recipe.recipe import Recipe
from lienzo.run.run import FORMAT, Run
from lienzo.storage import tensors
from lienzo.storage.files import TEMPORARY, sweep, write_text
from lienzo.training.state import State
from lienzo.training.trouble import Signs, Trouble
from lienzo.version import __version__

KEPT_CHECKPOINTS = 2
"""The newest, and the one before it should the newest be damaged; with the best, which is never dropped."""

ROLLBACKS = 3
"""A run is set back so often; trouble that comes again at an eighth of the learning rates is not of the rates."""

SLOWER = 0.5
"""Factor of both learning rates with every rollback."""

log = logging.getLogger("lienzo")


def resolve(recipe: Recipe, collection: Collection, run: Run, device: torch.device) -> Recipe:
    """Return the recipe with nothing left open; a run that goes on keeps the precision it was begun with."""
    recipe = recipe.resolved(len(collection.rows("train")))
    begun = run.recipe.precision if run.exists() and recipe.precision == "auto" else recipe.precision
    return dataclasses.replace(recipe, precision=pick_precision(begun, device))


def refuse_foreign(run: Run) -> None:
    """Leave a folder alone that holds neither a run nor nothing.

    Raises:
        RunError: it is such a folder, or a file.
    """
    if run.path.exists() and not run.exists() and not _is_blank(run):
        raise RunError(f"{run.path} exists and is no run: choose another --out, or an empty folder.")


def _is_blank(run: Run) -> bool:
    """Say whether the folder holds nothing, or only what a run leaves that was killed while it was begun."""
    return run.path.is_dir() and all(
        path in (run.recipe_path, run.lock_path, run.presence_path) or path.name.endswith(TEMPORARY)
        for path in run.path.iterdir()
    )


def open_folder(run: Run, collection: Collection, recipe: Recipe, origin: dict[str, str] | None) -> None:
    """Make the run's folder, or make sure that it holds this run.

    ``origin`` has the ``path`` and the ``fingerprint`` of the trained generator to begin from, if any.

    Raises:
        RunError: it holds the run of another collection, recipe or origin, or its description is damaged.
    """
    path = run.path
    pictures = {
        "path": str(collection.path),
        "fingerprint": collection.fingerprint,
        "count": collection.count,
        "shape": [collection.height, collection.width, collection.channels],
        **({"labels": list(collection.vocabularies[recipe.labels])} if recipe.labels else {}),
    }
    if run.exists():
        if run.manifest["collection"]["fingerprint"] != collection.fingerprint:
            raise RunError(
                f"{path} was trained on another collection ({run.manifest['collection']['path']}): "
                "choose another --out, or give that collection to go on."
            )
        _refuse_changes(run, recipe)
        if origin is not None and origin["fingerprint"] != (run.origin or {}).get("fingerprint"):
            raise RunError(
                f"{path} was not begun from the generator of {origin['path']} as it is now: "
                "leave --from out to go on, or choose another --out."
            )
        for folder in (path, path / "checkpoints", path / "generators", path / "samples", path / "milestones"):
            sweep(folder)
    write_text(run.recipe_path, recipe.to_toml())
    if not run.manifest_path.exists():
        versions = {"lienzo": __version__, "torch": str(torch.__version__), "python": platform.python_version()}
        machine = {"system": platform.platform(), "processor": platform.machine(), "threads": torch.get_num_threads()}
        manifest = {"format": FORMAT, "recipe": recipe.to_dict(), "collection": pictures, "versions": versions}
        run.write_manifest({**manifest, "machine": machine, **({"origin": origin} if origin else {})})


def _refuse_changes(run: Run, recipe: Recipe) -> None:
    """Refuse another recipe than the one that the run was begun with, whatever happened to recipe.toml since."""
    begun, given = _fixed(Recipe.from_dict(run.manifest["recipe"])), _fixed(recipe)
    changed = [key for key in {**begun, **given} if begun.get(key) != given.get(key)]
    if changed:
        raise RunError(
            f"{run.path} was begun with another recipe (it differs in {', '.join(changed)}): "
            f"choose another --out, or go on with --recipe {run.recipe_path}."
        )


def _fixed(recipe: Recipe) -> dict[str, Any]:
    """Return what of a recipe must not change while a run goes on.

    The length may, as a run that does not cool down can be made longer; and what to do when trouble comes.
    """
    free = {"on_trouble"} if recipe.cool_down else {"on_trouble", "images"}
    return {key: value for key, value in recipe.to_dict().items() if key not in free}


def save(run: Run, state: State, signs: Signs) -> None:
    """Write a checkpoint, and forget the oldest but the best."""
    best = run.checkpoint_path(int(state.best_at))
    _write(run, state, signs, run.checkpoint_path(state.images))
    for old in run.checkpoints()[KEPT_CHECKPOINTS:]:
        if old != best:
            old.unlink()


def save_milestone(run: Run, state: State, signs: Signs) -> None:
    """Write a checkpoint that a rollback can come back to, and forget the oldest."""
    _write(run, state, signs, run.milestone_path(state.images))
    for old in run.milestones()[KEPT_CHECKPOINTS:]:
        old.unlink()


def _write(run: Run, state: State, signs: Signs, path: Path) -> None:
    header = {"images": state.images, "seconds": state.seconds, "rollbacks": len(run.rollbacks)}
    tensors.save(path, state.tensors(), {"kind": "checkpoint", **header, "signs": dataclasses.asdict(signs)})


def restore(run: Run, state: State) -> Signs | None:
    """Take the newest checkpoint that is whole, and return the signs of trouble there; none where there is none."""
    rollbacks, damaged = run.rollbacks, False
    for path in sorted([*run.checkpoints(), *run.milestones()], key=lambda path: path.name, reverse=True):
        try:
            loaded, header = tensors.load(path, "checkpoint", RunError)
        except RunError as error:
            log.warning("%s It is passed over.", error)
            damaged = True
            continue
        if any(header["images"] > rollback["to"] for rollback in rollbacks[header["rollbacks"] :]):
            path.unlink()  # it comes from before a rollback that went behind it
            continue
        state.restore(loaded, header["images"], header["seconds"])
        return Signs(**header["signs"])
    if damaged:
        log.warning("No checkpoint is whole: training begins anew.")
    return None


def slowdown(run: Run) -> float:
    """Return the factor of both learning rates that the run's rollbacks ask for."""
    return float(SLOWER ** len(run.rollbacks))


def gives_up(run: Run, recipe: Recipe) -> bool:
    """Say whether trouble ends training: the recipe does not roll back, or this was tried often enough."""
    return recipe.on_trouble != "rollback" or len(run.rollbacks) >= ROLLBACKS


def roll_back(run: Run, recipe: Recipe, images: int, trouble: Trouble) -> None:
    """Set the run back to its last milestone, or to its beginning; write down why, also where training ends instead.

    A milestone that the run was set back to without reaching another is one too late: the one before it is taken then.

    Raises:
        TrainingError: :func:`gives_up`.
    """
    if gives_up(run, recipe):
        before = f"{ROLLBACKS} rollbacks and " if recipe.on_trouble == "rollback" else ""
        way_on = "" if trouble.final else "; --on-trouble warn goes on as it is"
        said = f"after {before}{images:,} pictures {str(trouble).removesuffix('.')}{way_on}."
        run.write_stop({"at": images, "trouble": said})
        raise TrainingError(said)
    tried = run.rollbacks[-1]["to"] if run.rollbacks else None
    to = next((stood for path in run.milestones() if (stood := int(path.stem)) != tried), 0)
    log.warning(
        "After %s pictures %s: back to %s pictures, at half the learning rates.", f"{images:,}", trouble.seen, f"{to:,}"
    )
    run.add_rollback({"at": images, "to": to, "trouble": trouble.seen})
