"""A generator as an ONNX file, which other programs and other languages compute.

PyTorch's exporter can go wrong without a word. So the file is left behind only if ONNX Runtime makes PyTorch's pictures
from it.
"""

import copy
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lienzo.errors import InputError
from lienzo.export.progress import Progress, Steps
from lienzo.export.subject import Subject
from lienzo.generation import onnx as reading
from lienzo.generation.generation import Generator
from lienzo.networks.conditions import apply
from lienzo.storage.files import write_bytes
from lienzo.version import __version__

BATCHES = (1, 3, 64)
"""Pictures at a time in the comparison: the file has to take any number."""

TOLERANCE = 1e-4
"""Largest difference of a picture's numbers, which are in [−1, 1]; 1/255 is 78 times as much."""

DIFFERENT = 0.01
"""Largest share of bytes that may differ at all; none may differ by more than 1."""


class Painted(nn.Module):
    """A generator whose pictures are bytes: from latents, and labels, to (N, H, W, C) uint8."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the pictures, rounded as :func:`lienzo.compute.pixels.to_bytes` does."""
        images = apply(self.module, latents, labels)
        return images.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


class Plain(nn.Module):
    """A generator whose pictures stay numbers: from latents, and labels, to (N, C, H, W) in [−1, 1]."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the pictures."""
        return apply(self.module, latents, labels)


def write(subject: Subject, path: Path, *, floats: bool = False, licence: str | None = None) -> Steps:
    """Write a generator as ONNX: from ``latents``, and ``labels`` if it is conditional, to ``pictures``.

    Args:
        subject: the generator.
        path: of the file.
        floats: pictures are (N, channels, height, width) float32 in [−1, 1] instead of
            (N, height, width, channels) uint8.
        licence: for the card.

    Raises:
        GeneratorError: the generator has diverged.
        InputError: onnxscript is missing, or ONNX Runtime makes other pictures than PyTorch.
    """
    generator = subject.generator
    generator.paint(*generator.drawn([0]))  # what has diverged is refused: as bytes NaN looks like a picture
    yield Progress("exporting", 0, 1)
    painter = (Plain if floats else Painted)(copy.deepcopy(generator.module).cpu())
    model = _model(painter, generator)
    header = {key: value for key, value in generator.header.items() if key not in ("weights", "card")}
    about = {
        "format": reading.FORMAT,
        "latents": generator.latents,
        "card": subject.card | ({"licence": licence} if licence else {}),
        "graph": reading.seal(model),
    }
    onnx.helper.set_model_props(model, {reading.ENTRY: json.dumps(header | about, ensure_ascii=False)})
    write_bytes(path, model.SerializeToString(deterministic=True))
    yield Progress("comparing", 0, len(BATCHES))
    difference = 0.0
    for done, number in enumerate(BATCHES, 1):
        difference = max(difference, _difference(painter, generator, reading.load(path), number))
        yield Progress("comparing", done, len(BATCHES))
    return {"nodes": len(model.graph.node), "opset": model.opset_import[0].version, "difference": difference}


def _model(painter: nn.Module, generator: Generator) -> onnx.ModelProto:
    """Return the graph of a painter, without the names of this machine's files that PyTorch puts into it."""
    try:
        import onnxscript  # noqa: F401, PLC0415  an extra
    except ImportError:
        raise InputError("an export to ONNX needs onnxscript: install it with pip install 'lienzo[onnx]'.") from None
    names = ["latents", *(["labels"] if generator.classes else [])]
    examples = [torch.from_numpy(rows) for rows in generator.drawn(range(2))][: len(names)]
    sizes = {name: {0: torch.export.Dim("n")} for name in names}
    with _silent():
        exported = torch.onnx.export(
            painter, tuple(examples), input_names=names, output_names=["pictures"], dynamic_shapes=sizes,
            dynamo=True, verbose=False,
        )  # fmt: skip
    assert exported is not None
    model = exported.model_proto
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
    for value in (*model.graph.input, *model.graph.output):
        value.ClearField("metadata_props")
    model.producer_name, model.producer_version = "lienzo", __version__
    onnx.checker.check_model(model)
    return model


@contextmanager
def _silent() -> Iterator[None]:
    """Keep PyTorch's exporter from talking of torchvision and of its own internals."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


@torch.no_grad()
def _difference(painter: nn.Module, generator: Generator, written: reading.OnnxGenerator, number: int) -> float:
    """Return the largest difference between the pictures of the painter and of the file.

    Raises:
        InputError: it is larger than it may be.
    """
    z, y = generator.drawn(range(number))
    given = {"latents": z} | ({"labels": y} if y.shape[1] else {})
    expected = painter(*(torch.from_numpy(rows) for rows in given.values())).numpy()
    (found,) = written.session.run(["pictures"], given)
    error = np.abs(found.astype(np.float32) - expected.astype(np.float32))
    if found.shape != expected.shape or not _alike(error, found.dtype == np.uint8):
        raise InputError(
            f"ONNX Runtime makes other pictures of it than PyTorch, by up to {error.max():.2g}: nothing was written. "
            "Another version of torch or onnxscript may do better."
        )
    return float(error.max())


def _alike(error: NDArray[np.float32], in_bytes: bool) -> bool:
    if in_bytes:
        return bool(error.max() <= 1 and (error > 0).mean() <= DIFFERENT)
    return bool(error.max() <= TOLERANCE)
