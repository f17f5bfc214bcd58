"""The smallest game there is: one real point at 0, one painted point at θ, a linear discriminator.

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
    """lienzo's game of two players of one parameter each (and a bias), learning by plain gradient steps."""

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
        """Put the players at (θ, ψ, b).

        Args:
            objective: what they want.
            regularisation: of the discriminator.
            rate: step h of both.
            theta: where the generator begins.
            psi: slope with which the discriminator begins.
            bias: whether the discriminator learns b too.
            level: b at the beginning.
        """
        generator = perceptron(1, [], 1)  # its latents are 0: what it paints is its bias
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
        """Play once: the discriminator first and the generator against the new one, or both at the same time."""
        real = self.nothing
        if simultaneous:
            fake = self.game.generator(self.nothing)
            self.game.generator_step(real, [fake])
            self.game.discriminator_step(real, fake, self.mix)
        else:
            self.game.step(StepInputs(real[None], self.nothing[None], self.mix[None]))

    def position(self) -> Array:
        """Return (θ, ψ, b)."""
        return np.array([float(parameter.detach()) for parameter in (self.theta, self.psi, self.level)])


def jacobian(
    objective: Objective, regularisation: Regularisation, level: float, simultaneous: bool, rate: float
) -> Array:
    """Return the Jacobian (3, 3) of one step of play at θ = ψ = 0, b = ``level``, by central differences.

    A simultaneous step of rate h has the Jacobian I + hJ, where J is that of the field along which the players move.
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
    """Return the largest difference of two spectra, paired in the best way."""
    return float(min(np.abs(measured - list(order)).max() for order in itertools.permutations(predicted)))
