"""Augmentation: exact where it can be, differentiable, and only as much of it as the overfitting asks for."""

import dataclasses
import itertools
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import lienzo
from lienzo.collection.collection import Collection
from lienzo.errors import RecipeError, RunError
from lienzo.networks.shape import Shape
from lienzo.recipe.augmentation import Augmentation, Sampling
from lienzo.recipe.objectives import Hinge, NonSaturating, Regularisation, Relativistic
from lienzo.recipe.recipe import Recipe
from lienzo.storage import tensors
from lienzo.training import open_run
from lienzo.training.augmentation import CHANCES, SAFE, adapted, change, decide, flipped
from lienzo.training.batches import Batches
from lienzo.training.game import Game, StepInputs
from lienzo.training.inputs import InputPipeline
from lienzo.training.state import State

POLICIES = [policy for policy, chances in CHANCES.items() if chances]
ADA = ["slide", "slide y", "slide x", "turn", "turn by", "stretch", "stretch by", "turn again", "turn again by"]
ADA += ["scale", "scale by", "shift", "shift y", "shift x", "quarters by", "quarters", "flip", "flip or not"]
ADA += ["hole y", "hole x", "hole", "brightness", "brightness by", "contrast", "contrast by"]
ADA += ["luma", "luma or not", "hue", "hue by", "saturation", "saturation by"]
"""What each of ada's numbers of chance decides."""


def applied(augmentation: Augmentation, images: Tensor, chance: Tensor, probability: Tensor) -> Tensor:
    """Return pictures as the discriminator sees them by this chance (N, chances)."""
    chance, probability = chance.to(images.dtype), probability.to(images.dtype)
    return change(augmentation, images, decide(augmentation, chance, probability, *images.shape[2:]))


def ada(images: Tensor, colour: bool = False, sampling: Sampling = "bilinear", **chance: float) -> Tensor:
    """Apply ada at p = 0.5 with the named numbers of chance, and otherwise such that nothing happens."""
    numbers = torch.full((len(images), CHANCES["ada"]), 0.999, dtype=images.dtype)
    for name, number in chance.items():
        numbers[:, ADA.index(name.replace("_", " "))] = number
    return applied(Augmentation(policy="ada", colour=colour, sampling=sampling), images, numbers, torch.tensor(0.5))


def diffaugment(images: Tensor, down: float, right: float) -> Tensor:
    """Move pictures by DiffAugment, the hole being all it can be: in the upper left corner."""
    numbers = torch.tensor([0.5, 0.5, 0.5, down, right, 0.0, 0.0], dtype=images.dtype).expand(len(images), -1)
    return applied(Augmentation(policy="diffaugment"), images, numbers, torch.tensor(0.0))


def pictures(count: int = 3, channels: int = 3, height: int = 16, width: int = 16) -> Tensor:
    torch.manual_seed(0)
    return 2 * torch.rand(count, channels, height, width, dtype=torch.float64) - 1


def test_every_number_of_ada_has_a_name() -> None:
    assert len(ADA) == len(set(ADA)) == CHANCES["ada"]


def test_flips_are_exact_and_half_of_the_pictures() -> None:
    images = torch.randint(0, 256, (2, 3, 5, 4, 3), dtype=torch.uint8)
    chance = torch.tensor([[0.0, 0.5, 0.499], [0.9, 0.1, 0.51]])
    seen = flipped(images, chance)
    for i, j in itertools.product(range(2), range(3)):
        expected = images[i, j].numpy()[:, ::-1] if chance[i, j] < 0.5 else images[i, j].numpy()
        assert (seen[i, j].numpy() == expected).all()


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize(("channels", "height", "width"), [(1, 16, 16), (3, 24, 16), (4, 16, 20)])
def test_ada_changes_nothing_at_probability_zero(channels: int, height: int, width: int, colour: bool) -> None:
    images = pictures(64, channels, height, width).float()
    chance = torch.rand(64, CHANCES["ada"])
    augmentation = Augmentation(policy="ada", colour=colour)
    assert (applied(augmentation, images, chance, torch.tensor(0.0)) - images).abs().max() < 1e-5
    changed = applied(augmentation, images, chance, torch.tensor(0.5))
    assert ((changed - images).abs().amax((1, 2, 3)) > 0.1).float().mean() > 0.8


