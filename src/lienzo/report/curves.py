"""The curves of a run: a chart for each panel of measures that its log has."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from lienzo.display.charts import Chart
from lienzo.run import drawing
from lienzo.run.panels import PANELS, Panel, measured

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def curves(lines: Sequence[Mapping[str, Any]]) -> list[Chart]:
    """Return a chart for each panel of measures that the lines of a log have."""
    names = drawing.names_of(lines)
    return [
        Chart(name, panel.title, panel.meaning, partial(_draw, panel, lines))
        for name, panel in PANELS.items()
        if measured(panel, names)
    ]


def _draw(panel: Panel, lines: Sequence[Mapping[str, Any]], figure: "Figure") -> None:
    axes = figure.subplots()
    drawing.draw(axes, panel, lines)
    axes.set_xlabel("pictures shown")
