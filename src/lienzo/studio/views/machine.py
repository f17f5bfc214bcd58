"""The machine that the studio runs on: how much of it is in use."""

import os
import platform
import shutil
import threading
import time

import psutil
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lienzo.studio.context import context_of
from lienzo.version import __version__

SHORTEST_SECONDS = 1.0
"""Over so long at least the use of the processor is counted: of a moment it is all or nothing."""


class Meter:
    """The use of the processor, which is counted from one question to the next, whichever page asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted, self._share = time.monotonic(), float(psutil.cpu_percent()) / 100

    def share(self) -> float:
        """Return the share that was in use lately; what was counted a moment ago is told again."""
        with self._lock:
            if time.monotonic() - self._counted >= SHORTEST_SECONDS:
                self._counted, self._share = time.monotonic(), psutil.cpu_percent() / 100
            return self._share


METER = Meter()


def _machine(request: Request) -> Response:
    """Answer with the use of processor (a share), memory and disk (bytes), and what may be done here."""
    context = context_of(request)
    memory, disk = psutil.virtual_memory(), shutil.disk_usage(context.artefacts.root)
    return JSONResponse(
        {
            "system": platform.system(),
            "cores": os.cpu_count(),
            "processor": METER.share(),
            "memory": {"used": memory.total - memory.available, "total": memory.total},
            "disk": {"used": disk.total - disk.free, "total": disk.total},
            "read_only": context.read_only,
            "lienzo": __version__,
            "root": str(context.artefacts.root),
        }
    )


ROUTES = [Route("/api/machine", _machine)]
