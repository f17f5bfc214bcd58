"""What the process of the view of theory does with a wish. Read without PyTorch."""

from typing import Annotated

import msgspec
from msgspec import Meta

from lienzo.studio.worker import Job
from lienzo.theory.duels.setup import Setup


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A moment of a game: the answer is the first one from there on, or one before it where that takes long."""

    page: Annotated[str, Meta(max_length=64)]
    """Who plays."""

    setup: Setup

    halves: Annotated[int, Meta(ge=0, le=2_000_000)]
    """Half steps since the beginning: even between two steps, odd when only the discriminator has moved."""


def player() -> Job:
    """Load what plays; the job takes a wish, plays on to its moment, and returns that as JSON."""
    from lienzo.studio.duels.playing import fulfil  # noqa: PLC0415  in a process of its own

    return fulfil
