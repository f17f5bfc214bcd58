"""A run as one page: what it paints, how it learnt, how good it is, both networks, the machine, and how to go on.

The page needs nothing beside it. Figures for a paper are the same charts, as SVG and as PNG.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lienzo.collection.collection import Collection
from lienzo.display import gallery
from lienzo.report.page import page
from lienzo.report.parts import Parts, read
from lienzo.run import drawing
from lienzo.run.run import Run
from lienzo.storage import files

NAME = "report.html"
"""Name of the page in the run's folder."""


@dataclass(frozen=True)
class Report:
    """What was written of a run, and the numbers on the page."""

    page: Path
    """The page."""
    figures: tuple[Path, ...]
    """Figures for a paper, where they were asked for."""
    facts: dict[str, Any]
    """State, pictures shown, seconds, size of both networks, last scores; plain values."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"page": str(self.page), "figures": [str(path) for path in self.figures], **self.facts}


def report(
    run: str | Path | Run,
    collection: str | Path | Collection | None = None,
    *,
    out: str | Path | None = None,
    figures: str | Path | None = None,
    device: str = "cpu",
) -> Report:
    """Write a run as one page, and its figures for a paper.

    Args:
        run: any run: finished, interrupted or still in training.
        collection: what it was trained on, where that no longer lies where ``run.json`` says.
        out: file of the page; by default ``report.html`` in the run's folder.
        figures: folder for each figure as SVG and as PNG at 300 dots per inch; by default none are written.
        device: where the generator paints: auto, cpu, cuda or mps.

    Raises:
        RunError: no run, or ``run.json`` is damaged.
        CollectionError: the collection that was given is none, or not the one that the run was trained on.
        InputError: the page's path is a folder, or that of the figures a file.
    """
    opened = Run.open(run)
    page_path = opened.path / NAME if out is None else Path(out)
    files.refuse_folder(page_path, NAME)
    if figures is not None:
        files.folder(figures, "--figures")
    parts = read(opened, collection, device)
    files.write_text(page_path, page(parts))
    written = [] if figures is None else _figures(parts, Path(figures))
    return Report(page_path, tuple(written), _facts(parts))


def _figures(parts: Parts, folder: Path) -> list[Path]:
    """Write every chart as SVG and as PNG, and the gallery as PNG; return their paths."""
    written = []
    for chart in parts.charts:
        files.write_text(folder / f"{chart.name}.svg", chart.svg())
        files.write_bytes(folder / f"{chart.name}.png", chart.png())
        written += [folder / f"{chart.name}.svg", folder / f"{chart.name}.png"]
    if (shown := parts.gallery) is not None:
        files.write_bytes(folder / "gallery.png", gallery.png(gallery.grid(shown.images, shown.columns)))
        written.append(folder / "gallery.png")
    return written


def _facts(parts: Parts) -> dict[str, Any]:
    far = parts.progress
    return {
        "state": far.state,
        "images": far.images,
        "total": far.total,
        "seconds": far.last.get("seconds", 0.0),
        "networks": {
            name: {
                "parameters": sum(layer.parameters for layer in layers),
                "multiply_adds": sum(layer.multiply_adds for layer in layers),
            }
            for name, layers in parts.players.items()
        },
        "trouble": drawing.troubles(parts.log),
        "scores": parts.scores[-1].to_json() if parts.scores else None,
        "missing": parts.missing or None,
    }
