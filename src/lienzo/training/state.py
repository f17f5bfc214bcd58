"""All that changes while training runs, on one device: what is here is saved, and nothing else."""

import dataclasses
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lienzo.compute import processes
from lienzo.compute.devices import memory_format
from lienzo.errors import TrainingError
from lienzo.networks.fading import Fade, enlarged, set_alpha, shrunk
from lienzo.networks.shape import Shape
from lienzo.networks.vae import Autoencoder
from lienzo.recipe.likelihood import EvidenceBound
from lienzo.recipe.recipe import Adam, Recipe
from lienzo.seeds import derive
from lienzo.training.autoencoding import Autoencoding
from lienzo.training.averaging import Average
from lienzo.training.game import SELDOM, Game, Measures, StepInputs
from lienzo.training.inputs import scaled
from lienzo.training.schedule import average_decay, cooling, crossed, fading

WARM_UP = 3
"""Steps that a GPU takes one by one before they are captured as a graph: libraries choose their kernels meanwhile."""

STEPS_PER_GRAPH = 8
"""Steps of one graph, where nothing is due between them; on an H200, 32 are no faster."""

WATCHED = 8
"""One step of so many is watched, and the last one before a tick; on a GPU, the last step of each graph."""

Pace = Sequence[float | Tensor]
"""What of a step follows from the clock alone: the factor of the learning rates during it; and after it, how much new
layers count, and the share of the generator in its average. Numbers, or scalars on the device."""


class Model(Protocol):
    """What a run trains, a game of two players or an autoencoder: networks, their optimisers and the training step."""

    @property
    def networks(self) -> dict[str, nn.Module]:
        """What learns, by name; ``generator`` makes the pictures."""
        ...

    @property
    def optimizers(self) -> dict[str, Optimizer]:
        """By the names before ``_optimizer`` in a recipe."""
        ...

    @property
    def memory(self) -> dict[str, Tensor]:
        """What else changes from step to step, by name, live."""
        ...

    def step(self, inputs: StepInputs, watched: bool = True, penalised: bool = True) -> Measures:
        """Update each network, with its penalties if there are any and they are due in this step.

        Returns:
            What the log wants to know of this step, more of it if it is watched.
        """
        ...


