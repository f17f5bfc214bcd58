"""Starting from trained networks: what is taken over, what begins anew, and what is refused."""

import dataclasses
from pathlib import Path

import pytest
import torch
from conftest import Command, Paint
from torch import Tensor

import lienzo
from lienzo.collection.collection import Collection
from lienzo.errors import GeneratorError, RunError
from lienzo.inspection.inspection import info
from lienzo.networks.shape import Shape
from lienzo.recipe.catalogue import fast, find, normalised
from lienzo.recipe.choice import Choice
from lienzo.recipe.recipe import Recipe
from lienzo.run.run import Run
from lienzo.storage import tensors
from lienzo.training import open_run
from lienzo.training.default_recipe import recipe_or_default
from lienzo.training.origin import Origin
from lienzo.training.state import State

CPU = torch.device("cpu")


@pytest.fixture
def others(paint: Paint, tmp_path: Path) -> Collection:
    """Give a collection of other pictures, 16×16×3."""
    return lienzo.prepare(paint(tmp_path / "pictures", 24, first=100), tmp_path / "others", size=16, workers=1)


@pytest.fixture
def averaging(recipe: Recipe) -> Recipe:
    """Give a recipe of two steps whose generator is averaged."""
    return dataclasses.replace(recipe, average_half_life=100, average_ramp=10.0, images=16, tick=8)


@pytest.fixture
def landscapes(collection: Collection, averaging: Recipe, tmp_path: Path) -> Run:
    """Give a run that others start from."""
    return lienzo.train(collection, averaging, tmp_path / "landscapes", device="cpu")


@pytest.fixture(autouse=True)
def every_tick_is_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_run, "SAVE_SECONDS", 0.0)


def first(run: Run) -> dict[str, Tensor]:
    return tensors.load(run.checkpoints()[-1], "checkpoint", RunError)[0]


def weights(loaded: dict[str, Tensor], network: str) -> dict[str, Tensor]:
    """Return the parameters of a network; batch normalisation's statistics move whatever the learning rate."""
    found = {key.removeprefix(f"{network}/"): value for key, value in loaded.items() if key.startswith(f"{network}/")}
    return {key: value for key, value in found.items() if "running" not in key and "batches" not in key}


def close(some: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.allclose(value, other[key], rtol=0, atol=1e-6) for key, value in some.items())


@pytest.fixture
def still(averaging: Recipe) -> Recipe:
    """Give the recipe of a run that hardly learns, so that its first checkpoint shows what it began with."""
    return averaging.with_settings(["generator_optimizer.rate=1e-9", "discriminator_optimizer.rate=1e-9"])


def test_a_run_gives_its_averaged_generator_and_its_discriminator(
    landscapes: Run, others: Collection, still: Recipe, tmp_path: Path
) -> None:
    run = lienzo.train(others, still, tmp_path / "run", origin=landscapes, device="cpu")
    last, begun = tensors.load(landscapes.checkpoints()[0], "checkpoint", RunError)[0], first(run)
    average = weights(last, "average")
    assert not close(average, weights(last, "generator"))
    assert close(average, weights(begun, "generator"))
    assert close(average, weights(begun, "average"))
    assert close(weights(last, "discriminator"), weights(begun, "discriminator"))
    assert begun["generator_optimizer/0/step"] == 1
    assert run.log()[0]["images"] == 8


def test_a_file_gives_its_generator_only(landscapes: Run, others: Collection, still: Recipe, tmp_path: Path) -> None:
    alone = lienzo.train(others, still, tmp_path / "alone", device="cpu")
    run = lienzo.train(others, still, tmp_path / "run", origin=landscapes.generator_path, device="cpu")
    average = tensors.load(landscapes.generator_path, "generator", GeneratorError)[0]
    assert all(
        torch.allclose(average[key], value, atol=1e-6) for key, value in weights(first(run), "generator").items()
    )
    assert close(weights(first(alone), "discriminator"), weights(first(run), "discriminator"))


def test_a_run_that_was_interrupted_goes_on_with_and_without_its_origin(
    landscapes: Run, others: Collection, averaging: Recipe, tmp_path: Path
) -> None:
    whole = lienzo.train(others, averaging, tmp_path / "whole", origin=landscapes, device="cpu")
    for again in (landscapes, None):
        path = tmp_path / f"parts-{again is None}"
        next(lienzo.steps(others, averaging, path, origin=landscapes, device="cpu"))
        parts = lienzo.train(others, averaging, path, origin=again, device="cpu")
        assert parts.generator_path.read_bytes() == whole.generator_path.read_bytes()
    origin = {"path": str(landscapes.path.resolve()), "fingerprint": lienzo.load(landscapes).fingerprint}
    assert whole.manifest()["origin"] == info(whole.path)["origin"] == origin