def test_blitting_moves_whole_pixels_exactly() -> None:
    images = pictures()
    assert torch.equal(ada(images), images)
    assert torch.equal(ada(images, flip=0.0, flip_or_not=0.1), images.flip(3))
    assert torch.equal(ada(images, flip=0.0, flip_or_not=0.9), images)
    seen = [ada(images, quarters=0.0, quarters_by=chance) for chance in (0.1, 0.3, 0.6, 0.9)]
    turns = [torch.rot90(images, k, (2, 3)) for k in range(4)]
    assert sorted(sum(k for k in range(4) if torch.equal(one, turns[k])) for one in seen) == [0, 1, 2, 3]
    down = ada(images, shift=0.0, shift_y=0.99, shift_x=0.5)  # 2 · 0.99 − 1 of an eighth of 16 pixels
    assert torch.equal(down[:, :, 2:], images[:, :, :-2])
    assert torch.equal(down[:, :, :2], images[:, :, 1:3].flip(2))  # mirrored at the border
    assert torch.equal(ada(images, shift=0.0, shift_y=0.5, shift_x=0.0)[..., :-2], images[..., 2:])


def test_pictures_that_are_no_squares_are_turned_upside_down_only() -> None:
    images = pictures(height=24, width=16)
    torch.testing.assert_close(ada(images, quarters=0.0, quarters_by=0.1), images.flip(2, 3))
    torch.testing.assert_close(ada(images, quarters=0.0, quarters_by=0.9), images)


def test_geometry_moves_what_a_plane_shows_as_it_should() -> None:
    """On a picture that grows linearly, bilinear sampling is exact wherever it stays inside."""
    y, x = torch.meshgrid(*[torch.arange(16, dtype=torch.float64) - 7.5] * 2, indexing="ij")
    plane, middle = (x + 2 * y).expand(1, 1, 16, 16), (slice(None), slice(None), slice(6, 10), slice(6, 10))
    normal = 0.75  # whose quantile of N(0, 1) is 0.6745
    quantile = math.sqrt(2) * torch.erfinv(torch.tensor(0.5)).item()
    slid = ada(plane, slide=0.0, slide_y=0.5, slide_x=normal)
    assert slid[middle] == pytest.approx((plane - quantile * 2)[middle].numpy(), abs=1e-5)
    scaled = ada(plane, scale=0.0, scale_by=normal)
    assert scaled[middle] == pytest.approx((plane / 2 ** (0.2 * quantile))[middle].numpy(), abs=1e-5)
    factor = 2 ** (0.2 * quantile)
    stretched = ada(plane, stretch=0.0, stretch_by=normal)
    assert stretched[middle] == pytest.approx((x / factor + 2 * y * factor)[6:10, 6:10].expand(1, 1, 4, 4).numpy())
    turned = ada(plane, turn=0.0, turn_by=0.5 + 0.25 / 2)  # by an eighth of a turn
    root = math.sqrt(0.5)
    assert turned[middle] == pytest.approx((root * (y + x) + 2 * root * (y - x))[6:10, 6:10].expand(1, 1, 4, 4).numpy())


def test_whole_sampling_moves_pixels_and_makes_none() -> None:
    """Rotations, stretches and scalings would mix neighbours, which the discriminator then sees no more."""
    images, chance = pictures(64).float(), torch.rand(64, CHANCES["ada"])
    chance[:, ADA.index("hole")] = 0.999
    seen = applied(Augmentation(policy="ada", sampling="whole"), images, chance, torch.tensor(0.8))
    mixed = applied(Augmentation(policy="ada"), images, chance, torch.tensor(0.8))
    assert (seen != images).flatten(1).any(1).float().mean() > 0.9
    for before, after in zip(images, seen, strict=True):
        assert set(after[0].flatten().tolist()) <= set(before[0].flatten().tolist())
    assert not set(mixed[0, 0].flatten().tolist()) <= set(images[0, 0].flatten().tolist())


