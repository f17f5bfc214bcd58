"""The error of noise-contrastive estimation as a function of the sample size, compared with the theory of 2010."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call, grad, jacrev

from lienzo import seeds
from lienzo.display import charts
from lienzo.networks.contrast import Contrast
from lienzo.recipe.objectives import Minimax
from lienzo.theory.finding import Claim, Drawing, Table
from lienzo.theory.models import distances
from lienzo.theory.models.double_well import CELLS, NOISE, TRUTH, DoubleWell, data, log_noise
from lienzo.theory.models.laws import Array, gaussian

SIZES = (500, 1000, 2000, 4000)
"""Sample sizes T, each the number of data points and of points of noise."""

DRAWS = 400_000
"""Number of data points of all samples of one size together."""


@dataclass(frozen=True)
class Estimates:
    """Noise-contrastive estimates of (a, b, c) from samples of growing size."""

    errors: tuple[Array, ...]
    """Estimate − truth of each sample, (samples, 3), for each size."""

    covariance: Array
    """The covariance Σ that the theory predicts for √T · error, (3, 3)."""

    @property
    def mean_square(self) -> Array:
        """Return the mean squared error ‖error‖² for each size, (sizes,)."""
        return np.array([(error**2).sum(1).mean() for error in self.errors])

    @property
    def standard_error(self) -> Array:
        """Return the standard error of ``mean_square``, (sizes,)."""
        return np.array([distances.monte_carlo((error**2).sum(1))[1] for error in self.errors])

    @property
    def scaled(self) -> Array:
        """Return T · error² of every sample of every size, (samples, 3): its mean is the diagonal of Σ."""
        return np.concatenate([size * error**2 for size, error in zip(SIZES, self.errors, strict=True)])


def estimate(seed: int) -> Estimates:
    """Fit (a, b, c) to many samples by Newton's method on lienzo's loss, which is convex in them."""
    density, log_partition = data()
    truth = torch.tensor([*TRUTH, -log_partition], dtype=torch.float64)
    model, objective = Contrast(DoubleWell(*TRUTH), log_noise), Minimax()

    def loss(parameters: Tensor, real: Tensor, noise: Tensor) -> Tensor:
        named = dict(zip(("energy.quadratic", "energy.quartic", "constant"), parameters, strict=True))
        logits = (functional_call(model, named, (images,)) for images in (real, noise))
        return objective.discriminator(*logits)

    def newton(parameters: Tensor, real: Tensor, noise: Tensor) -> Tensor:
        # jacrev(grad) and not hessian: differentiating forwards, PyTorch 2.13 warns of what it itself calls
        step = torch.linalg.solve(jacrev(grad(loss))(parameters, real, noise), grad(loss)(parameters, real, noise))
        better: Tensor = parameters - step
        return better

    errors = []
    for size in SIZES:
        random = seeds.numpy_generator(seed, "theory/nce", size)
        real = torch.from_numpy(CELLS.quantiles(density, random.random(DRAWS)).reshape(-1, size))
        noise = torch.from_numpy(NOISE * random.normal(size=real.shape))
        found = truth.repeat(len(real), 1)
        for _ in range(5):
            found = torch.vmap(newton, chunk_size=32)(found, real, noise)
        errors.append((found - truth).detach().numpy())
    return Estimates(tuple(errors), _covariance(density))


def claims_of(estimates: Estimates) -> list[Claim]:
    """Return the claims that the errors are what the theory predicts."""
    total, total_error = distances.monte_carlo(estimates.scaled.sum(1))
    constant, constant_error = distances.monte_carlo(estimates.scaled[:, 2])
    away = np.log(SIZES) - np.log(SIZES).mean()
    slope = float(away @ np.log(estimates.mean_square) / (away @ away))
    relative = estimates.standard_error / estimates.mean_square
    log_partition, last = data()[1], estimates.errors[-1][:, 2]
    mean, mean_error = distances.monte_carlo(last)
    return [
        Claim("NCE: T · E‖error‖² = tr Σ", float(np.trace(estimates.covariance)), total, 4 * total_error),
        Claim(
            "NCE: T · E(error of log Z)² = Σ of log Z", float(estimates.covariance[2, 2]), constant, 4 * constant_error
        ),
        Claim(
            "NCE: the squared error falls as T to the power −1",
            -1.0,
            slope,
            4 * float(np.sqrt(((away * relative) ** 2).sum()) / (away @ away)),
        ),
        Claim(
            f"NCE, T = {SIZES[-1]}: log Z of the energy, mean of {len(last)} estimates",
            log_partition,
            log_partition - mean,
            4 * mean_error + float(last.var()),  # the bias is of the order of the variance
        ),
    ]


def table_of(estimates: Estimates) -> Table:
    """Return the errors for each size."""
    return Table(
        "Noise-contrastive estimates of (a, b, c)",
        ("T", "samples", "E‖error‖²", "standard error", "tr Σ / T", "mean of log Z", "true log Z"),
        tuple(
            (
                size,
                len(estimates.errors[i]),
                float(estimates.mean_square[i]),
                float(estimates.standard_error[i]),
                float(np.trace(estimates.covariance)) / size,
                data()[1] - float(estimates.errors[i][:, 2].mean()),
                data()[1],
            )
            for i, size in enumerate(SIZES)
        ),
    )


def draw(estimates: Estimates) -> Drawing:
    """Draw the errors beside the theory."""
    with charts.figure(5.2, 3.0) as figure:
        axes = figure.subplots()
        axes.plot(SIZES, np.trace(estimates.covariance) / np.array(SIZES), "-", label="tr Σ / T, the theory of 2010")
        axes.errorbar(
            SIZES, estimates.mean_square, 2 * estimates.standard_error, fmt="o", label="measured, ± 2 standard errors"
        )
        axes.set(xscale="log", yscale="log", xlabel="data, and draws of noise, T", ylabel="E‖error‖² of (a, b, c)")
        axes.set_xticks(SIZES, [str(size) for size in SIZES])
        axes.set_yticks((marks := (0.02, 0.05, 0.1, 0.2)), [str(mark) for mark in marks])
        axes.minorticks_off()
        axes.legend()
        return Drawing(
            charts.svg(figure), "Noise-contrastive estimation: the error of the parameters and of log Z falls as 1/T."
        )


def _covariance(density: Array) -> Array:
    """Return the predicted covariance Σ, (3, 3), by quadrature."""
    square = (2 * CELLS.points) ** 2
    gradient = np.stack([square, -(square**2), np.ones_like(square)])
    noise = gaussian(0.0, NOISE).log_density(CELLS.points)
    weights = np.exp(density + noise - np.logaddexp(density, noise)) * CELLS.width
    information, mean = (gradient * weights) @ gradient.T, gradient @ weights
    inverse: Array = np.linalg.inv(information)
    covariance: Array = inverse - 2 * np.outer(inverse @ mean, inverse @ mean)
    return covariance
