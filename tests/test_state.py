"""The state of training: a step that a GPU can capture."""

from collections.abc import Callable

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from lienzo import state as state_module
from lienzo.augment import CHANCES
from lienzo.game import SELDOM, Round
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


def test_seldom_measures_are_means_over_the_steps_that_were_watched(recipe: Recipe) -> None:
    """One step in eight and the last before a tick; the other measures are means over every step."""
    recipe = recipe.with_settings(["tick=80", "images=160"])
    states = [State(recipe, Shape(16, 16, 3), torch.device("cpu")) for _ in range(2)]
    source = torch.Generator().manual_seed(0)
    rounds = [
        Round(torch.rand(1, 8, 3, 16, 16, generator=source), torch.randn(1, 8, 8, generator=source)) for _ in range(20)
    ]
    all_of_them = []
    for i, dealt in enumerate(rounds):
        all_of_them.append(states[0].lesson.step(dealt))
        states[1].step(dealt)
        if i % 10 == 9:
            watched = [all_of_them[j] for j in {9: (0, 8, 9), 19: (16, 19)}[i]]
            assert int(states[1].watched) == len(watched)
            means = states[1].take_measures()
            assert means.keys() == all_of_them[i].keys() >= SELDOM
            for name, value in means.items():
                taken = [float(step[name]) for step in (watched if name in SELDOM else all_of_them[i - 9 :])]
                assert value == pytest.approx(sum(taken) / len(taken), rel=1e-5)


@pytest.mark.gpu
def test_a_graph_plays_what_its_step_plays(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten steps, the last seven of them replayed or not; rates change meanwhile, and kernels sum in any order."""
    recipe, device = recipe.with_settings(["images=80", "cool_down=0.5", "average_half_life=50"]), torch.device("cuda")
    rounds = [Round(torch.rand(1, 8, 3, 16, 16, device=device), torch.randn(1, 8, 8, device=device)) for _ in range(10)]
    played = []
    for warm_up in (state_module.WARM_UP, 10**9):
        monkeypatch.setattr(state_module, "WARM_UP", warm_up)
        state = State(recipe, Shape(16, 16, 3), device)
        for dealt in rounds:
            state.step(dealt)
        played.append(state.take_measures())
    assert played[0] == pytest.approx(played[1], rel=1e-2)


def test_weights_that_are_no_numbers_are_seen_although_no_measure_tells(recipe: Recipe) -> None:
    state = State(recipe, Shape(16, 16, 3), torch.device("cpu"))
    assert state.is_finite()
    next(state.networks["discriminator"].parameters()).data[0] = torch.inf
    assert not state.is_finite()
