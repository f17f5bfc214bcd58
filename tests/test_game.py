"""The game: who learns from what, and ten steps of the thesis against a plain implementation."""

import itertools
import math
from pathlib import Path

import pytest
import torch
from conftest import Paint
from torch import Tensor, nn

import lienzo
from lienzo.networks.shape import Shape
from lienzo.recipe.catalogue import thesis
from lienzo.recipe.objectives import OBJECTIVES, Hinge, NonSaturating, Objective, Regularisation, Wasserstein
from lienzo.seeds import derive
from lienzo.training.batches import Batches
from lienzo.training.game import Game, StepInputs
from lienzo.training.inputs import InputPipeline
from lienzo.training.optimizers import Adam
from lienzo.training.state import State


class Plain:
    """Training as the tutorials and the thesis's code do it: probabilities, binary cross-entropy, plain Adam."""

    def __init__(self) -> None:
        up = [(100, 512, 4, 1, 0), (512, 256, 4, 2, 1), (256, 128, 4, 2, 1), (128, 64, 4, 2, 1), (64, 3, 4, 2, 1)]
        layers: list[nn.Module] = []
        for inside, outside, kernel, stride, padding in up:
            layers += [nn.ConvTranspose2d(inside, outside, kernel, stride, padding, bias=False)]
            layers += [nn.BatchNorm2d(outside), nn.ReLU()] if outside != 3 else [nn.Tanh()]
        self.generator = nn.Sequential(*layers)
        layers = []
        for inside, outside in ((3, 64), (64, 128), (128, 256), (256, 512)):
            layers += [nn.Conv2d(inside, outside, 4, 2, 1, bias=False)]
            layers += [nn.BatchNorm2d(outside)] if inside != 3 else []
            layers += [nn.LeakyReLU(0.2)]
        self.discriminator = nn.Sequential(*layers, nn.Conv2d(512, 1, 4, 1, 0, bias=False))
        adam = {"lr": 0.0002, "betas": (0.5, 0.999), "foreach": False, "fused": False}
        self.generator_adam = torch.optim.Adam(self.generator.parameters(), **adam)  # type: ignore[arg-type]
        self.discriminator_adam = torch.optim.Adam(self.discriminator.parameters(), **adam)  # type: ignore[arg-type]

    def take_over(self, game: Game) -> None:
        """Take over weights, the statistics of batch normalisation and Adam's memory, layer by layer."""
        for mine, theirs in ((self.generator, game.generator), (self.discriminator, game.discriminator)):
            values = (value.clone() for value in theirs.state_dict().values())
            mine.load_state_dict(dict(zip(mine.state_dict(), values, strict=True)))
        for module, adam, other in (
            (self.generator, self.generator_adam, game.generator_optimizer),
            (self.discriminator, self.discriminator_adam, game.discriminator_optimizer),
        ):
            assert isinstance(other, Adam)
            for parameter, memory in zip(module.parameters(), other.memory, strict=True):
                adam.state[parameter] = {key: value.clone().contiguous() for key, value in memory.items()}

    def logits(self, images: Tensor) -> Tensor:
        """Return probabilities in float64: in float32 log(1 − D(x)) has but four digits where D is sure of itself."""
        probabilities: Tensor = self.discriminator(images).view(-1).double().sigmoid()
        return probabilities

    def step(self, real: Tensor, z: Tensor) -> dict[str, float]:
        cross_entropy, batch = nn.BCELoss(), len(real)
        fake = self.generator(z[:, :, None, None])

        self.discriminator_adam.zero_grad()
        on_real = self.logits(real)
        loss_real = cross_entropy(on_real, torch.full((batch,), 0.9).double())
        loss_real.backward()
        on_fake = self.logits(fake.detach())
        loss_fake = cross_entropy(on_fake, torch.zeros(batch).double())
        loss_fake.backward()
        self.discriminator_adam.step()

        self.generator_adam.zero_grad()
        fooled = self.logits(fake)
        generator_loss = cross_entropy(fooled, torch.full((batch,), 0.9).double())
        generator_loss.backward()
        self.generator_adam.step()
        return {
            "discriminator_loss": (loss_real + loss_fake).item(),
            "generator_loss": generator_loss.item(),
            "real_score": on_real.mean().item(),
            "fake_score": on_fake.mean().item(),
            "fooled_score": fooled.mean().item(),
        }


