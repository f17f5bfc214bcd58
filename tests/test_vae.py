"""The variational autoencoder and noise-contrastive estimation, against what is known about them."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from conftest import Command
from torch import distributions, nn

import lienzo
from lienzo.collection.collection import Collection
from lienzo.errors import RecipeError, RunError
from lienzo.networks.configurations import MLP, NETS
from lienzo.networks.contrast import Contrast
from lienzo.networks.shape import Shape
from lienzo.networks.vae import Autoencoder, Observed, Posterior
from lienzo.recipe.likelihood import EvidenceBound
from lienzo.recipe.objectives import Minimax, NonSaturating
from lienzo.recipe.recipe import Adam, Recipe
from lienzo.run.run import Run
from lienzo.training.autoencoding import Autoencoding
from lienzo.training.game import StepInputs

SHAPE = Shape(height=3, width=4, channels=2)


def test_the_bound_is_made_of_the_divergence_and_the_likelihood_of_gaussians() -> None:
    torch.manual_seed(0)
    images, painted = torch.randn(5, 2, 3, 4), torch.randn(5, 2, 3, 4)
    mean, log_variance = torch.randn(5, 6), torch.randn(5, 6)
    bound = EvidenceBound(deviation=0.3)
    prior, guess = distributions.Normal(0.0, 1.0), distributions.Normal(mean, (0.5 * log_variance).exp())
    divergence = distributions.kl_divergence(guess, prior).sum(1)
    likelihood = distributions.Normal(painted, 0.3).log_prob(images).sum((1, 2, 3))
    torch.testing.assert_close(bound.divergence(mean, log_variance), divergence)
    torch.testing.assert_close(bound.likelihood(images, painted), likelihood)
    torch.testing.assert_close(bound.loss(images, painted, mean, log_variance), (divergence - likelihood).mean())


def test_the_encoder_draws_from_its_guess() -> None:
    noise = torch.randn(20_000, 1, generator=torch.Generator().manual_seed(1))
    drawn = Posterior(torch.full((20_000, 1), 2.0), torch.full((20_000, 1), 0.5).log() * 2).draw(noise)
    assert abs(float(drawn.mean()) - 2.0) < 0.02
    assert abs(float(drawn.std()) - 0.5) < 0.02


def test_an_autoencoder_makes_pictures_of_its_shape_and_learns_them() -> None:
    torch.manual_seed(0)
    network = MLP(latents=2, width=32, depth=1)
    autoencoder = Autoencoder(network.encoder(SHAPE), network.generator(SHAPE))
    learning = Autoencoding(autoencoder, EvidenceBound(0.2), torch.optim.Adam(autoencoder.parameters(), 1e-2))
    images = torch.rand(8, 2, 3, 4) - 0.5
    painted, guess = autoencoder(images, torch.zeros(8, 2))
    assert painted.shape == images.shape
    assert guess.mean.shape == guess.log_variance.shape == (8, 2)
    bounds = [float(learning.step(StepInputs(images[None], torch.randn(1, 8, 2)))["evidence_bound"]) for _ in range(60)]
    assert bounds[-1] > bounds[0] + 1.0
    assert autoencoder.decoder(torch.zeros(4, 2)).shape == (4, 2, 3, 4)


def test_an_observed_decoder_adds_noise_of_its_deviation() -> None:
    class Nothing(nn.Module):
        def forward(self, z: torch.Tensor) -> torch.Tensor:
            return torch.zeros(len(z), 1, 1, 2)

    z = torch.randn(20_000, 3 + 2, generator=torch.Generator().manual_seed(2))
    drawn = Observed(Nothing(), 3, 0.4)(z)
    assert drawn.shape == (20_000, 1, 1, 2)
    torch.testing.assert_close(drawn.flatten(1), 0.4 * z[:, 3:])


def test_the_true_density_is_where_noise_contrast_is_at_rest() -> None:
    class Square(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.precision = nn.Parameter(torch.tensor(1.0))

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return 0.5 * self.precision * images.flatten().square()

    model = Contrast(Square(), lambda images: distributions.Normal(0.0, 2.0).log_prob(images.flatten()))
    levels = (torch.arange(4000) + 0.5) / 4000
    data = distributions.Normal(0.0, 1.0).icdf(levels).view(-1, 1, 1, 1)
    with torch.no_grad():
        model.constant.copy_(-0.5 * torch.log(torch.tensor(2 * torch.pi)))
    torch.testing.assert_close(model.log_density(data), distributions.Normal(0.0, 1.0).log_prob(data.flatten()))
    torch.autograd.backward(Minimax().discriminator(model(data), model(2 * data)))
    for parameter in model.parameters():
        assert parameter.grad is not None
        assert abs(float(parameter.grad)) < 1e-3


@pytest.mark.parametrize("name", NETS)
def test_every_network_has_an_encoder_that_guesses_its_latents(name: str) -> None:
    network = NETS[name](width=4, latents=5)  # type: ignore[call-arg]
    guess = network.encoder(Shape(16, 24, 3))(torch.rand(3, 3, 16, 24))
    assert guess.mean.shape == guess.log_variance.shape == (3, 5)
    assert not torch.equal(guess.mean, guess.log_variance)


@pytest.fixture
def autoencoding(recipe: Recipe) -> Recipe:
    return dataclasses.replace(recipe, objective=EvidenceBound(0.3), generator_optimizer=Adam(0.01, (0.9, 0.999)))


def test_a_recipe_with_an_evidence_bound_trains_through_the_same_verbs(
    collection: Collection, autoencoding: Recipe, tmp_path: Path, command: Command
) -> None:
    """Its bound rises, and what its decoder paints can be generated, scored and looked at like any generator's."""
    recipe = dataclasses.replace(autoencoding, images=8 * 30, average_half_life=20, tick=8)
    file, run = tmp_path / "recipe.toml", tmp_path / "run"
    file.write_text(recipe.to_toml(), encoding="utf-8")
    status, _, said = command("train", collection.path, "--recipe", file, "--out", run, "--device", "cpu")
    assert status == 0, said
    assert "bound " in said
    log = Run(run).log()
    assert log[-1]["evidence_bound"] > log[0]["evidence_bound"] + 100
    assert log[-1]["painting_error"] < log[0]["painting_error"]
    assert "discriminator_loss" not in log[0]
    assert Run(run).curves_path.exists()
    assert command("generate", run, "--count", 4, "--out", tmp_path / "four.png")[0] == 0
    status, out, _ = command(
        "evaluate", run, collection.path, "--detector", "pixels", "--samples", 16, "--no-novelty", "--json"
    )
    assert (status, len(json.loads(out))) == (0, 1)
    assert json.loads(command("info", run, "--json")[1])["finished"] is True
    assert json.loads(command("info", run / "generator.safetensors", "--json")[1])["network"]["name"] == "dcgan"
    status, _, said = command("probe", run, collection.path)
    assert (status, said.count("\n")) == (2, 1)
    assert "has no discriminator" in said


