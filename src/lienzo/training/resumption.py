"""Resumption: opening a run's folder, writing checkpoints, going back to them."""

import dataclasses
import logging
import math
import platform
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from lienzo.collection.collection import Collection
from lienzo.compute import machine
from lienzo.compute.devices import gpu, pick_precision
from lienzo.display.wording import counted
from lienzo.errors import RecipeError, RunError, TrainingError
from lienzo.recipe.recipe import Recipe
from lienzo.run.manifest import FORMAT, Manifest, OriginRecord, Rollback, Stop
from lienzo.run.run import Run
from lienzo.storage import tensors
from lienzo.storage.files import is_temporary, linked, sweep, write_text
from lienzo.training.schedule import cooling
from lienzo.training.state import State
from lienzo.training.trouble import Signs, Trouble
from lienzo.version import __version__

KEPT_CHECKPOINTS = 2
"""Checkpoints that are kept: the newest, and the one before it in case the newest is damaged. The best is kept too."""

ROLLBACKS = 3
"""Rollbacks of a run, at most: trouble that comes again at an eighth of the rates does not come from the rates."""

SLOWER = 0.5
"""Factor of both learning rates with every rollback."""

FOLDERS = ("checkpoints", "generators", "samples", "milestones")
"""Names of the folders within a run's."""

log = logging.getLogger("lienzo")


def resolve(recipe: Recipe, collection: Collection, run: Run, device: torch.device) -> Recipe:
    """Return the recipe with nothing left open; a run that goes on keeps the precision it was begun with."""
    recipe = recipe.resolved(len(collection.rows("train")))
    if run.begun() and recipe.precision == "auto":
        recipe = dataclasses.replace(recipe, precision=Recipe.from_dict(run.manifest()["recipe"]).precision)
    return dataclasses.replace(recipe, precision=pick_precision(recipe.precision, device))


def refuse_foreign(run: Run, recipe: Recipe) -> None:
    """Refuse a folder that holds anything but a run, or the beginning of one with this recipe.

    Raises:
        RunError: it holds other files, or is a file, or parts of the run are links to elsewhere.
    """
    if run.path.exists() and not run.begun() and not _is_blank(run, recipe):
        raise RunError(f"{run.path} exists and is no run: choose another --out, or an empty folder.")
    if (link := linked(run.path, (*FOLDERS, run.log_path.name))) is not None:
        raise RunError(
            f"{link} is a link, and a run writes into no other folder: put what it leads to there, or choose "
            "another --out."
        )


def _is_blank(run: Run, recipe: Recipe) -> bool:
    """Say whether the folder holds nothing, or only what a run leaves that was killed while it was begun.

    A recipe of someone's own, which may lie under the same name, would be overwritten.
    """

    def is_left(path: Path) -> bool:
        if path == run.recipe_path:
            return path.is_file() and path.read_bytes() == recipe.to_toml().encode()
        return path in (run.lock_path, run.presence_path) or is_temporary(path.name)

    return run.path.is_dir() and all(is_left(path) for path in run.path.iterdir())


def open_folder(
    run: Run, collection: Collection, recipe: Recipe, origin: OriginRecord | None, device: torch.device
) -> Manifest:
    """Make the run's folder, or make sure that it holds this run; return what its ``run.json`` says.

    ``origin`` is the trained generator to begin from, if any; ``device`` is what a new run will be trained on.

    Raises:
        RunError: it holds the run of another collection, recipe or origin, or its description is damaged.
    """
    if run.begun():
        manifest = run.manifest()
        _refuse_others(run, manifest, collection, recipe, origin)
        for name in ("", *FOLDERS):
            sweep(run.path / name)
        if not _has_shown_more(run, recipe):
            if manifest["recipe"]["images"] != recipe.images:  # what falls towards the end follows from it
                manifest["recipe"]["images"] = recipe.images
                run.write_manifest(manifest)
            write_text(run.recipe_path, recipe.to_toml())
        return manifest
    write_text(run.recipe_path, recipe.to_toml())
    manifest = {
        "format": FORMAT,
        "recipe": recipe.to_dict(),
        "collection": {
            "path": str(collection.path.resolve()),
            "fingerprint": collection.fingerprint,
            "count": collection.count,
            "shape": [collection.height, collection.width, collection.channels],
        },
        "versions": {"lienzo": __version__, "torch": str(torch.__version__), "python": platform.python_version()},
        "machine": {
            "system": platform.platform(),
            "processor": platform.machine(),
            "threads": torch.get_num_threads(),
            **machine.described(gpu(device)),
        },
    }
    if recipe.labels:
        manifest["collection"]["labels"] = list(collection.vocabularies[recipe.labels])
    if origin:
        manifest["origin"] = origin
    run.write_manifest(manifest)
    return manifest


