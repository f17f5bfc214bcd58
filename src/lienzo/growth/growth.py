"""Growing: a trained run goes on at twice the size, with new layers faded in (Karras et al. 2018, section 2).

What comes out is a run like any other, begun from the smaller one: the recipe of that one with a network that has grown
once more, and a collection of the same pictures at twice the size. See docs/grow.md.
"""

import dataclasses
import logging
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from lienzo.collection import preparation, remote
from lienzo.collection.collection import Collection
from lienzo.collection.settings import Settings, parse_size
from lienzo.compute import processes
from lienzo.compute.devices import pick_device
from lienzo.errors import CollectionError, RecipeError, RunError, SourceError
from lienzo.networks import configurations
from lienzo.recipe.recipe import Recipe
from lienzo.run.run import Run
from lienzo.storage.files import local
from lienzo.training import loop

log = logging.getLogger("lienzo")

FADE = 0.5
"""Share of the training, at its beginning, over which new layers are faded in: half of it, as in the paper."""


@dataclass(frozen=True)
class GrowthProgress:
    """The progress of the growth of a run."""

    stage: str
    """``preparing`` or ``training``."""
    done: float
    """Number of files that are prepared, or of pictures shown."""
    total: float
    """Number of all of them."""
    text: str = ""
    """Figures for the line of progress, such as the losses."""


def grow(
    source: str | Path | Run,
    size: int | str | tuple[int, int] | None = None,
    *,
    collection: str | Path | Collection | None = None,
    out: str | Path | None = None,
    settings: Sequence[str] = (),
    device: str = "auto",
) -> Run:
    """Go on from a trained run with pictures of twice the size; the same call goes on after an interruption.

    Args:
        source: the run, or its folder.
        size: of the new pictures, in pixels: twice that of the run's, which it is by default.
        collection: the pictures at that size; by default they lie beside the run's collection, under its name with the
            new size, and are prepared there from the same sources in the same way where they are missing. If the run's
            is at a URL, they lie in the present folder.
        out: the new run's folder; by default it lies beside the run, under its name with the new size.
        settings: keys of the run's recipe that change, such as ``images=400000``, ``fade=100000`` or ``batch=32``; the
            fade takes half of the training by default.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Returns:
        The finished run.

    Raises:
        RunError: no run, one that does not grow to this size, or ``out`` holds something else.
        RecipeError: a network that does not grow, or a setting that does not fit.
        CollectionError: the run's collection is gone, or cannot be prepared again as it was.
        SourceError: the pictures that it was prepared from are gone.
        TrainingError: as of :func:`lienzo.train`.
    """
    for _ in steps(source, size, collection=collection, out=out, settings=settings, device=device):
        pass
    return Run(grown_path(source) if out is None else Path(out))


def steps(
    source: str | Path | Run,
    size: int | str | tuple[int, int] | None = None,
    *,
    collection: str | Path | Collection | None = None,
    out: str | Path | None = None,
    settings: Sequence[str] = (),
    device: str = "auto",
) -> Generator[GrowthProgress, None, None]:
    """Do what :func:`grow` does, step by step; leaving the loop saves, and the same call goes on."""
    run = Run.open(source)
    folder = grown_path(run) if out is None else local(out)
    height, width = _twice(run)
    if size is not None and parse_size(size) != (height, width):
        raise RunError(
            f"{run.path} grows to {_written(height, width)} pixels, not to {size}: each run doubles the size once, "
            "and what it becomes can grow again."
        )
    if not Run(folder).exists():
        _warn_of_interruption(run)
    recipe = _recipe(run, settings)
    processes.join(pick_device(device))
    if collection is None:
        with processes.leading() as leads:
            if leads:
                yield from _prepare(run, height, width)
        collection = _beside(run)
    collection = collection if isinstance(collection, Collection) else Collection.open(collection)
    if (collection.height, collection.width) != (height, width):
        raise CollectionError(
            f"{collection.path} has pictures of {_written(collection.height, collection.width)} pixels, and "
            f"{run.path} grows to {_written(height, width)}: give the same pictures at that size."
        )
    if recipe.labels and list(collection.vocabularies.get(recipe.labels, ())) != run.manifest()["collection"]["labels"]:
        raise CollectionError(
            f"{collection.path} has other labels of the kind {recipe.labels} than {run.path} was trained with: "
            "prepare the same pictures at the new size."
        )
    recipe = recipe.resolved(len(collection.rows("train")))
    if not any(setting.partition("=")[0].strip() == "fade" for setting in settings):
        assert recipe.images is not None
        grown, fade = Run(folder), round(FADE * recipe.images)
        if grown.exists():  # it was begun with half of the length that it had then
            fade = Recipe.from_dict(grown.manifest()["recipe"]).fade
        recipe = dataclasses.replace(recipe, fade=fade)
    with closing(loop.steps(collection, recipe, folder, origin=run, device=device)) as ticks:
        for tick in ticks:
            yield GrowthProgress("training", tick.images, tick.total, tick.figures)


