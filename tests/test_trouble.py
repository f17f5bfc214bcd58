"""Trouble: each kind is provoked, said in one sentence, and answered as the recipe says."""

import dataclasses
import logging
import re
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from test_training import assert_same, interrupted
from torch import nn

import lienzo
from lienzo.collection.collection import Collection
from lienzo.errors import InputError, TrainingError
from lienzo.inspection.inspection import info
from lienzo.recipe.catalogue import RECIPES, find
from lienzo.recipe.objectives import OBJECTIVES, Hinge, Minimax, NonSaturating, Regularisation, Wasserstein
from lienzo.recipe.recipe import Recipe
from lienzo.run.run import Run
from lienzo.training import loop, open_run
from lienzo.training.game import Game, StepInputs, diversity
from lienzo.training.trouble import COLLAPSED, PATIENCE, SATURATED, VANISHED, Signs, Trouble, not_finite

HEALTHY = {"fake_score": 0.3, "generator_gradient": 2.0, "fake_diversity": 0.3, "real_diversity": 0.4}


@pytest.fixture(autouse=True)
def every_tick_is_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_run, "SAVE_SECONDS", 0.0)


DEAD = [
    (0.33, 2.9), (0.1, 0.11), (0.052, 0.089), (0.017, 0.24), (0.066, 0.14), (0.018, 0.36), (0.028, 0.27), (0.011, 0.17),
    (0.0079, 0.18), (0.006, 0.002), (0.004, 0.04), (0.0023, 0.041), (0.0023, 0.071), (0.0026, 0), (0.002, 0.00062),
    (0.0014, 0), (0.0012, 0), (0.0011, 0.0071), (0.0011, 0), (0.0011, 0), (0.001, 0.0045), (0.001, 0), (0.0011, 0.081),
    (0.0012, 0), (0.0012, 0.082), (0.0019, 0.24), (0.041, 0.47),
]  # fmt: skip
"""D(G(z)) and the norm of the generator's gradient in a run of the thesis with a rate of 10, each 320 pictures."""


def signs_after(*lines: dict[str, float]) -> Signs:
    signs = Signs()
    for line in lines:
        signs = signs.after(line, NonSaturating())
    return signs


def sentence(signs: Signs, line: dict[str, float], recipe: str | Recipe = "thesis", slowdown: float = 1.0) -> str:
    """Return what is said of trouble at this line, the last; nothing where all is well."""
    trouble = signs.diagnose(line, find(recipe) if isinstance(recipe, str) else recipe, slowdown)
    return str(trouble) if trouble else ""


@pytest.mark.parametrize(("sign", "said"), [
    ({"fake_score": 1e-4}, "the discriminator has won"), ({"generator_gradient": 1e-5}, "the discriminator has won"),
    ({"fake_diversity": 0.4 * COLLAPSED / 2}, "the generator has collapsed"),
])  # fmt: skip
def test_a_sign_counts_once_it_lasts_and_no_longer_once_it_ends(sign: dict[str, float], said: str) -> None:
    bad = HEALTHY | sign
    assert sentence(signs_after(HEALTHY, *[bad] * (PATIENCE - 1)), bad) == ""
    lasting = signs_after(HEALTHY, *[bad] * PATIENCE)
    assert sentence(lasting, bad).startswith(said)
    assert lasting.confirmed_now
    assert not lasting.is_healthy(bad, NonSaturating())
    assert not lasting.after(bad, NonSaturating()).confirmed_now
    ended = lasting.after(HEALTHY, NonSaturating())
    assert ended.is_healthy(HEALTHY, NonSaturating())
    assert sentence(ended, HEALTHY) == ""


def test_a_critic_with_a_flat_slope_is_healthy_and_a_flat_probability_is_not() -> None:
    """A Wasserstein critic of clipped weights: the norm of the generator's gradient is 0.002 to 0.004 all along."""
    flat = HEALTHY | {"fake_score": -0.01, "generator_gradient": 0.002}
    assert Signs().is_healthy(flat, Wasserstein())
    assert Signs().after(HEALTHY | {"generator_gradient": 0.0}, Wasserstein()).after(flat, Wasserstein()).won == 0
    assert not Signs().is_healthy(HEALTHY | {"generator_gradient": 0.002}, NonSaturating())


