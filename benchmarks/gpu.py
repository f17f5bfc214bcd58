"""Training on a GPU: pictures a second of the recipe `thesis`, as everyone writes it and as lienzo trains it.

The plain loop is that of `step.py`: float32 (convolutions in TF32, PyTorch's default), NCHW, losses read back in
every step; once on pictures that lie on the device, once fed by a loader that decodes JPEGs of 1024×806 in every
epoch, as the thesis did. lienzo's is what `lienzo train` does: pictures resident as bytes, inputs prepared ahead, one
step or several a CUDA graph; last with its operations fused by ``torch.compile``.

    python benchmarks/gpu.py [COLLECTION] [--full] [--runs FOLDER]

Without a collection the procedural painter makes one. With `--full` the whole run of the thesis, 103,250 pictures
for 30 epochs, goes through `lienzo train` rather than extrapolated: as it is, compiled, and compiled again, which tells
what the first start costs and what the kept kernels save.
"""

import argparse
import dataclasses
import io
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from step import plain
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

import lienzo
from lienzo.collection.collection import Collection
from lienzo.networks.shape import Shape
from lienzo.painter.painting import paint
from lienzo.recipe.catalogue import thesis
from lienzo.training import cuda_graphs, state
from lienzo.training.batches import Batches
from lienzo.training.inputs import InputPipeline

DEVICE = torch.device("cuda")
SHAPE = Shape(64, 64, 3)

WORK = 2.29
"""GFLOP that a step of `thesis` needs for a picture, by plain convolutions and without gradients thrown away."""

THESIS = 103_250 * 30
"""Pictures that the thesis showed in all."""

DECODED = 4_096
"""JPEGs that the decoding loader reads in its epoch."""

GRAPHS = (
    ("fp32", 128, (0, 8)),
    ("bf16", 128, (0, 1, 8, 32)),
    ("bf16", 256, (8,)),
    ("bf16", 512, (8,)),
    ("bf16", 1024, (8,)),
)
"""Precisions, batches, and how many steps a graph holds, divisors of 32; 0: no graph."""


WHOLE: dict[str, list[str]] = {
    "as it is": [],
    "compiled": ["compile=true"],
    "compiled again": ["compile=true"],
}
"""The whole runs of the thesis, and the settings of each: the last one finds the kernels of the one before."""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("collection", nargs="?", type=Path)
    words.add_argument("--full", action="store_true", help="train the thesis's whole run")
    words.add_argument("--runs", type=Path, help="where the whole run is kept")
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        collection = Collection.open(given.collection) if given.collection else painted(Path(folder))
        measure(collection)
        if given.full:
            for name, settings in WHOLE.items():
                full(collection, (given.runs or Path(folder)) / name.replace(" ", "-"), name, settings)


def measure(collection: Collection) -> None:
    peaks = {"fp32": peak(torch.float32), "bf16": peak(torch.bfloat16)}
    print(f"{torch.cuda.get_device_name()}, {os.cpu_count()} cores, torch {torch.__version__}, {platform.platform()}")
    for precision, rate in peaks.items():
        print(f"matrix product of 8192², {precision}: {rate / 1e3:,.0f} TFLOP/s")
    print(f"{'':44}{'pictures/s':>12}{'ratio':>8}{'TFLOP/s':>9}{'of bf16':>9}{'MiB':>8}")
    torch.cuda.reset_peak_memory_stats()
    base = on_device(128)
    show("plain loop, batch 128", base, base, peaks["bf16"])
    show("plain loop, JPEGs decoded by a loader", decoding(128), base, peaks["bf16"])
    best = 0.0
    for precision, batch, graphs in GRAPHS:
        for together in graphs:
            speed = ours(collection, batch, precision, together)
            name = f"graph of {together}" if together else "no graph"
            show(f"lienzo, {precision}, batch {batch}, {name}", speed, base, peaks["bf16"])
            best = max(best, speed) if batch == 128 else best
    show("lienzo, bf16, batch 128, compiled", ours(collection, 128, "bf16", 8, ["compile=true"]), base, peaks["bf16"])
    print(f"the thesis's {THESIS:,} pictures at batch 128: {THESIS / best:,.0f} s; plain loop {THESIS / base:,.0f} s")


def show(name: str, speed: float, base: float, rate: float) -> None:
    """Print a line; its memory is the most that was held since the line before it."""
    work, memory = WORK * speed / 1e3, torch.cuda.max_memory_allocated() / 2**20
    print(
        f"{name:44}{speed:>12,.0f}{speed / base:>8.1f}{work:>9.1f}{work / rate * 1e3:>9.1%}{memory:>8,.0f}", flush=True
    )
    torch.cuda.reset_peak_memory_stats()


