r"""Other models of the thesis: noise-contrastive estimation and variational autoencoders.

Three ways to learn one density. Only the first two write it down.

Noise-contrastive estimation (Gutmann and Hyvärinen 2010) fits an unnormalised density by telling data from noise of a
known density $p_n$. Put $\log p_m(x) = -E(x) + c$ into a discriminator as the logit $\log p_m(x) - \log p_n(x)$.
Theorem 1 then makes $p_m = p_d$, the constant $c = -\log Z$ included, with nothing but lienzo's discriminator step.
From $T$ data and $T$ draws of noise the estimate has, for large $T$ (their theorem 3), the covariance $Σ/T$ with

    Σ = I^{-1} - 2 I^{-1} e \, e^\top I^{-1}, \quad I = \int g \, g^\top P \, p_d, \quad e = \int g \, P \, p_d, \quad
    P = \frac{p_n}{p_d + p_n},

where $g$ is the gradient of $\log p_m$ by the parameters. The mean squared error falls as $\operatorname{tr} Σ / T$.

A variational autoencoder (Kingma and Welling 2014) raises a bound on the likelihood of each $x$,

    \log p(x) = \operatorname{E}_{q(z \mid x)} \log p(x \mid z) - \operatorname{KL}(q(z \mid x) \parallel p(z))
    + \operatorname{KL}(q(z \mid x) \parallel p(z \mid x)),

by leaving the last term out, which is not negative. With one latent every integral here is known exactly.

A generative adversarial network has no density to maximise, yet the law of its generator is known exactly too. Seen
through the same Gaussian noise as the autoencoder's decoder, it is

    p_g(x) = \int \mathcal{N}(z; 0, 1) \, \mathcal{N}(x; G(z), s^2) \, dz.
"""

from collections.abc import Generator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lienzo import seeds
from lienzo.display import charts
from lienzo.networks.configurations import MLP
from lienzo.networks.contrast import Contrast
from lienzo.networks.mlp import perceptron
from lienzo.networks.vae import Autoencoder, Observed
from lienzo.recipe.likelihood import EvidenceBound
from lienzo.recipe.objectives import Minimax, NonSaturating, Regularisation
from lienzo.theory.experiments import contrast_errors
from lienzo.theory.finding import Claim, Drawing, Finding, Table
from lienzo.theory.models import distances, players
from lienzo.theory.models.double_well import CELLS, NOISE, data, log_noise
from lienzo.theory.models.laws import Array, Cells, gaussian, levels
from lienzo.training.autoencoding import Autoencoding
from lienzo.training.game import StepInputs

BATCH = 512
BLUR = 0.06
"""Standard deviation s of the Gaussian noise that is added to the outputs of the decoder and of the generator."""


def experiment(seed: int) -> Generator[str, None, Finding]:
    """Learn one density by noise contrast, by a variational autoencoder and by a GAN, and compare them by exact KL."""
    yield "noise-contrastive estimation from samples of growing size"
    estimates = contrast_errors.estimate(seed)
    claims = contrast_errors.claims_of(estimates)
    laws: dict[str, Array] = {}
    yield "noise-contrastive estimation of a network"
    laws["NCE"] = contrast(seed)
    yield "a variational autoencoder"
    autoencoder = autoencode(seed)
    laws["VAE"] = observed_law(autoencoder.decoder)
    claims += _claims_of_bound(autoencoder, laws["VAE"])
    yield "a generative adversarial network"
    laws["GAN"] = train_gan(seed)
    compared, table = compare(laws)
    return Finding(
        name="other-models",
        title="Noise-contrastive estimation and variational autoencoders beside the GAN",
        mathematics=str(__doc__),
        claims=(*claims, *compared),
        drawings=(contrast_errors.draw(estimates), _draw_laws(laws)),
        tables=(table, contrast_errors.table_of(estimates)),
    )


