"""Labels: how they travel from the collection through both networks to what is asked of a generator."""

import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Command
from PIL import Image
from torch import Tensor, nn

import lienzo
from lienzo.collection.collection import Collection
from lienzo.collection.vocabulary import Vocabulary
from lienzo.errors import CollectionError, InputError, RecipeError, RunError, ScoreError
from lienzo.evaluation.evaluation import evaluate
from lienzo.evaluation.scores import lines
from lienzo.metrics.estimate import Estimate
from lienzo.networks.conditions import LabelProjection, introduce_labels, mismatched
from lienzo.networks.configurations import DCGAN, MLP, NETS, Network, Residual, grown
from lienzo.networks.shape import Shape
from lienzo.networks.statistics import MinibatchDeviation
from lienzo.recipe.catalogue import conditional
from lienzo.recipe.objectives import Hinge, Regularisation, Relativistic, Wasserstein
from lienzo.recipe.recipe import Recipe
from lienzo.storage import tensors
from lienzo.training import open_run
from lienzo.training.batches import Batches
from lienzo.training.default_recipe import recipe_or_default
from lienzo.training.game import Game, StepInputs
from lienzo.training.inputs import InputPipeline
from lienzo.training.kid_monitor import KIDMonitor
from lienzo.training.optimizers import Adam
from lienzo.training.origin import Origin
from lienzo.training.state import State

CPU = torch.device("cpu")
COLOURS = {"blue": (0, 2, 40), "red": (2, 0, 20)}
"""Label -> the channel that is bright, the one that is dark, how many pictures."""

