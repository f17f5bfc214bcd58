"""The verb that serves a page."""

from pathlib import Path
from typing import Annotated

from lienzo.cli.syntax import Word


def studio(
    folder: Annotated[Path, Word("[FOLDER]")] = Path(),
    /,
    *,
    host: Annotated[str, Word("ADDRESS")] = "127.0.0.1",
    port: Annotated[int | None, Word("N")] = None,
    read_only: bool = False,
) -> None:
    """Serve a page over the runs and collections below a folder: see trainings live, until Ctrl-C.

    Args:
        folder: With runs and collections, however deep; the current folder by default.
        host: The address to listen on; any but the default lets other machines in that know the printed address.
        port: By default the first free one from 7860 on; 0 takes any free one.
        read_only: Let nothing be started, stopped or written from the page.
    """
    from lienzo.studio import studio as room

    room.studio(folder, host=host, port=port, read_only=read_only)
