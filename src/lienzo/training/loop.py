"""Training: an iterator of ticks, the same for a fresh run and for one that goes on."""

import logging
import signal
import threading
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from types import FrameType

from lienzo.collection.collection import Collection
from lienzo.collection.listing import places
from lienzo.compute import processes
from lienzo.compute.devices import keeping_memory, pick_device
from lienzo.compute.threads import Threads
from lienzo.errors import RunError
from lienzo.networks.shape import Shape
from lienzo.recipe.recipe import Recipe
from lienzo.run import drawing
from lienzo.run.manifest import Manifest
from lienzo.run.occupancy import occupying
from lienzo.run.run import Run, usual_path
from lienzo.storage.files import local, write_bytes
from lienzo.training import disk_space, resumption
from lienzo.training.batches import Batches
from lienzo.training.default_recipe import recipe_or_default
from lienzo.training.estimate import Estimate
from lienzo.training.inputs import InputPipeline
from lienzo.training.kid_monitor import refuse_too_few
from lienzo.training.open_run import OpenRun, TroubleError
from lienzo.training.origin import Origin
from lienzo.training.state import State
from lienzo.training.tick import Tick
from lienzo.training.trouble import Trouble

log = logging.getLogger("lienzo")

STOPS = (signal.SIGINT, signal.SIGTERM)
"""Signals of someone who wants the end, which torchrun passes on to its processes; clusters send the second one before
they kill."""


def train(
    collection: str | Path | Collection,
    recipe: str | Path | Recipe | None = None,
    out: str | Path | None = None,
    *,
    origin: str | Path | Run | None = None,
    device: str = "auto",
) -> Run:
    """Train a generator; the same call goes on with a run that was interrupted.

    Args:
        collection: the pictures to learn from.
        recipe: its name, the path of its TOML file, or itself; by default that of the run in ``out``, or the one for
            pictures of this size and number on this device (:func:`lienzo.recipe.choice.choose`), with the networks of
            ``origin``.
        out: the run's folder; by default ``runs/COLLECTION-RECIPE``.
        origin: a run or a generator's file, whose trained networks a new run starts from; they have to fit a recipe
            that is given.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Returns:
        The finished run.

    Raises:
        CollectionError: no collection, or a damaged one.
        RecipeError: no such recipe, or one that does not fit the collection.
        RunError: ``out`` holds something else (no run, or the run of another collection, recipe or origin), or
            ``origin`` does not fit.
        GeneratorError: ``origin`` is no generator's file, or a damaged one.
        TrainingError: losses or gradients are no numbers any more, or other trouble where the recipe says to stop.
    """
    recipe = recipe_or_default(recipe, collection, out, device, origin)
    out = usual_path("runs", collection, recipe) if out is None else out
    for _ in steps(collection, recipe, out, origin=origin, device=device):
        pass
    return Run(Path(out))


