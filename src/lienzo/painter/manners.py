"""A canvas, and six manners of painting: functions that cover it with shapes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from lienzo import seeds

Array = npt.NDArray[np.float32]

SHORT_SIDES = (96, 260)
"""Least and largest length of a canvas's shorter side, in pixels."""


class Canvas:
    """A canvas and the means to cover it.

    The origin is the centre, x grows to the right and y downwards, and the shorter side reaches from -1 to 1. What a
    manner composes within ±1 survives the crop to the centre square.

    Attributes:
        x: (1, width) float32.
        y: (height, 1) float32.
        colours: (height, width, 3) float32 in [0, 1], what has been painted so far.
        pixel: the side of a pixel.
        parts: by its name, how much of each pixel a part of the picture covers, (height, width) float32 in [0, 1];
            together they cover everything. None where nobody asked.
    """

    def __init__(self, width: int, height: int, random: np.random.Generator, *, named: bool = False) -> None:
        self.random = random
        self.pixel = 2 / min(width, height)
        self.x = ((np.arange(width, dtype=np.float32) + 0.5) * self.pixel - width * self.pixel / 2)[None, :]
        self.y = ((np.arange(height, dtype=np.float32) + 0.5) * self.pixel - height * self.pixel / 2)[:, None]
        self.colours: Array = np.zeros((height, width, 3), np.float32)
        self.parts: dict[str, Array] | None = {} if named else None

    def wash(self, part: str, top: Array, bottom: Array, start: float = -1, end: float = 1) -> None:
        """Cover everything with a gradient from ``top`` at y = ``start`` to ``bottom`` at y = ``end``."""
        self._name(part, np.ones(self.colours.shape[:2], np.float32))
        share = np.clip((self.y - start) / (end - start), 0, 1)[..., None]
        self.colours[:] = top + share * (bottom - top)

    def cover(self, part: str, colour: Array, distance: Array, soft: float = 0.0, opacity: float | Array = 1.0) -> None:
        """Paint a shape.

        Args:
            part: what of the picture it is, such as ``sun``; several shapes may be one part.
            colour: (3,) or (height, width, 3), in [0, 1].
            distance: signed distance to the shape's edge, negative within; broadcasts to (height, width).
            soft: width of the edge; at least a pixel.
            opacity: in [0, 1], a number or (height, width).
        """
        share = np.clip(0.5 - distance / max(soft, self.pixel), 0, 1)
        share = np.asarray(share * share * (3 - 2 * share) * opacity, np.float32)
        self.colours += share[..., None] * (colour - self.colours)
        self._name(part, share)

    def _name(self, part: str, share: Array) -> None:
        """Note that a part covers this share of each pixel, and hides as much of what lay there."""
        if self.parts is not None:
            shown = np.clip(share, 0, 1)  # an opacity of noise may leave that range
            self.parts = {name: coverage * (1 - shown) for name, coverage in self.parts.items()}
            self.parts[part] = self.parts.get(part, np.float32(0)) + shown

    def rectangle(self, left: float, top: float, right: float, bottom: float) -> Array:
        """Return the signed distance to an upright rectangle (the larger of the two axes' distances)."""
        across = np.abs(self.x - (left + right) / 2) - (right - left) / 2
        down = np.abs(self.y - (top + bottom) / 2) - (bottom - top) / 2
        outside: Array = np.maximum(across, down)
        return outside

    def ellipse(self, x: float, y: float, width: float, height: float) -> Array:
        """Return roughly the signed distance to an ellipse given by its centre and half axes."""
        radii: Array = np.hypot((self.x - x) / width, (self.y - y) / height)
        return (radii - 1) * min(width, height)

    def clouds(self, down: int, across: int) -> Array:
        """Return smooth noise in about ±1, of ``down`` × ``across`` cells, as (height, width)."""
        height, width, _ = self.colours.shape
        cells = Image.fromarray(self.random.uniform(-1, 1, (down, across)).astype(np.float32))
        return np.asarray(cells.resize((width, height), Image.Resampling.BICUBIC))

    def jitter(self, value: float, spread: float) -> float:
        """Return ``value`` shifted evenly by up to ``spread`` either way."""
        return value + float(self.random.uniform(-spread, spread))

    def choose(self, palettes: Sequence[str]) -> list[Array]:
        """Draw one palette, written as hexadecimal colours with spaces between."""
        return [_colour(name) for name in palettes[int(self.random.integers(len(palettes)))].split()]


