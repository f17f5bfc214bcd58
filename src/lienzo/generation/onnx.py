"""A generator in an ONNX file, computed by ONNX Runtime. PyTorch is not loaded.

A file that `lienzo export --to onnx` wrote has one entry of metadata, ``lienzo``: JSON that describes the generator and
holds the SHA-256 of the graph. A graph cannot run code. One that names other files, or has loops in it, is refused.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from lienzo.collection.settings import LARGEST
from lienzo.collection.vocabulary import Vocabulary
from lienzo.errors import GeneratorError, InputError
from lienzo.generation.normal import normal
from lienzo.generation.pictures import Pictures
from lienzo.generation.request import checked, labels_of
from lienzo.seeds import derive
from lienzo.storage import schemas
from lienzo.storage.schemas import Sha256

ENTRY = "lienzo"
"""The key of the metadata."""

FORMAT = 1
"""Counts up when an older lienzo could no longer read the file."""

CHUNK = 64
"""Pictures are made this many at a time, so that a seed's picture does not depend on its neighbours."""

DOMAINS = frozenset({"", "ai.onnx"})
"""Names of ONNX's own set of operators."""

Positive = Annotated[int, msgspec.Meta(ge=1, le=1 << 20)]
Side = Annotated[int, msgspec.Meta(ge=1, le=LARGEST)]


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What the metadata says of a generator, as far as its pictures depend on it."""

    format: Annotated[int, msgspec.Meta(ge=1, le=FORMAT)]
    """Version of the format."""
    fingerprint: Sha256
    """The fingerprint of the generator that was exported."""
    latents: Positive
    """Dimension of z."""
    shape: tuple[Side, Side, Annotated[int, msgspec.Meta(ge=1, le=4)]]
    """Height, width and channels of its pictures."""
    labels: Vocabulary | None = None
    """The labels that it knows."""
    graph: Sha256
    """The SHA-256 of the graph: :func:`seal`."""


@dataclass(frozen=True)
class OnnxGenerator:
    """A generator of pictures that ONNX Runtime computes."""

    session: onnxruntime.InferenceSession
    """From ``latents`` (N, latents), and ``labels`` (N, classes) if it is conditional, to ``pictures``:
    (N, height, width, channels) uint8, or (N, channels, height, width) float in [−1, 1]."""

    header: Header
    """What its file says of it."""

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the generator that was exported."""
        return self.header.fingerprint

    def generate(
        self, seeds: Iterable[int], labels: str | Sequence[str] | None = None, units: str | Sequence[str] = ()
    ) -> Pictures:
        """Return one picture for each seed, within 1 of 255 what the generator that was exported makes of it.

        Arguments and errors are those of :meth:`lienzo.generation.generation.Generator.generate`. Units cannot be held.
        """
        if units:
            raise InputError("units cannot be held in an ONNX file: give the run, or its .safetensors.")
        chosen, vocabulary = checked(seeds), self.header.labels
        texts = labels_of(chosen, labels, vocabulary)
        given = {"latents": np.stack([latents(self.header.latents, seed) for seed in chosen])}
        if vocabulary is not None:
            given["labels"] = vocabulary.rows(texts)
        return Pictures(self.paint(given), chosen, self.fingerprint, texts)

    def paint(self, given: dict[str, NDArray[np.float32]]) -> NDArray[np.uint8]:
        """Return the pictures (n, height, width, channels) of ``latents`` (n, latents) and ``labels`` (n, classes).

        Raises:
            GeneratorError: a file of floating-point pictures makes some that are no numbers.
        """
        count, parts = len(given["latents"]), []
        for start in range(0, count, CHUNK):
            part = np.arange(start, start + CHUNK).clip(max=count - 1)
            (pictures,) = self.session.run(["pictures"], {name: rows[part] for name, rows in given.items()})
            parts.append(pictures if pictures.dtype == np.uint8 else to_bytes(pictures))
        return np.concatenate(parts)[:count]


def latents(dimension: int, seed: int) -> NDArray[np.float32]:
    """Return the latents (dimension,) of one seed, which are those of :func:`lienzo.generation.generation.latents`."""
    return normal(derive(seed, "picture"), dimension)


