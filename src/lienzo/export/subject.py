"""What an exported generator takes with it: the generator itself, and all that is known of how it came about."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lienzo.generation import generation
from lienzo.generation.generation import Generator
from lienzo.run.run import Run


@dataclass(frozen=True)
class Subject:
    """A generator that is exported."""

    name: str
    """What to call it: the name of its run or file."""

    generator: Generator
    """The generator."""

    card: dict[str, Any]
    """What is known of it, as JSON values; each key is there only where it is known:

    - ``generator``: the fingerprint of the generator that was exported
    - ``recipe``: the whole recipe, as :meth:`lienzo.recipe.recipe.Recipe.to_dict` has it
    - ``images``: pictures shown in training
    - ``collection``: ``fingerprint``, ``count`` and ``shape`` (height, width, channels) of the training pictures
    - ``versions``: of lienzo, PyTorch and Python, in training
    - ``scores``: of this generator, as :meth:`lienzo.evaluation.scores.Scores.to_json` has them, the newest last
    - ``licence``: as its owner gave it
    """


def subject(source: str | Path | Run | Generator) -> Subject:
    """Return what is exported of a run, of a generator, or of where one of them lies.

    Raises:
        GeneratorError: no generator, or a damaged one.
        RunError: a folder that is no run.
    """
    generator = source if isinstance(source, Generator) else generation.load(source)
    path = source.path if isinstance(source, Run) else None if isinstance(source, Generator) else Path(source)
    if path is None:
        return Subject("generator", generator, _card(generator, None))
    run = next((found for found in (Run(path), Run(path.parent), Run(path.parent.parent)) if found.exists()), None)
    name = path.resolve().name if path.is_dir() else path.stem
    return Subject(name, generator, _card(generator, run))


def _card(generator: Generator, run: Run | None) -> dict[str, Any]:
    """Return what the generator's own file says of it, and its run, where it is that of a run."""
    header = generator.header
    card: dict[str, Any] = {"generator": generator.fingerprint} | header.get("card", {})
    if "images" in header:
        card["images"] = header["images"]
    if run is None or run.manifest()["collection"]["fingerprint"] != header.get("collection"):
        return card
    described = run.manifest()
    collection = {key: described["collection"][key] for key in ("fingerprint", "count", "shape")}
    card |= {"recipe": run.recipe().to_dict(), "collection": collection, "versions": described["versions"]}
    scores = [score for score in _scores(run) if score.get("generator") == generator.fingerprint]
    return card | ({"scores": scores} if scores else {})


def _scores(run: Run) -> list[dict[str, Any]]:
    """Return the lines of a run's scores, the oldest first, without those of truncated latents."""
    if not run.scores_path.exists():
        return []
    lines = [json.loads(line) for line in run.scores_path.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line.get("truncation") is None]