def _colour(name: str) -> Array:
    return np.asarray(list(bytes.fromhex(name)), np.float32) / np.float32(255)


def colour_field(canvas: Canvas) -> None:
    """Two or three glowing fields with soft edges, one above the other on a warm dark ground, after Rothko."""
    ground, *fields = canvas.choose(
        (
            "5c1420 e8602c f5b53a d83a2c",
            "8f1d1f f2a32e c62a24 f0c75e",
            "3d0f1c c4232b e8742c 8c1528",
        )
    )
    canvas.wash("ground", ground, ground * 0.85)
    cuts = [-0.86, canvas.jitter(0.1, 0.25), 0.86]
    if canvas.random.random() < 0.4:
        cuts = [-0.86, canvas.jitter(-0.3, 0.1), canvas.jitter(0.3, 0.1), 0.86]
    width = canvas.jitter(0.82, 0.04) + max(0.0, float(canvas.x.max()) - 1)
    for field, top, bottom in zip(fields, cuts, cuts[1:], strict=False):
        worn = 0.9 + 0.1 * canvas.clouds(5, 6)
        canvas.cover("field", field, canvas.rectangle(-width, top + 0.06, width, bottom - 0.06), 0.16, worn)


def grid(canvas: Canvas) -> None:
    """Black lines on white, with one large plane of red and smaller ones of blue and yellow, after Mondrian."""
    white, black, red, blue, yellow = canvas.choose(("f3efe4 14141a d6201f 1b46a8 f4c81c",))
    canvas.wash("white", white, white)
    far = float(max(canvas.x.max(), canvas.y.max())) + 0.1
    across = [-far, canvas.jitter(-0.36, 0.09), canvas.jitter(0.36, 0.09), far]
    down = [-far, canvas.jitter(-0.36, 0.09), canvas.jitter(0.36, 0.09), far]
    thick = canvas.jitter(0.055, 0.012)
    for cut in across[1:-1]:
        canvas.cover("line", black, np.abs(canvas.x - cut) - thick)
    for cut in down[1:-1]:
        canvas.cover("line", black, np.abs(canvas.y - cut) - thick)
    left = canvas.random.random() < 0.5
    beside = 2 if left else 0  # the column that the large plane leaves free
    planes_of = (
        ("red plane", red, 0 if left else 1, 0, 2),
        ("blue plane", blue, beside, 2, 1),
        ("yellow plane", yellow, beside, 0, 1),
    )
    for part, colour, column, row, planes in planes_of:
        plane = canvas.rectangle(across[column], down[row], across[column + planes], down[row + planes])
        canvas.cover(part, colour, plane + thick - canvas.pixel)


def seascape(canvas: Canvas) -> None:
    """Sky, a low sun and its path on the water, and often a sail."""
    high, low, sun, water, deep = canvas.choose(
        (
            "3f8fd0 cfe8f0 fff6d8 2f86a8 0b3a66",
            "6a78c8 f6c6b4 fff0c0 5a7fb0 1c2f66",
            "56b4d8 f2e6c4 ffffff 2aa198 0a5068",
        )
    )
    horizon = canvas.jitter(0.12, 0.14)
    canvas.wash("sky", high, low, -1, horizon)
    x, y = canvas.jitter(0, 0.45), horizon - canvas.jitter(0.42, 0.14)
    canvas.cover("sky", sun, canvas.ellipse(x, y, 0.5, 0.5), 0.6, 0.45)  # its glow
    canvas.cover("sun", sun, canvas.ellipse(x, y, 0.19, 0.19))
    share = np.clip((canvas.y - horizon) / (1 - horizon), 0, 1)[..., None]
    sea = water + share * (deep - water)
    canvas.cover("sea", sea, horizon - canvas.y)
    waves = canvas.clouds(44, 7)
    canvas.cover("sea", deep, horizon - canvas.y, 0, 0.35 * np.clip(waves, 0, 1))
    path = np.abs(canvas.x - x) - 0.1 - 0.22 * (canvas.y - horizon)
    canvas.cover("reflection", sun, np.maximum(path, horizon - canvas.y), 0.1, 0.35 + 0.5 * np.clip(waves, -0.6, 1))
    if canvas.random.random() < 0.5:
        mast, foot = (x + 0.62 if x < 0 else x - 0.62), horizon + 0.1
        sail = np.maximum(canvas.y - foot, np.abs(canvas.x - mast) - 0.36 * (canvas.y - foot + 0.62))
        canvas.cover("sail", _colour("fffaf0"), sail * 0.9)
        hull = np.maximum(
            np.abs(canvas.x - mast) - 0.3 + 1.2 * (canvas.y - foot), np.abs(canvas.y - foot - 0.07) - 0.06
        )
        canvas.cover("hull", _colour("2a1a1a"), hull)