def test_an_autoencoder_starts_from_the_encoder_and_the_decoder_of_another(
    collection: Collection, autoencoding: Recipe, tmp_path: Path
) -> None:
    first = lienzo.train(collection, autoencoding, tmp_path / "first", device="cpu")
    second = lienzo.train(collection, autoencoding, tmp_path / "second", origin=first, device="cpu")
    assert second.log()[0]["painting_error"] < first.log()[0]["painting_error"]
    game = dataclasses.replace(autoencoding, objective=NonSaturating(), generator_optimizer=Adam())
    with pytest.raises(RunError, match=r"the encoder of .* does not fit"):
        lienzo.train(collection, game, tmp_path / "game", origin=first, device="cpu")
    lienzo.train(collection, game, tmp_path / "game", origin=first.generator_path, device="cpu")


@pytest.mark.parametrize("setting", [
    "discriminator_optimizer.rate=0.1", "discriminator_steps=2", "regularisation.r1=1",
    "augmentation.policy=diffaugment", "accumulate=2", "labels=folder",
])  # fmt: skip
def test_settings_of_a_discriminator_are_refused_where_there_is_none(autoencoding: Recipe, setting: str) -> None:
    with pytest.raises(RecipeError, match=r"with the objective evidence-bound .* would change nothing"):
        autoencoding.with_settings([setting])
    with pytest.raises(RecipeError, match=r"deviation is 0\.0; give a positive number"):
        autoencoding.with_settings(["objective.deviation=0"])
    autoencoding.with_settings(["augmentation.flips=true"])
