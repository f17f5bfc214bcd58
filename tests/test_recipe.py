"""Recipes: whole values that TOML holds without loss, and that say what is wrong with a wrong one."""

import dataclasses
import itertools
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

from lienzo.errors import RecipeError
from lienzo.networks.configurations import DCGAN, NETS
from lienzo.recipe.annealing import Annealing
from lienzo.recipe.augmentation import Augmentation
from lienzo.recipe.catalogue import NOT_SCORED, RECIPES, fast, find, normalised, thesis, vae
from lienzo.recipe.choice import choose
from lienzo.recipe.codec import network_from_dict, network_to_dict
from lienzo.recipe.likelihood import LIKELIHOODS
from lienzo.recipe.objectives import OBJECTIVES, NonSaturating, Regularisation
from lienzo.recipe.recipe import Adam, Recipe


def test_the_recipe_of_the_thesis_is_that_of_the_thesis() -> None:
    recipe = thesis()
    assert recipe.network == DCGAN(latents=100, width=64, discriminator_norm="batch")
    assert recipe.objective == NonSaturating(real_label=0.9, generator_label=0.9)
    assert recipe.generator_optimizer == recipe.discriminator_optimizer == Adam(0.0002, (0.5, 0.999))
    assert (recipe.batch, recipe.discriminator_steps, recipe.epochs) == (128, 1, 30)
    assert (recipe.sample_every, recipe.samples, recipe.keep_epochs) == (200 * 128, 64, True)
    assert recipe.average_half_life == 0
    assert recipe.regularisation == Regularisation()


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_goes_through_toml_and_comes_back(name: str, tmp_path: Path) -> None:
    recipe = find(name)
    assert recipe.name == name
    assert (RECIPES[name].__doc__ or "").split("\n")[0].endswith(".")
    for version in (recipe, recipe.resolved(10_000)):
        path = tmp_path / "recipe.toml"
        path.write_text(version.to_toml(), encoding="utf-8")
        assert find(path) == Recipe.from_toml(path) == version


@pytest.mark.parametrize(("network", "objective"), [*itertools.product(NETS, OBJECTIVES)])
def test_every_pair_of_network_and_objective_goes_through_plain_values(network: str, objective: str) -> None:
    recipe = Recipe("any", NETS[network](), OBJECTIVES[objective](), Regularisation(clip=0.01))
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert network_from_dict(network_to_dict(recipe.network)) == recipe.network


def test_settings_change_what_they_name_and_nothing_else() -> None:
    recipe = thesis().with_settings(["batch=32", "network.width=16", "generator_optimizer.betas=[0, 0.9]", "seed = 7"])
    assert recipe == dataclasses.replace(
        thesis(),
        batch=32,
        network=DCGAN(latents=100, width=16),
        generator_optimizer=Adam(0.0002, (0.0, 0.9)),
        seed=7,
    )


def test_settings_know_the_types_of_keys() -> None:
    recipe = thesis().with_settings(["epochs=2", "batch=64.0", "keep_epochs=false", "precision=fp32"])
    assert (recipe.epochs, recipe.batch, recipe.keep_epochs, recipe.precision) == (2.0, 64, False, "fp32")
    assert isinstance(recipe.epochs, float)
    assert isinstance(recipe.batch, int)


def test_another_class_has_other_keys() -> None:
    recipe = thesis().with_settings(["network.name=mlp", "network.depth=3", "objective.name=hinge"])
    assert recipe.network == NETS["mlp"](depth=3)  # type: ignore[call-arg]
    assert recipe.objective == OBJECTIVES["hinge"]()


@pytest.mark.parametrize("settings", [
    ["objective.name=minimax", "objective.real_label=0.8"],
    ["network.name=mlp", "network.depth=1", "network.width=7"],
    ["epochs=2", "batch=64", "regularisation.interval=4", "regularisation.r1=1"],
    ["objective.name=wasserstein", "network.discriminator_norm=none", "regularisation.clip=0.01"],
], ids=" ".join)  # fmt: skip
def test_the_order_of_settings_does_not_matter(settings: list[str]) -> None:
    expected = thesis().with_settings(settings)
    for order in itertools.permutations(settings):
        assert thesis().with_settings([*order]) == expected
    for setting in settings:
        key, _, value = setting.partition("=")
        found: Any = expected.to_dict()
        for name in key.split("."):
            found = found[name]
        assert str(found) in (value, f"{value}.0")


