"""Other models of the thesis: noise-contrastive estimation and variational autoencoders.

Three ways to learn one density, of which only the first two write it down.

Noise-contrastive estimation (Gutmann and Hyvärinen 2010) fits an unnormalised density by telling data from noise of a
known density p_n. Put log p_m(x) = −E(x) + c into a discriminator as the logit log p_m(x) − log p_n(x): theorem 1 then
makes p_m = p_d, the constant c = −log Z included, with nothing but lienzo's discriminator step. From T data and T
draws of noise the estimate has, for large T (their theorem 3), the covariance Σ/T with

    Σ = I⁻¹ − 2 I⁻¹ e eᵀ I⁻¹,   I = ∫ g gᵀ P p_d,   e = ∫ g P p_d,   P = p_n / (p_d + p_n),

where g is the gradient of log p_m by the parameters; the mean squared error falls as tr Σ / T.

A variational autoencoder (Kingma and Welling 2014) raises a bound on the likelihood of each x,

    log p(x) = E over q(z | x) of log p(x | z) − KL(q(z | x) ‖ p(z)) + KL(q(z | x) ‖ p(z | x)),

by leaving the last term out, which is not negative. With one latent every integral here is known exactly.

A generative adversarial network has no density to maximise, yet its generator's law is known exactly too: seen through
the same Gaussian noise as the autoencoder's decoder, p_g(x) = ∫ N(z; 0, 1) N(x; G(z), s²) dz.
"""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from torch import Tensor, nn
from torch.func import functional_call, grad, hessian

from lienzo import charts, seeds
from lienzo.autoencoding import Autoencoding
from lienzo.likelihood import EvidenceBound
from lienzo.nets.contrast import Contrast
from lienzo.nets.mlp import MLP, perceptron
from lienzo.nets.vae import VAE, Autoencoder, Observed
from lienzo.objectives import Minimax, NonSaturating, Regularisation
from lienzo.theory import distances, players
from lienzo.theory.finding import Claim, Drawing, Finding, Table
from lienzo.theory.laws import Array, Cells, gaussian, levels

CELLS = Cells(-1.6, 1.6, 1600)
BATCH = 512
NOISE = 0.5
"""Standard deviation of the noise that data are told from."""

BLUR = 0.06
"""Standard deviation s of the noise through which the decoder and the generator are seen."""

SIZES = (250, 500, 1000, 2000, 4000)
"""T: data, and as many draws of noise."""

REPEATS = 200
TRUTH = (4.0, 2.0)
"""Coefficients of the energy of the data."""


class DoubleWell(nn.Module):
    """The energy −a (2x)² + b (2x)⁴ of pictures of one pixel: two wells at x = ±½√(a/2b), with no known integral."""

    def __init__(self, quadratic: float, quartic: float) -> None:
        super().__init__()
        self.quadratic = nn.Parameter(torch.tensor(quadratic, dtype=torch.float64))
        self.quartic = nn.Parameter(torch.tensor(quartic, dtype=torch.float64))

    def forward(self, images: Tensor) -> Tensor:
        """Return E(x), (N,), of pictures (N, 1, 1, 1)."""
        square = (2 * images.flatten()).square()
        return -self.quadratic * square + self.quartic * square.square()


@dataclass(frozen=True)
class Estimates:
    """Noise-contrastive estimates of (a, b, c) from samples of growing size."""

    errors: tuple[Array, ...]
    """(REPEATS, 3) estimate − truth, for each size."""

    variance: float
    """tr Σ."""

    @property
    def mean_square(self) -> Array:
        """Return E‖error‖², (sizes,)."""
        return np.array([(error**2).sum(1).mean() for error in self.errors])

    @property
    def standard_error(self) -> Array:
        """Return the standard error of ``mean_square``, (sizes,)."""
        return np.array([(error**2).sum(1).std(ddof=1) / len(error) ** 0.5 for error in self.errors])


