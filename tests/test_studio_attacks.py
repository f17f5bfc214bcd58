"""Attacks on the studio at each of its addresses: what leads out of the folder, what is too large, what makes no sense.

They run over ``VIEWS``, and each address is attacked in the parameters that it is seen to read: a new address is
attacked without a new test.
"""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx")
from httpx import Response
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.testclient import TestClient

import lienzo
from lienzo.collection.collection import Collection
from lienzo.errors import InputError
from lienzo.generation.directions import Directions, beside
from lienzo.run.run import Run
from lienzo.studio import safety, trainings
from lienzo.studio.canvas.wishes import Read, Show
from lienzo.studio.context import Context
from lienzo.studio.reading.artefacts import UNREAD, Artefacts
from lienzo.studio.safety import Door
from lienzo.studio.server import VIEWS, application
from lienzo.studio.views import runs as view
from lienzo.studio.worker import Worker

DOOR = Door("127.0.0.1", 7860)
BASE = "http://127.0.0.1:7860"
OURS = {"origin": BASE}

READS = [route.path for routes in VIEWS.values() for route in routes if "GET" in (route.methods or ())]
POSTS = [route.path for routes in VIEWS.values() for route in routes if "POST" in (route.methods or ())]

INVERT = "/api/canvas/invert"
"""Takes the bytes of a picture; all others take JSON."""

HARMLESS = {"/api/train/command", "/api/canvas/wish", INVERT, "/api/theory/play"}
"""Addresses that take a body and change nothing."""

BODILESS = {"/api/train/continue", "/api/train/stop"}
"""Addresses that read no body."""

SECRET = "umbra-7f3a91"
"""Stands in every file outside the folder, and in the name of none."""

SENSIBLE = {"run": "a", "collection": "small", "file": "a/directions.safetensors", "view": "mask", "images": "0"}
"""What a page would ask for; an address passes over what it does not know."""

PATHS = [
    "", ".", "..", "../..", "/", "~", "/etc", "/etc/passwd", "file:///etc/passwd", "../outside/a", "../outside/small",
    "a/../../outside/a", "a/checkpoints", "a/recipe.toml", "small/collection.json", "linked", "linked-small", "loop",
    "nested/../../outside/a", "..\\outside", "%2e%2e", "a\0b", "\0", "a\nb", "\ufffd\u2028", "x" * 300, "x/" * 400,
    "x" * 5000,
]  # fmt: skip
"""Names of runs, collections and files that are none."""

BODIES = [
    b"", b"null", b"[]", b"{", b"\xff\xfe{}", b"[" * 10_000, b'{"kind":' * 10_000, b'{"kind": "paint"}',
    b'{"kind": "about", "run": "a"}',
]  # fmt: skip
"""What is no wish, no training and no game."""

STRANGE = [
    None, True, -1, 0, 1.5, 1e308, 10**400, "", "..", "../outside/a", "linked", "a\0b", "x" * 5000, "=", "[" * 5000,
    [], {}, [[]], [None], ["="], ["batch=" + "9" * 5000], ["batch=" + "[" * 5000], ["batch=1\nname=2"], ["--out=x"],
    {"__class__": "x"}, {"place": {"seed": 1}}, [{"place": {"seed": 1, "file": "/etc/passwd"}}], [{}] * 65,
]  # fmt: skip
"""Values for a field of a body; what is not JSON is written into it as text below."""

TEXTS = [
    b"NaN",
    b"Infinity",
    b"1e999",
    rb'"\ud800"',
    rb'"\udc00a"',
    b"'a'",
    b'"\xff"',
    b'{"a": 1, "a": 2',
    b"[" * 50_000,
]

PAINT = {"kind": "paint", "run": "a", "pictures": [{"place": {"seed": 1}}], "columns": 2}
FILM = {
    "kind": "film",
    "run": "a",
    "pictures": [{"place": {"seed": 1}}] * 2,
    "frames": 4,
    "closed": True,
    "form": "webp",
}
WISHES: dict[str, list[dict[str, Any]]] = {
    "/api/train/command": [{"collection": "small", "recipe": "thesis", "name": "new", "settings": ["batch=4"]}],
    "/api/train/start": [{"collection": "small", "recipe": "thesis", "name": "new", "settings": ["batch=4"]}],
    "/api/canvas/wish": [PAINT, FILM],
    "/api/theory/play": [{"setup": {}, "halves": 2}],
}
"""Bodies that make sense; what is said of them below is said of each of their fields."""