def test_the_name_of_the_class_that_is_there_changes_nothing() -> None:
    fast = find("fast")
    assert fast.with_settings(["network.name=dcgan", "objective.name=non-saturating"]) == fast
    wider = fast.with_settings(["network.width=48", "network.name=dcgan"])
    assert wider.network == dataclasses.replace(fast.network, width=48)  # type: ignore[type-var]


def test_the_page_says_what_fast_was() -> None:
    """What others begin with is normalised; docs/recipes.md has a command for it, and a table of what differs."""
    page = (
        (ROOT / "docs/recipes.md").read_text(encoding="utf-8").partition("\n## Normalised\n")[2].partition("\n## ")[0]
    )
    (images,) = re.findall(r"--recipe modern-plain --images (\d+)", page)
    was = find("modern-plain").with_settings([f"images={images}", "sample_every=16000"])
    assert dataclasses.replace(was, name="normalised") == normalised()
    differing = ["discriminator_norm=batch", "discriminator_weights=same"]
    settings = [f"network.{one}" for one in differing] + ["regularisation.r1=0", "regularisation.interval=1"]
    was = fast().with_settings([*settings, "discriminator_optimizer.rate=0.0004"])
    assert dataclasses.replace(was, name="normalised") == normalised()
    assert find("modern-plain").network == find("few").network == find("conditional").network == normalised().network


def test_a_recipe_that_learns_with_a_pretrained_network_says_so_in_its_first_line() -> None:
    first_lines = {name: (make.__doc__ or "").partition("\n")[0] for name, make in RECIPES.items()}
    said = {name for name, line in first_lines.items() if re.search("network (that was )?trained on photographs", line)}
    assert said == {name for name, make in RECIPES.items() if make().pretrained.weight}
    assert {"fast-features", "modern"} <= said


