"""Each objective against its formula written a second time, on probabilities and in float64."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lienzo.recipe.objectives import OBJECTIVES, NonSaturating, Objective, Regularisation

Logits = NDArray[np.float64]


def sigmoid(x: Logits) -> Logits:
    return 1 / (1 + np.exp(-x))


def cross_entropy(probability: Logits, label: float) -> float:
    return float(-np.mean(label * np.log(probability) + (1 - label) * np.log(1 - probability)))


FORMULAS: dict[str, tuple[Callable[[Logits, Logits], float], Callable[[Logits, Logits], float]]] = {
    "minimax": (
        lambda real, fake: float(-np.mean(np.log(sigmoid(real))) - np.mean(np.log(1 - sigmoid(fake)))),
        lambda real, fake: float(np.mean(np.log(1 - sigmoid(fake)))),
    ),
    "non-saturating": (
        lambda real, fake: float(-np.mean(np.log(sigmoid(real))) - np.mean(np.log(1 - sigmoid(fake)))),
        lambda real, fake: float(-np.mean(np.log(sigmoid(fake)))),
    ),
    "least-squares": (
        lambda real, fake: float(np.mean((real - 1) ** 2) / 2 + np.mean(fake**2) / 2),
        lambda real, fake: float(np.mean((fake - 1) ** 2) / 2),
    ),
    "hinge": (
        lambda real, fake: float(-np.mean(np.minimum(0, real - 1)) - np.mean(np.minimum(0, -fake - 1))),
        lambda real, fake: float(-np.mean(fake)),
    ),
    "wasserstein": (
        lambda real, fake: float(-(np.mean(real) - np.mean(fake))),
        lambda real, fake: float(-np.mean(fake)),
    ),
    "relativistic": (
        lambda real, fake: float(-np.mean(np.log(sigmoid(real - fake)))),
        lambda real, fake: float(-np.mean(np.log(sigmoid(fake - real)))),
    ),
}
"""Losses of the discriminator and of the generator, as the papers write them."""


def losses(objective: Objective, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    return objective.discriminator(real, fake), objective.generator(real if objective.relativistic else None, fake)


def logits() -> tuple[Logits, Logits]:
    random = np.random.default_rng(0)
    return 2 * random.standard_normal(9), 2 * random.standard_normal(9)


def slope(formula: Callable[[Logits, Logits], float], real: Logits, fake: Logits) -> tuple[Logits, Logits]:
    """Return the gradients by central differences."""
    gradients = np.zeros((2, len(real)))
    for which in range(2):
        for i in range(len(real)):
            ends = []
            for sign in (1, -1):
                moved = [real.copy(), fake.copy()]
                moved[which][i] += sign * 1e-6
                ends.append(formula(*moved))
            gradients[which, i] = (ends[0] - ends[1]) / 2e-6
    return gradients[0], gradients[1]


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("player", [0, 1], ids=["discriminator", "generator"])
def test_losses_and_gradients_are_those_of_the_paper(name: str, player: int) -> None:
    real, fake = logits()
    formula = FORMULAS[name][player]
    x, y = torch.tensor(real, requires_grad=True), torch.tensor(fake, requires_grad=True)
    loss = losses(OBJECTIVES[name](), x, y)[player]
    assert loss.shape == ()
    assert loss.item() == pytest.approx(formula(real, fake), rel=1e-12)
    by_autograd = torch.autograd.grad(loss, (x, y), allow_unused=True, materialize_grads=True)
    for mine, expected in zip(by_autograd, slope(formula, real, fake), strict=True):
        np.testing.assert_allclose(mine.numpy(), expected, atol=1e-8)


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("certainty", [100.0, 1e4])
def test_losses_stay_finite_where_one_player_is_sure(name: str, certainty: float) -> None:
    for sign in (1, -1):
        real = torch.full((4,), sign * certainty, requires_grad=True)
        fake = torch.full((4,), -sign * certainty, requires_grad=True)
        for loss in losses(OBJECTIVES[name](), real, fake):
            gradients = torch.autograd.grad(loss, (real, fake), allow_unused=True, materialize_grads=True)
            assert all(torch.isfinite(value).all() for value in (loss, *gradients))


def test_a_generator_that_loses_learns_from_the_non_saturating_loss_only() -> None:
    fake = torch.full((4,), -20.0, requires_grad=True)
    slopes = {}
    for name in ("minimax", "non-saturating"):
        (gradient,) = torch.autograd.grad(OBJECTIVES[name]().generator(None, fake), fake)
        slopes[name] = gradient.sum().item()
    assert slopes["minimax"] == pytest.approx(0, abs=1e-8)
    assert slopes["non-saturating"] == pytest.approx(-1)


def test_labels_of_the_thesis_are_smoothed_on_real_pictures_and_in_the_generators_step() -> None:
    real, fake = logits()
    objective = NonSaturating(real_label=0.9, generator_label=0.9)
    discriminator, generator = losses(objective, torch.tensor(real), torch.tensor(fake))
    expected = cross_entropy(sigmoid(real), 0.9) + cross_entropy(sigmoid(fake), 0.0)
    assert discriminator.item() == pytest.approx(expected, rel=1e-12)
    assert generator.item() == pytest.approx(cross_entropy(sigmoid(fake), 0.9), rel=1e-12)


def test_relativistic_losses_see_differences_only() -> None:
    real, fake = (torch.tensor(values) for values in logits())
    objective = OBJECTIVES["relativistic"]()
    for shifted, plain in zip(losses(objective, real + 5, fake + 5), losses(objective, real, fake), strict=True):
        assert shifted.item() == pytest.approx(plain.item(), rel=1e-12)


class Linear(nn.Module):
    """A critic of one slope: D(x) = w · x."""

    def __init__(self, slope: list[float]) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(slope))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.slope


def test_r1_of_a_linear_critic_is_half_gamma_times_its_squared_norm() -> None:
    x = torch.randn(5, 2, requires_grad=True)
    critic = Linear([3.0, -4.0])
    penalty = Regularisation(r1=0.5).penalty(x, critic(x), 0.5)
    assert penalty.item() == pytest.approx(0.5 / 2 * 25)
    (gradient,) = torch.autograd.grad(penalty, critic.slope)
    torch.testing.assert_close(gradient, 0.5 * critic.slope.detach())


def test_the_gradient_penalty_of_a_linear_critic_is_its_distance_from_norm_one() -> None:
    regularisation = Regularisation(gradient_penalty=10)
    for slope_, expected in (([3.0, -4.0], 10 * 16), ([0.6, 0.8], 0), ([0.0, 0.0], 10)):
        critic = Linear(slope_)
        penalty = regularisation.interpolated_penalty(critic, torch.randn(6, 2), torch.randn(6, 2), torch.rand(6))
        assert penalty.item() == pytest.approx(expected, abs=1e-4)
        (gradient,) = torch.autograd.grad(penalty, critic.slope)
        assert torch.isfinite(gradient).all()  # at a slope of 0 the norm has no derivative


def test_the_gradient_penalty_looks_between_real_and_generated_pictures() -> None:
    seen: list[Tensor] = []

    def critic(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return x.flatten(1).sum(1)

    real, fake, mix = torch.full((3, 1, 2, 2), 1.0), torch.full((3, 1, 2, 2), -1.0), torch.tensor([0.0, 0.5, 1.0])
    Regularisation(gradient_penalty=1).interpolated_penalty(critic, real, fake, mix)
    assert seen[0][:, 0, 0, 0].tolist() == [-1.0, 0.0, 1.0]


def critic() -> nn.Sequential:
    """Return a smooth critic of points in the plane."""
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0))


def gradients_at(D: nn.Module, points: Tensor, step: float = 1e-3) -> Tensor:  # (N, 2) -> (N, 2)
    with torch.no_grad():
        columns = []
        for axis in range(2):
            move = torch.zeros(2)
            move[axis] = step
            columns.append((D(points + move) - D(points - move)) / (2 * step))
        return torch.stack(columns, 1)


def test_r1_and_r2_are_squared_norms_of_finite_differences() -> None:
    D, points = critic(), torch.randn(16, 2, requires_grad=True)
    expected = 2.0 / 2 * gradients_at(D, points.detach()).square().sum(1).mean()
    torch.testing.assert_close(Regularisation(r1=2).penalty(points, D(points), 2.0), expected, rtol=1e-3, atol=1e-5)


def test_the_gradient_penalty_is_one_of_finite_differences() -> None:
    D, real, fake, mix = critic(), torch.randn(16, 2), torch.randn(16, 2), torch.rand(16)
    between = mix[:, None] * real + (1 - mix[:, None]) * fake
    expected = 10 * (gradients_at(D, between).norm(dim=1) - 1).square().mean()
    penalty = Regularisation(gradient_penalty=10).interpolated_penalty(D, real, fake, mix)
    torch.testing.assert_close(penalty, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("kind", ["r1", "gradient penalty"])
def test_penalties_teach_the_critic(kind: str) -> None:
    """The derivative with respect to a weight, through the gradient, against a finite difference."""
    D, points, other, mix = critic(), torch.randn(16, 2), torch.randn(16, 2), torch.rand(16)
    weight = next(D.parameters())

    def penalty() -> Tensor:
        if kind == "r1":
            x = points.clone().requires_grad_()
            return Regularisation(r1=1).penalty(x, D(x), 1.0)
        return Regularisation(gradient_penalty=1).interpolated_penalty(D, points, other, mix)

    (gradient,) = torch.autograd.grad(penalty(), weight)
    ends = []
    for step in (1e-3, -1e-3):
        with torch.no_grad():
            weight[0, 0] += step
        ends.append(penalty().item())
        with torch.no_grad():
            weight[0, 0] -= step
    assert gradient[0, 0].item() == pytest.approx((ends[0] - ends[1]) / 2e-3, rel=2e-2, abs=1e-4)


def test_clipping_bounds_every_weight() -> None:
    D = critic()
    with torch.no_grad():
        next(D.parameters()).mul_(100)
    before = [parameter.clone() for parameter in D.parameters()]
    Regularisation(clip=0.3).clip_weights(D)
    for old, new in zip(before, D.parameters(), strict=True):
        torch.testing.assert_close(new.detach(), old.clamp(-0.3, 0.3), rtol=0, atol=0)
    assert max(parameter.abs().max().item() for parameter in D.parameters()) == pytest.approx(0.3)


@pytest.mark.parametrize("values", [
    {"r1": -1.0}, {"clip": 0.01, "r1": 1.0}, {"clip": 0.01, "gradient_penalty": 10.0},
    {"gradient_penalty": 10.0, "r2": 1.0},
])  # fmt: skip
def test_regularisation_that_contradicts_itself_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"negative|choose one"):
        Regularisation(**values)
