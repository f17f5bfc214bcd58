"""What a collection's files say is data: nothing outside the folder is read, written or removed, whatever they say."""

import json
import struct
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pictures_for_tests import files_of, gallery, painting

import lienzo
from lienzo.collection.collection import Collection
from lienzo.collection.destination import JOURNAL
from lienzo.collection.listing import rows, sources
from lienzo.collection.manifest import NAME
from lienzo.collection.packing.journal import Journal, unit_key
from lienzo.collection.reasons import Reason
from lienzo.collection.settings import Settings
from lienzo.errors import CollectionError, InputError, RunError, SourceError
from lienzo.recipe.catalogue import thesis
from lienzo.run.run import Run
from lienzo.storage import arrays, memory
from lienzo.training.resumption import refuse_foreign

MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def made(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """Give a source and its collection; afterwards a file outside of both still is what it was."""
    source = gallery(tmp_path / "source", 4)
    lienzo.prepare(source, tmp_path / "out", size=16, workers=1)
    (tmp_path / "mine.txt").write_text("mine")
    yield source, tmp_path / "out"
    assert (tmp_path / "mine.txt").read_text() == "mine"


def described(out: Path) -> dict[str, Any]:
    return json.loads((out / NAME).read_bytes())  # type: ignore[no-any-return]


def test_a_manifest_cannot_have_files_removed(made: tuple[Path, Path]) -> None:
    source, out = made
    mine = str(out.parent / "mine.txt")
    for tables in ({"x": mine}, {"sources": mine}, {"rejected": "../mine.txt"}):
        values = described(out)
        whole = json.dumps(values)
        values["tables"] |= tables
        (out / NAME).write_text(json.dumps(values))
        painting(50).save(source / "grids" / "new.jpg")
        with pytest.raises(CollectionError, match=r"collection.json is damaged"):
            lienzo.prepare(source, out, size=16, workers=1)
        (out / NAME).write_text(whole)


@pytest.mark.parametrize("wrong", [
    {"count": "x"}, {"count": 10**9}, {"count": -1},
    {"height": 1_000_000_000}, {"channels": 2}, {"fingerprint": "../x"},
    {"vocabularies": {"folder": [1]}}, {"vocabularies": []}, {"refused": {"no-reason": 1}}, {"refused": {"empty": -1}},
    {"shards": []}, {"settings": {"sources": {}}}, {"tables": {"rejected": "rejected.parquet"}}, {"more": 1},
])  # fmt: skip
def test_a_manifest_that_says_something_else_is_damaged(made: tuple[Path, Path], wrong: dict[str, Any]) -> None:
    _, out = made
    (out / NAME).write_text(json.dumps(described(out) | wrong))
    with pytest.raises(CollectionError, match=r"collection.json is damaged"):
        Collection.open(out)


@pytest.mark.parametrize("name", ["../../mine.txt", "images-00001.npy", "/etc/passwd", "images-00000.npy\n", "", "."])
@pytest.mark.parametrize("field", ["images", "index"])
def test_a_shard_has_the_name_of_its_number(made: tuple[Path, Path], field: str, name: str) -> None:
    _, out = made
    values = described(out)
    values["shards"][0][field] = name
    (out / NAME).write_text(json.dumps(values))
    with pytest.raises(CollectionError, match=r"collection.json is damaged"):
        Collection.open(out)


def test_a_manifest_of_more_pictures_than_there_are_bytes(made: tuple[Path, Path]) -> None:
    _, out = made
    values = described(out)
    values["count"] = values["shards"][0]["count"] = 10**9
    (out / NAME).write_text(json.dumps(values))
    with pytest.raises(CollectionError, match=r"images-00000.npy is damaged, it is too short"):
        Collection.open(out)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["../x", "/etc/passwd"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@MANY
@given(data=st.data())
def test_whatever_a_manifest_says(made: tuple[Path, Path], data: st.DataObject) -> None:
    """Opening, using and adding to the collection end well or with a sentence."""
    source, out = made
    whole = files_of(out)
    values = described(out)
    place = data.draw(st.sampled_from([values, values["shards"][0], values["tables"], values["settings"]]))
    place[data.draw(st.sampled_from([*place, "x"]))] = data.draw(JSON)
    (out / NAME).write_text(json.dumps(values))
    use(source, out)
    restore(out, whole)


@MANY
@given(data=st.data(), name=st.sampled_from([NAME, "images-00000.npy", "index-00000.parquet", "sources.parquet"]))
def test_whatever_a_file_holds(made: tuple[Path, Path], data: st.DataObject, name: str) -> None:
    source, out = made
    whole = files_of(out)
    content = bytearray(whole[name])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, min(len(content), 4000) - 1))] = data.draw(st.integers(0, 255))
    (out / name).write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    use(source, out)
    restore(out, whole)