@pytest.mark.parametrize(("sign", "between"), [
    ({"fake_score": SATURATED / 2}, {"fake_score": SATURATED * 1.5}),
    ({"generator_gradient": VANISHED / 2}, {"generator_gradient": VANISHED * 100}),
    ({"fake_diversity": 0.4 * COLLAPSED / 2}, {"fake_diversity": 0.4 * COLLAPSED * 1.5}),
])  # fmt: skip
def test_what_is_between_the_bounds_neither_begins_nor_ends_trouble(
    sign: dict[str, float], between: dict[str, float]
) -> None:
    bad, middling = HEALTHY | sign, HEALTHY | between
    assert sentence(signs_after(HEALTHY, *[middling] * 100), middling) == ""
    assert not signs_after(HEALTHY, middling).is_healthy(middling, NonSaturating())
    assert sentence(signs_after(HEALTHY, bad, *[middling] * (PATIENCE - 2)), middling) == ""
    assert sentence(signs_after(HEALTHY, bad, *[middling] * (PATIENCE - 1)), middling)
    assert sentence(signs_after(HEALTHY, bad, HEALTHY, *[middling] * 100), middling) == ""


def test_a_dead_generator_that_still_twitches_is_said_once() -> None:
    """Its gradient is exactly zero in seven of its last fourteen ticks, and never in three in succession."""
    lines = [
        HEALTHY | {"fake_score": score, "generator_gradient": norm, "fake_diversity": 0.05} for score, norm in DEAD
    ]
    signs = [signs_after(*lines[: number + 1]) for number in range(len(lines))]
    (said,) = [number for number, after in enumerate(signs) if after.confirmed_now]
    assert said == 22
    assert "generator_optimizer.rate=2e-05" in sentence(signs[said], lines[said])
    assert [number for number in range(13, 27) if signs[number].is_healthy(lines[number], NonSaturating())] == [26]
    assert sentence(signs[-1], lines[-1]) == ""


def test_a_second_trouble_is_said_too() -> None:
    collapsed = HEALTHY | {"fake_diversity": 0.001}
    both = collapsed | {"generator_gradient": 0.0}
    signs = signs_after(HEALTHY, *[collapsed] * 20, *[both] * PATIENCE)
    assert signs.confirmed_now
    assert "has won" in sentence(signs, both)
    again = signs.after(collapsed, NonSaturating())
    assert not again.confirmed_now
    assert "has collapsed" in sentence(again, collapsed)


def test_a_young_generator_has_not_collapsed() -> None:
    """Of the recipe `thesis` the first 5,000 pictures: grey, all alike, and D(G(z)) down to 0.05."""
    young = HEALTHY | {"fake_diversity": 0.01, "fake_score": 0.046}
    assert signs_after(*[young] * 100).is_healthy(young, NonSaturating())


def test_logits_that_are_no_probabilities_do_not_tell_who_has_won() -> None:
    line = HEALTHY | {"fake_score": 0.0}
    assert Signs().after(line, Hinge()).is_healthy(line, Hinge())
    assert not Signs().after(line, Minimax()).is_healthy(line, Minimax())


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("slowdown", [1.0, 0.125])
def test_what_is_advised_changes_the_recipe_and_can_be_trained(name: str, slowdown: float) -> None:
    recipe = find(name)
    dead, collapsed = HEALTHY | {"generator_gradient": 0.0}, HEALTHY | {"fake_diversity": 0.001}
    found = [signs_after(HEALTHY, *[line] * PATIENCE).diagnose(line, recipe, slowdown) for line in (dead, collapsed)]
    for trouble in (*found, not_finite({}, recipe, slowdown)):
        assert isinstance(trouble, Trouble)
        assert trouble.remedies
        for remedy in trouble.remedies:
            changed = recipe.with_settings(remedy.split())
            assert changed != recipe
            for player, rate in re.findall(r"(\w+_optimizer)\.rate=(\S+)", remedy):
                assert 0 < float(rate) <= slowdown / 2 * getattr(recipe, player).rate


