"""Folders and archives of pictures as what is scored, and as what it is compared with."""

import dataclasses
import json
import os
import shutil
import sys
import time
import zipfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Command, Paint
from filelock import FileLock
from pictures_for_tests import encoded, noisy
from PIL import Image

import lienzo
from lienzo.collection import preparation
from lienzo.collection.collection import Collection
from lienzo.collection.reasons import Reason
from lienzo.collection.screening import formats
from lienzo.collection.screening.screening import Screened
from lienzo.collection.screening.workers import Unit, screen_units
from lienzo.errors import CollectionError, InputError, ScoreError
from lienzo.evaluation import pictures, scores
from lienzo.evaluation.pictures import RULE, holds_pictures
from lienzo.metrics.detectors import Detector

QUICK = {"detector": "pixels", "samples": 40, "device": "cpu", "novelty": False}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIENZO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("lienzo.collection.preparation._cores", lambda: 1)
    return tmp_path / "cache"


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """Make a folder of pictures of several sizes: copies, a plain one, one too small, one broken and a text."""
    folder = tmp_path / "drawn"
    folder.mkdir()
    for i in range(12):
        noisy(i, 30 + i, 40).save(folder / f"{i}.png")
        noisy(i, 30 + i, 40).save(folder / f"again-{i}.png")
    Image.new("RGB", (20, 20), "red").save(folder / "plain.png")
    noisy(99, 9, 9).save(folder / "small.png")
    (folder / "broken.png").write_bytes((folder / "0.png").read_bytes()[:-30])
    (folder / "text.jpg").write_text("no picture")
    return folder


@pytest.fixture
def ready(tmp_path: Path) -> Path:
    """Make a folder of eight pictures that have their size already."""
    folder = tmp_path / "ready"
    folder.mkdir()
    for i in range(8):
        noisy(i, 16, 16).save(folder / f"{i}.png")
    return folder


def measured(scores: lienzo.Scores) -> object:
    return scores.measures, scores.sliced_wasserstein


def test_a_folder_scores_as_a_collection_prepared_by_the_same_rule(
    drawn: Path, collection: Collection, tmp_path: Path
) -> None:
    scores = lienzo.evaluate(drawn, collection, **QUICK)
    size = (collection.height, collection.width)
    same = lienzo.prepare(drawn, tmp_path / "same", size=size, enlarge=True, curate=False, workers=1)
    assert same.count == 26
    assert measured(scores) == measured(lienzo.evaluate(same, collection, **QUICK))
    assert scores.generator == same.fingerprint
    assert (scores.subject, scores.collection) == (str(drawn), collection.fingerprint)
    told = scores.to_json()["prepared"]
    assert told.keys() == {"subject"}
    assert (told["subject"]["kept"], told["subject"]["refused"]) == (26, {"not-a-picture": 1, "truncated": 1})
    assert {"enlarge": True, "curate": False, "geometry": "crop"}.items() <= told["subject"]["settings"].items()
    said = "26 pictures were read, 1 not-a-picture, 1 truncated refused (broken.png, text.jpg)"
    assert any(said in note for note in scores.notes)
    assert lienzo.evaluate(same, drawn, **QUICK).measures.recall.value == 1  # the same pictures, none held out
    other = lienzo.evaluate(collection, drawn, **QUICK)
    assert other.collection == same.fingerprint
    assert other.prepared.keys() == {"reference"}
    assert measured(other) == measured(lienzo.evaluate(collection, same, **QUICK))
    with pytest.raises(ScoreError, match=f"{drawn} has no part holdout: nothing is held out of a folder or archive"):
        lienzo.evaluate(collection, drawn, part="holdout", **QUICK)


