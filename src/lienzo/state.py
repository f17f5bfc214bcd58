"""All that changes while training runs, on one device: what is here is saved, and nothing else."""

import copy
import math

import torch
from torch import Tensor, nn

from lienzo import ema
from lienzo.errors import TrainingError
from lienzo.game import Game, Measures
from lienzo.nets import Shape
from lienzo.recipe import Adam, Recipe
from lienzo.schedule import average_decay
from lienzo.seeds import derive


class State:
    """The two players, their optimisers' memory, the averaged generator, the clock, and the sums for the next tick."""

    def __init__(self, recipe: Recipe, shape: Shape, device: torch.device) -> None:
        self.recipe, self.shape, self.device = recipe, shape, device
        self.images = 0
        self.seconds = 0.0
        with torch.random.fork_rng():
            torch.manual_seed(derive(recipe.seed, "weights"))
            generator = recipe.network.generator(shape)
            discriminator = recipe.network.discriminator(shape)
        generator, discriminator = place(generator, device), place(discriminator, device)
        self.average = copy.deepcopy(generator) if recipe.average_half_life else None
        self.game = Game(
            generator,
            discriminator,
            recipe.objective,
            adam(generator, recipe.generator_optimizer),
            adam(discriminator, recipe.discriminator_optimizer),
            recipe.regularisation,
            autocast=torch.bfloat16 if recipe.precision == "bf16" else None,
        )
        self.sums: Measures = {}
        self.steps = torch.zeros((), dtype=torch.int64)
        self.best = torch.full((), math.inf, dtype=torch.float64)

    @property
    def shown(self) -> nn.Module:
        """The generator that samples come from."""
        return self.game.generator if self.average is None else self.average

    def step(self, real: Tensor) -> None:
        """Play one step with real pictures (k, N, C, H, W)."""
        groups, batch = real.shape[:2]
        source = torch.Generator().manual_seed(derive(self.recipe.seed, "latents", self.images))
        z = torch.randn(groups, batch, self.recipe.network.latents, generator=source).to(self.device)
        mix = None
        if self.recipe.regularisation.gradient_penalty:
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
        found = {"steps": self.steps, "best": self.best, **{f"sums/{name}": value for name, value in self.sums.items()}}
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


def place(module: nn.Module, device: torch.device) -> nn.Module:
    """Return a network on the device, in the memory format in which its convolutions are fastest."""
    placed: nn.Module = module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return placed


def adam(module: nn.Module, settings: Adam) -> torch.optim.Adam:
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
