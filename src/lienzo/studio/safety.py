"""What the studio lets in: requests of this machine's own page, by someone who was given the first address.

A page of any other site can send requests to a server on loopback, and by DNS rebinding even read the answers. So every
request has to name this server as its host, to carry the cookie that the first address set, and, where it changes
something, to come from a page of this server. What goes out may load nothing from elsewhere and run no script that is
not a file of the studio.
"""

import hashlib
import ipaddress
import os
import re
import secrets
import socket
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lienzo.storage import caches

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""The content security policy of every answer."""

HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}

MOST_BYTES = 32 << 20
"""Of a request."""

TOO_LARGE = f"This is larger than {MOST_BYTES >> 20} MiB, which is more than the studio takes at once."

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class Door:
    """Who may come in."""

    host: str
    """The address that the server listens on."""

    port: int

    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    """Stands in the first address, and then in the cookie."""

    @property
    def first_address(self) -> str:
        """The address to open in a browser."""
        return f"http://{self._named}:{self.port}/?token={self.token}"

    @property
    def cookie(self) -> str:
        """Name of the cookie; cookies are shared between ports, so that each studio needs a name of its own."""
        return f"lienzo-{self.port}"

    @property
    def _named(self) -> str:
        """The host as browsers write it: in small letters, and an address of IPv6 shortened and in brackets."""
        try:
            return f"[{ipaddress.IPv6Address(self.host)}]"
        except ValueError:
            return self.host.lower()

    def knows_host(self, host: str) -> bool:
        """Say whether a request's ``Host`` is this server; browsers leave out the port 80.

        Where the server listens on every address of the machine, each address in numbers is: a name that another site
        had rebound is not.
        """
        whole = host.lower() if re.search(r":\d+$", host) else f"{host.lower()}:80"
        name, _, port = whole.rpartition(":")
        if port != str(self.port):
            return False
        if name in (*LOOPBACK, self._named):
            return True
        if self.host not in ("0.0.0.0", "::"):
            return False
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return name == socket.gethostname().lower()
        return True

    def is_token(self, given: str | None) -> bool:
        """Say whether this is the token, in a time that tells nothing about it."""
        return given is not None and secrets.compare_digest(given.encode(), self.token.encode())


def kept_token(about: str) -> str:
    """Return the token of a studio, the same at each of its starts, so that a page that was left open goes on.

    It lies among the caches, in a file that its owner alone can read. Where it cannot lie there, or others could have
    read or written it, it is a new one.

    Args:
        about: what makes this studio another than others, such as its folder.
    """
    fresh = secrets.token_urlsafe(24)
    path = caches.folder("studio") / hashlib.sha256(about.encode()).hexdigest()[:16]
    try:
        if not _is_private(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
                file.write(fresh)
        found = path.read_text(encoding="ascii")
    except (OSError, ValueError):
        return fresh
    return found if _is_private(path) else fresh


def _is_private(path: Path) -> bool:
    """Say whether a file holds a token, and belongs to this user alone."""
    try:
        state = path.lstat()
        whole = re.fullmatch(r"[A-Za-z0-9_-]{32}", path.read_text(encoding="ascii")) is not None
    except (OSError, ValueError):
        return False
    mine = sys.platform == "win32" or (state.st_uid == os.getuid() and not stat.S_IMODE(state.st_mode) & 0o077)
    return whole and mine and stat.S_ISREG(state.st_mode)


class Guard:
    """The door as a layer around the application."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self.app, self.door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what may not come in, and pass on the rest; add the headers of safety to every answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MOST_BYTES:
                raise HTTPException(413, TOO_LARGE)
            return message

        refusal = self._refusal(Request(scope))
        await (self.app if refusal is None else refusal)(scope, bounded, sealed)

    def _refusal(self, request: Request) -> Response | None:
        """Return the answer to a request that may not come in, or to the first address; None for all others."""
        headers: Headers = request.headers
        if not self.door.knows_host(headers.get("host", "")):
            return _refused(request, 421, "This server has another name: open the address that lienzo studio printed.")
        if self.door.is_token(request.query_params.get("token")) and request.method == "GET":
            answer = RedirectResponse("/", 303)
            answer.set_cookie(self.door.cookie, self.door.token, httponly=True, samesite="lax")
            return answer
        if not self.door.is_token(request.cookies.get(self.door.cookie)):
            return _refused(request, 403, "This page is locked: open the address that lienzo studio printed.")
        if request.method not in ("GET", "HEAD") and headers.get("origin") != f"http://{headers['host']}":
            return _refused(request, 403, "This request comes from another site, and was refused.")
        length = headers.get("content-length", "")
        if length.isdigit() and int(length[:20]) > MOST_BYTES:
            return _refused(request, 413, TOO_LARGE)
        return None


def _refused(request: Request, status: int, sentence: str) -> Response:
    """Return a refusal as JSON to what a page asks, and as text to a person who opens an address."""
    asked = request.url.path.startswith("/api/")
    return JSONResponse({"error": sentence}, status) if asked else PlainTextResponse(sentence, status)