NUMBERS = ["-1", "+1", " 1", "1_0", "1e3", "0x10", "1.0", "NaN", "٣", "²", "9" * 16, "9" * 5000]
"""What is no number of an address."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, run: Run, collection: Collection) -> Path:
    """Return a folder with a run and a collection, beside one whose files have a secret, with links to it."""
    parent = tmp_path_factory.mktemp("attacked")
    folder, outside = parent / "folder", parent / "outside"
    for place in (folder, outside):
        shutil.copytree(run.path, place / "a")
        shutil.copytree(collection.path, place / "small")
        found = Directions(np.eye(2, 8, dtype=np.float32), ("storm", "calm"), lienzo.load(run).fingerprint, "weights")
        found.save(beside(place / "a"))
    for path in outside.rglob("*.*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(b"small", SECRET.encode()) + SECRET.encode())
    (folder / "linked").symlink_to(outside / "a")
    (folder / "linked-small").symlink_to(outside / "small")
    (folder / "loop").symlink_to(folder / "loop")
    return folder.resolve()


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    with opened(folder) as client:
        yield client


def opened(folder: Path, *, read_only: bool = False) -> TestClient:
    """Return a client of a studio whose failures are answers, as in a browser."""
    app = application(Context(Artefacts(folder), read_only), DOOR)
    return TestClient(app, BASE, cookies={DOOR.cookie: DOOR.token}, raise_server_exceptions=False)


@pytest.fixture(autouse=True)
def aside(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let no process begin, and no stream go on: what would go to one has to be within the folder."""

    def exchange(_worker: Worker, wish: Any) -> tuple[str, bytes]:
        if isinstance(wish, tuple):
            path, wanted = wish
            for place in (path, wanted.file if isinstance(wanted, Read | Show) else path):
                assert "outside" not in Path(place).resolve().parts
        return "application/json", b"{}"

    async def stream(_run: Run, _offset: int, _ending: object) -> Any:
        yield ": ends\n\n"

    def begin(run: Run, words: list[str], _artefacts: Artefacts) -> None:
        assert run.path.parent == folder / "runs"
        assert [Path(word).is_relative_to(folder) for word in words if "/" in word] == [True, True]
        raise InputError("nothing is trained here.")

    monkeypatch.setattr(Worker, "_exchange", exchange)
    monkeypatch.setattr(trainings, "_begin", begin)
    monkeypatch.setattr(view, "_stream", stream)


def read_by(client: TestClient, address: str, method: str = "GET", **given: Any) -> set[str]:
    """Return the parameters that an address reads when it is asked something sensible."""
    names = set()

    class Noted(QueryParams):
        def get(self, key: Any, default: Any = None) -> Any:
            names.add(key)
            return super().get(key, default)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Request, "query_params", property(lambda self: Noted(self.scope["query_string"])))
        client.request(method, address, params=SENSIBLE, **given)
    return names - {"token"}


def is_sentence(answer: Response, *statuses: int) -> str:
    """Return the one sentence that an answer consists of."""
    assert answer.status_code in statuses, (answer.request.url, answer.status_code, answer.text[:200])
    told = answer.json()
    assert set(told) == {"error"}
    assert "terminal" not in told["error"], told
    assert told["error"].endswith("."), told
    return str(told["error"])


@pytest.mark.parametrize("address", READS)
@pytest.mark.parametrize(
    "values",
    [
        pytest.param(["../outside/a", "linked", "loop", "x" * 300, "9" * 5000], id="some"),
        pytest.param([*PATHS, *NUMBERS], id="all", marks=pytest.mark.slow),
    ],
)
def test_no_parameter_leads_out_of_the_folder_or_fails(
    client: TestClient, folder: Path, address: str, values: list[str]
) -> None:
    outside = folder.parent / "outside"
    for name in read_by(client, address):
        other = {"run": "small", "collection": "a"}.get(name, "a")
        for value in [*values, other, str(outside / "a"), str(outside / "small")]:
            answer = client.get(address, params=SENSIBLE | {name: value})
            assert SECRET not in answer.text
            if name in SENSIBLE or answer.status_code not in (200, 204):
                is_sentence(answer, 400, 404)


@pytest.mark.parametrize("address", POSTS)
def test_nothing_is_changed_for_another_site_by_another_method_or_without_the_word(
    client: TestClient, folder: Path, address: str
) -> None:
    for origin in (
        None,
        "null",
        "http://evil.example",
        "https://127.0.0.1:7860",
        "http://127.0.0.1:7861",
        BASE + "/",
        "",
    ):
        headers = {} if origin is None else {"origin": origin}
        is_sentence(client.post(address, params=SENSIBLE, json={}, headers=headers), 403)
    for method in ("GET", "PUT", "DELETE", "OPTIONS", "TRACE", "LOOK"):
        is_sentence(client.request(method, address, params=SENSIBLE, headers=OURS), 404, 405)
    stranger = {"cookie": f"{DOOR.cookie}={'a' * len(DOOR.token)}"}
    is_sentence(client.post(address, params=SENSIBLE, json={}, headers=OURS | stranger), 403)


@pytest.mark.parametrize("address", READS)
def test_what_is_read_is_read_only(client: TestClient, folder: Path, address: str) -> None:
    before = listed(folder.parent)
    head, whole = (client.request(method, address, params=SENSIBLE) for method in ("HEAD", "GET"))
    assert (head.status_code, head.content) == (whole.status_code, b"")
    for method in ("POST", "OPTIONS", "TRACE"):
        is_sentence(client.request(method, address, params=SENSIBLE, headers=OURS), 405)
    assert listed(folder.parent) == before


