"""The view of collections: the list."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lienzo.errors import InputError
from lienzo.studio.asking import number
from lienzo.studio.context import context_of

MOST_COLLECTIONS = 100
"""In one page of the list."""


def _list(request: Request) -> Response:
    """Answer with one page of the list, by name."""
    library = context_of(request).library
    names, first = library.collections(), number(request, "first", 0)
    rows: list[dict[str, Any]] = []
    for name in names[first : first + MOST_COLLECTIONS]:
        try:
            found = library.collection(name)
        except InputError as error:
            rows.append({"path": name, "state": "damaged", "sentence": str(error)})
            continue
        rows.append(
            {
                "path": name,
                "pictures": found.count,
                "height": found.height,
                "width": found.width,
                "channels": found.channels,
                "labels": {kind: len(labels) for kind, labels in found.vocabularies.items()},
                "refused": sum(found.refused.values()),
                "fingerprint": found.fingerprint,
            }
        )
    return JSONResponse({"count": len(names), "collections": rows})


ROUTES = [Route("/api/collections", _list)]
