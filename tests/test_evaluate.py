"""Evaluation: what scores say of generators whose faults are known."""

import contextlib
import dataclasses
import json
import os
import re
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from lienzo.cli.main import main
from lienzo.collection.collection import Collection
from lienzo.collection.preparation import prepare
from lienzo.errors import InputError, ScoreError
from lienzo.evaluation import evaluation, features
from lienzo.evaluation import scores as scores_module
from lienzo.evaluation.evaluation import compare, evaluate, steps
from lienzo.evaluation.features import shrunk
from lienzo.evaluation.novelty import with_mirrored
from lienzo.evaluation.report import _scales, _short, _truncations, chart, page
from lienzo.evaluation.scores import append, lines, read, refuse_incomparable, table, written
from lienzo.evaluation.settings import Settings
from lienzo.evaluation.subject import Subject, open_subject
from lienzo.generation.generation import Generator, save_generator
from lienzo.metrics.detectors import Detector, thumbnails
from lienzo.metrics.estimate import Estimate
from lienzo.metrics.measures import measure_labels
from lienzo.networks.configurations import NETS
from lienzo.networks.shape import Shape
from lienzo.storage import caches

SIZE, LATENTS = 32, 48
LABELS = ("blue", "green", "red")


def paint(z: Tensor) -> Tensor:
    """The world: soft blobs of colour, (N, 48) from N(0, 1) to (N, 3, 32, 32) in (−1, 1)."""
    return torch.tanh(nn.functional.interpolate(z.reshape(-1, 3, 4, 4), (SIZE, SIZE), mode="bicubic"))


@pytest.fixture(scope="module")
def collection(tmp_path_factory) -> Collection:
    """450 pictures of that world under three labels, each with more of one colour; every fourth held out."""
    folder = tmp_path_factory.mktemp("evaluate")
    source = torch.Generator().manual_seed(0)
    for i in range(450):
        z = torch.randn(1, 3, 4, 4, generator=source)
        z[:, 2 - i % 3] += 0.8
        image = paint(z).add(1).mul(127.5).round().byte()[0].permute(1, 2, 0).numpy()
        path = folder / "pictures" / LABELS[i % 3] / f"{i:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return prepare(folder / "pictures", folder / "collection", size=SIZE, holdout=0.25, workers=1, detect_damage=False)


class World(nn.Module):
    """A perfect generator, and with its parameters the faults of others."""

    def __init__(self, spread: float = 1.0, noise: float = 0.0) -> None:
        super().__init__()
        self.spread, self.noise = nn.Parameter(torch.tensor(spread)), noise
        self.middle = torch.randn(LATENTS, generator=torch.Generator().manual_seed(1))

    def forward(self, z: Tensor) -> Tensor:
        shift = 0.8 * nn.functional.one_hot((z[:, 0].abs() * 1e4).long() % 3, 3)[:, :, None, None]
        z = self.spread * z + (1 - self.spread) * self.middle
        images = paint(z.reshape(-1, 3, 4, 4) + shift)
        noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
        return (images + self.noise * noise).clamp(-1, 1)


class Memory(nn.Module):
    """Copies one training picture for each latent, or blends two."""

    def __init__(self, images: np.ndarray, *, blend: bool) -> None:
        super().__init__()
        self.images = nn.Parameter(torch.from_numpy(images).permute(0, 3, 1, 2) / 127.5 - 1, requires_grad=False)
        self.blend = blend

    def forward(self, z: Tensor) -> Tensor:
        count = len(self.images)
        first = (z[:, 0].abs() * 1e4).long() % count
        second = (first + 1 + (z[:, 1].abs() * 1e4).long() % (count - 1)) % count
        return self.images[first] * 0.5 + self.images[second] * 0.5 if self.blend else self.images[first]


def generator(module: nn.Module, name: str, size: int = SIZE, channels: int = 3) -> Generator:
    header = {"network": {"name": "dcgan", "latents": LATENTS}, "shape": [size, size, channels], "fingerprint": name}
    return Generator(module.eval().requires_grad_(False), header)


