"""The runs and collections below a folder, with their scores and sizes."""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lienzo.collection import manifest
from lienzo.collection.collection import Collection
from lienzo.errors import CollectionError, InputError, RecipeError, RunError
from lienzo.evaluation.settings import Settings
from lienzo.run.progress import progress
from lienzo.run.run import Run
from lienzo.storage import schemas
from lienzo.storage.files import size_of

UNITS = ("bytes", "kB", "MB", "GB", "TB")


def overview(folder: Path) -> dict[str, Any]:
    """Return the runs and collections in a folder, however deep, by their paths within it.

    Of a run its recipe, its state, the pictures it has been shown, its last scores and its size; of a collection its
    pictures, their shape and its size. One that is damaged says so, and the others are told all the same.

    Raises:
        InputError: there is none.
    """
    runs, collections = {}, {}
    for path in _artefacts(folder):
        name = path.relative_to(folder).as_posix()
        if Run(path).exists():
            runs[name] = _run(Run(path)) | {"bytes": size_of(path)}
        else:
            collections[name] = _collection(path) | {"bytes": size_of(path)}
    if not runs and not collections:
        raise InputError(f"{folder} is no collection and no run, and there is none below it: give the path of one.")
    total = sum(one["bytes"] for one in (*runs.values(), *collections.values()))
    return {"kind": "folder", "runs": runs, "collections": collections, "bytes": total}


def lines(found: dict[str, Any]) -> list[str]:
    """Return what :func:`overview` found as two tables in plain text."""
    runs, collections = (
        [row(name, one) for name, one in found[kind].items()]
        for kind, row in (("runs", _run_row), ("collections", _collection_row))
    )
    tables = []
    if runs:
        tables.append([["run", "recipe", "state", "pictures shown", "KID", "FID", "size"], *runs])
    if collections:
        tables.append([["collection", "pictures", "shape", "size"], *collections])
    return [line for table in tables for line in ("", *_aligned(table))][1:]


def written(size: int) -> str:
    """Return a number of bytes as people read it.

    >>> written(0), written(1_530_000)
    ('0 bytes', '1.5 MB')
    """
    power = min(len(UNITS) - 1, int(math.log10(size) // 3)) if size else 0
    return f"{size / 1000**power:.{1 if power else 0}f} {UNITS[power]}"


def _artefacts(folder: Path) -> Iterator[Path]:
    """Yield the folders of runs and collections, in the order of their names; nothing within them is looked at."""
    for path, names, files in os.walk(folder):
        here = Path(path)
        if manifest.NAME in files or {"run.json", "recipe.toml"} <= set(files):
            names.clear()
            yield here
        names[:] = sorted(name for name in names if not name.startswith("."))


def _run(run: Run) -> dict[str, Any]:
    try:
        far = progress(run)
    except (RunError, RecipeError, OSError) as error:
        return {"state": "damaged", "damage": str(error)}
    scores = _last_scores(run.scores_path)
    return {
        "recipe": far.recipe.name,
        "state": far.state,
        "images": far.images,
        "total": far.total,
        **({"scores": scores} if scores else {}),
    }


def _last_scores(path: Path) -> dict[str, float]:
    """Return KID and FID, as far as taken, of a run's last evaluation by the usual detector, without truncation.

    None where there are no scores, or they cannot be read.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return {}
    for line in reversed(lines):
        try:
            scores = schemas.parse(line)
            if scores.get("truncation") is not None or scores["detector"] != Settings.detector:
                continue
            measures = scores["measures"]
            taken = {name: measures[name]["value"] for name in ("kid", "fid") if measures[name] is not None}
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        return {name: value for name, value in taken.items() if isinstance(value, float)}
    return {}


def _collection(path: Path) -> dict[str, Any]:
    try:
        found = Collection.open(path)
    except (CollectionError, OSError) as error:
        return {"state": "damaged", "damage": str(error)}
    return {"pictures": found.count, "height": found.height, "width": found.width, "channels": found.channels}


def _run_row(name: str, run: dict[str, Any]) -> list[str]:
    shown = f"{run['images']:,} of {run['total']:,}" if "images" in run else ""
    return [
        name,
        run.get("recipe", ""),
        run["state"],
        shown,
        _score(run, "kid"),
        _score(run, "fid"),
        written(run["bytes"]),
    ]


def _collection_row(name: str, found: dict[str, Any]) -> list[str]:
    if "state" in found:
        return [name, found["state"], "", written(found["bytes"])]
    shape = f"{found['height']}×{found['width']}×{found['channels']}"
    return [name, f"{found['pictures']:,}", shape, written(found["bytes"])]


def _score(run: dict[str, Any], name: str) -> str:
    value = run.get("scores", {}).get(name)
    return "" if value is None else f"{value:.4f}" if name == "kid" else f"{value:.1f}"


def _aligned(table: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
