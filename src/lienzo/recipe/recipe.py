"""The recipe: everything that decides what a training run does, as one frozen value that TOML holds without loss."""

import dataclasses
import math
import re
import tomllib
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import tomli_w

from lienzo.errors import RecipeError, refuse_below, unknown
from lienzo.networks.families import NETS, Network, times_grown
from lienzo.recipe.augmentation import Augmentation
from lienzo.recipe.likelihood import LIKELIHOODS, EvidenceBound
from lienzo.recipe.objectives import OBJECTIVES, Hinge, Minimax, NonSaturating, Objective, Regularisation

NAMED: dict[Any, dict[str, type[Any]]] = {Network: NETS, Objective | EvidenceBound: OBJECTIVES | LIKELIHOODS}
"""Fields of these types are tables whose key ``name`` chooses a class from a dict."""


SIGNED = (Minimax, NonSaturating, Hinge)
"""Objectives of a discriminator that is above 0 on what it takes for real, and below on the rest."""


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
    """Of the recipe."""

    network: Network
    """The two players; with an evidence bound, decoder and encoder."""

    objective: Objective | EvidenceBound
    """What they want."""

    regularisation: Regularisation = field(default_factory=Regularisation)
    """What holds the discriminator's gradient in bounds."""

    augmentation: Augmentation = field(default_factory=Augmentation)
    """How pictures are changed before the discriminator sees them, where there are few."""

    generator_optimizer: Adam = field(default_factory=Adam)
    """How the generator learns."""

    discriminator_optimizer: Adam = field(default_factory=Adam)
    """How the discriminator learns."""

    labels: str = ""
    """Kind of the labels that the networks are conditioned on, such as style or folder; empty: no labels."""

    balanced: bool = False
    """Show every label equally often, however many pictures carry it."""

    batch: int = 128
    """Pictures of one update."""

    accumulate: int = 1
    """Equal parts of a batch whose gradients are summed, where the memory does not hold the whole batch at once."""

    discriminator_steps: int = 1
    """Updates k of the discriminator for one of the generator."""

    average_half_life: int = 0
    """Half-life in pictures of the averaged generator, from which samples then come; 0: no average."""

    average_ramp: float = 0.05
    """The half-life is at most this share of the pictures shown so far."""

    cool_down: float = 0.0
    """Share of the training, at its end, over which both learning rates fall linearly to zero."""

    fade: int = 0
    """Pictures over which the new layers of a grown network are faded in, from the beginning on; 0: all at once."""

    epochs: float | None = 30.0
    """Length of training in passes over the collection; or ``images``."""

    images: int | None = None
    """Length of training in pictures; or ``epochs``."""

    tick: int = 1_280
    """A line of the log every so many pictures."""

    samples: int = 64
    """Number of fixed latents that are drawn again and again."""

    sample_every: int = 25_600
    """Draw them every so many pictures, and at the end."""

    evaluate_every: int = 0
    """Measure KID (lite0, 1,000 pictures) every so many pictures, and keep the best generator; 0: never."""

    on_trouble: Literal["stop", "warn", "rollback"] = "warn"
    """When a discriminator has won or a generator has collapsed; rollback goes back and halves both learning rates."""

    keep_epochs: bool = True
    """Keep the generator of every epoch."""

    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Of the networks' products; auto is bf16 where the hardware has it."""

    compile: bool = False
    """Fuse the networks' operations by ``torch.compile``: the first step takes long, and all others less."""

    seed: int = 0
    """From which all randomness follows."""

    def __post_init__(self) -> None:
        if (self.epochs is None) == (self.images is None):
            raise RecipeError("a recipe has a length either in epochs or in images: give one of the two.")
        counts = ("batch", "accumulate", "discriminator_steps", "tick", "samples", "sample_every")
        refuse_below(1, {name: getattr(self, name) for name in counts})
        if self.batch % self.accumulate:
            possible = ", ".join(str(parts) for parts in range(1, self.batch + 1) if self.batch % parts == 0)
            raise RecipeError(
                f"accumulate is {self.accumulate}, but has to divide the batch of {self.batch}: give one of {possible}."
            )
        for name in ("epochs", "images"):
            if (length := getattr(self, name)) is not None and length <= 0:
                raise RecipeError(f"{name} is {length}, but training has to have a length: give a positive number.")
        if min(self.average_half_life, self.average_ramp) < 0:
            raise RecipeError("average_half_life and average_ramp cannot be negative; 0 means no average.")
        if self.balanced and not self.labels:
            raise RecipeError("balanced shows every label equally often: set labels to their kind, or leave it out.")
        if not 0 <= self.cool_down <= 1:
            raise RecipeError(f"cool_down is {self.cool_down}, but it is a share of the training: give 0 to 1.")
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
        self._check_objective()

    def _check_objective(self) -> None:
        """Refuse settings that the objective cannot do without, cannot do with, or would ignore."""
        bounded = self.regularisation != Regularisation()
        if OBJECTIVES["wasserstein"] is type(self.objective) and not bounded and "spectral" not in str(self.network):
            raise RecipeError(
                "the wasserstein objective holds for a critic of bounded slope only: set "
                "regularisation.gradient_penalty=10 (for a critic without batch normalisation), "
                "regularisation.clip=0.01, or, of dcgan, network.discriminator_norm=spectral."
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
        augmentation = dataclasses.replace(self.augmentation, flips=False)
        ignored = {
            "discriminator_optimizer": self.discriminator_optimizer != Adam(),
            "discriminator_steps": self.discriminator_steps != 1,
            "accumulate": self.accumulate != 1,
            "labels": bool(self.labels),
            "regularisation": self.regularisation != Regularisation(),
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
        """Pictures that are shown in all once the length is resolved: ``images``, and what the last step lacks."""
        assert self.images is not None
        step = self.batch * self.discriminator_steps
        return -(-self.images // step) * step

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as plain values; what is None is left out."""
        plain = _to_plain(self)
        assert isinstance(plain, dict)
        return plain

    def to_toml(self) -> str:
        """Return the recipe as TOML."""
        return tomli_w.dumps(self.to_dict())

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Recipe":
        """Return the recipe that :meth:`to_dict` made.

        Raises:
            RecipeError: an unknown or missing key, or a value of the wrong type.
        """
        recipe = _from_plain(cls, values, "")
        assert isinstance(recipe, Recipe)
        return recipe

    @classmethod
    def from_toml(cls, path: Path) -> "Recipe":
        """Read a recipe from a file.

        Raises:
            RecipeError: no such file, no TOML, or no recipe.
        """
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise RecipeError(f"there is no recipe file {path}: check the path.") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RecipeError(
                f"{path} is no TOML file ({error}): mend it, or start from `lienzo recipes NAME`."
            ) from None
        return cls.from_dict(values)

    def with_settings(self, settings: list[str]) -> "Recipe":
        """Return the recipe with settings such as ``network.width=32`` changed.

        Raises:
            RecipeError: an unknown key, or a value of the wrong type.
        """
        values = self.to_dict()
        for setting in settings:
            path, equals, text = setting.partition("=")
            if not equals:
                raise RecipeError(f"'{setting}' is no setting: write key=value, such as batch=64 or network.width=32.")
            *tables, key = path.strip().split(".")
            table = values
            for name in tables:
                if not isinstance(table.get(name), dict):
                    raise RecipeError(
                        unknown("table of a recipe", name, [k for k, v in table.items() if isinstance(v, dict)])
                    )
                table = table[name]
            if key == "name" and tables:
                table.clear()  # another class has other keys
            table[key] = read(text.strip())
            if not tables and key in ("epochs", "images"):
                values.pop({"epochs": "images", "images": "epochs"}[key], None)
        return Recipe.from_dict(values)

    def lasting(self, epochs: float | None, images: int | None) -> "Recipe":
        """Return the recipe with another length, where one is given."""
        if epochs is None and images is None:
            return self
        return dataclasses.replace(self, epochs=epochs, images=images)

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


def network_to_dict(network: Network) -> dict[str, Any]:
    """Return a network's name and configuration as plain values."""
    plain = _to_plain(network)
    assert isinstance(plain, dict)
    return plain


def network_from_dict(values: dict[str, Any]) -> Network:
    """Return the network that :func:`network_to_dict` wrote down.

    Raises:
        RecipeError: an unknown network, or one with other keys.
    """
    network: Network = _from_plain(Network, values, "network")
    return network


def read(text: str) -> Any:
    """Return the value of a setting as it is written on a command line: TOML, or a bare word."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text  # a bare word is a string


def _to_plain(value: Any) -> Any:
    if not dataclasses.is_dataclass(value):
        return list(value) if isinstance(value, tuple) else value
    plain: dict[str, Any] = {}
    for classes in NAMED.values():
        if type(value) in classes.values():
            plain["name"] = next(name for name, known in classes.items() if known is type(value))
    for entry in dataclasses.fields(value):
        if (part := getattr(value, entry.name)) is not None:
            plain[entry.name] = _to_plain(part)
    return plain


def _from_plain(kind: Any, value: Any, where: str) -> Any:
    """Turn a TOML value into what the annotation ``kind`` of the key ``where`` says."""
    if kind in NAMED:
        table = dict(_expect(dict, value, where, "a table"))
        name = table.pop("name", None)
        if name not in NAMED[kind]:
            raise RecipeError(unknown(where, str(name), NAMED[kind]))
        return _from_plain(NAMED[kind][name], table, where)
    if dataclasses.is_dataclass(kind):
        return _from_table(kind, _expect(dict, value, where, "a table"), where)
    if typing.get_origin(kind) is types.UnionType:
        return _from_plain(next(choice for choice in typing.get_args(kind) if choice is not type(None)), value, where)
    if typing.get_origin(kind) is Literal:
        if value not in typing.get_args(kind):
            raise RecipeError(unknown(f"value of {where}", str(value), typing.get_args(kind)))
        return value
    if typing.get_origin(kind) is tuple:
        parts = typing.get_args(kind)
        wanted = f"a list of {len(parts)} numbers, such as [0.5, 0.999]"
        values = _expect(list, value, where, wanted)
        if len(values) != len(parts):
            raise RecipeError(f"{where} is {value!r}, but has to be {wanted}.")
        return tuple(_from_plain(part, item, where) for part, item in zip(parts, values, strict=True))
    if kind is float:
        number = float(_expect((int, float), value, where, "a number"))
        if not math.isfinite(number):
            raise RecipeError(f"{where} is {value!r}, but has to be a finite number.")
        return number
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    return _expect(kind, value, where, {int: "a whole number", bool: "true or false", str: "a text"}[kind])


def _from_table(kind: Any, table: dict[str, Any], where: str) -> Any:
    hints = typing.get_type_hints(kind)
    names = [entry.name for entry in dataclasses.fields(kind)]
    prefix = f"{where}." if where else ""
    for key in table:
        if key not in names:
            raise RecipeError(unknown("key of a recipe", prefix + key, [prefix + name for name in names]))
    arguments = {key: _from_plain(hints[key], value, prefix + key) for key, value in table.items()}
    missing = {e.name for e in dataclasses.fields(kind) if _required(e)} - arguments.keys()
    if missing:
        raise RecipeError(f"the recipe lacks {', '.join(sorted(prefix + name for name in missing))}: add it.")
    if kind is Recipe:
        arguments.setdefault("epochs", None)  # to_dict leaves out what is None
    try:
        return kind(**arguments)
    except RecipeError:
        raise
    except ValueError as error:
        raise RecipeError(f"{where}: {error}") from None


def _required(entry: "dataclasses.Field[Any]") -> bool:
    return entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING


def _expect(kind: Any, value: Any, where: str, what: str) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise RecipeError(f"{where} is {value!r}, but has to be {what}.")
    return value
