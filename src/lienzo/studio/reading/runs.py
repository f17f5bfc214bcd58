"""What the studio tells of a run: a line for the list, all of one, and whether to go on with it."""

import re
import shlex
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import Any

from lienzo.errors import InputError
from lienzo.run.occupancy import Occupant, occupant
from lienzo.run.progress import progress
from lienzo.run.run import Run
from lienzo.studio.reading import logs
from lienzo.studio.reading.scores import evaluations, values

MOST_SCORES = 1_000
"""Evaluations of one run that are told, the newest."""

REMEMBERED = 4_096
"""Lines of the list that are remembered."""

Stamp = tuple[int, int, int]


def summary(name: str, run: Run) -> dict[str, Any]:
    """Return a line for the list: recipe, state, pictures shown and in all, speed, time left, last KID.

    With it stands when the drawings last changed: a drawing is written anew after a rollback, and by another training.
    The line is remembered until one of the files changes that it was made of, or the process that trains.
    """
    files = (run.recipe_path, run.manifest_path, run.log_path, run.scores_path, run.path / "samples")
    stamps = tuple(map(_stamp, files))
    try:
        return {"path": name, "drawn": str(stamps[-1][-1]), **_summary(run.path, stamps, occupant(run))}
    except (InputError, OSError) as error:
        return {"path": name, "state": "damaged", "sentence": str(error)}


@lru_cache(REMEMBERED)
def _summary(path: Path, _stamps: tuple[Stamp, ...], _trainer: Occupant | None) -> dict[str, Any]:
    run = Run(path)
    far, found, drawn = progress(run), scores(run), samples(run)
    kid = logs.newest_kid(run.log_path) if far.recipe.evaluate_every else None
    if kid is None and found:
        kid = found[-1]["measures"].get("kid", {}).get("value")
    return {
        "recipe": far.recipe.name,
        "state": "live" if far.trainer else far.state,
        "images": far.images,
        "total": far.total,
        "images_per_second": far.last.get("images_per_second"),
        "seconds": far.last.get("seconds"),
        "seconds_left": None if far.seconds_left is None else round(far.seconds_left),
        "kid": kid,
        "trouble": far.stop or far.last.get("trouble"),
        "picture": drawn[-1] if drawn else None,
    }


def _stamp(path: Path) -> Stamp:
    """Return what changes with a file: its number, its size and when it was last written."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return (0, 0, 0)
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def whole(name: str, run: Run, collection: str | None) -> dict[str, Any]:
    """Return all that is told of one run, but for its log.

    Args:
        name: its path.
        run: itself.
        collection: path of its collection, where that lies in the folder too.
    """
    told = summary(name, run)
    if told["state"] == "damaged":
        return told
    manifest = run.manifest()
    return {
        **told,
        "settings": run.recipe().to_dict(),
        "collection": {**manifest["collection"], "here": collection},
        "command": _command(run, manifest["collection"]["path"]),
        "machine": manifest["machine"],
        "versions": manifest["versions"],
        "rollbacks": manifest.get("rollbacks", []),
        "troubles": logs.troubles(run.log_path),
        "samples": samples(run),
        "scores": scores(run),
        "offset": logs.size(run.log_path),
        "advice": advice(logs.measured(run.log_path)),
    }


def samples(run: Run) -> list[int]:
    """Return after how many pictures the fixed latents were drawn, ascending."""
    return list(_samples(run.path, _stamp(run.path / "samples")))


@lru_cache(16)  # each holds a number for every drawing of a run, and a run that trains makes them anew
def _samples(path: Path, _stamp: Stamp) -> tuple[int, ...]:
    return tuple(sorted(int(path.stem) for path in Run(path).samples() if re.fullmatch(r"[0-9]{12}", path.stem)))


def scores(run: Run) -> list[dict[str, Any]]:
    """Return the newest evaluations of a run, but truncated ones: of what, and each value with its error."""
    try:
        found = [one for one in evaluations(run) if one.truncation is None]
    except InputError:  # too many to be read: the view of scores says so
        return []
    return [
        {
            "subject": one.subject,
            "part": one.part,
            "detector": one.detector,
            "measures": {name: value._asdict() for name, value in values(one).items() if value is not None},
        }
        for one in found[-MOST_SCORES:]
    ]


def advice(lines: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Say by the KID of the log whether a run improves, is flat or gets worse; None where KID was not taken.

    The slope of KID over the last half of its measurements is compared with its own standard error.
    """
    points = [(line["images"], line["kid"]) for line in lines if isinstance(line.get("kid"), float)]
    points = [point for i, point in enumerate(points) if i == 0 or point[1] != points[i - 1][1]]
    points = points[len(points) // 2 :]
    if len(points) < 3:
        return None
    n = len(points)
    try:
        mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
        spread = sum((x - mean_x) ** 2 for x, _ in points)
        slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
        residuals = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in points)
        error = (residuals / (n - 2) / spread) ** 0.5
    except (OverflowError, ZeroDivisionError):  # no training wrote such a log
        return None
    if not isfinite(slope + error):
        return None
    trend = "improving" if slope < -2 * error else "worse" if slope > 2 * error else "flat"
    return {"trend": trend, "slope": slope * 100_000, "error": error * 100_000, "since": points[0][0]}


def _command(run: Run, collection: str) -> str:
    """Return the command that goes on with a run."""
    return shlex.join(["lienzo", "train", collection, "--recipe", str(run.recipe_path), "--out", str(run.path)])
