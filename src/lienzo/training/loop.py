"""Training: an iterator of ticks, the same for a fresh run and for one that goes on."""

import dataclasses
import logging
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from types import FrameType

import torch
from torch.utils.tensorboard import SummaryWriter

from lienzo.collection.collection import Collection
from lienzo.compute import processes
from lienzo.compute.devices import keep_memory, peak_memory, pick_device
from lienzo.display import gallery
from lienzo.errors import RunError
from lienzo.generation.generation import drawn_labels, render, save_generator
from lienzo.networks.shape import Shape
from lienzo.recipe.catalogue import find
from lienzo.recipe.recipe import Recipe
from lienzo.run import drawing
from lienzo.run.occupancy import Presence, occupying
from lienzo.run.run import Run
from lienzo.seeds import derive
from lienzo.storage import tensors
from lienzo.storage.files import write_bytes
from lienzo.training import resumption
from lienzo.training.batches import Batches
from lienzo.training.game import StepInputs
from lienzo.training.inputs import InputPipeline
from lienzo.training.kid_monitor import KIDMonitor
from lienzo.training.origin import Origin, begin_from_origin
from lienzo.training.schedule import crossed, steps_at_once
from lienzo.training.state import State
from lienzo.training.trouble import Signs, Trouble, not_finite

SAVE_SECONDS = 10.0
"""A tick is saved before it is yielded, unless the last save is younger than this."""

STOPS = (signal.SIGINT, signal.SIGTERM)
"""Signals of someone who wants the end, which torchrun passes on to its processes; clusters send the second one before
they kill."""

FIGURES = {
    "discriminator_loss": "loss D {:.3f}",
    "generator_loss": "G {:.3f}",
    "real_score": "D(x) {:.2f}",
    "fake_score": "D(G(z)) {:.2f}",
    "evidence_bound": "bound {:,.0f}",
    "divergence": "divergence {:,.1f}",
    "painting_error": "error {:.3f}",
    "fade": "fade {:.2f}",
    "kid": "KID {:.4f}",
}
"""What a person is shown of a tick's measures, where it has them."""

log = logging.getLogger("lienzo")


@dataclasses.dataclass(frozen=True)
class Tick:
    """How training stands, every ``recipe.tick`` pictures."""

    images: int
    """Pictures shown so far: the clock."""

    total: int
    """Pictures to be shown in all, the last step a whole one."""

    seconds: float
    """Time spent training, of earlier sessions too."""

    images_per_second: float
    """Since the last tick."""

    measures: dict[str, float]
    """Means over the steps since the last tick: losses, scores D(x) and D(G(z)), penalties, norms of gradients,
    diversity; and ``peak_memory``, the most bytes that were held so far, on a GPU those of the GPU."""

    trouble: str | None = None
    """What is going wrong and what to try, in one sentence."""

    @property
    def seconds_left(self) -> float:
        """Time to the end at the present speed."""
        return (self.total - self.images) / self.images_per_second

    @property
    def figures(self) -> str:
        """Speed and measures, for a person."""
        texts = [form.format(self.measures[name]) for name, form in FIGURES.items() if name in self.measures]
        return "  ".join([f"{self.images_per_second:,.0f} pictures/s", *texts])

    def to_dict(self) -> dict[str, float | str]:
        """Return the line of the log."""
        return {
            "images": self.images,
            "seconds": round(self.seconds, 3),
            "images_per_second": round(self.images_per_second, 2),
            **self.measures,
            **({"trouble": self.trouble} if self.trouble else {}),
        }


