"""What a run looks like from afar: its losses as curves, its fixed latents as an animation."""

from pathlib import Path

import numpy as np
from PIL import Image

from lienzo import charts, gallery
from lienzo.run import Run

FRAMES = 40
"""At most so many frames of an evolution."""


def curves(run: Run) -> bytes:
    """Return the losses and the discriminator's mean scores of a run as a chart in PNG."""
    lines = run.log()
    images = [line["images"] for line in lines]
    with charts.figure(8, 5) as drawn:
        losses, scores = drawn.subplots(2, 1, sharex=True)
        for axes, names in (
            (losses, {"discriminator_loss": "discriminator", "generator_loss": "generator"}),
            (scores, {"real_score": "D(x)", "fake_score": "D(G(z))"}),
        ):
            for (name, label), style in zip(names.items(), charts.LINES, strict=False):
                axes.plot(images, [line[name] for line in lines], style, label=label)
            axes.legend()
        losses.set_ylabel("loss")
        scores.set_ylabel("mean score")
        scores.set_xlabel("pictures shown")
        return charts.png(drawn)


def evolution(run: Run) -> bytes:
    """Return the fixed latents through time as GIF, the first and the last drawing among them."""
    return gallery.gif([np.asarray(Image.open(path).convert("RGB")) for path in _spread(run.samples(), FRAMES)])


def _spread(paths: list[Path], most: int) -> list[Path]:
    if len(paths) <= most:
        return paths
    return [paths[round(i * (len(paths) - 1) / (most - 1))] for i in range(most)]
