"""The view that starts and stops trainings."""

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lienzo.errors import InputError
from lienzo.studio import trainings
from lienzo.studio.asking import word
from lienzo.studio.context import context_of
from lienzo.studio.reading.forms import forms
from lienzo.studio.trainings import Training


def _forms(request: Request) -> Response:
    """Answer with every recipe's form, and the collections to choose from."""
    context = context_of(request)
    return JSONResponse(
        {"recipes": forms(), "collections": context.artefacts.collections(), "read_only": context.read_only}
    )


async def _wanted(request: Request) -> Training:
    try:
        return msgspec.json.decode(await request.body(), type=Training)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"the studio does not understand this training ({error}): reload the page.") from None


async def _command(request: Request) -> Response:
    """Answer with the command that would train this; nothing is started."""
    training = await _wanted(request)
    return JSONResponse({"command": await run_in_threadpool(training.command, context_of(request).artefacts)})


async def _start(request: Request) -> Response:
    _refuse_read_only(request)
    training = await _wanted(request)
    return JSONResponse({"run": await run_in_threadpool(trainings.start, training, context_of(request).artefacts)})


def _go_on(request: Request) -> Response:
    _refuse_read_only(request)
    artefacts = context_of(request).artefacts
    trainings.go_on(artefacts.run(word(request, "run")), artefacts)
    return JSONResponse({})


def _stop(request: Request) -> Response:
    _refuse_read_only(request)
    trainings.stop(context_of(request).artefacts.run(word(request, "run")))
    return JSONResponse({})


def _refuse_read_only(request: Request) -> None:
    if context_of(request).read_only:
        raise InputError("this studio is read only: start it without --read-only, or copy the command.")


ROUTES = [
    Route("/api/train/forms", _forms),
    Route("/api/train/command", _command, methods=["POST"]),
    Route("/api/train/start", _start, methods=["POST"]),
    Route("/api/train/continue", _go_on, methods=["POST"]),
    Route("/api/train/stop", _stop, methods=["POST"]),
]