@pytest.mark.parametrize(("settings", "message"), [
    (["batch=16", "batch=32"], "batch is set twice: give it once"),
    (["network.width=16", "network.width = 16"], "network.width is set twice"),
    (["epochs=2", "images=1000"], "either in epochs or in images: give one of the two"),
    (["images=1000", "epochs=2"], "either in epochs or in images: give one of the two"),
    (["network.width=16", "network={name='mlp'}"], "network and network.width are both set"),
    (["network={name='mlp', width=3}", "network.width=16"], "network and network.width are both set"),
    (["objective.real_label=0.8", "objective.name=hinge"], "unknown key of a recipe 'objective.real_label'"),
    (["objective={real_label=0.8}"], "objective lacks a name: give one of evidence-bound, hinge"),
], ids=str)  # fmt: skip
def test_settings_of_which_one_would_be_lost_are_refused(settings: list[str], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        thesis().with_settings(settings)


@pytest.mark.parametrize("name", NETS)
def test_a_bounded_slope_is_a_property_of_every_network(name: str) -> None:
    assert NETS[name]().lipschitz is False
    assert DCGAN(discriminator_norm="spectral").lipschitz


def test_the_last_step_is_a_whole_one() -> None:
    recipe = thesis().with_settings(["batch=64", "images=6000"])
    assert recipe.total == 6016
    assert dataclasses.replace(recipe, discriminator_steps=5).total == 6080
    assert dataclasses.replace(recipe, images=6016).total == 6016


def test_a_length_takes_the_place_of_the_other() -> None:
    in_images = thesis().with_settings(["images=1000"])
    assert (in_images.images, in_images.epochs) == (1000, None)
    assert in_images.with_settings(["epochs=0.5"]) == dataclasses.replace(thesis(), epochs=0.5)
    assert thesis().resolved(1000).images == 30_000
    assert thesis().with_settings(["epochs=0.0001"]).resolved(1000).images == 1
    assert in_images.resolved(128) == in_images


BAD = {
    "batch=0": "batch is 0, but has to be at least 1",
    "batch=-3": "batch is -3, but has to be at least 1",
    "batch=1.5": "batch is 1.5, but has to be a whole number",
    "batch=many": "batch is 'many', but has to be a whole number",
    "batch=true": "batch is True, but has to be a whole number",
    "batch=[": r"batch is '\[', but has to be a whole number",
    "tick=0": "tick is 0",
    "samples=0": "samples is 0",
    "sample_every=0": "sample_every is 0",
    "discriminator_steps=0": "discriminator_steps is 0",
    "epochs=0": "epochs is 0.*give a positive number",
    "epochs=-1": "epochs is -1.*give a positive number",
    "epochs=nan": "epochs is nan, but has to be a finite number",
    "epochs=inf": "epochs is inf, but has to be a finite number",
    "images=0": "images is 0.*give a positive number",
    "images=1.5": "images is 1.5, but has to be a whole number",
    "seed=x": "seed is 'x', but has to be a whole number",
    "precision=fp16": "unknown value of precision 'fp16': did you mean 'bf16'",
    "keep_epochs=1": "keep_epochs is 1, but has to be true or false",
    "name=a/b": "name is part of file names",
    "name=3": "name is 3, but has to be a text",
    "average_half_life=-1": "cannot be negative",
    "average_ramp=-0.1": "cannot be negative",
    "average_ramp=0.5": "average_ramp bounds average_half_life, which is 0",
    "evaluate_every=-1": "evaluate_every is -1, but has to be at least 0",
    "network=3": "network is 3, but has to be a table",
    "accumulate=0": "accumulate is 0, but has to be at least 1",
    "accumulate=256": "accumulate is 256, but has to divide the batch of 128: give one of 1, 2, 4, 8, 16, 32, 64, 128.",
    "accumulate=3": "accumulate is 3, but has to divide the batch of 128: give one of 1, 2, 4, 8",
    "pretrained.channels=64": "pretrained: channels belongs to the second discriminator, whose weight is 0: set weight",
    "network.width=0": "network.width is 0, but has to be at least 1",
    "network.latents=0": "network.latents is 0, but has to be at least 1",
    "network.stem=-1": "network.stem is -1, but has to be at least 0",
    "network.discriminator_norm=batsh": "unknown value of network.discriminator_norm 'batsh': did you mean 'batch'",
    "network.widht=32": "unknown key of a recipe 'network.widht': did you mean 'network.width'",
    "network.name=dcgam": "unknown network 'dcgam': did you mean 'dcgan'",
    "objective.name=hing": "unknown objective 'hing': did you mean 'hinge'",
    "objective.name=wasserstein": "wasserstein objective holds for a critic of bounded slope only",
    "objective.real_label=1.1": "give a number above 0.5, up to 1",
    "objective.real_label=0.5": "of 0.5 or less the player would learn the contrary",
    "objective.generator_label=0": "of 0.5 or less the player would learn the contrary",
    "generator_optimizer.rate=0": "generator_optimizer: the learning rate is 0.0",
    "generator_optimizer.rate=nan": "generator_optimizer.rate is nan",
    "generator_optimizer.betas=0.5": "generator_optimizer.betas is 0.5, but has to be a list of 2 numbers",
    "generator_optimizer.betas=[0.5]": "has to be a list of 2 numbers",
    "generator_optimizer.betas=[0.5, 1]": "give two numbers from 0 on and below 1",
    "regularisation.r1=-1": "regularisation: r1 is a weight and cannot be negative",
    "regularisation.r1=inf": "regularisation.r1 is inf",
    "objective={name='hinge', real_label=0.9}": "'objective.real_label'. Known: none, leave it out",
    "annealing.rates=0.5": "annealing says what changes over cool_down, a share of the training that is 0",
    "annealing.rates=1.5": "annealing: rates is 1.5, but is a share of the learning rates",
    "annealing.rates=1": "annealing: rates is 1, which leaves them as they are, and nothing else changes",
    "annealing.r1=-1": "annealing: r1 is -1.0, but is a weight",
    "annealing.beta2=1": "annealing: beta2 is 1.0; give a number from 0 on and below 1",
    "annealing.shape=cosin": "unknown value of annealing.shape 'cosin': did you mean 'cosine'",
    "annealing.r2=-1": "annealing: r2 is -1.0, but is a weight",
    "annealing.r3=1": "unknown key of a recipe 'annealing.r3': did you mean 'annealing.r",
    "regularisation.interval=0": "regularisation: interval is 0, but is a number of steps",
    "regularisation.interval=4": "regularisation: interval belongs to the penalties",
    "network.discriminator_width=-1": "network.discriminator_width is -1, but has to be at least 0",
    "widht=3": "unknown key of a recipe 'widht': did you mean 'network.width'",
    "policy=none": "unknown key of a recipe 'policy': did you mean 'augmentation.policy'",
    "bacht=32": "unknown key of a recipe 'bacht': did you mean 'batch'",
    "netwrok.width=32": "unknown table of a recipe 'netwrok': did you mean 'network'",
    "batch": "'batch' is no setting: write key=value",
    "=3": "unknown key",
}


@pytest.mark.parametrize("setting", BAD)
def test_every_bad_setting_is_refused_in_one_sentence(setting: str) -> None:
    with pytest.raises(RecipeError, match=BAD[setting]) as caught:
        thesis().with_settings([setting])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("network", "key", "least"), [
    *((network, key, 1) for network in NETS for key in ("latents", "width")), ("mlp", "depth", 0),
    ("residual", "wide_to", 1), ("residual", "blocks", 1), ("residual", "group_width", 0), ("dcgan", "grown", 0),
])  # fmt: skip
def test_a_network_names_the_setting_that_is_too_small(network: str, key: str, least: int) -> None:
    below, named = least - 1, f"network.{key}"
    with pytest.raises(RecipeError, match=f"^{named} is {below}, but has to be at least {least}.$"):
        thesis().with_settings([f"network.name={network}", f"{named}={below}"])


