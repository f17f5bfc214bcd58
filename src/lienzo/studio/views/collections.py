"""The view of collections: the list, and one collection: its pictures by label, and what was refused and why."""

import dataclasses
import shlex
from typing import Any

import numpy as np
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lienzo.collection.collection import Collection
from lienzo.collection.settings import NOT_STORED, WHITE, Settings
from lienzo.display import gallery
from lienzo.errors import InputError
from lienzo.studio.asking import number, word
from lienzo.studio.context import context_of
from lienzo.studio.reading import duplicates, pictures

MOST_COLLECTIONS = 100
"""In one page of the list."""

MOST_PICTURES = 200
"""In one page of a collection."""

MOST_GROUPS = 50
"""Groups of near duplicates in one page."""

MOST_MEMBERS = 24
"""Pictures of a group that are told, the first ones."""

USUAL: dict[str, object] = {
    **{field.name: field.default for field in dataclasses.fields(Settings) if field.name not in NOT_STORED},
    "background": list(WHITE),
}
"""Settings of a preparation that are given as options where they are not the usual ones."""


def _list(request: Request) -> Response:
    """Answer with one page of the list, by name."""
    artefacts = context_of(request).artefacts
    names, first = artefacts.collections(), number(request, "first", 0)
    rows: list[dict[str, Any]] = []
    for name in names[first : first + MOST_COLLECTIONS]:
        try:
            rows.append(_summary(name, artefacts.collection(name)))
        except InputError as error:
            rows.append({"path": name, "state": "damaged", "sentence": str(error)})
    return JSONResponse({"count": len(names), "collections": rows})


def _summary(name: str, found: Collection) -> dict[str, Any]:
    return {
        "path": name,
        "pictures": found.count,
        "height": found.height,
        "width": found.width,
        "channels": found.channels,
        "labels": {kind: len(labels) for kind, labels in found.vocabularies.items()},
        "refused": sum(found.refused.values()),
        "fingerprint": found.fingerprint,
    }


def _one(request: Request) -> Response:
    """Answer with all that is told of one collection, but for its pictures."""
    name, found = word(request, "collection"), _collection(request)
    return JSONResponse(
        {
            **_summary(name, found),
            "kinds": pictures.labels(found),
            "reasons": pictures.reasons(found),
            "prepare": _command(found),
            "parts": pictures.parts(found),
        }
    )


def _command(found: Collection) -> str:
    """Return the command that prepares a collection again with choices, into another folder."""
    options: list[str] = []
    for key, usual in USUAL.items():
        value = found.settings.get(key, usual)
        if value != usual:
            option = f"--{key.replace('_', '-')}"
            colour = isinstance(value, list) and all(isinstance(part, int) for part in value)
            said = "#" + "".join(f"{part:02x}" for part in value) if colour else str(value)
            options += [option] if value is True else [f"--no-{option[2:]}"] if value is False else [option, said]
    size = str(found.height) if found.height == found.width else f"{found.height}x{found.width}"
    sources = [str(source) for source in found.settings.get("sources") or ["SOURCE"]]
    labels = str(found.settings.get("labels", "folders"))
    labelled = [] if labels == "folders" else ["--labels", labels]
    if columns := found.settings.get("label_columns"):
        labelled += ["--label-columns", ",".join(columns)]
    words = ["prepare", *sources, f"{found.path}-chosen", "--size", size, *labelled, *options]
    return f"lienzo {shlex.join(words)} --choices choices.csv"


def _kept(request: Request) -> Response:
    """Answer with one page of the pictures that a filter finds."""
    found = _collection(request)
    rows = pictures.kept(
        found,
        kind=word(request, "kind", ""),
        label=word(request, "label", ""),
        search=word(request, "search", ""),
    )
    return JSONResponse({"count": len(rows), "pictures": pictures.described(found, _page(request, rows))})


def _refused(request: Request) -> Response:
    """Answer with one page of the refused files that a filter finds."""
    found = _collection(request)
    rows = pictures.refused(found, reason=word(request, "reason", ""), search=word(request, "search", ""))
    return JSONResponse({"count": len(rows), "files": pictures.refusals(found, _page(request, rows))})


def _alike(request: Request) -> Response:
    """Answer with one page of groups of near duplicates that are in the collection, or say that they are looked for."""
    found, bits = _collection(request), number(request, "bits", 4)
    groups = context_of(request).alike.groups(found, bits)
    if groups is None:
        return JSONResponse({"looking": True, "count": 0, "groups": []})
    first, count = number(request, "first", 0), min(MOST_GROUPS, number(request, "count", 20))
    numbers = range(min(first, len(groups)), min(first + count, len(groups)))
    told = duplicates.shown(found, groups, numbers, MOST_MEMBERS)
    return JSONResponse(
        {"looking": False, "count": len(groups), "repeated": len(groups.rows) - len(groups), "groups": told}
    )


def _repeats(request: Request) -> Response:
    """Answer with one page of refused files that repeat a picture, beside it."""
    found = _collection(request)
    rows = duplicates.repeats(found)
    return JSONResponse({"count": len(rows), "pairs": duplicates.pairs(found, _page(request, rows))})


def _picture(request: Request) -> Response:
    """Answer with one picture as PNG; its address has the fingerprint, so that a browser may keep it."""
    found, row = _collection(request), number(request, "row", 0)
    if row >= found.count:
        raise HTTPException(404, "There is no such picture.")
    data = gallery.png(found.take(np.array([row]))[0])
    return Response(data, media_type="image/png", headers={"cache-control": "max-age=86400"})


def _collection(request: Request) -> Collection:
    return context_of(request).artefacts.collection(word(request, "collection"))


def _page(request: Request, rows: pictures.Rows) -> pictures.Rows:
    first, count = number(request, "first", 0), min(MOST_PICTURES, number(request, "count", 60))
    return rows[first : first + count]


ROUTES = [
    Route("/api/collections", _list),
    Route("/api/collection", _one),
    Route("/api/collection/pictures", _kept),
    Route("/api/collection/refused", _refused),
    Route("/api/collection/alike", _alike),
    Route("/api/collection/repeats", _repeats),
    Route("/api/collection/picture", _picture),
]
