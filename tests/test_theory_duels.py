"""The two players on the plane: the same game as lienzo's training, in half steps."""

import msgspec
import numpy as np
import pytest
import torch

from lienzo.recipe.objectives import OBJECTIVES
from lienzo.theory.duels import duel as playing
from lienzo.theory.duels.duel import ARROWS, GRID, SHOWN, Duel
from lienzo.theory.duels.setup import PENALTIES, Setup
from lienzo.theory.models.clusters import PLANE_LAWS

SMALL = {"width": 8, "depth": 1, "batch": 16}


def weights(duel: Duel) -> list[torch.Tensor]:
    return [value for network in duel.game.networks.values() for value in network.parameters()]


def test_a_duel_in_halves_is_the_game_in_steps() -> None:
    halves, steps = Duel(Setup(**SMALL, discriminator_steps=2)), Duel(Setup(**SMALL, discriminator_steps=2))
    for half in (1, 2, 3, 8):
        halves.play(half)
        halves.picture()  # looking changes nothing
    for step in range(4):
        steps.game.step(steps._inputs(step))
    assert all(torch.equal(one, other) for one, other in zip(weights(halves), weights(steps), strict=True))


def test_first_the_discriminator_moves_and_then_the_generator() -> None:
    duel = Duel(Setup(**SMALL))
    before = duel.picture()
    duel.play(1)
    between = duel.picture()
    assert between["surface"] != before["surface"]
    assert between["generated"] == before["generated"]
    duel.play(2)
    after = duel.picture()
    assert after["surface"] == between["surface"]
    assert after["generated"] != between["generated"]


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_and_penalty_is_played(objective: str, penalty: str) -> None:
    duel = Duel(Setup(**SMALL, objective=objective, penalty=penalty))
    duel.play(4)
    seen = duel.picture()
    assert seen["halves"] == 4
    assert (len(seen["surface"]), len(seen["surface"][0])) == (GRID, GRID)
    assert (len(seen["real"]), len(seen["generated"]), len(seen["arrows"])) == (SHOWN, SHOWN, ARROWS)
    assert seen["history"]["step"] == [1, 2]


@pytest.mark.parametrize("law", PLANE_LAWS)
def test_every_law_lies_in_the_square(law: str) -> None:
    real = Duel(Setup(**SMALL, law=law)).real
    assert abs(real).max() < 1.1


def test_arrows_lead_where_the_discriminator_is_fooled() -> None:
    duel = Duel(Setup(law="one Gaussian", generator_rate=0.0))
    duel.play(200)
    seen = duel.picture()
    agree = [
        arrow[0] * (0.35 - point[0]) + arrow[1] * (0.25 - point[1]) > 0
        for arrow, point in zip(seen["arrows"], seen["generated"], strict=False)
    ]
    assert sum(agree) > 0.8 * ARROWS


def test_the_history_stays_short_and_is_the_same_however_it_was_played(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playing, "POINTS", 8)
    whole, parts = Duel(Setup(**SMALL)), Duel(Setup(**SMALL))
    whole.play(60)
    for half in (7, 20, 21, 60):
        parts.play(half)
    assert whole.history == parts.history
    assert whole.history["step"] == [4, 8, 12, 16, 20, 24, 28]


@pytest.mark.parametrize(
    "given",
    [{"law": "x"}, {"objective": "x"}, {"penalty": "x"}, {"batch": 10**6}, {"seed": -1}, {"other": 1}, {"width": "8"}],
)
def test_a_setup_is_checked(given: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(given, Setup)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_the_minimax_loss_saturates_where_the_discriminator_wins(seed: int) -> None:
    lengths = {}
    for objective in ("minimax", "non-saturating"):
        duel = Duel(Setup(law="one Gaussian", objective=objective, generator_rate=0.0, seed=seed))
        duel.play(400)
        lengths[objective] = float(np.median(np.linalg.norm(duel.picture()["arrows"], axis=1)))
    assert lengths["non-saturating"] > 30 * lengths["minimax"]


@pytest.mark.slow
def test_the_scores_of_an_unbounded_critic_grow() -> None:
    duel, spans = Duel(Setup(objective="wasserstein")), []
    for steps in (200, 800):
        duel.play(2 * steps)
        spans.append(float(np.ptp(duel.picture()["surface"])))
    assert spans[1] > 3 * spans[0]