def to_bytes(pictures: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return pictures (N, C, H, W) in [−1, 1] as bytes (N, H, W, C), as :func:`lienzo.compute.pixels.to_bytes` does.

    Raises:
        GeneratorError: they are no numbers.
    """
    if not np.isfinite(pictures).all():
        raise GeneratorError("the generator makes values that are no finite numbers (NaN): it has diverged.")
    return ((pictures + 1) * 127.5).round().clip(0, 255).astype(np.uint8).transpose(0, 2, 3, 1)


def seal(model: onnx.ModelProto) -> str:
    """Return the SHA-256 of a model's graph."""
    return sha256(model.graph.SerializeToString(deterministic=True)).hexdigest()


def described(path: Path) -> dict[str, Any]:
    """Return what the metadata of an ONNX file says of the generator, as JSON values, and ``nodes``, how many it has.

    Raises:
        GeneratorError: no such file, a damaged one, or one that holds something else.
    """
    model, _ = _read(path)
    found: dict[str, Any] = schemas.parse(_said(model).encode())
    return found | {"nodes": len(model.graph.node)}


def load(path: Path) -> OnnxGenerator:
    """Return the generator in an ONNX file that lienzo wrote.

    Raises:
        GeneratorError: no such file, a damaged one, or one that holds something else.
    """
    model, header = _read(path)
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    except Exception as reason:  # ONNX Runtime has its own
        first = str(reason).split("\n", maxsplit=1)[0]
        raise GeneratorError(f"{path} cannot be computed by ONNX Runtime ({first}): export it again.") from None
    if not _has_sizes_of(header, session):
        raise GeneratorError(f"{path} was changed, it takes or gives other sizes than it says: export it again.")
    return OnnxGenerator(session, header)


def _read(path: Path) -> tuple[onnx.ModelProto, Header]:
    """Return the model in a file and what it says of it; its graph is compared with its SHA-256."""
    try:
        model = onnx.ModelProto.FromString(path.read_bytes())
    except FileNotFoundError:
        raise GeneratorError(f"there is no file {path}: check the path.") from None
    except OSError as reason:
        raise GeneratorError(f"{path} cannot be read ({reason}): give a file that can be.") from None
    except Exception:  # protobuf has its own, of other names in other versions
        raise GeneratorError(f"{path} is truncated or no ONNX file: copy it again, or give another file.") from None
    if not _said(model):
        raise GeneratorError(f"{path} is no generator of lienzo: `lienzo export RUN --to onnx` makes one.")
    try:
        header = schemas.decode(_said(model).encode(), Header)
        if header.labels is not None and sum(header.labels.counts.values()) + header.labels.unlabelled <= 0:
            raise ValueError("its labels were met by no picture")
        if header.graph != seal(model):
            raise ValueError("its graph does not match its fingerprint")
        _refuse_strange(model)
    except ValueError as reason:
        raise GeneratorError(f"{path} is damaged or was changed ({reason}): export it again.") from None
    return model, header


def _said(model: onnx.ModelProto) -> str:
    """Return lienzo's entry in the metadata, or nothing."""
    return next((entry.value for entry in model.metadata_props if entry.key == ENTRY), "")


def _refuse_strange(model: onnx.ModelProto) -> None:
    """Refuse a model that would make ONNX Runtime open other files, or run more than its one graph.

    That would be loops, functions of its own, which its SHA-256 does not cover, and operators of others.
    """
    graph = model.graph
    if model.functions or model.training_info:
        raise ValueError("it has functions of its own or is to be trained")
    if any(one.domain not in DOMAINS for one in (*model.opset_import, *graph.node)):
        raise ValueError("it has operators that are not ONNX's own")
    tensors = [*graph.initializer]
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g") or attribute.graphs:
                raise ValueError(f"its node {node.op_type} has a graph of its own")
            tensors += [*([attribute.t] if attribute.HasField("t") else []), *attribute.tensors]
    sparse = graph.sparse_initializer or any(
        attribute.HasField("sparse_tensor") for node in graph.node for attribute in node.attribute
    )
    if sparse or any(tensor.external_data or tensor.data_location for tensor in tensors):
        raise ValueError("its tensors lie elsewhere")


def _has_sizes_of(header: Header, session: onnxruntime.InferenceSession) -> bool:
    """Say whether the inputs and the output of a graph are those that the header describes."""
    classes = 0 if header.labels is None else len(header.labels.counts)
    wanted = {"latents": [header.latents]} | ({"labels": [classes]} if classes else {})
    height, width, channels = header.shape
    pictures = {"tensor(uint8)": [height, width, channels], "tensor(float)": [channels, height, width]}
    inputs = {value.name: value.shape[1:] for value in session.get_inputs()}
    outputs = [(value.name, value.shape[1:]) for value in session.get_outputs() if value.type in pictures]
    return inputs == wanted and outputs == [("pictures", pictures.get(session.get_outputs()[0].type))]
