"""Collections: open to standard tools, closed to damage."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from pictures_for_tests import gallery

import lienzo
from lienzo.collection.collection import Collection
from lienzo.collection.packing import packing
from lienzo.errors import CollectionError


@pytest.fixture
def collection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Collection:
    monkeypatch.setattr(packing, "SHARD_BYTES", 16 * 16 * 3 * 5)
    return lienzo.prepare(gallery(tmp_path / "pictures", 12), tmp_path / "out", size=16, workers=1)


def test_standard_tools_open_it(collection: Collection) -> None:
    shards = [np.load(collection.path / f"images-{i:05d}.npy", mmap_mode="r") for i in range(3)]
    assert [len(shard) for shard in shards] == [5, 5, 2]
    whole = np.concatenate(shards)
    order = np.random.default_rng(0).permutation(12)
    assert np.array_equal(collection.take(order), whole[order])
    index = [row for i in range(3) for row in pq.read_table(collection.path / f"index-{i:05d}.parquet").to_pylist()]
    assert [row["source"] for row in index] == collection.index().column("source").to_pylist()
    assert len({row["sha256"] for row in index}) == 12


def test_its_fingerprint_is_the_same_elsewhere(collection: Collection, tmp_path: Path) -> None:
    moved = collection.path.rename(tmp_path / "moved")
    assert Collection.open(moved).fingerprint == collection.fingerprint


def test_labels_and_pictures_make_the_fingerprint(tmp_path: Path) -> None:
    source = gallery(tmp_path / "pictures", 4)
    prints = {
        lienzo.prepare(source, tmp_path / str(i), size=16, workers=1, **options).fingerprint  # type: ignore[arg-type]
        for i, options in enumerate(({}, {"labels": "none"}, {"geometry": "squash"}, {"holdout": 0.5}))
    }
    assert len(prints) == 4


def test_rows_outside_are_refused(collection: Collection) -> None:
    for row in (-1, 12):
        with pytest.raises(IndexError, match="from 0 to 11"):
            collection.take(np.array([row]))


def test_damage_is_reported(collection: Collection) -> None:
    def broken(name: str, content: bytes) -> str:
        path = collection.path / name
        whole = path.read_bytes()
        path.write_bytes(content)
        with pytest.raises(CollectionError) as caught:
            Collection.open(collection.path).verify()
        path.write_bytes(whole)
        return str(caught.value)

    images = (collection.path / "images-00001.npy").read_bytes()
    assert "images-00001.npy is damaged" in broken("images-00001.npy", images[:-1] + b"?")
    assert "index-00002.parquet is damaged" in broken("index-00002.parquet", b"PAR1")
    assert "collection.json is damaged" in broken("collection.json", b"{")
    assert "something else's" in broken("collection.json", b'{"format": "other", "version": 1}')
    described = json.loads((collection.path / "collection.json").read_text())
    assert "has format 9" in broken("collection.json", json.dumps({**described, "version": 9}).encode())
    (collection.path / "images-00000.npy").write_bytes(b"not numpy")
    with pytest.raises(CollectionError, match=r"images-00000.npy is damaged"):
        Collection.open(collection.path).take(np.array([0]))
    (collection.path / "images-00000.npy").unlink()
    with pytest.raises(CollectionError, match=r"images-00000.npy is missing"):
        Collection.open(collection.path)


def test_what_is_no_collection(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="there is no collection at"):
        Collection.open(tmp_path / "nowhere")
    with pytest.raises(CollectionError, match="no collection, or an unfinished one"):
        Collection.open(tmp_path)