@pytest.fixture(scope="module")
def scores(collection):
    """Five generators whose faults are known, and the held-out pictures themselves."""
    training = collection.take(collection.rows("train"))
    subjects = {
        "perfect": generator(World(), "perfect"),
        "collapsed": generator(World(spread=0.02), "collapsed"),
        "noisy": generator(World(noise=0.5), "noisy"),
        "memorising": generator(Memory(training, blend=False), "memorising"),
        "blending": generator(Memory(training, blend=True), "blending"),
        "real": collection,
    }
    return {
        name: evaluate(subject, collection, detector="pixels", samples=300, device="cpu")
        for name, subject in subjects.items()
    }


def test_a_perfect_generator_scores_like_real_pictures(scores):
    perfect = scores["perfect"]
    assert perfect.measures.kid.value < 3 * perfect.measures.kid.error
    assert perfect.measures.density.value == pytest.approx(1, abs=0.25)
    assert perfect.measures.coverage.value > 0.8
    for trial in (perfect.novelty.features, perfect.novelty.pixels, perfect.novelty.blends):
        assert abs(trial.excess.share.value - 0.05) < 3 * trial.excess.share.error
    assert perfect.notes == ()


def test_a_collapsed_generator_is_precise_and_covers_little(scores):
    collapsed = scores["collapsed"].measures
    assert collapsed.coverage.value < 0.1
    assert collapsed.recall.value < 0.1
    assert collapsed.fid.value > 5 * scores["perfect"].measures.fid.value


def test_a_noisy_generator_is_seen_on_the_finest_level_of_the_pictures(scores):
    noisy, perfect = scores["noisy"], scores["perfect"]
    assert noisy.sliced_wasserstein[32] > 5 * perfect.sliced_wasserstein[32]
    assert noisy.sliced_wasserstein[16] < 3 * perfect.sliced_wasserstein[16]


def test_a_memorising_generator_has_the_best_scores_and_is_caught(scores):
    memorising, perfect = scores["memorising"], scores["perfect"]
    assert memorising.measures.fid.value < perfect.measures.fid.value
    assert memorising.measures.precision.value > 0.95
    for trial in (memorising.novelty.features, memorising.novelty.pixels, memorising.novelty.blends):
        assert trial.excess.share.value > 0.95
        assert trial.worst[0].rank == 0


def test_a_copy_is_shown_beside_the_picture_it_was_copied_from(scores, collection):
    maker = generator(Memory(collection.take(collection.rows("train")), blend=False), "memorising")
    for case in scores["memorising"].novelty.pixels.worst:
        assert np.array_equal(maker.generate([case.seed]).images, collection.take(np.array(case.rows)))


def test_a_generator_of_mirrored_copies_of_few_colours_is_caught_by_pixels_and_blends(collection):
    """Recipes may train with flips."""
    mirrored = collection.take(collection.rows("train"))[:, :, ::-1] // 32 * 32 + 16
    maker = generator(Memory(mirrored, blend=False), "mirroring")
    found = evaluate(maker, collection, detector="pixels", samples=100, device="cpu").novelty
    assert found.mirrored
    assert found.pixels.excess.share.value > 0.9
    assert found.blends.excess.share.value > 0.9
    case = found.pixels.worst[0]
    like = collection.take(np.array(case.rows))[0, :, ::-1]
    assert np.abs(maker.generate([case.seed]).images[0].astype(int) - like).max() <= 17


def test_mirrored_thumbnails_are_those_of_mirrored_pictures():
    images = np.random.default_rng(0).integers(0, 256, (3, 40, 24, 3), np.uint8)
    shrink = shrunk(torch.device("cpu"))
    expected = torch.cat([shrink(images, 0), shrink(images[:, :, ::-1], 0)])
    torch.testing.assert_close(with_mirrored(shrink(images, 0)), expected)


