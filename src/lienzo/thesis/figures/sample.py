"""Figure 4.1: a sample of the data."""

import numpy as np

from lienzo.compute import pixels
from lienzo.display import gallery
from lienzo.theory.finding import Drawing
from lienzo.thesis.edition import Edition, Language
from lienzo.thesis.experiments.manners import painted

ROWS, COLUMNS = 4, 9
SIDE = 64
"""Height and width, in pixels, of the painter's pictures."""

WORDS: dict[str, dict[Language, str]] = {
    "collection": {
        "en": "Pictures of the reader's collection, spread evenly over it.",
        "es": "Imágenes de la colección del lector, repartidas por igual.",
    },
    "painter": {
        "en": "Pictures of the procedural painter: circles, colour fields, gestures, grids, seascapes and silhouettes.",
        "es": "Imágenes del pintor: círculos, campos de color, gestos, rejillas, marinas y siluetas.",
    },
}


def figure(edition: Edition) -> Drawing:
    """Show pictures of the reader's collection, spread evenly over it, or of the procedural painter."""
    collection = edition.collection
    if collection is None:
        images = pixels.to_bytes(painted(ROWS * COLUMNS, SIDE, seed=0)[0])
    else:
        rows = np.unique(np.linspace(0, collection.count - 1, ROWS * COLUMNS).astype(int))
        images = collection.take(rows)
    seen = WORDS["painter" if collection is None else "collection"][edition.language]
    return Drawing(gallery.png(gallery.grid(images, COLUMNS)), seen)
