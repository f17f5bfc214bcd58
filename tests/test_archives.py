"""Archives: cut off ones give their whole members, and none takes more memory than a picture file may."""

import bz2
import gzip
import io
import logging
import lzma
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from pictures_for_tests import encoded, painting

import lienzo
from lienzo.collection.listing.archives import tar_entries, zip_entries
from lienzo.collection.reasons import Reason, Refusal
from lienzo.errors import SourceError

PICTURES = [encoded(painting(i), "PNG") for i in range(4)]


def tarred(pictures: list[bytes] = PICTURES) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for i, data in enumerate(pictures):
            info = tarfile.TarInfo(f"{i}.png")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def starts(data: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return archive.getmembers()


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize(("beyond", "refused"), [(0, {}), (100, {}), (512, {"truncated": 1}), (700, {"truncated": 1})])
def test_a_tar_file_that_was_cut_off(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, pack: Callable[[bytes], bytes], beyond: int, refused: object
) -> None:
    """Cut between members, in a header, before and within a picture: before or after it was compressed."""
    data = tarred()
    path = tmp_path / "a.tar"
    path.write_bytes(pack(data[: starts(data)[2].offset + beyond]))
    with caplog.at_level(logging.INFO, "lienzo"):
        collection = lienzo.prepare(path, tmp_path / "out", size=16, workers=1)
    assert (collection.count, collection.refused) == (2, refused)
    assert caplog.text.count("a.tar is cut off or damaged after") == 1


@pytest.mark.parametrize("share", [0.4, 0.7, 0.99])
def test_a_compressed_tar_file_whose_compression_was_cut_off(tmp_path: Path, share: float) -> None:
    data = gzip.compress(tarred())
    (tmp_path / "a.tar.gz").write_bytes(data[: int(share * len(data))])
    remarks: list[str] = []
    entries = list(tar_entries(str(tmp_path / "a.tar.gz"), remarks))
    assert [entry.data for entry in entries if entry.refusal is None] == PICTURES[: sum(not e.refusal for e in entries)]
    assert [entry.refusal is None for entry in entries].count(False) <= 1
    assert "a.tar.gz is cut off or damaged" in remarks[0]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_whole_tar_file_is_whole(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    for data in (tarred(), tarred()[: starts(tarred())[-1].offset + 512 * (2 + len(PICTURES[-1]) // 512 + 2)]):
        (tmp_path / "a.tar").write_bytes(pack(data))
        remarks: list[str] = []
        assert len(list(tar_entries(str(tmp_path / "a.tar"), remarks))) == 4
        assert not remarks


@pytest.mark.parametrize(
    "data",
    [b"", b"no tar" * 100, gzip.compress(b"no tar" * 100), bytes(300) + b"ustar" + bytes(500)],
    ids=["nothing", "text", "packed text", "name of tar alone"],  # what gzip writes holds the time
)
def test_no_tar_file_at_all(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.tar").write_bytes(data)
    with pytest.raises(SourceError, match="cannot be read as a tar file"):
        list(tar_entries(str(tmp_path / "a.tar"), []))


def bomb(path: Path, kind: str, size: int) -> None:
    """Write an archive of two pictures and, between them, so many zeros, or a header as long."""
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in (("0.png", PICTURES[0]), ("1.png", bytes(size)), ("2.png", PICTURES[2])):
                archive.writestr(name, data)
        return
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for i, data in enumerate((PICTURES[0], bytes(size if kind == "member" else 9), PICTURES[2])):
            info = tarfile.TarInfo(f"{i}.png")
            info.size = len(data)
            info.pax_headers = {"comment": "x" * size} if kind == "header" and i == 1 else {}
            archive.addfile(info, io.BytesIO(data))


@pytest.mark.parametrize(
    "kind", ["zip", pytest.param("member", marks=pytest.mark.slow), pytest.param("header", marks=pytest.mark.slow)]
)
@pytest.mark.skipif(sys.platform == "win32", reason="measures by rusage")
def test_a_bomb_takes_no_memory(tmp_path: Path, kind: str) -> None:
    size = 300_000_000
    bomb(tmp_path / "a", kind, size)
    (tmp_path / "a").rename(path := tmp_path / ("a.zip" if kind == "zip" else "a.tar.gz"))
    program = (
        "import resource, sys; from lienzo.collection.listing.listing import Listing;"
        "from lienzo.collection.settings import Settings; from lienzo.collection.screening.screening import screen;"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; before = peak();"
        "found = [screen(one, Settings(size=16)).reason for one in Listing([sys.argv[1]], Settings(), None)];"
        "print(peak() - before, *(str(reason) or 'kept' for reason in found))"
    )
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    grown, *found = done.stdout.split()
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(grown) * unit < size / 3
    assert found == (["kept"] if kind == "header" else ["kept", "too-large", "kept"])


def test_encrypted_and_split_zip_files_say_what_to_do(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("0.png", PICTURES[0])
    data = bytearray((tmp_path / "a.zip").read_bytes())
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(Refusal) as refused:
        next(zip_entries(str(tmp_path / "a.zip"))).read()
    assert refused.value.reason == Reason.UNREADABLE
    assert "password" in refused.value.detail