def test_scores_of_before_mirrored_pictures_were_searched_are_told_apart(scores, tmp_path):
    path, now = tmp_path / "scores.jsonl", scores["perfect"]
    plain = now.to_json()
    del plain["novelty"]["mirrored"]
    path.write_text(json.dumps(plain), encoding="utf-8")
    (before,) = read(path)
    assert dataclasses.replace(before.novelty, mirrored=True) == now.novelty
    with pytest.raises(ScoreError, match=r"whether mirrored pictures are copies too \(no and yes\)"):
        refuse_incomparable([before, now])
    refuse_incomparable([dataclasses.replace(before, novelty=None), now])


def test_a_blending_generator_is_caught_by_the_test_for_blends(scores):
    blending = scores["blending"].novelty
    assert blending.blends.excess.share.value > 0.9


def test_a_blend_is_shown_beside_the_two_pictures_it_was_made_of(scores, collection):
    maker = generator(Memory(collection.take(collection.rows("train")), blend=True), "blending")
    for case in scores["blending"].novelty.blends.worst:
        halves = collection.take(np.array(case.rows)).astype(float)
        assert np.abs(maker.generate([case.seed]).images[0] - halves.mean(0)).max() <= 1


def test_held_out_pictures_are_not_compared_with_themselves(collection):
    for part in ("holdout", "all"):
        with pytest.raises(ScoreError, match="compared with themselves: leave --part out"):
            evaluate(collection, collection, detector="pixels", part=part, device="cpu")
        several = [generator(World(), "a"), collection]
        with pytest.raises(ScoreError, match="compared with themselves"):  # before the first of them is scored
            next(compare(several, collection, Settings(detector="pixels", part=part, device="cpu")))


def test_held_out_pictures_can_be_scored_and_are_new(scores, collection):
    real = scores["real"]
    assert real.measures.generated == len(collection.rows("holdout"))
    assert abs(real.measures.kid.value) < 3 * real.measures.kid.error
    assert real.novelty.features.excess.probability.value == pytest.approx(0.5)


def test_too_few_pictures_for_fid_are_said_and_the_rest_is_given(scores):
    real = scores["real"]
    assert real.measures.fid is None
    assert any(note.startswith("FID is left out") and "KID" in note for note in real.notes)


def test_the_same_evaluation_gives_the_same_scores(scores, collection):
    again = evaluate(generator(World(), "perfect"), collection, detector="pixels", samples=300, device="cpu")
    assert dataclasses.replace(again, seconds=0) == dataclasses.replace(scores["perfect"], seconds=0)


def test_progress_goes_through_its_stages_and_ends_with_the_scores(collection):
    seen = list(
        steps(
            generator(World(), "a"), collection, Settings(detector="pixels", samples=200, novelty=False, device="cpu")
        )
    )
    assert all(step.done <= step.total for step in seen)
    assert [step.scores is not None for step in seen] == [False] * (len(seen) - 1) + [True]
    assert {"pictures to score", "FID", "KID", "patches"} <= {step.stage for step in seen}


# Labels


def test_labels_are_scored_one_by_one(collection):
    labelled = evaluate(collection, collection, detector="pixels", labels="folder", device="cpu").labels
    assert tuple(labelled) == LABELS
    holdout = collection.rows("holdout")
    assert sum(one.generated for one in labelled.values()) == len(holdout)
    assert all(abs(one.kid.value) < 4 * one.kid.error for one in labelled.values())


def test_a_generator_that_confuses_labels_is_seen_only_label_by_label():
    source = torch.Generator().manual_seed(0)
    labels = np.arange(300) % 2
    real, fake = (torch.randn(300, 4, generator=source) + 4 * torch.from_numpy(labels)[:, None] for _ in range(2))
    right = measure_labels(real, fake, labels, labels, ["a", "b"])
    wrong = measure_labels(real, fake, labels, 1 - labels, ["a", "b"])
    for name in ("a", "b"):
        assert right[name].fid.value < 1
        assert wrong[name].fid.value > 50
        assert wrong[name].precision.value < 0.1 < right[name].precision.value


