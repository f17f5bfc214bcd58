"""Speed, memory and quality of preparation, as ratios measured in one run.

    python benchmarks/prepare.py [--quick] [--memory]

Takes the paintings in ``$LIENZO_DATA/met-cc0``, if there are any, else textures, as JPEGs of 1,024 pixels. The speeds
are of one process on one core: for each picture the best of several rounds, the ways taking turns, so that what else
runs does little harm. ``--memory`` prepares 1,000 and 100,000 small pictures and compares the peaks of memory.
"""

import argparse
import io
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

import lienzo
from lienzo.collection.listing.entries import Entry
from lienzo.collection.screening import decoding, pictures
from lienzo.collection.screening.screening import screen
from lienzo.collection.settings import Settings

SIZE, SIDE = 64, 1024
SETTINGS = Settings(size=SIZE)

TURN = 20
"""So many files does one way take before the next one has its turn."""


def originals(count: int) -> list[bytes]:
    """Return JPEGs of quality 95 whose long side has 1,024 pixels."""
    folder = Path(os.environ.get("LIENZO_DATA", "")) / "met-cc0"
    paths = sorted(folder.glob("*.webp"))[:count]
    made = []
    for i in range(count):
        if i < len(paths):
            image = Image.open(paths[i]).convert("RGB")
            image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        else:
            image = texture(i)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=95)
        made.append(buffer.getvalue())
    return made


def texture(seed: int, height: int = 806, width: int = SIDE) -> Image.Image:
    """Return noise whose spectrum falls like that of pictures."""
    draw = np.random.default_rng(seed)
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :]
    falling = 1 / np.maximum(np.hypot(rows, columns), 1 / width) ** 1.2
    planes = [np.fft.irfft2(np.fft.rfft2(draw.normal(size=(height, width))) * falling, (height, width)) for _ in "RGB"]
    values = np.stack(planes, axis=2)
    return Image.fromarray(np.clip(128 + 50 * values / values.std(), 0, 255).astype(np.uint8))


def usual(data: bytes) -> None:
    """Decode fully, cut out the centre, resize with the same filter."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image.crop((left, top, left + side, top + side)).resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def entropy(data: bytes) -> None:
    """Decode at 1/8 in grey: the whole entropy code, and one coefficient of each block of the luma."""
    image = Image.open(io.BytesIO(data))
    image.draft("L", (image.width // 8, image.height // 8))
    image.load()


def eighth(data: bytes) -> None:
    """Decode at 1/8 in colour: the least that a decoder can do for a picture."""
    image = Image.open(io.BytesIO(data))
    image.draft(None, (image.width // 8, image.height // 8))
    image.load()


def ours(data: bytes) -> None:
    """Everything that preparation does to a file."""
    assert not screen(Entry("a.jpg", "", len(data), data=data), SETTINGS).reason


def trimmed(data: bytes) -> None:
    """Do the same with ``--trim-borders``."""
    assert not screen(Entry("a.jpg", "", len(data), data=data), replace(SETTINGS, trim_borders=True)).reason


def letterboxed(files: list[bytes]) -> list[bytes]:
    """Return JPEGs of 224 pixels that have black borders above and below."""
    made = []
    for data in files:
        canvas, buffer = Image.new("RGB", (224, 224)), io.BytesIO()
        canvas.paste(Image.open(io.BytesIO(data)).resize((224, 140)), (0, 42))
        canvas.save(buffer, "JPEG", quality=90)
        made.append(buffer.getvalue())
    return made


def seconds(ways: dict[str, Callable[[bytes], None]], files: list[bytes], rounds: int) -> dict[str, float]:
    """Return seconds for a picture in each way: the best of several rounds for each file, the ways taking turns.

    A turn is several files, as in a preparation one file follows another: otherwise every way is measured with the
    caches as another way left them.
    """
    total = dict.fromkeys(ways, 0.0)
    for turn in (files[i : i + TURN] for i in range(0, len(files), TURN)):
        best = {name: [float("inf")] * len(turn) for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                for i, data in enumerate(turn):
                    started = time.perf_counter()
                    way(data)
                    best[name][i] = min(best[name][i], time.perf_counter() - started)
        for name in ways:
            total[name] += sum(best[name]) / len(files)
    return total


def fidelity(files: list[bytes], gap: float) -> list[float]:
    """Return each picture's PSNR in dB against the resize of its full decode."""
    ratios = []
    for data in files:
        results = []
        for allowed in (gap, float("inf")):
            decoding.GAP = allowed
            image = Image.open(io.BytesIO(data))
            width, height = image.size
            shrunk = decoding.draft(image, pictures.needed_scale(width, height, SIZE, SIZE, "crop"))
            box = (0.0, 0.0, width / shrunk, height / shrunk)
            results.append(np.asarray(pictures.fit(image.convert("RGB"), SIZE, SIZE, box=box), float))
        decoding.GAP = gap
        error = np.mean((results[0] - results[1]) ** 2)
        ratios.append(float(10 * np.log10(255**2 / max(error, 1e-9))))
    return ratios


