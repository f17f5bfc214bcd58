"""What a generator paints: a gallery, and the training pictures that its pictures are nearest to."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lienzo.collection.collection import Collection
from lienzo.generation.generation import Generator

Pixels = NDArray[np.uint8]

LABELS = 8
"""Labels at most of which a row of pictures is shown."""

COMPARED = 8
"""Generated pictures for which the nearest training pictures are looked for."""

SEARCHED = 20_000
"""Training pictures at most among which they are looked for."""

CHUNK = 2_048
"""Pictures of a collection that are held at a time."""


@dataclass(frozen=True)
class Gallery:
    """Pictures of a generator in rows."""

    images: Pixels
    """(n, height, width, channels)."""
    columns: int
    """Pictures in a row."""
    labels: tuple[str, ...]
    """The label of each row; none where the generator knows none."""


@dataclass(frozen=True)
class Nearest:
    """Generated pictures and the training pictures nearest to them."""

    generated: Pixels
    """(n, height, width, channels), of the seeds from 0 on."""
    training: Pixels
    """(n, height, width, channels)."""
    searched: int
    """Training pictures among which they were looked for."""
    count: int
    """Training pictures that there are."""


def gallery_of(generator: Generator) -> Gallery:
    """Return pictures of the seeds from 0 on, fewer where they are large; a row for each label where there are any."""
    columns = 8 if generator.height <= 64 else 6 if generator.height <= 128 else 4
    if generator.vocabulary is None:
        return Gallery(generator.generate(range(columns**2)).images, columns, ())
    labels = generator.vocabulary.names[:LABELS]
    texts = [label for label in labels for _ in range(columns)]
    return Gallery(generator.generate([*range(columns)] * len(labels), texts).images, columns, tuple(labels))


def nearest_training(generator: Generator, collection: Collection) -> Nearest:
    """Return some generated pictures, and the nearest training picture of each by the means of 16×16 fields."""
    rows = collection.rows("train")
    chosen = rows[:: -(-len(rows) // SEARCHED)]
    generated = generator.generate(range(COMPARED)).images
    return Nearest(generated, collection.take(nearest(generated, collection, chosen)), len(chosen), len(rows))


def nearest(pictures: Pixels, collection: Collection, rows: NDArray[np.int64], fields: int = 16) -> NDArray[np.int64]:
    """Return the rows of a collection whose pictures are nearest to ``pictures`` (n, height, width, channels); (n,).

    Args:
        pictures: of the collection's shape.
        collection: to look in.
        rows: the rows to look among; at least one.
        fields: both pictures are shrunk to so many fields vertically and horizontally.
    """
    wanted = _shrunk(pictures, fields)
    best = np.full(len(pictures), np.inf, np.float32)
    found = np.zeros(len(pictures), np.int64)
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        there = _shrunk(collection.take(part), fields)
        distances = (wanted * wanted).sum(1)[:, None] - 2 * wanted @ there.T + (there * there).sum(1)
        closest = distances.argmin(1)
        values = distances[np.arange(len(pictures)), closest]
        closer = values < best
        best[closer], found[closer] = values[closer], part[closest[closer]]
    return found


def _shrunk(pictures: Pixels, fields: int) -> NDArray[np.float32]:
    """Return the means of fields of pictures (n, height, width, channels), flat: (n, fields · fields · channels).

    The fields cover the whole picture. Where its sides are no multiples, some have a row or a column more than others.
    """
    height, width = pictures.shape[1:3]
    rows, columns = (np.linspace(0, side, min(fields, side) + 1).round().astype(np.int64) for side in (height, width))
    sums = np.add.reduceat(pictures, rows[:-1], axis=1, dtype=np.float32)
    sums = np.add.reduceat(sums, columns[:-1], axis=2)
    means = sums / (np.diff(rows)[:, None, None] * np.diff(columns)[:, None]).astype(np.float32)
    return np.asarray(means.reshape(len(pictures), -1))
