"""What every view of the studio has at hand."""

from dataclasses import dataclass, field
from typing import cast

from starlette.requests import Request

from lienzo.studio.canvas.process import Painter
from lienzo.studio.reading.artefacts import Artefacts
from lienzo.studio.reading.duplicates import Finder


@dataclass(frozen=True)
class Context:
    """The folder, and what is allowed."""

    artefacts: Artefacts
    """The runs and collections below the folder."""

    read_only: bool
    """Nothing may be started, stopped or written."""

    alike: Finder = field(default_factory=Finder)
    """Looks for pictures of a collection that nearly repeat one another."""

    painter: Painter = field(default_factory=Painter)
    """Makes pictures for the canvas."""


def context_of(request: Request) -> Context:
    """Return the context that the application was made with."""
    return cast(Context, request.app.state.context)