def workers(files: list[bytes], count: int) -> tuple[float, float]:
    """Return seconds for ``count`` files with one worker and with two, start-up and packing included.

    Some 0.3 s do not depend on the workers, and of every hundred files the main process takes as long as a worker for
    four: the ratio rises with the number of files, and ten thousand are a usual collection.
    """
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "pictures"
        for i in range(count):  # again and again under other labels, so that all are kept; the end is not read
            folder = source / f"{i // len(files):03d}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{i % len(files):03d}.jpg").write_bytes(files[i % len(files)] + b"%d" % i)
        taken = []
        for number in (1, 2):
            started = time.perf_counter()
            lienzo.prepare(source, Path(scratch) / str(number), size=SIZE, conflicts="all", workers=number)
            taken.append(time.perf_counter() - started)
    return taken[0], taken[1]


PEAK = """
import resource, sys, lienzo
lienzo.prepare(sys.argv[1], sys.argv[2], size=32, workers=2)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak(count: int) -> tuple[float, float]:
    """Return the peak memory of the main process and of its largest worker, in MB."""
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "pictures"
        draw = np.random.default_rng(0)
        for i in range(count):
            folder = source / f"{i // 1000:03d}"
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(draw.integers(0, 256, (36, 36, 3), np.uint8)).save(
                folder / f"{i:06d}.png", compress_level=0
            )
        command = [sys.executable, "-c", PEAK, str(source), str(Path(scratch) / "out")]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return int(printed[0]) / 1024, int(printed[1]) / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few pictures")
    parser.add_argument("--memory", action="store_true", help="measure memory too; takes minutes")
    chosen = parser.parse_args()
    files = originals(12 if chosen.quick else 60)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Pillow {PIL.__version__}")
    print(f"{len(files)} JPEGs of {SIDE} px, {np.mean([len(data) for data in files]) / 1000:.0f} kB each, to {SIZE} px")
    taken = seconds(
        {"usual": usual, "entropy": entropy, "eighth": eighth, "lienzo": ours}, files, 3 if chosen.quick else 9
    )
    for name, value in taken.items():
        print(f"  {name:8} {1 / value:6.0f} pictures/s for each core")
    print(f"lienzo is {taken['usual'] / taken['lienzo']:.2f} times as fast as the usual way,")
    print(f"and reaches {taken['entropy'] / taken['lienzo']:.0%} of what entropy decoding alone allows,")
    print(f"{taken['eighth'] / taken['lienzo']:.0%} of what decoding at 1/8 in colour allows")
    boxes = seconds({"plain": ours, "trimmed": trimmed}, letterboxed(files), 9)
    print(f"--trim-borders takes {boxes['trimmed'] / boxes['plain']:.2f} times as long on letterboxed JPEGs of 224 px")
    ratios = fidelity(files, decoding.GAP)
    print(f"PSNR against the resize of the full decode: median {np.median(ratios):.1f} dB, least {min(ratios):.1f} dB")
    many = 200 if chosen.quick else 10_000
    one, two = workers(files, many)
    print(f"two workers are {one / two:.2f} times as fast as one: {one:.2f} and {two:.2f} s for {many:,} pictures")
    if chosen.memory:
        for count in (1_000, 100_000):
            main_process, worker = peak(count)
            print(f"{count:,} pictures: peak {main_process:.0f} MB, worker {worker:.0f} MB")


if __name__ == "__main__":
    main()
