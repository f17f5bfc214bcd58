"""Preparing: sources become a collection, whatever lies in them."""

import base64
import io
import json
import os
import re
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Command
from pictures_for_tests import encoded, files_of, gallery, noisy, painting
from PIL import Image

import lienzo
from lienzo.collection import remote
from lienzo.collection.preparation import steps
from lienzo.collection.reasons import Reason
from lienzo.collection.screening.screening import Screened, screen
from lienzo.collection.screening.workers import Unit
from lienzo.collection.settings import Conflicts, Settings
from lienzo.errors import CollectionError, InputError, SourceError


def test_a_folder_becomes_a_collection(tmp_path: Path) -> None:
    source = gallery(tmp_path / "pictures")
    (source / "page.jpg").write_text("<!doctype html><html><body>404</body></html>")
    (source / "notes.txt").write_text("not even looked at")
    collection = lienzo.prepare(source, tmp_path / "out", size=32, workers=1)
    assert (collection.count, collection.height, collection.width, collection.channels) == (12, 32, 32, 3)
    assert collection.vocabularies == {"folder": ("grids", "portraits", "seas")}
    assert np.bincount(collection.labels("folder")).tolist() == [4, 4, 4]
    rejected = collection.rejected().to_pylist()
    assert [(row["source"], row["reason"], row["detail"]) for row in rejected] == [
        ("page.jpg", "not-a-picture", "an HTML page")
    ]
    index = collection.index().to_pylist()
    assert index[0]["source"] == "grids/000.jpg"
    assert (index[0]["width"], index[0]["height"]) == (120, 90)
    taken = collection.take(np.array([3, 0]))
    assert taken.shape == (2, 32, 32, 3)
    assert np.array_equal(taken[1], np.load(tmp_path / "out" / "images-00000.npy", mmap_mode="r")[0])
    collection.verify()


def test_the_number_of_workers_changes_nothing(tmp_path: Path) -> None:
    source = gallery(tmp_path / "pictures", 40)
    lienzo.prepare(source, tmp_path / "one", size=16, workers=1)
    lienzo.prepare(source, tmp_path / "three", size=16, workers=3)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "three")


def test_preparing_again_adds_what_is_new(tmp_path: Path) -> None:
    source = gallery(tmp_path / "pictures", 6)
    first = lienzo.prepare(source, tmp_path / "out", size=16, workers=1)
    before = files_of(tmp_path / "out")
    assert lienzo.prepare(source, tmp_path / "out", size=16, workers=1) == first
    assert files_of(tmp_path / "out") == before
    painting(100).save(source / "grids" / "000-new.jpg")
    second = lienzo.prepare(source, tmp_path / "out", size=16, workers=1)
    assert second.count == 7
    assert second.fingerprint != first.fingerprint
    assert np.array_equal(second.take(np.arange(6)), first.take(np.arange(6)))


