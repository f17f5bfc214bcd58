"""The machine that the studio runs on: how much of it is in use."""

import os
import platform
import shutil

import psutil
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lienzo.studio.context import context_of
from lienzo.version import __version__


def _machine(request: Request) -> Response:
    """Answer with the use of processor (a share), memory and disk (bytes), and what may be done here."""
    context = context_of(request)
    memory, disk = psutil.virtual_memory(), shutil.disk_usage(context.artefacts.root)
    return JSONResponse(
        {
            "system": platform.system(),
            "cores": os.cpu_count(),
            "processor": psutil.cpu_percent() / 100,
            "memory": {"used": memory.total - memory.available, "total": memory.total},
            "disk": {"used": disk.total - disk.free, "total": disk.total},
            "read_only": context.read_only,
            "lienzo": __version__,
            "root": str(context.artefacts.root),
        }
    )


psutil.cpu_percent()  # use is counted from one call to the next, so that the first answer has what it needs

ROUTES = [Route("/api/machine", _machine)]