def test_a_generator_of_another_collection_is_said_where_copies_are_sought(
    run: lienzo.Run, collection: Collection, paint: Paint, tmp_path: Path
) -> None:
    settings = {**QUICK, "novelty": True, "samples": 20}
    other = lienzo.prepare(paint(tmp_path / "p", 200), tmp_path / "other", size=16, holdout=0.5, workers=1)
    said = f"learnt from another collection than {other.path}"
    assert any(said in note for note in lienzo.evaluate(run, other, **settings).notes)
    assert not any("another collection" in note for note in lienzo.evaluate(run, collection, **settings).notes)


def test_whether_pictures_were_scaled_is_said(drawn: Path, collection: Collection, tmp_path: Path) -> None:
    (tmp_path / "same").mkdir()
    for i in range(30):
        noisy(i, collection.height, collection.width).save(tmp_path / "same" / f"{i}.png")
    (as_it_is,) = lienzo.evaluate(tmp_path / "same", collection, **QUICK).notes[:1]
    assert as_it_is.endswith(f"each has {collection.height}×{collection.width} pixels, and is scored as it is")


def test_a_zip_is_the_folder_in_it_and_a_set_is_no_distance_from_itself(drawn: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "drawn.zip", "w") as archive:
        for path in sorted(drawn.iterdir()):
            archive.write(path, path.name)
    scores = lienzo.evaluate(tmp_path / "drawn.zip", drawn, size="24x16", **QUICK)
    assert scores.generator == scores.collection
    assert scores.prepared["subject"]["settings"]["height"] == 24
    assert set(scores.sliced_wasserstein.values()) == {0.0}
    assert scores.measures.precision.value == scores.measures.recall.value == 1
    assert scores.measures.generated == 26


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_path_that_is_no_unicode_loses_nothing(
    run: lienzo.Run, collection: Collection, ready: Path, tmp_path: Path
) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9")
    shutil.copytree(ready, odd / "pictures")
    shutil.copytree(run.path, odd / "run")
    for subject, against in ((odd / "run", collection), (run.path, odd / "pictures"), (odd / "pictures", collection)):
        assert lienzo.evaluate(subject, against, **QUICK).subject == str(subject)
    lienzo.evaluate(odd / "run", odd / "pictures", **QUICK)
    *_, kept = scores.read(odd / "run" / "scores.jsonl")
    assert (kept.subject, kept.prepared["reference"]["source"]) == (str(odd / "run"), str(odd / "pictures"))
    assert "caf\\udce9/run" in lienzo.report(odd / "run").page.read_text(encoding="utf-8")
    made = lienzo.prepare(odd / "pictures", tmp_path / "again", size=16, workers=1)
    assert Collection.open(made.path).settings["sources"] == [str(odd / "pictures")]


