"""Every sort of source gives the same pictures, and what is wrong with one never stops a preparation."""

import csv
import dataclasses
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pictures_for_tests import encoded, painting
from servers_for_tests import Files, serving

from lienzo.collection.listing import archives, listing
from lienzo.collection.listing.entries import Entry
from lienzo.collection.listing.listing import Listing
from lienzo.collection.listing.sources import entries, is_candidate
from lienzo.collection.reasons import Reason, Refusal
from lienzo.collection.screening.screening import screen
from lienzo.collection.settings import Settings
from lienzo.errors import InputError, SourceError, StoreError

PICTURES = {f"{folder}/{i}.jpg": encoded(painting(i)) for i, folder in enumerate(("seas", "grids", "seas"))}


def listed(source: Path | str, **options: object) -> list[Entry]:
    return [entry for entry in entries(str(source), **options) if is_candidate(entry)]  # type: ignore[arg-type]


def labelled(source: Path | str) -> list[Entry]:
    return list(Listing([str(source)], Settings(), Path("out")))


def contents(source: Path | str) -> dict[str, bytes]:
    return {entry.name: entry.read() for entry in listed(source)}


def test_a_folder(tmp_path: Path) -> None:
    for name, data in PICTURES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    (tmp_path / ".hidden.jpg").write_bytes(b"x")
    (tmp_path / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "about.txt").write_bytes(b"x")
    assert [entry.name for entry in listed(tmp_path)] == ["grids/1.jpg", "seas/0.jpg", "seas/2.jpg"]
    assert contents(tmp_path) == PICTURES


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_a_zip_file(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        for name, data in PICTURES.items():
            archive.writestr(name, data)
    assert contents(tmp_path / "a.zip") == PICTURES


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_a_tar_file(tmp_path: Path, mode: str) -> None:
    path = tmp_path / f"a.tar{mode[1:].replace(':', '.')}"
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in PICTURES.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    assert contents(path) == PICTURES


def test_names_in_archives_lead_nowhere_else(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("../../outside/1.jpg", b"1")
        archive.writestr("/etc/2.jpg", b"2")
        archive.writestr("C:\\3.jpg", b"3")
    assert contents(tmp_path / "a.zip") == {"outside/1.jpg": b"1", "etc/2.jpg": b"2", "C:/3.jpg": b"3"}


def test_a_zip_member_that_unpacks_to_more_than_it_says_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.jpg", bytes(10_000_000))
    data = (tmp_path / "a.zip").read_bytes().replace((10_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(Refusal) as refused:
        listed(tmp_path / "a.zip")[0].read()
    assert refused.value.reason == Reason.TOO_LARGE


def test_a_tar_file_that_breaks_off_gives_what_it_has(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, data in PICTURES.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    whole = (tmp_path / "a.tar").read_bytes()
    (tmp_path / "a.tar").write_bytes(whole[:1500])
    found = listed(tmp_path / "a.tar")
    assert found[0].name == "seas/0.jpg"
    with pytest.raises(Refusal) as refused:
        found[0].read()
    assert refused.value.reason == Reason.TRUNCATED


def test_broken_archives_and_strangers_are_reported(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 and nothing else")
    with pytest.raises(SourceError, match="cannot be read as a zip file"):
        listed(tmp_path / "a.zip")
    (tmp_path / "song.mp3").write_bytes(b"ID3")
    with pytest.raises(SourceError, match="no folder, zip, tar, CSV, Parquet or npz"):
        listed(tmp_path / "song.mp3")


def test_a_table_of_paths(tmp_path: Path) -> None:
    for name, data in PICTURES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    with (tmp_path / "table.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([
            ["file", "style", "title"], ["seas/0.jpg", "calm", "One"], ["seas/2.jpg", "calm", "Two"],
            ["seas/0.jpg", "storm", "One again"], ["lost.jpg", "", "Lost"],
        ])  # fmt: skip
    found = listed(tmp_path / "table.csv")
    assert [(entry.name, dict(entry.labels)) for entry in found] == [
        ("seas/0.jpg", {"style": "calm"}), ("seas/2.jpg", {"style": "calm"}), ("lost.jpg", {}),
    ]  # fmt: skip
    assert found[2].refusal == (Reason.UNREADABLE, "the table names it, but it is not there")
    assert dict(listed(tmp_path / "table.csv", columns=["title"])[0].labels) == {"title": "One"}


@pytest.mark.parametrize("folder", ["../pictures", ".cache/pictures", "@eaDir"])
def test_a_table_names_pictures_wherever_they_lie(tmp_path: Path, folder: str) -> None:
    tables = tmp_path / "tables"
    tables.mkdir()
    (tables / folder).mkdir(parents=True)
    (tables / folder / "a.jpg").write_bytes(PICTURES["seas/0.jpg"])
    (tables / "table.csv").write_text(f"file,style\n{folder}/a.jpg,calm\n./{folder}/a.jpg,storm\n", encoding="utf-8")
    found = labelled(tables / "table.csv")
    assert [(entry.name, dict(entry.labels)) for entry in found] == [(f"{folder}/a.jpg", {"style": "calm"})]
    assert found[0].read() == PICTURES["seas/0.jpg"]


@pytest.mark.parametrize("name", ["a.parquet", "a.tar", "a.tar.gz"])
def test_what_has_no_checksums_of_its_pictures_has_a_new_stamp_when_it_is_written_anew(
    tmp_path: Path, name: str
) -> None:
    stamps = []
    for turn in range(2):
        if name == "a.parquet":
            pq.write_table(pa.table({"image": [bytes([turn]) * 9]}), tmp_path / name)
        else:
            with tarfile.open(tmp_path / name, "w:gz" if name.endswith("gz") else "w") as archive:
                member = tarfile.TarInfo("a.jpg")
                member.size = 9
                archive.addfile(member, io.BytesIO(bytes([turn]) * 9))
        os.utime(tmp_path / name, ns=(turn, turn))
        stamps.append([entry.stamp for entry in listed(tmp_path / name)])
    assert stamps[0] != stamps[1]


def test_parquet_that_holds_pictures_as_hugging_face_keeps_them(tmp_path: Path) -> None:
    features = {"info": {"features": {"label": {"names": ["grids", "seas"], "_type": "ClassLabel"}}}}
    rows = [{"bytes": data, "path": name.split("/")[1]} for name, data in PICTURES.items()]
    table = pa.table({"image": rows, "label": [1, 0, None]})
    pq.write_table(
        table.replace_schema_metadata({b"huggingface": json.dumps(features).encode()}), tmp_path / "a.parquet"
    )
    found = listed(tmp_path / "a.parquet")
    assert [entry.read() for entry in found] == list(PICTURES.values())
    assert [entry.labels.get("label") for entry in found] == ["seas", "grids", None]
    assert listed(tmp_path)[0].data == found[0].data


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("folder", ["", "train"])
def test_an_image_folder_with_metadata(tmp_path: Path, folder: str, suffix: str) -> None:
    target = tmp_path / folder
    target.mkdir(exist_ok=True)
    rows = [{"file_name": f"{i}.png", "style": ("calm", "storm", None)[i // 2]} for i in range(6)]
    for row in rows:
        (target / str(row["file_name"])).write_bytes(b"x")
    if suffix == "csv":
        lines = ["file_name,style", *(f"{row['file_name']},{row['style'] or ''}" for row in rows)]
        (target / "metadata.csv").write_text("\n".join(lines))
    elif suffix == "jsonl":
        boxes = {"objects": {"bbox": [[1, 2, 3, 4]]}}  # as Hugging Face's object detection has them; no label
        (target / "metadata.jsonl").write_text("\n".join(json.dumps({**row, **boxes}) for row in rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows), target / "metadata.parquet")
    found = [dict(entry.labels) for entry in labelled(tmp_path)]
    assert found == [{"style": "calm"}] * 2 + [{"style": "storm"}] * 2 + [{}] * 2


def test_lines_that_are_no_json_are_reported(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(b"x")
    (tmp_path / "metadata.jsonl").write_text("file_name,style")
    with pytest.raises(InputError, match="each of its lines has to be a JSON object"):
        labelled(tmp_path)


def test_a_webdataset(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "shard-000.tar", "w") as archive:
        for name, data in (
            ("0.cls", b"seas"),
            ("0.jpg", b"A"),
            ("1.jpg", b"B"),
            ("1.json", b'{"style": "calm", "w": 3}'),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    found = listed(tmp_path)
    assert [(entry.name, dict(entry.labels), entry.read()) for entry in found] == [
        ("shard-000.tar/0.jpg", {"class": "seas"}, b"A"), ("shard-000.tar/1.jpg", {"style": "calm"}, b"B"),
    ]  # fmt: skip


PAINTINGS = """\
artist,date,genre,pixelsx,pixelsy,size_bytes,source,style,title,artist_group,in_train,new_filename
Ana,1900.0,portrait,120.0,90.0,9000.0,wikiart,Realism,"One, two",train_only,True,1.jpg
Ben,,landscape,120.0,90.0,9000.0,,,B,train_and_test,True,2.jpg
Cy,1800.0,,120.0,90.0,9000.0,wikiart,Baroque,C,test_only,False,3.jpg
Ana,1901.0,portrait,120.0,90.0,9000.0,wikiart,Realism,D,train_only,True,4.jpg
"""


def painter_by_numbers(folder: Path) -> Path:
    """Make the files of the competition as Kaggle ships them: the training set twice, whole and in parts."""
    archives = {
        "train.zip": {"train/1.jpg": b"one", "train/2.jpg": b"corrupt"},
        "train_1.zip": {"train_1/1.jpg": b"one"},
        "train_2.zip": {"train_2/2.jpg": b"corrupt"},
        "train_9.zip": {"train_9/4.jpg": b"four"},
        "test.zip": {"test/3.jpg": b"corrupt too"},
        "replacements_for_corrupted_files.zip": {
            "replacements_for_corrupted_files/train/2.jpg": b"two",
            "replacements_for_corrupted_files/test/3.jpg": b"three",
        },
        "train_info.csv.zip": {"train_info.csv": b"filename,artist\n1.jpg,x\n"},
        "submission_info.csv.zip": {"submission_info.csv": b"index,image1,image2\n"},
        "all_data_info.csv.zip": {"all_data_info.csv": PAINTINGS.encode()},
    }
    for name, members in archives.items():
        with zipfile.ZipFile(folder / name, "w") as archive:
            for member, data in members.items():
                archive.writestr(member, data)
    return folder


PAINTED = {"test/3.jpg": b"three", "train/1.jpg": b"one", "train/2.jpg": b"two", "train/4.jpg": b"four"}


def test_painter_by_numbers_as_it_is_downloaded(tmp_path: Path) -> None:
    found = {entry.name: entry for entry in listed(painter_by_numbers(tmp_path))}
    assert {name: entry.read() for name, entry in found.items()} == PAINTED
    assert found["train/1.jpg"].labels == {"artist": "Ana", "date": "1900.0", "genre": "portrait", "style": "Realism"}
    assert found["train/2.jpg"].labels == {"artist": "Ben", "genre": "landscape"}


def test_painter_by_numbers_unpacked(tmp_path: Path) -> None:
    (tmp_path / "all_data_info.csv").write_text(PAINTINGS)
    for name, data in {**PAINTED, "train/2.jpg": b"corrupt", "replacements_for_corrupted_files/2.jpg": b"two"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    assert contents(tmp_path) == PAINTED


def test_a_competition_is_downloaded_and_then_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = ModuleType("kagglehub")
    downloads = {"painter-by-numbers": str(painter_by_numbers(tmp_path))}
    hub.competition_download = downloads.__getitem__  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kagglehub", hub)
    assert contents("kaggle:painter-by-numbers") == PAINTED
    with pytest.raises(SourceError, match="check its name and your Kaggle credentials"):
        listed("kaggle:another")


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes, links or bytes in names there")
def test_what_else_lies_in_folders(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg"))).write_bytes(b"x")
    found = {entry.name: entry.refusal and entry.refusal[0] for entry in listed(tmp_path)}
    assert found == {"caf\\xe9.jpg": None, "gone.jpg": Reason.UNREADABLE, "pipe.jpg": Reason.UNREADABLE}


def test_a_file_that_vanishes_or_changes_is_refused(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(b"1234")
    first, second = listed(tmp_path)
    (tmp_path / "a.jpg").unlink()
    (tmp_path / "b.jpg").write_bytes(b"12345")
    reasons = []
    for entry in (first, second):
        with pytest.raises(Refusal) as refused:
            entry.read()
        reasons.append(refused.value.reason)
    assert reasons == [Reason.VANISHED, Reason.CHANGED]


def test_memory_of_this_process_is_no_source() -> None:
    with pytest.raises(SourceError, match="seen by this process alone"):
        listed("memory://pictures")


def test_a_web_server_that_knows_no_ranges(tmp_path: Path) -> None:
    pytest.importorskip("aiohttp")
    (tmp_path / "seas").mkdir()
    names = ("seas/0.jpg", "seas/2.jpg")
    for name in names:
        (tmp_path / name).write_bytes(PICTURES[name])
    with tarfile.open(tmp_path / "art.tar", "w") as archive:
        archive.add(tmp_path / "seas", "seas")
    with zipfile.ZipFile(tmp_path / "art.zip", "w") as packed:
        packed.writestr("pad.bin", bytes(1 << 20))
    with serving(partial(Files, directory=str(tmp_path))) as url:
        assert contents(f"{url}/seas/") == {Path(name).name: PICTURES[name] for name in names}
        assert contents(f"{url}/art.tar") == {name: PICTURES[name] for name in names}
        with pytest.raises(SourceError, match="range requests"):
            listed(f"{url}/art.zip")


def test_a_fresh_process_reads_pictures_in_parquet(
    tmp_path: Path, python: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """What Arrow takes of memory at its first use is no sign of an archive bomb."""
    _parquet(tmp_path / "train.parquet", mood=["calm", "wild", "calm"])
    program = "import sys, lienzo; print(lienzo.prepare(*sys.argv[1:], size=16, workers=1).count)"
    done = python(program, tmp_path / "train.parquet", tmp_path / "out")
    assert done.stdout == "3\n", done.stderr


def test_columns_are_those_of_the_table_that_is_named(tmp_path: Path) -> None:
    """A Parquet file within the source need not have them."""
    (tmp_path / "art").mkdir()
    _parquet(tmp_path / "art" / "train.parquet", size=["1", "2", "3"])
    (tmp_path / "moods.csv").write_text("file,mood\n" + "".join(f"train-{i:08},calm\n" for i in range(3)))
    settings = Settings(labels=str(tmp_path / "moods.csv"), label_columns=("mood",))
    assert [entry.labels for entry in Listing([str(tmp_path / "art")], settings, Path("out"))] == [{"mood": "calm"}] * 3


def test_a_column_that_a_parquet_file_lacks_is_named(tmp_path: Path) -> None:
    _parquet(tmp_path / "train.parquet", mood=["calm", "wild", "calm"])
    with pytest.raises(InputError, match=r"unknown column 'mod'.*mood"):
        list(Listing([str(tmp_path)], Settings(label_columns=("mod",)), Path("out")))


def test_columns_of_no_table_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encoded(painting(0)))
    with pytest.raises(InputError, match="there is none with the pictures"):
        list(Listing([str(tmp_path)], Settings(label_columns=("style",)), Path("out")))


@pytest.mark.parametrize("name", ["b.zip", "b.tar", "b.npz", "b.parquet"])
def test_an_archive_of_a_store_that_does_not_answer_is_not_left_out(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.jpg").write_bytes(encoded(painting(0)))
    (tmp_path / name).write_bytes(b"PK\x03\x04")

    def silent(location: str) -> None:
        raise StoreError(f"{location} does not answer (gone): run the same command again to go on from here.")

    monkeypatch.setattr("lienzo.collection.listing.places.opened", silent)
    with pytest.raises(StoreError, match="does not answer"):
        listed(tmp_path)


def test_the_checksum_of_a_zip_file_finds_altered_bytes(tmp_path: Path) -> None:
    data = encoded(painting(0), "BMP")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.bmp", data)
    whole = (tmp_path / "a.zip").read_bytes()
    middle = whole.index(data) + len(data) // 2
    (tmp_path / "a.zip").write_bytes(
        whole[:middle] + bytes(byte ^ 255 for byte in whole[middle : middle + 40]) + whole[middle + 40 :]
    )
    (entry,) = listed(tmp_path / "a.zip")
    settings = Settings(size=16)
    assert screen(entry, settings).reason == Reason.DAMAGED
    kept = screen(entry, dataclasses.replace(settings, detect_damage=False))
    assert (kept.reason, kept.notes) == ("", ("damaged",))


def test_large_arrays_are_pictures_and_two_in_one_file_have_names_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lienzo.collection.screening.screening.LARGE", 100)
    pixels = np.stack([np.asarray(painting(i)) for i in range(2)])
    np.savez(tmp_path / "two.npz", images=pixels, data=pixels[::-1])
    found = listed(tmp_path / "two.npz")
    assert len({entry.name for entry in found}) == 4
    assert {screen(entry, Settings(size=16)).reason for entry in found} == {""}


def _parquet(path: Path, **labels: list[str]) -> None:
    """Write three pictures with their labels as Hugging Face does."""
    images = [{"bytes": encoded(painting(i)), "path": None} for i in range(3)]
    pq.write_table(pa.table({"image": images, **labels}), path)


@pytest.mark.parametrize("kind", ["folder", "tar.gz"])
def test_pictures_and_what_describes_them_stay_together_however_many_begin_alike(tmp_path: Path, kind: str) -> None:
    files: dict[str, bytes] = {}
    for i in range(70):
        files |= {f"cat.{i:04}.jpg": b"x", f"cat.{i:04}.json": b'{"style": "calm"}', f"cat.{i:04}.txt": b"a cat"}
    if kind == "folder":
        for name, data in files.items():
            (tmp_path / name).write_bytes(data)
    else:
        files |= {f"dog.{i}.{end}": data for i in range(2) for end, data in (("bmp", bytes(36 << 20)), ("cls", b"dog"))}
        with tarfile.open(tmp_path / "cats.tar.gz", "w:gz", compresslevel=1) as archive:
            for name, data in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    found = [dict(entry.labels) for entry in listed(tmp_path)]
    assert found == [{"style": "calm"}] * 70 + [{"class": "dog"}] * (0 if kind == "folder" else 2)


def test_labels_of_several_sources_are_the_names_of_their_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("van.gogh", "van.dyck"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.png").write_bytes(b"x")
    monkeypatch.chdir(tmp_path / "van.gogh")
    for given in (
        [".", "../van.dyck"],
        ["../van.gogh/", str(tmp_path / "van.dyck")],
        ["..//van.gogh/.", "../van.dyck"],
    ):
        found = [(entry.name, dict(entry.labels)) for entry in Listing(given, Settings(), Path("out"))]
        assert found == [(f"{name}/0.png", {"folder": name}) for name in ("van.gogh", "van.dyck")]


def test_a_table_of_captions_hides_no_folders(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    names = [f"{folder}/{i}.png" for folder in ("cats", "dogs") for i in range(3)]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "metadata.csv").write_text("file_name,text\n" + "".join(f"{name},about {name}\n" for name in names))
    listing = Listing([str(tmp_path)], Settings(), Path("out"))
    assert [dict(entry.labels) for entry in listing.entries(count=True)] == [
        {"folder": name.partition("/")[0]} for name in names
    ]
    listing.check()
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1
    assert "has no column in which values repeat" in said[0]


@pytest.mark.parametrize("exported", [False, True])
def test_a_row_without_labels_hides_no_folder(tmp_path: Path, caplog: pytest.LogCaptureFixture, exported: bool) -> None:
    """But where lienzo exported the table, it says that the picture has none."""
    names = [f"{folder}/{i}.png" for folder in ("cats", "dogs") for i in range(2)]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    told = {"lienzo": {"labels": ["style"]}} if exported else {}
    rows = [{"file_name": name, "style": "calm" if name in names[:2] else None, **told} for name in names]
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    listing = Listing([str(tmp_path)], Settings(), Path("out"))
    others = [{}] * 2 if exported else [{"folder": "dogs"}] * 2
    with caplog.at_level("INFO", "lienzo"):
        assert [dict(entry.labels) for entry in listing.entries(count=True)] == [{"style": "calm"}] * 2 + others
        listing.check()
    assert caplog.messages == ["metadata.jsonl labels 2 of 4 pictures; with a row that has no labels: 2."]


def test_a_table_too_large_to_be_read_with_the_pictures_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listing, "TABLE_BYTES", 30)
    for name in ("metadata.csv", "dataset.json"):
        folder = tmp_path / name.partition(".")[0]
        folder.mkdir()
        (folder / "0.png").write_bytes(b"x")
        (folder / name).write_text('{"labels": [["0.png", 1]]}     ')
        caplog.clear()
        assert [dict(entry.labels) for entry in labelled(folder)] == [{}]
        assert caplog.messages == [
            f"{name} has 31 bytes, and a table with the pictures is read up to 30: its labels are missing, unless you "
            "name it with --labels."
        ]


@pytest.mark.parametrize("how", ["damaged", "encrypted"])
def test_arrays_that_cannot_be_read_stop_nothing(tmp_path: Path, how: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
    np.savez_compressed(tmp_path / "a.npz", images=pixels)
    data = bytearray((tmp_path / "a.npz").read_bytes())
    if how == "damaged":
        data[40:140] = bytes(value ^ 0xFF for value in data[40:140])
    else:
        data[6] |= 1
        data[data.index(b"PK\1\2") + 8] |= 1
    (tmp_path / "a.npz").write_bytes(data)
    (tmp_path / "0.png").write_bytes(b"x")
    remarks: list[str] = []
    assert [entry.name for entry in listed(tmp_path, remarks=remarks)] == ["0.png"]
    assert len(remarks) == 1
    assert "cannot be read as NumPy arrays" in remarks[0]


@pytest.mark.parametrize("how", ["too long a cell", "a bomb", "missing"])
def test_a_table_of_paintings_that_cannot_be_read_is_one_sentence(tmp_path: Path, how: str) -> None:
    painter_by_numbers(tmp_path)
    with zipfile.ZipFile(tmp_path / "all_data_info.csv.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        long = {"too long a cell": 140_000, "a bomb": 1 << 26, "missing": 1}[how]
        archive.writestr("other.csv" if how == "missing" else "all_data_info.csv", f'{PAINTINGS}"{"x" * long}"\n')
    said = {"too long a cell": "larger than field limit", "a bomb": "an archive bomb", "missing": "holds no all_data"}
    with pytest.raises(SourceError, match=said[how]):
        listed(tmp_path)


def test_an_archive_of_paintings_that_cannot_be_read_stops_nothing(tmp_path: Path) -> None:
    (painter_by_numbers(tmp_path) / "train_9.zip").write_bytes(b"PK\3\4")
    remarks: list[str] = []
    assert [entry.name for entry in listed(tmp_path, remarks=remarks)] == [*PAINTED][:-1]
    assert len(remarks) == 1
    assert "train_9.zip cannot be read as a zip file" in remarks[0]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_many_members_of_one_name_are_told_apart(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("x.jpg", "x.jpg", "x.jpg", "x (2).jpg"):
            archive.writestr(name, b"x")
    assert [entry.name for entry in listed(tmp_path / "a.zip")] == [
        "x (2).jpg", "x.jpg", "x (3).jpg", "x (4).jpg",
    ]  # fmt: skip
    names = archives._Names()
    found = [names.unlike("x.jpg") for _ in range(20_000)]
    assert found[-1] == "x (20000).jpg"  # counting from 2 each time would take minutes