def test_advice_names_what_the_recipe_does_not_do_yet(recipe: Recipe) -> None:
    dead = HEALTHY | {"generator_gradient": 0.0}
    signs = signs_after(*[dead] * PATIENCE)
    assert sentence(signs, dead, recipe.with_settings(["generator_optimizer.rate=10"])) == (
        "the discriminator has won (D(G(z)) is 3.0e-01, the norm of the generator's gradient 0.0e+00): try --set "
        "generator_optimizer.rate=1, discriminator_optimizer.rate=0.0001, regularisation.r1=1 or "
        "network.discriminator_norm=spectral with another --out, as a run keeps its recipe."
    )
    assert "try --set discriminator_optimizer.rate=0.0001, objective.name=non-saturating, " in sentence(
        signs, dead, recipe.with_settings(["objective.name=minimax"])
    )
    spectral = recipe.with_settings(["network.discriminator_norm=spectral", "regularisation.r1=0.5"])
    assert "rate=0.0001 or regularisation.r1=5 with" in sentence(signs, dead, spectral)
    (remedies,) = re.findall("try --set (.*) with another --out", sentence(signs, dead, "fast"))
    remedy = remedies.rpartition(" or ")[2]
    assert remedy == "network.discriminator_norm=spectral network.discriminator_weights=same"
    assert find("fast").with_settings(remedy.split()).network.lipschitz
    assert "regularisation" not in sentence(signs, dead, "wgan-gp")  # beside its own penalty there is none
    assert "network" not in sentence(signs, dead, "gan-2014")
    assert sentence(signs, {"generator_gradient": 0.0}, "vae").startswith(
        "the generator has stopped learning (the norm of its gradient is 0.0e+00): try --set generator_optimizer.rate="
    )


def test_advice_on_numbers_that_are_none_asks_for_full_precision_where_it_is_not_taken(recipe: Recipe) -> None:
    said = str(not_finite({"b": 1.0, "a": float("nan")}, recipe, slowdown=0.5))
    rates = "generator_optimizer.rate=1e-05 discriminator_optimizer.rate=1e-05"
    assert said.startswith(f"a is nan, and training cannot go on: try --set {rates} with another --out")
    bf16 = dataclasses.replace(recipe, precision="bf16")
    assert "rate=2e-05 or precision=fp32 with" in str(not_finite({"a": 1.0}, bf16))
    assert str(not_finite({"a": 1.0}, bf16)).startswith("a weight is no finite number, and")


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
    run = Run(tmp_path / "run")
    with pytest.raises(
        TrainingError, match=r"after \d+ pictures the discriminator has won .*; --on-trouble warn goes on as it is\.$"
    ) as stopped:
        lienzo.train(collection, recipe, run.path, device="cpu")
    at = run.log()[-1]["images"]
    assert run.manifest()["stop"] == {"at": at, "trouble": str(stopped.value)}
    assert info(run.path)["state"] == "stopped by trouble"
    assert info(run.path)["trouble"] == str(stopped.value)


