"""Training: an iterator of ticks, the same for a fresh run and for one that goes on."""

import copy
import dataclasses
import logging
import math
import platform
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import numpy as np
import torch
from PIL import Image
from tensorboard.summary import Writer
from torch import Tensor, nn

import lienzo
from lienzo import ema, gallery, tensors
from lienzo.data.batches import Batches
from lienzo.data.collection import Collection
from lienzo.devices import pick_device, pick_precision
from lienzo.errors import RunError, TrainingError
from lienzo.files import sweep, write_bytes, write_json, write_text
from lienzo.game import Game, Measures
from lienzo.generation import render, save_generator
from lienzo.nets import Shape
from lienzo.recipe import Adam, Recipe
from lienzo.recipes import find
from lienzo.run import FORMAT, Run
from lienzo.schedule import average_decay, crossed
from lienzo.seeds import derive

SAVE_SECONDS = 10.0
"""A tick is saved before it is yielded, unless the last save is younger than this."""

KEPT_CHECKPOINTS = 2

log = logging.getLogger("lienzo")


@dataclasses.dataclass(frozen=True)
class Tick:
    """How training stands, every ``recipe.tick`` pictures."""

    images: int
    """Pictures shown so far: the clock."""

    total: int
    """Pictures to be shown in all."""

    seconds: float
    """Time spent training, of earlier sessions too."""

    images_per_second: float
    """Since the last tick."""

    measures: dict[str, float]
    """Means over the steps since the last tick: losses, scores D(x) and D(G(z)), penalties."""

    @property
    def seconds_left(self) -> float:
        """Time to the end at the present speed."""
        return (self.total - self.images) / self.images_per_second

    def to_dict(self) -> dict[str, float]:
        """Return the line of the log."""
        return {
            "images": self.images,
            "seconds": round(self.seconds, 3),
            "images_per_second": round(self.images_per_second, 2),
            **self.measures,
        }


def train(
    collection: str | Path | Collection,
    recipe: str | Path | Recipe = "thesis",
    out: str | Path = "run",
    *,
    device: str = "auto",
) -> Run:
    """Train a generator; the same call goes on with a run that was interrupted.

    Args:
        collection: the pictures to learn from.
        recipe: its name, the path of its TOML file, or itself.
        out: the run's folder.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Returns:
        The finished run.

    Raises:
        CollectionError: no collection, or a damaged one.
        RecipeError: no such recipe, or one that does not fit the collection.
        RunError: ``out`` holds something else: no run, or the run of another collection or recipe.
        TrainingError: the losses are no numbers any more.
    """
    for _ in steps(collection, recipe, out, device=device):
        pass
    return Run.open(out)


def steps(
    collection: str | Path | Collection,
    recipe: str | Path | Recipe = "thesis",
    out: str | Path = "run",
    *,
    device: str = "auto",
) -> Iterator[Tick]:
    """Train a generator, and yield a :class:`Tick` every ``recipe.tick`` pictures.

    Leaving the loop, or Ctrl-C, saves; the same call goes on from there. A run that is killed loses the work since the
    last tick, or of ten seconds where ticks are more frequent. Arguments and errors are those of :func:`train`.
    """
    collection = collection if isinstance(collection, Collection) else Collection.open(collection)
    recipe = recipe if isinstance(recipe, Recipe) else find(recipe)
    place = pick_device(device)
    recipe = recipe.resolved(len(collection.rows("train")))
    recipe = dataclasses.replace(recipe, precision=pick_precision(recipe.precision, place))
    run = _open_run(Path(out), collection, recipe)
    sitting = _Sitting(run, collection, recipe, place)
    try:
        while not sitting.done:
            with _uninterrupted():
                tick = sitting.step()
            if tick is not None:
                yield tick
        _finish(run)
    except (GeneratorExit, KeyboardInterrupt):
        sitting.save()
        raise
    finally:
        sitting.close()