def train(
    collection: str | Path | Collection,
    recipe: str | Path | Recipe = "thesis",
    out: str | Path = "run",
    *,
    origin: str | Path | Run | None = None,
    device: str = "auto",
) -> Run:
    """Train a generator; the same call goes on with a run that was interrupted.

    Args:
        collection: the pictures to learn from.
        recipe: its name, the path of its TOML file, or itself.
        out: the run's folder.
        origin: a run or a generator's file, whose trained networks a new run starts from; they have to fit the recipe.
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
    for _ in steps(collection, recipe, out, origin=origin, device=device):
        pass
    return Run(Path(out))


def steps(
    collection: str | Path | Collection,
    recipe: str | Path | Recipe = "thesis",
    out: str | Path = "run",
    *,
    origin: str | Path | Run | None = None,
    device: str = "auto",
) -> Iterator[Tick]:
    """Train a generator, and yield a :class:`Tick` every ``recipe.tick`` pictures.

    Leaving the loop, Ctrl-C, or SIGTERM during a step saves; the same call goes on from there. A run that is killed
    loses the work since the last tick, or of ten seconds where ticks are more frequent. Arguments and errors are those
    of :func:`train`.

    The processes that torchrun starts all call this, and get the same ticks. The first one alone reads and writes the
    run's folder; Ctrl-C and SIGTERM stop all of them at the next tick.
    """
    collection = collection if isinstance(collection, Collection) else Collection.open(collection)
    recipe = recipe if isinstance(recipe, Recipe) else find(recipe)
    chosen = processes.join(pick_device(device))
    keep_memory(chosen)
    run = Run(Path(out))
    recipe = resumption.resolve(recipe, collection, run, chosen)
    task = (recipe, collection.fingerprint)
    if processes.any_of(processes.broadcast(task) != task):
        raise RunError("the processes were given different recipes or collections: start them all with the same words.")
    batches = Batches(collection, recipe.seed, chosen, recipe.labels, recipe.balanced)
    pipeline = InputPipeline(recipe, batches)
    state = _begin(run, recipe, batches)
    begun_from = None if origin is None else Origin.open(origin)
    if begun_from is not None:
        begun_from.copy_into(state)
    with ExitStack() as stack:
        presence = None
        with processes.leading() as leads:
            if leads:
                resumption.refuse_foreign(run)
                presence = stack.enter_context(occupying(run))
                resumption.open_folder(run, collection, recipe, begun_from.record if begun_from else None)
        while True:
            try:
                with _OpenRun(run, recipe, state, pipeline.batches, presence) as open_run:
                    yield from _ticks(open_run, pipeline)
            except _TroubleError as error:
                with processes.leading() as leads:
                    if leads:
                        resumption.roll_back(run, recipe, state.images, error.trouble)
                state = _begin(run, recipe, batches)
            else:
                break
        with processes.leading() as leads:
            if leads:
                for path, draw in ((run.evolution_path, drawing.evolution), (run.curves_path, drawing.curves)):
                    drawn = draw(run)
                    if drawn is not None:
                        write_bytes(path, drawn)


def _begin(run: Run, recipe: Recipe, batches: Batches) -> State:
    """Return the state before the first step, with learning rates as low as the run's rollbacks ask for."""
    collection, slowdown = batches.collection, processes.broadcast(resumption.slowdown(run))
    shape = Shape(collection.height, collection.width, collection.channels)
    return State(recipe, shape, batches.device, slowdown, batches.classes)


def _ticks(run: "_OpenRun", pipeline: InputPipeline) -> Iterator[Tick]:
    """Train to the end, or to the next interruption, and save.

    One process stops after the step that it is in; of several, all stop after the tick that they are in.
    """
    alone = processes.count() == 1
    try:
        with pipeline.stream(run.state.images) as stream, _holding(*() if alone else STOPS) as asked:
            while not run.done:
                with _holding(*STOPS if alone else ()) as interrupted:
                    tick = run.advance(list(islice(stream, run.steps_at_once)))
                if interrupted or (tick is not None and processes.any_of(bool(asked))):
                    raise KeyboardInterrupt
                if tick is not None:
                    yield tick
    except (GeneratorExit, KeyboardInterrupt):
        run.save()
        raise


class _TroubleError(Exception):
    """The run has to be set back, or to stop."""

    def __init__(self, trouble: Trouble) -> None:
        """Say why."""
        super().__init__(str(trouble))
        self.trouble = trouble


