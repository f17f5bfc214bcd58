"""The report of a preparation: one self-contained page that shows what was kept, what was refused and why."""

import io
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lienzo import files, pages
from lienzo.data.collection import Collection
from lienzo.data.reasons import EXPLANATIONS, Reason
from lienzo.data.screening import THUMBNAIL, Screened
from lienzo.data.settings import Settings

NAME = "report.html"
"""Of the page, in the collection's folder."""

SHOWN = 8
"""So many refused pictures are drawn for each reason."""

CONTACTS = 96
"""So many pictures stand on the contact sheet."""

BLUE = "#0072B2"
"""Of bars."""

NAMES = 30
"""So many label names are drawn, the most frequent first."""


@dataclass(frozen=True)
class Drawn:
    """A refused picture that can be drawn."""

    source: str
    reason: str
    detail: str
    picture: bytes
    """A small JPEG or PNG."""


def draw(found: Screened, reason: str, detail: str, settings: Settings) -> Drawn | None:
    """Return a refused picture to be drawn, if its pixels are known."""
    if found.thumbnail:
        return Drawn(found.source, reason, detail, found.thumbnail)
    if not found.pixels:
        return None
    pixels = np.frombuffer(found.pixels, np.uint8).reshape(settings.height, settings.width, settings.channels)
    return Drawn(found.source, reason, detail, _png(pixels, THUMBNAIL))


def write(collection: Collection, drawn: Sequence[Drawn]) -> Path:
    """Write the report into the collection's folder and return its path."""
    refused = sum(collection.refused.values())
    page = pages.page(
        "A collection of pictures",
        pages.facts(
            [
                (f"{collection.count:,}", "pictures kept"),
                (f"{refused:,}", "files refused"),
                (f"{collection.height} × {collection.width} × {collection.channels}", "height × width × channels"),
                (f"{len(collection.rows('holdout')):,}", "held out"),
                (collection.fingerprint, "fingerprint"),
            ]
        ),
        pages.section("Refused", *_refused(collection, drawn)),
        pages.section("Kept", *_kept(collection)),
        pages.section("Settings", pages.table(["setting", "value"], list(collection.settings.items()))),
        lead="What a preparation kept, what it refused and why.",
    )
    path = collection.path / NAME
    files.write_text(path, page)
    return path


def _refused(collection: Collection, drawn: Sequence[Drawn]) -> list[str]:
    if not collection.refused:
        return [pages.paragraph("Nothing was refused.")]
    counts = sorted(collection.refused.items(), key=lambda item: (-item[1], item[0]))
    blocks = [pages.table(["reason", "files", "what it means"],
                          [(name, number, EXPLANATIONS[Reason(name)]) for name, number in counts])]  # fmt: skip
    figures = [
        pages.picture(one.picture, one.source, caption=f"{one.source}: {one.reason}, {one.detail}", width=THUMBNAIL)
        for one in drawn
    ]
    if figures:
        blocks.append('<div style="display:grid;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr));gap:1rem">')
        blocks.append("".join(figures) + "</div>")
    return blocks


def _kept(collection: Collection) -> list[str]:
    rows = np.unique(np.linspace(0, collection.count - 1, min(CONTACTS, collection.count)).astype(np.int64))
    sheet = pages.picture(_sheet(collection.take(rows)), "a sample of the collection", caption="Evenly spaced.")
    return [sheet, _shapes(collection), *(_histogram(collection, kind) for kind in collection.vocabularies)]


def _shapes(collection: Collection) -> str:
    """Draw the distribution of the originals' aspects and sizes."""
    width, height = (np.asarray(collection.column(name), np.float64) for name in ("width", "height"))
    aspects = np.geomspace(0.25, 4, 17)
    sides = np.geomspace(16, 16384, 21)
    return pages.row(
        _bars(_bins(width / height, aspects, "{:.2f}"), "width / height of the originals"),
        _bars(_bins(np.minimum(width, height), sides, "{:.0f}"), "short side of the originals in pixels"),
    )


def _bins(values: NDArray[np.float64], edges: NDArray[np.float64], written: str) -> list[tuple[str, int]]:
    """Count values between edges, those outside in the outermost bins; empty bins at both ends are left out."""
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    used = np.flatnonzero(counts)
    names = [f"{written.format(low)} to {written.format(high)}" for low, high in itertools.pairwise(edges)]
    return [(names[i], int(counts[i])) for i in range(used[0], used[-1] + 1)]


def _histogram(collection: Collection, kind: str) -> str:
    """Draw how many pictures carry each label, the most frequent first."""
    codes = collection.labels(kind)
    counts = np.bincount(codes[codes >= 0], minlength=len(collection.vocabularies[kind]))
    common = [(collection.vocabularies[kind][i], int(counts[i])) for i in np.argsort(-counts, kind="stable")[:NAMES]]
    return _bars(common, f"pictures of each {kind}; {int((codes < 0).sum()):,} have none")


def _bars(pairs: Sequence[tuple[str, int]], caption: str) -> str:
    """Draw a bar for each name and number."""
    most = max(number for _, number in pairs)
    drawn = [
        f'<text x="148" y="{18 * i + 13}" text-anchor="end">{pages.escape(name[:24])}</text>'
        f'<rect x="154" y="{18 * i + 3}" width="{260 * number / most:.1f}" height="13" fill="{BLUE}"/>'
        f'<text x="{160 + 260 * number / most:.1f}" y="{18 * i + 13}">{number:,}</text>'
        for i, (name, number) in enumerate(pairs)
    ]
    size = f'viewBox="0 0 480 {18 * len(pairs) + 4}" width="480" font-family="sans-serif" font-size="11"'
    return pages.svg(f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(drawn)}</svg>', caption=caption)


def _sheet(pictures: NDArray[np.uint8]) -> bytes:
    """Draw pictures in rows; (n, h, w, c) uint8."""
    count, height, width, _ = pictures.shape
    enlarged = max(1, 64 // max(height, width))
    step = max(1, max(height, width) // 96)
    tiles = pictures[:, ::step, ::step].repeat(enlarged, axis=1).repeat(enlarged, axis=2)
    columns = min(16, count)
    missing = -count % columns
    tiles = np.concatenate([tiles, np.full((missing, *tiles.shape[1:]), 255, np.uint8)])
    _, height, width, channels = tiles.shape
    grid = tiles.reshape(-1, columns, height, width, channels).swapaxes(1, 2)
    return _png(grid.reshape(-1, columns * width, channels))


def _png(pixels: NDArray[np.uint8], side: int | None = None) -> bytes:
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    if side is not None:
        image.thumbnail((side, side))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