def test_a_label_with_too_few_pictures_is_left_out():
    labels = np.array([0] * 20 + [1] * 3 + [-1] * 7)
    found = measure_labels(torch.randn(30, 2), torch.randn(30, 2), labels, labels, ["many", "few"])
    assert list(found) == ["many"]


def test_labels_that_are_left_out_are_said(collection):
    few = evaluate(collection, collection, detector="pixels", samples=12, labels="folder", novelty=False, device="cpu")
    assert len(few.labels) < len(LABELS)
    assert any(note.startswith("labels with no more than 5 pictures") for note in few.notes)


def test_labels_that_are_not_there_are_refused(collection):
    with pytest.raises(ScoreError, match="paints without labels: score it without --labels"):
        evaluate(generator(World(), "a"), collection, detector="pixels", labels="folder", device="cpu")
    with pytest.raises(InputError, match="unknown label kind 'style'"):
        evaluate(collection, collection, detector="pixels", labels="style", device="cpu")


# The cache


def clean(collection: Collection) -> Path:
    folder = caches.folder("features") / collection.fingerprint
    for path in folder.glob("*"):
        path.unlink()
    return folder


def counting() -> tuple[Detector, list[int]]:
    counts: list[int] = []

    def detect(images: np.ndarray) -> np.ndarray:
        counts.append(len(images))
        return thumbnails(images, 2)

    return Detector("counting", detect, "0123"), counts


def test_features_of_the_collection_are_made_once(collection):
    clean(collection)
    detector, counts = counting()
    first = evaluate(collection, collection, detector=detector, device="cpu")
    made = sum(counts)
    second = evaluate(collection, collection, detector=detector, device="cpu")
    assert sum(counts) == made == len(collection)  # those that are scored are held out, and known too
    assert first.measures == second.measures
    other = dataclasses.replace(detector, fingerprint="4567")
    evaluate(collection, collection, detector=other, device="cpu")
    assert sum(counts) == 2 * made


def test_features_of_one_kind_of_device_are_not_taken_for_those_of_another(collection, monkeypatch):
    clean(collection)
    monkeypatch.setattr(features, "_to_device_of_measures", lambda found, _device: found)
    detector, counts = counting()
    for device in ("cpu", "cuda", "cuda:1", "cpu"):
        walk = features.cached_features(collection, "train", collection.rows("train"), detector, torch.device(device))
        list(walk)
    assert sum(counts) == 2 * len(collection.rows("train"))


def test_without_a_fingerprint_nothing_is_kept(collection):
    folder = clean(collection)
    mine = Detector("mine", lambda images: thumbnails(images, 2))
    for setting in ({"precision": "bf16"}, {"detector_file": "nowhere"}):
        with pytest.raises(ScoreError, match="precision and detector_file are those of lienzo's detectors"):
            evaluate(collection, collection, detector=mine, device="cpu", **setting)
    evaluate(collection, collection, detector=mine, device="cpu")
    assert list(folder.glob("*")) == []


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"something else entirely"])
def test_a_damaged_cache_is_made_again(collection, damage):
    folder = clean(collection)
    before = evaluate(collection, collection, detector="pixels", device="cpu")
    for path in folder.glob("*"):
        path.write_bytes(damage or path.read_bytes()[:-1000])
    after = evaluate(collection, collection, detector="pixels", device="cpu")
    assert after.measures == before.measures
    assert all(len(np.load(path)) for path in folder.glob("*"))


def test_a_cache_that_cannot_be_written_is_said_and_does_no_harm(collection, caplog):
    folder = clean(collection)
    folder.rmdir()
    folder.write_bytes(b"a file where the folder should be")
    try:
        evaluate(collection, collection, detector="pixels", device="cpu")
    finally:
        folder.unlink()
    assert "the features are not kept for the next time" in caplog.text


# What cannot be scored