def test_two_folders_get_the_size_of_the_first_picture(drawn: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for i in range(30):
        noisy(i + 50, 64, 64).save(other / f"{i}.png")
    scores = lienzo.evaluate(other, drawn, **QUICK)
    assert {side["settings"]["width"] for side in scores.prepared.values()} == {64}
    assert lienzo.evaluate(drawn, other, **QUICK).prepared["reference"]["settings"]["height"] == 30


def test_pictures_are_decoded_again_only_when_files_change(
    drawn: Path, collection: Collection, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = lienzo.evaluate(drawn, collection, **QUICK)
    with monkeypatch.context() as patch:
        patch.setattr("lienzo.collection.preparation.screen_units", pytest.fail)
        patch.chdir(drawn.parent)
        again = lienzo.evaluate("drawn", collection, **QUICK)
    assert measured(again) == measured(first)
    assert (again.subject, first.subject) == ("drawn", str(drawn))  # each as it was given
    noisy(200, 30, 40).save(drawn / "0.png")
    assert lienzo.evaluate(drawn, collection, **QUICK).generator != first.generator
    assert len(list((cache / "pictures").glob("[!.]*"))) == 2


def test_a_generator_against_a_folder(run: lienzo.Run, drawn: Path, command: Command, tmp_path: Path) -> None:
    words = ["--detector", "pixels", "--samples", 20, "--device", "cpu", "--json"]
    page = tmp_path / "page.html"
    status, out, said = command("evaluate", run.path, drawn, drawn, *words, "--report", page)
    assert status == 0, said
    one, two = json.loads(out)
    assert (one["subject"], two["subject"]) == (str(run.path), str(drawn))
    assert one["collection"] == two["collection"] == two["generator"]
    assert one["prepared"]["reference"]["settings"]["height"] == 16
    assert "26 pictures were read" in said
    assert page.stat().st_size > 1000


def test_what_cannot_be_scored_is_said(drawn: Path, collection: Collection, tmp_path: Path) -> None:
    with pytest.raises(ScoreError, match=r"get the size of what they are compared with, 16×16 pixels: leave --size"):
        lienzo.evaluate(drawn, collection, size=32, **QUICK)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="there are no pictures in"):
        lienzo.evaluate(tmp_path / "empty", collection, **QUICK)
    with pytest.raises(InputError, match="there is no"):
        lienzo.evaluate(tmp_path / "nowhere", collection, **QUICK)
    with pytest.raises(InputError, match=r"there is nothing at .*nowhere: name a collection, or a folder"):
        lienzo.evaluate(collection, tmp_path / "nowhere", **QUICK)
    for places in (("", collection), (drawn, ""), ("", drawn)):
        with pytest.raises(InputError, match="a path is empty: name a run, a generator, a collection, or a folder"):
            lienzo.evaluate(*places, **QUICK)
    with pytest.raises(ScoreError, match=f"{drawn} has no labels: sort its pictures into folders, or leave --labels"):
        lienzo.evaluate(drawn, drawn, labels="folder", **QUICK)
    np.savez(tmp_path / "fid.npz", mu=np.zeros(8), sigma=np.zeros((8, 8)), images=np.zeros((9, 16, 16, 3)))
    with pytest.raises(InputError, match=r"no pictures in .*fid.npz: those in an .npz file are arrays of uint8"):
        lienzo.evaluate(tmp_path / "fid.npz", collection, **QUICK)


def test_a_folder_of_runs_or_of_half_a_run_holds_no_pictures(
    collection: Collection, drawn: Path, ready: Path, tmp_path: Path
) -> None:
    samples = tmp_path / "runs" / "mine" / "old" / "a" / "samples"
    samples.mkdir(parents=True)
    (samples.parent / "run.json").write_text("{}")
    noisy(0, 16, 16).save(samples / "0.png")
    for places in ((tmp_path / "runs", collection), (drawn, tmp_path / "runs"), (tmp_path / "runs" / "mine", drawn)):
        with pytest.raises(ScoreError, match=r"(runs|mine) holds runs: name one of its runs, such as .*old.a\."):
            lienzo.evaluate(*places, **QUICK)
    with pytest.raises(ScoreError, match=r"a is a run that lacks its recipe.toml"):
        lienzo.evaluate(samples.parent, collection, **QUICK)
    (ready / ".trash").mkdir()
    (ready / ".trash" / "run.json").touch()  # nor are pictures sought there
    assert lienzo.evaluate(ready, collection, **QUICK).measures.generated == 8


def test_a_generator_is_no_archive_whatever_the_case_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "UP.SAFETENSORS").touch()
    assert not holds_pictures(tmp_path / "UP.SAFETENSORS")


def test_too_few_pictures_are_refused_before_features_are_made(collection: Collection, tmp_path: Path) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for i in range(4):
        noisy(i, 16, 16).save(few / f"{i}.png")
    unused = QUICK | {"detector": Detector("unused", pytest.fail)}
    with pytest.raises(ScoreError, match=r"what is scored, .*few, has 4 of the 6 pictures .*: add more to it"):
        lienzo.evaluate(few, collection, **unused)
    with pytest.raises(ScoreError, match=r"what it is compared with, .*few, has 4 of the 6 pictures"):
        lienzo.evaluate(collection, few, **unused)