def test_whole_sampling_slides_by_whole_pixels() -> None:
    images = pictures()
    quantile = math.sqrt(2) * torch.erfinv(torch.tensor(0.5)).item()  # of 0.75, in N(0, 1): 0.6745
    slid = ada(images, sampling="whole", slide=0.0, slide_y=0.75, slide_x=0.5)
    moved = round(quantile * 16 / 8)
    assert moved == 1
    assert torch.equal(slid[:, :, moved:], images[:, :, :-moved])
    for name in ("turn", "turn_again", "stretch", "scale"):
        assert torch.equal(ada(images, sampling="whole", **{name: 0.0, f"{name}_by": 0.8}), images), name


def test_bicubic_sampling_keeps_more_of_the_detail() -> None:
    """What is left of the power of pure noise, where all pictures are turned: 1 where nothing is blurred."""
    images, chance = pictures(64, height=32, width=32).float(), torch.full((64, CHANCES["ada"]), 0.999)
    chance[:, ADA.index("turn")], chance[:, ADA.index("turn by")] = 0.0, torch.rand(64)
    left = {}
    for sampling in ("whole", "bicubic", "bilinear"):
        seen = applied(Augmentation(policy="ada", sampling=sampling), images, chance, torch.tensor(0.5))
        left[sampling] = (seen.var() / images.var()).item()
    assert left["whole"] == 1
    assert left["bilinear"] == pytest.approx(4 / 9, abs=0.02)  # (1/3 + 1/3)²: the mean of (1 − t)² + t², squared
    assert 0.7 < left["bicubic"] < 0.9


def test_colours_change_as_the_papers_say() -> None:
    images = pictures(channels=4)
    paint, alpha = images[:, :3], images[:, 3:]
    grey = paint.mean(1, keepdim=True)
    quantile = math.sqrt(2) * torch.erfinv(torch.tensor(0.5)).item()
    changes = {
        ("brightness", 0.75): paint + 0.2 * quantile,
        ("contrast", 0.75): paint * 2 ** (0.5 * quantile),
        ("saturation", 0.75): grey + (paint - grey) * 2**quantile,
        ("luma", 0.1): paint - 2 * grey,
        ("hue", 0.5 + 1 / 3): paint.roll(1, 1),  # a third of a turn: red becomes green
    }
    for (name, number), expected in changes.items():
        by = f"{name}_or_not" if name == "luma" else f"{name}_by"
        seen = ada(images, colour=True, **{name: 0.0, by: number})
        assert torch.allclose(seen[:, :3], expected, atol=1e-6), name
        assert torch.equal(seen[:, 3:], alpha), name


def test_diffaugment_moves_whole_pixels_and_cuts_a_hole_with_half_the_sides() -> None:
    images = pictures(height=16, width=24)
    seen = diffaugment(images, down=0.999, right=0.0)  # by two rows down and three columns to the left
    assert (seen[:, :, :4, :6] == 0).all()  # a quarter of the hole lies inside
    assert torch.equal(seen[:, :, 4:, :-3], images[:, :, 2:-2, 3:])
    assert (seen[..., -3:] == 0).all()
    shifts = {tuple(torch.nonzero(diffaugment(images, c, 0.5)[0, 0, :, -1])[:, 0].tolist()) for c in torch.rand(200)}
    assert len(shifts) == 5  # −2 … 2
    chance = torch.rand(400, CHANCES["diffaugment"])
    seen = applied(Augmentation(policy="diffaugment"), torch.ones(400, 1, 16, 16), chance, torch.tensor(0.0))
    holes = (seen == 0).flatten(1).sum(1)
    assert holes.max() <= 64 + 2 * 32
    assert holes.min() >= 16