def test_adding_that_is_interrupted_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = gallery(tmp_path / "pictures", 6)
    first = lienzo.prepare(source, tmp_path / "out", size=16, workers=1)
    painting(100).save(source / "grids" / "000-new.jpg")
    (source / "grids" / "broken.jpg").write_bytes(b"")

    def lost(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("lienzo.collection.report.write", lost)  # the last step before collection.json
        with pytest.raises(KeyboardInterrupt):
            lienzo.prepare(source, tmp_path / "out", size=16, workers=1)
    between = lienzo.Collection.open(tmp_path / "out")
    between.verify()
    assert (between.fingerprint, between.rejected().num_rows) == (first.fingerprint, 0)
    last = lienzo.prepare(source, tmp_path / "out", size=16, workers=1)
    assert (last.count, last.refused, last.rejected().num_rows) == (7, {"empty": 1}, 1)
    assert lienzo.prepare(source, tmp_path / "out", size=16, workers=1) == last


def test_other_settings_are_refused(tmp_path: Path) -> None:
    source = gallery(tmp_path / "pictures", 3)
    lienzo.prepare(source, tmp_path / "out", size=16, workers=1)
    with pytest.raises(CollectionError, match=r"prepared with height = 16, not 32"):
        lienzo.prepare(source, tmp_path / "out", size=32, workers=1)


def test_zip_files_are_sources(tmp_path: Path) -> None:
    source = gallery(tmp_path / "pictures", 6)
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(source.rglob("*.jpg")):
            archive.write(path, path.relative_to(source).as_posix())
    plain = lienzo.prepare(source, tmp_path / "plain", size=16, workers=1)
    packed = lienzo.prepare(tmp_path / "pictures.zip", tmp_path / "packed", size=16, workers=1)
    assert plain.fingerprint == packed.fingerprint


def test_nothing_usable_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    with pytest.raises(SourceError, match="there are no pictures in"):
        lienzo.prepare(tmp_path / "pictures", tmp_path / "out")
    (tmp_path / "pictures" / "a.jpg").write_bytes(b"")
    with pytest.raises(SourceError, match=r"none of the 1 files .* can be used \(1 empty\)"):
        lienzo.prepare(tmp_path / "pictures", tmp_path / "out", workers=1)
    with pytest.raises(SourceError, match="there is nothing at"):
        lienzo.prepare(tmp_path / "absent", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_foreign_folder_is_not_written_into(tmp_path: Path) -> None:
    source = gallery(tmp_path / "pictures", 3)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("mine")
    with pytest.raises(CollectionError, match="holds something else"):
        lienzo.prepare(source, tmp_path / "out")
    (tmp_path / "out" / "collection.json").write_text(json.dumps({"format": "other", "version": 1}))
    with pytest.raises(CollectionError, match="no collection of lienzo"):
        lienzo.Collection.open(tmp_path / "out")


@pytest.mark.parametrize(("given", "said"), [
    ({"background": (1, 2)}, "background"), ({"background": (300, 0, 0)}, "0 to 255"),
    ({"background": (1.5, 0, 0)}, "whole numbers"), ({"background": 5}, "whole numbers"),
    ({"size": (64, 64, 3)}, "height and width"), ({"size": (64.5, 64)}, "whole numbers"),
    ({"workers": 1.5}, "whole number"), ({"holdout": "0.1"}, "0 to 0.9"), ({"max_pixels": "1"}, "positive number"),
    ({"near_duplicates": 2.5}, "0 to 16"), ({"near_duplicates": "4"}, "0 to 16"),
    ({"labels": "none", "label_columns": ["style"]}, "labels are none"), ({"label_columns": "style"}, "list of names"),
])  # fmt: skip
def test_settings_that_mean_nothing_are_refused_at_once(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Settings(**given)


def test_a_url_is_not_a_way_into_the_source(tmp_path: Path) -> None:
    source = gallery(tmp_path / "pictures", 3)
    for scheme in ("file", "local"):
        with pytest.raises(CollectionError, match="its own source"):
            lienzo.prepare(source, f"{scheme}://{source}/inside", size=16)
    assert not (source / "inside").exists()


def test_an_error_about_a_url_names_it_unless_the_disk_here_is_at_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, url = gallery(tmp_path / "pictures", 3), f"{tmp_path.as_uri()}/store/art"
    monkeypatch.setenv("LIENZO_CACHE", str(tmp_path / "cache"))
    with monkeypatch.context() as cut:
        cut.setattr(remote, "send", unlucky)
        with pytest.raises(ConnectionError):
            lienzo.prepare(source, url, size=16, workers=1)
    with pytest.raises(CollectionError, match=f"^the collection in {re.escape(url)} was prepared with height = 16"):
        lienzo.prepare(source, url, size=32)
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("LIENZO_CACHE", str(tmp_path / "file"))
    with pytest.raises(CollectionError, match=re.escape(f"{tmp_path / 'file'}")):
        lienzo.prepare(source, url, size=16, workers=1)


def unlucky(*_: object) -> None:
    raise ConnectionError("cut")


def test_an_empty_name_is_not_taken_for_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(gallery(tmp_path / "pictures", 3))
    for source, out in (("", str(tmp_path / "out")), (".", ""), ([".", ""], str(tmp_path / "out"))):
        with pytest.raises(SourceError, match=r"empty name: write \. where you mean this folder"):
            lienzo.prepare(source, out, size=16)
    assert not (tmp_path / "out").exists()


def test_no_collection_is_made_within_its_source_and_an_older_one_there_is_added_to(tmp_path: Path) -> None:
    source = gallery(tmp_path / "pictures", 3)
    with pytest.raises(CollectionError, match=r"its own source, .*inside is in .*pictures: name a folder outside it"):
        lienzo.prepare(source, source / "inside", size=16)
    assert not (source / "inside").exists()
    lienzo.prepare(source, tmp_path / "out", size=16, workers=1).path.rename(source / "inside")
    painting(3).save(source / "new.png")
    assert lienzo.prepare(source, source / "inside", size=16, workers=1).count == 4


def test_labels_of_several_kinds_from_a_table(tmp_path: Path) -> None:
    source = gallery(tmp_path / "pictures", 6)
    rows = ["file,style,artist,title", *(f"{i:03d}.jpg,{'ab'[i % 2]},{'' if i < 3 else 'Ana'},T{i}" for i in range(6))]
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    collection = lienzo.prepare(source, tmp_path / "out", size=16, labels=tmp_path / "labels.csv", workers=1)
    assert collection.vocabularies == {"artist": ("Ana",), "style": ("a", "b")}
    names = [Path(name).stem for name in collection.column("source").to_pylist()]
    assert collection.labels("style").tolist() == [int(name) % 2 for name in names]
    assert collection.labels("artist").tolist() == [0 if int(name) >= 3 else -1 for name in names]
    with pytest.raises(CollectionError, match="did you mean 'style'"):
        collection.labels("stile")


def twice(folder: Path) -> Path:
    """Make a folder in which one picture stands under two labels and another twice under one."""
    source = gallery(folder, 6)
    (source / "seas" / "same.jpg").write_bytes((source / "grids" / "000.jpg").read_bytes())
    (source / "seas" / "001-again.jpg").write_bytes((source / "seas" / "001.jpg").read_bytes())
    return source


@pytest.mark.parametrize(("policy", "kept", "refused"), [
    ("first", 6, {"conflicting-labels": 1, "duplicate": 1}),
    ("all", 7, {"duplicate": 1}),
    ("refuse", 5, {"conflicting-labels": 2, "duplicate": 1}),
])  # fmt: skip
def test_the_same_picture_under_different_labels(
    tmp_path: Path, policy: Conflicts, kept: int, refused: dict[str, int]
) -> None:
    collection = lienzo.prepare(twice(tmp_path / "in"), tmp_path / "out", size=16, conflicts=policy, workers=1)
    assert (collection.count, collection.refused) == (kept, refused)


def test_nothing_left_after_choosing_leaves_nothing_behind(tmp_path: Path) -> None:
    for label in ("grids", "seas"):
        (tmp_path / "in" / label).mkdir(parents=True)
        painting(0).save(tmp_path / "in" / label / "0.jpg")
    with pytest.raises(SourceError, match="each stands under different labels"):
        lienzo.prepare(tmp_path / "in", tmp_path / "out", size=16, conflicts="refuse", workers=1)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no links there")
def test_every_reason_is_provoked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = encoded(noisy(0, 200, 260), quality=90)
    bomb = bytearray(encoded(Image.new("1", (64, 64)), "PNG"))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, "big")
    contents = {
        Reason.VANISHED: whole,
        Reason.CHANGED: whole,
        Reason.TOO_LARGE: bytes(1 << 20),
        Reason.EMPTY: b"",
        Reason.NOT_A_PICTURE: b"<!DOCTYPE html><html>",
        Reason.UNSUPPORTED: b"8BPS\0\1" + bytes(100),
        Reason.TRUNCATED: whole[:-100],
        Reason.UNDECODABLE: b"RIFF\x14\0\0\0WEBP" + bytes(range(16)),
        Reason.EXHAUSTED: encoded(noisy(3, 64, 64), "PNG"),
        Reason.DAMAGED: whole[: len(whole) // 2] + b"\xff\xd9",
        Reason.BOMB: bytes(bomb),
        Reason.TOO_SMALL: encoded(noisy(1, 15, 15)),
        Reason.FEATURELESS: encoded(Image.new("RGB", (64, 64), "teal")),
        Reason.DUPLICATE: whole,
        Reason.NEAR_DUPLICATE: encoded(noisy(0, 200, 260).resize((520, 400)), quality=60),
        Reason.CONFLICT: whole,
        Reason.LEFT_OUT: encoded(noisy(2, 64, 64)),
    }
    for reason, data in contents.items():
        target = tmp_path / "in" / ("seas" if reason == Reason.CONFLICT else "grids") / f"{reason}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    grids = tmp_path / "in" / "grids"
    (grids / "a.jpg").write_bytes(whole)
    (grids / "unreadable.jpg").symlink_to(tmp_path / "nowhere.jpg")

    def without_memory(*given: object) -> None:
        raise MemoryError

    def here(units: Iterable[Unit], settings: Settings, workers: int) -> Iterator[tuple[str, list[Screened]]]:
        listed = list(units)
        (grids / "vanished.jpg").unlink()
        (grids / "changed.jpg").write_bytes(whole + b"!")
        yield from ((key, [screen(entry, settings) for entry in unit]) for key, unit in listed)

    monkeypatch.setattr("lienzo.collection.preparation.screen_units", here)
    monkeypatch.setattr("lienzo.collection.screening.png.mended", without_memory)
    monkeypatch.setattr("lienzo.collection.listing.entries.LARGEST", (1 << 20) - 1)
    (tmp_path / "choices.csv").write_text("source,choice\ngrids/left-out.jpg,drop\n")
    choices = tmp_path / "choices.csv"
    collection = lienzo.prepare(tmp_path / "in", tmp_path / "out", size=16, near_duplicates=4, choices=choices)
    found = {Path(row["source"]).stem: row["reason"] for row in collection.rejected().to_pylist()}
    assert found == {str(reason): reason for reason in Reason}
    assert collection.index()["source"].to_pylist() == ["grids/a.jpg"]


@pytest.mark.parametrize(("size", "channels"), [("16", 1), ("96x64", 3), ("64x96", 4), ("1024", 3)])
def test_sizes_and_channels_of_the_command(tmp_path: Path, command: Command, size: str, channels: int) -> None:
    source = gallery(tmp_path / "pictures", 3)
    options = ["--size", size, "--channels", str(channels), "--enlarge", "--workers", "1", "--json"]
    status, out, _ = command("prepare", str(source), str(tmp_path / "out"), *options)
    height, _, width = size.partition("x")
    shape = [int(height), int(width or height), channels]
    printed = json.loads(out)
    assert [status, printed["height"], printed["width"], printed["channels"]] == [0, *shape]
    assert np.load(tmp_path / "out" / "images-00000.npy").shape == (3, *shape)


def test_near_duplicates_are_refused_on_demand(tmp_path: Path) -> None:
    source = gallery(tmp_path / "pictures", 4)
    painting(0).resize((240, 180)).save(source / "grids" / "larger.jpg", quality=60)
    assert lienzo.prepare(source, tmp_path / "a", size=16, workers=1).count == 5
    collection = lienzo.prepare(source, tmp_path / "b", size=16, near_duplicates=4, workers=1)
    assert (collection.count, collection.refused) == (4, {"near-duplicate": 1})
    assert collection.rejected()["detail"].to_pylist() == ["the same as grids/000.jpg"]


def test_what_is_held_out_depends_on_content_alone(tmp_path: Path) -> None:
    source = gallery(tmp_path / "pictures", 60)
    first = lienzo.prepare(source, tmp_path / "a", size=16, holdout=0.3, workers=1)
    assert 8 <= len(first.rows("holdout")) <= 28
    assert sorted([*first.rows("train"), *first.rows("holdout")]) == list(range(60))
    for path in source.rglob("*.jpg"):
        path.rename(path.with_name(f"z{999 - int(path.stem)}.jpg"))
    second = lienzo.prepare(source, tmp_path / "b", size=16, holdout=0.3, workers=1)
    sides = [set(map(bytes, one.take(one.rows("holdout")))) for one in (first, second)]
    assert sides[0] == sides[1]


def test_the_same_pictures_are_held_out_at_every_size(tmp_path: Path) -> None:
    source = gallery(tmp_path / "pictures", 60)
    sides = []
    for size in (16, 32):
        collection = lienzo.prepare(source, tmp_path / str(size), size=size, holdout=0.3, workers=1)
        sides.append(dict(zip(*(collection.column(name).to_pylist() for name in ("source", "part")), strict=True)))
    assert sides[0] == sides[1]
    assert set(sides[0].values()) == {"train", "holdout"}


def test_near_duplicates_are_held_out_together(tmp_path: Path) -> None:
    source = gallery(tmp_path / "pictures", 30)
    for path in sorted(source.rglob("*.jpg")):
        painting(int(path.stem)).save(path.with_name(f"{path.stem}-again.png"))
    collection = lienzo.prepare(source, tmp_path / "out", size=32, holdout=0.5, workers=1)
    parts: dict[str, set[str]] = {}
    for name, part in zip(collection.column("source").to_pylist(), collection.column("part").to_pylist(), strict=True):
        parts.setdefault(name[:-4].removesuffix("-again"), set()).add(part)
    assert all(len(sides) == 1 for sides in parts.values())
    assert collection.count == 60


def test_changed_and_missing_files_are_refused(tmp_path: Path) -> None:
    source = gallery(tmp_path / "pictures", 3)
    lienzo.prepare(source, tmp_path / "out", size=16, workers=1)
    kept = (source / "grids" / "000.jpg").read_bytes()
    painting(50).save(source / "grids" / "000.jpg")
    with pytest.raises(CollectionError, match=r"grids/000.jpg or its label has changed"):
        lienzo.prepare(source, tmp_path / "out", size=16, workers=1)
    (source / "grids" / "000.jpg").unlink()
    with pytest.raises(CollectionError, match=r"1 of the 3 files .* are gone"):
        lienzo.prepare(source, tmp_path / "out", size=16, workers=1)
    assert kept


def test_a_dry_run_writes_the_report_alone(tmp_path: Path) -> None:
    source = gallery(tmp_path / "pictures", 3)
    (source / "broken.jpg").write_bytes((source / "grids" / "000.jpg").read_bytes()[:-400])
    last = list(steps(source, tmp_path / "out", Settings(size=16, workers=1), dry_run=True))[-1]
    assert (last.kept, last.refused, last.collection) == (3, {"truncated": 1}, None)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report.html"]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "broken.jpg: truncated" in page
    assert "http" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )
    assert lienzo.prepare(source, tmp_path / "out", size=16, workers=1).count == 3


def test_strips_are_refused_and_drawn_as_strips(tmp_path: Path) -> None:
    source = gallery(tmp_path / "pictures", 3)
    painting(0).resize((10_000, 1)).save(source / "long.png")
    painting(0).resize((1, 10_000)).save(source / "tall.png")
    collection = lienzo.prepare(source, tmp_path / "out", size=16, workers=1)
    assert (collection.count, collection.refused) == (3, {"too-small": 2})
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    drawn = {name: re.search(rf'<img ([^>]*)alt="{name}"', page) for name in ("long.png", "tall.png")}
    for name, size in {"long.png": (96, 1), "tall.png": (1, 96)}.items():
        found = drawn[name]
        assert found is not None
        assert "width" not in found[1]  # which would make a strip of one by 96 a hundred times as high
        data = base64.b64decode(found[1].partition("base64,")[2].rstrip('" '))
        assert Image.open(io.BytesIO(data)).size == size


def test_originals_are_not_touched(tmp_path: Path) -> None:
    source = gallery(tmp_path / "pictures", 3)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in source.rglob("*.jpg")}
    lienzo.prepare(source, tmp_path / "out", size=16, workers=1)
    assert lienzo.prepare(source, tmp_path / "out", size=16, workers=1).count == 3
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in before} == before


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of file sizes")
def test_a_full_disk_in_the_middle(tmp_path: Path) -> None:
    source = gallery(tmp_path / "pictures", 80)
    program = (
        "import resource, sys, lienzo; resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000));"
        "lienzo.prepare(sys.argv[1], sys.argv[2], size=64, workers=1)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, source, tmp_path / "out"], capture_output=True, text=True, check=False
    )
    assert "CollectionError" in ended.stderr.splitlines()[-1]
    assert "cannot be written" in ended.stderr.splitlines()[-1]
    with pytest.raises(CollectionError, match="unfinished"):
        lienzo.Collection.open(tmp_path / "out")
    lienzo.prepare(source, tmp_path / "out", size=64, workers=1)
    lienzo.prepare(source, tmp_path / "whole", size=64, workers=1)
    assert files_of(tmp_path / "out") == files_of(tmp_path / "whole")


