"""The view of the canvas: pictures of a generator as someone plays with it."""

import secrets

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lienzo.errors import InputError
from lienzo.studio.asking import word
from lienzo.studio.canvas.wishes import About, Film, Invert, Paint, Wish
from lienzo.studio.context import context_of
from lienzo.studio.worker import SupersededError

LARGEST_PICTURE = 24 << 20
"""Bytes of a file that is dropped onto the canvas."""


async def answer(request: Request, wish: Wish) -> Response:
    """Answer a wish; with nothing where the same page has wished for something newer meanwhile."""
    context = context_of(request)
    run = await run_in_threadpool(context.artefacts.run, wish.run)
    page = request.headers.get("x-page", "")[:64] or secrets.token_hex(8)
    try:
        kind, content = await context.painter.ask(page, (run.path, wish), request.is_disconnected)
    except SupersededError:
        return Response(status_code=204)
    return Response(content, media_type=kind)


async def _about(request: Request) -> Response:
    return await answer(request, About(word(request, "run")))


async def _wish(request: Request) -> Response:
    try:
        wish = msgspec.json.decode(await request.body(), type=Paint | Film)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"the canvas does not understand this ({error}): reload the page.") from None
    return await answer(request, wish)


async def _invert(request: Request) -> Response:
    data = await request.body()
    if len(data) > LARGEST_PICTURE:
        raise InputError(f"this file is larger than {LARGEST_PICTURE >> 20} MiB: give a smaller picture.")
    return await answer(request, Invert(word(request, "run"), data))


ROUTES = [
    Route("/api/canvas", _about),
    Route("/api/canvas/wish", _wish, methods=["POST"]),
    Route("/api/canvas/invert", _invert, methods=["POST"]),
]