def test_a_collection_that_was_prepared_otherwise_is_said_where_pictures_had_to_be_scaled(
    drawn: Path, ready: Path, collection: Collection
) -> None:
    settings = {**collection.settings, "trim_borders": True, "resample": "nearest"}
    other = dataclasses.replace(collection, settings=settings)
    said = "was prepared with trim_borders = True, resample = nearest, the pictures of"
    assert any(said in note for note in lienzo.evaluate(drawn, other, **QUICK).notes)
    assert not any("was prepared with" in note for note in lienzo.evaluate(drawn, collection, **QUICK).notes)
    assert not any("was prepared with" in note for note in lienzo.evaluate(ready, other, **QUICK).notes)


@pytest.mark.parametrize(("channels", "asked"), [(3, True), (1, True), (4, False)])
def test_another_background_is_said_where_pictures_are_transparent(
    paint: Paint, ready: Path, tmp_path: Path, channels: Literal[1, 3, 4], asked: bool
) -> None:
    on_black = lienzo.prepare(
        paint(tmp_path / "p"), tmp_path / "black", size=16, background="black", channels=channels, workers=1
    )
    assert not any("was prepared with" in note for note in lienzo.evaluate(ready, on_black, **QUICK).notes)
    clear = noisy(9, 16, 16)
    clear.putalpha(100)
    clear.save(ready / "9.png")
    said = f"the collection was prepared with background = [0, 0, 0], the pictures of {ready} were not"
    assert any(said in note for note in lienzo.evaluate(ready, on_black, **QUICK).notes) == asked
    assert any(said in note for note in lienzo.evaluate(on_black, ready, **QUICK).notes) == asked


def test_collections_that_were_prepared_differently_are_said(paint: Paint, tmp_path: Path) -> None:
    made = paint(tmp_path / "p")
    cut, squashed = (
        lienzo.prepare(made, tmp_path / geometry, size=16, geometry=geometry, resample=resample, workers=1)
        for geometry, resample in (("crop", "lanczos"), ("squash", "nearest"))
    )
    for one, other, settings in (
        (cut, squashed, "geometry = squash, resample = nearest"),
        (squashed, cut, "geometry = crop, resample = lanczos"),
    ):
        said = f"the collection was prepared with {settings}, the pictures of {one.path} were not"
        assert any(said in note for note in lienzo.evaluate(one, other, **QUICK).notes)
    as_it_is = lienzo.prepare(paint(tmp_path / "q", 8, 16, 16), tmp_path / "as-it-is", size=16, workers=1)
    assert not any("was prepared with" in note for note in lienzo.evaluate(as_it_is, squashed, **QUICK).notes)


def test_what_was_done_to_pictures_is_said_though_they_have_their_size(ready: Path, collection: Collection) -> None:
    clear, turned = noisy(9, 16, 16), Image.Exif()
    clear.putalpha(100)
    clear.save(ready / "8.png")
    turned[0x0112] = 6
    noisy(10, 16, 16).save(ready / "9.png", exif=turned)
    for i in range(3):
        Image.fromarray(np.arange(256, dtype=np.float32).reshape(16, 16) + i).save(ready / f"deep-{i}.tif")
    scores = lienzo.evaluate(ready, collection, **QUICK)
    assert scores.notes[0] == (
        f"of {ready} 13 pictures were read, none refused; each has 16×16 pixels; "
        "1 put on white, 1 turned upright, 3 brought to 8 bits, 3 scaled by a guessed white"
    )
    assert scores.prepared["subject"]["notes"] == {"alpha": 1, "deep": 3, "rotated": 1, "scaled": 3}


