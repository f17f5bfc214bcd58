"""Preparing: sources become a collection, whatever lies in them."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pictures_for_tests import files_of, gallery, painting

import lienzo
from lienzo.errors import CollectionError, SourceError


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
