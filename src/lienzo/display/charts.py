"""Charts by Matplotlib, in one style, with colours that colour-blind people can tell apart; no screen is needed."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette (2008), the darker hues first."""

LINES = ("-", "--", "-.", ":")
"""Line styles, so that curves differ in print as well."""

_STYLE: dict[str, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e5e5e5",
    "axes.axisbelow": True,
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "svg.hashsalt": "lienzo",
}


@contextmanager
def figure(width: float = 7.0, height: float = 3.6) -> "Iterator[Figure]":
    """Provide a figure of ``width`` × ``height`` inches in lienzo's style; draw and save it within the block."""
    import matplotlib  # noqa: PLC0415  the import takes half a second
    from cycler import cycler  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with matplotlib.rc_context(_STYLE | {"axes.prop_cycle": cycler(color=COLOURS)}):  # type: ignore[arg-type]
        yield Figure(figsize=(width, height))


def png(drawn: "Figure", dots_per_inch: int = 144) -> bytes:
    """Return a figure as the bytes of a PNG."""
    buffer = io.BytesIO()
    drawn.savefig(buffer, format="png", dpi=dots_per_inch, metadata={"Software": None})
    return buffer.getvalue()


def svg(drawn: "Figure") -> str:
    """Return a figure as SVG text without a date, so that equal figures give equal text."""
    buffer = io.StringIO()
    drawn.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


PAPER = 300
"""Dots per inch of a figure for a paper."""


@dataclass(frozen=True)
class Chart:
    """A figure that can be drawn in several formats."""

    name: str
    """Name of its file, without an ending."""
    title: str
    """What it shows, in a few words."""
    caption: str
    """How to read it, in a sentence or two."""
    draw: Callable[["Figure"], None]
    """Draws into an empty figure."""
    width: float = 7.0
    """Inches; a page of a paper has about seven."""
    height: float = 2.6
    """Inches."""

    def svg(self) -> str:
        """Return it as SVG."""
        with figure(self.width, self.height) as drawn:
            self.draw(drawn)
            return svg(drawn)

    def png(self, dots_per_inch: int = PAPER) -> bytes:
        """Return it as the bytes of a PNG."""
        with figure(self.width, self.height) as drawn:
            self.draw(drawn)
            return png(drawn, dots_per_inch)
