"""What every view of the studio has at hand."""

import threading
from dataclasses import dataclass, field
from typing import cast

from starlette.requests import Request

from lienzo.studio.canvas.process import painter
from lienzo.studio.duels.process import player
from lienzo.studio.reading.artefacts import Artefacts
from lienzo.studio.reading.duplicates import Finder
from lienzo.studio.worker import Worker


@dataclass(frozen=True)
class Context:
    """The folder, and what is allowed."""

    artefacts: Artefacts
    """The runs and collections below the folder."""

    read_only: bool
    """Nothing may be started, stopped or written."""

    alike: Finder = field(default_factory=Finder)
    """Looks for pictures of a collection that nearly repeat one another."""

    painter: Worker = field(default_factory=lambda: Worker("canvas", painter))
    """Makes pictures for the canvas."""

    player: Worker = field(default_factory=lambda: Worker("theory", player))
    """Plays the games of the view of theory."""

    ending: threading.Event = field(default_factory=threading.Event)
    """Set when the studio ends: what follows a run lets go then."""

    def close(self) -> None:
        """End the processes, and what follows runs."""
        self.ending.set()
        self.painter.close()
        self.player.close()


def context_of(request: Request) -> Context:
    """Return the context that the application was made with."""
    return cast(Context, request.app.state.context)
