"""Sources and collections behind URLs, on a server on loopback that speaks S3."""

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from pictures_for_tests import files_of, gallery
from servers_for_tests import serving

import lienzo
from lienzo.collection import remote
from lienzo.collection.destination import LOCK
from lienzo.collection.listing import places
from lienzo.errors import CollectionError, SourceError

moto_server = pytest.importorskip("moto.server")
s3fs = pytest.importorskip("s3fs")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Serve S3 with a bucket ``art`` that holds a gallery; give the same gallery as a folder."""
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "LIENZO_CACHE": str(tmp_path_factory.mktemp("cache")),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        folder = gallery(tmp_path_factory.mktemp("source") / "pictures", 12)
        files = s3fs.S3FileSystem()
        files.mkdir("art")
        files.put(str(folder), "art/pictures", recursive=True)
        yield folder
    server.stop()


def test_reading_and_writing_objects(store: Path, tmp_path: Path) -> None:
    here = lienzo.prepare(store, tmp_path / "here", size=16, workers=1)
    there = lienzo.prepare("s3://art/pictures", "s3://art/collection", size=16, workers=2)
    assert there.fingerprint == here.fingerprint
    assert there.index().column("source") == here.index().column("source")
    names = {found.parts[0] for found in places.walk("s3://art/collection")}
    assert names == set(files_of(tmp_path / "here")) - {LOCK}
    opened = lienzo.Collection.open("s3://art/collection")
    opened.verify()
    assert opened.fingerprint == here.fingerprint


def test_a_collection_of_another_machine_is_added_to(
    store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = lienzo.prepare("s3://art/pictures", "s3://art/growing", size=16, workers=1)
    monkeypatch.setenv("LIENZO_CACHE", str(tmp_path))
    files = s3fs.S3FileSystem()
    new = next(iter(gallery(tmp_path / "more", 13).glob("*/012.jpg")))
    files.put(str(new), "art/pictures/grids/new.jpg")
    second = lienzo.prepare("s3://art/pictures", "s3://art/growing", size=16, workers=1)
    assert (first.count, second.count) == (12, 13)


def test_a_store_that_stumbles_is_asked_again(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "PAUSE", 0.0)
    answers = iter([OSError("503 Slow Down"), ConnectionError("cut"), b"whole"])

    def question() -> bytes:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert places._ask("s3://art/x", question) == b"whole"
    with pytest.raises(SourceError, match=r"does not answer .*503 Slow Down.*run the same command again"):
        places._ask("s3://art/x", lambda: (_ for _ in ()).throw(OSError("503 Slow Down")))


@contextlib.contextmanager
def stumbling(behind: str, works: Callable[[int], bool]) -> Iterator[str]:
    """Stand before a server; requests whose number does not work get a 503, half an answer or none, in turn."""
    numbers = itertools.count()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # a client that asks whether to go on gets an answer

        def answer(self) -> None:
            number = next(numbers)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if works(number):
                server = HTTPConnection(behind)
                server.request(self.command, self.path, body, {**self.headers, "Expect": ""})
                found = server.getresponse()
                content = found.read()
                status, headers = found.status, dict(found.getheaders()) | {"Connection": "close"}
                if self.command != "HEAD":
                    headers |= {"Content-Length": str(len(content))}
                server.close()
            elif number % 3 == 0:
                status, headers, content = 503, {"Content-Length": "0", "Connection": "close"}, b""
            elif number % 3 == 1:
                status, headers, content = 200, {"Content-Length": "100", "Connection": "close"}, b"<?xml"
            else:
                self.close_connection = True
                return
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
            self.close_connection = True

        do_GET = do_HEAD = do_PUT = do_POST = answer  # noqa: N815  the names that the library looks for

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as url:
        yield url


def test_a_server_that_answers_503_and_cuts_connections(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind = os.environ["AWS_ENDPOINT_URL"].removeprefix("http://")
    monkeypatch.setattr(places, "PAUSE", 0.0)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # botocore shall not hide what happens
    here = lienzo.prepare("s3://art/pictures", tmp_path / "here", size=16, workers=1)
    with stumbling(behind, lambda number: number % 4 != 0) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        s3fs.S3FileSystem.clear_instance_cache()
        there = lienzo.prepare("s3://art/pictures", "s3://art/stumbled", size=16, workers=1)
    assert (there.count, there.refused, there.fingerprint) == (here.count, {}, here.fingerprint)
    with stumbling(behind, lambda number: number < 26) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        s3fs.S3FileSystem.clear_instance_cache()
        with pytest.raises(SourceError, match="does not answer"):
            lienzo.prepare("s3://art/pictures", "s3://art/half", size=16, workers=1)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{behind}")
    s3fs.S3FileSystem.clear_instance_cache()
    lienzo.Collection.open("s3://art/stumbled").verify()
    with pytest.raises(CollectionError, match="there is no collection at"):
        lienzo.Collection.open("s3://art/half")
    monkeypatch.setattr("lienzo.collection.preparation.screen_units", pytest.fail)  # what was done is only sent
    again = lienzo.prepare("s3://art/pictures", "s3://art/half", size=16, workers=1)
    assert again.fingerprint == here.fingerprint
    lienzo.Collection.open("s3://art/half").verify()


def test_a_collection_that_was_deleted_is_made_again(store: Path) -> None:
    first = lienzo.prepare("s3://art/pictures", "s3://art/deleted", size=16, workers=1)
    s3fs.S3FileSystem().rm("art/deleted", recursive=True)
    again = lienzo.prepare("s3://art/pictures", "s3://art/deleted", size=20, workers=1)
    assert (again.count, again.height) == (first.count, 20)
    lienzo.Collection.open("s3://art/deleted").verify()


def test_pictures_whose_sending_was_interrupted_are_not_lost(
    store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """They lie in the local folder alone: it is not cleared, and the same command sends them."""
    lienzo.prepare(store, "s3://art/cut", size=16, workers=1)
    more = gallery(tmp_path / "more", 14)
    with monkeypatch.context() as cut:
        cut.setattr(places, "write", breaking)
        with pytest.raises(ConnectionError):
            lienzo.prepare(more, "s3://art/cut", size=16, workers=1)
    assert not remote.is_sent(remote.local_folder("s3://art/cut"))
    monkeypatch.setattr("lienzo.collection.preparation.screen_units", breaking)  # nothing has to be screened again
    assert lienzo.prepare(more, "s3://art/cut", size=16, workers=1).count == 14
    assert remote.is_sent(remote.local_folder("s3://art/cut"))
    monkeypatch.setenv("LIENZO_CACHE", str(tmp_path))
    there = lienzo.Collection.open("s3://art/cut")
    there.verify()
    assert there.count == 14


def breaking(*_: object, **__: object) -> None:
    raise ConnectionError("cut")


def test_what_is_not_there(store: Path) -> None:
    with pytest.raises(SourceError, match="there is nothing at"):
        lienzo.prepare("s3://art/nowhere", "s3://art/out", size=16)
    with pytest.raises(CollectionError, match="there is no collection at"):
        lienzo.Collection.open("s3://art/nowhere")
    assert os.environ["LIENZO_CACHE"] in str(remote.local_folder("s3://art/nowhere"))