def peak(dtype: torch.dtype) -> float:
    """Return the rate of a large matrix product in GFLOP/s, on random numbers."""
    a = torch.randn(8192, 8192, device=DEVICE, dtype=dtype)
    for _ in range(3):
        torch.mm(a, a)
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(20):
        torch.mm(a, a)
    torch.cuda.synchronize()
    return 20 * 2 * 8192**3 / (time.perf_counter() - start) / 1e9


def on_device(batch: int, steps: int = 100) -> float:
    """Return the pictures a second of the plain loop on pictures that lie on the device."""
    step = plain(DEVICE, thesis(), SHAPE)
    images = torch.randint(0, 256, (batch, 3, 64, 64), device=DEVICE).float() / 127.5 - 1
    for _ in range(10):
        step(images)
    start = time.perf_counter()
    for _ in range(steps):
        step(images)
    torch.cuda.synchronize()
    return steps * batch / (time.perf_counter() - start)


class Files(Dataset[Tensor]):
    """JPEGs of about a thousand pixels, decoded whole and then resized: the usual path."""

    def __init__(self) -> None:
        coarse = np.random.default_rng(0).integers(0, 256, (64, 48, 64, 3), dtype=np.uint8)
        self.files = []
        for pixels in coarse:
            file = io.BytesIO()
            Image.fromarray(pixels).resize((1024, 806), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
            self.files.append(file.getvalue())

    def __len__(self) -> int:
        return DECODED

    def __getitem__(self, i: int) -> Tensor:
        image = Image.open(io.BytesIO(self.files[i % len(self.files)])).convert("RGB").resize((64, 64))
        return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 127.5 - 1


def decoding(batch: int) -> float:
    """Return the pictures a second of the plain loop fed by as many decoding processes as there are cores."""
    step = plain(DEVICE, thesis(), SHAPE)
    loader = DataLoader(Files(), batch, num_workers=os.cpu_count() or 1, drop_last=True, pin_memory=True)
    shown, start = 0, 0.0
    for i, images in enumerate(loader):
        step(images.to(DEVICE))
        if i == 2:  # the processes have started
            start = time.perf_counter()
        elif i > 2:
            shown += len(images)
    torch.cuda.synchronize()
    return shown / (time.perf_counter() - start)


def ours(
    collection: Collection, batch: int, precision: str, together: int, settings: Sequence[str] = (), *, steps: int = 192
) -> float:
    """Return the pictures a second of lienzo's loop: preparing inputs, stepping, reading the measures every 32 steps.

    ``together`` is how many steps a graph holds; 0: no graph.
    """
    given = [f"batch={batch}", f"precision={precision}", "images=1_000_000_000", *settings]
    recipe = thesis().with_settings(given)
    warm_up, cuda_graphs.WARM_UP = cuda_graphs.WARM_UP, cuda_graphs.WARM_UP if together else 10**9
    try:
        trained = state.State(recipe, SHAPE, DEVICE)
        with InputPipeline(recipe, Batches(collection, 0, DEVICE)).stream(0) as stream:
            start = 0.0
            for i in range(0, 64 + steps, together or 1):
                if i == 64:
                    torch.cuda.synchronize()
                    start = time.perf_counter()
                trained.advance(list(islice(stream, together or 1)))
                if trained.images // batch % 32 == 0:
                    trained.take_measures()
            torch.cuda.synchronize()
            return steps * batch / (time.perf_counter() - start)
    finally:
        cuda_graphs.WARM_UP = warm_up


def painted(folder: Path) -> Collection:
    """Return a collection that the procedural painter made."""
    return lienzo.prepare(paint(folder / "pictures", 1_500), folder / "collection", size=64)


def full(collection: Collection, out: Path, name: str, settings: Sequence[str]) -> None:
    """Train the thesis's whole run; a smaller collection has more epochs, whose generators are not kept."""
    recipe = dataclasses.replace(thesis(), epochs=None, images=THESIS, keep_epochs=False, tick=25_600)
    start = time.perf_counter()
    ticks = lienzo.steps(collection, recipe.with_settings(settings), out, device="cuda")
    next(ticks)
    first = time.perf_counter() - start
    inside = [tick.seconds for tick in ticks][-1]
    took = time.perf_counter() - start
    print(
        f"thesis, {THESIS:,} pictures through `lienzo train`, {name}: {took:.1f} s in all, {inside:.1f} s of training; "
        f"the first {recipe.tick:,} pictures came after {first:.1f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
