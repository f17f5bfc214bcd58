"""Files are whole or absent, whatever happens while they are written."""

import errno
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lienzo.storage.files import appearing, fingerprint, replacing, sha256, sweep, write_bytes, write_json, write_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_at_the_end_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    write_bytes(path, b"old")
    with replacing(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert names(path.parent) == ["file"]


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyboardInterrupt(), OSError(errno.ENOSPC, "disk full")])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old")
    with pytest.raises(type(error)), replacing(path) as file:  # noqa: PT012
        file.write(b"half of the new")
        raise error
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    write_bytes(tmp_path / "file", b"whole")
    leftover = replacing(tmp_path / "other")
    leftover.__enter__().close()  # killed before the end
    assert len(names(tmp_path)) == 2
    sweep(tmp_path)
    assert names(tmp_path) == ["file"]
    with pytest.raises(ValueError, match="closed file"):
        leftover.__exit__(None, None, None)


def test_a_folder_that_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    begun = appearing(tmp_path / "pictures")
    half = begun.__enter__()
    half.mkdir()
    (half / "a.png").write_bytes(b"half")
    (tmp_path / f".link.{os.getpid()}-0123abcd.part").symlink_to(tmp_path.parent)
    sweep(tmp_path)
    assert names(tmp_path) == []
    assert tmp_path.parent.exists()


def test_what_only_ends_like_a_temporary_file_is_not_swept(tmp_path: Path) -> None:
    (tmp_path / ".keep.part").mkdir()
    for name in (".keep.part/precious", ".mine.part", ".mine.1-0123.part", ".1-0123abcd.part.txt"):
        (tmp_path / name).write_text("mine")
    before = names(tmp_path)
    sweep(tmp_path)
    assert names(tmp_path) == before
    assert (tmp_path / ".keep.part" / "precious").read_text() == "mine"


@pytest.mark.skipif(sys.platform == "win32", reason="who runs is not known there")
def test_what_appears_takes_the_place_of_what_ended_processes_left_of_it(tmp_path: Path) -> None:
    long = "pictures" * 8
    with subprocess.Popen(["sleep", "60"]) as other:
        gone, runs = subprocess.Popen(["true"]), other.pid
        gone.wait()
        mine = [
            f".other.{gone.pid}-0123abcd.part", f".pictures.{runs}-0123abcd.part", f".pictures.{gone.pid}-0123.part",
            f".pictures.{os.getpid()}-0123abcd.part", f".my.pictures.{gone.pid}-0123abcd.part", "pictures.part",
        ]  # fmt: skip
        for name in mine:
            (tmp_path / name).write_text("mine")
        for name in ("pictures", long[:40]):
            left = tmp_path / f".{name}.{gone.pid}-0123abcd.part"
            left.mkdir()
            (left / "a.png").write_bytes(b"half")
        for name in ("pictures", long):
            with appearing(tmp_path / name) as path:
                path.mkdir()
        assert names(tmp_path) == sorted(["pictures", long, *mine])
        other.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="open files stay there anyway")
def test_what_another_process_is_writing_stays(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        written = tmp_path / f".file.{other.pid}-0123abcd.part"
        written.write_bytes(b"half")
        sweep(tmp_path)
        assert names(tmp_path) == [written.name]
        other.kill()
    sweep(tmp_path)
    assert names(tmp_path) == []


def test_text_is_utf8_with_unix_line_ends(tmp_path: Path) -> None:
    write_text(tmp_path / "text", "Ölbild\n×\n")
    assert (tmp_path / "text").read_bytes() == "Ölbild\n×\n".encode()
    write_json(tmp_path / "json", {"título": [1, None]})
    assert json.loads((tmp_path / "json").read_text(encoding="utf-8")) == {"título": [1, None]}
    assert (tmp_path / "json").read_bytes().endswith(b"}\n")


def test_the_checksum_is_sha256(tmp_path: Path) -> None:
    write_bytes(tmp_path / "file", b"abc")  # the example of FIPS 180-2
    assert sha256(tmp_path / "file") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_fingerprint_knows_values_and_not_their_order() -> None:
    assert fingerprint({"a": 1, "b": [1, 2]}) == fingerprint({"b": [1, 2], "a": 1})
    assert fingerprint({"a": 1, "b": [1, 2]}) != fingerprint({"a": 1, "b": [2, 1]})
    assert fingerprint({"a": 1}) != fingerprint({"a": "1"})


def test_a_reader_on_windows_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows does not replace a file that is open elsewhere, which passes."""
    refusals, replace = iter([True, True]), Path.replace

    def held(self: Path, target: Path) -> Path:
        if next(refusals, False):
            raise PermissionError(errno.EACCES, "it is being used by another process")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", held)
    monkeypatch.setattr("lienzo.storage.files.sys.platform", "win32")
    write_bytes(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    monkeypatch.setattr("lienzo.storage.files.PAUSES", (0.0, 0.0))
    refusals = itertools.repeat(True)
    with pytest.raises(PermissionError):
        write_bytes(tmp_path / "file", b"newer")
    assert names(tmp_path) == ["file"]


@pytest.mark.skipif(os.name == "nt", reason="names are as long elsewhere")
def test_a_file_may_have_the_longest_name_there_is(tmp_path: Path) -> None:
    write_bytes(tmp_path / ("ü" * 127), b"content")
    assert (tmp_path / ("ü" * 127)).read_bytes() == b"content"