def steps(
    collection: str | Path | Collection,
    recipe: str | Path | Recipe | None = None,
    out: str | Path | None = None,
    *,
    origin: str | Path | Run | None = None,
    device: str = "auto",
) -> Generator[Tick, None, None]:
    """Train a generator, and yield a :class:`Tick` every ``recipe.tick`` pictures.

    Leaving the loop, Ctrl-C, or SIGTERM during a step saves; the same call goes on from there. A run that is killed
    loses the work since the last tick, or of up to twenty seconds where these are more frequent. Arguments and errors
    are those of :func:`train`.

    The processes that torchrun starts all call this, and get the same ticks. The first one alone reads and writes the
    run's folder; Ctrl-C and SIGTERM stop all of them at the next tick.
    """
    recipe = recipe_or_default(recipe, collection, out, device, origin)
    out = usual_path("runs", collection, recipe) if out is None else out
    if places.is_url(str(out)):
        raise RunError(f"a run is kept in a folder of this machine, not at {out}: name a folder with --out.")
    collection = collection if isinstance(collection, Collection) else Collection.open(collection)
    chosen = processes.join(pick_device(device))
    run = Run(local(out))
    recipe = resumption.resolve(recipe, collection, run, chosen)
    task = (recipe, collection.fingerprint)
    if processes.any_of(processes.broadcast(task) != task):
        raise RunError("the processes were given different recipes or collections: start them all with the same words.")
    refuse_too_few(recipe, collection)
    batches = Batches(collection, recipe.seed, chosen, recipe.labels, recipe.balanced)
    pipeline = InputPipeline(recipe, batches)
    state = _begin(recipe, batches)  # before the folder is touched, so that what does not fit leaves nothing behind
    begun_from = None if origin is None else Origin.open(origin)
    if begun_from is not None:
        names = collection.vocabularies[recipe.labels] if recipe.labels else ()
        begun_from.copy_into(state, names)
        if names and begun_from.names and tuple(names) != begun_from.names:
            log.info("The labels are others than those of %s, and are learnt anew.", begun_from.path)
    with (
        keeping_memory(chosen),
        Threads(chosen) as threads,
        _occupying(run, collection, recipe, begun_from, state) as manifest,
    ):
        stops: list[int] = []
        while True:
            rollbacks = manifest.get("rollbacks", []) if manifest else []
            state.slow_down(processes.broadcast(resumption.slowdown(rollbacks)))
            try:
                with OpenRun(run, recipe, state, batches, manifest) as open_run:
                    yield from _ticks(open_run, pipeline, threads, stops)
            except TroubleError as error:
                _roll_back(run, manifest, recipe, state.images, error.trouble)
                state = _begin(recipe, batches)
                if processes.any_of(bool(stops)):  # asked for in the step that made the trouble
                    raise KeyboardInterrupt from error
            else:
                break
        with processes.leading() as leads:
            if leads:
                _draw_summary(run)


@contextmanager
def _occupying(
    run: Run, collection: Collection, recipe: Recipe, origin: Origin | None, state: State
) -> Iterator[Manifest | None]:
    """Hold the run's folder, in the first process alone, and give what ``run.json`` says; None in the others.

    Raises:
        RunError: another process trains there, the folder holds something else, or the disk is too full.
    """
    with ExitStack() as stack:
        manifest = None
        with processes.leading() as leads:
            if leads:
                resumption.refuse_foreign(run, recipe)
                stack.enter_context(occupying(run))
                disk_space.refuse_too_little(run, recipe, collection, state)
                manifest = resumption.open_folder(
                    run, collection, recipe, origin.record if origin else None, state.device
                )
        yield manifest


def _begin(recipe: Recipe, batches: Batches) -> State:
    """Return the state before the first step."""
    collection = batches.collection
    shape = Shape(collection.height, collection.width, collection.channels)
    return State(recipe, shape, batches.device, batches.classes)


def _roll_back(run: Run, manifest: Manifest | None, recipe: Recipe, images: int, trouble: Trouble) -> None:
    """Note in the run's folder, in the first process alone, that training goes back."""
    with processes.leading():
        if manifest is not None:
            resumption.roll_back(run, manifest, recipe, images, trouble)


def _ticks(run: OpenRun, pipeline: InputPipeline, threads: Threads, stops: list[int]) -> Iterator[Tick]:
    """Train to the end or to the next interruption; signals that ask for one join ``stops``.

    One process stops after the step that it is in; of several, all stop after the tick that they are in.
    """
    alone = processes.count() == 1
    estimate = Estimate(run.state.images, run.recipe.total if processes.leads() else 0)
    with pipeline.stream(run.state.images) as stream, _holding(stops, *() if alone else STOPS):
        while not run.done:
            with _holding(stops, *STOPS if alone else ()):
                threads.adjust()
                tick = run.advance(list(islice(stream, run.steps_at_once)))
            estimate.update(run.state.images)
            if (alone and stops) or (tick is not None and processes.any_of(bool(stops))):
                raise KeyboardInterrupt
            if tick is not None:
                yield tick


def _draw_summary(run: Run) -> None:
    """Write the animation of the samples and the chart of the losses, where there is anything to draw."""
    for path, draw in ((run.evolution_path, drawing.evolution), (run.curves_path, drawing.curves)):
        drawn = draw(run)
        if drawn is not None:
            write_bytes(path, drawn)


@contextmanager
def _holding(held: list[int], *numbers: signal.Signals) -> Iterator[None]:
    """Hold signals back until the block is done, so that the state it changes stays whole; those that come are held."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def hold(number: int, _frame: FrameType | None) -> None:
        held.append(number)

    previous = {number: signal.signal(number, hold) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
