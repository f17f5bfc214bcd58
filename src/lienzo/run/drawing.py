"""Drawings of a whole run: the losses as curves, the samples of the fixed latents as an animation."""

import logging
import math
from pathlib import Path

import numpy as np
from PIL import Image

from lienzo.collection.screening.pictures import Pixels
from lienzo.display import charts, gallery
from lienzo.run.run import Run

PANELS = {
    "loss": {"discriminator_loss": "discriminator", "generator_loss": "generator"},
    "mean score": {"real_score": "D(x)", "fake_score": "D(G(z))"},
    "nats": {"evidence_bound": "evidence bound"},
    "nats of latents": {"divergence": "divergence"},
    "painting error": {"painting_error": "root mean square"},
}
"""Panels of the chart, by the label of their axis: the measures of the log drawn there, and their names in the key."""

FRAMES = 40
"""At most so many frames of an evolution."""

log = logging.getLogger("lienzo")


def curves(run: Run) -> bytes | None:
    """Return what a run measured, such as losses and the discriminator's mean scores, as a chart in PNG.

    A gap in a curve is a line of the log that was damaged. Without any line there is no chart.
    """
    lines = run.log()
    images = [line["images"] for line in lines]
    measured = {name for line in lines for name in line}
    panels = {unit: names for unit, names in PANELS.items() if names.keys() <= measured}
    if not panels:
        return None
    with charts.figure(8, 2.5 * len(panels)) as drawn:
        for axes, (unit, names) in zip(drawn.subplots(len(panels), 1, sharex=True), panels.items(), strict=True):
            for (name, label), style in zip(names.items(), charts.LINES, strict=False):
                values = [line.get(name, math.nan) for line in lines]
                axes.plot(images, values, style, label=label, marker="." if len(lines) == 1 else None)
            axes.legend()
            axes.set_ylabel(unit)
        axes.set_xlabel("pictures shown")
        return charts.png(drawn)


def evolution(run: Run) -> bytes | None:
    """Return the fixed latents through time as GIF, the first and the last drawing among them.

    Drawings that are damaged are left out. Without any there is no animation.
    """
    frames = [frame for path in _spread(run.samples(), FRAMES) if (frame := _read(path)) is not None]
    return gallery.gif(frames) if frames else None


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
    return [paths[round(i * (len(paths) - 1) / (most - 1))] for i in range(most)]
