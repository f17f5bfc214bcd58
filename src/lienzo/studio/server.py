"""The studio's server: the page and its files, the addresses of every view, and one sentence for what goes wrong."""

import logging
import socket
from importlib import resources
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lienzo.errors import InputError
from lienzo.studio.context import Context
from lienzo.studio.safety import HEADERS, Door, Guard
from lienzo.studio.views import canvas, collections, machine, runs, scores, theory, training

VIEWS = {
    "runs": runs.ROUTES,
    "training": training.ROUTES,
    "canvas": canvas.ROUTES,
    "collections": collections.ROUTES,
    "scores": scores.ROUTES,
    "theory": theory.ROUTES,
    "machine": machine.ROUTES,
}
"""The addresses of every view."""

TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
"""Files of the page by the end of their names, and what they are."""

log = logging.getLogger("lienzo")

PAGE = Path(str(resources.files("lienzo.studio"))) / "page"
FILES = {path.relative_to(PAGE).as_posix(): path for path in PAGE.rglob("*") if path.suffix in TYPES}
"""Every file of the page by its address below ``/page/``; nothing else is given."""


def application(context: Context, door: Door) -> Starlette:
    """Return the studio as an ASGI application."""
    routes = [route for view in VIEWS.values() for route in view]
    app = Starlette(
        routes=[
            *routes,
            Route("/page/{name:path}", _file),
            Route("/api/{rest:path}", _nothing),
            Route("/{rest:path}", _page),
        ],
        middleware=[Middleware(Guard, door=door)],
        exception_handlers={
            InputError: _mistake,
            HTTPException: _refused,
            OSError: _unreadable,
            Exception: _failure,
        },
    )
    app.state.context = context
    return app


class Server(uvicorn.Server):
    """Serves the studio, and at its end lets go what is still answered: else it would be broken off with tracebacks."""

    def __init__(self, context: Context, door: Door) -> None:
        super().__init__(
            uvicorn.Config(
                application(context, door),
                log_level="error",
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=2,
            )
        )
        self._context = context

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams and the processes, and then wait for the answers."""
        await run_in_threadpool(self._context.close)
        await super().shutdown(sockets)


async def _page(_request: Request) -> Response:
    """Every view has an address of its own, and the same page, which looks at the address."""
    return Response(FILES["index.html"].read_bytes(), media_type="text/html")


async def _file(request: Request) -> Response:
    path = FILES.get(request.path_params["name"])
    if path is None:
        raise HTTPException(404, "There is no such file.")
    return Response(path.read_bytes(), media_type=TYPES[path.suffix], headers={"cache-control": "no-cache"})


async def _nothing(_request: Request) -> Response:
    raise HTTPException(404, "There is nothing at this address.")


async def _mistake(_request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = "This address takes no such request." if error.status_code == 405 else error.detail
    return JSONResponse({"error": sentence}, error.status_code, error.headers)


async def _unreadable(request: Request, error: Exception) -> Response:
    """Say that a file has vanished while it was looked for, or may not be read."""
    assert isinstance(error, OSError)
    log.warning("%s failed: %s", request.url.path, error)
    reason = error.strerror or type(error).__name__
    return JSONResponse({"error": f"a file cannot be read ({reason}): see whether it is still there, and whose."}, 400)


async def _failure(request: Request, error: Exception) -> Response:
    """Say in the page that something failed, and in the terminal what; no traceback leaves the server."""
    log.error("%s failed: %s: %s", request.url.path, type(error).__name__, error)
    return JSONResponse({"error": "This failed; the terminal of lienzo studio says more."}, 500, HEADERS)
