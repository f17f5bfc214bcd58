"""``lienzo studio``: serve the page over a folder until Ctrl-C."""

import asyncio
import logging
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

from lienzo.errors import InputError

log = logging.getLogger("lienzo")

PORT = 7860
"""The first port that is tried where none is asked for."""

TRIES = 20
"""Ports that are tried, one after the other."""

MOST_PORT = 65_535

PRINTED = partial(print, flush=True)
"""Prints at once: a file or a pipe would get the address at the end else."""


def studio(
    folder: str | Path = ".",
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    read_only: bool = False,
    ready: Callable[[str], None] = PRINTED,
) -> None:
    """Serve a page over the runs and collections below a folder, until it is interrupted.

    Args:
        folder: with runs and collections, however deep.
        host: the address to listen on; any but the default lets other machines in that know the printed address.
        port: by default the first free one from 7860 on; 0 takes any free one.
        read_only: let nothing be started, stopped or written from the page.
        ready: gets the address to open, once the server listens.

    Raises:
        InputError: no such folder, a port in use or that is none, or a missing package.
    """
    try:
        from lienzo.studio.context import Context  # noqa: PLC0415  an extra
        from lienzo.studio.reading.artefacts import Artefacts  # noqa: PLC0415
        from lienzo.studio.safety import LOOPBACK, Door, kept_token  # noqa: PLC0415
        from lienzo.studio.server import Server  # noqa: PLC0415
    except ImportError as error:
        raise InputError(
            f"the studio needs the package {error.name}: install it with pip install 'lienzo[studio]'."
        ) from None
    root = Path(folder).resolve()
    if not root.is_dir():
        raise InputError(f"there is no folder {folder}: check the path.")
    listener = _listen(host, port)
    here = host.lower() in (*LOOPBACK, "::1")
    token = {"token": kept_token(f"{root}, read only: {read_only}")} if here else {}
    door = Door(host, listener.getsockname()[1], **token)
    context = Context(Artefacts(root), read_only)
    server = Server(context, door)
    if not here:
        log.warning("Everyone who knows the address below and reaches this machine can see %s.", root)
    ready(door.first_address)
    try:
        with listener:
            asyncio.run(server.serve([listener]))
    finally:
        context.close()


def _listen(host: str, port: int | None) -> socket.socket:
    """Return a socket that listens.

    Raises:
        InputError: the port is in use or is none, or the address is not of this machine.
    """
    if port is not None and not 0 <= port <= MOST_PORT:
        raise InputError(f"{port} is no port: give a --port from 0 to {MOST_PORT}.")
    ports = range(PORT, PORT + TRIES) if port is None else [port]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in ports:
        # asyncio sends small answers at once only where the protocol is named: they waited 40 ms else
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
        except (socket.gaierror, UnicodeError):  # the latter of a name with an empty part
            listener.close()
            raise InputError(f"{host} is no address of this machine: leave --host out, or give another.") from None
        except OSError as error:
            listener.close()
            if port is not None or candidate == ports[-1]:
                raise InputError(
                    f"{host}:{candidate} cannot be opened ({error.strerror}): choose another --port."
                ) from None
        else:
            listener.listen(128)
            return listener
    raise AssertionError("every way out of the loop returns or raises")
