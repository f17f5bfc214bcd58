"""The demo: paint a collection, prepare it, train on it, and show the results, in minutes and by one command.

Every stage leaves its artefact in the demo's folder, so that the same call goes on where an earlier one stopped::

    lienzo-demo/
      pictures/       what the painter painted, some files broken
      collection/     what preparation kept
      run/            what training made
      demo.json       which stages are done, and how long they took
      index.html      the page that shows all of it
"""

import dataclasses
import logging
import sys
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lienzo.collection import preparation
from lienzo.collection.settings import Settings as Preparation
from lienzo.demo.page import page
from lienzo.display.wording import speed
from lienzo.errors import InputError
from lienzo.painter import painting
from lienzo.recipe import catalogue
from lienzo.recipe.recipe import Recipe
from lienzo.storage import files, schemas
from lienzo.training import loop

log = logging.getLogger("lienzo")

JOURNAL = "demo.json"
"""Name of the file that says which stages are done."""

PAGE_SECONDS = 15.0
"""Seconds that are reserved for making the page, after training."""

SETTLED = 0.1
"""Share of the training time after which the measured speed is reliable enough for a warning."""


def recipe() -> Recipe:
    """Return ``one_layer``, as short as a few minutes of two cores with AVX2 are, with tied kernels in both players.

    ``docs/log.md``, section "The demo's recipe", tells what was tried.
    """
    return dataclasses.replace(
        catalogue.one_layer().with_settings(["network.tied_kernels=true", "network.tied_discriminator=true"]),
        name="demo",
        images=72_000,
        tick=1_280,
        samples=36,
        sample_every=4_000,
    )


@dataclass(frozen=True)
class Settings:
    """Size of a demo."""

    files: int = painting.COUNT
    """Number of files that are painted."""
    size: int = 32
    """Height and width of the collection's pictures, in pixels."""
    recipe: Recipe = dataclasses.field(default_factory=recipe)
    """Recipe of the training."""
    seconds: float = 330.0
    """Time for everything: training stops before its end where the machine is too slow for this."""
    workers: int | None = None
    """Processes that paint and prepare; by default as many as there are cores."""


@dataclass(frozen=True)
class DemoProgress:
    """The progress of the demo."""

    stage: str
    """``painting``, ``preparing``, ``training`` or ``showing``."""
    done: float
    """Number of files, or of pictures shown, that are done in the stage."""
    total: float
    """Number of all of them."""
    text: str = ""
    """Figures for the line of progress."""


def demo(out: str | Path = "lienzo-demo", settings: Settings | None = None) -> Path:
    """Paint a collection, prepare it, train on it and show the result on one page, in at most six minutes on two cores.

    The same call goes on after an interruption.

    Args:
        out: the folder for everything that the demo makes.
        settings: size of the demo.

    Returns:
        The path of the page.

    Raises:
        InputError: ``out`` holds something else, or a demo of other settings.
    """
    for _ in steps(Path(out), settings):
        pass
    return page_path(Path(out))


def page_path(out: Path) -> Path:
    """Return where the page of the demo in ``out`` stands."""
    return out / "index.html"


def steps(out: Path, settings: Settings | None = None) -> Generator[DemoProgress, None, None]:
    """Do what :func:`demo` does, and yield how far it has come."""
    settings = settings or Settings()
    files.local(out)
    journal = _open_journal(out, settings)
    for stage, work in (("painting", _paint), ("preparing", _prepare), ("training", _train)):
        if stage in journal["seconds"]:
            continue
        started = time.perf_counter()
        with closing(work(out, settings, journal["seconds"])) as going:
            for progress in going:
                yield dataclasses.replace(progress, stage=stage)
        journal["seconds"][stage] = round(time.perf_counter() - started, 2)
        journal["peak_memory"] = max(journal["peak_memory"], _peak_memory())
        files.write_json(out / JOURNAL, journal)
    yield DemoProgress("showing", 0, 1)
    files.write_text(page_path(out), page(out, journal["seconds"], journal["peak_memory"]))
    yield DemoProgress("showing", 1, 1)


def _open_journal(out: Path, settings: Settings) -> dict[str, Any]:
    """Return which stages of the demo in ``out`` are done, a new one's or one's that goes on."""
    described = dataclasses.asdict(settings) | {"recipe": settings.recipe.to_dict()}
    fingerprint = files.fingerprint({key: described[key] for key in ("files", "size", "recipe")})
    path = out / JOURNAL
    if not path.exists():
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise InputError(f"{out} holds something else than a demo: choose another folder with --out.")
        journal: dict[str, Any] = {"settings": fingerprint, "seconds": {}, "peak_memory": 0}
        files.write_json(path, journal)
        return journal
    try:
        journal = schemas.parse(path.read_bytes())
        same = journal["settings"] == fingerprint
    except (ValueError, TypeError, KeyError):
        raise InputError(f"{path} is damaged: remove {out}, or choose another folder with --out.") from None
    if not same:
        raise InputError(f"{out} holds a demo of other settings: remove it, or choose another folder with --out.")
    return journal


def _paint(out: Path, settings: Settings, seconds: dict[str, float]) -> Generator[DemoProgress, None, None]:  # noqa: ARG001
    for done in painting.steps(out / "pictures", settings.files, workers=settings.workers):
        yield DemoProgress("", done, settings.files)


def _prepare(out: Path, settings: Settings, seconds: dict[str, float]) -> Generator[DemoProgress, None, None]:  # noqa: ARG001
    chosen = Preparation(size=settings.size, workers=settings.workers)
    for step in preparation.steps(out / "pictures", out / "collection", chosen):
        yield DemoProgress("", step.done, step.total, f"{step.kept:,} kept, {sum(step.refused.values()):,} refused")


def _train(out: Path, settings: Settings, seconds: dict[str, float]) -> Generator[DemoProgress, None, None]:
    limit = settings.seconds - PAGE_SECONDS - sum(seconds.values())
    collection, run = out / "collection", out / "run"
    warned = False
    with closing(loop.steps(collection, settings.recipe, run)) as ticks:
        for tick in ticks:
            reached = round(tick.images + max(0.0, limit - tick.seconds) * tick.images_per_second)
            total = min(tick.total, reached)
            yield DemoProgress("", tick.images, total, tick.figures)
            if tick.seconds > SETTLED * limit and reached < 0.95 * tick.total and not warned:
                warned = True
                log.warning(
                    "At %s pictures a second, training stops on time after about %s pictures instead of %s. All of "
                    "them would take %.0f minutes here, and show what is learnt last: hard edges and rare manners.",
                    speed(tick.images_per_second), f"{reached:,}", f"{tick.total:,}",
                    (tick.seconds + tick.seconds_left) / 60,
                )  # fmt: skip
            if tick.seconds >= limit and tick.images < tick.total:
                break
        else:
            return
    loop.train(collection, settings.recipe.lasting(epochs=None, images=tick.images), run)


def _peak_memory() -> int:
    """Return the most memory in bytes that this process or one of its children ever held; 0 on Windows."""
    if sys.platform == "win32":
        return 0
    import resource  # noqa: PLC0415  not there on Windows

    unit = 1 if sys.platform == "darwin" else 1024
    return unit * max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
