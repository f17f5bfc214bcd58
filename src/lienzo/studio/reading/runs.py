"""What the studio tells of a run: a line for the list, all of one, and whether to go on with it."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

from lienzo.errors import InputError
from lienzo.run.occupancy import occupant
from lienzo.run.run import Run
from lienzo.studio.reading import logs

MOST_SCORES = 1_000
"""Evaluations of one run that are told, the newest."""


def summary(name: str, run: Run) -> dict[str, Any]:
    """Return a line for the list: recipe, state, pictures shown and in all, speed, time left, last KID."""
    try:
        recipe, manifest = run.recipe(), run.manifest()
    except (InputError, OSError) as error:
        return {"path": name, "state": "damaged", "sentence": str(error)}
    line = logs.last(run.log_path) or {}
    images = line.get("images", 0)
    stop, trainer = manifest.get("stop"), occupant(run)
    finished = images >= recipe.total and not stop
    state = "live" if trainer else "finished" if finished else "stopped" if stop else "interrupted"
    speed = line.get("images_per_second")
    found = scores(run)
    return {
        "path": name,
        "recipe": recipe.name,
        "state": state,
        "images": images,
        "total": recipe.total,
        "images_per_second": speed,
        "seconds": line.get("seconds"),
        "seconds_left": round((recipe.total - images) / speed) if trainer and speed else None,
        "kid": line.get("kid") or (found[-1].get("kid") if found else None),
        "trouble": stop["trouble"] if stop else line.get("trouble"),
        "picture": _newest(run),
    }


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
        "advice": advice(logs.curve(run.log_path)),
    }


def samples(run: Run) -> list[int]:
    """Return after how many pictures the fixed latents were drawn, ascending."""
    return sorted(int(path.stem) for path in run.samples() if re.fullmatch(r"\d{12}", path.stem))


def scores(run: Run) -> list[dict[str, Any]]:
    """Return the evaluations of a run, but truncated ones: measures with their errors, and of which generator."""
    found = []
    for text in _tail(run.scores_path):
        try:
            line = json.loads(text)
            if line.get("truncation") is not None:
                continue
            measures = {name: each for name, each in line["measures"].items() if isinstance(each, dict)}
            kid, fid = (measures[name]["value"] if name in measures else None for name in ("kid", "fid"))
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        about = {key: line.get(key) for key in ("subject", "collection", "part", "detector", "seed", "novelty")}
        found.append({"kid": kid, "fid": fid, "measures": measures, **about})
    return found


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
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    residuals = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in points)
    error = (residuals / (n - 2) / spread) ** 0.5
    trend = "improving" if slope < -2 * error else "worse" if slope > 2 * error else "flat"
    return {"trend": trend, "slope": slope * 100_000, "error": error * 100_000, "since": points[0][0]}


def _command(run: Run, collection: str) -> str:
    """Return the command that goes on with a run."""
    return shlex.join(["lienzo", "train", collection, "--recipe", str(run.recipe_path), "--out", str(run.path)])


def _newest(run: Run) -> int | None:
    found = samples(run)
    return found[-1] if found else None


def _tail(path: Path) -> list[bytes]:
    """Return the newest whole lines of a file that grows by whole lines."""
    try:
        return path.read_bytes().split(b"\n")[:-1][-MOST_SCORES:]
    except FileNotFoundError:
        return []
