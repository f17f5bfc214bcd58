"""The model that a recipe trains: its networks, their optimisers, and the training step."""

from typing import Protocol

import torch
from torch import Tensor, nn

from lienzo.compute.devices import memory_format
from lienzo.networks.conditions import introduce_labels
from lienzo.networks.shape import Shape
from lienzo.networks.vae import Autoencoder
from lienzo.recipe import recipe as recipes
from lienzo.recipe.likelihood import EvidenceBound
from lienzo.recipe.recipe import Recipe
from lienzo.seeds import derive
from lienzo.training.autoencoding import Autoencoding
from lienzo.training.feature_discriminator import FeatureDiscriminator
from lienzo.training.game import Game, Measures, StepInputs
from lienzo.training.optimizers import Adam, Optimizer


class Model(Protocol):
    """A game of two players, or an autoencoder."""

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The networks that learn, by name; ``generator`` makes the pictures."""
        ...

    @property
    def optimizers(self) -> dict[str, Optimizer]:
        """The optimisers, by the names that stand before ``_optimizer`` in a recipe."""
        ...

    @property
    def memory(self) -> dict[str, Tensor]:
        """Tensors beside weights and optimisers that a step changes, by name; writing to them restores them."""
        ...

    def step(self, inputs: StepInputs, watched: bool = True, penalised: bool = True) -> Measures:
        """Update each network, with its penalties if there are any and they are due in this step.

        Returns:
            The measures of this step for the log; those in ``SELDOM`` only if it is ``watched``.
        """
        ...


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
        if recipe.label_start:
            for player in (generator, discriminator):
                introduce_labels(player)
        second, judges = None, nn.ModuleList([discriminator])
        if recipe.pretrained.weight:
            second = FeatureDiscriminator(recipe.pretrained, shape)
            judges.append(to_device(second, device))
    return Game(
        generator,
        discriminator,
        objective,
        adam(generator, recipe.generator_optimizer),
        adam(judges, recipe.discriminator_optimizer),
        recipe.regularisation,
        recipe.augmentation,
        feature_discriminator=second,
        probability=torch.zeros((), device=device),
        autocast=autocast,
        mismatched_labels=recipe.mismatched_labels,
        accumulate=recipe.accumulate,
        compiled=recipe.compile,
    )


def to_device(module: nn.Module, device: torch.device) -> nn.Module:
    """Return a network on the device, in the memory format in which its convolutions are fastest."""
    moved: nn.Module = module.to(device, memory_format=memory_format(device))  # type: ignore[call-overload]
    return moved


def adam(module: nn.Module, settings: recipes.Adam) -> Adam:
    """Return the optimiser of a network's parameters."""
    return Adam(module.parameters(), settings.rate, settings.betas)