def experiment(seed: int) -> Generator[str, None, Finding]:
    """Estimate one density by noise contrast, by an autoencoder and by a game, and compare them by exact KL."""
    yield "noise-contrastive estimation from samples of growing size"
    estimates = estimate(seed)
    claims = _claims_of_estimates(estimates)
    laws: dict[str, Array] = {}
    yield "noise-contrastive estimation of a network"
    laws["NCE"] = contrast(seed)
    yield "a variational autoencoder"
    autoencoder = autoencode(seed)
    laws["VAE"] = observed_law(autoencoder.decoder)
    claims += _claims_of_bound(autoencoder, laws["VAE"])
    yield "a generative adversarial network"
    laws["GAN"] = play(seed)
    compared, table = compare(laws)
    return Finding(
        name="other-models",
        title="Noise-contrastive estimation and variational autoencoders beside the GAN",
        mathematics=str(__doc__),
        claims=(*claims, *compared),
        drawings=(_draw_estimates(estimates), _draw_laws(laws)),
        tables=(table, _table_of_estimates(estimates)),
    )


def data() -> tuple[Array, float]:
    """Return log p_d at the cells' midpoints, and log Z of its energy, both by quadrature."""
    with torch.no_grad():
        energy = DoubleWell(*TRUTH)(torch.from_numpy(CELLS.points)).numpy()
    log_partition = float(logsumexp(-energy) + np.log(CELLS.width))
    return -energy - log_partition, log_partition


def estimate(seed: int) -> Estimates:
    """Fit (a, b, c) to many samples by Newton's method on lienzo's loss, which is convex in them."""
    density, log_partition = data()
    truth = torch.tensor([*TRUTH, -log_partition], dtype=torch.float64)
    model, objective = Contrast(DoubleWell(*TRUTH), _log_noise), Minimax()

    def loss(parameters: Tensor, real: Tensor, noise: Tensor) -> Tensor:
        named = dict(zip(("energy.quadratic", "energy.quartic", "constant"), parameters, strict=True))
        logits = (functional_call(model, named, (images,)) for images in (real, noise))
        return objective.discriminator(*logits)

    def newton(parameters: Tensor, real: Tensor, noise: Tensor) -> Tensor:
        step = torch.linalg.solve(hessian(loss)(parameters, real, noise), grad(loss)(parameters, real, noise))
        better: Tensor = parameters - step
        return better

    errors = []
    for size in SIZES:
        random = seeds.numpy_generator(seed, "theory/nce", size)
        real = torch.from_numpy(CELLS.quantiles(density, random.random(REPEATS * size)).reshape(REPEATS, size))
        noise = torch.from_numpy(NOISE * random.normal(size=(REPEATS, size)))
        found = truth.repeat(REPEATS, 1)
        for _ in range(5):
            found = torch.vmap(newton, chunk_size=32)(found, real, noise)
        errors.append((found - truth).detach().numpy())
    return Estimates(tuple(errors), float(np.trace(_covariance(density))))


def contrast(seed: int, updates: int = 1000) -> Array:
    """Return log p_m at the cells' midpoints, learnt by a perceptron as energy, with its own constant."""
    rate, density = 5e-3, data()[0]
    noise = perceptron(1, [], 1)
    noise.load_state_dict({"0.weight": torch.tensor([[NOISE]]), "0.bias": torch.zeros(1)})
    with players.weights_from(seed):
        model = Contrast(MLP(1, 64, 3).discriminator(players.LINE), _log_noise)
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
    """Return a variational autoencoder of one latent, trained by lienzo's step."""
    rate, density = 3e-3, data()[0]
    with players.weights_from(seed):
        autoencoder = VAE(latents=1, width=64, depth=2).autoencoder(players.LINE)
    learning = Autoencoding(autoencoder, EvidenceBound(BLUR), players.adam(autoencoder, rate, (0.9, 0.99)))
    for update in range(updates):
        players.set_rate(learning.optimizer, rate, update / updates)
        random = seeds.numpy_generator(seed, "theory/vae", update)
        noise = torch.from_numpy(random.normal(size=(BATCH, 1)).astype(np.float32))
        learning.step(_real(density, random), noise)
    return autoencoder


