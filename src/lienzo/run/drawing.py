"""Drawings of a whole run: the losses as curves, the samples of the fixed latents as an animation."""

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from lienzo.collection.screening.pictures import Pixels
from lienzo.display import charts, gallery
from lienzo.run.panels import BRIEF, PANELS, Panel, measured
from lienzo.run.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FRAMES = 40
"""At most so many frames of an evolution."""

log = logging.getLogger("lienzo")


def curves(run: Run) -> bytes | None:
    """Return what a run measured, such as losses and the discriminator's mean scores, as a chart in PNG.

    A gap in a curve is a line of the log that was damaged. Without any line there is no chart.
    """
    lines = run.log()
    panels = [panel for panel in (PANELS[name] for name in BRIEF) if measured(panel, names_of(lines))]
    if not panels:
        return None
    with charts.figure(8, 2.5 * len(panels)) as drawn:
        for axes, panel in zip(drawn.subplots(len(panels), 1, sharex=True, squeeze=False).flat, panels, strict=True):
            draw(axes, panel, lines)
        axes.set_xlabel("pictures shown")
        return charts.png(drawn)


def names_of(lines: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the names of all measures in the lines of a log."""
    return {name for line in lines for name in line}


def draw(axes: "Axes", panel: Panel, lines: Sequence[Mapping[str, Any]]) -> None:
    """Draw the curves of a panel over the pictures shown, from the lines of a log.

    A measure that only some lines have, such as KID, is drawn with a point for each of them and its standard error. A
    dotted line stands where trouble began.
    """
    for (name, label), style in zip(measured(panel, names_of(lines)).items(), charts.LINES, strict=False):
        images, values = _values(name, lines, panel.scale, seldom=name in panel.errors)
        if name in panel.errors:
            errors = [line.get(panel.errors[name], 0.0) * panel.scale for line in lines if name in line]
            axes.errorbar(images, values, yerr=errors, fmt="o-", markersize=3, capsize=2, label=label)
        else:
            axes.plot(images, values, style, label=label, marker="." if len(images) == 1 else None)
    if panel.logarithmic and any(line.get(name, 0) > 0 for line in lines for name in panel.curves):
        axes.set_yscale("log")
    for begun in troubles(lines):
        axes.axvline(begun, color=charts.COLOURS[1], linestyle=":")
    axes.legend()
    axes.set_ylabel(panel.unit)


def _values(
    name: str, lines: Sequence[Mapping[str, Any]], scale: float, *, seldom: bool
) -> tuple[list[int], list[float]]:
    """Return the pictures shown and the values of a measure; a line without it is a gap, or left out if ``seldom``."""
    chosen = [line for line in lines if name in line or not seldom]
    return [line["images"] for line in chosen], [scale * line.get(name, math.nan) for line in chosen]


def troubles(lines: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """Return the trouble of a run, by the number of pictures shown when it began."""
    begun: dict[int, str] = {}
    before = False
    for line in lines:
        if "trouble" in line and not before:
            begun[line["images"]] = line["trouble"]
        before = "trouble" in line
    return begun


def evolution(run: Run) -> bytes | None:
    """Return the fixed latents through time as GIF, the first and the last drawing among them.

    Drawings that are damaged are left out. Without any there is no animation.
    """
    frames = [frame for _, frame in samples(run, FRAMES)]
    return gallery.gif(frames) if frames else None


def samples(run: Run, most: int) -> list[tuple[int, Pixels]]:
    """Return at most so many drawings of the fixed latents, the last and the first among them, and when they were made.

    Drawings that are damaged are left out.

    Returns:
        The number of pictures shown, and the drawing (height, width, 3), of each.
    """
    chosen = _spread([path for path in run.samples() if path.stem.isdecimal()], most)
    return [(int(path.stem), frame) for path in chosen if (frame := _read(path)) is not None]


def _read(path: Path) -> Pixels | None:
    """Return a drawing (height, width, 3), or nothing where the file is damaged."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError) as error:
        log.warning("%s is damaged (%s) and left out of the evolution.", path, error)
        return None


def _spread(paths: list[Path], most: int) -> list[Path]:
    if len(paths) <= most:
        return paths
    return [paths[round(i * (len(paths) - 1) / (most - 1))] for i in range(most)] if most > 1 else paths[-1:]