def test_diffaugment_without_cutout_moves_pictures_and_nothing_else() -> None:
    images, chance = pictures(3), torch.rand(3, CHANCES["diffaugment"], dtype=torch.float64)
    whole = applied(Augmentation(policy="diffaugment", cutout=False), images, chance, torch.tensor(0.0))
    holed = applied(Augmentation(policy="diffaugment"), images, chance, torch.tensor(0.0))
    assert torch.equal(holed[holed != 0], whole[holed != 0])
    assert (whole == 0).sum() < (holed == 0).sum()
    chance[:, 3:5] = 0.5  # by no pixel
    assert torch.equal(
        applied(Augmentation(policy="diffaugment", cutout=False), images, chance, torch.tensor(0.0)), images
    )


@pytest.mark.parametrize("policy", POLICIES)
def test_without_colour_no_colour_is_new(policy: str) -> None:
    """Where nothing is interpolated, pixels are those of the picture, or a hole."""
    images = pictures(32).float()
    chance = torch.rand(32, CHANCES[policy])
    if policy == "ada":
        for name in ("slide", "turn", "turn again", "stretch", "scale"):
            chance[:, ADA.index(name)] = 0.999
    seen = applied(Augmentation(policy=policy), images, chance, torch.tensor(0.8))  # type: ignore[arg-type]
    for before, after in zip(images, seen, strict=True):
        known = {tuple(pixel) for pixel in before.flatten(1).T.tolist()} | {(0.0, 0.0, 0.0)}
        assert {tuple(pixel) for pixel in after.flatten(1).T.tolist()} <= known
    changed = applied(Augmentation(policy=policy, colour=True), images, chance, torch.tensor(0.8))  # type: ignore[arg-type]
    assert not torch.allclose(changed, seen, atol=0.1)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(("channels", "height", "width"), [(1, 8, 8), (3, 8, 4), (4, 4, 8)])
def test_gradients_are_finite_differences(policy: str, channels: int, height: int, width: int) -> None:
    images = pictures(2, channels, height, width).requires_grad_()
    chance = torch.rand(2, CHANCES[policy], dtype=torch.float64)
    augmentation = Augmentation(policy=policy, colour=True)  # type: ignore[arg-type]
    weights = torch.randn(2, channels, height, width, dtype=torch.float64)

    def transformed(images: Tensor) -> Tensor:
        return (applied(augmentation, images, chance, torch.tensor(0.7)) * weights).sum((1, 2, 3)).tanh()

    assert torch.autograd.gradcheck(transformed, images)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_picture_is_changed_alike_in_any_company(policy: str) -> None:
    images, chance = pictures(8).float(), torch.rand(8, CHANCES[policy])
    augmentation = Augmentation(policy=policy, colour=True)  # type: ignore[arg-type]
    together = applied(augmentation, images, chance, torch.tensor(0.5))
    for part in (slice(0, 3), slice(3, 8)):
        assert torch.equal(applied(augmentation, images[part], chance[part], torch.tensor(0.5)), together[part])


def test_ada_changes_as_often_as_its_probability_says() -> None:
    images = pictures(1).float().expand(4000, -1, -1, -1)
    torch.manual_seed(1)
    chance = torch.rand(4000, CHANCES["ada"])
    for name in ("slide", "stretch", "scale", "shift", "quarters", "flip", "hole"):
        chance[:, ADA.index(name)] = 0.999
    seen = applied(Augmentation(policy="ada"), images, chance, torch.tensor(0.4))
    turned = (seen != images).any(1).flatten(1).any(1).float().mean().item()
    assert turned == pytest.approx(0.4, abs=0.03)  # by one rotation or the other


def test_ada_rises_where_the_discriminator_overfits_and_falls_where_not() -> None:
    augmentation = Augmentation(policy="ada", target=0.5, speed=1000)
    p = torch.tensor(0.3)
    assert adapted(augmentation, p, torch.tensor(0.9), 100).item() == pytest.approx(0.4)
    assert adapted(augmentation, p, torch.tensor(0.1), 100).item() == pytest.approx(0.2)
    assert adapted(augmentation, p, torch.tensor(0.1), 400) == 0
    assert adapted(augmentation, p, torch.tensor(0.9), 900).item() == pytest.approx(SAFE)


