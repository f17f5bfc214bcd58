"""The variational autoencoder and noise-contrastive estimation, against what is known about them."""

import torch
from torch import distributions, nn

from lienzo.autoencoding import Autoencoding
from lienzo.likelihood import EvidenceBound
from lienzo.nets import Shape
from lienzo.nets.contrast import Contrast
from lienzo.nets.vae import VAE, Guess, Observed
from lienzo.objectives import Minimax

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
    drawn = Guess(torch.full((20_000, 1), 2.0), torch.full((20_000, 1), 0.5).log() * 2).draw(noise)
    assert abs(float(drawn.mean()) - 2.0) < 0.02
    assert abs(float(drawn.std()) - 0.5) < 0.02


def test_an_autoencoder_paints_pictures_of_its_shape_and_learns_them() -> None:
    torch.manual_seed(0)
    autoencoder = VAE(latents=2, width=32, depth=1).autoencoder(SHAPE)
    learning = Autoencoding(autoencoder, EvidenceBound(0.2), torch.optim.Adam(autoencoder.parameters(), 1e-2))
    images = torch.rand(8, 2, 3, 4) - 0.5
    painted, guess = autoencoder(images, torch.zeros(8, 2))
    assert painted.shape == images.shape
    assert guess.mean.shape == guess.log_variance.shape == (8, 2)
    bounds = [float(learning.step(images, torch.randn(8, 2))["evidence_bound"]) for _ in range(60)]
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
