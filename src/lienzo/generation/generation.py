"""A trained generator: loading it, saving it, and the pictures that it makes of seeds."""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lienzo.collection.vocabulary import Vocabulary
from lienzo.compute.devices import pick_device
from lienzo.compute.pixels import to_bytes
from lienzo.errors import GeneratorError, InputError
from lienzo.generation import loading
from lienzo.generation.opening import located
from lienzo.generation.pictures import Pictures
from lienzo.generation.request import checked, labels_of
from lienzo.generation.units import holding, layers, parse
from lienzo.networks.conditions import apply
from lienzo.networks.configurations import Network
from lienzo.networks.entrances import Entrance, apply_each, entrances
from lienzo.networks.shape import Shape
from lienzo.recipe.codec import network_from_dict, network_to_dict
from lienzo.run.run import Run
from lienzo.seeds import derive
from lienzo.storage import tensors

CHUNK = 64
"""Pictures are always made this many at a time, so that a seed's picture does not depend on its neighbours."""


@dataclass(frozen=True)
class Generator:
    """A trained generator."""

    module: nn.Module
    """Maps latents (N, latents), and labels (N, classes) if it is conditional, to pictures (N, C, H, W) in (−1, 1);
    in evaluation mode."""

    header: dict[str, Any]
    """The description in its file: network, shape, labels, recipe, pictures shown, fingerprints."""

    @property
    def fingerprint(self) -> str:
        """Fingerprint of its weights and description."""
        return str(self.header["fingerprint"])

    @functools.cached_property
    def latents(self) -> int:
        """Dimension of z."""
        return network_from_dict(self.header["network"]).latents

    @property
    def height(self) -> int:
        """Height of its pictures, in pixels."""
        return int(self.header["shape"][0])

    @property
    def width(self) -> int:
        """Width of its pictures, in pixels."""
        return int(self.header["shape"][1])

    @property
    def channels(self) -> int:
        """Channels of its pictures: 1, 3 or 4."""
        return int(self.header["shape"][2])

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The labels that it knows; none where it is not conditional."""
        return Vocabulary(**self.header["labels"]) if "labels" in self.header else None

    @property
    def classes(self) -> int:
        """Number of labels that it knows; 0 where it is not conditional."""
        return 0 if self.vocabulary is None else len(self.vocabulary.counts)

    @functools.cached_property
    def entrances(self) -> list[Entrance]:
        """The layers that latents enter by, coarse to fine; of several, each can take latents of its own."""
        return entrances(self.module, self.latents)

    @property
    def device(self) -> torch.device:
        """Device on which it computes."""
        return next(self.module.parameters()).device

    def generate(
        self, seeds: Iterable[int], labels: str | Sequence[str] | None = None, units: str | Sequence[str] = ()
    ) -> Pictures:
        """Return one picture for each seed; the same seed and label always give the same picture.

        Args:
            seeds: of the pictures.
            labels: one text for all of them or one for each: a label, a mixture such as ``cubism=0.3,baroque=0.7``, or
                ``""`` for none. By default each seed draws its own, as often as it is among the training pictures.
            units: units to hold at a value meanwhile, such as ``layer1:3=0``; see :mod:`lienzo.generation.units`.

        Raises:
            InputError: no seed at all, a negative one, an unknown label, another number of labels than of seeds, or a
                unit that is not there.
            GeneratorError: the pictures are no numbers.
        """
        chosen = checked(seeds)
        texts = labels_of(chosen, labels, self.vocabulary)
        z = np.stack([latents(self.latents, seed).numpy() for seed in chosen])
        held = (units,) if isinstance(units, str) else tuple(units)
        known = layers(self.module, self.latents) if held else ()
        wanted = parse(held, known)
        refuse_infinite("the values that units are held at", *(one.values for one in wanted))
        with holding(self.module, known, wanted):
            images = self.paint(z, self.rows(texts) if texts else None)
        return Pictures(images, chosen, self.fingerprint, texts, held)

    def drawn(self, seeds: Iterable[int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the latents (n, latents) and labels (n, classes) that seeds draw."""
        chosen = tuple(seeds)
        z = np.stack([latents(self.latents, seed).numpy() for seed in chosen])
        return z, self.rows(labels_of(chosen, None, self.vocabulary) or ("",) * len(chosen))

    def rows(self, labels: Sequence[str]) -> NDArray[np.float32]:
        """Return the rows (n, classes) of labels or mixtures; (n, 0) where the generator knows none."""
        return np.zeros((len(labels), 0), np.float32) if self.vocabulary is None else self.vocabulary.rows(labels)

    @torch.no_grad()
    def paint(self, z: NDArray[np.float32], y: NDArray[np.float32] | None = None) -> NDArray[np.uint8]:
        """Generate the pictures (n, height, width, channels) of latents (n, latents) and labels (n, classes).

        Each picture depends on its own latents alone, not on the others. Latents may also be (n, entrances, latents):
        those of each layer that they enter by its own.

        Raises:
            InputError: latents or labels are no finite numbers.
            GeneratorError: the pictures are no numbers.
        """
        refuse_infinite("latents and labels", z, *(() if y is None else (y,)))
        inputs = torch.from_numpy(z)
        labels = torch.from_numpy(y) if y is not None and y.shape[1] else None
        parts = []
        for start in range(0, len(inputs), CHUNK):
            part = torch.arange(start, start + CHUNK).clamp(max=len(inputs) - 1)
            given = None if labels is None else labels[part].to(self.device)
            images = self._images(inputs[part].to(self.device), given)
            if not images.isfinite().all():
                raise GeneratorError(
                    "the generator makes values that are no finite numbers (NaN): it has diverged, or was given "
                    "numbers that are too large."
                )
            parts.append(to_bytes(images))
        return np.concatenate(parts)[: len(inputs)]

    @torch.no_grad()
    def sketch(self, z: NDArray[np.float32], y: NDArray[np.float32] | None = None) -> NDArray[np.uint8]:
        """Generate pictures as :meth:`paint` does, in one pass of as many as there are: quicker where these are few.

        How many there are may change a picture by one level of 256, since numbers are added in another order then.
        """
        labels = torch.from_numpy(y).to(self.device) if y is not None and y.shape[1] else None
        return to_bytes(self._images(torch.from_numpy(z).to(self.device), labels))

    def _images(self, z: Tensor, y: Tensor | None) -> Tensor:
        """Return pictures (N, C, H, W) of latents (N, latents), or (N, entrances, latents)."""
        return apply(self.module, z, y) if z.ndim == 2 else apply_each(self.module, self.entrances, z, y)


