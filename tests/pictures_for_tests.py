"""Pictures that tests make."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lienzo.collection.listing.entries import Entry
from lienzo.collection.screening.screening import Screened, screen
from lienzo.collection.settings import Settings


def painting(seed: int, height: int = 90, width: int = 120) -> Image.Image:
    """Return a smooth random picture that no other seed gives."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def gallery(folder: Path, count: int = 12) -> Path:
    """Make a folder of ``count`` JPEGs in three folders."""
    for i in range(count):
        target = folder / ("grids", "seas", "portraits")[i % 3]
        target.mkdir(parents=True, exist_ok=True)
        painting(i).save(target / f"{i:03d}.jpg", quality=92)
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    """Return name -> bytes of the files in a folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    """Return a picture as a file of some format."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noisy(seed: int, height: int = 90, width: int = 120) -> Image.Image:
    """Return a random picture with texture, whose file is as large as a painting's."""
    grain = np.random.default_rng(seed).integers(-12, 13, (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(painting(seed, height, width)) + grain, 0, 255).astype(np.uint8))


def screened(data: bytes, name: str = "a.jpg", **settings: Any) -> Screened:
    """Screen the bytes of a file."""
    return screen(Entry(name, "", len(data), data=data), Settings(**{"size": 32} | settings))


def pixels_of(found: Screened, channels: int = 3, size: tuple[int, int] = (32, 32)) -> np.ndarray:
    """Return the pixels of a picture that was kept, (height, width, channels)."""
    assert not found.reason, (found.reason, found.detail)
    return np.frombuffer(found.pixels, np.uint8).reshape(*size, channels)


def distance(data: bytes, name: str, truth: Image.Image, **settings: Any) -> float:
    """Return how far a file's packed pixels are from a picture's, 0 to 255, on average."""
    size = (truth.height, truth.width)
    found = screened(data, name, size=size, enlarge=True, **settings)
    return float(np.abs(pixels_of(found, size=size).astype(float) - np.asarray(truth.convert("RGB"))).mean())
