"""The recipe: everything that decides what a training run does, as one frozen value that TOML holds without loss.

It is read without PyTorch.
"""

import dataclasses
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import tomli_w

from lienzo.errors import RecipeError, refuse_below
from lienzo.networks.configurations import DCGAN, Network, times_grown
from lienzo.recipe import codec
from lienzo.recipe.annealing import Annealing
from lienzo.recipe.augmentation import Augmentation
from lienzo.recipe.likelihood import EvidenceBound
from lienzo.recipe.objectives import Hinge, Minimax, NonSaturating, Objective, Regularisation, Wasserstein
from lienzo.recipe.pretrained import Pretrained

SIGNED = (Minimax, NonSaturating, Hinge)
"""Objectives whose discriminator gives positive logits to what it takes for real, and negative ones to the rest."""


@dataclass(frozen=True)
class Adam:
    """The optimiser of one player (Kingma and Ba 2015)."""

    rate: float = 0.0002
    """Learning rate."""

    betas: tuple[float, float] = (0.5, 0.999)
    """Decay of the averages of the gradient and of its square."""

    def __post_init__(self) -> None:
        if self.rate <= 0:
            raise ValueError(f"the learning rate is {self.rate}; give a positive number.")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas are {list(self.betas)}; give two numbers from 0 on and below 1.")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a run does. Lengths are counted in pictures shown to the discriminator."""

    name: str
    """The recipe's name, which becomes part of file names."""

    network: Network
    """The configuration of generator and discriminator, or with an evidence bound of decoder and encoder."""

    objective: Objective | EvidenceBound
    """The losses of both networks."""

    regularisation: Regularisation = field(default_factory=Regularisation)
    """Penalties on the discriminator's gradient, and bounds on its weights."""

    augmentation: Augmentation = field(default_factory=Augmentation)
    """Random changes of pictures before the discriminator sees them, against learning few pictures by heart."""

    pretrained: Pretrained = field(default_factory=Pretrained)
    """A second discriminator, which sees pictures through a network that was trained on photographs."""

    generator_optimizer: Adam = field(default_factory=Adam)
    """The generator's optimiser; with an evidence bound, that of both networks."""

    discriminator_optimizer: Adam = field(default_factory=Adam)
    """The discriminator's optimiser."""

    labels: str = ""
    """Kind of the labels that condition the networks, such as style or folder; empty: no labels."""

    balanced: bool = False
    """Show every label equally often, however many pictures have it."""

    label_start: float = 0.0
    """Share of the training, at its beginning, in which pictures are shown without their labels, so that the networks
    learn to paint before they learn labels."""

    mismatched_labels: bool = False
    """Show the discriminator real pictures with the labels of others too, as what it has to refuse."""

    batch: int = 128
    """Pictures of one update."""

    accumulate: int = 1
    """Number of equal parts of a batch whose gradients are summed, for memory that does not hold the whole batch."""

    discriminator_steps: int = 1
    """Updates k of the discriminator for one of the generator."""

    average_half_life: int = 0
    """Half-life, in pictures, of the averaged generator that makes the samples; 0: no average."""

    average_ramp: float = 0.05
    """The half-life is at most this share of the pictures shown so far."""

    cool_down: float = 0.0
    """Share of the training, at its end, in which both learning rates fall, linearly to zero by default; 0: none."""

    annealing: Annealing = field(default_factory=Annealing)
    """How and to what rates fall during ``cool_down``, and what else changes then."""

    fade: int = 0
    """Pictures during which the new layers of a grown network are faded in, from the first on; 0: no fade."""

    epochs: float | None = 30.0
    """Length of training in passes over the collection; or ``images``."""

    images: int | None = None
    """Length of training in pictures; or ``epochs``."""

    tick: int = 1_280
    """Pictures between two lines of the log."""

    samples: int = 64
    """Number of fixed latents whose pictures show the progress of training."""

    sample_every: int = 25_600
    """Pictures between two drawings of the fixed latents, which are drawn at the end too."""

    evaluate_every: int = 0
    """Pictures between two measurements of KID (lite0, 1,000 pictures); the best generator is kept; 0: none."""

    on_trouble: Literal["stop", "warn", "rollback"] = "warn"
    """What to do when the discriminator has won or the generator has collapsed; rollback returns to an earlier state
    and halves both learning rates."""

    keep_epochs: bool = True
    """Keep a file of the generator at the end of every epoch."""

    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Precision of the networks' matrix products and convolutions; auto is bf16 where the hardware has it."""

    compile: bool = False
    """Fuse the networks' operations by ``torch.compile``, which slows the first step and speeds up the others."""

    seed: int = 0
    """Seed of all randomness."""

    def __post_init__(self) -> None:
        if (self.epochs is None) == (self.images is None):
            raise RecipeError("a recipe has a length either in epochs or in images: give one of the two.")
        counts = ("batch", "accumulate", "discriminator_steps", "tick", "samples", "sample_every")
        refuse_below(1, {name: getattr(self, name) for name in counts})
        refuse_below(0, {"evaluate_every": self.evaluate_every})
        self._check_parts()
        for name in ("epochs", "images"):
            if (length := getattr(self, name)) is not None and length <= 0:
                raise RecipeError(f"{name} is {length}, but training has to have a length: give a positive number.")
        if min(self.average_half_life, self.average_ramp) < 0:
            raise RecipeError("average_half_life and average_ramp cannot be negative; 0 means no average.")
        if self.average_ramp != Recipe.average_ramp and not self.average_half_life:
            raise RecipeError("average_ramp bounds average_half_life, which is 0 and no average: set both, or none.")
        if not 0 <= self.cool_down <= 1:
            raise RecipeError(f"cool_down is {self.cool_down}, but it is a share of the training: give 0 to 1.")
        if self.annealing != Annealing() and not self.cool_down:
            raise RecipeError(
                "annealing says what changes over cool_down, a share of the training that is 0: set it too, to 0.5 for "
                "the second half or 1 for all of it."
            )
        for name in ("r1", "r2"):
            if getattr(self.annealing, name) is not None and not getattr(self.regularisation, name):
                raise RecipeError(
                    f"annealing.{name} is where regularisation.{name} goes, which is 0 and no penalty: set both, or "
                    "none."
                )
        if not 0 <= self.fade <= (self.fade if self.images is None else self.images):
            raise RecipeError(f"fade is {self.fade}, but has to end within the training: give 0 to its length.")
        if self.fade and not times_grown(self.network):
            raise RecipeError(
                "fade brings in the new layers of a grown network, and this one has none: leave it out, "
                "or go on from a run with `lienzo grow`."
            )
        if not re.fullmatch(r"[\w.-]+", self.name):
            raise RecipeError(
                f"a recipe's name is part of file names, and '{self.name}' cannot be: "
                "use letters, digits, dots, dashes and underscores."
            )
        self._check_labels()
        self._check_objective()

    def _check_parts(self) -> None:
        """Refuse parts of a batch that are not equal, or too small for what is about several pictures."""
        if self.batch % self.accumulate:
            possible = ", ".join(str(parts) for parts in range(1, self.batch + 1) if self.batch % parts == 0)
            raise RecipeError(
                f"accumulate is {self.accumulate}, but has to divide the batch of {self.batch}: give one of {possible}."
            )
        if isinstance(self.network, DCGAN) and self.network.minibatch_deviation and self.batch == self.accumulate:
            raise RecipeError(
                "network.minibatch_deviation is how much pictures differ that are taken together, and every part of a "
                "batch is a single picture here: take a larger batch, fewer parts (accumulate), or set it to false."
            )

        if self.pretrained.windows and self.batch == self.accumulate:
            raise RecipeError(
                "pretrained.windows are of every second picture, and every part of a batch is a single picture here: "
                "take a larger batch, fewer parts (accumulate), or set it to false."
            )

    def _check_labels(self) -> None:
        """Refuse settings of labels that say nothing where there are none."""
        if self.balanced and not self.labels:
            raise RecipeError("balanced shows every label equally often: set labels to their kind, or leave it out.")
        if not 0 <= self.label_start < 1:
            raise RecipeError(
                f"label_start is {self.label_start}, but it is a share of the training: give 0 to less than 1."
            )
        if self.label_start and self.images and self.labels_begin > self.total - self.batch * self.discriminator_steps:
            raise RecipeError(
                f"label_start is {self.label_start}, which leaves no step of {self.images} pictures for labels: set it "
                "lower."
            )
        if self.label_start and not self.labels:
            raise RecipeError("label_start is when labels begin to count: set labels to their kind, or leave it out.")
        if self.mismatched_labels and not self.labels:
            raise RecipeError("mismatched_labels are those of other pictures: set labels to a kind, or leave it out.")
        if self.mismatched_labels and not isinstance(self.objective, EvidenceBound) and self.objective.relativistic:
            raise RecipeError(
                "the relativistic objective compares each real picture with one generated picture, and has no place "
                "for mismatched_labels: leave them out, or take another objective."
            )

    def _check_objective(self) -> None:
        """Refuse settings that the objective cannot do without, cannot do with, or would ignore."""
        bounded = self.network.lipschitz or self.regularisation != Regularisation()
        if isinstance(self.objective, Wasserstein) and not bounded:
            raise RecipeError(
                "the wasserstein objective holds for a critic of bounded slope only: set "
                "regularisation.gradient_penalty=10 (for a critic without batch normalisation), "
                "regularisation.clip=0.01, or, of dcgan, network.discriminator_norm=spectral."
            )
        if self.network.lipschitz and self.regularisation.clip:
            raise RecipeError(
                "spectral normalisation divides weights by their norm, so that regularisation.clip bounds nothing: "
                "leave one of them out."
            )
        if self.augmentation.policy == "ada" and type(self.objective) not in SIGNED:
            raise RecipeError(
                "the policy ada measures overfitting by the sign of D(x), which says real or generated with the "
                "objectives minimax, non-saturating and hinge only: choose one of them, or the policy diffaugment."
            )
        if not isinstance(self.objective, EvidenceBound):
            return
        if times_grown(self.network):
            raise RecipeError("an autoencoder does not grow: leave network.grown at 0, or take another objective.")
        if isinstance(self.network, DCGAN) and self.network.minibatch_deviation:
            raise RecipeError(
                "with network.minibatch_deviation an encoder's latents of a picture would depend on the others of its "
                "batch: leave it out, or take another objective."
            )
        augmentation = dataclasses.replace(self.augmentation, flips=False)
        ignored = {
            "discriminator_optimizer": self.discriminator_optimizer != Adam(),
            "discriminator_steps": self.discriminator_steps != 1,
            "accumulate": self.accumulate != 1,
            "labels": bool(self.labels),
            "regularisation": self.regularisation != Regularisation(),
            "pretrained": self.pretrained != Pretrained(),
            "augmentation (but for flips)": augmentation != Augmentation(),
        }
        given = [name for name, changed in ignored.items() if changed]
        if given:
            raise RecipeError(
                f"with the objective evidence-bound {', '.join(given)} would change nothing: "
                "leave that out, or take another objective."
            )

    @property
    def total(self) -> int:
        """Pictures shown in all, once the length is resolved: ``images``, rounded up to whole steps."""
        assert self.images is not None
        step = self.batch * self.discriminator_steps
        return -(-self.images // step) * step

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as plain values (numbers, texts, lists and dicts); what is None is left out."""
        return codec.to_dict(self)

    def to_toml(self) -> str:
        """Return the recipe as TOML."""
        return tomli_w.dumps(self.to_dict())

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Recipe":
        """Return the recipe that :meth:`to_dict` made.

        Raises:
            RecipeError: an unknown or missing key, or a value of the wrong type.
        """
        recipe = codec.from_plain(cls, values)
        assert isinstance(recipe, Recipe)
        return recipe

    @classmethod
    def from_toml(cls, path: Path) -> "Recipe":
        """Read a recipe from a file.

        Raises:
            RecipeError: no such file, no TOML, or no recipe.
        """
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            raise RecipeError(f"there is no recipe file {path}: check the path.") from None
        except UnicodeDecodeError:
            raise RecipeError(f"{path} is no text in UTF-8: save it as UTF-8.") from None
        except (ValueError, RecursionError) as error:  # no TOML; digits or brackets without end
            raise RecipeError(
                f"{path} is no TOML file ({error}): mend it, or start from `lienzo recipes NAME`."
            ) from None
        return cls.from_dict(values)

    def with_settings(self, settings: Sequence[str]) -> "Recipe":
        """Return the recipe with settings such as ``network.width=32`` changed, in whatever order they are given.

        Where ``name`` chooses another class of network or objective, the keys of that class that are not given have
        its defaults.

        Raises:
            RecipeError: an unknown key, a value of the wrong type, or settings that contradict one another.
        """
        return Recipe.from_dict(codec.changed(self.to_dict(), settings))

    def lasting(self, epochs: float | None, images: int | None) -> "Recipe":
        """Return the recipe with another length, where one is given."""
        if epochs is None and images is None:
            return self
        return dataclasses.replace(self, epochs=epochs, images=images)

    @property
    def labels_begin(self) -> float:
        """Pictures shown until labels begin to count, once the length is resolved; 0: from the first one on."""
        if not self.label_start:
            return 0.0
        assert self.images is not None
        return self.label_start * self.images

    def resolved(self, count: int) -> "Recipe":
        """Return the recipe with its length in pictures, for a collection of ``count`` pictures to train on.

        Raises:
            RecipeError: where the collection has fewer pictures than a batch.
        """
        if count < self.batch:
            raise RecipeError(
                f"the collection has {count} picture{'s' * (count != 1)} to train on, "
                f"fewer than one batch of {self.batch}: "
                f"add pictures, or make the batch smaller, as with --set batch={max(1, count // 4)}."
            )
        if self.epochs is None:
            return self
        return dataclasses.replace(self, epochs=None, images=max(1, round(self.epochs * count)))