def play(seed: int, updates: int = 1000) -> Array:
    """Return log p_g at the cells' midpoints, of a generator seen through the same noise as the decoder."""
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
        game.step(_real(density, random)[None], latents[None])
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
    """Return lienzo's bound at each x, and KL(q(z | x) ‖ p(z | x)) by quadrature over z, both (cells,)."""
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
    """Return the claims about each model's exact distance from the data, and their table."""
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


def _log_noise(images: Tensor) -> Tensor:
    return -0.5 * (images.flatten() / NOISE).square() - float(np.log(NOISE * np.sqrt(2 * np.pi)))


def _real(density: Array, random: np.random.Generator) -> Tensor:
    return players.pictures(CELLS.quantiles(density, levels(BATCH, random)))


def _normal_cells(count: int) -> tuple[Tensor, Tensor]:
    """Return points (count,) of N(0, 1) and the logarithms of their weights, for quadrature over latents or noise."""
    cells = Cells(-6.0, 6.0, count)
    log_weights = gaussian(0.0, 1.0).log_density(cells.points) + np.log(cells.width)
    return torch.from_numpy(cells.points), torch.from_numpy(log_weights)


def _covariance(density: Array) -> Array:
    """Return Σ (3, 3) by quadrature."""
    square = (2 * CELLS.points) ** 2
    gradient = np.stack([square, -(square**2), np.ones_like(square)])
    noise = gaussian(0.0, NOISE).log_density(CELLS.points)
    weights = np.exp(density + noise - np.logaddexp(density, noise)) * CELLS.width
    information, mean = (gradient * weights) @ gradient.T, gradient @ weights
    inverse: Array = np.linalg.inv(information)
    covariance: Array = inverse - 2 * np.outer(inverse @ mean, inverse @ mean)
    return covariance


def _claims_of_estimates(estimates: Estimates) -> list[Claim]:
    falling = np.cov(np.log(SIZES), np.log(estimates.mean_square))
    slope = float(falling[0, 1] / falling[0, 0])
    claims = [
        Claim(
            f"NCE, T = {size}: T · E‖error‖² = tr Σ",
            estimates.variance,
            size * float(estimates.mean_square[i]),
            4 * size * float(estimates.standard_error[i]),
        )
        for i, size in enumerate(SIZES)
        if size >= 1000
    ]
    constant = estimates.errors[-1][:, 2]
    spread = float(constant.std(ddof=1))
    return [
        *claims,
        Claim("NCE: the error falls as T to the power −1", -1.0, slope, 0.15),
        Claim(
            f"NCE, T = {SIZES[-1]}: log Z of the energy, mean of {REPEATS} estimates",
            data()[1],
            data()[1] - float(constant.mean()),
            4 * spread / REPEATS**0.5 + spread**2,
        ),
    ]


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


def _table_of_estimates(estimates: Estimates) -> Table:
    return Table(
        f"Noise-contrastive estimates of (a, b, c), {REPEATS} samples of each size",
        ("T", "E‖error‖²", "standard error", "tr Σ / T", "mean of log Z", "true log Z"),
        tuple(
            (
                size,
                float(estimates.mean_square[i]),
                float(estimates.standard_error[i]),
                estimates.variance / size,
                data()[1] - float(estimates.errors[i][:, 2].mean()),
                data()[1],
            )
            for i, size in enumerate(SIZES)
        ),
    )


def _draw_estimates(estimates: Estimates) -> Drawing:
    with charts.figure(5.2, 3.0) as figure:
        axes = figure.subplots()
        axes.plot(SIZES, estimates.variance / np.array(SIZES), "-", label="tr Σ / T, the theory of 2010")
        axes.errorbar(
            SIZES, estimates.mean_square, 2 * estimates.standard_error, fmt="o", label="measured, ± 2 standard errors"
        )
        axes.set(xscale="log", yscale="log", xlabel="data, and draws of noise, T", ylabel="E‖error‖² of (a, b, c)")
        axes.set_xticks(SIZES, [str(size) for size in SIZES])
        axes.set_yticks((marks := (0.02, 0.05, 0.1, 0.2, 0.5)), [str(mark) for mark in marks])
        axes.minorticks_off()
        axes.legend()
        return Drawing(
            charts.svg(figure), "Noise-contrastive estimation: the error of the parameters and of log Z falls as 1/T."
        )


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
