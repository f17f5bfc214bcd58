"""What was found out about a generator: dissections and directions, read from the files that their verbs keep."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from lienzo.display import gallery
from lienzo.errors import InputError
from lienzo.explore.concepts import TIED
from lienzo.explore.dissection import Dissection
from lienzo.explore.dissection_page import lit
from lienzo.generation.directions import Directions
from lienzo.run.run import Run
from lienzo.storage import sealed
from lienzo.studio.canvas.wishes import Read, Show

COLUMNS = 4
"""Pictures of a dissection that stand beside each other."""


@lru_cache(maxsize=2)
def _opened(path: Path, _changed: int) -> Dissection:
    return Dissection.open(path)


def read(_run: Run, wish: Read) -> tuple[str, bytes]:
    """Return what a file says as JSON.

    Raises:
        InputError: it is damaged, or holds something else.
    """
    path = Path(wish.file)
    header = sealed.header(path) or {}
    told = _dissection(path) if header.get("kind") == "dissection" else _directions(path)
    return "application/json", msgspec.json.encode(told)


def _directions(path: Path) -> dict[str, Any]:
    found = Directions.found(path)
    effects = found.effects or (None,) * len(found.names)
    return {
        "kind": "directions",
        "method": found.method,
        "directions": [
            {"name": name, "effect": msgspec.to_builtins(effect)}
            for name, effect in zip(found.names, effects, strict=True)
        ],
    }


def _dissection(path: Path) -> dict[str, Any]:
    """Return what a dissection found, and of each layer how many units go with a concept."""
    found = _opened(path, path.stat().st_mtime_ns)
    told = found.to_json()
    for layer in told["layers"]:
        tied = [name for name, iou in found.best_concepts(layer["name"]) if iou >= TIED]
        layer["tied"] = {name: tied.count(name) for name in sorted(set(tied), key=lambda one: (-tied.count(one), one))}
    examples = [{"concept": one.concept, "held": one.held, "pictures": len(one.before)} for one in found.examples]
    return {"kind": "dissection", "examples": examples, **told}


def show(_run: Run, wish: Show) -> tuple[str, bytes]:
    """Return pictures in which a concept was switched, in rows.

    Raises:
        InputError: the file is damaged, or has no such example.
    """
    path = Path(wish.file)
    found = _opened(path, path.stat().st_mtime_ns)
    if wish.example >= len(found.examples):
        raise InputError(f"this dissection switched {len(found.examples)} concepts: reload the page.")
    example = found.examples[wish.example]
    views = {
        "mask": lit(example.before, example.mask),
        "active": lit(example.before, example.active),
        "before": example.before,
        "off": example.off,
        "control": example.control,
        "on": example.on,
    }
    pixels = views[wish.view]
    return "image/png", gallery.png(gallery.grid(pixels, min(COLUMNS, len(pixels)), gap=0))
