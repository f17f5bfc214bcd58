"""The report of a preparation: one self-contained page that shows what was kept, what was refused and why."""

import io
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lienzo.collection.collection import Collection
from lienzo.collection.manifest import REPORT
from lienzo.collection.reasons import EXPLANATIONS, Reason
from lienzo.collection.screening.screening import THUMBNAIL, Screened
from lienzo.collection.settings import Settings
from lienzo.collection.tables import label_column
from lienzo.display import pages
from lienzo.storage import files

TITLE = "A collection of pictures"
"""Title of the page, by which :func:`is_ours` recognises it."""

HEAD = 512
"""Number of bytes from the beginning of the page that contain its title."""

SHOWN = 8
"""Number of refused pictures that are shown for each reason."""

CONTACTS = 96
"""Number of pictures on the contact sheet."""

BLUE = "#0072B2"
"""Colour of the bars in charts."""

ASPECTS, SIDES = np.geomspace(0.25, 4, 17), np.geomspace(16, 16384, 21)
"""Edges of the bins in which the originals' width / height and short sides in pixels are counted."""

NAMES = 30
"""Number of labels that are drawn for each kind, the most frequent first."""


@dataclass(frozen=True)
class Drawn:
    """A refused picture that the report shows."""

    source: str
    """The name of its entry."""
    reason: str
    """One of :class:`Reason`."""
    detail: str
    """One clause about the refusal."""
    picture: bytes
    """The picture, shrunk, as a JPEG or PNG."""


def is_ours(head: bytes) -> bool:
    """Return whether a page is a report of a preparation, given its first :data:`HEAD` bytes."""
    return f"<title>{TITLE}</title>".encode() in head


def draw(found: Screened, reason: str, detail: str, settings: Settings) -> Drawn | None:
    """Return a refused picture for the report, or None if it could not be decoded.

    Args:
        found: the result of screening.
        reason: why it was refused, perhaps only after screening, as duplicates are.
        detail: one clause about the refusal.
        settings: the settings of the preparation, for the shape of its pixels.
    """
    if found.thumbnail:
        return Drawn(found.source, reason, detail, found.thumbnail)
    if not found.pixels:
        return None
    pixels = np.frombuffer(found.pixels, np.uint8).reshape(settings.height, settings.width, settings.channels)
    return Drawn(found.source, reason, detail, _png(pixels, THUMBNAIL))


def write(collection: Collection, drawn: Sequence[Drawn]) -> Path:
    """Write the report into the collection's folder and return its path."""
    refused = sum(collection.refused.values())
    tally = _tally(collection)
    page = pages.page(
        TITLE,
        pages.facts(
            [
                (f"{collection.count:,}", "pictures kept"),
                (f"{refused:,}", "files refused"),
                (f"{collection.height} × {collection.width} × {collection.channels}", "height × width × channels"),
                (f"{tally.parts['holdout']:,}", "held out"),
                (collection.fingerprint, "fingerprint"),
            ]
        ),
        pages.section("Refused", *_refused(collection, drawn)),
        pages.section("Kept", *_kept(collection, tally)),
        pages.section("Settings", pages.table(["setting", "value"], list(collection.settings.items()))),
        lead="What a preparation kept, what it refused and why.",
    )
    path = collection.path / REPORT
    files.write_text(path, page)
    return path


def _refused(collection: Collection, drawn: Sequence[Drawn]) -> list[str]:
    if not collection.refused:
        return [pages.paragraph("Nothing was refused.")]
    counts = sorted(collection.refused.items(), key=lambda item: (-item[1], item[0]))
    blocks = [pages.table(["reason", "files", "what it means"],
                          [(name, number, EXPLANATIONS[Reason(name)]) for name, number in counts])]  # fmt: skip
    figures = [
        pages.picture(one.picture, one.source, caption=f"{one.source}: {one.reason}, {one.detail}") for one in drawn
    ]
    if figures:
        blocks.append('<div style="display:grid;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr));gap:1rem">')
        blocks.append("".join(figures) + "</div>")
    return blocks