def test_pictures_whose_alpha_hides_nothing_are_scored_as_they_are(
    paint: Paint, ready: Path, tmp_path: Path, collection: Collection
) -> None:
    usual = lienzo.evaluate(ready, collection, **QUICK)
    for i in range(8):
        noisy(i, 16, 16).convert("RGBA").save(ready / f"{i}.png")
    Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).convert("LA").save(ready / "grey.png")
    on_black = lienzo.prepare(paint(tmp_path / "p"), tmp_path / "black", size=16, background="black", workers=1)
    scores = lienzo.evaluate(ready, on_black, **QUICK)
    assert scores.notes[0].endswith("9 pictures were read, none refused; each has 16×16 pixels, and is scored as it is")
    assert not any("was prepared with" in note for note in scores.notes)
    (ready / "grey.png").unlink()
    assert measured(lienzo.evaluate(ready, collection, **QUICK)) == measured(usual)


def test_an_archive_that_cannot_be_read_is_said_once(ready: Path, command: Command, tmp_path: Path) -> None:
    (ready / "more.zip").write_bytes(b"no archive")
    words = ["--detector", "pixels", "--samples", 40, "--device", "cpu", "--no-novelty", "--json"]
    for _ in range(2):
        status, out, said = command("evaluate", ready, ready, *words)
        assert status == 0
        assert said.count("more.zip cannot be read as a zip file") == 1
        assert "8 pictures were read, none refused, but not everything could be read; each has 16×16" in said
        (remark,) = json.loads(out)[0]["prepared"]["reference"]["remarks"]
        assert remark.startswith(f"{ready / 'more.zip'} cannot be read")
    for path in ready.glob("*.png"):
        path.unlink()
    with pytest.raises(InputError, match=r"no pictures in .*ready: .*more.zip cannot be read as a zip file"):
        lienzo.evaluate(ready, tmp_path / "ready", **QUICK)


def test_a_file_that_was_replaced_with_its_date_kept_is_read_again(ready: Path, collection: Collection) -> None:
    first = lienzo.evaluate(ready, collection, **QUICK)
    before = (ready / "0.png").stat()
    data = bytearray(encoded(noisy(50, 16, 16), "BMP"))
    for path, shade in ((ready / "flat.bmp", 0), (ready / "flat.bmp", 9)):
        data[-3:] = bytes([shade] * 3)
        path.write_bytes(data)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        again = lienzo.evaluate(ready, collection, **QUICK)
        assert again.generator != first.generator
        first = again