def test_a_generator_of_another_size_is_refused(collection):
    small = generator(World(), "small", size=16)
    with pytest.raises(ScoreError, match=r"16×16 pixels with 3 channels, but .* of 32×32 pixels with 3 channels"):
        evaluate(small, collection, detector="pixels", device="cpu")


def test_a_generator_that_gives_no_numbers_is_refused(collection):
    class Diverged(World):
        def forward(self, z: Tensor) -> Tensor:
            return super().forward(z) * torch.nan

    mute = generator(Diverged(), "diverged")
    with pytest.raises(InputError, match="finite"):
        evaluate(mute, collection, detector="pixels", samples=10, device="cpu")


def test_too_few_samples_and_wrong_seeds_are_refused(collection):
    with pytest.raises(ScoreError, match="5 samples are too few"):
        evaluate(collection, collection, samples=5)
    with pytest.raises(ScoreError, match="whole numbers from 0"):
        evaluate(collection, collection, seed=-1)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"part": "test"}, "unknown part 'test'"),
        ({"precision": "fp16"}, "unknown precision 'fp16': did you mean 'bf16'"),
        ({"samples": "50"}, "samples is '50', but has to be a whole number"),
        ({"seed": 0.5}, "seed is 0.5, but has to be a whole number"),
        ({"seed": 10**20}, "5000 seeds from 100000000000000000000 on end beyond 9223372036854775807"),
        ({"truncation": 0.5}, "truncation is 0.5, but has to be a list of numbers"),
        ({"truncation": ["0.5"]}, "truncation is .'0.5'., but has to be a list of numbers"),
        ({"truncation": [float("nan")]}, "a truncation is nan, but has to be a finite number"),
    ],
)
def test_impossible_settings_are_refused(setting, message):
    with pytest.raises(ScoreError, match=message):
        Settings(**setting)


def test_the_settings_that_are_not_of_one_type_alone_are_taken():
    numpy = Settings(samples=np.int64(50), seed=np.int64(3), truncation=iter((0, np.float32(0.5))))
    assert json.loads(json.dumps([numpy.samples, numpy.seed, numpy.truncation])) == [50, 3, [0.0, 0.5]]


def test_bfloat16_is_refused_where_the_device_has_none(collection, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    with pytest.raises(ScoreError, match=r"cpu does not multiply bfloat16: leave --precision out"):
        evaluate(collection, collection, precision="bf16", device="cpu")


def test_without_held_out_pictures_copies_are_not_sought_and_that_is_said(collection, tmp_path):
    source = Path(collection.settings["sources"]) if isinstance(collection.settings["sources"], str) else None
    pictures = source or collection.path.parent / "pictures"
    whole = prepare(pictures, tmp_path / "whole", size=SIZE, workers=1, detect_damage=False)
    found = evaluate(generator(World(), "a"), whole, detector="pixels", samples=250, device="cpu")
    assert found.novelty is None
    assert any("no pictures are held out" in note for note in found.notes)
    with pytest.raises(ScoreError, match="no held-out pictures to compare with the rest"):
        evaluate(whole, whole, detector="pixels", device="cpu")
    with pytest.raises(ScoreError, match="has no part holdout"):
        evaluate(generator(World(), "a"), whole, detector="pixels", part="holdout", device="cpu")


# Comparing


def test_comparable_scores_stand_in_one_table(scores):
    headers, rows = table([scores["perfect"], scores["collapsed"]])
    assert len(rows) == 2
    assert all(len(row) == len(headers) for row in rows)
    assert rows[0][headers.index("FID")] == written(scores["perfect"].measures.fid)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"collection": "other"}, "differ in collection .* and other"),
        ({"detector": "lite0", "detector_fingerprint": "x"}, "differ in detector .pixels and lite0., detector's fing"),
        ({"part": "holdout"}, "differ in part of it .train and holdout"),
    ],
)
def test_scores_that_were_not_taken_alike_are_not_compared(scores, change, message):
    with pytest.raises(ScoreError, match=message):
        table([scores["perfect"], dataclasses.replace(scores["collapsed"], **change)])