@dataclass(frozen=True)
class _Tally:
    """Counts over the index of a collection."""

    parts: Counter[str]
    """Part (``train`` or ``holdout``) -> number of pictures."""
    aspects: NDArray[np.int64]
    """(len(ASPECTS) − 1,): number of originals whose width / height lies between each two neighbouring edges."""
    sides: NDArray[np.int64]
    """(len(SIDES) − 1,): the same for their short sides in pixels."""
    labels: dict[str, Counter[str | None]]
    """Label kind -> label -> number of pictures that have it; the label None counts those without one."""


def _tally(collection: Collection) -> _Tally:
    """Count a collection's pictures by part, shape and label, in one pass over the index."""
    kinds = list(collection.vocabularies)
    tally = _Tally(Counter(), np.zeros(len(ASPECTS) - 1, np.int64), np.zeros(len(SIDES) - 1, np.int64),
                   {kind: Counter() for kind in kinds})  # fmt: skip
    for batch in collection.batches("part", "width", "height", *map(label_column, kinds)):
        width, height = (np.asarray(batch[name], np.float64) for name in ("width", "height"))
        tally.aspects[:] += _between(width / height, ASPECTS)
        tally.sides[:] += _between(np.minimum(width, height), SIDES)
        tally.parts.update(batch["part"].to_pylist())
        for kind in kinds:
            tally.labels[kind].update(batch[label_column(kind)].to_pylist())
    return tally


def _between(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return how many values lie between each two neighbouring edges; those outside count in the outermost bins."""
    return np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]


def _kept(collection: Collection, tally: _Tally) -> list[str]:
    rows = np.unique(np.linspace(0, collection.count - 1, min(CONTACTS, collection.count)).astype(np.int64))
    sheet = pages.picture(_sheet(_taken(collection, rows)), "a sample of the collection", caption="Evenly spaced.")
    shapes = pages.row(
        _bars(_bins(tally.aspects, ASPECTS, "{:.2f}"), "width / height of the originals"),
        _bars(_bins(tally.sides, SIDES, "{:.0f}"), "short side of the originals in pixels"),
    )
    return [sheet, shapes, *(_histogram(kind, counts) for kind, counts in tally.labels.items())]


def _taken(collection: Collection, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the pictures of these rows, (n, height, width, channels).

    Eight are read at a time through a fresh view of the collection, because pages of a mapped shard stay in memory
    for as long as the shard is mapped.
    """
    return np.concatenate([replace(collection).take(part) for part in np.array_split(rows, -(-len(rows) // 8))])


def _bins(counts: NDArray[np.int64], edges: NDArray[np.float64], written: str) -> list[tuple[str, int]]:
    """Return the name and the count of each bin, without the empty bins at both ends."""
    used = np.flatnonzero(counts)
    names = [f"{written.format(low)} to {written.format(high)}" for low, high in itertools.pairwise(edges)]
    return [(names[i], int(counts[i])) for i in range(used[0], used[-1] + 1)]


def _histogram(kind: str, counts: Counter[str | None]) -> str:
    """Return a bar chart of how many pictures have each label of a kind, the most frequent first."""
    named = [(name, number) for name, number in counts.items() if name is not None]
    common = sorted(named, key=lambda pair: (-pair[1], pair[0]))[:NAMES]
    return _bars(common, f"pictures of each {kind}; {counts[None]:,} have none")


def _bars(pairs: Sequence[tuple[str, int]], caption: str) -> str:
    """Return a bar chart, with a bar for each pair of a name and a number."""
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
    """Return a PNG of pictures (n, height, width, channels), uint8, in a grid of at most 16 columns.

    Small pictures are enlarged and large ones shrunk by whole factors, to sides of about 64 to 96 pixels.
    """
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
    image.save(buffer, "PNG", compress_level=1)  # the default takes twice as long for 7 % less
    return buffer.getvalue()