def _warn_of_interruption(run: Run) -> None:
    """Say that a run has not come to its end, where it has not."""
    shown, total = run.last_line().get("images", 0), run.recipe().total
    if shown < total:
        log.warning(
            "%s has shown %s of its %s pictures, and what grows is its networks as they are now: to let it come to its "
            "end first, run the `lienzo train` that began it once more.",
            run.path, f"{shown:,}", f"{total:,}",
        )  # fmt: skip


def grown_path(source: str | Path | Run) -> Path:
    """Return the folder that what a run grows into has by default: beside it, under its name with the new size."""
    run = Run.open(source)
    return _renamed(run.path, run)


def _recipe(run: Run, settings: Sequence[str]) -> Recipe:
    """Return the run's recipe with a network that has grown, and these settings."""
    network = configurations.grown(run.recipe().network)
    begun = dataclasses.replace(run.recipe(), network=network, fade=0, label_start=0.0)
    recipe = begun.with_settings([*settings])
    if recipe.network != network:
        raise RecipeError(f"the network is that of {run.path}, grown: leave the keys of network alone.")
    if recipe.labels != begun.labels:
        raise RecipeError(f"the labels are those that {run.path} knows: leave labels alone.")
    return recipe


def _prepare(run: Run, height: int, width: int) -> Iterator[GrowthProgress]:
    """Prepare the pictures of the run's collection once more, at the new size, where this was not done before."""
    smaller, folder = Collection.open(run.collection_path()), _beside(run)
    settings = smaller.settings | {"height": height, "width": width}
    if (folder / "collection.json").exists():
        there = Collection.open(folder)
        if there.settings != settings:
            raise CollectionError(
                f"{folder} was prepared in another way than {smaller.path}: give a collection with --collection."
            )
        return
    sources, labels = settings["sources"], settings["labels"]
    if labels not in ("folders", "none"):
        raise CollectionError(
            f"{smaller.path} has the labels of a table, {labels}: prepare its pictures at "
            f"{_written(height, width)} pixels yourself, and give them with --collection."
        )
    if "choices" in settings:
        raise CollectionError(
            f"{smaller.path} was prepared with a table of choices: prepare its pictures at "
            f"{_written(height, width)} pixels yourself with --choices, and give them with --collection."
        )
    log.info("Preparing the pictures of %s at %s pixels in %s.", smaller.path, _written(height, width), folder)
    wanted = Settings.from_json(settings, size=(height, width), labels=labels)
    try:
        for step in preparation.steps(sources, folder, wanted):
            yield GrowthProgress("preparing", step.done, step.total, f"{step.kept:,} kept")
    except SourceError as error:
        reason = str(error).partition(":")[0]
        raise SourceError(
            f"the pictures of {smaller.path} cannot be prepared at {_written(height, width)} pixels ({reason}): "
            "bring their sources back, or give a collection with --collection."
        ) from None


def _twice(run: Run) -> tuple[int, int]:
    """Return height and width of what a run grows to."""
    height, width, _ = run.manifest()["collection"]["shape"]
    return 2 * height, 2 * width


def _beside(run: Run) -> Path:
    """Return where the collection of the new size is looked for: beside the run's, but not within the cache of URLs."""
    path = run.collection_path()
    name = remote.name_there(path)
    return _renamed(path if name is None else Path(name), run)


def _renamed(path: Path, run: Run) -> Path:
    """Return a path with the new size at the end of its name, in place of the old one."""
    height, width = _twice(run)
    path = path if path.name else path.resolve()
    stem = path.name.removesuffix(f"-{_written(height // 2, width // 2)}")
    return path.with_name(f"{stem}-{_written(height, width)}")


def _written(height: int, width: int) -> str:
    return str(height) if height == width else f"{height}x{width}"
