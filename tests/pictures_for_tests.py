"""Pictures that tests make."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


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
