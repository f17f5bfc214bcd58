"""What a dissection found, kept in a file of its own."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from lienzo.errors import InputError
from lienzo.explore.agreement import Agreement
from lienzo.explore.causes import Effect
from lienzo.explore.concepts import Concept, Masks
from lienzo.generation.units import Layer
from lienzo.storage import schemas, sealed, tensors

Pixels = NDArray[np.uint8]

ARRAYS = ("thresholds", "iou", "auc", "level", "high")
"""The fields of an agreement that are arrays, each a tensor of the file."""

PICTURES = ("before", "mask", "active", "off", "control", "on")
"""The fields of an example that are arrays."""


@dataclass(frozen=True)
class Example:
    """Pictures in which a concept is switched."""

    concept: str
    """Its name."""
    held: str
    """The units switched off, as ``generate --units`` takes them."""
    before: Pixels
    """(n, height, width, channels), the pictures that show most of it."""
    mask: Masks
    """(n, h, w), where they show it."""
    active: Masks
    """(n, h, w), where the unit that agrees best is active."""
    off: Pixels
    """The same with units switched off."""
    control: Pixels
    """The same with as many other units of equal activation switched off."""
    on: Pixels
    """The same with units switched on in :data:`~lienzo.explore.causes.REGION`."""


@dataclass(frozen=True)
class Dissection:
    """What the units of a generator go with."""

    generator: str
    """The generator's fingerprint."""
    count: int
    """Pictures that units were compared with concepts on; half of them to choose thresholds."""
    concepts: tuple[Concept, ...]
    """The columns of ``iou``."""
    labels: tuple[str, ...]
    """The columns of ``auc``; none where nothing tells labels."""
    layers: tuple[Agreement, ...]
    """The layers, from latents to pictures."""
    effects: tuple[Effect, ...]
    """What switching units does: for each concept several sets of units off, and one on."""
    examples: tuple[Example, ...]
    """Pictures of it."""

    def best_units(self, concept: str, count: int = 5) -> list[tuple[str, int, float]]:
        """Return layer, number and IoU of the units of all layers that agree best with a concept."""
        column = [one.name for one in self.concepts].index(concept)
        found = [
            (t.layer.name, unit, float(t.iou[unit, column])) for t in self.layers for unit in t.best(column, count)
        ]
        return sorted(found, key=lambda one: -one[2])[:count]

    def best_concepts(self, layer: str) -> list[tuple[str, float]]:
        """Return for each unit of a layer the concept that it agrees best with, and the IoU."""
        iou = next(ties.iou for ties in self.layers if ties.layer.name == layer)
        return [(self.concepts[column].name, float(iou[unit, column])) for unit, column in enumerate(iou.argmax(1))]

    def to_json(self) -> dict[str, Any]:
        """Return what was found as JSON values: all but arrays of every unit and pictures."""
        return {
            "generator": self.generator,
            "count": self.count,
            "layers": [asdict(ties.layer) for ties in self.layers],
            "concepts": [
                asdict(one)
                | {"units": [f"{layer}:{unit}" for layer, unit, _ in best], "iou": [iou for *_, iou in best]}
                for one in self.concepts
                for best in [self.best_units(one.name)]
            ],
            "labels": {
                label: {"unit": f"{ties.layer.name}:{unit}", "auc": float(ties.auc[unit, column])}
                for column, label in enumerate(self.labels)
                for ties, unit in [self.best_of_label(column)]
            },
            "effects": [_effect_to_json(effect) for effect in self.effects],
        }

    def best_of_label(self, column: int) -> tuple[Agreement, int]:
        """Return layer and number of the unit that tells a label best, by being active or by being silent."""
        best = max(self.layers, key=lambda ties: float(np.abs(ties.auc[:, column] - 0.5).max()))
        return best, int(np.abs(best.auc[:, column] - 0.5).argmax())

    def save(self, path: str | Path, *, own: bool = False) -> Path:
        """Write it to a ``.safetensors`` file, which tells which generator it is of.

        Args:
            path: of the file.
            own: whether it is the file beside the generator, which may hold what was found before this was trained on.

        Raises:
            InputError: the file is there and holds something else, or one of another generator.
        """
        sealed.refuse_other(Path(path), "dissection", None if own else self.generator)
        arrays: dict[str, NDArray[Any]] = {}
        for ties in self.layers:
            arrays |= {f"{ties.layer.name}.{name}": getattr(ties, name) for name in ARRAYS}
        for number, example in enumerate(self.examples):
            arrays |= {f"example{number}.{name}": getattr(example, name) for name in PICTURES}
        header = {
            "kind": "dissection",
            "generator": self.generator,
            "count": self.count,
            "concepts": [asdict(one) for one in self.concepts],
            "labels": list(self.labels),
            "layers": [asdict(ties.layer) for ties in self.layers],
            "effects": msgspec.to_builtins(self.effects),
            "examples": [[example.concept, example.held] for example in self.examples],
        }
        tensors.save(
            Path(path), {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()}, header
        )
        return Path(path)

    @classmethod
    def open(cls, path: str | Path) -> "Dissection":
        """Read what :meth:`save` wrote.

        Raises:
            InputError: no such file, a damaged one, or one that holds something else.
        """
        state, header = tensors.load(Path(path), "dissection", InputError)
        try:
            about = schemas.convert({key: header.get(key) for key in _Header.__struct_fields__}, _Header)
            arrays = {name: tensor.numpy() for name, tensor in state.items()}
            layers = tuple(
                Agreement(layer, **{name: arrays[f"{layer.name}.{name}"] for name in ARRAYS}) for layer in about.layers
            )
            examples = tuple(
                Example(concept, held, *(arrays[f"example{number}.{name}"] for name in PICTURES))
                for number, (concept, held) in enumerate(about.examples)
            )
            _check(about, layers)
        except (ValueError, KeyError) as error:
            raise InputError(f"{path} holds no dissection that this lienzo knows ({error}): dissect again.") from None
        return cls(about.generator, about.count, about.concepts, about.labels, layers, about.effects, examples)


class _Header(msgspec.Struct):
    """What the header of a dissection's file holds."""

    generator: str
    count: Annotated[int, msgspec.Meta(ge=2)]
    concepts: tuple[Concept, ...]
    labels: tuple[str, ...]
    layers: tuple[Layer, ...]
    effects: tuple[Effect, ...]
    examples: tuple[tuple[str, str], ...]


def _check(about: _Header, layers: Sequence[Agreement]) -> None:
    """Refuse arrays of other sizes than the header says."""
    for ties in layers:
        count, columns = ties.layer.units, len(about.concepts)
        wanted = ((count, columns), (count, columns), (count, len(about.labels)), (count,), (count,))
        if tuple(getattr(ties, name).shape for name in ARRAYS) != wanted:
            raise ValueError(f"the arrays of {ties.layer.name} have other sizes")


def _effect_to_json(effect: Effect) -> dict[str, Any]:
    return {
        "concept": effect.concept,
        "units": [f"{effect.layer}:{unit}" for unit in effect.units],
        "how": effect.how,
        "area": effect.area,
        "change": effect.change._asdict(),
        "control": effect.control._asdict(),
        "seen": effect.seen,
        "seen_change": effect.seen_change._asdict(),
        "seen_control": effect.seen_control._asdict(),
    }
