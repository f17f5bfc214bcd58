"""Exporting a collection: other tools find what they expect, and lienzo prepares the same pictures and labels of it."""

import io
import itertools
import json
import re
import tarfile
import unicodedata
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import Command
from pictures_for_tests import noisy
from PIL import Image

import lienzo
from lienzo.collection.collection import Collection
from lienzo.errors import CollectionError, InputError
from lienzo.export import archives
from lienzo.export.collections import COLLECTIONS
from lienzo.export.export import steps
from lienzo.export.pictures import folders_of
from lienzo.export.settings import Kind, Settings

TWO_SHARDS = 20 * 16 * 16 * 3


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """Prepare a collection of several shards and kinds of labels, some of them missing, with names as people have."""
    folder = tmp_path_factory.mktemp("labelled")
    source = folder / "source"
    source.mkdir()
    lines = ["file,style,artist"]
    for i in range(30):
        noisy(i, 20, 24).save(source / f"{i}.png")
        style = ("cubism", "seas/calm", "../what?", "")[i % 4]
        lines.append(f"{i}.png,{style},{'Ana' if i else chr(34) + 'Bea, «Lu»' + chr(34)}")
    labels = folder / "labels.csv"
    labels.write_text("\n".join(lines), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lienzo.collection.packing.packing.SHARD_BYTES", TWO_SHARDS)
        return lienzo.prepare(source, folder / "art", size=16, labels=labels, holdout=0.3, workers=1)


def written(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def same(one: Collection, other: Collection) -> None:
    """See that two collections hold the same pictures with the same labels, in whatever order."""
    contents = []
    for collection in (one, other):
        images = collection.take(collection.rows())
        carried = [[kind, collection.column(f"label_{kind}").to_pylist()] for kind in sorted(collection.vocabularies)]
        contents.append(
            sorted(
                (images[i].tobytes(), str([(kind, values[i]) for kind, values in carried]))
                for i in range(collection.count)
            )
        )
    assert contents[0] == contents[1]


@pytest.mark.parametrize(("kind", "labels"), [*itertools.product(COLLECTIONS, [None, "artist"]), ("folder", "style")])
def test_what_was_exported_is_prepared_to_the_same_pictures_and_labels(
    kind: Kind, labels: str | None, labelled: Collection, tmp_path: Path
) -> None:
    out = lienzo.export(labelled, to=kind, out=tmp_path / "out.zip", labels=labels).path
    again = lienzo.prepare(out, tmp_path / "again", size=16, workers=1)
    assert again.refused == {}
    same(labelled, again)


@pytest.mark.parametrize("kind", COLLECTIONS)
def test_the_same_collection_is_the_same_bytes(kind: Kind, labelled: Collection, tmp_path: Path) -> None:
    one, two = (lienzo.export(labelled.path, to=kind, out=tmp_path / name).path for name in ("a", "b"))
    if one.is_dir():
        assert written(one) == written(two)
    else:
        assert one.read_bytes() == two.read_bytes()


def test_a_folder_is_that_of_hugging_face(labelled: Collection, tmp_path: Path) -> None:
    out = lienzo.export(
        labelled, to="folder", out=tmp_path / "out", labels="style", part="train", licence="cc0-1.0"
    ).path
    lines = [json.loads(line) for line in (out / "metadata.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = labelled.rows("train")
    assert len(lines) == len(rows) == sum(1 for _ in out.rglob("*.png"))
    assert {path.name for path in out.iterdir()} == {"metadata.jsonl", "cubism", "seas", "_", "unlabelled"}
    for line, row in zip(lines, rows.tolist(), strict=True):
        pixels = np.asarray(Image.open(out / line["file_name"]))
        assert np.array_equal(pixels, labelled.take(np.array([row]))[0])
        assert line.keys() == {"file_name", "style", "artist", "lienzo"}
        told = line["lienzo"]
        assert told["source"] == labelled.column("source")[row].as_py()
        assert told["sha256"] == labelled.column("sha256")[row].as_py()
        assert (told["part"], told["licence"]) == ("train", "cc0-1.0")


def test_no_two_labels_share_a_folder(tmp_path: Path) -> None:
    long = ["印" * 100, "印" * 99 + "象", "n" * 300, "n" * 299 + "o", "s/" + "n" * 300]
    alike = ["what?", "what*", "Cubism", "cubism", "n\xe9o", "ne\u0301o", "unlabelled", "metadata.jsonl"]
    plain = ["seas/calm", "rock & roll (1955)", "x" * 100, "印象"]
    folders = folders_of([*long, *alike, *plain, "a:b", ""])
    names = [unicodedata.normalize("NFC", name.casefold()) for name in folders.values()]
    assert len(set(names)) == len(names) == len(long + alike + plain) + 2
    for name in folders.values():
        assert all(0 < len(part.encode()) < 200 for part in name.split("/"))
    assert all(re.search("~[0-9a-f]{8}$", folders[label]) for label in long + alike)
    assert [folders[label] for label in plain] == plain
    assert (folders["a:b"], folders[None]) == ("a_b", "unlabelled")
    devices = ["CON", "nul.txt", "com1/x", "LPT9", "console", "com"]
    assert [folders_of(devices)[label] for label in devices] == [
        "_CON", "_nul.txt", "_com1/x", "_LPT9", "console", "com",
    ]  # fmt: skip
    lines = [f"{i}.png,{label}" for i, label in enumerate(("what?", "what*", "unlabelled", "", "印" * 100))]
    source = tmp_path / "source"
    source.mkdir()
    for i in range(len(lines)):
        noisy(i, 16, 16).save(source / f"{i}.png")
    (tmp_path / "labels.csv").write_text("\n".join(["file,style", *lines]), encoding="utf-8")
    one = lienzo.prepare(source, tmp_path / "art", size=16, labels=tmp_path / "labels.csv", workers=1)
    out = lienzo.export(one, to="folder", out=tmp_path / "out", labels="style").path
    assert sorted(len(list(path.iterdir())) for path in out.iterdir() if path.is_dir()) == [1] * 5
    same(one, lienzo.prepare(out, tmp_path / "again", size=16, workers=1))


def test_a_zip_is_that_of_stylegan(labelled: Collection, tmp_path: Path) -> None:
    out = lienzo.export(labelled, to="zip", out=tmp_path / "art.zip", labels="artist").path
    with zipfile.ZipFile(out) as archive:
        labels = json.loads(archive.read("dataset.json"))["labels"]
        assert [name for name, _ in labels] == [name for name in archive.namelist() if name.endswith(".png")]
        assert all(member.compress_type == zipfile.ZIP_STORED for member in archive.infolist())
        assert [number for _, number in labels] == labelled.labels("artist").tolist()
        shapes = {np.asarray(Image.open(io.BytesIO(archive.read(name)))).shape for name, _ in labels}
    assert shapes == {(16, 16, 3)}
    out = lienzo.export(labelled, to="zip", out=tmp_path / "plain.zip").path
    with zipfile.ZipFile(out) as archive:
        assert json.loads(archive.read("dataset.json")) == {"labels": None}


def test_webdataset_has_samples_in_shards(
    labelled: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "TAR_BYTES", 8_000)
    exported = lienzo.export(labelled, to="webdataset", out=tmp_path / "out", labels="style")
    samples: dict[str, dict[str, bytes]] = {}
    for path in sorted(exported.path.iterdir()):
        with tarfile.open(path) as archive:
            for member in archive:
                content = archive.extractfile(member)
                assert content is not None
                name, _, ending = member.name.partition(".")
                samples.setdefault(name, {})[ending] = content.read()
    assert exported.facts["shards"] == len(list(exported.path.iterdir())) > 1
    assert len(samples) == exported.facts["pictures"] == labelled.count
    for i, code in enumerate(labelled.labels("style").tolist()):
        sample = samples[f"{i:08d}"]
        assert int(sample.get("cls", b"-1")) == code
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(sample["png"]))), labelled.take(np.array([i]))[0])


@pytest.mark.parametrize("kind", COLLECTIONS)
def test_an_export_that_is_left_leaves_nothing(kind: Kind, labelled: Collection, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    for step in steps(labelled, Settings(to=kind, out=tmp_path / "out")):
        if step.done == 5:
            break
    assert sorted(tmp_path.iterdir()) == before


def test_what_cannot_be_exported_is_said(labelled: Collection, tmp_path: Path, command: Command) -> None:
    with pytest.raises(CollectionError, match="has no label of the kind style, and StyleGAN wants one"):
        lienzo.export(labelled, to="zip", out=tmp_path / "a.zip", labels="style")
    with pytest.raises(InputError, match="unknown label kind 'stile': did you mean 'style'"):
        lienzo.export(labelled, to="folder", out=tmp_path / "a", labels="stile")
    with pytest.raises(InputError, match="to folder, zip, webdataset, not to safetensors"):
        lienzo.export(labelled, to="safetensors", out=tmp_path / "a")
    whole = lienzo.prepare(labelled.path.parent / "source", tmp_path / "all", size=16, workers=1)
    with pytest.raises(InputError, match="no part holdout"):
        lienzo.export(whole, to="folder", out=tmp_path / "a", part="holdout")
    assert not (tmp_path / "a").exists()
    status, out, said = command("export", labelled.path, "--to", "zip", "--out", tmp_path / "b.zip", "--json")
    assert status == 0, said
    assert json.loads(out)["pictures"] == 30


@pytest.mark.parametrize("kind", [*COLLECTIONS])
@pytest.mark.parametrize("column", ["file_name", "lienzo"])
def test_a_kind_of_labels_called_as_another_key_of_the_metadata_is_refused(
    kind: Kind, column: str, tmp_path: Path
) -> None:
    (tmp_path / "source").mkdir()
    for i in range(4):
        noisy(i, 16, 16).save(tmp_path / "source" / f"{i}.png")
    labels = tmp_path / "labels.csv"
    labels.write_text(f"file,{column}\n" + "".join(f"{i}.png,mine\n" for i in range(4)), encoding="utf-8")
    made = lienzo.prepare(tmp_path / "source", tmp_path / "art", size=16, labels=labels, workers=1)
    with pytest.raises(InputError, match=f"a kind of labels called {column}.*--label-columns"):
        lienzo.export(made, to=kind, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_pictures_and_transparent_ones(channels: int, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    for i in range(6):
        image = noisy(i, 20, 20)
        image.putalpha(noisy(i + 50, 20, 20).convert("L"))
        image.save(tmp_path / "source" / f"{i}.png")
    one = lienzo.prepare(tmp_path / "source", tmp_path / "art", size=16, channels=channels, workers=1)
    out = lienzo.export(one, to="folder", out=tmp_path / "out").path
    same(one, lienzo.prepare(out, tmp_path / "again", size=16, channels=channels, workers=1))
