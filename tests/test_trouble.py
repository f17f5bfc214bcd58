"""Trouble: each kind is provoked, said in one sentence, and answered as the recipe says."""

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from test_training import assert_same, interrupted
from torch import nn

import lienzo
from lienzo import training
from lienzo.data.collection import Collection
from lienzo.errors import TrainingError
from lienzo.game import Game, Round, diversity
from lienzo.objectives import OBJECTIVES, Hinge, Minimax, NonSaturating, Regularisation
from lienzo.recipe import Recipe
from lienzo.run import Run
from lienzo.trouble import COLLAPSED, PATIENCE, Signs

HEALTHY = {"fake_score": 0.3, "generator_gradient": 2.0, "fake_diversity": 0.3, "real_diversity": 0.4}


@pytest.fixture(autouse=True)
def every_tick_is_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "SAVE_SECONDS", 0.0)


def signs_after(*lines: dict[str, float]) -> Signs:
    signs = Signs()
    for line in lines:
        signs = signs.after(line, NonSaturating())
    return signs


@pytest.mark.parametrize(("sign", "said"), [
    ({"fake_score": 1e-4}, "the discriminator has won"), ({"generator_gradient": 1e-5}, "the discriminator has won"),
    ({"fake_diversity": 0.4 * COLLAPSED / 2}, "the generator has collapsed"),
])  # fmt: skip
def test_a_sign_counts_once_it_lasts_and_no_longer_once_it_ends(sign: dict[str, float], said: str) -> None:
    bad = HEALTHY | sign
    assert signs_after(HEALTHY, *[bad] * (PATIENCE - 1)).trouble(bad) is None
    lasting = signs_after(HEALTHY, *[bad] * PATIENCE)
    assert (lasting.trouble(bad) or "").startswith(said)
    assert not lasting.good
    ended = lasting.after(HEALTHY, NonSaturating())
    assert ended.good
    assert ended.trouble(HEALTHY) is None


def test_a_young_generator_has_not_collapsed() -> None:
    """Of the recipe `thesis` the first 5,000 pictures: grey, all alike, and D(G(z)) down to 0.05."""
    young = HEALTHY | {"fake_diversity": 0.01, "fake_score": 0.046}
    assert signs_after(*[young] * 100).good


def test_logits_that_are_no_probabilities_do_not_tell_who_has_won() -> None:
    line = HEALTHY | {"fake_score": 0.0}
    assert Signs().after(line, Hinge()).good
    assert not Signs().after(line, Minimax()).good


def test_diversity_is_the_mean_distance_of_two_pictures_but_for_a_constant() -> None:
    batch = torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    squares = torch.pdist(batch.flatten(1)).square().mean() / batch[0].numel()
    assert (diversity(batch) * (2 * 6 / 5) ** 0.5).item() == pytest.approx(squares.sqrt().item(), rel=1e-5)
    assert diversity(batch[:1].expand(6, -1, -1, -1)).item() == pytest.approx(0, abs=1e-6)


def overpowered(recipe: Recipe) -> Recipe:
    """A discriminator that learns, against a generator that hardly does."""
    return recipe.with_settings(
        ["tick=8", "images=640", "sample_every=32", "objective.name=minimax",
         "generator_optimizer.rate=1e-9", "discriminator_optimizer.rate=0.01"]
    )  # fmt: skip


def test_a_discriminator_that_wins_is_said_once(
    collection: Collection, recipe: Recipe, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "lienzo"):
        ticks = list(lienzo.steps(collection, overpowered(recipe), tmp_path / "run", device="cpu"))
    assert len([text for text in caplog.messages if "the discriminator has won" in text]) == 1
    assert "the discriminator has won" in (ticks[-1].trouble or "")
    assert "the discriminator has won" in Run(tmp_path / "run").log()[-1]["trouble"]