@pytest.mark.parametrize(
    ("batch", "steps"),
    [(8, 4), pytest.param(8, 10, marks=pytest.mark.slow), pytest.param(128, 10, marks=pytest.mark.long)],
)
def test_steps_of_the_thesis_are_those_of_a_plain_implementation(
    tmp_path: Path, paint: Paint, batch: int, steps: int
) -> None:
    """Each step from the same weights and the same memory of Adam, with the same pictures and latents.

    Left to themselves, any two orders of summation drift apart: Adam's first steps have the size of the learning rate
    whatever the size of the gradient, so that rounding decides the sign of steps where the gradient is about zero.
    docs/log.md has the numbers.
    """
    source = paint(tmp_path / "pictures", batch + 5, 64, 70)
    collection = lienzo.prepare(source, tmp_path / "out", size=64, workers=1)
    recipe = thesis().with_settings([f"batch={batch}", "precision=fp32"]).resolved(collection.count)
    state = State(recipe, Shape(64, 64, 3), torch.device("cpu"))
    batches = Batches(collection, recipe.seed, torch.device("cpu"))
    plain, game = Plain(), state.model
    assert isinstance(game, Game)
    with InputPipeline(recipe, batches).stream(0) as stream:
        inputs = list(itertools.islice(stream, steps))
    for step in range(steps):
        rows = batches.members[batches.rows(step * batch, batch)]
        real = (torch.from_numpy(collection.take(rows)).permute(0, 3, 1, 2) / 127.5 - 1).contiguous()
        source_ = torch.Generator().manual_seed(derive(recipe.seed, "latents", step * batch))
        z = torch.randn(1, batch, 100, generator=source_)[0]
        plain.take_over(game)
        state.advance([inputs[step]])
        ours, theirs = state.take_measures(), plain.step(real, z)
        for name, value in theirs.items():  # the discriminator is updated before the generator's loss is taken
            tolerance = 1e-3 if name == "generator_loss" else 1e-4
            assert ours[name] == pytest.approx(value, abs=tolerance), (step, name)
        for mine, other in ((plain.generator, game.generator), (plain.discriminator, game.discriminator)):
            apart = (weights(mine) - weights(other)).abs().mean()
            assert apart < 0.02 * 0.0002  # a fiftieth of what Adam moves a weight


def weights(module: nn.Module) -> Tensor:
    return torch.cat([parameter.flatten() for parameter in module.parameters()])


class Point(nn.Module):
    """A generator or a discriminator of points, of one weight: x -> w x."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.detach().clone())
        return (self.weight * x).sum(1) if x.shape[1] == 2 else self.weight * x.repeat(1, 2)


def one_step(
    generator: Point, discriminator: Point, real: Tensor, latents: Tensor, objective: Objective | None = None
) -> dict[str, Tensor]:
    game = Game(
        generator,
        discriminator,
        objective or Wasserstein(),
        torch.optim.SGD(generator.parameters(), 0.1),
        torch.optim.SGD(discriminator.parameters(), 0.1),
    )
    return game.step(StepInputs(real, latents))


def test_one_step_by_hand() -> None:
    """With D(x) = d Σx and G(z) = (g z, g z): first d rises by Σ(x − g z), then g by 2 d' z, at a rate of 0.1."""
    generator, discriminator = Point(0.5), Point(1.0)
    measures = one_step(generator, discriminator, torch.tensor([[[3.0, 1.0]]]), torch.tensor([[[2.0]]]))
    assert measures["discriminator_loss"].item() == pytest.approx(2 - 4)
    d = 1.0 + 0.1 * (4 - 2)
    assert discriminator.weight.item() == pytest.approx(d)
    assert measures["generator_loss"].item() == pytest.approx(-d * 2)
    assert generator.weight.item() == pytest.approx(0.5 + 0.1 * d * 2 * 2)
    scores = [measures[name].item() for name in ("real_score", "fake_score", "fooled_score")]
    assert scores == pytest.approx([4, 2, d * 2]), "a critic's score is no probability"


def test_the_discriminator_learns_k_times_and_the_generator_once_from_the_last() -> None:
    generator, discriminator = Point(0.5), Point(1.0)
    real = torch.tensor([[[3.0, 1.0]], [[0.0, 5.0]], [[1.0, 1.0]]])
    latents = torch.tensor([[[2.0]], [[1.0]], [[-1.0]]])
    one_step(generator, discriminator, real, latents)
    d = 1.0 + 0.1 * ((4 - 2) + (5 - 1) + (2 - -1))
    assert discriminator.weight.item() == pytest.approx(d)
    assert generator.weight.item() == pytest.approx(0.5 + 0.1 * d * 2 * -1)
    assert [batch.item() for batch in generator.seen] == [2, 1, -1]  # each latent is used once