def test_a_critic_of_bounded_slope_may_use_the_wasserstein_objective() -> None:
    for bound in (
        "regularisation.gradient_penalty=10",
        "regularisation.clip=0.01",
        "network.discriminator_norm=spectral",
    ):
        thesis().with_settings(["objective.name=wasserstein", bound])


def test_first_weights_that_spectral_normalisation_scales_away_are_refused() -> None:
    with pytest.raises(RecipeError, match="discriminator_weights changes nothing: leave one of them out"):
        find("fast").with_settings(["network.discriminator_norm=spectral"])


@pytest.mark.parametrize("settings", [["accumulate=16"], ["batch=1"], ["batch=8", "accumulate=8"]])
def test_pictures_that_are_taken_one_by_one_have_no_minibatch_deviation(settings: list[str]) -> None:
    with pytest.raises(RecipeError, match="every part of a batch is a single picture here: take a larger batch, fewer"):
        find("fast").with_settings(settings)
    alone = find("fast").with_settings([*settings, "network.minibatch_deviation=false"])
    assert alone.batch in (alone.accumulate, 1)
    assert find("fast").with_settings(["accumulate=8"]).accumulate == 8


def test_the_channels_of_a_second_discriminator_that_is_not_there_may_be_the_usual_ones() -> None:
    assert thesis().with_settings(["pretrained.channels=32"]) == thesis()
    without = find("fast-features").with_settings(["pretrained.weight=0"])
    assert Recipe.from_dict(without.to_dict()) == without
    assert find("fast-features").with_settings(["pretrained.channels=64"]).pretrained.channels == 64


def test_contradictions_are_refused() -> None:
    with pytest.raises(RecipeError, match="clip and a gradient penalty both bound"):
        thesis().with_settings(["regularisation.clip=0.01", "regularisation.r1=1"])
    with pytest.raises(RecipeError, match=r"so that regularisation\.clip bounds nothing: leave one of them out"):
        thesis().with_settings(["regularisation.clip=0.01", "network.discriminator_norm=spectral"])
    with pytest.raises(RecipeError, match=r"annealing\.r1 is where regularisation\.r1 goes, which is 0"):
        thesis().with_settings(["cool_down=1", "annealing.r1=0.1"])
    with pytest.raises(RecipeError, match=r"annealing\.r2 is where regularisation\.r2 goes, which is 0"):
        thesis().with_settings(["cool_down=1", "regularisation.r1=1", "annealing.r2=0.1"])
    with pytest.raises(RecipeError, match="latents of a picture would depend on the others of its batch"):
        vae().with_settings(["network.minibatch_deviation=true"])
    with pytest.raises(RecipeError, match="either in epochs or in images"):
        dataclasses.replace(thesis(), images=5)
    with pytest.raises(RecipeError, match="either in epochs or in images"):
        dataclasses.replace(thesis(), epochs=None)