def test_trouble_stops_where_the_recipe_says_so(collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    recipe = dataclasses.replace(overpowered(recipe), on_trouble="stop")
    with pytest.raises(TrainingError, match="the discriminator has won"):
        lienzo.train(collection, recipe, tmp_path / "run", device="cpu")
    on = dataclasses.replace(recipe, on_trouble="warn")
    assert lienzo.train(collection, on, tmp_path / "run", device="cpu").log()[-1]["images"] == 640


@pytest.fixture(scope="module")
def various(collection: Collection, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a generator without normalisation, whose pictures differ half as much as real ones."""
    recipe = recipe.with_settings(
        ["tick=160", "images=6000", "network.name=mlp", "network.width=64", "objective.name=hinge",
         "generator_optimizer.rate=0.003", "discriminator_optimizer.rate=0.001"]
    )  # fmt: skip
    return lienzo.train(collection, recipe, tmp_path_factory.mktemp("various") / "run", device="cpu").generator_path


def collapsing(recipe: Recipe, on_trouble: str) -> Recipe:
    """A generator that learns against a discriminator that hardly does: all it paints ends as what that likes best."""
    return recipe.with_settings(
        ["tick=16", "images=1600", "sample_every=32", "network.name=mlp", "network.width=64", "objective.name=hinge",
         "generator_optimizer.rate=0.02", "discriminator_optimizer.rate=1e-5", f"on_trouble={on_trouble}"]
    )  # fmt: skip


def test_a_generator_that_collapses_is_said(
    collection: Collection, recipe: Recipe, various: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "lienzo"):
        run = lienzo.train(collection, collapsing(recipe, "warn"), tmp_path / "run", origin=various, device="cpu")
    assert [text for text in caplog.messages if "the generator has collapsed" in text]
    assert any("the generator has collapsed" in line.get("trouble", "") for line in run.log())
    assert run.log()[-1]["images"] == 1600


def test_a_generator_that_collapses_stops_where_the_recipe_says_so(
    collection: Collection, recipe: Recipe, various: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        TrainingError, match=r"the generator has collapsed \(its pictures differ \d% as much as real\): try"
    ):
        lienzo.train(collection, collapsing(recipe, "stop"), tmp_path / "run", origin=various, device="cpu")


def test_a_generator_that_collapses_is_set_back_and_slowed_down(
    collection: Collection, recipe: Recipe, various: Path, tmp_path: Path
) -> None:
    going = lienzo.steps(collection, collapsing(recipe, "rollback"), tmp_path / "run", origin=various, device="cpu")
    run, seen = Run(tmp_path / "run"), 0
    for tick in going:
        if run.rollbacks:
            break
        seen = tick.images
    (rollback,) = run.rollbacks
    assert "the generator has collapsed" in rollback["trouble"]
    assert 0 < rollback["to"] <= rollback["at"] - 16 * PATIENCE
    assert seen == rollback["at"] - 16
    assert tick.images == rollback["to"] + 16


def poison(monkeypatch: pytest.MonkeyPatch, at: int, slowest: float = 1.0) -> None:
    """Make measures NaN when so many pictures were shown, at learning rates of this share of the recipe's or more."""
    play = training.State.play

    def playing(self: training.State, rounds: Sequence[Round]) -> None:
        play(self, rounds)
        if self.images == at and self.slowdown >= slowest:
            self.sums.fill_(torch.nan)

    monkeypatch.setattr(training.State, "play", playing)


def test_an_interrupted_run_rolls_back_as_an_uninterrupted_one(
    collection: Collection, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = dataclasses.replace(recipe, on_trouble="rollback", sample_every=16, images=96)
    poison(monkeypatch, 64)
    whole = lienzo.train(collection, recipe, tmp_path / "whole", device="cpu")
    assert [(r["at"], r["to"]) for r in whole.rollbacks] == [(64, 48)]
    assert [line["images"] for line in whole.log()] == [16, 32, 48, 64, 80, 96]
    for ticks in (2, 4):  # before and after the rollback
        parts = interrupted(collection, recipe, tmp_path / f"parts-{ticks}", ticks=ticks)
        assert_same(lienzo.train(collection, recipe, parts.path, device="cpu"), whole)
        assert parts.rollbacks == whole.rollbacks


def test_trouble_that_stays_ends_after_three_rollbacks(
    collection: Collection, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, 64, slowest=0.0)
    with pytest.raises(TrainingError, match=r"after 3 rollbacks, .* is nan after 64 pictures"):
        lienzo.train(collection, dataclasses.replace(recipe, on_trouble="rollback"), tmp_path / "run", device="cpu")
    assert [(rollback["at"], rollback["to"]) for rollback in Run(tmp_path / "run").rollbacks] == [(64, 32)] * 3


def test_a_discriminator_that_wins_is_set_back_and_slowed_down(
    collection: Collection, recipe: Recipe, tmp_path: Path
) -> None:
    recipe = dataclasses.replace(overpowered(recipe), on_trouble="rollback")
    run = lienzo.train(collection, recipe, tmp_path / "run", device="cpu")
    assert "the discriminator has won" in run.rollbacks[0]["trouble"]
    assert 0 < run.rollbacks[0]["to"] <= run.rollbacks[0]["at"] - 8 * PATIENCE


def test_losses_that_are_no_numbers_are_tried_again_three_times(
    collection: Collection, recipe: Recipe, tmp_path: Path
) -> None:
    recipe = recipe.with_settings(
        ["generator_optimizer.rate=1e30", "discriminator_optimizer.rate=1e30", "on_trouble=rollback"]
    )
    with pytest.raises(TrainingError, match=r"after 3 rollbacks, .* is (nan|inf|-inf) after \d+ pictures"):
        lienzo.train(collection, recipe, tmp_path / "run", device="cpu")
    assert [rollback["to"] for rollback in Run(tmp_path / "run").rollbacks] == [0, 0, 0]
    assert not Run(tmp_path / "run").checkpoints()


def test_no_checkpoint_holds_what_is_not_finite(
    collection: Collection, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, 64)
    with pytest.raises(TrainingError, match=r"is nan after 64 pictures"):
        lienzo.train(collection, recipe, tmp_path / "run", device="cpu")
    assert [path.stem for path in Run(tmp_path / "run").checkpoints()] == ["000000000048", "000000000032"]
    assert Run(tmp_path / "run").log()[-1]["images"] == 48


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("regularisation", [
    Regularisation(), Regularisation(r1=0.5, r2=0.5), Regularisation(gradient_penalty=10),
], ids=str)  # fmt: skip
def test_parts_of_a_batch_sum_to_the_whole(name: str, regularisation: Regularisation) -> None:
    updates = []
    for accumulate in (1, 4):
        torch.manual_seed(0)
        generator = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 4))
        discriminator = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0))
        optimizers = [torch.optim.SGD(player.parameters(), 0.1) for player in (generator, discriminator)]
        game = Game(generator, discriminator, OBJECTIVES[name](), *optimizers, regularisation, accumulate=accumulate)
        measures = game.step(Round(torch.randn(2, 8, 4), torch.randn(2, 8, 3), torch.rand(2, 8)))
        weights = [p.detach() for player in (generator, discriminator) for p in player.parameters()]
        updates.append((measures, weights))
    (whole, weights), (parts, others) = updates
    assert whole.keys() == parts.keys()
    for key, value in whole.items():
        torch.testing.assert_close(parts[key], value, rtol=1e-4, atol=1e-6)
    for mine, other in zip(weights, others, strict=True):
        torch.testing.assert_close(other, mine, rtol=1e-4, atol=1e-6)
