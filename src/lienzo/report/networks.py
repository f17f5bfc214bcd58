"""Both networks of a run, layer by layer: a figure, the thesis's 4.2 with the sizes that were missing, and tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lienzo.display import charts, pages
from lienzo.display.charts import Chart
from lienzo.networks.layers import Layer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

JOINED = ("BatchNorm2d", "Modulation", "ReLU", "LeakyReLU", "Tanh")
"""Layers that are drawn in the box of the layer before them."""

TITLES = {
    "generator": "Generator: from latents to a picture",
    "discriminator": "Discriminator: from a picture to a logit",
    "encoder": "Encoder: from a picture to its latents",
}
"""What stands above each network."""

COLOURS = {
    "ConvTranspose2d": charts.COLOURS[0],
    "Projection": charts.COLOURS[0],
    "Conv2d": charts.COLOURS[0],
    "Readout": charts.COLOURS[0],
    "Linear": charts.COLOURS[2],
    "Modulated": charts.COLOURS[2],
    "Pooled": charts.COLOURS[2],
    "Block": charts.COLOURS[3],
}
"""Colour of the box of each layer: convolutions, matrix products, residual blocks; all others are orange."""

OTHERS = charts.COLOURS[4]

ROW, GAP, COLUMN = 0.42, 0.13, 3.5
"""Inches: height of a box, space between two, width of a network."""

CAPTION = (
    "A box is a convolution or another layer, with the normalisation and the activation that follow it. At the right, "
    "the sizes of its input and output as channels × height × width, its parameters, and its multiply-adds for one "
    "picture."
)


@dataclass(frozen=True)
class Row:
    """Layers that are drawn in one box."""

    layers: tuple[Layer, ...]

    @property
    def title(self) -> str:
        """The first layer, with its kernel and stride."""
        return f"{self.layers[0].name} {window(self.layers[0])}".strip()

    @property
    def sizes(self) -> str:
        """The size of the input and that of the output."""
        ends = self.layers[0].inputs, self.layers[-1].outputs
        return " → ".join(size(end).replace(" ", "") for end in ends)

    @property
    def others(self) -> str:
        """The names of the other layers."""
        return ", ".join(layer.name for layer in self.layers[1:])

    @property
    def numbers(self) -> str:
        """Parameters and multiply-adds of all of them."""
        parameters = sum(layer.parameters for layer in self.layers)
        multiply_adds = sum(layer.multiply_adds for layer in self.layers)
        return f"{short(parameters)} parameters, {short(multiply_adds)} multiply-adds" if parameters else ""


def rows(layers: Sequence[Layer]) -> list[Row]:
    """Return the boxes of a network: each layer, together with the normalisation and the activation behind it."""
    found: list[list[Layer]] = []
    for layer in layers:
        if found and layer.name in JOINED:
            found[-1].append(layer)
        else:
            found.append([layer])
    return [Row(tuple(row)) for row in found]


def chart(players: Mapping[str, Sequence[Layer]]) -> Chart:
    """Return the figure of both networks of a run, side by side.

    Args:
        players: layers by the network's name, as :func:`lienzo.networks.layers.players` returns them.
    """
    most = max(len(rows(layers)) for layers in players.values())
    height = 0.8 + most * (ROW + GAP) + 0.35
    return Chart("networks", "The two networks", CAPTION, partial(_draw, players), COLUMN * len(players), height)


def section(players: Mapping[str, Sequence[Layer]]) -> str:
    """Return the section of a page with both networks: the figure, and a table of the layers of each."""
    drawn = chart(players)
    figure = pages.svg(drawn.svg(), caption=drawn.caption, alt="both networks, layer by layer, as in the tables below")
    return pages.section(drawn.title, figure, *tables(players))


def tables(players: Mapping[str, Sequence[Layer]]) -> list[str]:
    """Return a table of the layers of each network, as pieces of HTML."""
    blocks = []
    for name, layers in players.items():
        blocks += [f"<h3>{pages.escape(TITLES[name])}</h3>", _table(layers), pages.paragraph(totals(layers))]
    return blocks


def totals(layers: Sequence[Layer]) -> str:
    """Return the parameters and the multiply-adds of a network as a sentence."""
    parameters, multiply_adds = (
        sum(layer.parameters for layer in layers),
        sum(layer.multiply_adds for layer in layers),
    )
    return f"{parameters:,} parameters, {multiply_adds:,} multiply-adds for one picture."


def size(shape: Sequence[int]) -> str:
    """Return the size of an input or output as people read it.

    >>> size((512, 4, 4)), size(())
    ('512 × 4 × 4', '1')
    """
    return " × ".join(map(str, shape)) or "1"


def window(layer: Layer) -> str:
    """Return kernel and stride of a convolution; nothing of another layer."""
    if layer.kernel is None or layer.stride is None:
        return ""
    stride = "" if set(layer.stride) == {1} else f", stride {'×'.join(map(str, dict.fromkeys(layer.stride)))}"
    return f"{'×'.join(map(str, layer.kernel))}{stride}"


def short(number: int) -> str:
    """Return a number with three digits at most.

    >>> short(4096), short(2_097_152), short(700)
    ('4.1 k', '2.1 M', '700')
    """
    for factor, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= factor:
            return f"{number / factor:.{0 if number >= 100 * factor else 1}f} {unit}"
    return str(number)


def _table(layers: Sequence[Layer]) -> str:
    return pages.table(
        ("layer", "kernel", "input", "output", "parameters", "multiply-adds", "settings"),
        [
            (
                layer.name,
                window(layer),
                size(layer.inputs),
                size(layer.outputs),
                f"{layer.parameters:,}",
                f"{layer.multiply_adds:,}",
                layer.settings,
            )
            for layer in layers
        ],
    )


def _draw(players: Mapping[str, Sequence[Layer]], figure: "Figure") -> None:
    figure.set_layout_engine("none")
    width, height = figure.get_size_inches()
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.axis("off")
    for number, (name, layers) in enumerate(players.items()):
        _draw_network(axes, COLUMN * number + 0.1, name, layers)


def _draw_network(axes: "Axes", left: float, name: str, layers: Sequence[Layer]) -> None:
    axes.text(left, 0.25, TITLES[name], fontsize=9.5, weight="bold")
    ends = (
        ("latents z", "picture")
        if name == "generator"
        else ("picture", "logit" if name == "discriminator" else "mean and log variance")
    )
    _draw_end(axes, left, 0.6, f"{ends[0]}  {size(layers[0].inputs)}")
    top = 0.8
    for row in rows(layers):
        _draw_box(axes, left, top, row)
        top += ROW + GAP
    _draw_arrow(axes, left, top)
    _draw_end(axes, left, top + 0.18, ends[1])


def _draw_box(axes: "Axes", left: float, top: float, row: Row) -> None:
    from matplotlib.patches import FancyBboxPatch  # noqa: PLC0415  the import takes half a second

    width = COLUMN - 0.2
    colour = COLOURS.get(row.layers[0].name, OTHERS)
    axes.add_patch(
        FancyBboxPatch(
            (left, top), width, ROW, boxstyle="round,pad=0,rounding_size=0.05", facecolor=f"{colour}2a",
            edgecolor=colour, linewidth=0.8,
        )
    )  # fmt: skip
    _draw_arrow(axes, left, top)
    below = top + (0.17 if row.others or row.numbers else 0.24)
    axes.text(left + 0.07, below, row.title, fontsize=7, weight="bold")
    axes.text(left + width - 0.07, below, row.sizes, fontsize=6.5, ha="right")
    axes.text(left + 0.07, top + 0.34, row.others, fontsize=6.5)
    axes.text(left + width - 0.07, top + 0.34, row.numbers, fontsize=6.5, ha="right")


def _draw_arrow(axes: "Axes", left: float, top: float) -> None:
    middle = left + (COLUMN - 0.2) / 2
    axes.annotate(
        "",
        (middle, top),
        (middle, top - GAP),
        arrowprops={"arrowstyle": "-|>", "lw": 0.7, "shrinkA": 0, "shrinkB": 0, "facecolor": "black"},
    )


def _draw_end(axes: "Axes", left: float, top: float, text: str) -> None:
    axes.text(left + (COLUMN - 0.2) / 2, top, text, fontsize=8, ha="center", style="italic")