class State:
    """The networks, their optimisers' memory, the averaged generator, the clock, and the sums for the next tick."""

    def __init__(
        self, recipe: Recipe, shape: Shape, device: torch.device, slowdown: float = 1.0, classes: int = 0
    ) -> None:
        """Begin; ``slowdown`` is a factor of both learning rates, ``classes`` the number of labels."""
        if recipe.compile:
            torch.compiler.reset()  # it keeps what it made of eight networks of a class, and compiles no more
        self.recipe, self.shape, self.device = recipe, shape, device
        self.slowdown, self.classes = slowdown, classes
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
        self.captures = device.type == "cuda" and processes.count() == 1
        self._graphs: dict[tuple[bool, ...], _Captured] = {}  # by which of its steps are penalised
        self._warm = Counter[bool]()
        if self.captures:
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._fade = Fade().to(device)
        self._set_rates(slowdown)
        self.fade()

    @property
    def networks(self) -> dict[str, nn.Module]:
        """What learns, by name: ``generator`` is among them."""
        return self.model.networks

    @property
    def shown(self) -> nn.Module:
        """The generator that samples come from."""
        return self.networks["generator"] if self.average is None else self.average.module

    @property
    def steps_at_once(self) -> int:
        """How many steps are best taken at once: on a GPU those of one graph."""
        return STEPS_PER_GRAPH if self.captures else 1

    def advance(self, inputs: Sequence[StepInputs]) -> None:
        """Take a step with each of the inputs; on a GPU that is warm all steps are launched as one graph."""
        images = self.recipe.discriminator_steps * self.recipe.batch
        clock = range(self.images, self.images + len(inputs) * images, images)
        paces = [self._pace(before, before + images) for before in clock]
        watched = [self._is_watched(before, before + images, before == clock[-1]) for before in clock]
        penalised = tuple(self.recipe.regularisation.due(before // images) for before in clock)
        if not self.captures:
            self._take_steps(inputs, paces, watched, penalised)
        elif min(self._warm[kind] for kind in penalised) < WARM_UP:
            self._warm.update(penalised)
            self._stream.wait_stream(torch.cuda.current_stream(self.device))
            with torch.cuda.stream(self._stream):
                self._take_steps(inputs, paces, watched, penalised)
            torch.cuda.current_stream(self.device).wait_stream(self._stream)
        else:
            if penalised not in self._graphs:
                self._graphs[penalised] = _Captured(self, inputs, watched, penalised)
            self._graphs[penalised].replay(inputs, paces)
        self.steps += len(inputs)
        self.watched += sum(watched)
        self.images = clock.stop

    def _pace(self, before: int, after: int) -> Pace:
        """Return the pace of a step, from the clock alone."""
        recipe, factor = self.recipe, self.slowdown
        if recipe.cool_down:
            assert recipe.images is not None
            factor *= cooling(before, recipe.images, recipe.cool_down)
        decay = average_decay(after, after - before, recipe.average_half_life, recipe.average_ramp)
        return factor, fading(after, recipe.fade), 1 - decay

    def _is_watched(self, before: int, after: int, last: bool) -> bool:
        """Say whether a step is watched, which is the ``last`` of those taken at once or not; the first of all is."""
        if self.captures:
            return last or before == 0
        total = self.recipe.images
        due = crossed(before, after, self.recipe.tick) or (total is not None and after >= total)
        return due or before // (after - before) % WATCHED == 0

    def _take_steps(
        self, inputs: Sequence[StepInputs], paces: Sequence[Pace], watched: Sequence[bool], penalised: Sequence[bool]
    ) -> None:
        """Take steps: all that a graph holds, so that nothing here reads the clock or the device."""
        with _compiling() if self.recipe.compile else nullcontext():
            for step in zip(inputs, paces, watched, penalised, strict=True):
                self._step(*step)

    def _step(self, inputs: StepInputs, pace: Pace, watched: bool, penalised: bool) -> None:
        factor, alpha, share = pace
        if self.recipe.cool_down:
            self._set_rates(factor)
        measures = self.model.step(dataclasses.replace(inputs, real=self._seen(inputs.real)), watched, penalised)
        if self.recipe.fade:
            measures = measures | {"fade": self._fade.alpha}
        if not self.names:
            self._name(list(measures))
        self.sums.add_(torch.stack([measures.get(name, self.nothing) for name in self.names]))
        self._set_alpha(alpha)
        if self.average is not None:
            self.average.update(share)

    def _seen(self, pixels: Tensor) -> Tensor:
        """Return real pictures, in a fade as far from half their size as generated ones (section 2)."""
        images = scaled(pixels)
        if not self.recipe.fade:
            return images
        flat = images.flatten(0, 1)
        faded: Tensor = self._fade(enlarged(shrunk(flat)), flat)
        return faded.view(images.shape)

    def fade(self) -> None:
        """Let new layers of a grown network count as much as the clock says."""
        self._set_alpha(fading(self.images, self.recipe.fade))

    def _set_alpha(self, alpha: float | Tensor) -> None:
        """Let new layers count so much; the averaged ones too, so at once."""
        if self.recipe.fade:
            averaged = [] if self.average is None else [self.average.module]
            for module in (self._fade, *self.networks.values(), *averaged):
                set_alpha(module, alpha)

    def _name(self, names: list[str]) -> None:
        self.names, self.sums = names, torch.zeros(len(names), device=self.device)

    def _set_rates(self, factor: float | Tensor) -> None:
        settings_of = {
            "generator": self.recipe.generator_optimizer,
            "discriminator": self.recipe.discriminator_optimizer,
        }
        for name, optimizer in self.model.optimizers.items():
            settings = settings_of[name]
            for group in optimizer.param_groups:
                if isinstance(group["lr"], Tensor):
                    group["lr"].fill_(settings.rate * factor)
                else:
                    group["lr"] = settings.rate * factor

    def take_measures(self) -> dict[str, float]:
        """Return the means since the last call: the only place where the loop reads from the device."""
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
        for name, optimizer in self.model.optimizers.items():
            for i, memory in enumerate(optimizer.state.values()):
                found |= {f"{name}_optimizer/{i}/{key}": tensor for key, tensor in memory.items()}
        return found

    def restore(self, loaded: dict[str, Tensor], images: int, seconds: float) -> None:
        """Take over what :meth:`tensors` returned when it was saved."""
        if not self.names:
            self._name([name.removeprefix("sums/") for name in loaded if name.startswith("sums/")])
        live = self.tensors()
        assert live.keys() == loaded.keys()
        with torch.no_grad():
            for name, tensor in live.items():
                tensor.copy_(loaded[name])
        self.images, self.seconds = images, seconds
        self.fade()

    def follow(self) -> None:
        """Take over the state of the first process."""
        self.images, self.seconds, names = processes.broadcast((self.images, self.seconds, self.names))
        if names != self.names:
            self._name(names)
        processes.follow(self.tensors().values())
        self.fade()


class _Captured:
    """Some steps as a CUDA graph: a single launch instead of hundreds.

    The graphs of a state share the memory of what they hold meanwhile: one runs at a time, and none needs what another
    left there.
    """

    def __init__(
        self, state: State, inputs: Sequence[StepInputs], watched: Sequence[bool], penalised: Sequence[bool]
    ) -> None:
        self.inputs = [
            dataclasses.replace(one, **{name: value.clone() for name, value in _given(one).items()}) for one in inputs
        ]
        self.buffers = {name: [getattr(one, name) for one in self.inputs] for name in _given(inputs[0])}
        self.paces = [pace.unbind() for pace in torch.zeros(len(inputs), 3, device=state.device)]
        self.written: list[Pace] = [()] * len(inputs)
        self._capture(state, watched, penalised)

    def _capture(self, state: State, watched: Sequence[bool], penalised: Sequence[bool]) -> None:
        self.graph = torch.cuda.CUDAGraph()
        pool = next((other.graph.pool() for other in state._graphs.values()), None)
        # thread_local: the input pipeline uses the GPU from another thread meanwhile
        with torch.cuda.graph(self.graph, pool, state._stream, "thread_local"):
            state._take_steps(self.inputs, self.paces, watched, penalised)

    def replay(self, inputs: Sequence[StepInputs], paces: list[Pace]) -> None:
        given = [_given(one) for one in inputs]
        for name, buffers in self.buffers.items():
            torch._foreach_copy_(buffers, [values[name] for values in given])
        for buffers, pace, written in zip(self.paces, paces, self.written, strict=True):
            if pace != written:
                for buffer, number in zip(buffers, pace, strict=True):
                    buffer.fill_(number)
        self.written = paces
        self.graph.replay()


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


def _given(inputs: StepInputs) -> dict[str, Tensor]:
    return {name: value for name, value in vars(inputs).items() if value is not None}


def build_model(recipe: Recipe, shape: Shape, device: torch.device, classes: int) -> Model:
    """Return the model that the recipe's objective asks for, with fresh networks that follow from its seed."""
    network, objective = recipe.network, recipe.objective
    autocast = torch.bfloat16 if recipe.precision == "bf16" else None
    with torch.random.fork_rng():
        torch.manual_seed(derive(recipe.seed, "weights"))
        generator = to_device(network.generator(shape, classes), device)
        if isinstance(objective, EvidenceBound):
            autoencoder = Autoencoder(network.encoder(shape), generator)
            to_device(autoencoder, device)
            optimizer = adam(autoencoder, recipe.generator_optimizer)
            return Autoencoding(autoencoder, objective, optimizer, autocast, recipe.compile)
        discriminator = to_device(network.discriminator(shape, classes), device)
    return Game(
        generator,
        discriminator,
        objective,
        adam(generator, recipe.generator_optimizer),
        adam(discriminator, recipe.discriminator_optimizer),
        recipe.regularisation,
        recipe.augmentation,
        probability=torch.zeros((), device=device),
        autocast=autocast,
        accumulate=recipe.accumulate,
        compiled=recipe.compile,
    )


def to_device(module: nn.Module, device: torch.device) -> nn.Module:
    """Return a network on the device, in the memory format in which its convolutions are fastest."""
    moved: nn.Module = module.to(device, memory_format=memory_format(device))  # type: ignore[call-overload]
    return moved


def adam(module: nn.Module, settings: Adam) -> torch.optim.Adam:
    """Return Adam with its memory there from the start, so that fresh and resumed runs are alike.

    On a GPU its rate is a tensor, so that a captured step sees it change.
    """
    parameters = list(module.parameters())
    captured = parameters[0].is_cuda
    rate = torch.tensor(settings.rate, device=parameters[0].device) if captured else settings.rate
    optimizer = torch.optim.Adam(parameters, rate, settings.betas, fused=True, capturable=captured)
    for parameter in parameters:
        optimizer.state[parameter] = {
            "step": torch.zeros((), device=parameter.device),
            "exp_avg": torch.zeros_like(parameter),
            "exp_avg_sq": torch.zeros_like(parameter),
        }
    return optimizer