def silhouette(canvas: Canvas) -> None:
    """Head and shoulders, nearly black, before a plain bright ground with a halo, and a coloured collar."""
    ground, halo, collar = canvas.choose(
        (
            "2f9e5b 8fd66a f4d23c",
            "f0b81e ffe27a d6452a",
            "d8689a f7b6c8 f4efe2",
        )
    )
    ink = _colour("15121c")
    canvas.wash("backdrop", ground, ground * 0.8)
    x, y = canvas.jitter(0, 0.12), canvas.jitter(-0.22, 0.06)
    head = canvas.jitter(0.33, 0.03)
    canvas.cover("halo", halo, canvas.ellipse(x, y, 0.74, 0.74), 0.06)
    canvas.cover("shoulders", ink, canvas.ellipse(x, 1.1, canvas.jitter(0.85, 0.08), 0.78))
    canvas.cover("collar", collar, canvas.ellipse(x, 0.4, 0.34, 0.16))
    canvas.cover("head", ink, canvas.rectangle(x - 0.15, y, x + 0.15, 0.4), 0.04)
    canvas.cover("head", ink, canvas.ellipse(x, y, head, head * 1.28))
    fashion = canvas.random.integers(3)
    if fashion == 0:  # a hat
        canvas.cover("hat", ink, canvas.ellipse(x, y - 0.22, 0.62, 0.08))
        canvas.cover("hat", ink, canvas.rectangle(x - 0.28, y - 0.58, x + 0.28, y - 0.2), 0.05)
    elif fashion == 1:  # a bun
        canvas.cover("bun", ink, canvas.ellipse(x, y - 0.5, 0.18, 0.16))


def gesture(canvas: Canvas) -> None:
    """A few broad black strokes of a dry brush on bare canvas, and one of colour, after Kline and Hartung."""
    bare, accent = canvas.choose(("efe6d2 c8321e",))
    ink = _colour("101014")
    canvas.wash("bare canvas", bare, bare * 0.96)
    strokes = [
        ("coloured stroke", accent, 0.15, (-0.75, 0.55), (0.0, 0.75), (0.75, 0.5)),
        ("stroke", ink, 0.17, (-0.8, -0.35), (-0.1, -0.75), (0.8, -0.3)),
        ("stroke", ink, 0.14, (0.45, -0.85), (0.15, 0.0), (-0.4, 0.9)),
    ]
    flip = canvas.random.choice((-1, 1))
    for part, colour, width, *points in strokes:
        drift = canvas.random.uniform(-0.08, 0.08, 2)
        start, bend, end = (np.multiply(p, (flip, 1)) + drift + canvas.random.uniform(-0.05, 0.05, 2) for p in points)
        _brush(canvas, part, colour, canvas.jitter(width, 0.03), start, bend, end)