def test_a_run_without_a_whole_checkpoint_begins_from_its_origin_again(
    landscapes: Run, others: Collection, averaging: Recipe, tmp_path: Path
) -> None:
    whole = lienzo.train(others, averaging, tmp_path / "whole", origin=landscapes, device="cpu")
    expected = whole.generator_path.read_bytes()
    for checkpoint in whole.checkpoints():
        checkpoint.unlink()
    lienzo.train(others, averaging, whole.path, device="cpu")
    assert whole.generator_path.read_bytes() == expected
    for checkpoint in [*whole.checkpoints(), *landscapes.checkpoints()]:
        checkpoint.unlink()
    with pytest.raises(RunError, match="has no checkpoint yet"):
        lienzo.train(others, averaging, whole.path, device="cpu")


def test_another_origin_is_refused(landscapes: Run, others: Collection, averaging: Recipe, tmp_path: Path) -> None:
    alone = lienzo.train(others, averaging, tmp_path / "alone", device="cpu")
    run = lienzo.train(others, averaging, tmp_path / "run", origin=landscapes, device="cpu")
    for path, origin in ((alone.path, landscapes), (run.path, alone)):
        with pytest.raises(RunError, match=r"was not begun from the generator of .*: leave --from out to go on"):
            lienzo.train(others, averaging, path, origin=origin, device="cpu")


@pytest.mark.parametrize("setting", ["network.width=4", "network.latents=9", "network.discriminator_norm=none"])
def test_networks_that_do_not_fit_leave_nothing_behind(
    landscapes: Run, others: Collection, averaging: Recipe, tmp_path: Path, setting: str
) -> None:
    with pytest.raises(RunError, match="does not fit"):
        lienzo.train(others, averaging.with_settings([setting]), tmp_path / "run", origin=landscapes, device="cpu")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "settings",
    [
        ["network.name=dcgan"],
        ["network.name=dcgan", "network.discriminator_norm=spectral"],
        ["network.name=mlp"],
        ["network.name=residual", "network.size=XS"],
    ],
)
def test_networks_that_learn_labels_begin_as_those_that_knew_none(
    collection: Collection, averaging: Recipe, tmp_path: Path, settings: list[str]
) -> None:
    """Without a label they paint and judge as before. A label moves latents a little, and both learn from it."""
    recipe = averaging.with_settings(settings)
    origin = Origin.open(lienzo.train(collection, recipe, tmp_path / "run", device="cpu"))
    shape, labels = Shape(16, 16, 3), torch.eye(3)
    known, learning = State(recipe, shape, CPU), State(dataclasses.replace(recipe, labels="style"), shape, CPU, 3)
    origin.copy_into(known)
    origin.copy_into(learning, ["baroque", "cubism", "realism"])
    z, images = torch.randn(3, recipe.network.latents), torch.rand(3, 3, 16, 16) * 2 - 1
    assert learning.average is not None
    for generator in (learning.networks["generator"], learning.average.module):
        assert torch.equal(generator.eval()(z, 0 * labels), known.networks["generator"].eval()(z))
        embedding = generator.get_submodule("embedding").weight
        assert torch.allclose(embedding.norm(dim=1), torch.full((3,), 0.25 * recipe.network.latents**0.5))
    judged, before = (state.networks["discriminator"].eval() for state in (learning, known))
    assert torch.equal(judged(images, 0 * labels), before(images))
    if "network.discriminator_norm=spectral" not in settings:  # its weights for labels have a size of 1 from the start
        assert torch.equal(judged(images, labels), before(images))
    (judged(images, labels).sum() + learning.networks["generator"](z, labels).square().sum()).backward()
    for weight in (learning.networks["generator"].embedding.weight, *projection_weights(learning)):
        assert weight.grad is not None
        assert weight.grad.any()


def projection_weights(state: State) -> list[Tensor]:
    return [weight for name, weight in state.networks["discriminator"].named_parameters() if "projection" in name]


def test_a_run_with_labels_starts_from_one_without(landscapes: Run, others: Collection, tmp_path: Path) -> None:
    recipe = dataclasses.replace(landscapes.recipe(), labels="folder")
    run = lienzo.train(others, recipe, tmp_path / "run", origin=landscapes, device="cpu")
    alone = lienzo.train(others, recipe, tmp_path / "alone", device="cpu")
    assert not close(weights(first(run), "discriminator"), weights(first(alone), "discriminator"))
    with pytest.raises(RunError, match="does not fit"):  # labels are not forgotten in silence
        lienzo.train(others, landscapes.recipe(), tmp_path / "back", origin=run, device="cpu")


def test_pictures_of_another_size_are_refused(landscapes: Run, averaging: Recipe, paint: Paint, tmp_path: Path) -> None:
    larger = lienzo.prepare(paint(tmp_path / "p", 24, 40, 40), tmp_path / "larger", size=32, workers=1)
    with pytest.raises(RunError, match=r"the generator of .* does not fit .* pictures of 32×32×3"):
        lienzo.train(larger, averaging, tmp_path / "run", origin=landscapes.generator_path, device="cpu")