def _has_shown_more(run: Run, recipe: Recipe) -> bool:
    """Say whether a run is beyond the end of a recipe already, so that nothing will be trained and its own holds."""
    try:
        run.recipe()
    except RecipeError:
        return False
    return any(shown > recipe.total for shown in _shown(run))


def _refuse_others(
    run: Run, manifest: Manifest, collection: Collection, recipe: Recipe, origin: OriginRecord | None
) -> None:
    """Refuse another collection, recipe or origin than those that the run was begun with."""
    if manifest["collection"]["fingerprint"] != collection.fingerprint:
        raise RunError(
            f"{run.path} was trained on another collection ({manifest['collection']['path']}): "
            "choose another --out, or give that collection to go on."
        )
    begun, shown = Recipe.from_dict(manifest["recipe"]), max(_shown(run), default=0)
    free = {"on_trouble"}
    fixed = _fixed_by(begun, shown, "fall", "have begun") or _fixed_by(recipe, shown, "would fall", "would have begun")
    if not fixed:
        free.add("images")
    before, after = begun.to_dict(), recipe.to_dict()
    changed = [key for key in {**before, **after} if key not in free and before.get(key) != after.get(key)]
    if changed == ["images"]:
        raise RunError(
            f"{run.path} was begun for {begun.images} pictures, and {fixed}: after {shown} they cannot become "
            f"{recipe.images}. "
            + (
                f"To train on, begin another run from it, with --from {run.path} and another --out."
                if shown >= begun.total
                else f"Choose another --out, or go on with --recipe {run.recipe_path} alone."
            )
        )
    if changed:
        raise RunError(
            f"{run.path} was begun with another recipe (it differs in {', '.join(changed)}): "
            f"choose another --out, or go on with --recipe {run.recipe_path}."
        )
    if origin is not None and ("origin" not in manifest or origin["fingerprint"] != manifest["origin"]["fingerprint"]):
        raise RunError(
            f"{run.path} was not begun from the generator of {origin['path']} as it is now: "
            "leave --from out to go on, or choose another --out."
        )


def _fixed_by(recipe: Recipe, shown: int, fall: str, have_begun: str) -> str:
    """Return what follows from a run's length within so many pictures, so that it cannot change; empty if nothing does.

    ``fall`` and ``have_begun`` are the verbs of that sentence.
    """
    if recipe.cool_down and cooling(shown, recipe.images or 0, recipe.cool_down) < 1:
        return f"its rates {fall} towards its end"
    if recipe.label_start and shown > recipe.labels_begin:
        return f"its labels {have_begun} to count"
    return ""


def _shown(run: Run) -> list[int]:
    """Return the numbers of pictures after which the run has a checkpoint."""
    return [int(path.stem) for path in run.checkpoints()]


def save(run: Run, state: State, signs: Signs, rollbacks: int) -> None:
    """Write a checkpoint, and delete the oldest but the best; ``rollbacks`` is how often the run was set back."""
    best = run.checkpoint_path(int(state.best_at))
    _write(run.checkpoint_path(state.images), state, signs, rollbacks)
    for old in _until(run.checkpoints(), state)[KEPT_CHECKPOINTS:]:
        if old != best:
            old.unlink()


def save_milestone(run: Run, state: State, signs: Signs, rollbacks: int) -> None:
    """Write a checkpoint that a rollback can come back to, and delete the oldest."""
    _write(run.milestone_path(state.images), state, signs, rollbacks)
    for old in _until(run.milestones(), state)[KEPT_CHECKPOINTS:]:
        old.unlink()


def _until(checkpoints: list[Path], state: State) -> list[Path]:
    """Return those up to now: damaged ones of later, from which nobody could go on, do not count for the newest."""
    return [path for path in checkpoints if int(path.stem) <= state.images]