def _brush(canvas: Canvas, part: str, colour: Array, width: float, *points: npt.NDArray[np.float64]) -> None:
    """Draw one stroke along the quadratic Bézier curve of three points, with the streaks that bristles leave."""
    t = np.linspace(0, 1, 9)[:, None]
    curve = ((1 - t) ** 2 * points[0] + 2 * t * (1 - t) * points[1] + t**2 * points[2]).astype(np.float32)
    shape = canvas.colours.shape[:2]
    nearest, beside, along = np.full(shape, 9, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for i, (start, step) in enumerate(zip(curve, np.diff(curve, axis=0), strict=False)):
        dx, dy = canvas.x - start[0], canvas.y - start[1]
        length = float(np.hypot(*step))
        share = np.clip((dx * step[0] + dy * step[1]) / length**2, 0, 1)
        away = np.hypot(dx - share * step[0], dy - share * step[1])
        closer = away < nearest
        nearest = np.where(closer, away, nearest)
        beside = np.where(closer, (dx * step[1] - dy * step[0]) / length, beside)
        along = np.where(closer, (i + share) / (len(curve) - 1), along)
    bristles = np.asarray(canvas.random.uniform(0, 1, 24), np.float32)
    streaks = bristles[np.clip((beside / width + 1) * 12, 0, 23).astype(int)]
    dry = np.clip(1.25 - 0.9 * streaks * along**2, 0, 1)
    canvas.cover(part, colour, nearest - width * (1 - 0.4 * along), 0.03, dry)


def circles(canvas: Canvas) -> None:
    """Concentric rings of pure colour, the right half one colour ahead of the left, after Delaunay."""
    ground, *rings = canvas.choose(
        (
            "20184f f0f0ee 6a3fc0 19b5b0 e84a8a",
            "b9d9e8 5a1f8a f4f0e6 1f6fd0 2a1a60",
        )
    )
    canvas.wash("ground", ground, ground)
    x, y = canvas.jitter(0, 0.05), canvas.jitter(0, 0.05)
    outer = canvas.jitter(0.84, 0.05)
    for i, (left, right) in enumerate(zip(rings, rings[1:] + rings[:1], strict=True)):
        radius = outer * (1 - i / len(rings))
        disc = canvas.ellipse(x, y, radius, radius)
        canvas.cover("ring", left, disc)
        canvas.cover("ring", right, np.maximum(disc, x - canvas.x))


@dataclass(frozen=True)
class Manner:
    """A way of painting."""

    paint: Callable[[Canvas], None]
    """Covers a canvas."""
    ratios: tuple[float, float]
    """Least and largest ratio of width to height."""
    parts: tuple[str, ...]
    """Names of the parts that its pictures may have."""


MANNERS = {
    "circles": Manner(circles, (0.8, 1.25), ("ground", "ring")),
    "colour-fields": Manner(colour_field, (0.65, 1.0), ("ground", "field")),
    "gestures": Manner(gesture, (0.8, 1.5), ("bare canvas", "stroke", "coloured stroke")),
    "grids": Manner(grid, (0.8, 1.25), ("white", "line", "red plane", "blue plane", "yellow plane")),
    "seascapes": Manner(seascape, (1.2, 1.9), ("sky", "sun", "sea", "reflection", "sail", "hull")),
    "silhouettes": Manner(silhouette, (0.65, 0.95), ("backdrop", "halo", "shoulders", "collar", "head", "hat", "bun")),
}
"""Every manner by the name of its folder, which is its pictures' label."""

PARTS = tuple(dict.fromkeys(part for manner in MANNERS.values() for part in manner.parts))
"""Every part that pictures consist of."""


def paint_canvas(manner: str, seed: int, number: int) -> Image.Image:
    """Paint one canvas.

    Args:
        manner: a key of :data:`MANNERS`.
        seed: seed of the collection.
        number: number of the canvas in the collection.
    """
    return _painted(manner, seed, number, named=False)[0]


def paint_with_parts(manner: str, seed: int, number: int) -> tuple[Image.Image, dict[str, Array]]:
    """Paint the same canvas as :func:`paint_canvas`, and say where each of its parts is.

    Returns:
        The picture, and how much of each pixel each part covers, by its name: (height, width) float32 in [0, 1].
        Parts that others hide are not counted where they are hidden, so that all parts together cover every pixel.
    """
    picture, canvas = _painted(manner, seed, number, named=True)
    assert canvas.parts is not None
    return picture, canvas.parts


def _painted(manner: str, seed: int, number: int, *, named: bool) -> tuple[Image.Image, Canvas]:
    random = seeds.numpy_generator(seed, f"painter/{manner}", number)
    short, ratio = random.integers(*SHORT_SIDES, endpoint=True), random.uniform(*MANNERS[manner].ratios)
    width, height = (round(short * max(1.0, ratio)), round(short * max(1.0, 1 / ratio)))
    canvas = Canvas(width, height, random, named=named)
    MANNERS[manner].paint(canvas)
    light = 1 + 0.025 * canvas.clouds(4, 4) + 0.015 * random.standard_normal((height, width), np.float32)
    picture = Image.fromarray((np.clip(canvas.colours * light[..., None], 0, 1) * 255 + 0.5).astype(np.uint8))
    return picture, canvas
