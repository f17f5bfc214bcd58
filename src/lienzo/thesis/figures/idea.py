"""Figure 3.1: the two players, what goes from one to the other, and which way the gradients flow back."""

from typing import TYPE_CHECKING

from lienzo.display import charts
from lienzo.theory.finding import Drawing
from lienzo.thesis.edition import Edition, Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WORDS: dict[str, dict[Language, str]] = {
    "noise": {"en": "noise z\nfrom a known law", "es": "ruido z\nde una ley conocida"},
    "generator": {"en": "generator G\nweights θg", "es": "generador G\npesos θg"},
    "generated": {"en": "generated picture\nG(z)", "es": "imagen generada\nG(z)"},
    "data": {"en": "collection\nlaw of the data", "es": "colección\nley de los datos"},
    "real": {"en": "real picture\nx", "es": "imagen real\nx"},
    "discriminator": {"en": "discriminator D\nweights θd", "es": "discriminador D\npesos θd"},
    "answer": {"en": "probability\nof being real", "es": "probabilidad\nde ser real"},
    "discriminator loss": {
        "en": "D's loss\n−log D(x) − log(1 − D(G(z)))",
        "es": "pérdida de D\n−log D(x) − log(1 − D(G(z)))",
    },
    "generator loss": {"en": "G's loss\nlog(1 − D(G(z)))", "es": "pérdida de G\nlog(1 − D(G(z)))"},
    "gradient d": {"en": "gradient for θd", "es": "gradiente para θd"},
    "gradient g": {"en": "gradient for θg, through D", "es": "gradiente para θg, a través de D"},
    "seen": {
        "en": "Noise enters the generator, which makes a picture. The discriminator gets generated and real pictures "
        "and answers with a probability. The discriminator's loss sends its gradient back to the discriminator. The "
        "generator's loss sends its gradient back through the discriminator to the generator.",
        "es": "El ruido entra en el generador, que hace una imagen. El discriminador recibe imágenes generadas y "
        "reales y responde con una probabilidad. La pérdida del discriminador le devuelve su gradiente. La pérdida del "
        "generador envía su gradiente a través del discriminador hasta el generador.",
    },
}
"""Words of the figure in each language."""

BOXES = {
    "noise": (0.95, 1.2, "#ffffff"),
    "generator": (3.15, 1.2, charts.COLOURS[4]),
    "generated": (5.5, 1.2, "#ffffff"),
    "data": (3.15, 3.1, "#ffffff"),
    "real": (5.5, 3.1, "#ffffff"),
    "discriminator": (7.9, 2.15, charts.COLOURS[5]),
    "answer": (10.2, 2.15, "#ffffff"),
    "discriminator loss": (10.2, 3.75, "#ffffff"),
    "generator loss": (10.2, 0.55, "#ffffff"),
}
"""Name of a box -> its middle, and its colour."""

FORWARDS = (
    ("noise", "generator"),
    ("generator", "generated"),
    ("generated", "discriminator"),
    ("data", "real"),
    ("real", "discriminator"),
    ("discriminator", "answer"),
    ("answer", "discriminator loss"),
    ("answer", "generator loss"),
)
"""What goes from one box to another."""

WIDTH, HEIGHT = 1.75, 0.62
"""Size of a box."""


def figure(edition: Edition) -> Drawing:
    """Draw the two players of a generative adversarial network."""
    language = edition.language
    with charts.figure(8.6, 3.3) as drawn:
        drawn.set_layout_engine("none")
        axes = drawn.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, 11.5)
        axes.set_ylim(-0.35, 4.25)
        axes.axis("off")
        for name, (x, y, colour) in BOXES.items():
            _box(axes, x, y, colour, WORDS[name][language])
        for start, end in FORWARDS:
            _arrow(axes, start, end)
        _back(
            axes, [(9.0, 3.75), (7.9, 3.75), (7.9, 2.55)], charts.COLOURS[0], WORDS["gradient d"][language], (8.0, 3.9)
        )
        _back(
            axes,
            [(9.0, 0.55), (8.25, 0.55), (8.25, 1.76), (7.75, 1.76), (7.75, -0.05), (3.15, -0.05), (3.15, 0.8)],
            charts.COLOURS[1],
            WORDS["gradient g"][language],
            (5.45, 0.05),
        )
        return Drawing(charts.svg(drawn), WORDS["seen"][language])


def _box(axes: "Axes", x: float, y: float, colour: str, words: str) -> None:
    from matplotlib.patches import FancyBboxPatch  # noqa: PLC0415  the import takes half a second

    loss = "(1" in words
    width = 2.35 if loss else WIDTH
    axes.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - HEIGHT / 2), width, HEIGHT, boxstyle="round,pad=0.02,rounding_size=0.08",
            facecolor=colour if colour == "#ffffff" else f"{colour}55", edgecolor="#444444", linewidth=0.9,
        )
    )  # fmt: skip
    axes.text(x, y, words, fontsize=7.5, ha="center", va="center", linespacing=1.5)


def _arrow(axes: "Axes", start: str, end: str) -> None:
    (x, y, _), (to_x, to_y, _) = BOXES[start], BOXES[end]
    half_height = HEIGHT / 2 + 0.04
    tail = (x + WIDTH / 2 + 0.03, y) if to_x > x else (x, y + half_height * (1 if to_y > y else -1))
    head = (to_x - WIDTH / 2 - 0.05, to_y) if to_x > x else (to_x, to_y - half_height * (1 if to_y > y else -1))
    axes.annotate(
        "", head, tail, arrowprops={"arrowstyle": "-|>", "lw": 1.0, "shrinkA": 0, "shrinkB": 0, "color": "#333333"}
    )


def _back(axes: "Axes", way: list[tuple[float, float]], colour: str, words: str, at: tuple[float, float]) -> None:
    """Draw the way of a gradient, dashed, with an arrow at its end."""
    *corners, last, end = way
    axes.plot(*zip(*corners, last, strict=True), "--", color=colour, linewidth=1.2)
    arrow = {"arrowstyle": "-|>", "lw": 1.2, "ls": "--", "shrinkA": 0, "shrinkB": 0, "color": colour}
    axes.annotate("", end, last, arrowprops=arrow)
    axes.text(*at, words, fontsize=7.5, color=colour, ha="center", va="bottom")