@pytest.mark.parametrize("address", POSTS)
def test_what_is_too_large_is_one_sentence(client: TestClient, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"content-length": str(safety.MOST_BYTES + 1)}
    answer = client.post(address, params=SENSIBLE, content=b"", headers=OURS | told)
    assert "larger than 32 MiB" in is_sentence(answer, 413)
    assert answer.headers["content-security-policy"] == safety.POLICY
    if address not in BODILESS:
        monkeypatch.setattr(safety, "MOST_BYTES", 1_000)
        untold = client.post(address, params=SENSIBLE, content=iter([b" " * 600] * 2), headers=OURS)
        assert "larger than" in is_sentence(untold, 413)


@pytest.mark.parametrize("address", [address for address in POSTS if address != INVERT])
def test_a_body_that_is_none_is_one_sentence(client: TestClient, folder: Path, address: str) -> None:
    for body in BODIES:
        is_sentence(client.post(address, params=SENSIBLE, content=body, headers=OURS), 400)


@pytest.mark.slow
@pytest.mark.parametrize("address", WISHES)
def test_no_field_leads_out_of_the_folder_or_fails(client: TestClient, folder: Path, address: str) -> None:
    before = listed(folder.parent)
    for sensible in WISHES[address]:
        is_sentence(client.post(address, json=sensible | {"path": "/etc/passwd"}, headers=OURS), 400)
        for field in sensible:
            bodies = [json.dumps(sensible | {field: value}).encode() for value in STRANGE]
            bodies += [json.dumps(sensible | {field: "HERE"}).encode().replace(b'"HERE"', text) for text in TEXTS]
            for body in bodies:
                answer = client.post(address, content=body, headers=OURS)
                assert SECRET not in answer.text
                if answer.status_code != 200:
                    is_sentence(answer, 400)
    assert listed(folder.parent) == before


@pytest.mark.parametrize("address", POSTS)
def test_a_read_only_studio_changes_nothing(folder: Path, address: str) -> None:
    client, before = opened(folder, read_only=True), listed(folder.parent)
    answer = client.post(address, params=SENSIBLE, json=WISHES.get(address, [{}])[0], headers=OURS)
    if address in HARMLESS:
        assert answer.status_code == 200
    else:
        assert "read only" in is_sentence(answer, 400)
    assert listed(folder.parent) == before


def parts(folder: Path) -> list[tuple[str, str]]:
    """Return what a run and a collection consist of: which of both, and the name of a file or a folder in it."""
    return [(kind, path.name) for kind in ("a", "small") for path in sorted((folder / kind).iterdir())]


@pytest.mark.slow
def test_no_part_of_a_run_or_a_collection_leads_out_of_the_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "stray.safetensors").symlink_to(beside(folder.parent / "outside" / "a"))
    for kind, name in parts(folder):
        whole = copied(folder, tmp_path)
        part = whole / kind / name
        shutil.rmtree(part) if part.is_dir() else part.unlink()
        part.symlink_to(folder.parent / "outside" / kind / name)
        with opened(whole) as client:
            for address in READS:
                answer = client.get(address, params=SENSIBLE)
                assert SECRET.encode() not in answer.content
                if answer.status_code != 200:
                    is_sentence(answer, 400, 404)
            told = client.get({"a": "/api/run", "small": "/api/collection"}[kind], params=SENSIBLE)
            if name not in UNREAD:
                assert "is a link out of this folder" in told.text


@pytest.mark.slow
@pytest.mark.parametrize(
    "content",
    [None, b"", b"[" * 100_000, b'{"images": 1, "kid": ' + b"9" * 5000],
    ids=["pipe", "nothing", "deep", "long"],
)
def test_no_damage_of_a_run_or_a_collection_is_a_failure(folder: Path, tmp_path: Path, content: bytes | None) -> None:
    for kind, name in parts(folder):
        whole = copied(folder, tmp_path)
        (whole / "a" / "recipe.toml").write_text(
            Run(folder / "a").recipe().with_settings(["evaluate_every=16"]).to_toml()
        )
        part = whole / kind / name
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink()
        if content is None:
            os.mkfifo(part)
        else:
            part.write_bytes(content + b"\n" if content else b"")
        with opened(whole) as client:
            for address in READS:
                answer = client.get(address, params=SENSIBLE)
                if answer.status_code != 200:
                    is_sentence(answer, 400, 404)


def copied(folder: Path, place: Path) -> Path:
    """Return a fresh copy of the run and the collection of a folder."""
    for kind in ("a", "small"):
        shutil.rmtree(place / kind, ignore_errors=True)
        shutil.copytree(folder / kind, place / kind)
    return place.resolve()


def listed(folder: Path) -> list[tuple[Path, int]]:
    """Return what lies below a folder, with its size."""
    return sorted((path, path.lstat().st_size) for path in folder.rglob("*"))
