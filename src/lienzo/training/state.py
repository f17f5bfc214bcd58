"""The state of training: everything on the device that changes from step to step, and so everything that is saved."""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import torch
from torch import Tensor, nn

from lienzo.compute import processes
from lienzo.compute.pixels import from_bytes
from lienzo.errors import RunError, TrainingError
from lienzo.networks.fading import Fade, enlarged, set_alpha, shrunk
from lienzo.networks.shape import Shape
from lienzo.recipe import recipe as recipes
from lienzo.recipe.recipe import Recipe
from lienzo.storage import caches
from lienzo.training.averaging import Average
from lienzo.training.cuda_graphs import STEPS_PER_GRAPH, Scheduled, StepGraphs
from lienzo.training.game import SELDOM, Game, StepInputs
from lienzo.training.model import build_model
from lienzo.training.optimizers import Adam
from lienzo.training.schedule import average_decay, between, cooling, crossed, fading

WATCHED = 7
"""One step of so many is watched (takes all measures), and the last one before a tick; on a GPU the last step of each
graph. It is no divisor of the usual interval of penalties, 8, so that steps with a penalty are watched as often as they
come."""


class State:
    """The networks, their optimisers' memory, the averaged generator, the clock, and the sums for the next tick."""

    def __init__(self, recipe: Recipe, shape: Shape, device: torch.device, classes: int = 0) -> None:
        """Begin with fresh networks; ``classes`` is the number of labels."""
        if recipe.compile:
            caches.keep_kernels()
            torch.compiler.reset()  # it keeps what it made of eight networks of a class, and compiles no more
        self.recipe, self.shape, self.device = recipe, shape, device
        self.slowdown, self.classes = 1.0, classes
        self.images = 0
        self.seconds = 0.0
        self.model = build_model(recipe, shape, device, classes)
        self.average = Average(self.networks["generator"]) if recipe.average_half_life else None
        self.names: list[str] = []
        self.sums = torch.zeros(0, device=device)
        self.nothing = torch.zeros((), device=device)
        self.steps = torch.zeros((), dtype=torch.int64)
        self.watched = torch.zeros((), dtype=torch.int64)
        self.best = torch.full((), math.inf, dtype=torch.float64)
        self.best_at = torch.zeros((), dtype=torch.int64)
        self.graphs = StepGraphs(device) if device.type == "cuda" and processes.count() == 1 else None
        self._fade = Fade().to(device)
        self._set_rates(1.0)
        self.fade()

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The networks that learn, by name; ``generator`` is among them."""
        return self.model.networks

    @property
    def optimizers(self) -> dict[str, Adam]:
        """The optimisers by the names of the networks in a recipe."""
        optimizers: dict[str, Adam] = {}
        for name, optimizer in self.model.optimizers.items():
            assert isinstance(optimizer, Adam)
            optimizers[name] = optimizer
        return optimizers

    @property
    def shown(self) -> nn.Module:
        """The generator that samples come from: the averaged one, where there is one."""
        return self.networks["generator"] if self.average is None else self.average.module

    @property
    def steps_at_once(self) -> int:
        """Number of steps that are best taken at once: on a GPU those of one graph."""
        return 1 if self.graphs is None else STEPS_PER_GRAPH

    def advance(self, inputs: Sequence[StepInputs]) -> None:
        """Take a step with each of the inputs; on a GPU that is warm all steps are launched as one graph."""
        images = self.recipe.discriminator_steps * self.recipe.batch
        clock = range(self.images, self.images + len(inputs) * images, images)
        scheduled = [self._scheduled(before, before + images) for before in clock]
        watched = [self._is_watched(before, before + images, before == clock[-1]) for before in clock]
        penalised = tuple(self.recipe.regularisation.due(before // images) for before in clock)
        if self.graphs is None:
            self._take_steps(inputs, scheduled, watched, penalised)
        else:
            self.graphs.run(self._take_steps, inputs, scheduled, watched, penalised)
        self.steps += len(inputs)
        self.watched += sum(watched)
        self.images = clock.stop

    def _scheduled(self, before: int, after: int) -> Scheduled:
        """Return the scheduled numbers of a step, which follow from the clock alone."""
        recipe, left = self.recipe, 1.0
        if recipe.cool_down:
            assert recipe.images is not None
            left = cooling(before, recipe.images, recipe.cool_down, recipe.annealing.shape)
        rates = self.slowdown * between(1.0, recipe.annealing.rates, left)
        decay = average_decay(after, after - before, recipe.average_half_life, recipe.average_ramp)
        return Scheduled(rates, left, fading(after, recipe.fade), 1 - decay)

    def _is_watched(self, before: int, after: int, last: bool) -> bool:
        """Say whether a step is watched, which is the ``last`` of those taken at once or not; the first of all is."""
        if self.graphs is not None:
            return last or before == 0
        total = self.recipe.images
        due = crossed(before, after, self.recipe.tick) or (total is not None and after >= total)
        return due or before // (after - before) % WATCHED == 0

    def _take_steps(
        self,
        inputs: Sequence[StepInputs],
        scheduled: Sequence[Scheduled],
        watched: Sequence[bool],
        penalised: Sequence[bool],
    ) -> None:
        """Take steps. A CUDA graph records this, so that nothing here may read the clock or from the device."""
        with _compiling() if self.recipe.compile else nullcontext():
            for step in zip(inputs, scheduled, watched, penalised, strict=True):
                self._step(*step)

    def _step(self, inputs: StepInputs, scheduled: Scheduled, watched: bool, penalised: bool) -> None:
        if self.recipe.cool_down:
            self._set_rates(scheduled.rates)
            self._anneal(scheduled.left)
        measures = self.model.step(dataclasses.replace(inputs, real=self._seen(inputs.real)), watched, penalised)
        if self.recipe.fade:
            measures = measures | {"fade": self._fade.alpha}
        if not self.names:
            self._name(list(measures))
        self.sums.add_(torch.stack([measures.get(name, self.nothing) for name in self.names]))
        self._set_alpha(scheduled.fade)
        if self.average is not None:
            self.average.update(scheduled.share)

    def _seen(self, pixels: Tensor) -> Tensor:
        """Return real pictures (k, N, C, H, W), in a fade as blurred as generated ones are (Karras et al. 2018)."""
        images = from_bytes(pixels)
        if not self.recipe.fade:
            return images
        flat = images.flatten(0, 1)
        faded: Tensor = self._fade(enlarged(shrunk(flat)), flat)
        return faded.view(images.shape)

    def slow_down(self, factor: float) -> None:
        """Multiply the learning rates of the recipe by this factor from now on."""
        self.slowdown = factor
        self._set_rates(factor)

    def fade(self) -> None:
        """Set how much the new layers of a grown network count, by the clock."""
        self._set_alpha(fading(self.images, self.recipe.fade))

    def _set_alpha(self, alpha: float | Tensor) -> None:
        """Set α, how much new layers count, in all networks; α itself is not averaged."""
        if self.recipe.fade:
            averaged = [] if self.average is None else [self.average.module]
            for module in (self._fade, *self.networks.values(), *averaged):
                set_alpha(module, alpha)

    def _name(self, names: list[str]) -> None:
        self.names, self.sums = names, torch.zeros(len(names), device=self.device)

    def _set_rates(self, factor: float | Tensor) -> None:
        for name, optimizer in self.optimizers.items():
            optimizer.set_rate(self._settings[name].rate * factor)

    def _anneal(self, left: float | Tensor) -> None:
        """Set what else than the rates changes over ``cool_down``, and is so far from its end."""
        ends = self.recipe.annealing
        for name in ("r1", "r2"):
            if (end := getattr(ends, name)) is not None:
                assert isinstance(self.model, Game)  # an autoencoder has no penalty, and its recipe none to anneal
                setattr(self.model, name, between(getattr(self.recipe.regularisation, name), end, left))
        if ends.beta2 is not None:
            for name, optimizer in self.optimizers.items():
                optimizer.beta2 = between(self._settings[name].betas[1], ends.beta2, left)

    @property
    def _settings(self) -> dict[str, recipes.Adam]:
        """The settings of the optimisers, by the names of their networks."""
        return {"generator": self.recipe.generator_optimizer, "discriminator": self.recipe.discriminator_optimizer}

    def take_measures(self) -> dict[str, float]:
        """Return the means of all measures since the last call. Nowhere else does the loop read from the device."""
        numbers = [int(self.watched if name in SELDOM else self.steps) for name in self.names]
        means = processes.mean(self.sums / torch.tensor(numbers, device=self.device)).tolist()
        for counted in (self.sums, self.steps, self.watched):
            counted.zero_()
        return dict(zip(self.names, means, strict=True))

    def is_finite(self) -> bool:
        """Say whether losses and gradients since the last tick were finite numbers, and the weights are."""
        weights = [value for module in self.networks.values() for value in module.parameters()]
        return bool(self.sums.isfinite().all() & nn.utils.get_total_norm(weights).isfinite())

    def tensors(self) -> dict[str, Tensor]:
        """Return every tensor of the state by name, live: writing to them restores it."""
        found = {
            "steps": self.steps,
            "watched": self.watched,
            "best": self.best,
            "best_at": self.best_at,
            **self.model.memory,
        }
        found |= {f"sums/{name}": self.sums[i] for i, name in enumerate(self.names)}
        modules = self.networks | ({} if self.average is None else {"average": self.average.module})
        for name, module in modules.items():
            found |= {f"{name}/{key}": tensor for key, tensor in module.state_dict().items()}
        for name, optimizer in self.optimizers.items():
            for i, memory in enumerate(optimizer.memory):
                found |= {f"{name}_optimizer/{i}/{key}": tensor for key, tensor in memory.items()}
        return found

    def restore(self, loaded: dict[str, Tensor], images: int, seconds: float, path: Path) -> None:
        """Take over what :meth:`tensors` returned when it was saved, and the clock of that moment.

        Raises:
            RunError: the tensors have other names or shapes; it names ``path``, the file that they come from.
        """
        if not self.names:
            self._name([name.removeprefix("sums/") for name in loaded if name.startswith("sums/")])
        live = self.tensors()
        if {name: tensor.shape for name, tensor in live.items()} != {k: v.shape for k, v in loaded.items()}:
            raise RunError(
                f"{path} is the state of other networks or optimisers than the recipe's: delete it, and training goes "
                "on from the checkpoint before it."
            )
        with torch.no_grad():
            for name, tensor in live.items():
                tensor.copy_(loaded[name])
        self.images, self.seconds = images, seconds
        self.fade()

    def follow(self) -> None:
        """Copy the state of the first process into this one."""
        self.images, self.seconds, names = processes.broadcast((self.images, self.seconds, self.names))
        if names != self.names:
            self._name(names)
        processes.follow(self.tensors().values())
        self.fade()


@contextmanager
def _compiling() -> Iterator[None]:
    """Say in one sentence that ``torch.compile`` does not work here."""
    try:
        yield
    except torch._dynamo.exc.TorchDynamoException as error:
        raise TrainingError(
            f"torch.compile does not work here ({str(error).splitlines()[0]}), as without a C++ compiler: "
            "leave compile out, with another --out."
        ) from error