class _OpenRun:
    """A run that this process trains: its state and what it holds open, between one call of ``train`` and its end."""

    def __init__(self, run: Run, recipe: Recipe, state: State, batches: Batches, presence: Presence | None) -> None:
        """Go on from the run's last checkpoint; of several processes only the first has a presence, and writes."""
        self.run, self.recipe, self.total, self.presence = run, recipe, recipe.total, presence
        self.collection = batches.collection.fingerprint
        self.vocabulary = batches.vocabulary
        self.state = state
        self.signs = Signs()
        self.writer: SummaryWriter | None = None
        self.kid_monitor: KIDMonitor | None = None
        self.drawing_thread = ThreadPoolExecutor(1)
        self.drawn: Future[None] | None = None
        if presence is not None:
            signs = resumption.restore(run, self.state)
            if signs is None:
                begin_from_origin(run, self.state)
            else:
                self.signs = signs
            run.truncate_log(self.state.images)
            if recipe.on_trouble == "warn" or not self.done:
                run.write_stop(None)
            self.writer = SummaryWriter(str(run.path), purge_step=self.state.images + 1)  # hides what is shown again
            self.kid_monitor = (
                KIDMonitor(batches.collection, state.device) if recipe.evaluate_every and not self.done else None
            )
        self.state.follow()
        self.epoch = len(batches.members)
        self.started = time.monotonic() - self.state.seconds
        self.last_save = time.monotonic()
        self.last_tick = (self.state.images, self.state.seconds)
        if self.presence and self.state.images == 0:
            self._draw()
        if self.presence and self.done:
            self._mend()

    @property
    def done(self) -> bool:
        """Whether all pictures were shown."""
        return self.state.images >= self.total

    @property
    def steps_at_once(self) -> int:
        """How many steps are taken at once: nothing is due before the last of them."""
        state, recipe = self.state, self.recipe
        every = (recipe.tick, recipe.sample_every, self.epoch if recipe.keep_epochs else 0)
        return steps_at_once(
            state.images, recipe.discriminator_steps * recipe.batch, state.steps_at_once, self.total, every
        )

    def advance(self, inputs: Sequence[StepInputs]) -> Tick | None:
        """Take a step with each of the inputs, and do what is due after the last; return a tick where one is due."""
        state, before = self.state, self.state.images
        state.advance(inputs)
        state.seconds = time.monotonic() - self.started
        if self.presence and self.recipe.keep_epochs and crossed(before, state.images, self.epoch):
            self._save_generator(self.run.epoch_path(state.images // self.epoch))
        if self.presence and (self.done or crossed(before, state.images, self.recipe.sample_every)):
            self._draw()
        if not (self.done or crossed(before, state.images, self.recipe.tick)):
            return None
        tick = self._tick()
        if self.done or int(state.best_at) == state.images or time.monotonic() - self.last_save >= SAVE_SECONDS:
            self.save()
        return tick

    def save(self) -> None:
        """Write the generator and the checkpoint, and forget the oldest checkpoints but the best."""
        if self.presence is None:
            return
        state = self.state
        self._finish_drawing()
        if not state.is_finite():
            log.warning(
                "The newest losses or gradients are no finite numbers: the checkpoint before them stays the last."
            )
            return
        self._save_generator(self.run.generator_path)  # first, so that a checkpoint means that its generator is there
        resumption.save(self.run, state, self.signs)
        self.last_save = time.monotonic()

    def __enter__(self) -> "_OpenRun":
        return self

    def __exit__(self, *exception: object) -> None:
        """Close files, once the last drawing is written."""
        self.drawing_thread.shutdown()
        if self.writer is not None:
            self.writer.close()

    def _tick(self) -> Tick:
        state = self.state
        images, seconds = self.last_tick
        ticked = state.images - int(state.steps) * self.recipe.batch * self.recipe.discriminator_steps
        finite, measures = not processes.any_of(not state.is_finite()), state.take_measures()
        if not finite:
            raise _TroubleError(not_finite(measures, self.recipe, state.slowdown))
        measures["peak_memory"] = peak_memory(state.device)
        state.seconds = time.monotonic() - self.started
        speed = (state.images - images) / (state.seconds - seconds)
        if self.kid_monitor and (self.done or crossed(ticked, state.images, self.recipe.evaluate_every)):
            measures |= self._evaluate(self.kid_monitor)
        self.signs = self.signs.after(measures, self.recipe.objective)
        trouble = self.signs.diagnose(measures, self.recipe, state.slowdown)
        sentence = str(trouble) if trouble else None
        tick = Tick(state.images, self.total, state.seconds, speed, measures, sentence)
        tick, trouble = processes.broadcast((tick, trouble))
        self.last_tick = (tick.images, tick.seconds)
        if self.presence:
            self._log(tick)
            self.presence.beat()
        if trouble and self.recipe.on_trouble != "warn":
            if self.presence and resumption.gives_up(self.run, self.recipe):
                self.save()
            raise _TroubleError(trouble)
        if self.presence and self.signs.confirmed_now:
            log.warning("After %s pictures %s", f"{state.images:,}", trouble)
        if self.presence and self.recipe.on_trouble == "rollback" and self._is_milestone(measures):
            self._finish_drawing()
            resumption.save_milestone(self.run, state, self.signs)
        return tick

    def _is_milestone(self, measures: dict[str, float]) -> bool:
        """Say whether this is the first healthy tick since the clock passed another multiple of ``sample_every``.

        What came before is read from the run's folder, so that an interrupted run has the same milestones.
        """
        images = self.state.images
        before = next((stood for path in self.run.milestones() if (stood := int(path.stem)) < images), 0)
        due = crossed(before, images, self.recipe.sample_every)
        return due and self.signs.is_healthy(measures, self.recipe.objective)

    def _log(self, tick: Tick) -> None:
        assert self.writer is not None
        line = tick.to_dict()
        self.run.append_log(line)
        for name, value in line.items():
            if name not in ("images", "trouble"):
                self.writer.add_scalar(name, value, tick.images)

    def _evaluate(self, monitor: KIDMonitor) -> dict[str, float]:
        """Measure the generator, keep it if it is the best so far; the time this takes is no training time."""
        begun, state = time.monotonic(), self.state
        log.info("Measuring KID after %s pictures.", f"{state.images:,}")
        module = state.shown.eval()
        score = monitor.kid(module, self.recipe.network.latents, self.vocabulary)
        module.train()
        if score.value < float(state.best):
            state.best.fill_(score.value)
            state.best_at.fill_(state.images)
            self._save_generator(self.run.best_path)
        took = time.monotonic() - begun
        self.started += took
        return {"kid": score.value, "kid_error": score.error, "evaluation_seconds": round(took, 2)}

    def _save_generator(self, path: Path) -> None:
        state = self.state
        about = {
            "recipe": self.recipe.name,
            "images": state.images,
            "averaged": state.average is not None,
            "collection": self.collection,
            **({"labels": dataclasses.asdict(self.vocabulary)} if self.vocabulary else {}),
        }
        save_generator(path, state.shown, self.recipe.network, state.shape, about)

    def _mend(self) -> None:
        """Leave a finished run as it is, but write its generator again where the file is gone or damaged."""
        try:
            tensors.load(self.run.generator_path, "generator", RunError)
        except RunError as error:
            log.warning("%s It is written again, from the last checkpoint.", error)
            self._save_generator(self.run.generator_path)
        else:
            log.info("%s was finished before, and stays as it is.", self.run.path)

    def _draw(self) -> None:
        """Draw the fixed latents, batch normalisation in evaluation mode; the same ones in a row for each label.

        Where there are more labels than would stand side by side, each of the latents has one as a seed draws it. The
        file is written while training goes on; whatever says that training came this far waits for it.
        """
        device, labels = self.state.device, self.state.classes
        source = torch.Generator().manual_seed(derive(self.recipe.seed, "fixed latents"))
        z = torch.randn(self.recipe.samples, self.recipe.network.latents, generator=source).to(device)
        columns = self.recipe.samples // labels if 0 < labels**2 <= self.recipe.samples else None
        if columns is None:
            y = drawn_labels(self.vocabulary, range(len(z)), device)
        else:
            y = torch.eye(labels, device=device).repeat_interleave(columns, 0)
            z = z[:columns].repeat(labels, 1)
        module = self.state.shown.eval()
        pixels = render(module, z, y)
        module.train()
        about = {"Software": "lienzo", "images": str(self.state.images), "collection": self.collection}
        path = self.run.sample_path(self.state.images)
        self._finish_drawing()
        self.drawn = self.drawing_thread.submit(
            lambda: write_bytes(path, gallery.png(gallery.grid(pixels, columns), about))
        )

    def _finish_drawing(self) -> None:
        """Wait for the drawing that is being written, and raise what prevented it."""
        if self.drawn is not None:
            self.drawn.result()


@contextmanager
def _holding(*numbers: signal.Signals) -> Iterator[list[int]]:
    """Hold signals back until the block is done, so that the state it changes stays whole; give those that came."""
    held: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield held
        return

    def hold(number: int, _frame: FrameType | None) -> None:
        held.append(number)

    previous = {number: signal.signal(number, hold) for number in numbers}
    try:
        yield held
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