def use(source: Path, out: Path) -> None:
    before = files_of(source.parent / "source" / "grids")
    try:
        collection = Collection.open(out)
        collection.take(np.arange(min(collection.count, 4)))
        collection.index()
        collection.rejected()
        lienzo.prepare(source, out, size=16, workers=1)
    except InputError:
        pass
    assert files_of(source.parent / "source" / "grids") == before
    assert {path.name for path in source.parent.iterdir()} == {"source", "out", "mine.txt"}


def restore(out: Path, whole: dict[str, bytes]) -> None:
    for name, content in whole.items():
        (out / name).write_bytes(content)


@pytest.mark.parametrize("shape", [(10**12, 4), (2**62, 2**62), (-1, 4), (4,)])
def test_a_header_of_an_array_is_believed_as_far_as_the_file_has_bytes(tmp_path: Path, shape: tuple[int, ...]) -> None:
    header = repr({"descr": "|u1", "fortran_order": False, "shape": shape}).encode().ljust(117) + b"\n"
    path = tmp_path / "a.npy"
    path.write_bytes(b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + bytes(16))
    for wanted in ((4, 4), shape):
        with pytest.raises(ValueError, match=r"its (shape|length) is wrong"):
            arrays.mapped(path, wanted, np.uint8)
    with pytest.raises(ValueError, match=r"its (shape|length) is wrong"):
        arrays.load(path, shape[0], np.uint8)


@pytest.mark.parametrize("text", ["{'descr': (", "(" * 3000, "{'descr': '|u1', 'shape': (1,)}", "\x00", "{" * 90])
def test_a_header_of_an_array_that_python_cannot_parse(tmp_path: Path, text: str) -> None:
    header = text.encode().ljust(117) + b"\n"
    path = tmp_path / "a.npy"
    path.write_bytes(b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + bytes(16))
    with pytest.raises(ValueError, match="eader"):
        arrays.load(path, 1, np.uint8)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.write(path, "images.npy")
    assert list(sources.entries(str(tmp_path / "a.npz"))) == []


def test_a_table_of_other_columns_or_rows_is_damage(made: tuple[Path, Path]) -> None:
    _, out = made
    path = out / "index-00000.parquet"
    table = pq.read_table(path)
    for other in (table.drop_columns(["part"]), table.slice(1), table.set_column(0, "source", table["width"])):
        pq.write_table(other, path)
        with pytest.raises(CollectionError, match=r"index-00000.parquet is damaged"):
            Collection.open(out).index()


def test_a_foreign_journal_is_not_overwritten(tmp_path: Path) -> None:
    source = gallery(tmp_path / "source", 2)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / JOURNAL).write_text("dear diary")
    with pytest.raises(CollectionError, match="no journal of a preparation"):
        lienzo.prepare(source, tmp_path / "out", size=16, workers=1)
    assert (tmp_path / "out" / JOURNAL).read_text() == "dear diary"


@MANY
@given(record=st.dictionaries(st.sampled_from(["source", "pixels", "thumbnail", "reason", "sha256", "labels"]), JSON))
def test_a_journal_that_says_something_else_is_done_again(tmp_path: Path, record: dict[str, Any]) -> None:
    path = tmp_path / JOURNAL
    path.unlink(missing_ok=True)
    journal = Journal(path, Settings())
    whole = {"source": "a", "size": 1, "stamp": "", "labels": {}, "reason": "", "detail": "", "sha256": "0" * 64,
             "format": "PNG", "width": 9, "height": 9, "notes": [], "digest": "0" * 32, "perceptual": 7,
             "pixels": 64 * 64 * 3, "thumbnail": 0}  # fmt: skip
    key = unit_key([])
    journal._append({"unit": key, "screened": [whole | record]}, bytes(64 * 64 * 3))
    journal.close()
    again = Journal(path, Settings())
    for unit in again.units([key]) if key in again else ():
        assert len(unit[0].pixels) == (0 if unit[0].reason else 64 * 64 * 3)
    again.close()


