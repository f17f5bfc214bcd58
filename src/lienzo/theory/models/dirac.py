"""The Dirac-GAN, the smallest GAN: one real point at 0, one generated point at θ, and a linear discriminator.

Mescheder, Geiger and Nowozin 2018, definition 2.1, with the bias that some objectives need: D(x) = ψ x + b.
"""

import itertools

import numpy as np
import torch
from numpy.typing import NDArray

from lienzo.networks.configurations import MLP
from lienzo.networks.mlp import perceptron
from lienzo.recipe.objectives import Objective, Regularisation
from lienzo.theory.models.laws import Array
from lienzo.theory.models.players import LINE
from lienzo.training.game import Game, StepInputs


class Dirac:
    """A Dirac-GAN trained by :class:`lienzo.training.game.Game` with SGD; its parameters are θ, ψ and b."""

    def __init__(
        self,
        objective: Objective,
        regularisation: Regularisation,
        rate: float,
        *,
        theta: float,
        psi: float,
        bias: bool = True,
        level: float = 0.0,
    ) -> None:
        """Make a generator and a discriminator with these parameters.

        Args:
            objective: the losses of both.
            regularisation: gradient penalties of the discriminator.
            rate: learning rate h of both.
            theta: first value of θ, the generator's point.
            psi: first value of ψ, the discriminator's slope.
            bias: whether the discriminator learns b too.
            level: first value of b.
        """
        generator = perceptron(1, [], 1)  # its latents are always 0, so that its output is its bias
        discriminator = MLP(depth=0).discriminator(LINE)
        self.theta = next(p for name, p in generator.named_parameters() if name.endswith("bias"))
        self.psi, self.level = discriminator.parameters()
        with torch.no_grad():
            for parameter, value in ((self.theta, theta), (self.psi, psi), (self.level, level)):
                parameter.fill_(value)
        learning = [self.psi, self.level] if bias else [self.psi]
        self.game = Game(
            generator,
            discriminator,
            objective,
            torch.optim.SGD([self.theta], rate),
            torch.optim.SGD(learning, rate),
            regularisation,
        )
        self.nothing = torch.zeros(1, 1)
        self.mix = torch.full((1,), 0.5)

    def step(self, simultaneous: bool = False) -> None:
        """Take one training step: first the discriminator, then the generator against the new one, or both at once."""
        real = self.nothing
        if simultaneous:
            fake = self.game.generator(self.nothing)
            self.game.generator_step(real, [fake])
            self.game.discriminator_step(real, fake, self.mix)
        else:
            self.game.step(StepInputs(real[None], self.nothing[None], self.mix[None]))

    def position(self) -> Array:
        """Return the parameters (θ, ψ, b), (3,)."""
        return np.array([float(parameter.detach()) for parameter in (self.theta, self.psi, self.level)])


def jacobian(
    objective: Objective, regularisation: Regularisation, level: float, simultaneous: bool, rate: float
) -> Array:
    """Return the Jacobian (3, 3) of one training step at θ = ψ = 0, b = ``level``, by central differences.

    A simultaneous step of rate h has the Jacobian I + hJ, J being that of the vector field of both players' descent.
    """
    rest, reach = np.array([0.0, 0.0, level]), 0.01
    columns = []
    for direction in np.eye(3):
        ends = []
        for sign in (1.0, -1.0):
            theta, psi, at = rest + sign * reach * direction
            dirac = Dirac(objective, regularisation, rate, theta=theta, psi=psi, level=at)
            dirac.step(simultaneous)
            ends.append(dirac.position())
        columns.append((ends[0] - ends[1]) / (2 * reach))
    return np.stack(columns, 1)


def spectrum(matrix: Array) -> NDArray[np.complex128]:
    """Return the eigenvalues of a matrix (n, n), or NaN where it is not finite."""
    if not np.isfinite(matrix).all():
        return np.full(len(matrix), complex(np.nan, np.nan))
    return np.linalg.eigvals(matrix).astype(np.complex128)


def spectral_error(measured: NDArray[np.complex128], predicted: NDArray[np.complex128]) -> float:
    """Return the largest difference between two spectra (n,), over the pairing for which it is smallest."""
    return float(min(np.abs(measured - list(order)).max() for order in itertools.permutations(predicted)))