class Certain(nn.Module):
    """A discriminator of pictures that says the same of all."""

    def __init__(self, logit: float) -> None:
        super().__init__()
        self.logit = nn.Parameter(torch.tensor(logit))
        self.seen: list[Tensor] = []

    def forward(self, images: Tensor) -> Tensor:
        self.seen.append(images.detach())
        return self.logit.expand(len(images)) + 0 * images.sum((1, 2, 3))


class Painter(nn.Module):
    """A generator that always paints white."""

    def __init__(self) -> None:
        super().__init__()
        self.white = nn.Parameter(torch.ones(()))

    def forward(self, latents: Tensor) -> Tensor:
        return self.white.expand(len(latents), 3, 16, 16)


def game(logit: float, augmentation: Augmentation, **settings: object) -> Game:
    generator, discriminator = Painter(), Certain(logit)
    sgd = [torch.optim.SGD(player.parameters(), 0.0) for player in (generator, discriminator)]
    made = Game(generator, discriminator, NonSaturating(), sgd[0], sgd[1], augmentation=augmentation)
    return dataclasses.replace(made, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(("logit", "sign"), [(2.0, 1), (-2.0, -1)])
def test_the_game_measures_overfitting_and_moves_the_probability(logit: float, sign: int) -> None:
    trained = game(logit, Augmentation(policy="ada", speed=40), probability=torch.tensor(0.5))
    chance = torch.rand(2 + 1, 2, 4, CHANCES["ada"])
    measures = trained.step(StepInputs(torch.zeros(2, 4, 3, 16, 16), torch.zeros(2, 4, 1), chance=chance))
    assert measures["overfitting"] == sign
    assert trained.probability.item() == pytest.approx(0.5 + sign * 2 * 4 / 40)  # two updates on four pictures
    assert torch.equal(measures["augmentation_probability"], trained.probability)


@pytest.mark.parametrize("relativistic", [False, True])
def test_the_discriminator_sees_pictures_changed_by_their_own_chance_every_time(relativistic: bool) -> None:
    augmentation = Augmentation(policy="diffaugment", colour=True)
    trained = game(0.0, augmentation, objective=Relativistic() if relativistic else Hinge())
    real, chance = pictures(8).float().view(2, 4, 3, 16, 16), torch.rand(2 + 1, 2, 4, CHANCES["diffaugment"])
    trained.step(StepInputs(real, torch.zeros(2, 4, 1), chance=chance))
    white, p = torch.ones(4, 3, 16, 16), torch.tensor(0.0)
    looks = [(real[0], chance[0, 0]), (white, chance[0, 1]), (real[1], chance[1, 0]), (white, chance[1, 1])]
    looks += [(real[1], chance[2, 0])] * relativistic + [(white, chance[2, 1])]
    seen = torch.cat(trained.discriminator.seen).split(4)
    assert len(seen) == len(looks)
    for look, (images, numbers) in zip(seen, looks, strict=True):
        assert torch.equal(look, applied(augmentation, images, numbers, p))  # type: ignore[arg-type]


def test_the_generator_learns_through_the_change() -> None:
    trained = game(0.0, Augmentation(policy="diffaugment"))
    trained.discriminator = nn.Sequential(nn.Flatten(), nn.Linear(768, 1, bias=False), nn.Flatten(0))
    nn.init.ones_(trained.discriminator[1].weight)
    trained.objective = Hinge()
    chance = torch.rand(2, 4, CHANCES["diffaugment"])
    fake = trained.generator(torch.zeros(4, 1))
    trained.generator_step(torch.zeros(4, 3, 16, 16), [fake], chance)
    seen = applied(trained.augmentation, torch.ones(4, 3, 16, 16), chance[1], torch.tensor(0.0))
    assert trained.generator.white.grad == pytest.approx(-seen.sum().item() / 4)  # a hole teaches nothing


@pytest.mark.parametrize("policy", POLICIES)
def test_penalties_and_augmentation_go_together(
    policy: str, collection: Collection, recipe: Recipe, tmp_path: Path
) -> None:
    augmentation = Augmentation(policy=policy, colour=True)  # type: ignore[arg-type]
    recipe = dataclasses.replace(
        recipe, augmentation=augmentation, regularisation=Regularisation(r1=1.0, r2=1.0), images=16
    )
    run = lienzo.train(collection, recipe, tmp_path / "run", device="cpu")
    assert run.log()[-1]["r1_penalty"] > 0


def step_inputs(recipe: Recipe, collection: Collection, position: int = 0) -> StepInputs:
    with InputPipeline(recipe, Batches(collection, recipe.seed, torch.device("cpu"))).stream(position) as stream:
        return next(stream)


def test_chance_follows_from_the_position_and_changes_nothing_else(collection: Collection, recipe: Recipe) -> None:
    plain = step_inputs(recipe, collection, 16)
    assert plain.chance is None
    changed = dataclasses.replace(recipe, augmentation=Augmentation(policy="ada"), discriminator_steps=1)
    one, other, later = (step_inputs(changed, collection, position) for position in (16, 16, 24))
    assert one.chance is not None
    assert other.chance is not None
    assert later.chance is not None
    assert one.chance.shape == (2, 2, 8, CHANCES["ada"])
    assert torch.equal(one.chance, other.chance)
    assert not torch.equal(one.chance, later.chance)
    assert torch.equal(one.real, plain.real)
    assert torch.equal(one.latents, plain.latents)


def test_real_pictures_are_flipped_as_step_inputs(collection: Collection, recipe: Recipe) -> None:
    plain = step_inputs(recipe, collection).real[0]
    seen = step_inputs(dataclasses.replace(recipe, augmentation=Augmentation(flips=True)), collection).real[0]
    kept = [torch.equal(one, other) for one, other in zip(seen, plain, strict=True)]
    turned = [torch.equal(one, other.flip(1)) for one, other in zip(seen, plain, strict=True)]
    assert all(a != b for a, b in zip(kept, turned, strict=True))
    assert 0 < sum(turned) < len(turned)


@pytest.mark.parametrize("steps", [1, 2])
def test_with_ada_an_interrupted_run_ends_as_one_that_was_not(
    collection: Collection, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    monkeypatch.setattr(open_run, "SAVE_SECONDS", 0.0)
    augmentation = Augmentation(flips=True, policy="ada", colour=True, target=-0.9, speed=100)
    recipe = dataclasses.replace(recipe, augmentation=augmentation, discriminator_steps=steps)
    whole = lienzo.train(collection, recipe, tmp_path / "whole", device="cpu")
    going = lienzo.steps(collection, recipe, tmp_path / "broken", device="cpu")
    next(going)
    going.close()  # type: ignore[attr-defined]
    broken = lienzo.train(collection, recipe, tmp_path / "broken", device="cpu")
    (one, _), (other, _) = (tensors.load(run.checkpoints()[0], "checkpoint", RunError) for run in (whole, broken))
    assert one.keys() == other.keys()
    assert 0 < one["probability"] <= SAFE
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name
    assert whole.log()[-1]["augmentation_probability"] == broken.log()[-1]["augmentation_probability"] > 0


def test_grey_pictures_and_pictures_with_alpha_are_augmented(recipe: Recipe) -> None:
    for channels, policy in itertools.product((1, 4), POLICIES):
        augmentation = Augmentation(policy=policy, colour=True)  # type: ignore[arg-type]
        state = State(
            dataclasses.replace(recipe, augmentation=augmentation), Shape(16, 24, channels), torch.device("cpu")
        )
        real, latents = torch.randint(256, (1, 8, 16, 24, channels), dtype=torch.uint8), torch.randn(1, 8, 8)
        state.advance([StepInputs(real, latents, chance=torch.rand(2, 2, 8, CHANCES[policy]))])
        assert all(math.isfinite(value) for value in state.take_measures().values())


@pytest.mark.parametrize("policy", POLICIES)
def test_nothing_is_read_back_from_the_device(policy: str) -> None:
    """Tensors without values do, hence a step can be captured as a graph."""
    augmentation = Augmentation(policy=policy, colour=True)  # type: ignore[arg-type]
    images, chance = torch.empty(2, 3, 16, 16, device="meta"), torch.empty(2, CHANCES[policy], device="meta")
    p = torch.empty((), device="meta")
    assert applied(augmentation, images, chance, adapted(augmentation, p, p, 2)).shape == images.shape


@pytest.mark.gpu
@pytest.mark.parametrize("policy", POLICIES)
def test_a_captured_step_changes_pictures_by_the_chance_it_is_given(
    collection: Collection, recipe: Recipe, policy: str
) -> None:
    """What a GPU changes is what the CPU does, and a graph reads chance and probability anew each time."""
    augmentation = Augmentation(policy=policy, colour=True)  # type: ignore[arg-type]
    images, chance = pictures(64).float(), torch.rand(64, CHANCES[policy])
    there = applied(augmentation, images.cuda(), chance.cuda(), torch.tensor(0.5).cuda())
    assert torch.allclose(there.cpu(), applied(augmentation, images, chance, torch.tensor(0.5)), atol=1e-3)
    if policy == "ada":
        augmentation = dataclasses.replace(augmentation, target=-0.99, speed=200)
    recipe = dataclasses.replace(recipe, augmentation=augmentation, regularisation=Regularisation(r1=1.0))
    device = torch.device("cuda")
    state = State(recipe, Shape(16, 16, 3), device)
    with InputPipeline(recipe, Batches(collection, recipe.seed, device)).stream(0) as stream:
        for inputs in itertools.islice(stream, 10):
            state.advance([inputs])
    assert all(math.isfinite(value) for value in state.take_measures().values())
    memory = {name: value.item() for name, value in state.model.memory.items()}
    assert memory == ({"probability": pytest.approx(10 * 8 / 200)} if policy == "ada" else {})


@pytest.mark.parametrize(("settings", "says"), [
    ({"policy": "ada", "cutout": False}, "policy diffaugment"),
    ({"colour": True}, "there is none"), ({"target": 0.5}, "policy ada"), ({"speed": 100}, "policy ada"),
    ({"policy": "diffaugment", "target": 0.5}, "policy ada"), ({"policy": "ada", "target": 1.0}, "between -1 and 1"),
    ({"sampling": "whole"}, "policy ada"), ({"policy": "diffaugment", "sampling": "bicubic"}, "policy ada"),
    ({"policy": "ada", "sampling": "nearest"}, "bicubic"), ({"policy": "ada", "speed": 0}, "positive"),
    ({"policy": "cutmix"}, "diffaugment"), ({"flip": True}, "flips"),
])  # fmt: skip
def test_settings_that_would_be_ignored_are_refused(recipe: Recipe, settings: dict[str, object], says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        Recipe.from_dict(recipe.to_dict() | {"augmentation": settings})


def test_ada_wants_an_objective_whose_sign_means_something(recipe: Recipe) -> None:
    augmentation = Augmentation(policy="ada")
    dataclasses.replace(recipe, augmentation=augmentation, objective=Hinge())
    with pytest.raises(RecipeError, match="choose one of them, or the policy diffaugment"):
        dataclasses.replace(recipe, augmentation=augmentation, objective=Relativistic())


def test_tables_of_augmentation_go_through_toml(recipe: Recipe, tmp_path: Path) -> None:
    changed = dataclasses.replace(recipe, augmentation=Augmentation(True, "ada", True, 0.5, 1000))
    path = tmp_path / "recipe.toml"
    path.write_text(changed.to_toml(), encoding="utf-8")
    assert Recipe.from_toml(path) == changed