def _write(path: Path, state: State, signs: Signs, rollbacks: int) -> None:
    header = {"images": state.images, "seconds": state.seconds, "rollbacks": rollbacks}
    tensors.save(path, state.tensors(), {"kind": "checkpoint", **header, "signs": dataclasses.asdict(signs)})


def restore(run: Run, state: State, rollbacks: Sequence[Rollback], begin: Callable[[], None]) -> Signs | None:
    """Take the newest checkpoint that is whole, and return the signs of trouble there.

    Where there is none, ``begin`` begins the state, and nothing is returned. Only then are checkpoints deleted that
    come from before a rollback that went behind them.

    Raises:
        RunError: a checkpoint is whole, but holds the state of other networks; or what ``begin`` raises.
    """
    damaged, signs = False, None
    overtaken: list[Path] = []
    for path in sorted([*run.checkpoints(), *run.milestones()], key=lambda path: path.name, reverse=True):
        try:
            loaded, header = tensors.load(path, "checkpoint", RunError)
            signs = Signs(**header["signs"])
            images, seconds, before = int(header["images"]), float(header["seconds"]), int(header["rollbacks"])
        except (RunError, KeyError, TypeError, ValueError) as error:
            said = error if isinstance(error, RunError) else f"{path} is damaged, its header lacks {error}."
            log.warning("%s It is passed over.", said)
            damaged = True
            continue
        if any(images > rollback["to"] for rollback in rollbacks[before:]):
            overtaken.append(path)
            continue
        state.restore(loaded, images, seconds, path)
        break
    else:
        if damaged:
            log.warning("No checkpoint is whole: training begins anew.")
        signs = None
        begin()
    for path in overtaken:
        path.unlink()
    return signs


def best_score(run: Run) -> tuple[float, int]:
    """Return the KID of ``best.safetensors`` and the pictures shown before it; infinity and 0 where it is not known.

    It may be lower than that of the state which training goes on from: a rollback, or a damaged checkpoint, leads back
    to a state from before the best score.
    """
    try:
        _, header = tensors.load(run.best_path, "generator", RunError)
    except RunError:
        return math.inf, 0
    images = int(header["images"])
    logged = [line["kid"] for line in run.log() if line["images"] == images and "kid" in line]
    return float(header.get("kid", [*logged, math.inf][0])), images


def slowdown(rollbacks: Sequence[Rollback]) -> float:
    """Return the factor of both learning rates that so many rollbacks ask for."""
    return float(SLOWER ** len(rollbacks))


def gives_up(recipe: Recipe, rollbacks: Sequence[Rollback]) -> bool:
    """Say whether trouble ends training: the recipe does not roll back, or this was tried often enough."""
    return recipe.on_trouble != "rollback" or len(rollbacks) >= ROLLBACKS


def write_stop(run: Run, manifest: Manifest, stop: Stop | None) -> None:
    """Note in ``run.json`` that trouble ends the run; with None, that training goes on after such an end."""
    if stop is not None:
        run.write_manifest({**manifest, "stop": stop})
    elif "stop" in manifest:
        del manifest["stop"]
        run.write_manifest(manifest)


def roll_back(run: Run, manifest: Manifest, recipe: Recipe, images: int, trouble: Trouble) -> None:
    """Set the run back to its last milestone, or to its beginning; note why in ``manifest`` and in ``run.json``.

    A milestone that the run was set back to without reaching another is one too late: the one before it is taken then.

    Raises:
        TrainingError: :func:`gives_up`.
    """
    rollbacks = manifest.get("rollbacks", [])
    if gives_up(recipe, rollbacks):
        before = f"{ROLLBACKS} rollbacks and " if recipe.on_trouble == "rollback" else ""
        way_on = "" if trouble.final else "; --on-trouble warn goes on as it is"
        said = f"after {before}{counted(images, 'picture')} {str(trouble).removesuffix('.')}{way_on}."
        write_stop(run, manifest, {"at": images, "trouble": said})
        raise TrainingError(said)
    tried = rollbacks[-1]["to"] if rollbacks else None
    to = next((stood for path in run.milestones() if (stood := int(path.stem)) != tried), 0)
    log.warning(
        "After %s %s: back to %s, at half the learning rates.",
        counted(images, "picture"), trouble.seen, counted(to, "picture"),
    )  # fmt: skip
    manifest["rollbacks"] = [*rollbacks, {"at": images, "to": to, "trouble": trouble.seen}]
    run.write_manifest(manifest)