@pytest.mark.parametrize("name", ["checkpoints", "generators", "samples", "milestones", "log.jsonl"])
def test_a_run_writes_through_no_link(tmp_path: Path, name: str) -> None:
    run = Run(tmp_path / "run")
    (tmp_path / "elsewhere").mkdir()
    run.path.mkdir()
    run.manifest_path.touch()
    run.recipe_path.touch()
    (run.path / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match=f"{name} is a link"):
        refuse_foreign(run, thesis())


@pytest.mark.parametrize("folder", ["checkpoints", "milestones"])
def test_a_file_that_is_no_checkpoint_is_none(tmp_path: Path, folder: str) -> None:
    for name in ("000000000128", "000000000064", "copy of 1", "-5", "²", "9" * 30):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / f"{name}.safetensors").touch()
    found = getattr(Run(tmp_path), folder)()
    assert [path.stem for path in found] == ["000000000128", "000000000064"]


def write_bombs(folder: Path) -> list[Path]:
    """Write tables and an array of some kB that unpack to many MB."""
    paths = [folder / f"a.{ending}" for ending in ("parquet", "arrow", "npz")]
    pixels = bytes(16 << 20)
    cells = pa.DictionaryArray.from_arrays(pa.array([0] * 12, pa.int32()), pa.array([pixels], pa.binary()))
    pq.write_table(pa.table({"image": cells}), paths[0], compression="zstd", store_schema=False)
    batch = pa.record_batch({"image": cells.cast(pa.binary())})
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(paths[1], batch.schema, options=options) as stream:
        stream.write_batch(batch)
    np.savez_compressed(paths[2], images=np.zeros((1, 4100, 4100), np.uint8))
    assert all(path.stat().st_size < 1 << 20 for path in paths)
    return paths


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave little memory to what reads files, and no stock of its own to Arrow."""
    if sys.platform != "linux":
        pytest.skip("memory is limited on Linux only")
    monkeypatch.setattr(memory, "SLACK", 1 << 26)
    usual = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    yield
    pa.set_memory_pool(usual)


@pytest.mark.usefixtures("little_memory")
def test_tables_and_arrays_cannot_take_more_memory_than_they_warrant(tmp_path: Path) -> None:
    parquet, arrow, npz = write_bombs(tmp_path)
    for path in (parquet, arrow):
        with pytest.raises(SourceError, match="unpacks to far more than its own size"):
            list(sources.entries(str(path)))
    found = list(sources.entries(str(npz)))
    assert [entry.refusal is not None and entry.refusal[0] for entry in found] == [Reason.TOO_LARGE]
    with pytest.raises(InputError, match="unpacks to far more than its"):
        rows.parse("labels.parquet", parquet.read_bytes())
    assert bytearray(1 << 27)  # and nothing is limited afterwards


@pytest.mark.usefixtures("little_memory")
def test_an_index_that_unpacks_to_far_more_than_it_has_bytes(made: tuple[Path, Path]) -> None:
    _, out = made
    table = pq.read_table(out / "index-00000.parquet")
    long = pa.DictionaryArray.from_arrays(pa.array([0] * len(table), pa.int32()), pa.array(["a" * (64 << 20)]))
    pq.write_table(table.set_column(0, "source", long), out / "index-00000.parquet", store_schema=False)
    with pytest.raises(CollectionError, match="unpacks to far more than it has bytes"):
        Collection.open(out).index()


def test_a_kind_of_labels_that_comes_later(tmp_path: Path) -> None:
    for i in range(3):
        (tmp_path / "source").mkdir(exist_ok=True)
        painting(i).save(tmp_path / "source" / f"{i}.png")
    lienzo.prepare(tmp_path / "source", tmp_path / "out", size=16, workers=1)
    gallery(tmp_path / "source", 2)
    collection = lienzo.prepare(tmp_path / "source", tmp_path / "out", size=16, workers=1)
    names = collection.column("source").to_pylist()
    assert names == ["0.png", "1.png", "2.png", "grids/000.jpg", "seas/001.jpg"]
    assert collection.labels("folder").tolist() == [-1, -1, -1, 0, 1]
    assert collection.index()["label_folder"].to_pylist() == [None, None, None, "grids", "seas"]