def contrast(seed: int, updates: int = 1000) -> Array:
    """Train a perceptron as energy, and a constant, by noise contrast; return log p_m at the cells' midpoints."""
    rate, density = 5e-3, data()[0]
    noise = nn.Sequential(perceptron(1, [], 1), nn.Unflatten(1, (1, 1, 1)))  # pictures of one pixel, as the data are
    noise.load_state_dict({"0.0.weight": torch.tensor([[NOISE]]), "0.0.bias": torch.zeros(1)})
    with players.weights_from(seed):
        model = Contrast(MLP(1, 64, 3).discriminator(players.LINE), log_noise)
    game = players.game_of(noise, model, Minimax(), rate=rate, betas=(0.9, 0.99))
    for update in range(updates):
        players.cool(game, rate, update / updates)
        random = seeds.numpy_generator(seed, "theory/nce/network", update)
        with torch.no_grad():
            fake = noise(players.latents(levels(BATCH, random)))
        game.discriminator_step(_real(density, random), fake)
    with torch.no_grad():
        return model.log_density(players.pictures(CELLS.points)).double().numpy()


def autoencode(seed: int, updates: int = 1500) -> Autoencoder:
    """Train a variational autoencoder of one latent by lienzo's training step, and return it."""
    rate, density = 3e-3, data()[0]
    with players.weights_from(seed):
        network = MLP(latents=1, width=64, depth=2)
        autoencoder = Autoencoder(network.encoder(players.LINE), network.generator(players.LINE))
    learning = Autoencoding(autoencoder, EvidenceBound(BLUR), players.adam(autoencoder, rate, (0.9, 0.99)))
    for update in range(updates):
        players.set_rate(learning.optimizer, rate, update / updates)
        random = seeds.numpy_generator(seed, "theory/vae", update)
        noise = torch.from_numpy(random.normal(size=(BATCH, 1)).astype(np.float32))
        learning.step(StepInputs(_real(density, random)[None], noise[None]))
    return autoencoder


def train_gan(seed: int, updates: int = 1000) -> Array:
    """Train a GAN; return log p_g at the cells' midpoints, of its outputs plus the same noise as the decoder's."""
    rate, density = 2e-3, data()[0]
    net = MLP(1, 64, 2)
    with players.weights_from(seed):
        decoder, discriminator = net.generator(players.LINE), net.discriminator(players.LINE)
    game = players.game_of(
        Observed(decoder, 1, BLUR),
        discriminator,
        NonSaturating(),
        regularisation=Regularisation(r1=0.02, r2=0.02),
        rate=rate,
        betas=(0.0, 0.9),
    )
    for update in range(updates):
        players.cool(game, rate, update / updates)
        random = seeds.numpy_generator(seed, "theory/gan", update)
        latents = torch.cat([players.latents(random.permutation(levels(BATCH, random))) for _ in range(2)], 1)
        game.step(StepInputs(_real(density, random)[None], latents[None]))
    return observed_law(decoder)


@torch.no_grad()
def observed_law(decoder: nn.Module) -> Array:
    """Return log ∫ N(z; 0, 1) N(x; decoder(z), s²) dz at the cells' midpoints, by quadrature over z."""
    z, log_weights = _normal_cells(1000)
    means = decoder(z.float()[:, None]).double()
    bound, points = EvidenceBound(BLUR), torch.from_numpy(CELLS.points)
    each = torch.stack([bound.likelihood(points[:, None], mean.view(1, 1)) for mean in means])
    return (each + log_weights[:, None]).logsumexp(0).numpy()


