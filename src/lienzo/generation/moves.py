"""What is done to latents before they are painted: truncated, moved along directions, mixed by layer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lienzo.errors import InputError
from lienzo.generation.centres import clustered
from lienzo.generation.directions import Directions, beside
from lienzo.generation.generation import Generator, refuse_infinite
from lienzo.generation.latents import Latents, truncated
from lienzo.generation.pictures import Pictures, digest
from lienzo.generation.request import checked, labels_of
from lienzo.generation.settings import Settings
from lienzo.generation.spans import LAST_SEED, parse_numbers
from lienzo.run.run import Run

if TYPE_CHECKING:
    from lienzo.generation.onnx import OnnxGenerator

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Moves:
    """What is done to latents, in this order."""

    truncation: float | None = None
    """ψ: latents are drawn towards a centre, see :func:`lienzo.generation.latents.truncated`."""

    centres: str | Path | int | Latents | None = None
    """Latents, a file of them, or a number of clusters, of which each is drawn to the nearest; by default to
    the mean of all."""

    along: Sequence[str] = ()
    """Steps along directions, such as ``storm=2.5``."""

    directions: str | Path | Directions | None = None
    """Those directions, or their file."""

    mix: Sequence[str] = ()
    """Layers that take the latents of another seed, such as ``7:2-4``."""

    def said(self) -> dict[str, str]:
        """Return what was done, as it stands in the metadata of pictures."""
        about = {} if self.truncation is None else {"truncation": str(self.truncation).removesuffix(".0")}
        if self.centres is not None:
            given = self.centres
            about["centres"] = digest(given.z.tobytes()) if isinstance(given, Latents) else str(given)
        about |= {"along": ", ".join(self.along)} if self.along else {}
        if self.directions is not None:
            named = self.directions
            about["directions"] = digest(named.vectors.tobytes()) if isinstance(named, Directions) else str(named)
        return about | ({"mix": ", ".join(self.mix)} if self.mix else {})

    @np.errstate(over="ignore", invalid="ignore")  # what is too large is refused
    def moved(self, generator: Generator, z: Array) -> Array:
        """Return latents (n, latents) after them; (n, entrances, latents) where latents are mixed.

        Raises:
            InputError: centres or directions of another generator, an unknown direction or layer, steps that are too
                large, or latents that enter by one layer only and cannot be mixed.
        """
        centres = self._centres(generator)
        if self.truncation is not None:
            z = truncated(z, self.truncation, centres)
        if self.along:
            z = np.asarray(z + self._directions(generator).along(self.along), np.float32)
            refuse_infinite("moved latents", z)
        if not self.mix:
            return z
        count = len(generator.entrances)
        if count == 1:
            raise InputError(
                "latents enter this generator by one layer only, so that none can be mixed by layer: "
                "train one with network.self_modulation, as the recipe fast does."
            )
        each = np.repeat(z[:, None], count, 1)
        for text in self.mix:
            seed, layers = parse_mix(text)
            if max(layers) >= count:
                raise InputError(f"there is no layer {max(layers)}: latents enter by the layers 0 to {count - 1}.")
            other, _ = generator.drawn([seed])
            each[:, layers] = other if self.truncation is None else truncated(other, self.truncation, centres)
        return each

    def _centres(self, generator: Generator) -> Array | None:
        if self.centres is None:
            return None
        if str(self.centres).isdecimal():
            return clustered(generator, _number(str(self.centres), "the clusters of --centres")).z
        kept = self.centres if isinstance(self.centres, Latents) else Latents.open(str(self.centres))
        return kept.check(generator.fingerprint, generator.latents, generator.classes).z

    def _directions(self, generator: Generator) -> Directions:
        if isinstance(self.directions, Directions):
            return self.directions.check(generator.fingerprint, generator.latents)
        if self.directions is None:
            raise InputError("a generator that lies in no file has no directions beside it: give them.")
        return Directions.open(self.directions, generator.fingerprint, generator.latents)


def painted(generator: "Generator | OnnxGenerator", settings: Settings, source: str | Path | Run | None) -> Pictures:
    """Return the pictures of latents that are moved as settings say, and keep these where that is asked for.

    Args:
        generator: that paints them.
        settings: what to generate.
        source: where the generator lies, beside which its directions are; none where it lies nowhere.

    Raises:
        InputError: no seeds, an unknown label, a generator in an ONNX file, or what :meth:`Moves.moved` refuses.
    """
    if not isinstance(generator, Generator):
        raise InputError(
            "a generator in an ONNX file paints the latents of seeds alone: take the .safetensors file it was made of."
        )
    if settings.latents is None:
        seeds = checked(settings.chosen())
        start = of_seeds(generator, seeds, settings.labels)
    else:
        start = of_file(generator, settings.latents, settings.labels)
    directions = settings.directions
    if settings.along and directions is None and source is not None:
        directions = beside(source)
    moves = Moves(settings.truncation, settings.centres, settings.along, directions, settings.mix)
    z = moves.moved(generator, start.latents.z)
    if settings.save_latents is not None:
        replace(start.latents, z=z).save(settings.save_latents)
    pictures = generator.paint(z, start.latents.y)
    said = replace(moves, directions=settings.directions).said()  # those beside the generator are the usual ones
    return Pictures(pictures, start.seeds, generator.fingerprint, start.texts, moves=said)


@dataclass(frozen=True)
class Start:
    """Latents that pictures begin with, and what these are called."""

    latents: Latents
    """The latents and labels."""
    seeds: tuple[int, ...] = ()
    """The seeds that they are of, if they are of any."""
    texts: tuple[str, ...] = ()
    """The label of each; none where it is not known by name."""


def of_seeds(generator: Generator, seeds: tuple[int, ...], labels: Sequence[str] = ()) -> Start:
    """Return the latents of seeds, once for each of the labels; without labels, each seed draws its own."""
    texts = labels_of(
        seeds * max(1, len(labels)), [text for text in labels for _ in seeds] or None, generator.vocabulary
    )
    every = seeds * max(1, len(labels))
    z, y = generator.drawn(every)
    names = tuple(f"seed {seed}" for seed in every)
    return Start(Latents(z, generator.rows(texts) if texts else y, generator.fingerprint, names), every, texts)


def of_file(generator: Generator, latents: str | Path | Latents, labels: Sequence[str] = ()) -> Start:
    """Return saved latents, once for each of the labels; without labels, they have their own.

    Raises:
        InputError: latents of another generator, or an unknown label.
    """
    kept = latents if isinstance(latents, Latents) else Latents.open(latents)
    kept.check(generator.fingerprint, generator.latents, generator.classes)
    if not labels:
        return Start(kept)
    texts = labels_of(range(len(kept) * len(labels)), [text for text in labels for _ in kept.z], generator.vocabulary)
    again = Latents(np.tile(kept.z, (len(labels), 1)), generator.rows(texts), kept.generator, kept.names * len(labels))
    return Start(again, texts=texts)


def parse_mix(text: str) -> tuple[int, list[int]]:
    """Return the seed and the layers that a text such as ``7:2-4`` names.

    Raises:
        InputError: it is not written like this.
    """
    seed, colon, layers = text.partition(":")
    if not (colon and seed.strip().isdecimal()):
        raise InputError(f"'{text}' mixes nothing: write a seed and the layers that take it, such as 7:2-4.")
    return _number(seed.strip(), "the seeds of --mix"), parse_numbers(layers, "the layers of --mix", "0,1 or 2-4")


def _number(digits: str, what: str) -> int:
    """Return a number of which only its digits are known; Python refuses to read thousands of them."""
    if len(digits) > len(str(LAST_SEED)) or int(digits) > LAST_SEED:
        raise InputError(f"{what} are {LAST_SEED} at most: give a lower number.")
    return int(digits)
