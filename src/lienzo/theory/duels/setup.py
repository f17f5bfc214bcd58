"""What a duel in the plane is made of, as a schema. Read without PyTorch."""

from typing import Annotated

import msgspec
from msgspec import Meta

from lienzo.recipe.objectives import OBJECTIVES, Objective, Regularisation
from lienzo.theory.models.clusters import PLANE_LAWS

PENALTIES: dict[str, str] = {
    "none": "Nothing bounds the discriminator's slope.",
    "r1": "γ/2 · E‖∇D(x)‖² on real points (Mescheder et al. 2018, equation 9): where the data are, D becomes flat.",
    "r1 and r2": "The same on real and on generated points (Huang et al. 2024).",
    "gradient penalty": "λ · E(‖∇D‖ − 1)² between real and generated points (Gulrajani et al. 2017, equation 3).",
    "clip": "Each weight of D is kept in [−c, c] (Arjovsky et al. 2017, algorithm 1).",
}
"""Every penalty by its name, and what it does."""

LARGEST_SEED = (1 << 53) - 1
"""The largest whole number that a browser holds exactly."""

Rate = Annotated[float, Meta(ge=0, le=0.1)]


class Setup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A duel in the plane: the same setup and the same number of steps give the same game on one machine."""

    law: Annotated[str, Meta(max_length=40)] = "ring of 8"
    """The law of the real points, a key of ``PLANE_LAWS``."""

    objective: Annotated[str, Meta(max_length=40)] = "non-saturating"
    """The losses of both players, a key of ``OBJECTIVES``."""

    penalty: Annotated[str, Meta(max_length=40)] = "none"
    """What bounds the discriminator's slope, a key of ``PENALTIES``."""

    weight: Annotated[float, Meta(ge=0, le=100)] = 0.1
    """The penalty's weight: γ, λ or c."""

    generator_rate: Rate = 0.002
    """Learning rate of the generator's Adam; 0 holds it still."""

    discriminator_rate: Rate = 0.002
    """Learning rate of the discriminator's Adam; 0 holds it still."""

    discriminator_steps: Annotated[int, Meta(ge=1, le=10)] = 1
    """Updates of the discriminator for each one of the generator: k of Algorithm 1."""

    momentum: Annotated[float, Meta(ge=0, le=0.99)] = 0.0
    """β₁ of both Adams; β₂ is 0.9."""

    batch: Annotated[int, Meta(ge=8, le=512)] = 128
    """Real points, and as many generated ones, in each update."""

    latents: Annotated[int, Meta(ge=1, le=16)] = 4
    """Dimension of z."""

    width: Annotated[int, Meta(ge=4, le=128)] = 64
    """Units of each hidden layer of both players."""

    depth: Annotated[int, Meta(ge=1, le=4)] = 2
    """Hidden layers of both players."""

    seed: Annotated[int, Meta(ge=0, le=LARGEST_SEED)] = 0
    """Seed of the weights, of the points and of the latents."""

    def __post_init__(self) -> None:
        for what, name, known in (
            ("law", self.law, PLANE_LAWS),
            ("objective", self.objective, OBJECTIVES),
            ("penalty", self.penalty, PENALTIES),
        ):
            if name not in known:
                raise ValueError(f"there is no {what} {name}: choose one of {', '.join(known)}")

    def objective_of(self) -> Objective:
        """Return the objective itself."""
        return OBJECTIVES[self.objective]()

    def regularisation(self) -> Regularisation:
        """Return the penalty as lienzo's recipes have it."""
        match self.penalty:
            case "r1":
                return Regularisation(r1=self.weight)
            case "r1 and r2":
                return Regularisation(r1=self.weight, r2=self.weight)
            case "gradient penalty":
                return Regularisation(gradient_penalty=self.weight)
            case "clip":
                return Regularisation(clip=self.weight)
            case _:
                return Regularisation()
