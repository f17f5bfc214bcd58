"""The view of theory: the two players on laws of the plane, played by lienzo's own game."""

import inspect
import secrets
import textwrap
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lienzo.errors import InputError
from lienzo.recipe.objectives import OBJECTIVES
from lienzo.studio.answering import told
from lienzo.studio.context import context_of
from lienzo.studio.duels.process import Wish
from lienzo.studio.reading.forms import meanings
from lienzo.studio.worker import SupersededError
from lienzo.theory.duels.setup import PENALTIES, Setup
from lienzo.theory.models.clusters import PLANE_LAWS


def _about(_request: Request) -> Response:
    """Answer with what there is to choose from, what each means, and the lines of lienzo that play it."""
    return told(
        {
            "laws": list(PLANE_LAWS),
            "objectives": {name: _objective(kind) for name, kind in OBJECTIVES.items()},
            "penalties": PENALTIES,
            "setup": msgspec.to_builtins(Setup()),
            "meanings": meanings(Setup),
        }
    )


def _objective(kind: type[Any]) -> dict[str, Any]:
    """Return what an objective is, in its own words, and its lines."""
    meaning, _, more = inspect.cleandoc(kind.__doc__ or "").partition("\n\n")
    lines = [textwrap.dedent(inspect.getsource(getattr(kind, name))).strip() for name in ("discriminator", "generator")]
    return {"meaning": meaning, "more": more, "probabilistic": kind.probabilistic, "source": "\n\n".join(lines)}


async def _play(request: Request) -> Response:
    """Answer with a moment of a game; with nothing where the same page has wished for another one meanwhile."""
    try:
        body = msgspec.json.decode(await request.body(), type=dict[str, Any])
        page = request.headers.get("x-page", "")[:64] or secrets.token_hex(8)
        wish = msgspec.convert({"page": page} | body, Wish)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"this game cannot be played ({error}): reload the page.") from None
    try:
        kind, content = await context_of(request).player.ask(page, wish, request.is_disconnected)
    except SupersededError:
        return Response(status_code=204)
    return Response(content, media_type=kind)


ROUTES = [Route("/api/theory", _about), Route("/api/theory/play", _play, methods=["POST"])]
