"""All that changes while training runs, on one device: what is here is saved, and nothing else."""

import dataclasses
import math
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lienzo import processes
from lienzo.autoencoding import Autoencoding
from lienzo.ema import Average
from lienzo.game import Game, Measures, Round
from lienzo.likelihood import EvidenceBound
from lienzo.nets import Shape
from lienzo.nets.fading import Fade, enlarged, set_alpha, shrunk
from lienzo.nets.vae import Autoencoder
from lienzo.recipe import Adam, Recipe
from lienzo.schedule import average_decay, cooling, fading
from lienzo.seeds import derive

WARM_UP = 3
"""Steps that a GPU plays as they come before one is captured as a graph, so that libraries have chosen their ways."""


class Lesson(Protocol):
    """What is learnt step by step: a game of two players, or an autoencoder."""

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

    def step(self, dealt: Round) -> Measures:
        """Update each network; return what the log wants to know of this step."""
        ...


class State:
    """The networks, their optimisers' memory, the averaged generator, the clock, and the sums for the next tick."""

    def __init__(
        self, recipe: Recipe, shape: Shape, device: torch.device, slowdown: float = 1.0, classes: int = 0
    ) -> None:
        """Begin; ``slowdown`` is a factor of both learning rates, ``classes`` the number of labels."""
        self.recipe, self.shape, self.device = recipe, shape, device
        self.slowdown, self.classes = slowdown, classes
        self.images = 0
        self.seconds = 0.0
        self.lesson = lesson(recipe, shape, device, classes)
        self.average = Average(self.networks["generator"]) if recipe.average_half_life else None
        self.names: list[str] = []
        self.sums = torch.zeros(0, device=device)
        self.steps = torch.zeros((), dtype=torch.int64)
        self.best = torch.full((), math.inf, dtype=torch.float64)
        self.best_at = torch.zeros((), dtype=torch.int64)
        self._captured: _Captured | None = None
        self._warm = 0
        self._fade = Fade().to(device)
        self._set_rates(slowdown)
        self.fade()

    @property
    def networks(self) -> dict[str, nn.Module]:
        """What learns, by name: ``generator`` is among them."""
        return self.lesson.networks

    @property
    def shown(self) -> nn.Module:
        """The generator that samples come from."""
        return self.networks["generator"] if self.average is None else self.average.module

    def step(self, dealt: Round) -> None:
        """Play one step."""
        recipe, images = self.recipe, self.recipe.discriminator_steps * self.recipe.batch
        if recipe.cool_down:
            assert recipe.images is not None
            self._set_rates(self.slowdown * cooling(self.images, recipe.images, recipe.cool_down))
        if self.device.type != "cuda" or processes.count() > 1:
            self._play(dealt)
        elif self._warm < WARM_UP:
            self._warm += 1
            side = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
            side.wait_stream(torch.cuda.current_stream(self.device))
            with torch.cuda.stream(side):
                self._play(dealt)
            torch.cuda.current_stream(self.device).wait_stream(side)
        else:
            if self._captured is None:
                self._captured = _Captured(self, dealt)
            self._captured.replay(dealt)
        self.steps += 1
        self.images += images
        self.fade()
        if self.average is not None:
            self.average.update(average_decay(self.images, images, recipe.average_half_life, recipe.average_ramp))

    def _play(self, dealt: Round) -> None:
        measures = self.lesson.step(self._faded(dealt) if self.recipe.fade else dealt)
        if self.recipe.fade:
            measures = measures | {"fade": self._fade.alpha}
        if not self.names:
            self._name(list(measures))
        self.sums.add_(torch.stack([measures[name] for name in self.names]))

    def _faded(self, dealt: Round) -> Round:
        """Return a round whose real pictures are as far from half their size as generated ones (section 2)."""
        images = dealt.real.flatten(0, 1)
        faded = self._fade(enlarged(shrunk(images)), images)
        return dataclasses.replace(dealt, real=faded.unflatten(0, dealt.real.shape[:2]))

    def fade(self) -> None:
        """Let new layers of a grown network count as much as the clock says; the averaged ones too, so at once."""
        if self.recipe.fade:
            averaged = [] if self.average is None else [self.average.module]
            for module in (self._fade, *self.networks.values(), *averaged):
                set_alpha(module, fading(self.images, self.recipe.fade))

    def _name(self, names: list[str]) -> None:
        self.names, self.sums = names, torch.zeros(len(names), device=self.device)

    def _set_rates(self, factor: float) -> None:
        settings_of = {
            "generator": self.recipe.generator_optimizer,
            "discriminator": self.recipe.discriminator_optimizer,
        }
        for name, optimizer in self.lesson.optimizers.items():
            settings = settings_of[name]
            for group in optimizer.param_groups:
                if isinstance(group["lr"], Tensor):
                    group["lr"].fill_(settings.rate * factor)
                else:
                    group["lr"] = settings.rate * factor

    def take_measures(self) -> dict[str, float]:
        """Return the means since the last call: the only place where the loop reads from the device."""
        means = processes.mean(self.sums.div(int(self.steps))).tolist()
        self.sums.zero_()
        self.steps.zero_()
        return dict(zip(self.names, means, strict=True))

    def is_finite(self) -> bool:
        """Say whether losses and gradients since the last tick were finite numbers, and so the weights are."""
        return bool(self.sums.isfinite().all())

    def tensors(self) -> dict[str, Tensor]:
        """Return every tensor of the state by name, live: writing to them restores it."""
        found = {"steps": self.steps, "best": self.best, "best_at": self.best_at, **self.lesson.memory}
        found |= {f"sums/{name}": self.sums[i] for i, name in enumerate(self.names)}
        modules = self.networks | ({} if self.average is None else {"average": self.average.module})
        for name, module in modules.items():
            found |= {f"{name}/{key}": tensor for key, tensor in module.state_dict().items()}
        for name, optimizer in self.lesson.optimizers.items():
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
        self.images, self.seconds, names = processes.told((self.images, self.seconds, self.names))
        if names != self.names:
            self._name(names)
        processes.follow(self.tensors().values())
        self.fade()