def test_the_command(landscapes: Run, others: Collection, averaging: Recipe, tmp_path: Path, command: Command) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(averaging.to_toml(), encoding="utf-8")
    words = ["train", others.path, "--recipe", path, "--out", tmp_path / "run", "--device", "cpu", "--from"]
    assert command(*words, landscapes.path)[0] == 0
    assert "origin" in Run(tmp_path / "run").manifest()
    for nothing in (tmp_path / "nowhere", others.path, path):
        status, out, said = command(*words, nothing)
        assert (status, out, said.count("\n")) == (2, "", 1), said


def test_a_run_with_a_damaged_checkpoint_gives_the_one_before_it(
    landscapes: Run, others: Collection, still: Recipe, tmp_path: Path
) -> None:
    """Both networks are then of that moment, the newest generator left aside."""
    older = tensors.load(landscapes.checkpoint_path(8), "checkpoint", RunError)[0]
    landscapes.checkpoint_path(16).write_bytes(b"damaged")
    run = lienzo.train(others, still, tmp_path / "run", origin=landscapes, device="cpu")
    assert close(weights(older, "average"), weights(first(run), "generator"))
    assert close(weights(older, "discriminator"), weights(first(run), "discriminator"))


def test_a_run_that_was_killed_between_generator_and_checkpoint_gives_those_of_one_moment(
    collection: Collection, averaging: Recipe, landscapes: Run, tmp_path: Path
) -> None:
    """The fingerprint is that which the generator's file had then."""
    going = lienzo.steps(collection, averaging, tmp_path / "killed", device="cpu")
    next(going)
    killed = Run(tmp_path / "killed")
    going.close()  # type: ignore[attr-defined]
    before = lienzo.load(killed)
    killed.generator_path.write_bytes(landscapes.generator_path.read_bytes())
    origin = Origin.open(killed)
    assert origin.fingerprint == before.fingerprint != lienzo.load(killed).fingerprint
    assert all(
        torch.equal(value, before.module.state_dict()[key]) for key, value in origin.networks["generator"].items()
    )


def test_a_run_that_was_not_saved_yet_is_no_origin(landscapes: Run) -> None:
    for path in (*landscapes.checkpoints(), landscapes.generator_path):
        path.unlink()
    with pytest.raises(RunError, match="has no checkpoint yet"):
        Origin.open(landscapes)


def test_a_run_without_any_whole_checkpoint_is_no_origin(landscapes: Run) -> None:
    for path in landscapes.checkpoints():
        path.write_bytes(b"damaged")
    with pytest.raises(RunError, match="has no checkpoint that is whole"):
        Origin.open(landscapes)


def test_a_recipe_that_nobody_named_has_the_networks_that_a_run_starts_from(
    landscapes: Run, others: Collection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="lienzo")
    for origin in (landscapes, landscapes.generator_path):
        recipe = recipe_or_default(None, others, None, "cpu", origin)
        assert recipe == dataclasses.replace(find("few"), network=landscapes.recipe().network)
        assert "Its networks are those of" in caplog.text
    assert recipe_or_default("few", others, None, "cpu", landscapes) == find("few")


@pytest.mark.parametrize("norm", ["batch", "none"])
@pytest.mark.parametrize("name", ["fast", "few", "modern-plain-128"])
def test_a_discriminator_learns_at_the_rate_that_suits_its_normalisation(
    landscapes: Run, others: Collection, norm: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lienzo.training.default_recipe.choose", lambda *_: Choice(name, "these pictures", ()))
    begun = landscapes.recipe().with_settings([f"network.discriminator_norm={norm}"])
    run = lienzo.train(others, begun, tmp_path / "origin")
    recipe = recipe_or_default(None, others, None, "cpu", run)
    same, lower = find(name), find(name).generator_optimizer
    like = {
        ("fast", "batch"): normalised(),
        ("few", "none"): fast(),
        ("modern-plain-128", "batch"): dataclasses.replace(same, discriminator_optimizer=lower),
    }.get((name, norm), same)
    assert recipe == dataclasses.replace(like, network=begun.network)


def test_a_discriminator_of_another_class_keeps_the_penalty(
    landscapes: Run, others: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lienzo.training.default_recipe.choose", lambda *_: Choice("fast", "these pictures", ()))
    begun = landscapes.recipe().with_settings(["network.name=mlp"])
    recipe = recipe_or_default(None, others, None, "cpu", lienzo.train(others, begun, tmp_path / "origin"))
    slower = dataclasses.replace(fast(), discriminator_optimizer=fast().generator_optimizer)
    assert recipe == dataclasses.replace(slower, network=begun.network)
    assert recipe.regularisation.r1 > 0