@torch.no_grad()
def bound_and_gap(autoencoder: Autoencoder) -> tuple[Array, Array]:
    """Return lienzo's bound on log p(x) at each x, and KL(q(z | x) ‖ p(z | x)) by quadrature over z, both (cells,)."""
    bound, x = EvidenceBound(BLUR), players.pictures(CELLS.points)
    mean, log_variance = (part.double() for part in autoencoder.encoder(x))
    law, images = observed_law(autoencoder.decoder), x.double()
    expected, gap = torch.zeros(len(x), dtype=torch.float64), torch.zeros(len(x), dtype=torch.float64)
    for noise, log_weight in zip(*_normal_cells(300), strict=True):
        weight, z = log_weight.exp(), mean + (0.5 * log_variance).exp() * noise
        likelihood = bound.likelihood(images, autoencoder.decoder(z.float()).double())
        prior, guess = -0.5 * z.square().sum(1), -0.5 * log_variance.sum(1) - 0.5 * noise**2
        expected += weight * likelihood
        gap += weight * (guess - (prior + likelihood - torch.from_numpy(law)))
    return (expected - bound.divergence(mean, log_variance)).numpy(), gap.numpy()


def compare(laws: dict[str, Array]) -> tuple[list[Claim], Table]:
    """Return the claims about each model's exact distance from the data, and a table of these distances."""
    density = data()[0]
    rows, claims = [], []
    for name, law in laws.items():
        mass = CELLS.integral(np.exp(law))
        normalised = law - np.log(mass)
        kl, js = (
            measure(density, normalised, CELLS) for measure in (distances.kullback_leibler, distances.jensen_shannon)
        )
        claims.append(Claim(f"{name}: KL(p_d ‖ p_model) of the trained model, by quadrature", 0.0, kl, 0.05))
        rows.append((name, kl, distances.kullback_leibler(normalised, density, CELLS), js, mass))
    claims.append(Claim("NCE of a network: ∫ p_m = 1, the normalisation it learnt", 1.0, float(rows[0][-1]), 0.03))
    headers = ("model", "KL(p_d ‖ p)", "KL(p ‖ p_d)", "JS", "∫ p before normalising")
    return claims, Table("One density, three models, exact distances", headers, tuple(rows))


def _real(density: Array, random: np.random.Generator) -> Tensor:
    return players.pictures(CELLS.quantiles(density, levels(BATCH, random)))


def _normal_cells(count: int) -> tuple[Tensor, Tensor]:
    """Return points (count,) of N(0, 1) and the logarithms of their weights, for quadrature over latents or noise."""
    cells = Cells(-6.0, 6.0, count)
    log_weights = gaussian(0.0, 1.0).log_density(cells.points) + np.log(cells.width)
    return torch.from_numpy(cells.points), torch.from_numpy(log_weights)


def _claims_of_bound(autoencoder: Autoencoder, law: Array) -> list[Claim]:
    bound, gap = bound_and_gap(autoencoder)
    density = data()[0]
    likely = np.exp(density) > 0.01
    mean_bound = CELLS.integral(np.exp(density) * bound)
    return [
        Claim(
            "VAE: bound ≤ log p(x), the largest excess over all x", 0.0, float((bound - law)[likely].max()), 1e-4, "≤"
        ),
        Claim(
            "VAE: log p(x) = bound + KL(q ‖ posterior), the largest error",
            0.0,
            _largest(bound + gap - law, likely),
            1e-4,
        ),
        Claim(
            "VAE: mean bound ≤ −H(p_d), the best there is", -distances.entropy(density, CELLS), mean_bound, 1e-6, "≤"
        ),
    ]


def _largest(errors: Array, where: NDArray[np.bool_]) -> float:
    return float(np.abs(errors[where]).max())


def _draw_laws(laws: dict[str, Array]) -> Drawing:
    shown = np.abs(CELLS.points) < 1.05
    with charts.figure(5.8, 3.0) as figure:
        axes = figure.subplots()
        axes.fill_between(CELLS.points[shown], np.exp(data()[0])[shown], color="0.87", label="data")
        for (name, law), style in zip(laws.items(), charts.LINES, strict=False):
            axes.plot(CELLS.points[shown], np.exp(law)[shown], style, label=name)
        axes.set(xlabel="x", ylabel="density")
        axes.legend()
        return Drawing(charts.svg(figure), "One density and what each model made of it, by quadrature.")