def test_scores_of_different_counts_are_not_compared(scores):
    with pytest.raises(ScoreError, match=r"number of generated pictures .300 and .* the same settings and --samples"):
        refuse_incomparable([scores["perfect"], scores["real"]])


def test_numbers_are_written_as_exactly_as_they_are_known():
    assert written(Estimate(12.3456, 0.5)) == "12.3 ± 0.5"
    assert written(Estimate(12.3456, 0.12)) == "12.35 ± 0.12"
    assert written(Estimate(123.456, 32)) == "123 ± 32"
    assert written(Estimate(0.12345, 0.0123)) == "0.123 ± 0.012"
    assert written(None) == "–"


def test_scores_are_plain_json_and_lines_are_added(scores, tmp_path):
    for name in ("perfect", "real"):
        append(tmp_path / "scores.jsonl", scores[name])
    lines = [json.loads(line) for line in (tmp_path / "scores.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 2
    assert lines[0]["measures"]["kid"] == scores["perfect"].measures.kid._asdict()
    assert lines[0]["collection"] == scores["perfect"].collection
    assert lines[1]["measures"]["fid"] is None


def test_a_line_that_nobody_ended_is_ended_before_the_next(scores, tmp_path):
    path = tmp_path / "scores.jsonl"
    append(path, scores["perfect"])
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    append(path, scores["real"])
    assert read(path) == [scores["perfect"], scores["real"]]


def test_no_line_is_lost_where_evaluations_end_together(scores, tmp_path, monkeypatch):
    together, write = threading.Barrier(2), scores_module.write_bytes

    def slowly(path, data):
        with contextlib.suppress(threading.BrokenBarrierError):
            together.wait(0.2)  # both have read by now, if nothing keeps one of them from it
        write(path, data)

    monkeypatch.setattr(scores_module, "write_bytes", slowly)
    path = tmp_path / "scores.jsonl"
    ends = [threading.Thread(target=append, args=(path, scores[name])) for name in ("perfect", "real")]
    for end in ends:
        end.start()
    for end in ends:
        end.join()
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2


# Several at once, runs, pages and the command


@pytest.fixture(scope="module")
def run(collection, tmp_path_factory) -> Path:
    """A run whose generator has learnt nothing."""
    folder = tmp_path_factory.mktemp("runs") / "a"
    network = NETS["dcgan"](width=4)
    torch.manual_seed(0)
    shape = Shape(SIZE, SIZE, 3)
    save_generator(folder / "generator.safetensors", network.generator(shape), network, shape, {})
    for name in ("run.json", "recipe.toml"):
        (folder / name).write_text("", encoding="utf-8")
    return folder


def test_several_are_compared_one_after_the_other(collection, run):
    settings = Settings(detector="pixels", samples=100, novelty=False, device="cpu")
    subjects = [run, run / "generator.safetensors"]
    seen = list(compare(subjects, collection, settings))
    ours, theirs = (step.scores for step in seen if step.scores is not None)
    assert ours.measures == theirs.measures
    assert (ours.subject, theirs.subject) == tuple(map(str, subjects))
    assert seen[0].stage.startswith(f"{run}: ")


def test_different_numbers_of_pictures_are_refused_before_anything_is_scored(collection, run):
    clean(collection)
    detector, counts = counting()
    held_out = len(collection.rows("holdout"))
    with pytest.raises(ScoreError, match=f"there would be 200 of .*, {held_out} of .*: take --samples {held_out}"):
        list(compare([run, collection], collection, Settings(detector=detector, samples=200, device="cpu")))
    assert counts == []


def test_numbers_are_told_of_subjects_of_one_name(collection):
    one, other = (
        Subject("same", str(count), collection.take, rows=np.arange(count, dtype=np.int64)) for count in (10, 20)
    )
    with pytest.raises(ScoreError, match="there would be 10 of same, 20 of same: take --samples 10"):
        list(compare([one, other], collection, Settings(detector="pixels", device="cpu")))


def test_all_held_out_pictures_are_searched_however_few_are_scored(collection):
    few = evaluate(generator(World(), "perfect"), collection, detector="pixels", samples=20, device="cpu")
    assert few.novelty.features.held_out == few.novelty.pixels.held_out == len(collection.rows("holdout"))
    assert "held-out" not in few.counted
    three = dataclasses.replace(few.novelty.features, held_out=3)
    told = dataclasses.replace(few, novelty=dataclasses.replace(few.novelty, features=three)).counted
    assert told.endswith(
        "Copies and blends are told by 3 held-out pictures only: 0.25 of pictures like these count as such."
    )


def test_the_text_says_how_many_pictures_were_scored_and_how_new_they_are(scores):
    told = lines([scores["memorising"], scores["perfect"]])
    assert f"300 pictures against {scores['perfect'].measures.reference} real ones, by pixels." in told
    for name, line in (("memorising", told[-2]), ("perfect", told[-1])):
        assert written(scores[name].novelty.blends.excess.probability) in line


def test_the_scores_of_a_run_are_kept_with_it(collection, run):
    (run / "scores.jsonl").unlink(missing_ok=True)
    scored = evaluate(run, collection, detector="pixels", samples=20, novelty=False, device="cpu")
    evaluate(run, collection, detector="pixels", samples=30, novelty=False, device="cpu")
    lines = [json.loads(line) for line in (run / "scores.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["measures"]["generated"] for line in lines] == [20, 30]
    assert lines[0]["generator"] == scored.generator


def test_the_page_needs_nothing_else_and_shows_what_was_measured(scores, collection):
    training = collection.take(collection.rows("train"))
    made = [generator(Memory(training, blend=False), "memorising"), generator(World(), "perfect")]
    subjects = [open_subject(one, collection) for one in made]
    shown = page([scores["memorising"], scores["perfect"]], subjects, collection)
    assert "generator memorising" in shown
    assert written(scores["perfect"].measures.fid) in shown
    assert shown.count("data:image/png") == 6
    assert shown.count("<svg") == 2
    assert "<script" not in shown
    assert "http" not in re.sub(r"xmlns[^\s>]*|<!DOCTYPE[^>]*>|<rdf:RDF.*?</rdf:RDF>", "", shown, flags=re.DOTALL)


def test_the_page_says_what_few_held_out_pictures_can_tell(scores, collection):
    one = scores["perfect"]
    few = {
        kind: dataclasses.replace(getattr(one.novelty, kind), held_out=8) for kind in ("features", "pixels", "blends")
    }
    one = dataclasses.replace(one, novelty=dataclasses.replace(one.novelty, **few))
    shown = page([one], [open_subject(generator(World(), "perfect"), collection)], collection)
    assert shown.count("the threshold that 0.111 of real pictures like the 8 held-out ones fall below") == 3
    assert "than 89 in 100 real pictures that were held out: real pictures have 0.111." in shown


def test_any_name_stands_in_the_charts_and_no_two_become_one(scores):
    names = [
        "runs/modern-0/generator.safetensors",
        "runs/fast-0/generator.safetensors",
        "a $x_{$ b",
        "_hidden",
        os.fsdecode(b"caf\xe9"),
    ]
    several = [dataclasses.replace(scores["perfect"], subject=name, truncation=1.0) for name in names]
    for drawn in (_scales(several), _truncations(several), chart([(one.title, one.measures) for one in several]).svg()):
        said = re.findall(r"<!-- (.*?) -->", drawn)
        for name in ("runs/modern-", "runs/fast-0/", "a $x_{$ b", "_hidden", r"caf\xe9"):
            assert any(line.strip().startswith(name) for line in said), (name, said)
    assert _short(names[:2]) == ["modern-0/gen…safetensors", "fast-0/gener…safetensors"]
    assert _short(names[:1]) == ["…0/generator.safetensors"]
    assert _short([f"{'a' * 30}{middle}{'b' * 30}" for middle in "cd"]) == ["1 bbbbbbbbbbbb", "2 bbbbbbbbbbbb"]


def command(monkeypatch, *words: object) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["lienzo", *map(str, words)])
    try:
        main()
    except SystemExit as left:
        return left.code
    return 0


def test_the_command_prints_a_table_or_json_and_writes_a_page(collection, run, tmp_path, capsys, monkeypatch):
    words = ("evaluate", run, run / "generator.safetensors", collection.path, "--detector", "pixels", "--samples", 40)
    assert command(monkeypatch, *words, "--device", "cpu", "--report", tmp_path / "scores.html") == 0
    shown = capsys.readouterr()
    assert "FID is left out" in shown.err
    assert [line.split()[0] for line in shown.out.splitlines()[1:3]] == [str(run), str(run / "generator.safetensors")]
    assert (tmp_path / "scores.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert command(monkeypatch, *words, "--no-novelty", "--json") == 0
    assert [one["novelty"] for one in json.loads(capsys.readouterr().out)] == [None, None]


def test_the_page_shows_pictures_of_the_generator_that_was_scored(collection, run, tmp_path, monkeypatch):
    """A run in training writes its generator anew at any moment."""
    path, compared = run / "generator.safetensors", evaluation.compare
    before = path.read_bytes()

    def compare_and_train(*given):
        yield from compared(*given)
        path.unlink()

    monkeypatch.setattr(evaluation, "compare", compare_and_train)
    words = ("evaluate", run, collection.path, "--detector", "pixels", "--samples", 40, "--device", "cpu")
    try:
        assert command(monkeypatch, *words, "--report", tmp_path / "scores.html") == 0
    finally:
        path.write_bytes(before)
    assert "Nearest training pictures" in (tmp_path / "scores.html").read_text(encoding="utf-8")


def test_the_command_says_what_is_missing(collection, tmp_path, capsys, monkeypatch):
    assert command(monkeypatch, "evaluate", collection.path) == 2
    assert "lienzo evaluate SUBJECT... COLLECTION" in capsys.readouterr().err
    assert command(monkeypatch, "evaluate", tmp_path / "nothing", collection.path) == 2
    assert "nothing" in capsys.readouterr().err


def test_scores_at_several_truncations_are_a_curve_of_their_own(collection, run, tmp_path, capsys, monkeypatch):
    kept = run / "scores.jsonl"
    before = kept.read_bytes() if kept.exists() else b""
    words = ("evaluate", run, collection.path, "--truncation", "0.5,1", "--samples", 40, "--detector", "pixels")
    assert command(monkeypatch, *words, "--report", tmp_path / "curve.html", "--json") == 0
    half, whole = json.loads(capsys.readouterr().out)
    assert (half["truncation"], whole["truncation"]) == (0.5, 1.0)
    assert half["measures"]["kid"] != whole["measures"]["kid"]
    plain = evaluate(run, collection, samples=40, detector="pixels")
    assert "truncation" not in plain.to_json()
    assert plain.to_json()["measures"] == whole["measures"]  # ψ = 1 changes nothing
    lines = [json.loads(line) for line in kept.read_bytes()[len(before) :].splitlines()]
    assert [line.get("truncation") for line in lines] == [0.5, 1.0, None]
    assert "Truncation" in (tmp_path / "curve.html").read_text(encoding="utf-8")
    assert command(monkeypatch, *words) == 0
    assert ", ψ 0.5" in capsys.readouterr().out
    with pytest.raises(ScoreError, match="one truncation at a time"):
        evaluate(run, collection, samples=40, detector="pixels", truncation=(0.5, 1.0))
    with pytest.raises(ScoreError, match="which nothing truncates"):
        evaluate(collection, collection, samples=40, detector="pixels", truncation=(0.5,))
    truncated = evaluate(run, collection, samples=40, detector="pixels", truncation=(0.5,))
    with pytest.raises(ScoreError, match="whether latents are truncated"):
        refuse_incomparable([plain, truncated])
