"""Layouts of data sets as people have them: which folders are labels, and what else lies in them."""

import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pictures_for_tests import encoded, gallery, painting

import lienzo
from lienzo.collection.listing.classes import FolderLabels
from lienzo.collection.listing.listing import Listing
from lienzo.collection.settings import Settings
from lienzo.errors import CollectionError


def told(*sources: Path) -> dict[str, dict[str, str]]:
    entries = Listing([str(source) for source in sources], Settings(), Path("out")).entries()
    return {entry.name: dict(entry.labels) for entry in entries}


def classes(*names: str, source: str = "data", several: bool = False) -> list[str | None]:
    """Return the labels that folders give to pictures of these names."""
    folders = [tuple(name.split("/")[:-1]) for name in names]
    found = FolderLabels(dict.fromkeys(folders, False), source, several)
    return [found[folder] for folder in folders]


def zipped(path: Path, members: Mapping[str, bytes | str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def tarred(path: Path, members: Mapping[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def test_folders_that_are_labels() -> None:
    assert classes("cat/1.jpg", "dog/1.jpg", "1.jpg") == ["cat", "dog", None]
    assert classes("seas/calm/1.jpg", "seas/wild/1.jpg") == ["seas/calm", "seas/wild"]
    assert classes("cat/1.jpg") == ["cat"]


@pytest.mark.parametrize("names", [("train", "test"), ("Train", "VAL"), ("Training", "Valid", "Testing"), ("train",)])
@pytest.mark.parametrize("around", ["", "art/", "art/images/"])
def test_splits_are_no_labels(names: tuple[str, ...], around: str) -> None:
    assert classes(*(f"{around}{split}/{kind}/1.jpg" for split in names for kind in "ab")) == ["a", "b"] * len(names)
    assert set(classes(*(f"{around}{split}/1.jpg" for split in names))) == {None}


def test_a_class_of_trains_is_a_label() -> None:
    assert classes("cat/1.jpg", "dog/1.jpg", "train/1.jpg") == ["cat", "dog", "train"]
    assert classes("train/train/1.jpg", "train/dog/1.jpg", "test/dog/1.jpg") == ["train", "dog", "dog"]


def test_splits_below_labels() -> None:
    assert classes("cat/train/1.jpg", "cat/test/1.jpg", "dog/train/1.jpg") == ["cat", "cat", "dog"]


def test_archives_are_no_labels_unless_they_are_all_there_is() -> None:
    assert classes("a.zip/cat/1.jpg", "b.zip/cat/1.jpg", "b.zip/dog/1.jpg") == ["cat", "cat", "dog"]
    assert classes("part-1.tar/1.jpg", "part-2.tar/1.jpg") == [None, None]
    assert classes("cat.zip/1.jpg", "dog.zip/1.jpg") == ["cat", "dog"]
    assert classes("train.zip/cat/1.jpg", "test.zip/cat/1.jpg", "test.zip/dog/1.jpg") == ["cat", "cat", "dog"]
    assert classes("train.tar.gz/1.jpg", "test.tar.gz/1.jpg") == [None, None]
    assert classes("art/cat/1.jpg", "art/dog/1.jpg", source="art") == ["cat", "dog"]
    assert classes("art.zip/art/cat/1.jpg", "art.zip/art/dog/1.jpg") == ["cat", "dog"]


def test_a_source_is_a_label_where_it_has_none_inside() -> None:
    assert classes("1.jpg", source="cats", several=True) == ["cats"]
    assert classes("1.jpg", source="train", several=True) == [None]
    assert classes("x/1.jpg", "1.jpg", source="cats", several=True) == ["x", None]
    assert classes("1.jpg", source="cats") == [None]


def test_several_sources_share_their_classes(tmp_path: Path) -> None:
    parts = [zipped(tmp_path / f"part_{i}.zip", {f"{kind}/{i}.jpg": b"x" for kind in ("cat", "dog")}) for i in (1, 2)]
    assert told(*parts) == {f"part_{i}/{kind}/{i}.jpg": {"folder": kind} for i in (1, 2) for kind in ("cat", "dog")}


def test_zip_files_in_a_folder(tmp_path: Path) -> None:
    zipped(tmp_path / "in" / "deep" / "one.zip", {"cat/1.jpg": b"1"})
    zipped(tmp_path / "in" / "two.zip", {"cat/1.jpg": b"2", "__MACOSX/cat/._1.jpg": b"3"})
    (tmp_path / "in" / "broken.zip").write_bytes(b"PK\3\4 nothing")
    assert told(tmp_path / "in") == {
        "deep/one.zip/cat/1.jpg": {"folder": "cat"}, "two.zip/cat/1.jpg": {"folder": "cat"},
    }  # fmt: skip


def test_names_occur_once(tmp_path: Path) -> None:
    for i in range(2):
        tarred(tmp_path / "in" / f"{i}.tar", {"0.png": b"%d" % i})
    with zipfile.ZipFile(tmp_path / "in" / "2.zip", "w") as archive:
        for name in ("0.png", "./0.png", "a/../0.png"):
            archive.writestr(name, name)
    assert list(told(tmp_path / "in")) == [
        "0.tar/0.png", "1.tar/0.png", "2.zip/0.png", "2.zip/0 (2).png", "2.zip/a/0.png",
    ]  # fmt: skip


def test_rubbish_is_passed_over_before_it_is_opened(tmp_path: Path) -> None:
    for name in ("$RECYCLE.BIN/S-1/$R1.jpg", "lost+found/1.jpg", "@eaDir/1.jpg", "__MACOSX/1.jpg", ".git/1.jpg",
                 "System Volume Information/1.jpg", "._a.tar", "__MACOSX/a.parquet", "Thumbs.db"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"\0\5\x16\7 rubbish")
    (tmp_path / "1.jpg").write_bytes(b"x")
    assert told(tmp_path) == {"1.jpg": {}}


def test_shards_of_img2dataset(tmp_path: Path) -> None:
    for shard in ("00000", "00001"):
        for i, style in enumerate(("calm", "wild")):
            stem = tmp_path / shard / f"{shard}{i}"
            stem.parent.mkdir(exist_ok=True)
            stem.with_suffix(".jpg").write_bytes(b"x")
            stem.with_suffix(".txt").write_text("a caption")
            stem.with_suffix(".json").write_text(json.dumps({"caption": "a caption", "style": style}))
    assert list(told(tmp_path).values()) == [{"style": "calm"}, {"style": "wild"}] * 2
    for path in tmp_path.rglob("*.json"):
        path.unlink()
    assert list(told(tmp_path).values()) == [{}] * 4


def test_captions_in_folders_of_classes(tmp_path: Path) -> None:
    for kind in ("cat", "dog"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "v1.2.jpg").write_bytes(b"x")
        (tmp_path / kind / "v1.2.txt").write_text(f"a {kind}")
    assert list(told(tmp_path).values()) == [{"folder": "cat"}, {"folder": "dog"}]


LINES = "".join(json.dumps({"file_name": f"{i}.png", "style": ("calm", "wild")[i % 2]}) + "\n" for i in range(4))
STYLES = [{"style": ("calm", "wild")[i % 2]} for i in range(4)]


@pytest.mark.parametrize("layout", ["inside", "deep", "beside", "next"])
def test_a_table_with_an_archive(tmp_path: Path, layout: str) -> None:
    below = "x/y/" if layout == "deep" else ""
    members = {f"{below}{i}.png": b"%d" % i for i in range(4)}
    path = zipped(tmp_path / "a.zip", members | ({f"{below}metadata.jsonl": LINES} if layout != "beside" else {}))
    if layout == "beside":
        (tmp_path / "metadata.jsonl").write_text(LINES)
    assert list(told(tmp_path if layout == "next" else path).values()) == STYLES


def test_a_table_in_a_folder_is_about_that_folder(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metadata.csv").write_text(f"file_name,label\n1.jpg,{name}\n")
        (tmp_path / name / "1.jpg").write_bytes(b"x")
    assert told(tmp_path) == {"one/1.jpg": {"label": "one"}, "two/1.jpg": {"label": "two"}}


@pytest.mark.parametrize("packed", [False, True])
def test_stylegan(tmp_path: Path, packed: bool) -> None:
    names = [f"0000{i // 2}/img{i:08}.png" for i in range(4)]
    members = dict.fromkeys(names, b"x") | {
        "dataset.json": json.dumps({"labels": [[name, i % 2] for i, name in enumerate(names)]}).encode()
    }
    if packed:
        source = zipped(tmp_path / "a.zip", members)
    else:
        source = tmp_path / "a"
        for name, data in members.items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes(data)
    assert list(told(source).values()) == [{"label": str(i % 2)} for i in range(4)]


def test_a_dataset_json_of_another_sort_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text('{"title": "art", "labels": null}')
    (tmp_path / "1.jpg").write_bytes(b"x")
    assert told(tmp_path) == {"1.jpg": {}}


@pytest.mark.parametrize("kind", ["stream", "file"])
def test_hugging_face_save_to_disk(tmp_path: Path, kind: str) -> None:
    features = {"info": {"features": {"label": {"names": ["oak", "elm"], "_type": "ClassLabel"}}}}
    pictures = [encoded(painting(i)) for i in range(4)]
    rows = [{"bytes": data, "path": None} for data in pictures]
    table = pa.table({"image": rows, "label": [0, 1, 1, None], "note": ["a"] * 4})
    table = table.replace_schema_metadata({b"huggingface": json.dumps(features).encode()})
    (tmp_path / "train").mkdir()
    new = pa.ipc.new_stream if kind == "stream" else pa.ipc.new_file
    with new(tmp_path / "train" / "data-00000-of-00001.arrow", table.schema) as writer:
        writer.write_table(table, 3)
    (tmp_path / "train" / "cache-1.arrow").write_bytes(b"x")
    (tmp_path / "train" / "state.json").write_text("{}")
    found = list(Listing([str(tmp_path)], Settings(), Path("out")).entries())
    assert [entry.read() for entry in found] == pictures
    assert [dict(entry.labels) for entry in found] == [{"label": "oak"}, {"label": "elm"}, {"label": "elm"}, {}]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    "names", [("images", "labels"), ("arr_0", "arr_1"), ("train_images", "train_labels"), ("x", "y")]
)
@pytest.mark.parametrize("channels_first", [False, True])
def test_arrays(tmp_path: Path, save: object, names: tuple[str, str], channels_first: bool) -> None:
    pictures = np.stack([np.asarray(painting(i, 24, 20)) for i in range(3)])
    arrays = np.moveaxis(pictures, 3, 1) if channels_first else pictures
    save(tmp_path / "a.npz", **{names[0]: arrays, names[1]: np.array([[0], [1], [0]]), "mu": np.zeros(9)})  # type: ignore[operator]
    collection = lienzo.prepare(tmp_path / "a.npz", tmp_path / "out", size="24x20", workers=1)
    assert np.array_equal(collection.take(np.arange(3)), pictures)
    assert collection.labels("label").tolist() == [0, 1, 0]


def test_a_folder_with_what_file_managers_leave_is_empty(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for name in (".DS_Store", "Thumbs.db", "._x"):
        (tmp_path / "out" / name).write_bytes(b"x")
    assert lienzo.prepare(gallery(tmp_path / "in", 2), tmp_path / "out", size=16, workers=1).count == 2
    assert (tmp_path / "out" / ".DS_Store").read_bytes() == b"x"


def test_a_foreign_report_is_not_overwritten(tmp_path: Path) -> None:
    from lienzo.collection.preparation import steps

    source = gallery(tmp_path / "in", 2)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.html").write_text("<!doctype html><title>My thesis</title>")
    for dry_run in (True, False):
        with pytest.raises(CollectionError, match=r"holds something else \(report.html\)"):
            list(steps(source, tmp_path / "out", Settings(size=16, workers=1), dry_run=dry_run))
    assert "My thesis" in (tmp_path / "out" / "report.html").read_text()
    lienzo.prepare(source, tmp_path / "made", size=16, workers=1)
    with pytest.raises(CollectionError, match="there is a collection"):
        list(steps(source, tmp_path / "made", Settings(size=16, workers=1), dry_run=True))
