"""What a run looks like from afar: its losses as curves, its fixed latents as an animation."""

from pathlib import Path

import numpy as np
from PIL import Image

from lienzo import charts, gallery
from lienzo.run import Run

PANELS = {
    "loss": {"discriminator_loss": "discriminator", "generator_loss": "generator"},
    "mean score": {"real_score": "D(x)", "fake_score": "D(G(z))"},
    "nats": {"evidence_bound": "evidence bound"},
    "nats of latents": {"divergence": "divergence"},
    "painting error": {"painting_error": "root mean square"},
}
"""What is drawn, where the log has it: under the name of an axis, measures and what they are called."""

FRAMES = 40
"""At most so many frames of an evolution."""


def curves(run: Run) -> bytes:
    """Return what a run measured, such as losses and the discriminator's mean scores, as a chart in PNG."""
    lines = run.log()
    images = [line["images"] for line in lines]
    panels = {unit: names for unit, names in PANELS.items() if names.keys() <= lines[0].keys()}
    with charts.figure(8, 2.5 * len(panels)) as drawn:
        for axes, (unit, names) in zip(drawn.subplots(len(panels), 1, sharex=True), panels.items(), strict=True):
            for (name, label), style in zip(names.items(), charts.LINES, strict=False):
                axes.plot(images, [line[name] for line in lines], style, label=label)
            axes.legend()
            axes.set_ylabel(unit)
        axes.set_xlabel("pictures shown")
        return charts.png(drawn)


def evolution(run: Run) -> bytes:
    """Return the fixed latents through time as GIF, the first and the last drawing among them."""
    return gallery.gif([np.asarray(Image.open(path).convert("RGB")) for path in _spread(run.samples(), FRAMES)])


def _spread(paths: list[Path], most: int) -> list[Path]:
    if len(paths) <= most:
        return paths
    return [paths[round(i * (len(paths) - 1) / (most - 1))] for i in range(most)]