UNLABELLED = 4


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """Give 60 pictures, blue or red as their label says, and four of either colour without one."""
    folder = tmp_path_factory.mktemp("colours")
    (folder / "pictures").mkdir()
    rows = ["file,colour"]
    source = np.random.default_rng(0)
    wanted = [name for name, (_, _, count) in COLOURS.items() for _ in range(count)]
    for i, name in enumerate([*wanted, *(["blue", "red"] * (UNLABELLED // 2))]):
        picture = source.integers(60, 200, (4, 4, 3), np.uint8)
        dark, bright, _ = COLOURS[name]
        picture[:, :, dark] //= 8
        picture[:, :, bright] = 255 - picture[:, :, bright] // 8
        image = Image.fromarray(picture).resize((24, 24), Image.Resampling.BICUBIC)
        image.save(folder / "pictures" / f"{i:02}.png")
        rows.append(f"{i:02}.png,{name if i < len(wanted) else ''}")
    (folder / "colours.csv").write_text("\n".join(rows), encoding="utf-8")
    return lienzo.prepare(
        folder / "pictures", folder / "colours-16", size=16, labels=str(folder / "colours.csv"), workers=1,
        detect_damage=False,
    )  # fmt: skip


def small(**changes: object) -> Recipe:
    network = DCGAN(latents=8, width=8, self_modulation=True)
    settings = {"network": network, "labels": "colour", "batch": 16, "images": 64, "tick": 32, "samples": 8}
    settings |= {"label_start": 0.0, "mismatched_labels": False, "precision": "fp32"}
    return dataclasses.replace(conditional(), **(settings | changes))


@pytest.fixture(scope="module")
def trained(colours: Collection, tmp_path_factory: pytest.TempPathFactory) -> lienzo.Run:
    """Give a run that has learnt two colours in a few hundred steps."""
    recipe = small(images=6_400, sample_every=6_400, average_half_life=500)
    return lienzo.train(colours, recipe, tmp_path_factory.mktemp("trained") / "run", device="cpu")


def test_labels_begin_to_count_after_a_share_of_the_training(colours: Collection, tmp_path: Path) -> None:
    """Until then steps have no labels, also those that are prepared together; the pictures are the same ones."""
    recipe = small(label_start=0.625)
    pipelines = [
        InputPipeline(each, Batches(colours, each.seed, CPU, each.labels, each.balanced))
        for each in (recipe, dataclasses.replace(recipe, label_start=0.0))
    ]
    for chunk in (1, 3):
        pipelines[0].chunk = pipelines[1].chunk = chunk
        with pipelines[0].stream(0) as late, pipelines[1].stream(0) as early:
            for clock, steps in zip(range(0, 96, 16), zip(late, early, strict=False), strict=False):
                assert torch.equal(steps[0].real, steps[1].real)
                assert steps[1].labels is not None
                assert steps[1].labels.any()
                if clock < 40:
                    assert steps[0].labels is None
                else:
                    assert steps[0].labels is not None
                    assert torch.equal(steps[0].labels, steps[1].labels)


def test_a_run_learns_labels_after_it_learnt_to_paint(
    colours: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its weights for labels begin small, stay as they are until labels count, and begin to learn as new ones do then.

    Adam would move weights whose gradients had been zero for long by many times its rate.
    """
    monkeypatch.setattr(open_run, "SAVE_SECONDS", 0.0)
    recipe = small(label_start=0.5, average_half_life=0)
    run = lienzo.train(colours, recipe, tmp_path / "run", device="cpu")
    saved = [tensors.load(run.checkpoint_path(images), "checkpoint", RunError)[0] for images in (32, 64)]
    weights = [each["generator/embedding.weight"] for each in saved]
    taken = [{float(value) for key, value in each.items() if key.endswith("/step")} for each in saved]
    assert taken == [{0.0, 2.0}, {2.0, 4.0}]
    assert torch.allclose(weights[0].norm(dim=1), torch.full((2,), 0.25 * 8**0.5))
    assert not torch.equal(*weights)
    whole = run.generator_path.read_bytes()
    parts = tmp_path / "parts"
    next(lienzo.steps(colours, recipe, parts, device="cpu"))
    assert lienzo.train(colours, recipe, parts, device="cpu").generator_path.read_bytes() == whole


def test_a_start_of_labels_needs_labels() -> None:
    with pytest.raises(RecipeError, match="label_start is when labels begin to count: set labels"):
        small(labels="", label_start=0.5, balanced=False)
    with pytest.raises(RecipeError, match="which leaves no step of 160 pictures for labels"):
        small(label_start=0.95, images=160)
    for share in (-0.1, 1.0, 160_000):
        with pytest.raises(RecipeError, match=f"label_start is {share}, but it is a share of the training"):
            small(label_start=share)


def test_a_run_has_another_length_until_its_labels_begin(colours: Collection, tmp_path: Path) -> None:
    """It becomes what it would have been with that length from the beginning; later the length is fixed."""
    recipe = small(label_start=0.5, images=96, tick=16, cool_down=0.0)
    for _ in itertools.islice(lienzo.steps(colours, recipe, tmp_path / "run", device="cpu"), 2):
        pass
    other = dataclasses.replace(recipe, images=64)
    whole = lienzo.train(colours, other, tmp_path / "whole", device="cpu")
    run = lienzo.train(colours, other, tmp_path / "run", device="cpu")
    assert run.generator_path.read_bytes() == whole.generator_path.read_bytes()
    with pytest.raises(RunError, match="its labels have begun to count: after 64 they cannot become 96"):
        lienzo.train(colours, recipe, tmp_path / "run", device="cpu")
    for _ in itertools.islice(lienzo.steps(colours, recipe, tmp_path / "begun", device="cpu"), 2):
        pass
    with pytest.raises(RunError, match="its labels would have begun to count: after 32"):
        lienzo.train(colours, dataclasses.replace(recipe, images=48), tmp_path / "begun", device="cpu")


def test_labels_that_begin_twice_are_as_after_once() -> None:
    generator = DCGAN(latents=100, width=8).generator(Shape(16, 16, 3), 7)
    introduce_labels(generator)
    once = generator.state_dict()["embedding.weight"].clone()
    introduce_labels(generator)
    assert torch.equal(generator.state_dict()["embedding.weight"], once)


def test_labels_are_taken_over_by_name(colours: Collection, trained: lienzo.Run) -> None:
    """What was learnt for one name is not given to another: other labels are learnt anew."""
    origin, shape = Origin.open(trained), Shape(16, 16, 3)
    assert (origin.labels, origin.names) == ("colour", ("blue", "red"))
    state, other = State(small(), shape, CPU, classes=2), State(small(), shape, CPU, classes=2)
    origin.copy_into(state, ["blue", "red"])
    origin.copy_into(other, ["green", "red"])
    learnt = origin.networks["generator"]
    for given, same in ((state, True), (other, False)):
        weights = given.networks["generator"].state_dict()
        assert torch.equal(weights["embedding.weight"], learnt["embedding.weight"]) == same
        assert all(torch.equal(weights[key], value) for key, value in learnt.items() if "embedding" not in key)
    larger = State(small(network=grown(small().network), fade=8), Shape(32, 32, 3), CPU, classes=2)
    origin.copy_into(larger, ["green", "red"])
    assert not torch.equal(larger.networks["generator"].state_dict()["embedding.weight"], learnt["embedding.weight"])


def test_a_recipe_that_nobody_named_has_the_labels_of_its_origin(
    colours: Collection, trained: lienzo.Run, tmp_path: Path
) -> None:
    chosen = recipe_or_default(None, colours, None, "cpu", trained)
    assert (chosen.labels, chosen.network) == ("colour", trained.recipe().network)
    run = lienzo.train(colours, dataclasses.replace(chosen, images=16), tmp_path / "run", origin=trained, device="cpu")
    assert run.manifest()["collection"]["labels"] == ["blue", "red"]


def test_networks_that_know_labels_are_not_kept_from_them(
    colours: Collection, trained: lienzo.Run, tmp_path: Path
) -> None:
    recipe = small(label_start=0.5)
    with pytest.raises(RunError, match="knows the labels that label_start would keep from it: set label_start=0"):
        lienzo.train(colours, recipe, tmp_path / "run", origin=trained, device="cpu")


def test_mismatched_labels_need_other_pictures_beside_each(colours: Collection, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="every part of a batch is a single picture here"):
        lienzo.train(colours, small(mismatched_labels=True, accumulate=16), tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


def test_mismatched_labels_need_two_labels(colours: Collection, tmp_path: Path) -> None:
    pictures = colours.path.parent / "pictures"
    table = tmp_path / "table.csv"
    table.write_text("file,colour\n" + "".join(f"{path.name},red\n" for path in sorted(pictures.iterdir())))
    single = lienzo.prepare(pictures, tmp_path / "single", size=16, labels=str(table), workers=1, detect_damage=False)
    with pytest.raises(RecipeError, match="the training pictures have only one of the kind colour"):
        lienzo.train(single, small(mismatched_labels=True), tmp_path / "run", device="cpu")


def test_the_best_generator_knows_its_labels(
    colours: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A better score from before they count is no reason to keep what does not know them."""
    scores = iter((0.1, 0.3, 0.2))
    monkeypatch.setattr(KIDMonitor, "__init__", lambda self, *_: setattr(self, "seconds", 0.0))
    monkeypatch.setattr(KIDMonitor, "kid", lambda *_: Estimate(next(scores), 0.01))
    recipe = small(label_start=0.5, images=96, tick=32, evaluate_every=32)
    run = lienzo.train(colours, recipe, tmp_path / "run", device="cpu")
    assert [line["kid"] for line in run.log()] == [0.1, 0.3, 0.2]
    assert lienzo.load(run.best_path).header["images"] == 96


def test_mismatched_labels_contradict_only_what_is_known() -> None:
    labels = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 0], [0, 0, 1]])
    others, contradict = mismatched(labels)
    assert torch.equal(others, labels[[4, 0, 1, 2, 3]])
    assert contradict.tolist() == [True, True, False, False, False]


@pytest.mark.parametrize("network", [MLP(8, 8), Residual(8, "XS"), DCGAN(8, 8, minibatch_deviation=False)])
def test_a_discriminator_judges_several_labels_in_one_pass(network: Network) -> None:
    discriminator = network.discriminator(Shape(16, 16, 3), 3).eval()
    images, labels = torch.rand(4, 3, 16, 16), torch.eye(3)[[0, 1, 2, 2]]
    for weight in discriminator.parameters():
        torch.nn.init.normal_(weight, std=0.1)
    both = discriminator(images, torch.stack([labels, labels.flip(0)]))
    for logits, y in zip(both, (labels, labels.flip(0)), strict=True):
        assert torch.allclose(logits, discriminator(images, y), atol=1e-5)
    assert not torch.allclose(both[0], both[1])


@pytest.mark.parametrize("regularisation", [Regularisation(), Regularisation(r1=1.0)])
def test_real_pictures_with_labels_of_others_are_refused(regularisation: Regularisation) -> None:
    """The loss is that of the paper: half of what is refused are generated pictures, where labels contradict nothing
    all of it."""
    network, labels = MLP(8, 8), torch.tensor([[1.0, 0], [0, 1], [0, 1], [0, 0]])
    real, fake = torch.rand(2, 4, 3, 8, 8) * 2 - 1
    losses, scores = [], []
    for refuse in (True, False):
        torch.manual_seed(0)
        players = network.generator(Shape(8, 8, 3), 2), network.discriminator(Shape(8, 8, 3), 2)
        torch.nn.init.normal_(players[1].get_submodule("projection").weight)
        right, generated = players[1](real, labels), players[1](fake, labels)
        wrong = players[1](real, labels.roll(1, 0))
        optimizers = [Adam(player.parameters(), 1e-3, (0.0, 0.99)) for player in players]
        game = Game(*players, Hinge(), *optimizers, regularisation, mismatched_labels=refuse)
        measures = game.discriminator_step(real, fake, labels=labels)
        losses.append(measures["discriminator_loss"])
        scores.append((measures["real_score"], measures["fake_score"]))
    refused = torch.cat([generated, torch.stack([generated[0], wrong[1], generated[2], generated[3]])])
    assert torch.allclose(losses[0], Hinge().discriminator(right, refused))
    assert torch.allclose(losses[1], Hinge().discriminator(right, generated))
    assert not torch.allclose(losses[0], losses[1])
    assert torch.allclose(torch.tensor(scores[0]), torch.tensor(scores[1]))


def test_mismatched_labels_train(colours: Collection, tmp_path: Path) -> None:
    for settings in (["accumulate=2"], ["objective.name=non-saturating", "regularisation.r1=0.1"]):
        recipe = small(mismatched_labels=True).with_settings(settings)
        run = lienzo.train(colours, recipe, tmp_path / settings[0], device="cpu")
        assert run.log()[-1]["images"] == 64
    with pytest.raises(RecipeError, match="mismatched_labels are those of other pictures: set labels"):
        small(labels="", balanced=False, mismatched_labels=True)
    with pytest.raises(RecipeError, match="no place for mismatched_labels"):
        small(mismatched_labels=True, objective=Relativistic())


# What is asked for

STYLES = Vocabulary("style", {"baroque": 60, "Bosch, 1500": 30, "cubism": 0}, unlabelled=10)


@pytest.mark.parametrize(("text", "row"), [
    ("baroque", [1, 0, 0]), ("Bosch, 1500", [0, 1, 0]), ("", [0, 0, 0]), ("baroque=0.7,cubism=0.3", [0.7, 0, 0.3]),
    ("cubism = 3, Bosch, 1500 = 1", [0, 0.25, 0.75]), ("cubism=.5", [0, 0, 1]), ("baroque=1,cubism=0", [1, 0, 0]),
])  # fmt: skip
def test_a_label_is_a_row_of_numbers(text: str, row: list[float]) -> None:
    assert STYLES.row(text).tolist() == pytest.approx(row)


@pytest.mark.parametrize(("text", "said"), [
    ("cubsim", "unknown style 'cubsim': did you mean 'cubism'?"),
    ("baroque=0.5,cubsim=0.5", "unknown style 'cubsim': did you mean 'cubism'?"),
    ("baroque=much", "unknown style 'baroque=much': did you mean 'baroque'?"), ("cubism=0", "a mixture of nothing"),
])  # fmt: skip
def test_labels_that_are_not_known_are_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said.replace("?", r"\?")):
        STYLES.row(text)


def test_seeds_draw_labels_as_often_as_training_pictures_carry_them() -> None:
    drawn = [STYLES.drawn(seed) for seed in range(3_000)]
    assert drawn == [STYLES.drawn(seed) for seed in range(3_000)]
    shares = {name: drawn.count(name) / 3_000 for name in (*STYLES.names, "")}
    for name, share in {"baroque": 0.6, "Bosch, 1500": 0.3, "cubism": 0, "": 0.1}.items():
        assert shares[name] == pytest.approx(share, abs=5 * (share * (1 - share) / 3_000) ** 0.5)


# The networks


def rows(*rows: list[float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float32)


@pytest.mark.parametrize("name", NETS)
def test_every_network_learns_labels_with_every_weight(name: str) -> None:
    torch.manual_seed(0)
    network, shape = NETS[name](width=16, latents=5), Shape(16, 16, 3)  # type: ignore[call-arg]
    generator, discriminator = network.generator(shape, 2), network.discriminator(shape, 2)
    with torch.no_grad():
        for parameter in [*generator.parameters(), *discriminator.parameters()]:
            parameter.add_(torch.randn_like(parameter), alpha=0.1)  # residual blocks begin as nothing
    y = rows([1, 0], [0, 1], [0.5, 0.5], [0, 0])
    discriminator(generator(torch.randn(4, 5), y), y).square().sum().backward()
    for parameter in [*generator.parameters(), *discriminator.parameters()]:
        assert parameter.grad is not None
        assert parameter.grad.any()


@pytest.mark.parametrize("name", NETS)
def test_a_missing_label_is_as_if_none_were_given_and_others_change_what_is_made(name: str) -> None:
    torch.manual_seed(0)
    network, shape = NETS[name](width=8, latents=5), Shape(16, 16, 3)  # type: ignore[call-arg]
    generator, discriminator = network.generator(shape, 2).eval(), network.discriminator(shape, 2).eval()
    z = torch.randn(1, 5)
    images = torch.randn(1, 3, 16, 16)
    for make in (lambda y: generator(z, y), lambda y: discriminator(images, y)):
        assert torch.equal(make(rows([0, 0])), make(None))
        one, other = make(rows([1, 0])), make(rows([0, 1]))
        assert not torch.allclose(one, make(None), rtol=1e-4, atol=0)
        assert not torch.allclose(one, other, rtol=1e-4, atol=0)


def test_a_discriminator_adds_the_product_of_the_label_and_the_features_it_reads() -> None:
    torch.manual_seed(0)
    discriminator = DCGAN(width=4, discriminator_norm="none").discriminator(Shape(16, 16, 3), 3)
    images, y = torch.randn(2, 3, 16, 16), rows([0.25, 0, 0.75], [0, 1, 0])
    features = nn.Sequential(*[*discriminator.layers][:-1])(images)
    added = torch.stack([
        sum(y[n, c] * (discriminator.projection.weight[c] @ features[n].sum((1, 2))) for c in range(3)) for n in (0, 1)
    ])  # fmt: skip
    torch.testing.assert_close(discriminator(images, y), discriminator(images) + added)


def test_spectral_normalisation_bounds_the_projection_too() -> None:
    torch.manual_seed(0)
    discriminator = DCGAN(width=4, discriminator_norm="spectral").discriminator(Shape(16, 16, 3), 3)
    for _ in range(50):
        discriminator(torch.randn(2, 3, 16, 16), rows([1, 0, 0], [0, 1, 0]))
    assert isinstance(discriminator.projection, LabelProjection)
    assert torch.linalg.matrix_norm(discriminator.projection.weight, 2).item() == pytest.approx(1, abs=0.02)


def test_the_deviation_of_a_batch_is_that_of_pictures_with_the_same_label() -> None:
    torch.manual_seed(0)
    y = rows([1, 0], [1, 0], [0, 1], [0, 1], [0, 0])
    same = torch.randn(3, 2, 4, 4)[[0, 0, 1, 1, 2]]  # one picture of each label, another without
    apart = MinibatchDeviation()(same[[0, 2, 4]], torch.eye(3))  # each label once: compared with all
    assert torch.equal(apart, MinibatchDeviation()(same[[0, 2, 4]]))
    alike = MinibatchDeviation()(same[:4], y[:4])[:, 2]
    assert alike.max() < 1e-3
    assert MinibatchDeviation()(same[:4])[:, 2].min() > 0.1
    assert MinibatchDeviation()(same, y)[:, 2].min() > 0.1  # who has no label is compared with all
    noise = torch.randn(5, 2, 4, 4)
    within = MinibatchDeviation()(same + 0.1 * noise, rows(*[[1, 0]] * 5))
    torch.testing.assert_close(within, MinibatchDeviation()(same + 0.1 * noise), rtol=1e-4, atol=1e-4)
    with torch.autocast("cpu", torch.bfloat16):  # pictures that are alike are so in every precision
        torch.testing.assert_close(MinibatchDeviation()(same[:4], y[:4])[:, 2], alike)


# The collection


def test_every_picture_comes_with_its_label(colours: Collection) -> None:
    batches = Batches(colours, 0, CPU, "colour")
    assert batches.vocabulary == Vocabulary("colour", {"blue": 40, "red": 20}, UNLABELLED)
    pictures, y = batches.take(batches.rows(50, 200)).float().mean((1, 2)), batches.labels(batches.rows(50, 200))
    assert set(map(tuple, y.tolist())) == {(1, 0), (0, 1), (0, 0)}
    labelled = y.any(1)
    assert torch.equal((pictures[:, 2] > pictures[:, 0])[labelled], y[labelled, 0] == 1)


def test_a_balanced_stream_shows_labels_equally_often_and_every_picture(colours: Collection) -> None:
    size, epochs = colours.count, 6
    batches = Batches(colours, 0, CPU, "colour", balanced=True)
    y = batches.labels(batches.rows(0, epochs * size))
    assert y.sum(0).tolist() == [epochs * 30, epochs * 30]
    turns = y[y.any(1)].argmax(1).view(-1, 2)
    assert torch.equal(turns.sort(1).values, torch.tensor([0, 1]).expand(len(turns), 2))  # each has one in every round
    assert turns.unique(dim=0).shape == (2, 2)  # in either order
    shown = np.bincount(batches.rows(0, epochs * size), minlength=size)
    codes = colours.labels("colour")
    assert set(shown[codes == 0]) <= {4, 5}  # 180 turns of 40 pictures
    assert set(shown[codes == 1]) == {9}  # 180 turns of 20
    assert set(shown[codes == -1]) == {epochs}


def test_a_balanced_stream_is_a_function_of_seed_and_position(colours: Collection) -> None:
    whole = Batches(colours, 3, CPU, "colour", balanced=True).rows(0, 300)
    for position, count in ((0, 300), (63, 5), (130, 100)):
        part = Batches(colours, 3, CPU, "colour", balanced=True).rows(position, count)
        assert np.array_equal(part, whole[position : position + count])
    assert not np.array_equal(Batches(colours, 4, CPU, "colour", balanced=True).rows(0, 300), whole)


def test_kinds_of_labels_that_are_not_there_are_refused(colours: Collection, tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match=r"of the kind color, and those of .* of the kind colour: add --set"):
        lienzo.train(colours, small(labels="color"), tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()
    with pytest.raises(RecipeError, match="set labels to their kind"):
        small(labels="")


# The game


class Seen(nn.Module):
    """A player of points that notes the labels it is given: as generator x -> (x, x), as discriminator x -> Σx."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.seen: list[tuple[Tensor, Tensor]] = []

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        self.seen.append((x.detach(), y))
        return (self.weight * x).sum(1) if x.shape[1] == 2 else self.weight * x.repeat(1, 2)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_both_players_get_the_labels_of_the_real_pictures(accumulate: int) -> None:
    """Points, real and generated, are their own labels here; so are those between them."""
    generator, discriminator = Seen(), Seen()
    optimizers = [torch.optim.SGD(player.parameters(), 0.0) for player in (generator, discriminator)]
    penalty = Regularisation(gradient_penalty=10)
    game = Game(generator, discriminator, Wasserstein(), *optimizers, penalty, accumulate=accumulate)
    y = torch.arange(8.0).view(2, 4, 1)
    game.step(StepInputs(y.repeat(1, 1, 2), y, torch.rand(2, 4), labels=y))
    for player in (generator, discriminator):
        for points, labels in player.seen:
            assert torch.equal(points[:, :1], labels)
    assert len(discriminator.seen) == accumulate * (2 * 2 + 1)  # real and generated, between; then for the generator
    assert sum(len(labels) for _, labels in generator.seen) == 4 * (2 if accumulate == 1 else 3)


def test_a_round_holds_the_labels_of_its_pictures(colours: Collection) -> None:
    recipe = small(discriminator_steps=2)
    batches = Batches(colours, recipe.seed, CPU, "colour", balanced=True)
    with InputPipeline(recipe, batches).stream(64) as stream:
        first, second = itertools.islice(stream, 2)
    assert first.labels is not None
    assert second.labels is not None
    assert first.labels.shape == (2, 16, 2)
    assert torch.equal(first.labels.view(-1, 2), batches.labels(batches.rows(64, 32)))
    assert torch.equal(second.labels.view(-1, 2), batches.labels(batches.rows(96, 32)))


# A trained generator


def recovered(images: np.ndarray) -> list[str]:
    """Return the colour of each picture, by eye."""
    channels = images.mean((1, 2))
    return ["blue" if blue > red else "red" for red, _, blue in channels]


def test_the_labels_of_generated_pictures_can_be_recognised(trained: lienzo.Run) -> None:
    generator = lienzo.load(trained)
    wanted = ["blue", "red"] * 100
    found = recovered(generator.generate(range(200), wanted).images)
    assert sum(one == other for one, other in zip(found, wanted, strict=True)) > 190


def test_without_a_label_each_seed_draws_its_own(trained: lienzo.Run) -> None:
    generator = lienzo.load(trained)
    pictures = generator.generate(range(100))
    assert set(pictures.labels) == {"blue", "red", ""}
    assert np.array_equal(generator.generate(range(100), pictures.labels).images, pictures.images)
    assert generator.generate([17]).labels == pictures.labels[17:18]
    labelled = [i for i, label in enumerate(pictures.labels) if label]
    found = recovered(pictures.images)
    assert sum(found[i] == pictures.labels[i] for i in labelled) > 0.9 * len(labelled)


def test_a_mixture_lies_between_its_labels(trained: lienzo.Run) -> None:
    generator = lienzo.load(trained)
    means = [
        generator.generate(range(64), text).images[..., 0].mean()
        for text in ("blue", "blue=0.75,red=0.25", "blue=1,red=3", "red")
    ]
    assert means == sorted(means)
    assert means[0] + 20 < means[-1]


def test_samples_have_a_row_for_each_label(trained: lienzo.Run) -> None:
    with Image.open(trained.samples()[-1]) as image:
        assert image.size == (2 + 4 * 18, 2 + 2 * 18)
        wall = np.asarray(image)[1:-1, 1:-1].reshape(2, 18, 4, 18, 3)
    for row, colour in zip(wall, COLOURS, strict=True):
        assert recovered(row[1:-1].transpose(1, 0, 2, 3)[:, :, 1:-1]) == [colour] * 4


def test_an_interruption_changes_nothing(colours: Collection, tmp_path: Path) -> None:
    whole = lienzo.train(colours, small(), tmp_path / "whole", device="cpu")
    next(lienzo.steps(colours, small(), tmp_path / "parts", device="cpu"))
    parts = lienzo.train(colours, small(), tmp_path / "parts", device="cpu")
    assert whole.generator_path.read_bytes() == parts.generator_path.read_bytes()


def test_labels_of_the_wrong_number_and_of_generators_without_any_are_refused(
    trained: lienzo.Run, run: lienzo.Run
) -> None:
    with pytest.raises(InputError, match="3 labels are not one for each of 2 seeds"):
        lienzo.load(trained).generate([1, 2], ["red"] * 3)
    with pytest.raises(InputError, match="was trained without labels"):
        lienzo.load(run).generate([1, 2], "red")


def test_the_command_generates_labels(trained: lienzo.Run, command: Command, tmp_path: Path) -> None:
    status, out, _ = command("generate", trained.path, "--label", "red", "--label", "red=1,blue=1", "--seeds", "4,5",
                             "--out", tmp_path / "new", "--json")  # fmt: skip
    assert status == 0
    made = json.loads(out)
    assert (made["seeds"], made["labels"]) == ([4, 5, 4, 5], ["red", "red", "red=1,blue=1", "red=1,blue=1"])
    names = [Path(path).name for path in made["paths"]]
    assert names[1:3] == ["seed-000005-red.png", "seed-000004-red=1,blue=1.png"]
    with Image.open(made["paths"][0]) as image:
        assert image.info["labels"] == "red"
    grid = tmp_path / "grid.png"
    assert command("generate", trained.path, "--label", "red", "--label", "blue", "--out", grid)[0] == 0
    with Image.open(grid) as image:
        assert image.size == (2 + 8 * 18, 2 + 2 * 18)
    status, _, said = command("generate", trained.path, "--label", "blu", "--out", grid)
    assert (status, said) == (2, "lienzo: unknown colour 'blu': did you mean 'blue'? Known: blue, red.\n")
    _, out, _ = command("info", trained.generator_path, "--json")
    assert json.loads(out)["labels"] == {"kind": "colour", "counts": {"blue": 40, "red": 20}, "unlabelled": UNLABELLED}


def test_file_names_hold_any_label_and_no_two_are_alike(trained: lienzo.Run, tmp_path: Path) -> None:
    pictures = lienzo.load(trained).generate([1, 1, 1], "red")
    odd = dataclasses.replace(pictures, labels=("a/b", "a:b", "Émile Müller"))
    names = [path.name for path in odd.save(tmp_path / "odd")]
    assert names == ["seed-000001-a%2fb.png", "seed-000001-a%3ab.png", "seed-000001-Émile Müller.png"]


def test_scores_label_by_label(trained: lienzo.Run, colours: Collection, tmp_path: Path) -> None:
    settings = {"detector": "pixels", "samples": 120, "novelty": False, "device": "cpu"}
    scores = evaluate(trained, colours, labels="colour", **settings)  # type: ignore[arg-type]
    assert list(scores.labels) == ["blue", "red"]
    assert [one.reference for one in scores.labels.values()] == [40, 20]
    drawn = lienzo.load(trained).generate(range(120)).labels
    assert [one.generated for one in scores.labels.values()] == [drawn.count("blue"), drawn.count("red")]
    title, headers, *table = lines([scores])[5:]
    assert title.endswith(", label by label")
    assert headers.split()[:3] == ["scored", "real", "KID"]
    assert [line.split()[:3] for line in table] == [
        [name, str(one.generated), str(one.reference)] for name, one in scores.labels.items()
    ]
    crossed = dataclasses.replace(colours, vocabularies={"colour": ("blue", "green")})
    with pytest.raises(ScoreError, match="has the labels blue, red of the kind colour, and not those of"):
        evaluate(trained, crossed, labels="colour", **settings)  # type: ignore[arg-type]
