"""Growing: exactly the old pictures and logits before a fade, the new ones alone after it, and a run like any."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Command, Paint
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

import lienzo
from lienzo.collection import preparation
from lienzo.collection.collection import Collection
from lienzo.compute.pixels import from_bytes
from lienzo.errors import CollectionError, InputError, RecipeError, RunError, SourceError
from lienzo.generation.generation import latents
from lienzo.growth import growth
from lienzo.networks import configurations
from lienzo.networks.configurations import DCGAN, MLP, Network
from lienzo.networks.fading import Fade, enlarged, set_alpha
from lienzo.networks.shape import Shape
from lienzo.recipe.likelihood import EvidenceBound
from lienzo.recipe.objectives import Relativistic
from lienzo.recipe.recipe import Recipe
from lienzo.run.run import Run
from lienzo.storage import tensors
from lienzo.training import open_run
from lienzo.training.origin import Origin
from lienzo.training.state import State

CPU = torch.device("cpu")

NETWORKS = {
    "plain": DCGAN(8, 8),
    "modulated": DCGAN(8, 8, discriminator_norm="spectral", minibatch_deviation=True, self_modulation=True),
    "grown": DCGAN(8, 8, discriminator_norm="none", grown=1),
    "stemmed": DCGAN(8, 8, self_modulation=True, stem=4),
    "noisy": DCGAN(8, 8, self_modulation=True, noise=True),
    "haar": DCGAN(8, 8, self_modulation=True, stem=4, wavelet_levels=1),
}
"""Networks that grow, for pictures of 16×16."""


@pytest.fixture(autouse=True)
def every_tick_is_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_run, "SAVE_SECONDS", 0.0)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory, paint: Paint) -> Path:
    """Give a folder of pictures that are large enough to grow."""
    return paint(tmp_path_factory.mktemp("large") / "pictures", 24, 40, 48)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Collection:
    """Give a collection of 16×16×3."""
    return lienzo.prepare(pictures, tmp_path_factory.mktemp("small") / "art-16", size=16, workers=1)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Collection:
    """Give the same pictures at 32×32×3."""
    return lienzo.prepare(pictures, tmp_path_factory.mktemp("large") / "paintings", size=32, workers=1)


@pytest.fixture(scope="module")
def small_run(tmp_path_factory: pytest.TempPathFactory, small: Collection, recipe: Recipe) -> Run:
    """Give a finished run at 16×16 that others grow from; its generator is averaged."""
    short = dataclasses.replace(recipe, average_half_life=16, images=32, tick=8, sample_every=8)
    return lienzo.train(small, short, tmp_path_factory.mktemp("small_run") / "run-16", device="cpu")


def pair(network: Network) -> tuple[nn.Module, nn.Module, nn.Module, nn.Module]:
    """Return generators and discriminators for 16×16 and, grown out of them, for 32×32."""
    torch.manual_seed(1)
    shapes = Shape(16, 16, 3), Shape(32, 32, 3)
    players = []
    for make in (type(network).generator, type(network).discriminator):
        before, after = make(network, shapes[0]), make(configurations.grown(network), shapes[1])
        for parameter in before.parameters():
            parameter.data.add_(0.1 * torch.randn_like(parameter))  # so that nothing agrees by being zero
        kept, own = before.state_dict(), after.state_dict()
        after.load_state_dict(own | {key: kept[key] for key in kept.keys() & own.keys()})
        players += [before, after]
    return players[0], players[1], players[2], players[3]


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("training_mode", [True, False])
def test_before_a_fade_everything_is_as_it_was(network: DCGAN, training_mode: bool) -> None:
    generator, grown_generator, discriminator, grown_discriminator = pair(network)
    for module in (generator, grown_generator, discriminator, grown_discriminator):
        module.train(training_mode)
        set_alpha(module, 0.0 if module in (grown_generator, grown_discriminator) else 1.0)
    z, images = torch.randn(4, 8), torch.rand(4, 3, 32, 32) * 2 - 1
    painted = generator(z)
    assert painted.std() > 0.01
    assert torch.equal(grown_generator(z), painted.repeat_interleave(2, 2).repeat_interleave(2, 3))
    logits = discriminator(avg_pool2d(images, 2))
    assert logits.std() > 0
    assert torch.equal(grown_discriminator(images), logits)


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_after_a_fade_the_old_way_changes_nothing_and_learns_nothing(network: DCGAN) -> None:
    _, generator, _, discriminator = pair(network)
    generator.eval(), discriminator.eval()
    set_alpha(generator, 1.0), set_alpha(discriminator, 1.0)
    z, images = torch.randn(4, 8), torch.rand(4, 3, 32, 32) * 2 - 1
    before = generator(z), discriminator(images)
    (before[0].square().sum() + before[1].sum()).backward()
    old = []
    for module in (generator, discriminator):
        stages = [module.layers, *module.growth]  # type: ignore[misc]
        stage: Any = stages[-2]
        ends = [*stage][stage.first_of_exit :] if module is generator else [*stage][: stage.first_of_body]
        old += [parameter for layer in ends for parameter in layer.parameters()]
    assert len(old) == (4 if network.stem else 2)  # a stem has biases
    for parameter in old:
        assert not parameter.grad.any()  # type: ignore[union-attr]
        parameter.data.normal_()
    assert torch.equal(generator(z), before[0])
    assert torch.equal(discriminator(images), before[1])


def test_in_the_middle_both_ways_count_by_alpha() -> None:
    fade, old, new = Fade(), torch.randn(2, 3), torch.randn(2, 3)
    set_alpha(fade, 0.25)
    torch.testing.assert_close(fade(old, new), 0.75 * old + 0.25 * new)
    assert fade(old.bfloat16(), new.bfloat16()).dtype == torch.float32
    assert fade(old.double(), new.double()).dtype == torch.float64


def test_a_grown_network_has_so_many_parameters() -> None:
    def parameters(module: nn.Module) -> int:
        return sum(parameter.numel() for parameter in module.parameters())

    network, shape = DCGAN(100, 64), Shape(128, 128, 3)
    grown = configurations.grown(network)
    # a doubling from 64 to 32 channels, its normalisation, and an exit of 32 channels; the old exit is there before
    assert parameters(grown.generator(shape)) == 3_576_704 + 64 * 32 * 16 + 2 * 32 + 32 * 3 * 16
    assert parameters(grown.discriminator(shape)) == 2_765_568 + 32 * 64 * 16 + 2 * 64 + 32 * 3 * 16
    twice = configurations.grown(grown)
    # the exit of 64 channels has gone, one of 16 has come
    assert parameters(twice.generator(Shape(256, 256, 3))) - parameters(grown.generator(shape)) == (
        32 * 16 * 16 + 2 * 16 + 16 * 3 * 16 - 64 * 3 * 16
    )


@pytest.mark.parametrize("size", [(32, 32), (48, 32), (64, 64)])
def test_a_network_that_grew_twice_learns_with_every_weight_that_counts(size: tuple[int, int]) -> None:
    network, shape = DCGAN(8, 8, grown=2), Shape(*size, 1)
    generator, discriminator = network.generator(shape), network.discriminator(shape)
    for module in (generator, discriminator):
        set_alpha(module, 0.5)
    images = generator(torch.randn(4, 8))
    assert images.shape == (4, 1, *size)
    discriminator(images).square().sum().backward()
    for parameter in [*generator.parameters(), *discriminator.parameters()]:
        assert parameter.grad is not None
        assert parameter.grad.any()


def grown_state(run: Run, recipe: Recipe, shape: Shape, **changes: object) -> State:
    grown = dataclasses.replace(recipe, network=configurations.grown(recipe.network), **changes)  # type: ignore[arg-type]
    state = State(grown, shape, CPU)
    Origin.open(run).copy_into(state)
    return state


def test_a_run_begins_with_the_pictures_of_its_origin(small_run: Run, large: Collection, tmp_path: Path) -> None:
    run = lienzo.grow(small_run, collection=large, out=tmp_path / "run", device="cpu", settings=["images=16"])
    (first, *_, last), end = run.samples(), small_run.samples()[-1]
    for path, same in ((first, True), (last, False)):
        enlarged_end = [np.asarray(Image.open(end).convert("RGB"))[2:-2, 2:-2][:16, :16].repeat(2, 0).repeat(2, 1)]
        picture = np.asarray(Image.open(path).convert("RGB"))[2:34, 2:34]
        assert np.array_equal(picture, enlarged_end[0]) == same
    state = grown_state(small_run, small_run.recipe(), Shape(32, 32, 3), fade=16)
    loaded = tensors.load(small_run.checkpoints()[0], "checkpoint", RunError)[0]
    for name, network in (("average", state.networks["generator"]), ("discriminator", state.networks["discriminator"])):
        kept = {key: value for key, value in network.state_dict().items() if f"{name}/{key}" in loaded}
        assert len(kept) == len([key for key in loaded if key.startswith(f"{name}/")])
        assert all(torch.equal(value, loaded[f"{name}/{key}"]) for key, value in kept.items())
    z = latents(8, 0)[None]
    assert state.average is not None
    small_picture = lienzo.load(small_run).module(z)
    for module in (state.networks["generator"], state.average.module):
        assert torch.equal(module.eval()(z), enlarged(small_picture))


def test_what_grew_is_a_run_like_any_other(small_run: Run, large: Collection, tmp_path: Path) -> None:
    run = lienzo.grow(small_run, 32, collection=large, out=tmp_path / "run", device="cpu")
    recipe = run.recipe()
    changed = {"network": DCGAN(8, 8, grown=1), "fade": 16}
    assert recipe == dataclasses.replace(small_run.recipe(), **changed)  # type: ignore[arg-type]
    assert run.manifest()["origin"] == {
        "path": str(small_run.path.resolve()),
        "fingerprint": lienzo.load(small_run).fingerprint,
    }
    # half of 32 pictures in batches of 8; a tick's measure is that of its steps, as they were begun
    assert [line.get("fade") for line in run.log()] == [0.0, 0.5, 1.0, 1.0]
    generator = lienzo.load(run)
    assert (generator.height, generator.width) == (32, 32)
    state, _ = tensors.load(run.generator_path, "generator", RunError)
    assert state["fade.alpha"] == 1
    scores = lienzo.evaluate(run, large, detector="pixels", samples=16, novelty=False)
    assert scores.measures.kid.value > 0
    again = lienzo.train(large, recipe, tmp_path / "run", device="cpu")
    assert len(again.log()) == 4


def test_a_run_that_was_interrupted_says_so_when_it_grows(
    collection: Collection, recipe: Recipe, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in lienzo.steps(collection, recipe, tmp_path / "small", device="cpu"):
        break
    with pytest.raises(CollectionError, match="nowhere"):
        lienzo.grow(tmp_path / "small", collection=tmp_path / "nowhere", device="cpu")
    assert "small has shown 16 of its 64 pictures" in caplog.text


def test_a_generator_from_the_middle_of_a_fade_makes_the_same_pictures(
    small_run: Run, large: Collection, tmp_path: Path
) -> None:
    path = tmp_path / "run"
    for step in growth.steps(small_run, collection=large, out=path, device="cpu"):
        if step.done == 8:
            break
    run = Run.open(path)
    state, _ = tensors.load(run.generator_path, "generator", RunError)
    assert state["fade.alpha"] == 0.5
    module = lienzo.load(run).module
    whole = module(latents(8, 0)[None])
    set_alpha(module, 0.0)
    assert not torch.equal(module(latents(8, 0)[None]), whole)
    with pytest.raises(RunError, match="is still fading in new layers of its own: let it train to the end of that"):
        lienzo.train(large, dataclasses.replace(run.recipe(), fade=0), tmp_path / "other", origin=run, device="cpu")


def test_a_run_that_was_interrupted_in_its_fade_ends_the_same(
    small_run: Run, large: Collection, tmp_path: Path
) -> None:
    whole = lienzo.grow(small_run, collection=large, out=tmp_path / "whole", device="cpu")
    for _ in range(5):
        for step in growth.steps(small_run, collection=large, out=tmp_path / "parts", device="cpu"):
            assert step.total == 32
            break
    parts = Run.open(tmp_path / "parts")
    for one, other in zip(whole.checkpoints(), parts.checkpoints(), strict=True):
        (some, _), (others, _) = (tensors.load(path, "checkpoint", RunError) for path in (one, other))
        assert some.keys() == others.keys()
        assert all(torch.equal(value, others[key]) for key, value in some.items())
    assert parts.generator_path.read_bytes() == whole.generator_path.read_bytes()
    assert [path.read_bytes() for path in parts.samples()] == [path.read_bytes() for path in whole.samples()]


def test_real_pictures_fade_as_generated_ones_do(small_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = dataclasses.replace(small_run.recipe(), objective=Relativistic())
    state = grown_state(small_run, recipe, Shape(32, 32, 3), fade=32)
    seen: list[Tensor] = []
    model = state.model

    def step(inputs: object) -> dict[str, Tensor]:
        seen.append(inputs.real[0])  # type: ignore[attr-defined]
        return {"generator_loss": torch.zeros(())}

    monkeypatch.setattr(type(model), "step", lambda self, inputs, watched, penalised: step(inputs))
    pixels = torch.randint(256, (1, 8, 32, 32, 3), dtype=torch.uint8)
    real = from_bytes(pixels)
    blurred = avg_pool2d(real[0], 2).repeat_interleave(2, 2).repeat_interleave(2, 3)
    from lienzo.training.game import StepInputs

    for part in (0.0, 0.25, 0.5, 0.75, 1.0, 1.0):
        assert state.networks["discriminator"].fade.alpha == part  # type: ignore[union-attr]
        state.advance([StepInputs(pixels, torch.randn(1, 8, 8))])
        torch.testing.assert_close(seen[-1], (1 - part) * blurred + part * real[0])
    assert torch.equal(seen[-1], real[0])


@pytest.mark.gpu
def test_a_captured_step_sees_the_fade(small_run: Run, large: Collection, tmp_path: Path) -> None:
    run = lienzo.grow(
        small_run, collection=large, out=tmp_path / "run", device="cuda", settings=["images=80", "fade=64"]
    )
    assert [line["fade"] for line in run.log()] == [min(1.0, i / 8) for i in range(10)]
    assert tensors.load(run.generator_path, "generator", RunError)[0]["fade.alpha"] == 1


def test_what_grew_grows_again(small_run: Run, large: Collection, pictures: Path, tmp_path: Path) -> None:
    once = lienzo.grow(small_run, collection=large, out=tmp_path / "once", device="cpu", settings=["images=16"])
    huge = lienzo.prepare(pictures, tmp_path / "huge", size=64, enlarge=True, workers=1)
    twice = lienzo.grow(once, 64, collection=huge, out=tmp_path / "twice", device="cpu", settings=["images=8"])
    assert twice.recipe().network == DCGAN(8, 8, grown=2)
    state = grown_state(once, once.recipe(), Shape(64, 64, 3), fade=8)
    z = latents(8, 3)[None]
    assert torch.equal(state.shown.eval()(z), enlarged(lienzo.load(once).module(z)))


def test_without_a_fade_the_new_layers_are_there_at_once(small_run: Run, large: Collection, tmp_path: Path) -> None:
    run = lienzo.grow(small_run, collection=large, out=tmp_path / "run", device="cpu", settings=["images=8", "fade=0"])
    assert "fade" not in run.log()[0]
    assert run.recipe().fade == 0


def test_the_pictures_are_prepared_once_more_beside_the_collection(
    pictures: Path,
    recipe: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    art = lienzo.prepare(pictures, tmp_path / "art-16", size=16, holdout=0.2, background="grey", workers=1)
    short = dataclasses.replace(recipe, images=8)
    run = lienzo.train(art, short, tmp_path / "a", device="cpu")
    caplog.set_level("INFO", "lienzo")
    grown = lienzo.grow(run, 32, device="cpu")
    assert f"Preparing the pictures of {art.path} at 32 pixels in {tmp_path / 'art-32'}." in caplog.text
    assert grown.path == tmp_path / "a-32"
    prepared = Collection.open(tmp_path / "art-32")
    assert prepared.settings == art.settings | {"height": 32, "width": 32}
    assert grown.manifest()["collection"]["fingerprint"] == prepared.fingerprint
    assert growth.grown_path(grown) == tmp_path / "a-64"

    pictures_gone = tmp_path / "elsewhere"
    monkeypatch.setattr(preparation, "steps", None)  # what is there is not prepared again
    lienzo.grow(run, 32, device="cpu", out=pictures_gone)


def test_the_pictures_of_a_collection_at_a_url_are_prepared_in_the_present_folder(
    pictures: Path, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not beside its local copy, in a cache that may be deleted at any time."""
    monkeypatch.setenv("LIENZO_CACHE", str(tmp_path / "cache"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    url = (tmp_path / "store" / "art-16").as_uri()
    lienzo.prepare(pictures, url, size=16, workers=1)
    run = lienzo.train(url, dataclasses.replace(recipe, images=8), device="cpu")
    before = sorted((tmp_path / "cache").rglob("*"))
    grown = lienzo.grow(run, 32, device="cpu")
    assert Path(grown.manifest()["collection"]["path"]) == tmp_path / "here" / "art-32"
    assert sorted((tmp_path / "cache").rglob("*")) == before
    shutil.rmtree(tmp_path / "cache")
    Collection.open(url)  # whose copy knows its name again
    assert growth._beside(run) == Path("art-32")


def test_sources_that_are_gone_are_reported_in_one_sentence(paint: Paint, recipe: Recipe, tmp_path: Path) -> None:
    folder = paint(tmp_path / "pictures", 24, 40, 48)
    art = lienzo.prepare(folder, tmp_path / "art", size=16, workers=1)
    run = lienzo.train(art, dataclasses.replace(recipe, images=8), tmp_path / "run", device="cpu")
    folder.rename(tmp_path / "moved")
    with pytest.raises(
        SourceError, match=r"art cannot be prepared at 32 pixels \(.*pictures.*\): bring .*--collection"
    ):
        lienzo.grow(run, device="cpu")
    assert not (tmp_path / "run-32").exists()


def test_labels_of_a_table_are_not_guessed(paint: Paint, recipe: Recipe, tmp_path: Path) -> None:
    folder = paint(tmp_path / "pictures", 24, 40, 48)
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    table = tmp_path / "styles.csv"
    table.write_text("file,style\n" + "".join(f"{name},style{i % 2}\n" for i, name in enumerate(names)))
    art = lienzo.prepare(folder, tmp_path / "art", size=16, labels=table, workers=1)
    run = lienzo.train(art, dataclasses.replace(recipe, images=8), tmp_path / "run", device="cpu")
    with pytest.raises(CollectionError, match=r"has the labels of a table, styles.csv: prepare .* at 32 pixels"):
        lienzo.grow(run, device="cpu")


def titled(folder: Path) -> list[str]:
    """Write a table that gives each picture a title of its own, its name; return the names."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    (folder / "metadata.csv").write_text("file_name,title\n" + "".join(f"{name},{name}\n" for name in names))
    return names


def test_columns_of_labels_are_those_of_the_collection(paint: Paint, recipe: Recipe, tmp_path: Path) -> None:
    """Of the columns that are not labels by themselves too, since no value repeats."""
    folder = paint(tmp_path / "pictures", 24, 40, 48)
    names = titled(folder)
    art = lienzo.prepare(folder, tmp_path / "art-16", size=16, label_columns=("title",), workers=1)
    assert sorted(art.vocabularies["title"]) == names
    assert lienzo.prepare(folder, art.path, size=16, label_columns=("title",), workers=1) == art
    with pytest.raises(CollectionError, match=r"prepared with label_columns = \['title'\], not the default"):
        lienzo.prepare(folder, art.path, size=16, workers=1)
    run = lienzo.train(art, dataclasses.replace(recipe, images=8), tmp_path / "run", device="cpu")
    lienzo.grow(run, device="cpu", settings=["images=8"])
    assert Collection.open(tmp_path / "art-32").vocabularies["title"] == art.vocabularies["title"]


def test_columns_that_an_older_collection_does_not_tell_are_not_compared(paint: Paint, tmp_path: Path) -> None:
    folder = paint(tmp_path / "pictures", 4, 40, 48)
    titled(folder)
    art = lienzo.prepare(folder, tmp_path / "art", size=16, label_columns=("title",), workers=1)
    manifest = json.loads((art.path / "collection.json").read_text())
    del manifest["settings"]["label_columns"]
    (art.path / "collection.json").write_text(json.dumps(manifest))
    assert lienzo.prepare(folder, art.path, size=16, label_columns=("title",), workers=1).count == art.count


def test_a_collection_of_another_making_is_not_taken(pictures: Path, recipe: Recipe, tmp_path: Path) -> None:
    art = lienzo.prepare(pictures, tmp_path / "art-16", size=16, workers=1)
    lienzo.prepare(pictures, tmp_path / "art-32", size=32, geometry="squash", workers=1)
    run = lienzo.train(art, dataclasses.replace(recipe, images=8), tmp_path / "run", device="cpu")
    with pytest.raises(CollectionError, match=r"art-32 was prepared in another way than .*art-16: .*--collection"):
        lienzo.grow(run, device="cpu")


@pytest.mark.parametrize("size", [16, 64, "32x64"])
def test_any_size_but_twice_is_refused(small_run: Run, size: int | str) -> None:
    with pytest.raises(RunError, match=f"grows to 32 pixels, not to {size}: each run doubles the size once"):
        lienzo.grow(small_run, size)


def test_a_conditional_run_grows_with_its_labels(
    small: Collection, large: Collection, pictures: Path, recipe: Recipe, tmp_path: Path
) -> None:
    labelled = dataclasses.replace(recipe, labels="folder", label_start=0.5, images=16)
    run = lienzo.train(small, labelled, tmp_path / "run", device="cpu")
    grown = lienzo.grow(run, collection=large, out=tmp_path / "grown", device="cpu")
    assert grown.recipe().label_start == 0  # it knows them already
    vocabulary = lienzo.load(grown).vocabulary
    assert vocabulary is not None
    assert vocabulary.names == ("fields", "waves")
    fields = lienzo.prepare(pictures / "fields", tmp_path / "fields", size=32, workers=1)
    with pytest.raises(CollectionError, match="has other labels of the kind folder"):
        lienzo.grow(run, collection=fields, out=tmp_path / "other", device="cpu", settings=["batch=4"])
    for other, kind in ((run, ""), (lienzo.train(small, recipe, tmp_path / "plain", device="cpu"), "folder")):
        with pytest.raises(RecipeError, match="knows: leave labels alone"):
            lienzo.grow(other, collection=large, out=tmp_path / "other", device="cpu", settings=[f"labels={kind}"])


def test_a_grown_run_is_made_longer_by_its_own_command(small_run: Run, large: Collection, tmp_path: Path) -> None:
    """Its new layers were faded in over half of its length as it was, which its damaged recipe need not say."""
    for images in (16, 32):
        if (tmp_path / "grown").exists():
            Run(tmp_path / "grown").recipe_path.write_text("name = ", encoding="utf-8")
        settings = [f"images={images}", "cool_down=0"]
        grown = lienzo.grow(small_run, collection=large, out=tmp_path / "grown", device="cpu", settings=settings)
        assert (grown.recipe().images, grown.recipe().fade) == (images, 8)


@pytest.mark.parametrize("setting", ["network.width=4", "network.grown=2", "network.discriminator_norm=none"])
def test_networks_that_do_not_fit_leave_nothing_behind(
    small_run: Run, large: Collection, tmp_path: Path, setting: str
) -> None:
    with pytest.raises(RecipeError, match="leave the keys of network alone"):
        lienzo.grow(small_run, collection=large, out=tmp_path / "run", device="cpu", settings=[setting])
    with pytest.raises(CollectionError, match=r"pictures of 16 pixels, and .* grows to 32:"):
        lienzo.grow(
            small_run, collection=small_run.manifest()["collection"]["path"], out=tmp_path / "run", device="cpu"
        )
    assert not (tmp_path / "run").exists()


def test_a_grown_run_goes_on_with_other_pictures_without_another_fade(
    small_run: Run, large: Collection, tmp_path: Path
) -> None:
    grown = lienzo.grow(small_run, collection=large, out=tmp_path / "grown", device="cpu")
    with pytest.raises(RunError, match="has all layers that fade would bring in: set fade=0"):
        lienzo.train(large, grown.recipe(), tmp_path / "other", origin=grown, device="cpu")
    lienzo.train(large, dataclasses.replace(grown.recipe(), fade=0), tmp_path / "other", origin=grown, device="cpu")


def refusals() -> dict[str, tuple[Callable[[Recipe], object], str]]:
    return {
        "perceptron": (lambda recipe: configurations.grown(MLP()), "networks of the class mlp do not grow"),
        "odd width": (lambda recipe: DCGAN(width=6, grown=2), "width is 6, which cannot be halved 2 times"),
        "negative": (lambda recipe: DCGAN(grown=-1), "network.grown is -1, but has to be at least 0"),
        "too small": (lambda recipe: DCGAN(8, 8, grown=2).generator(Shape(16, 16, 3)), "16×16×3 are too small"),
        "nothing to fade": (lambda recipe: dataclasses.replace(recipe, fade=8), "and this one has none"),
        "too long": (lambda recipe: dataclasses.replace(recipe, network=DCGAN(8, 8, grown=1), fade=65), "fade is 65"),
        "autoencoder": (
            lambda recipe: dataclasses.replace(recipe, network=DCGAN(8, 8, grown=1), objective=EvidenceBound()),
            "an autoencoder does not grow",
        ),
    }


@pytest.mark.parametrize("name", refusals())
def test_what_cannot_be_is_refused(name: str, recipe: Recipe) -> None:
    make, message = refusals()[name]
    with pytest.raises(RecipeError, match=message):
        make(recipe)


def test_the_command(small_run: Run, large: Collection, tmp_path: Path, command: Command) -> None:
    words = ["grow", small_run.path, "--size", 32, "--collection", large.path, "--out", tmp_path / "run"]
    words += ["--images", 16, "--fade", 8, "--set", "batch=4", "--device", "cpu"]
    status, out, said = command(*words)
    assert (status, out) == (0, f"{tmp_path / 'run'}\n"), said
    assert "training: 16 of 16" in said
    recipe = Run(tmp_path / "run").recipe()
    assert (recipe.images, recipe.fade, recipe.batch) == (16, 8, 4)
    assert "has shown" not in said
    status, out, _ = command(*words, "--json")
    assert (status, json.loads(out)["images"]) == (0, 16)
    for wrong in (["--size", 64], ["--epochs", 1], ["--collection", tmp_path / "nowhere"]):
        status, out, said = command(*words, *wrong)
        assert (status, out, said.count("\n")) == (2, "", 1), said
    assert command("grow", large.path)[0] == 2
    with pytest.raises(InputError, match="is no run"):
        lienzo.grow(large.path)


def test_the_collection_of_an_older_run_is_found_from_elsewhere(
    small_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Older runs name it relative to the folder in which they were begun, which lies above the run's."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copytree(small_run.path, home / "runs" / "a")
    manifest = small_run.manifest()
    shutil.copytree(manifest["collection"]["path"], home / "art")
    run = Run(home / "runs" / "a")
    run.write_manifest({**manifest, "collection": {**manifest["collection"], "path": "art"}})
    monkeypatch.chdir(elsewhere)
    going = growth.steps(run, settings=["images=8", "batch=4"], device="cpu")
    next(going)
    going.close()
    assert list(home.glob("art-*"))