class _Sitting:
    """One sitting at a run: from a checkpoint, or from nothing, to the end or to the next interruption."""

    def __init__(self, run: Run, collection: Collection, recipe: Recipe, device: torch.device) -> None:
        assert recipe.images is not None
        self.run, self.recipe, self.total = run, recipe, recipe.images
        self.collection = collection.fingerprint
        self.state = _State(recipe, Shape(collection.height, collection.width, collection.channels), device)
        _restore(run, self.state)
        run.truncate_log(self.state.images)
        self.writer = Writer(str(run.path))
        batches = Batches(collection, recipe.seed, device)
        self.epoch = len(batches.members)
        self.stream = batches.stream(self.state.images, recipe.discriminator_steps, recipe.batch)
        self.started = time.monotonic() - self.state.seconds
        self.last_save = time.monotonic()
        self.last_tick = (self.state.images, self.state.seconds)
        if self.state.images == 0:
            self._draw()

    @property
    def done(self) -> bool:
        """Whether all pictures were shown."""
        return self.state.images >= self.total

    def step(self) -> Tick | None:
        """Play one step, and do all that is due after it; return a tick where one is due."""
        state, before = self.state, self.state.images
        state.step(next(self.stream))
        state.seconds = time.monotonic() - self.started
        epoch_ends = crossed(before, state.images, self.epoch)
        if epoch_ends and self.recipe.keep_epochs:
            self._save_generator(self.run.epoch_path(state.images // self.epoch))
        if self.done or epoch_ends or crossed(before, state.images, self.recipe.sample_every):
            self._draw()
        if not (self.done or crossed(before, state.images, self.recipe.tick)):
            return None
        tick = self._tick()
        if self.done or time.monotonic() - self.last_save >= SAVE_SECONDS:
            self.save()
        return tick

    def save(self) -> None:
        """Write the checkpoint and the generator, and forget the oldest checkpoint."""
        state = self.state
        header = {"kind": "checkpoint", "images": state.images, "seconds": state.seconds}
        tensors.save(self.run.checkpoint_path(state.images), state.tensors(), header)
        for old in self.run.checkpoints()[KEPT_CHECKPOINTS:]:
            old.unlink()
        self._save_generator(self.run.generator_path)
        self.last_save = time.monotonic()

    def close(self) -> None:
        """Let go of what the sitting holds open."""
        self.stream.close()
        self.writer.close()

    def _tick(self) -> Tick:
        state = self.state
        images, seconds = self.last_tick
        measures = state.take_measures()
        state.seconds = time.monotonic() - self.started
        speed = (state.images - images) / (state.seconds - seconds)
        tick = Tick(state.images, self.total, state.seconds, speed, measures)
        self.last_tick = (state.images, state.seconds)
        line = tick.to_dict()
        self.run.append_log(line)
        for name, value in line.items():
            if name != "images":
                self.writer.add_scalar(name, value, state.images)
        return tick

    def _save_generator(self, path: Path) -> None:
        state = self.state
        about = {
            "recipe": self.recipe.name,
            "images": state.images,
            "averaged": state.average is not None,
            "collection": self.collection,
        }
        save_generator(path, state.shown, self.recipe.network, state.shape, about)

    def _draw(self) -> None:
        """Draw the fixed latents, batch normalisation in evaluation mode."""
        source = torch.Generator().manual_seed(derive(self.recipe.seed, "fixed latents"))
        z = torch.randn(self.recipe.samples, self.recipe.network.latents, generator=source)
        module = self.state.shown.eval()
        pixels = render(module, z.to(self.state.device))
        module.train()
        about = {"Software": "lienzo", "images": str(self.state.images), "collection": self.collection}
        write_bytes(self.run.sample_path(self.state.images), gallery.png(gallery.grid(pixels), about))


class _State:
    """All that changes while training runs; what is here is saved, and nothing else."""

    def __init__(self, recipe: Recipe, shape: Shape, device: torch.device) -> None:
        self.recipe, self.shape, self.device = recipe, shape, device
        self.images = 0
        self.seconds = 0.0
        with torch.random.fork_rng():
            torch.manual_seed(derive(recipe.seed, "weights"))
            generator = recipe.network.generator(shape)
            discriminator = recipe.network.discriminator(shape)
        generator = generator.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        discriminator = discriminator.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(generator) if recipe.average_half_life else None
        self.game = Game(
            generator,
            discriminator,
            recipe.objective,
            _adam(generator, recipe.generator_optimizer),
            _adam(discriminator, recipe.discriminator_optimizer),
            recipe.regularisation,
            autocast=torch.bfloat16 if recipe.precision == "bf16" else None,
        )
        self.sums: Measures = {}
        self.steps = torch.zeros((), dtype=torch.int64)

    @property
    def shown(self) -> nn.Module:
        """The generator that samples come from."""
        return self.game.generator if self.average is None else self.average

    def step(self, real: Tensor) -> None:
        """Play one step with real pictures (k, N, C, H, W)."""
        groups, batch = real.shape[:2]
        source = torch.Generator().manual_seed(derive(self.recipe.seed, "latents", self.images))
        z = torch.randn(groups, batch, self.recipe.network.latents, generator=source).to(self.device)
        mix = torch.rand(groups, batch, generator=source).to(self.device)
        measures = self.game.step(real, z, mix)
        for name, value in measures.items():
            self.sums[name] = self.sums[name].add_(value) if name in self.sums else value.clone()
        self.steps += 1
        if self.average is not None:
            recipe = self.recipe
            shown = groups * batch
            decay = average_decay(self.images + shown, shown, recipe.average_half_life, recipe.average_ramp)
            ema.update(self.average, self.game.generator, decay)
        self.images += groups * batch

    def take_measures(self) -> dict[str, float]:
        """Return the means since the last call: the only place where the loop reads from the device."""
        names, values = list(self.sums), torch.stack(list(self.sums.values())).div(int(self.steps)).tolist()
        self.sums, self.steps = {}, torch.zeros_like(self.steps)
        for name, value in zip(names, values, strict=True):
            if not math.isfinite(value):
                raise TrainingError(
                    f"{name} is {value} after {self.images:,} pictures, and training cannot go on: "
                    "try a lower learning rate (--set generator_optimizer.rate=0.0001), or --precision fp32."
                )
        return dict(zip(names, values, strict=True))

    def tensors(self) -> dict[str, Tensor]:
        """Return every tensor of the state by name, live: writing to them restores it."""
        game = self.game
        found = {"steps": self.steps, **{f"sums/{name}": value for name, value in self.sums.items()}}
        modules = {"generator": game.generator, "discriminator": game.discriminator, "average": self.average}
        for name, module in modules.items():
            if module is not None:
                found |= {f"{name}/{key}": tensor for key, tensor in module.state_dict().items()}
        optimizers = {"generator": game.generator_optimizer, "discriminator": game.discriminator_optimizer}
        for name, optimizer in optimizers.items():
            for i, memory in enumerate(optimizer.state.values()):
                found |= {f"{name}_optimizer/{i}/{key}": tensor for key, tensor in memory.items()}
        return found

    def restore(self, loaded: dict[str, Tensor], images: int, seconds: float) -> None:
        """Take over what :meth:`tensors` returned when it was saved."""
        self.sums = {
            name.removeprefix("sums/"): tensor.to(self.device)
            for name, tensor in loaded.items()
            if name.startswith("sums/")
        }
        live = self.tensors()
        assert live.keys() == loaded.keys()
        with torch.no_grad():
            for name, tensor in live.items():
                tensor.copy_(loaded[name])
        self.images, self.seconds = images, seconds


def _adam(module: nn.Module, settings: Adam) -> torch.optim.Adam:
    """Return Adam with its memory there from the start, so that fresh and resumed runs are alike."""
    parameters = list(module.parameters())
    optimizer = torch.optim.Adam(parameters, settings.rate, settings.betas, fused=True)
    for parameter in parameters:
        optimizer.state[parameter] = {
            "step": torch.zeros((), device=parameter.device),
            "exp_avg": torch.zeros_like(parameter),
            "exp_avg_sq": torch.zeros_like(parameter),
        }
    return optimizer


def _open_run(path: Path, collection: Collection, recipe: Recipe) -> Run:
    """Return the run in this folder, a new one or one that goes on."""
    run = Run(path)
    origin = {
        "path": str(collection.path),
        "fingerprint": collection.fingerprint,
        "count": collection.count,
        "shape": [collection.height, collection.width, collection.channels],
    }
    if run.exists():
        if run.manifest["collection"]["fingerprint"] != collection.fingerprint:
            raise RunError(
                f"{path} was trained on another collection ({run.manifest['collection']['path']}): "
                "choose another --out, or give that collection to go on."
            )
        changed = _difference(run.recipe, recipe)
        if changed:
            raise RunError(
                f"{path} was begun with another recipe (it differs in {', '.join(changed)}): "
                f"choose another --out, or go on with --recipe {run.recipe_path}."
            )
        for folder in (run.path, run.path / "checkpoints", run.path / "samples"):
            sweep(folder)
    elif path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise RunError(f"{path} exists and is no run: choose another --out, or an empty folder.")
    write_text(run.recipe_path, recipe.to_toml())
    if not run.manifest_path.exists():
        versions = {"lienzo": lienzo.__version__, "torch": str(torch.__version__), "python": platform.python_version()}
        machine = {"system": platform.platform(), "processor": platform.machine(), "threads": torch.get_num_threads()}
        write_json(
            run.manifest_path, {"format": FORMAT, "collection": origin, "versions": versions, "machine": machine}
        )
    return run


def _difference(old: Recipe, new: Recipe) -> list[str]:
    """Return the keys in which two recipes differ, but for the length: a run may be made longer."""
    return [
        field.name
        for field in dataclasses.fields(Recipe)
        if field.name != "images" and getattr(old, field.name) != getattr(new, field.name)
    ]


def _restore(run: Run, state: _State) -> None:
    """Take the newest checkpoint that is whole."""
    for path in run.checkpoints():
        try:
            loaded, header = tensors.load(path, "checkpoint", RunError)
        except RunError as error:
            log.warning("%s Going on from the checkpoint before it.", error)
            continue
        state.restore(loaded, header["images"], header["seconds"])
        return


def _finish(run: Run) -> None:
    """Draw the losses and the evolution of the fixed latents."""
    frames = [np.asarray(Image.open(path).convert("RGB")) for path in _spread(run.samples(), 80)]
    write_bytes(run.evolution_path, gallery.gif(frames))
    write_bytes(run.curves_path, curves(run))


def _spread(paths: list[Path], most: int) -> list[Path]:
    """Return at most so many of the paths, evenly spread, with the first and the last."""
    if len(paths) <= most:
        return paths
    return [paths[round(i * (len(paths) - 1) / (most - 1))] for i in range(most)]


def curves(run: Run) -> bytes:
    """Return the losses and the discriminator's scores of a run as a chart in PNG."""
    from lienzo import charts  # noqa: PLC0415  Matplotlib is slow to load, and only the end of a run draws

    lines = run.log()
    images = [line["images"] for line in lines]
    with charts.figure(8, 5) as drawn:
        losses, scores = drawn.subplots(2, 1, sharex=True)
        for axes, names in (
            (losses, {"discriminator_loss": "discriminator", "generator_loss": "generator"}),
            (scores, {"real_score": "D(x)", "fake_score": "D(G(z))"}),
        ):
            for (name, label), style in zip(names.items(), charts.LINES, strict=False):
                axes.plot(images, [line[name] for line in lines], style, label=label)
            axes.legend()
        losses.set_ylabel("loss")
        scores.set_ylabel("mean score")
        scores.set_xlabel("pictures shown")
        return charts.png(drawn)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back until the block is done, so that the state it changes stays whole."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []

    def hold(number: int, _frame: FrameType | None) -> None:
        held.append(number)

    previous = signal.signal(signal.SIGINT, hold)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
    if held:
        raise KeyboardInterrupt
