"""Web servers on this machine, for the tests."""

import base64
import contextlib
import hashlib
import json
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Files(SimpleHTTPRequestHandler):
    """Python's own web server, silent: index pages without sizes, and whole files whatever is asked."""

    def log_message(self, *_: object) -> None:
        pass


class Hub(BaseHTTPRequestHandler):
    """What the Hugging Face Hub does for repositories of models, as far as fetching and uploading need it.

    A repository is made, files are offered, and a commit brings them, all as regular ones. Files are served by branch
    or commit, with the headers that clients look at.
    """

    repositories: dict[str, list[dict[str, bytes]]]
    """Name -> its commits, the oldest first; each has all files of that state. A subclass says it anew."""

    requests: list[str]
    """What was asked: method, path and token."""

    def log_message(self, *_: object) -> None:
        pass

    @classmethod
    def commits(cls, name: str) -> list[str]:
        """Return the names of a repository's commits, the oldest first."""
        return [hashlib.sha1(f"{name} {i}".encode()).hexdigest() for i in range(len(cls.repositories[name]))]

    def do_GET(self) -> None:
        self._note()
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path).removeprefix("/")
        if path.startswith("api/models/"):
            name, _, revision = path.removeprefix("api/models/").partition("/revision/")
            if (found := self._found(name, revision or "main")) is not None:
                commit, files = found
                siblings = [{"rfilename": file, **self._described(file, data)} for file, data in files.items()]
                self._say({"id": name, "modelId": name, "sha": commit, "siblings": siblings, "private": False})
            return
        name, _, rest = path.partition("/resolve/")
        revision, _, file = rest.partition("/")
        if (found := self._found(name, revision)) is None:
            return
        commit, files = found
        if file not in files:
            self._refuse("EntryNotFound", commit)
            return
        tag = hashlib.sha256(files[file]).hexdigest()
        self._say(
            files[file], {"X-Repo-Commit": commit, "ETag": f'"{tag}"', "X-Linked-Size": str(self.size(files[file]))}
        )

    do_HEAD = do_GET  # noqa: N815  its name in http.server

    def _described(self, file: str, data: bytes) -> dict[str, object]:
        """Return what is told of a file's content: weights lie in large file storage, and Git has a pointer to them."""
        git = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        large = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
        return {"size": len(data)} | ({"lfs": large} if file.endswith(".safetensors") else {"blobId": git})

    def size(self, data: bytes) -> int:
        """Return the size that is told of a file."""
        return len(data)

    def do_POST(self) -> None:
        self._note()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Authorization") != "Bearer hf_right":
            self._say({"error": "Invalid username or password."}, status=401)
        elif self.path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}" if asked.get("organization") else f"me/{asked['name']}"
            there = name in self.repositories
            self.repositories.setdefault(name, [{".gitattributes": b""}])
            self._say({"url": f"http://{self.headers['Host']}/{name}"}, status=409 if there else 200)
        elif self.path == "/api/validate-yaml":
            self._say({"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            files = [
                {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in json.loads(body)["files"]
            ]
            self._say({"files": files})
        elif "/commit/" in self.path:
            self._commit(self.path.removeprefix("/api/models/").partition("/commit/")[0], body)

    def _commit(self, name: str, body: bytes) -> None:
        lines = [json.loads(line) for line in body.splitlines()]
        files = {
            line["value"]["path"]: base64.b64decode(line["value"]["content"]) for line in lines if line["key"] == "file"
        }
        self.repositories[name].append(self.repositories[name][-1] | files)
        commit = self.commits(name)[-1]
        url = f"http://{self.headers['Host']}/{name}/commit/{commit}"
        self._say({"success": True, "commitOid": commit, "commitUrl": url})

    def _found(self, name: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        """Return commit and files of a revision, or say that there is none."""
        if name not in self.repositories:
            self._refuse("RepoNotFound")
            return None
        commits = self.commits(name)
        if revision != "main" and revision not in commits:
            self._refuse("RevisionNotFound")
            return None
        commit = commits[-1] if revision == "main" else revision
        return commit, self.repositories[name][commits.index(commit)]

    def _note(self) -> None:
        self.requests.append(f"{self.command} {self.path}")

    def _refuse(self, code: str, commit: str = "") -> None:
        self._say({"error": code}, {"X-Error-Code": code, "X-Error-Message": code, "X-Repo-Commit": commit}, status=404)

    def _say(self, answer: object, headers: dict[str, str] | None = None, status: int = 200) -> None:
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        kind = "application/octet-stream" if isinstance(answer, bytes) else "application/json"
        for key, value in {"Content-Type": kind, "Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


@contextlib.contextmanager
def serving(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve on a free port while the block runs; give the server's URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def studio(folder: Path) -> Iterator[str]:
    """Serve the studio over a folder meanwhile, and give the address to open first."""
    import uvicorn

    from lienzo.studio.context import Context
    from lienzo.studio.reading.artefacts import Artefacts
    from lienzo.studio.safety import Door
    from lienzo.studio.server import application
    from lienzo.studio.studio import _listen

    listener = _listen("127.0.0.1", 0)
    door = Door("127.0.0.1", listener.getsockname()[1])
    context = Context(Artefacts(folder.resolve()), False)
    server = uvicorn.Server(
        uvicorn.Config(application(context, door), log_level="error", lifespan="off", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield door.first_address
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
        context.close()


@contextlib.contextmanager
def studio_process(folder: Path, port: int = 0) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Run the command that serves the studio meanwhile; give the address to open first, and the process."""
    words = [sys.executable, "-m", "lienzo", "studio", str(folder), "--port", str(port)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[-1], process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