def test_a_cache_that_cannot_be_written_names_its_variable(
    ready: Path, collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LIENZO_CACHE", str(tmp_path / "file"))
    with pytest.raises(CollectionError, match=r"cannot be written .*: let LIENZO_CACHE name a folder that can be"):
        lienzo.evaluate(ready, collection, **QUICK)


def test_a_cache_of_which_a_part_was_deleted_is_made_again(ready: Path, collection: Collection, cache: Path) -> None:
    first = lienzo.evaluate(ready, collection, **QUICK)
    damaged: set[Path] = set()
    for lost in ("collection.json", "images-00000.npy", "rejected.parquet"):
        (made,) = {*(cache / "pictures").glob("[!.]*")} - damaged
        (made / lost).unlink()
        damaged.add(made)
        assert measured(lienzo.evaluate(ready, collection, **QUICK)) == measured(first)


def test_what_the_listing_cannot_read_is_listed_and_not_read_again(
    ready: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ready / "8.png").symlink_to(ready / "nowhere.png")
    scores = lienzo.evaluate(ready, collection, **QUICK)
    assert scores.prepared["subject"]["refused"] == {"unreadable": 1}
    with monkeypatch.context() as patch:
        patch.setattr(preparation, "screen_units", pytest.fail)
        patch.setattr(pictures, "screen_units", lambda units, *_: [pytest.fail("screened") for _ in units])
        lienzo.evaluate(ready, collection, **QUICK)
    noisy(9, 16, 16).save(ready / "nowhere.png")
    (ready / "nowhere.png").rename(ready.parent / "elsewhere.png")
    (ready / "8.png").unlink()
    (ready / "8.png").symlink_to(ready.parent / "elsewhere.png")
    assert lienzo.evaluate(ready, collection, **QUICK).prepared["subject"]["kept"] == 9


@pytest.mark.parametrize("reason", [Reason.EXHAUSTED, Reason.UNREADABLE, Reason.VANISHED, Reason.CHANGED])
def test_a_file_that_could_not_be_read_is_tried_again_and_what_others_read_stays(
    ready: Path, collection: Collection, cache: Path, monkeypatch: pytest.MonkeyPatch, reason: Reason
) -> None:
    def busy(units: Iterable[Unit], *given: Any, **more: Any) -> Iterator[tuple[str, list[Screened]]]:
        """Screen as usual, but refuse one file."""
        for key, found in screen_units(units, *given, **more):
            refused = [replace(one, reason=reason, pixels=b"") if one.source == "3.png" else one for one in found]
            yield key, refused

    def kept() -> int:
        scores = lienzo.evaluate(ready, collection, **QUICK)
        return int(scores.prepared["subject"]["kept"])

    with monkeypatch.context() as patch:
        patch.setattr(preparation, "screen_units", busy)
        patch.setattr(pictures, "screen_units", busy)
        assert kept() == 7
        (earlier,) = (cache / "pictures").glob("[!.]*")
        patch.setattr(preparation, "screen_units", pytest.fail)  # the others are not screened again
        assert kept() == 7
    assert kept() == 8
    monkeypatch.setattr(preparation, "screen_units", pytest.fail)
    assert kept() == 8
    assert Collection.open(earlier).count == 7
    Collection.open(earlier).verify()


def test_files_are_read_again_where_a_decoder_was_installed(
    ready: Path, collection: Collection, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for count, decoded in ((1, ["AVIF"]), (1, ["AVIF"]), (2, ["AVIF", "HEIF"])):
        monkeypatch.setattr(formats, "decoded", lambda decoded=decoded: decoded)
        lienzo.evaluate(ready, collection, **QUICK)
        assert len([*(cache / "pictures").glob("[!.]*")]) == count


def test_an_evaluation_waits_for_another_one_of_the_same_folder(
    ready: Path, collection: Collection, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = lienzo.evaluate(ready, collection, **QUICK)
    (made,) = (cache / "pictures").glob("[!.]*")
    with ThreadPoolExecutor(1) as pool:
        with FileLock(made.with_name(f".{made.name}.lock")):
            second = pool.submit(lienzo.evaluate, ready, collection, **QUICK)
            while "this one waits for it" not in caplog.text and not second.done():
                time.sleep(0.01)
            assert not second.done()
        assert measured(second.result()) == measured(first)


def test_the_rule_is_a_preparation_that_keeps_what_a_generator_may_paint() -> None:
    assert (RULE.enlarge, RULE.curate, RULE.trim_borders, RULE.near_duplicates) == (True, False, False, None)
    assert "curate" in RULE.to_json()
    assert "curate" not in dataclasses.replace(RULE, curate=True).to_json()
    with pytest.raises(InputError, match="near duplicates and conflicting labels are kept"):
        dataclasses.replace(RULE, near_duplicates=4)
    with pytest.raises(InputError, match="near duplicates and conflicting labels are kept"):
        dataclasses.replace(RULE, conflicts="refuse")


def test_parquet_with_new_pictures_of_the_same_size_is_scored_anew(drawn: Path, tmp_path: Path) -> None:
    scores = []
    for shade in (0, 150):
        pictures = [np.full((16, 16, 3), shade + i, np.uint8) for i in range(20)]
        pq.write_table(
            pa.table({"image": [encoded(Image.fromarray(one), "BMP") for one in pictures]}), tmp_path / "a.parquet"
        )
        os.utime(tmp_path / "a.parquet", ns=(shade, shade))
        scores.append(lienzo.evaluate(tmp_path / "a.parquet", drawn, size=16, **QUICK))
    assert scores[0].generator != scores[1].generator
