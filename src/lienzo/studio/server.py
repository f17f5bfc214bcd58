"""The studio's server: the page and its files, the addresses of every view, and one sentence for what goes wrong."""

import logging
from importlib import resources
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lienzo.errors import InputError
from lienzo.studio.context import Context
from lienzo.studio.safety import Door, Guard
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

MOST_BYTES = 32 << 20
"""Of a request."""

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
        exception_handlers={InputError: _mistake, HTTPException: _refused, Exception: _failure},
        max_body_size=MOST_BYTES,
    )
    app.state.context = context
    return app


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
    return JSONResponse({"error": error.detail}, error.status_code)


async def _failure(request: Request, error: Exception) -> Response:
    """Say in the page that something failed, and in the terminal what; no traceback leaves the server."""
    log.error("%s failed: %s: %s", request.url.path, type(error).__name__, error)
    return JSONResponse({"error": "This failed; the terminal of lienzo studio says more."}, 500)
