"""The view of runs: the list, one run, its curves, its samples, and what is new in it."""

import asyncio
import dataclasses
import logging
import threading
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from lienzo.errors import InputError
from lienzo.run.occupancy import occupant
from lienzo.run.panels import PANELS
from lienzo.run.run import Run
from lienzo.studio.answering import told
from lienzo.studio.asking import number, whole, word
from lienzo.studio.context import context_of
from lienzo.studio.reading import logs, runs

LOOK_SECONDS = 0.5
"""Between two looks at a log."""

BEAT_SECONDS = 15.0
"""After so long without news a beat keeps the stream open, and finds out whether someone still listens."""

MOST_RUNS = 100
"""In one page of the list."""

MOST_POINTS = 2_000
"""Of a curve."""

log = logging.getLogger("lienzo")


def _list(request: Request) -> Response:
    """Answer with one page of the list, the run changed last first."""
    artefacts = context_of(request).artefacts
    names = artefacts.runs()
    wanted = word(request, "search", "").lower()
    if wanted:
        names = [name for name in names if wanted in name.lower()]
    first = number(request, "first", 0)
    count = min(MOST_RUNS, number(request, "count", MOST_RUNS))
    rows = []
    for name in names[first : first + count]:
        try:
            rows.append(runs.summary(name, artefacts.run(name)))
        except InputError as error:
            if (artefacts.root / name).exists():  # or it has vanished since the folder was listed
                rows.append({"path": name, "state": "damaged", "sentence": str(error)})
    return told({"count": len(names), "runs": rows, "root": str(artefacts.root)})


def _one(request: Request) -> Response:
    context, name = context_of(request), word(request, "run")
    artefacts, run = context.artefacts, context.artefacts.run(name)
    collection = None
    try:
        collection = artefacts.name_of(run.collection_path())
    except InputError as error:
        log.debug("%s", error)
    one = runs.whole(name, run, collection if collection in artefacts.collections() else None)
    return told({**one, "read_only": context.read_only})


def _curve(request: Request) -> Response:
    """Answer with columns: ``images`` and every measure, with null where a line lacks it."""
    run = context_of(request).artefacts.run(word(request, "run"))
    last = number(request, "last", 0) or None
    most = min(MOST_POINTS, number(request, "most", 1_000))
    return told(columns(logs.curve(run.log_path, first=number(request, "first", 0), last=last, most=most)))


def columns(lines: list[dict[str, Any]]) -> dict[str, list[float | None]]:
    """Return lines of the log as columns of numbers."""
    found = (name for line in lines for name, value in line.items() if isinstance(value, int | float))
    names = dict.fromkeys(["images", *found])  # there before the first line too
    return {name: [line.get(name) for line in lines] for name in names}


def _panels(_request: Request) -> Response:
    """Answer with the panels of charts in their order, which every chart of a run is made from."""
    return told([dataclasses.asdict(panel) for panel in PANELS.values()])


def _sample(request: Request) -> Response:
    """Answer with one drawing; its address has when the drawings last changed, so that a browser may keep it."""
    run = context_of(request).artefacts.run(word(request, "run"))
    path = run.sample_path(number(request, "images", 0))
    if not path.is_file() or path.is_symlink():
        raise HTTPException(404, "There is no such drawing.")
    return FileResponse(path, media_type="image/png", headers={"cache-control": "max-age=3600"})


def _news(request: Request) -> Response:
    """Answer with a stream of server-sent events: ``tick`` (new lines), ``samples``, ``state``, ``reset``, ``gone``.

    The number of an event is the offset in the log behind it, so that a page that lost the connection goes on there.
    """
    context = context_of(request)
    run = context.artefacts.run(word(request, "run"))
    begin = number(request, "offset", logs.size(run.log_path))
    last = whole(request.headers.get("last-event-id", ""))
    content = () if request.method == "HEAD" else _stream(run, begin if last is None else last, context.ending)
    return StreamingResponse(content, media_type="text/event-stream")


async def _stream(run: Run, offset: int, ending: threading.Event) -> AsyncIterator[str]:
    silence, samples, state = 0.0, -1, ""
    yield "retry: 2000\n\n"
    while not ending.is_set():
        try:
            news = await run_in_threadpool(_look, run, offset)
        except OSError as error:  # the page asks again, and is told then what cannot be read
            log.warning("%s cannot be followed: %s", run.path, error)
            return
        if news is None:
            yield _event("gone", {}, offset)
            return
        lines, offset, drawn, now = news
        if lines is None:
            yield _event("reset", {}, offset)
        elif lines:
            yield _event("tick", lines, offset)
        if drawn != samples:
            samples = drawn
            yield _event("samples", {"newest": drawn}, offset)
        if now != state:
            state = now
            yield _event("state", {"state": now}, offset)
        if lines:
            silence = 0.0
        elif silence >= BEAT_SECONDS:
            silence = 0.0
            yield ": beat\n\n"
        await asyncio.sleep(LOOK_SECONDS)
        silence += LOOK_SECONDS


def _look(run: Run, offset: int) -> tuple[list[dict[str, Any]] | None, int, int, str] | None:
    """Return what is new: lines, the offset behind them, the newest drawing and the state; None if the run is gone.

    In place of the lines stands None where the curve has to be read anew.
    """
    if not run.exists():
        return None
    lines, behind = logs.after(run.log_path, offset)
    drawn = runs.samples(run)
    return lines, behind, drawn[-1] if drawn else -1, "live" if occupant(run) else "resting"


def _event(name: str, value: Any, offset: int) -> str:
    return f"id: {offset}\nevent: {name}\ndata: {msgspec.json.encode(value).decode()}\n\n"


ROUTES = [
    Route("/api/panels", _panels),
    Route("/api/runs", _list),
    Route("/api/run", _one),
    Route("/api/run/curve", _curve),
    Route("/api/run/news", _news),
    Route("/api/run/sample", _sample),
]
