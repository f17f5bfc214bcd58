"""Directions in the space of latents, with names, kept in a file."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from lienzo.errors import InputError, unknown
from lienzo.generation import opening
from lienzo.run.run import Run
from lienzo.storage import schemas, sealed, tensors

ALONG = re.compile(r"\s*(?P<name>.+?)\s*=\s*(?P<distance>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*")
"""A step along a direction, such as ``brighter=2.5``."""

NAME = re.compile(r"\s*(?P<number>\d{1,9})\s*=\s*(?P<name>.+?)\s*")
"""A name that someone gives to a direction, such as ``0=storm``."""

SAME = 0.999
"""Two vectors are the same direction where their cosine is above this."""


def beside(source: str | Path | Run) -> Path:
    """Return where the directions of a generator are kept; see :func:`lienzo.generation.opening.beside`."""
    return opening.beside(source, "directions")


def parse_names(texts: Iterable[str]) -> dict[int, str]:
    """Return the names of directions by their numbers, from texts such as ``0=storm``.

    Raises:
        InputError: one of them is not written like this.
    """
    found = {text: NAME.fullmatch(text) for text in texts}
    for text, parts in found.items():
        if not parts:
            raise InputError(f"'{text}' names no direction: write its number and a name, such as 0=storm.")
    return {int(parts["number"]): parts["name"] for parts in found.values() if parts}


@dataclass(frozen=True)
class Effect:
    """What one direction does to pictures."""

    size: float
    """Mean distance in features between both ends of it, divided by that between two pictures of different seeds."""

    repeatability: float
    """Mean cosine between what it does to the features of one seed's picture and of another's: 1 where it does the same
    to all, 0 where what it does depends on the seed alone."""

    correlations: dict[str, float]
    """Attribute or label -> correlation, within seeds, of how far one goes along the direction with how much of it a
    picture has; from −1 to 1."""

    suggestion: str
    """A name for it; empty where it goes with nothing that is measured."""


@dataclass(frozen=True)
class Directions:
    """Unit vectors of one generator's latents, the most telling first."""

    vectors: NDArray[np.float32]
    """(k, latents), each of length 1, so that a step of 1 is one standard deviation of the latents."""

    names: tuple[str, ...]
    """Name of each: given by a person, suggested by what it changes, or its number."""

    generator: str
    """The fingerprint of the generator that they belong to."""

    method: str
    """Method that found them: ``weights`` or ``activations``."""

    given: frozenset[int] = frozenset()
    """Numbers of those whose names someone gave."""

    effects: tuple[Effect, ...] = ()
    """What each of them does; none where that was not measured."""

    def named(self, names: dict[int, str]) -> "Directions":
        """Return them with other names for some, by number from 0 on.

        Raises:
            InputError: no such number, or a name that another direction has.
        """
        for number in names:
            if not 0 <= number < len(self.names):
                raise InputError(f"there is no direction {number}: they are numbered from 0 to {len(self.names) - 1}.")
        taken = {name for number, name in names.items() if number not in self.given}
        free = (  # a name that was only suggested makes way
            f"{name} ({number})" if name in taken and number not in self.given else name
            for number, name in enumerate(self.names)
        )
        changed = tuple(names.get(number, name) for number, name in enumerate(free))
        for name in names.values():
            if changed.count(name) > 1 or "=" in name or not name.strip():
                raise InputError(
                    f"'{name}' cannot be the name of a direction: choose one that no other has, without =."
                )
        return replace(self, names=changed, given=self.given | names.keys())

    def inheriting(self, earlier: "Directions") -> "Directions":
        """Return them under names that someone gave to the same vectors earlier, but for those given to others now."""
        alike, taken = self._alike(earlier), {self.names[number] for number in self.given}
        inherited = [old for old in earlier.given if alike[:, old].any() and earlier.names[old] not in taken]
        found = {int(alike[:, old].argmax()): earlier.names[old] for old in inherited}
        return self.named({number: name for number, name in found.items() if number not in self.given})

    def joined(self, earlier: "Directions") -> "Directions":
        """Return them, and behind them those to which someone gave names earlier and that are not among them.

        A name that was only suggested makes way; one that someone gives to another direction now is that one's.
        """
        alike, taken = self._alike(earlier), {self.names[number] for number in self.given}
        others = [old for old in sorted(earlier.given) if not alike[:, old].any() and earlier.names[old] not in taken]
        if not others:
            return self
        kept = [earlier.names[old] for old in others]
        own = (f"{name} ({number})" if name in kept else name for number, name in enumerate(self.names))
        return Directions(
            vectors=np.concatenate([self.vectors, earlier.vectors[others]]),
            names=(*own, *kept),
            generator=self.generator,
            method=self.method,
            given=self.given | frozenset(range(len(self.names), len(self.names) + len(others))),
            effects=(*self.effects, *(earlier.effects[old] for old in others))
            if self.effects and earlier.effects
            else (),
        )

    def _alike(self, earlier: "Directions") -> NDArray[np.bool_]:
        """Return which of them are the same as which of others, (k, others)."""
        return np.asarray(np.abs(self.vectors @ earlier.vectors.T) > SAME)

    def along(self, steps: Sequence[str]) -> NDArray[np.float32]:
        """Return what steps such as ``brighter=2.5`` add to latents; (latents,).

        Raises:
            InputError: a step that is not written like this, or an unknown name.
        """
        moved = np.zeros(self.vectors.shape[1], np.float32)
        for step in steps:
            found = ALONG.fullmatch(step)
            if not found:
                raise InputError(
                    f"'{step}' is no step along a direction: write its name and how far, such as brighter=2.5."
                )
            if found["name"] not in self.names:
                raise InputError(unknown("direction", found["name"], self.names))
            moved += np.float32(found["distance"]) * self.vectors[self.names.index(found["name"])]
        return moved

    def check(self, generator: str, latents: int, said: str = "these are the") -> "Directions":
        """Return them if they belong to a generator of this fingerprint and dimension.

        Raises:
            InputError: they are another's.
        """
        if self.generator != generator or self.vectors.shape[1] != latents:
            raise InputError(
                f"{said} directions of another generator: find this one's with `lienzo explore directions`."
            )
        return self

    def save(self, path: str | Path, *, own: bool = False) -> Path:
        """Write the directions to a ``.safetensors`` file.

        Args:
            path: of the file.
            own: whether it is the file beside the generator, which may hold what was found before this was trained on.

        Raises:
            InputError: the file is there and holds something else, or those of another generator.
        """
        sealed.refuse_other(Path(path), "directions", None if own else self.generator)
        header: dict[str, Any] = {
            "kind": "directions",
            "generator": self.generator,
            "names": list(self.names),
            "given": sorted(self.given),
            "method": self.method,
        }
        if self.effects:
            header["effects"] = msgspec.to_builtins(self.effects)
        tensors.save(Path(path), {"directions": torch.from_numpy(self.vectors)}, header)
        return Path(path)

    @classmethod
    def open(cls, path: str | Path, generator: str, latents: int) -> "Directions":
        """Read what :meth:`save` wrote, if it belongs to a generator of this fingerprint and dimension.

        Raises:
            InputError: no such file, a damaged one, one that holds something else, or another generator's directions.
        """
        if not Path(path).exists():
            raise InputError(f"there are no directions at {path}: find them with `lienzo explore directions`.")
        return cls.found(path).check(generator, latents, f"{path} holds the")

    @classmethod
    def found(cls, path: str | Path) -> "Directions":
        """Read what :meth:`save` wrote, of whatever generator.

        Raises:
            InputError: a damaged file, or one that holds something else.
        """
        state, header = tensors.load(Path(path), "directions", InputError)
        vectors, names, given = state.get("directions"), header.get("names"), header.get("given", [])
        try:
            effects = schemas.convert(header.get("effects", []), tuple[Effect, ...])
        except ValueError as error:
            raise InputError(f"{path} holds no directions that this lienzo knows ({error}): find them again.") from None
        whole = (
            vectors is not None
            and vectors.dtype == torch.float32
            and vectors.ndim == 2
            and bool(vectors.isfinite().all())
            and isinstance(names, list)
            and len(names) == len(vectors)
            and len(effects) in (0, len(vectors))
            and all(isinstance(name, str) for name in names)
            and isinstance(given, list)
            and all(number in range(len(names)) for number in given)
        )
        if not whole:
            raise InputError(f"{path} holds no directions that this lienzo knows: find them again.")
        assert vectors is not None
        assert names is not None
        about = str(header.get("generator", "")), str(header.get("method", ""))
        return cls(vectors.numpy(), tuple(names), *about, frozenset(given), effects)