@pytest.mark.parametrize("name", OBJECTIVES)
def test_neither_player_moves_the_other(name: str) -> None:
    torch.manual_seed(0)
    generator, discriminator = nn.Linear(3, 4), nn.Sequential(nn.Linear(4, 1), nn.Flatten(0))
    game = Game(
        generator,
        discriminator,
        OBJECTIVES[name](),
        torch.optim.SGD(generator.parameters(), 0.1),
        torch.optim.SGD(discriminator.parameters(), 0.1),
    )
    real, fake = torch.randn(5, 4), generator(torch.randn(5, 3))
    before = [parameter.clone() for parameter in generator.parameters()]
    game.discriminator_step(real, fake)
    assert all(torch.equal(old, new) for old, new in zip(before, generator.parameters(), strict=True))
    before = [parameter.clone() for parameter in discriminator.parameters()]
    game.generator_step(real, [fake])
    assert all(torch.equal(old, new) for old, new in zip(before, discriminator.parameters(), strict=True))
    assert all(parameter.requires_grad for parameter in discriminator.parameters())


@pytest.mark.parametrize(("regularisation", "measure"), [
    (Regularisation(r1=0.5), "r1_penalty"), (Regularisation(r2=0.5), "r2_penalty"),
    (Regularisation(gradient_penalty=10), "gradient_penalty"),
])  # fmt: skip
def test_penalties_reach_the_discriminator_and_the_log(regularisation: Regularisation, measure: str) -> None:
    """Of a linear discriminator D(x) = d Σx the gradient is (d, d), wherever one looks."""
    generator, discriminator = Point(0.5), Point(2.0)
    game = Game(
        generator,
        discriminator,
        Hinge(),
        torch.optim.SGD(generator.parameters(), 0.0),
        torch.optim.SGD(discriminator.parameters(), 0.1),
        regularisation,
    )
    real, latents = torch.full((1, 4, 2), 10.0), torch.full((1, 4, 1), -10.0)  # the hinge itself is at rest
    measures = game.step(StepInputs(real, latents, torch.rand(1, 4)))
    norm = 2.0 * 2**0.5
    expected = 10 * (norm - 1) ** 2 if measure == "gradient_penalty" else 0.5 / 2 * norm**2
    slope = 10 * 2 * (norm - 1) * 2**0.5 if measure == "gradient_penalty" else 0.5 / 2 * 2 * 2 * 2.0
    assert measures[measure].item() == pytest.approx(expected, rel=1e-4)
    assert discriminator.weight.item() == pytest.approx(2.0 - 0.1 * slope, rel=1e-4)


def test_clipping_follows_every_update_of_the_discriminator() -> None:
    generator, discriminator = Point(0.5), Point(1.0)
    game = Game(
        generator,
        discriminator,
        Wasserstein(),
        torch.optim.SGD(generator.parameters(), 0.1),
        torch.optim.SGD(discriminator.parameters(), 0.1),
        Regularisation(clip=0.01),
    )
    game.step(StepInputs(torch.randn(2, 3, 2), torch.randn(2, 3, 1)))
    assert abs(discriminator.weight.item()) <= 0.01 + 1e-9


def test_scores_are_probabilities_where_the_objective_knows_some() -> None:
    real, latents = torch.tensor([[[3.0, 1.0]]]), torch.tensor([[[2.0]]])
    measures = one_step(Point(0.5), Point(1.0), real, latents, NonSaturating())
    assert measures["real_score"].item() == pytest.approx(1 / (1 + math.exp(-4)))
    assert measures["fake_score"].item() == pytest.approx(1 / (1 + math.exp(-2)))


def test_measures_are_scalars_without_a_graph() -> None:
    measures = one_step(Point(0.5), Point(1.0), torch.randn(1, 3, 2), torch.randn(1, 3, 1))
    assert set(measures) == {
        "discriminator_loss", "generator_loss", "real_score", "fake_score", "fooled_score",
        "discriminator_gradient", "generator_gradient", "real_diversity", "fake_diversity",
    }  # fmt: skip
    assert all(value.shape == () and not value.requires_grad for value in measures.values())


@pytest.mark.parametrize("setting", ["r1", "r2", "gradient_penalty"])
def test_every_pass_of_the_discriminator_has_the_precision_of_autocast(setting: str) -> None:
    seen = []

    class Critic(Point):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(torch.is_autocast_enabled("cpu"))
            return super().forward(x)

    generator, discriminator = Point(0.5), Critic(1.0)
    optimizers = [torch.optim.SGD(player.parameters(), 0.1) for player in (generator, discriminator)]
    regularisation = Regularisation(**{setting: 1.0})
    game = Game(generator, discriminator, Hinge(), *optimizers, regularisation, autocast=torch.bfloat16)
    game.step(StepInputs(torch.randn(1, 3, 2), torch.randn(1, 3, 1), torch.rand(1, 3)))
    assert len(seen) >= 3
    assert all(seen)