class _Captured:
    """One step as a CUDA graph: a single launch instead of hundreds."""

    def __init__(self, state: State, dealt: Round) -> None:
        self.dealt = dataclasses.replace(dealt, **{name: value.clone() for name, value in _given(dealt).items()})
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, capture_error_mode="thread_local"):  # the dealer goes on beside it
            state._play(self.dealt)

    def replay(self, dealt: Round) -> None:
        for name, value in _given(dealt).items():
            getattr(self.dealt, name).copy_(value)
        self.graph.replay()


def _given(dealt: Round) -> dict[str, Tensor]:
    return {name: value for name, value in vars(dealt).items() if value is not None}


def lesson(recipe: Recipe, shape: Shape, device: torch.device, classes: int) -> Lesson:
    """Return what the recipe's objective asks for, with fresh networks that follow from its seed."""
    network, objective = recipe.network, recipe.objective
    autocast = torch.bfloat16 if recipe.precision == "bf16" else None
    with torch.random.fork_rng():
        torch.manual_seed(derive(recipe.seed, "weights"))
        generator = place(network.generator(shape, classes), device)
        if isinstance(objective, EvidenceBound):
            autoencoder = Autoencoder(network.encoder(shape), generator)
            place(autoencoder, device)
            return Autoencoding(autoencoder, objective, adam(autoencoder, recipe.generator_optimizer), autocast)
        discriminator = place(network.discriminator(shape, classes), device)
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
    )


def place(module: nn.Module, device: torch.device) -> nn.Module:
    """Return a network on the device, in the memory format in which its convolutions are fastest."""
    placed: nn.Module = module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return placed


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
