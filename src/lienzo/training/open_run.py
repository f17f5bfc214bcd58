"""An open run: what one call of :func:`lienzo.train` holds open, and all that is due beside the training steps."""

import dataclasses
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from lienzo.compute import processes
from lienzo.compute.devices import peak_memory
from lienzo.display.wording import counted
from lienzo.errors import RunError
from lienzo.generation.generation import save_generator
from lienzo.recipe.recipe import Recipe
from lienzo.run.manifest import Manifest
from lienzo.run.run import Run
from lienzo.storage import tensors
from lienzo.training import resumption
from lienzo.training.batches import Batches
from lienzo.training.game import StepInputs
from lienzo.training.kid_monitor import KIDMonitor
from lienzo.training.origin import begin_from_origin
from lienzo.training.samples import Samples
from lienzo.training.schedule import crossed, steps_at_once
from lienzo.training.state import State
from lienzo.training.tick import Tick
from lienzo.training.trouble import Signs, Trouble, not_finite

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

SAVE_SECONDS = 10.0
"""A tick is saved before it is yielded, unless the last save is younger than this."""

SHORTEST = 1e-3
"""Seconds between two ticks are taken for at least so many: a coarse clock may not have moved."""

log = logging.getLogger("lienzo")


class TroubleError(Exception):
    """Trouble after which the run has to be set back, or to stop."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(str(trouble))
        self.trouble = trouble


class OpenRun:
    """A run in training: a context manager from its last checkpoint, or its beginning, to the end or an interruption.

    Of several processes only the first has a manifest. It alone reads and writes the run's folder.
    """

    def __init__(self, run: Run, recipe: Recipe, state: State, batches: Batches, manifest: Manifest | None) -> None:
        """Take what trains, and what ``run.json`` says where this process writes the run's folder."""
        self.run, self.recipe, self.state, self.manifest = run, recipe, state, manifest
        self.collection, self.vocabulary = batches.collection, batches.vocabulary
        self.epoch = len(batches.members)
        self.signs = Signs()
        self.samples = Samples(run, recipe, self.collection.fingerprint, self.vocabulary)
        self.writer: SummaryWriter | None = None
        self.kid_monitor: KIDMonitor | None = None

    def __enter__(self) -> "OpenRun":
        """Restore the last checkpoint, in all processes; draw the first samples of a run that begins."""
        if self.manifest is not None:
            self._restore(self.manifest)
        self.state.follow()
        self.started = time.perf_counter() - self.state.seconds
        self.last_save = time.perf_counter()
        self.last_tick = (self.state.images, self.state.seconds)
        if self.manifest is not None and self.state.images == 0:
            self._draw()
        if self.manifest is not None and self.done:
            self._mend()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Save if this is an interruption; close files, once the last drawing is written."""
        try:
            if isinstance(error, GeneratorExit | KeyboardInterrupt):
                self.save()
        finally:
            self.samples.close()
            if self.writer is not None:
                self.writer.close()

    @property
    def done(self) -> bool:
        """Whether all pictures were shown."""
        return self.state.images >= self.recipe.total

    @property
    def steps_at_once(self) -> int:
        """Number of steps that are taken at once: nothing is due before the last of them."""
        state, recipe = self.state, self.recipe
        every = (recipe.tick, recipe.sample_every, self.epoch if recipe.keep_epochs else 0)
        step = recipe.discriminator_steps * recipe.batch
        return steps_at_once(state.images, step, state.steps_at_once, recipe.total, every)

    def advance(self, inputs: Sequence[StepInputs]) -> Tick | None:
        """Take a step with each of the inputs, and do what is due after the last; return a tick where one is due.

        Raises:
            TroubleError: the run has to be set back, or to stop.
        """
        state, before = self.state, self.state.images
        state.advance(inputs)
        state.seconds = time.perf_counter() - self.started
        if self.manifest is not None and self.recipe.keep_epochs and crossed(before, state.images, self.epoch):
            self._save_generator(self.run.epoch_path(state.images // self.epoch))
        if self.manifest is not None and (self.done or crossed(before, state.images, self.recipe.sample_every)):
            self._draw()
        if not (self.done or crossed(before, state.images, self.recipe.tick)):
            return None
        tick = self._tick()
        age = time.perf_counter() - self.last_save
        if self.done or int(state.best_at) == state.images or age >= SAVE_SECONDS:
            self.save()
        return tick

    def save(self) -> None:
        """Write the generator and the checkpoint, and delete the oldest checkpoints but the best."""
        if self.manifest is None:
            return
        self.samples.wait()
        if not self.state.is_finite():
            log.warning(
                "The newest losses or gradients are no finite numbers: the checkpoint before them stays the last."
            )
            return
        self._save_generator(self.run.generator_path)  # first, so that a checkpoint means that its generator is there
        resumption.save(self.run, self.state, self.signs, len(self.manifest.get("rollbacks", [])))
        self.last_save = time.perf_counter()

    def _restore(self, manifest: Manifest) -> None:
        """Take over the last checkpoint, or what the run was begun from, and open what the first process writes."""
        run, state, recipe = self.run, self.state, self.recipe

        def begin() -> None:
            if "origin" in manifest:
                begin_from_origin(run, manifest, state)

        self.signs = resumption.restore(run, state, manifest.get("rollbacks", []), begin) or self.signs
        if recipe.on_trouble == "rollback" and state.images and not run.milestones():
            log.warning("No state is kept yet that a rollback could go back to: trouble would begin the run anew.")
        if recipe.evaluate_every:
            score, images = resumption.best_score(run)
            if score < float(state.best):
                state.best.fill_(score)
                state.best_at.fill_(images)
        run.truncate_log(state.images)
        if recipe.on_trouble == "warn" or not self.done:
            resumption.write_stop(run, manifest, None)
        from torch.utils import tensorboard  # noqa: PLC0415  half a second, for the process that writes the log only

        again = state.images + 1  # from here on, new lines hide those of a training that came further before
        self.writer = tensorboard.SummaryWriter(str(run.path), purge_step=again)
        if recipe.evaluate_every and not self.done:
            self.kid_monitor = KIDMonitor(self.collection, state.device)

    def _tick(self) -> Tick:
        """Read the measures, write the log, look for trouble, and keep a milestone where one is due."""
        state, recipe = self.state, self.recipe
        measures = self._measures()
        self.signs = self.signs.after(measures, recipe.objective)
        trouble = self.signs.diagnose(measures, recipe, state.slowdown)
        images, seconds = self.last_tick
        speed = (state.images - images) / max(state.seconds - seconds, SHORTEST)
        sentence = str(trouble) if trouble else None
        tick = Tick(state.images, recipe.total, state.seconds, speed, measures, sentence)
        tick, trouble = processes.broadcast((tick, trouble))
        self.last_tick = (tick.images, tick.seconds)
        if self.manifest is not None:
            self._log(tick)
        if trouble and recipe.on_trouble != "warn":
            if self.manifest is not None and resumption.gives_up(recipe, self.manifest.get("rollbacks", [])):
                self.save()
            raise TroubleError(trouble)
        if self.manifest is not None and self.signs.confirmed_now:
            log.warning("After %s pictures %s", f"{state.images:,}", trouble)
        if self.manifest is not None and recipe.on_trouble == "rollback" and self._is_milestone(measures):
            self.samples.wait()
            resumption.save_milestone(self.run, state, self.signs, len(self.manifest.get("rollbacks", [])))
        return tick

    def _measures(self) -> dict[str, float]:
        """Return the means since the last tick, the peak memory, and the scores where they are due."""
        state, recipe = self.state, self.recipe
        ticked = state.images - int(state.steps) * recipe.batch * recipe.discriminator_steps
        finite, measures = not processes.any_of(not state.is_finite()), state.take_measures()
        if not finite:
            raise TroubleError(not_finite(measures, recipe, state.slowdown))
        measures["peak_memory"] = peak_memory(state.device)
        state.seconds = time.perf_counter() - self.started
        if self.kid_monitor and (self.done or crossed(ticked, state.images, recipe.evaluate_every)):
            measures |= self._evaluate(self.kid_monitor)
        return measures

    def _is_milestone(self, measures: dict[str, float]) -> bool:
        """Say whether this is the first healthy tick since the clock passed another multiple of ``sample_every``.

        What came before is read from the run's folder, so that an interrupted run has the same milestones.
        """
        images = self.state.images
        before = next((stood for path in self.run.milestones() if (stood := int(path.stem)) < images), 0)
        due = crossed(before, images, self.recipe.sample_every)
        return due and self.signs.is_healthy(measures, self.recipe.objective)

    def _log(self, tick: Tick) -> None:
        """Add the tick to ``log.jsonl`` and to the events of TensorBoard."""
        assert self.writer is not None
        line = tick.to_dict()
        self.run.append_log(line)
        for name, value in line.items():
            if name not in ("images", "trouble"):
                self.writer.add_scalar(name, value, tick.images)

    def _evaluate(self, monitor: KIDMonitor) -> dict[str, float]:
        """Measure the generator, and keep it if it is the best so far that knows its labels.

        The time this takes is no training time.
        """
        begun, state = time.perf_counter(), self.state
        log.info("Measuring KID after %s: about %.0f s.", counted(state.images, "picture"), monitor.seconds)
        module = state.shown.eval()
        score = monitor.kid(module, self.recipe.network.latents, self.vocabulary)
        module.train()
        if score.value < float(state.best) and state.images > self.recipe.labels_begin:
            state.best.fill_(score.value)
            state.best_at.fill_(state.images)
            self._save_generator(self.run.best_path, {"kid": score.value})
        took = time.perf_counter() - begun
        self.started += took
        return {"kid": score.value, "kid_error": score.error, "evaluation_seconds": round(took, 2)}

    def _save_generator(self, path: Path, scores: dict[str, float] | None = None) -> None:
        """Write the generator that samples come from, with what describes it in its header."""
        state = self.state
        about = {
            "recipe": self.recipe.name,
            "images": state.images,
            "averaged": state.average is not None,
            "collection": self.collection.fingerprint,
            **({"labels": dataclasses.asdict(self.vocabulary)} if self.vocabulary else {}),
            **(scores or {}),
        }
        save_generator(path, state.shown, self.recipe.network, state.shape, about)

    def _mend(self) -> None:
        """Leave a finished run as it is, but write its generator again where the file is gone or damaged."""
        try:
            tensors.load(self.run.generator_path, "generator", RunError)
        except RunError:
            path = self.run.generator_path
            log.warning("%s is missing or damaged, and is written again from the last checkpoint.", path)
            self._save_generator(self.run.generator_path)
            return
        images = self.run.recipe().images
        if images is not None and self.state.images < images:
            log.info(
                "%s has shown %s already, and stays as it is: to go on to the end of its recipe, ask for --images %d.",
                self.run.path, counted(self.state.images, "picture"), images,
            )  # fmt: skip
        else:
            log.info("%s is finished, and stays as it is.", self.run.path)

    def _draw(self) -> None:
        """Draw the fixed latents as they are now."""
        self.samples.draw(self.state.shown, self.state.images, self.state.device)