def test_a_run_that_trouble_stopped_goes_on_from_there(
    collection: Collection, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is saved also where the last save is younger than ten seconds, and ends as if it had never stopped."""
    monkeypatch.setattr(open_run, "SAVE_SECONDS", 1e9)
    going = overpowered(recipe)
    run = Run(tmp_path / "run")
    with pytest.raises(TrainingError):
        lienzo.train(collection, dataclasses.replace(going, on_trouble="stop"), run.path, device="cpu")
    at = run.log()[-1]["images"]
    assert [int(path.stem) for path in run.checkpoints()] == [at]
    assert run.generator_path.exists()
    assert 0 < at < 640
    steps = lienzo.steps(collection, going, run.path, device="cpu")
    assert next(steps).images == at + 8
    assert "stop" not in run.manifest()
    steps.close()  # type: ignore[attr-defined]
    assert info(run.path)["state"] == "interrupted"
    whole = lienzo.train(collection, going, tmp_path / "whole", device="cpu")
    assert_same(lienzo.train(collection, going, run.path, device="cpu"), whole)
    assert info(run.path)["state"] == "finished"


def dying(recipe: Recipe, on_trouble: str) -> Recipe:
    """A generator whose rate drives its outputs to their ends, where no gradient passes."""
    return recipe.with_settings(
        ["tick=80", "images=3200", "sample_every=80", "keep_epochs=false", "generator_optimizer.rate=10", "seed=1",
         f"on_trouble={on_trouble}"]
    )  # fmt: skip


def test_a_generator_that_dies_is_said_with_its_own_rate(
    collection: Collection, recipe: Recipe, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match=r"the discriminator has won .* try --set generator_optimizer\.rate=1,"):
        lienzo.train(collection, dying(recipe, "stop"), tmp_path / "run", device="cpu")


def test_a_generator_that_dies_is_set_back_to_where_it_was_healthy(
    collection: Collection, recipe: Recipe, tmp_path: Path
) -> None:
    run, healthy = Run(tmp_path / "run"), {0}
    for tick in lienzo.steps(collection, dying(recipe, "rollback"), run.path, device="cpu"):
        if run.manifest().get("rollbacks", []):
            break
        if Signs().is_healthy(tick.measures, recipe.objective):
            healthy.add(tick.images)
    (rollback,) = run.manifest().get("rollbacks", [])
    assert 0 < rollback["to"] <= rollback["at"] - 80 * PATIENCE
    assert rollback["to"] in healthy


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
        TrainingError, match=r"the generator has collapsed \(its pictures differ \d% as much as real\): try --set gen"
    ):
        lienzo.train(collection, collapsing(recipe, "stop"), tmp_path / "run", origin=various, device="cpu")


def test_a_generator_that_collapses_is_set_back_and_slowed_down(
    collection: Collection, recipe: Recipe, various: Path, tmp_path: Path
) -> None:
    going = lienzo.steps(collection, collapsing(recipe, "rollback"), tmp_path / "run", origin=various, device="cpu")
    run, seen = Run(tmp_path / "run"), 0
    for tick in going:
        if run.manifest().get("rollbacks", []):
            break
        seen = tick.images
    (rollback,) = run.manifest().get("rollbacks", [])
    assert "the generator has collapsed" in rollback["trouble"]
    assert 0 < rollback["to"] <= rollback["at"] - 16 * PATIENCE
    assert seen == rollback["at"] - 16
    assert tick.images == rollback["to"] + 16


def poison(monkeypatch: pytest.MonkeyPatch, at: int, slowest: float = 1.0) -> None:
    """Make measures NaN when so many pictures were shown, at learning rates of this share of the recipe's or more."""
    advance = loop.State.advance

    def poisoned(self: loop.State, inputs: Sequence[StepInputs]) -> None:
        advance(self, inputs)
        if self.images == at and self.slowdown >= slowest:
            self.sums.fill_(torch.nan)

    monkeypatch.setattr(loop.State, "advance", poisoned)


def test_an_interrupted_run_rolls_back_as_an_uninterrupted_one(
    collection: Collection, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = dataclasses.replace(recipe, on_trouble="rollback", sample_every=16, images=96)
    poison(monkeypatch, 64)
    whole = lienzo.train(collection, recipe, tmp_path / "whole", device="cpu")
    assert [(r["at"], r["to"]) for r in whole.manifest().get("rollbacks", [])] == [(64, 48)]
    assert [line["images"] for line in whole.log()] == [16, 32, 48, 64, 80, 96]
    for ticks in (2, 4):  # before and after the rollback
        parts = interrupted(collection, recipe, tmp_path / f"parts-{ticks}", ticks=ticks)
        assert_same(lienzo.train(collection, recipe, parts.path, device="cpu"), whole)
        assert parts.manifest().get("rollbacks", []) == whole.manifest().get("rollbacks", [])


def test_a_signal_in_the_step_that_makes_trouble_ends_the_training_after_the_rollback(
    collection: Collection, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = dataclasses.replace(recipe, on_trouble="rollback", sample_every=16, images=96)
    poison(monkeypatch, 64)
    whole = lienzo.train(collection, recipe, tmp_path / "whole", device="cpu")
    advance = loop.State.advance

    def asked(self: loop.State, inputs: Sequence[StepInputs]) -> None:
        advance(self, inputs)
        if self.images == 64 and self.slowdown == 1:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(loop.State, "advance", asked)
    with pytest.raises(KeyboardInterrupt):
        lienzo.train(collection, recipe, tmp_path / "run", device="cpu")
    run = Run(tmp_path / "run")
    assert [(r["at"], r["to"]) for r in run.manifest().get("rollbacks", [])] == [(64, 48)]
    assert_same(lienzo.train(collection, recipe, run.path, device="cpu"), whole)


def test_a_milestone_is_the_first_healthy_tick_that_is_due(
    collection: Collection, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tick at 32 pictures is due and not healthy."""
    healthy = iter([False, True, True])
    monkeypatch.setattr(Signs, "is_healthy", lambda *_: next(healthy))
    run = lienzo.train(collection, dataclasses.replace(recipe, on_trouble="rollback"), tmp_path / "run", device="cpu")
    assert [int(path.stem) for path in run.milestones()] == [64, 48]


def test_a_rollback_to_a_beginning_that_is_gone_loses_nothing(
    collection: Collection, recipe: Recipe, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The run that it was begun from has another generator now; with the first one back, it goes on."""
    origin = lienzo.train(collection, recipe, tmp_path / "origin", device="cpu")
    out = tmp_path / "run"
    run = lienzo.train(collection, recipe, out, origin=origin.generator_path, device="cpu")
    run.write_manifest({**run.manifest(), "rollbacks": [{"at": 64, "to": 0, "trouble": "none"}]})
    kept, whole = {path.name for path in run.checkpoints()}, origin.generator_path.read_bytes()
    for content in (b"", whole[:-4] + bytes(4)):
        origin.generator_path.write_bytes(content)
        with pytest.raises(InputError):
            lienzo.train(collection, recipe, out, device="cpu")
        assert {path.name for path in run.checkpoints()} == kept
    origin.generator_path.write_bytes(whole)
    again = dataclasses.replace(recipe, on_trouble="rollback")
    with caplog.at_level(logging.WARNING, "lienzo"):
        assert next(lienzo.steps(collection, recipe, out, device="cpu")).images == recipe.tick
        next(lienzo.steps(collection, again, out, device="cpu"))
    assert [text for text in caplog.messages if "trouble would begin the run anew" in text]


def test_trouble_that_stays_ends_after_three_rollbacks(
    collection: Collection, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, 64, slowest=0.0)
    with pytest.raises(TrainingError, match=r"after 3 rollbacks and 64 pictures .* is nan, and training cannot go on"):
        lienzo.train(collection, dataclasses.replace(recipe, on_trouble="rollback"), tmp_path / "run", device="cpu")
    assert [(rollback["at"], rollback["to"]) for rollback in Run(tmp_path / "run").manifest().get("rollbacks", [])] == [
        (64, 32),
        (64, 0),
        (64, 32),
    ]


def test_a_discriminator_that_wins_is_set_back_and_slowed_down(
    collection: Collection, recipe: Recipe, tmp_path: Path
) -> None:
    recipe = dataclasses.replace(overpowered(recipe), on_trouble="rollback")
    run = Run(tmp_path / "run")
    with pytest.raises(TrainingError, match="after 3 rollbacks"):
        lienzo.train(collection, recipe, run.path, device="cpu")
    assert all("the discriminator has won" in rollback["trouble"] for rollback in run.manifest().get("rollbacks", []))
    assert all(0 < rollback["to"] <= rollback["at"] - 8 * PATIENCE for rollback in run.manifest().get("rollbacks", []))
    first, second, third = (rollback["to"] for rollback in run.manifest().get("rollbacks", []))
    assert second < first
    assert third != second


def test_losses_that_are_no_numbers_are_tried_again_three_times(
    collection: Collection, recipe: Recipe, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = recipe.with_settings(
        ["generator_optimizer.rate=1e30", "discriminator_optimizer.rate=1e30", "on_trouble=rollback"]
    )
    with (
        caplog.at_level(logging.WARNING, "lienzo"),
        pytest.raises(TrainingError, match=r"after 3 rollbacks and \d+ pictures .* is (nan|inf|-inf|no finite number)"),
    ):
        lienzo.train(collection, recipe, tmp_path / "run", device="cpu")
    said = [text for text in caplog.messages if "back to" in text]
    assert len(said) == 3
    assert all(text.endswith(": back to 0 pictures, at half the learning rates.") for text in said)
    assert all("cannot go on" not in text for text in said)
    assert [rollback["to"] for rollback in Run(tmp_path / "run").manifest().get("rollbacks", [])] == [0, 0, 0]
    assert not Run(tmp_path / "run").checkpoints()


def test_no_checkpoint_holds_what_is_not_finite(
    collection: Collection, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, 64)
    run = Run(tmp_path / "run")
    for _ in range(2):  # the same words stop in the same way
        with pytest.raises(TrainingError, match=r"after 64 pictures .* is nan, and .* its recipe\.$") as stopped:
            lienzo.train(collection, recipe, run.path, device="cpu")
        assert [path.stem for path in run.checkpoints()] == ["000000000048", "000000000032"]
        assert run.log()[-1]["images"] == 48
        found = info(run.path)
        assert (found["state"], found["images"], found["trouble"]) == ("stopped by trouble", 48, str(stopped.value))
    monkeypatch.undo()
    monkeypatch.setattr(open_run, "SAVE_SECONDS", 0.0)
    assert info(lienzo.train(collection, recipe, run.path, device="cpu").path)["state"] == "finished"


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
        measures = game.step(StepInputs(torch.randn(2, 8, 4), torch.randn(2, 8, 3), torch.rand(2, 8)))
        weights = [p.detach() for player in (generator, discriminator) for p in player.parameters()]
        updates.append((measures, weights))
    (whole, weights), (parts, others) = updates
    assert whole.keys() == parts.keys()
    for key, value in whole.items():
        torch.testing.assert_close(parts[key], value, rtol=1e-4, atol=1e-6)
    for mine, other in zip(weights, others, strict=True):
        torch.testing.assert_close(other, mine, rtol=1e-4, atol=1e-6)