def refuse_infinite(what: str, *given: NDArray[np.float32] | Sequence[float]) -> None:
    """Refuse numbers that are not finite in 32 bits, in which generators compute.

    Raises:
        InputError: names what was given.
    """
    for values in given:
        if not (np.abs(values) <= np.finfo(np.float32).max).all():
            raise InputError(f"{what} have to be finite numbers, at most 3.4e38: give lower ones.")


def latents(dimension: int, seed: int) -> Tensor:
    """Return the latents (dimension,) of one seed, drawn from N(0, 1)."""
    return torch.randn(dimension, generator=torch.Generator().manual_seed(derive(seed, "picture")))


def drawn_labels(vocabulary: Vocabulary | None, seeds: Iterable[int], device: torch.device) -> Tensor | None:
    """Return the labels (N, classes) that seeds draw, or none where there is no vocabulary."""
    if vocabulary is None:
        return None
    return torch.from_numpy(vocabulary.rows(vocabulary.drawn(seed) for seed in seeds)).to(device)


@torch.no_grad()
def render(module: nn.Module, z: Tensor, y: Tensor | None = None) -> NDArray[np.uint8]:
    """Return the pictures (N, H, W, C) that a generator in evaluation mode makes of latents and labels (N, classes)."""
    return to_bytes(apply(module, z, y))


def save_generator(path: Path, module: nn.Module, network: Network, shape: Shape, about: dict[str, Any]) -> str:
    """Write a generator as one file that needs nothing else; return its fingerprint."""
    header = {
        "kind": "generator",
        "network": network_to_dict(network),
        "shape": [shape.height, shape.width, shape.channels],
        **about,
    }
    return tensors.save(path, dict(module.state_dict()), header)


def load(source: "str | Path | Run", device: str = "cpu") -> Generator:
    """Return the generator of a run, of a single ``.safetensors`` file, or of ``hf://USER/NAME`` on the Hub.

    Raises:
        GeneratorError: no such file, a damaged one, or one that holds something else.
        RunError: a folder that is no run.
        InputError: no such device.
    """
    chosen, path = pick_device(device), located(source)
    if path.suffix.lower() == ".onnx":
        raise GeneratorError(
            f"{path} can only be generated from, with `lienzo generate`: give the run, or its .safetensors."
        )
    state, header = tensors.load(path, "generator", GeneratorError)
    try:
        module = loading.module(state, header)
    except GeneratorError as error:
        raise GeneratorError(f"{path} holds no generator that this lienzo knows ({error}): make it again.") from None
    return Generator(module.to(chosen), header)