@pytest.mark.parametrize(("text", "message"), [
    ("", "lacks name, network, objective"),
    ("name = 'a'\n[network]\nname = 'dcgan'\n", "lacks objective"),
    ("name = ", "is no TOML file"),
    ("\x00", "is no TOML file"),
    ("batches = 3", "unknown key of a recipe 'batches': did you mean 'batch'"),
], ids=["empty", "lacking", "half", "binary", "unknown"])  # fmt: skip
def test_files_that_hold_no_recipe_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=message):
        find(path)


def test_a_mark_at_the_beginning_is_no_reason_to_refuse_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(fast().to_toml(), encoding="utf-8-sig")
    assert Recipe.from_toml(tmp_path / "a.toml") == fast()
    (tmp_path / "a.toml").write_text(fast().to_toml(), encoding="utf-16")
    with pytest.raises(RecipeError, match="is no text in UTF-8: save it as UTF-8"):
        Recipe.from_toml(tmp_path / "a.toml")


def test_files_that_are_no_text_and_files_that_are_not_there_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match="is no text in UTF-8"):
        find(path)
    with pytest.raises(RecipeError, match="there is no recipe file"):
        find(tmp_path / "nowhere.toml")


def test_an_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(RecipeError, match="unknown recipe 'thesys': did you mean 'thesis'"):
        find("thesys")


def test_fewer_pictures_than_a_batch_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"40 pictures to train on, fewer than one batch of 128: .*--set batch=10"):
        thesis().resolved(40)


def test_every_field_is_explained() -> None:
    """A docstring under each field of everything that stands in a recipe."""
    import ast
    import inspect

    classes: list[Any] = [Recipe, Adam, Annealing, Augmentation, Regularisation]
    classes += [*NETS.values(), *OBJECTIVES.values(), *LIKELIHOODS.values()]
    for cls in classes:
        (definition,) = ast.parse(inspect.getsource(cls)).body
        assert isinstance(definition, ast.ClassDef)
        for field, below in itertools.pairwise(definition.body):
            if isinstance(field, ast.AnnAssign) and "ClassVar" not in ast.unparse(field):
                assert isinstance(below, ast.Expr), (cls, ast.unparse(field))


CHOICES = [
    (64, 64, 5_172, "cpu", "fast"),
    (32, 48, 5_172, "mps", "fast"),
    (64, 64, 5_172, "cuda", "modern-gpu"),
    (64, 64, 400, "cuda", "few"),
    (64, 64, 2_000, "cpu", "few"),
    (128, 128, 400, "cpu", "modern-plain-128"),
    (96, 64, 5_172, "cuda", "modern-plain-128"),
    (192, 256, 5_172, "cpu", "modern-plain-256"),
    (256, 256, 5_172, "cuda", "modern-plain-256"),
]
"""Height, width, number, device and the recipe that is taken."""


def test_the_choice_says_where_there_are_fewer_pictures_than_any_recipe_was_tried_with() -> None:
    assert "on cpu, fewer than the 100 that recipes were tried with: for collections" in str(choose(64, 64, 99, "cpu"))
    assert "fewer" not in str(choose(64, 64, 100, "cpu"))


@pytest.mark.parametrize(("height", "width", "count", "device", "name"), CHOICES)
def test_the_recipe_is_chosen_by_pictures_and_device(
    height: int, width: int, count: int, device: str, name: str
) -> None:
    choice = choose(height, width, count, device)
    assert choice.name == name
    assert name not in choice.others
    assert {name, *choice.others} <= RECIPES.keys()
    said = str(choice)
    assert said.startswith(f"The recipe is {name}, for {count:,} pictures of {height}×{width} on {device}: ")
    assert name not in NOT_SCORED
    assert [other for other in choice.others if f"{other} (no scores yet)" in said] == [
        other for other in choice.others if other in ("modern-gpu-128", "modern-gpu-256")
    ]
    assert [other for other in choice.others if f"{other} (needs lienzo[pretrained])" in said] == [
        other for other in choice.others if find(other).pretrained.weight
    ]
    assert any("gpu" in other for other in choice.others) <= (device == "cuda")
