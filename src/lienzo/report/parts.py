"""What the page of a run is made of, read from the run's artefacts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lienzo.collection.collection import Collection
from lienzo.compute.devices import pick_device
from lienzo.display.charts import Chart
from lienzo.errors import CollectionError, GeneratorError
from lienzo.evaluation import scores
from lienzo.evaluation.report import chart as scores_chart
from lienzo.generation import generation
from lienzo.networks.layers import Layer, players
from lienzo.networks.shape import Shape
from lienzo.recipe.likelihood import EvidenceBound
from lienzo.recipe.recipe import Recipe
from lienzo.report import curves, networks
from lienzo.report.pictures import Gallery, Nearest, gallery_of, nearest_training
from lienzo.run.manifest import Manifest
from lienzo.run.progress import Progress, progress
from lienzo.run.run import Run

EVALUATIONS = 12
"""Evaluations at most that are shown, the newest."""


@dataclass(frozen=True)
class Parts:
    """All that a page is made of, read from the artefacts of a run."""

    run: Run
    recipe: Recipe
    manifest: Manifest
    progress: Progress
    log: Sequence[Mapping[str, Any]]
    """The lines of its log."""
    scores: Sequence[scores.Scores]
    """Its newest evaluations, the oldest first."""
    players: Mapping[str, Sequence[Layer]]
    """Layers of both networks by the network's name."""
    gallery: Gallery | None
    """What the newest generator paints; none before the first tick, or where it is damaged or has diverged."""
    nearest: Nearest | None
    """Some of its pictures and the training pictures nearest to them; none where either is not at hand."""
    collection: Collection | None
    """What it was trained on; none where it is not at hand."""
    missing: str
    """Why there are no pictures or no collection, in sentences."""

    @property
    def charts(self) -> list[Chart]:
        """Every figure of the page."""
        alike = [
            (f"evaluation {number}", one.measures)
            for number, one in enumerate(self.scores, 1)
            if scores.conditions(one) == scores.conditions(self.scores[-1])
        ]
        measured = [scores_chart(alike)] if alike else []
        return [*curves.curves(self.log), *measured, networks.chart(self.players)]


def read(run: Run, collection: str | Path | Collection | None = None, device: str = "cpu") -> Parts:
    """Read all that the page of a run is made of.

    Args:
        run: the run.
        collection: what it was trained on, where that no longer lies where ``run.json`` says.
        device: where the generator paints.

    Raises:
        RunError: ``run.json`` is damaged.
        CollectionError: the collection that was given is none, or not the one that the run was trained on.
    """
    recipe, manifest = run.recipe(), run.manifest()
    found, reason = _collection(run, manifest, collection)
    missing = [] if reason is None else [reason]
    gallery, nearest = None, None
    try:
        generator = generation.load(run, str(pick_device(device)))
        gallery = gallery_of(generator)
        nearest = None if found is None else nearest_training(generator, found)
    except GeneratorError as error:
        missing = [f"No pictures are generated here: {error}", *missing]
    shape = Shape(*manifest["collection"]["shape"])
    return Parts(
        run,
        recipe,
        manifest,
        progress(run),
        run.log(),
        [one for one in scores.read(run.scores_path) if one.truncation is None][-EVALUATIONS:],
        players(
            recipe.network,
            shape,
            len(manifest["collection"].get("labels", [])),
            encoder=isinstance(recipe.objective, EvidenceBound),
        ),
        gallery,
        nearest,
        found,
        " ".join(missing),
    )


def _collection(
    run: Run, manifest: Manifest, given: str | Path | Collection | None
) -> tuple[Collection | None, str | None]:
    """Return the collection of a run, or why it is not at hand."""
    wanted = manifest["collection"]["fingerprint"]
    if given is not None:
        collection = given if isinstance(given, Collection) else Collection.open(given)
        if collection.fingerprint != wanted:
            raise CollectionError(
                f"{collection.path} is not what {run.path} was trained on (fingerprint {collection.fingerprint}, "
                f"not {wanted}): give that collection, or none."
            )
        return collection, None
    path = run.collection_path()
    try:
        collection = Collection.open(path)
        collection.take(collection.rows("train")[::-1000])  # reads every index, and tells files that were cut short
    except CollectionError as error:
        return None, f"The collection is not at hand: {error}"
    if collection.fingerprint != wanted:
        return None, f"The collection is not at hand: {path} has other pictures now than the run was trained on."
    return collection, None