def test_impossible_settings_are_refused(tmp_path: Path) -> None:
    for options, message in (
        ({"size": 8}, "sides are from 16 to 1024"), ({"size": "96by64"}, "height by width"),
        ({"geometry": "crops"}, "did you mean 'crop'"), ({"holdout": 1.0}, "0 to 0.9"),
        ({"workers": 0}, "at least one"), ({"channels": 2}, "channels"),
        ({"background": "mauve"}, "hexadecimal"), ({"labels": "labels.cvs"}, "no table at labels.cvs"),
        ({"engine": "rey"}, "did you mean 'ray'"), ({"near_duplicates": 99}, "0 to 16"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            lienzo.prepare(gallery(tmp_path / "pictures", 1), tmp_path / "out", **options)  # type: ignore[arg-type]
    (tmp_path / "file").write_text("")
    with pytest.raises(CollectionError, match="is a file"):
        lienzo.prepare(tmp_path / "pictures", tmp_path / "file")
    with pytest.raises(CollectionError, match="cannot be written"):
        lienzo.prepare(tmp_path / "pictures", tmp_path / "file" / "out", workers=1)


MET = Path(os.environ.get("LIENZO_DATA", "")) / "met-cc0"


@pytest.mark.slow
@pytest.mark.skipif(not MET.is_dir(), reason="needs real pictures")
def test_real_paintings(tmp_path: Path) -> None:
    collection = lienzo.prepare(MET, tmp_path / "out", size=64)
    assert (collection.count, collection.refused) == (150, {"not-a-picture": 8})
    assert set(collection.rejected()["detail"].to_pylist()) == {"an SVG drawing"}
