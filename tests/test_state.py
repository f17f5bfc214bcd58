"""The state of training: a step that a GPU can capture."""

from collections.abc import Callable

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from lienzo.augment import CHANCES
from lienzo.game import Round
from lienzo.nets import Shape
from lienzo.recipe import Recipe
from lienzo.recipes import RECIPES
from lienzo.state import State


@pytest.mark.parametrize(
    ("recipe", "settings"),
    [*((recipe, []) for recipe in RECIPES.values()), (RECIPES["thesis"], ["accumulate=2"])],
    ids=[*RECIPES, "accumulate"],
)
def test_a_step_reads_nothing_back(recipe: Callable[[], Recipe], settings: list[str]) -> None:
    """Tensors without values refuse to be read: what they pass through needs no look at the device."""
    chosen = recipe().with_settings(["batch=8", "network.width=8", "precision=bf16", "images=100", *settings])
    classes = 2 if chosen.labels else 0
    state = State(chosen, Shape(16, 16, 3), torch.device("cpu"), classes=classes)
    updates, batch, policy = chosen.discriminator_steps, chosen.batch, chosen.augmentation.policy
    with FakeTensorMode(allow_non_fake_inputs=True):
        dealt = Round(
            torch.rand(updates, batch, 3, 16, 16),
            torch.randn(updates, batch, chosen.network.latents),
            torch.rand(updates, batch) if chosen.regularisation.gradient_penalty else None,
            torch.rand(updates + 1, 2, batch, CHANCES[policy]) if policy != "none" else None,
            torch.rand(updates, batch, classes) if classes else None,
        )
        state.step(dealt)
    assert state.images == updates * batch
