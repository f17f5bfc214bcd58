"""Arithmetic with latents: what a sum comes to, and what it gains over its control."""

import itertools
import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from conftest import Command
from generators_for_tests import Halves, wrapped
from numpy.typing import NDArray

import lienzo
from lienzo.collection.collection import Collection
from lienzo.errors import InputError
from lienzo.explore.calculation import Calculated, _Examples
from lienzo.explore.calculation import gains as _gains
from lienzo.explore.labelling import Classifier
from lienzo.generation.generation import Generator
from lienzo.generation.latents import Latents
from lienzo.metrics.estimate import Estimate


def test_arithmetic_shows_its_parts_and_its_result(generator: Generator) -> None:
    done = lienzo.explore.arithmetic(generator, "mean(1,7,9) - mean(2,4,8) + 3 + label('wild')").computed
    z, _ = generator.drawn([1, 7, 9, 2, 4, 8, 3])
    expected = z[:3].mean(0) - z[3:6].mean(0) + z[6]
    assert np.allclose(done.latents.z[0], expected, atol=1e-6)
    assert done.latents.y[0].tolist() == [0, 1]
    assert [len(parts) for parts in done.parts] == [3, 3, 1, 1]
    assert np.array_equal(done.parts[0], generator.paint(z[:3]))
    assert np.array_equal(done.result[4], generator.paint(done.latents.z, done.latents.y)[0])
    assert done.control.shape == done.result.shape == (9, 16, 16, 3)
    assert not np.array_equal(done.control[4], done.result[4])


def test_a_seed_that_occurs_twice_is_twice_the_same_in_its_control(generator: Generator) -> None:
    once, again = (lienzo.explore.arithmetic(generator, text).computed for text in ("8", "8 + 7 - 7"))
    assert np.array_equal(once.control, again.control)


@pytest.mark.parametrize("text", ["1e18 * 1e18 * 1e18 * 7", "7 / 1e-300", "7 / 1e-320", "1e18 * (1e18 * (1e18 * 7))"])
def test_a_sum_that_is_too_large_is_not_the_generators_fault(generator: Generator, text: str) -> None:
    with pytest.raises(InputError, match="latents and labels have to be finite numbers"):
        lienzo.explore.arithmetic(generator, text)


def test_arithmetic_gains_over_its_control(halves: Collection) -> None:
    found = lienzo.explore.arithmetic(wrapped(Halves(), "halves"), "1 - 2 + 3", halves, detector="pixels", trials=60)
    assert {(gain.wanted, gain.taken) for gain in found.gains} == {("above", "below"), ("below", "above")}
    assert found.gain is not None
    assert found.gain.value > 2 * found.gain.error > 0


class Cheap(_Examples):
    """Examples whose pictures are their latents; one shows a label where its number of that label is above 0.5."""

    def hits(self, z: NDArray[np.float32], y: NDArray[np.float32], wanted: int) -> NDArray[np.bool_]:
        return np.asarray(z[:, wanted] > 0.5)


@pytest.mark.parametrize("count", [20, 60, 200])
def test_the_errors_of_gains_are_how_far_they_come_apart(count: int) -> None:
    chance, shown = np.random.default_rng(0), np.repeat(np.arange(3), count)
    names = Classifier(("a", "b", "c"), *(torch.zeros(1),) * 3)
    values, errors = [], []
    for _ in range(60):
        z = chance.standard_normal((3 * count, 3)) + np.eye(3)[shown]
        examples = Cheap(cast(Any, None), names, cast(Any, None), z.astype(np.float32), z[:, :0], shown)
        gains = tuple(_gains(examples, list(itertools.permutations(range(3), 2))))
        found = [gains[0].share, gains[0].gain, cast(Estimate, Calculated(cast(Any, None), gains).gain)]
        values.append([one.value for one in found])
        errors.append([one.error for one in found])
    apart, told = np.std(values, axis=0), np.sqrt(np.mean(np.square(errors), axis=0))
    assert told == pytest.approx(apart, rel=0.25)


def test_the_command_computes_and_keeps_the_latents(command: Command, run: lienzo.Run, tmp_path: Path) -> None:
    kept, page = tmp_path / "sum.safetensors", tmp_path / "sum.html"
    words = ("explore", "arithmetic", run.path, "mean(1,7) - 2 + 3", "--save-latents", kept, "--out", page)
    assert command(*words)[:2] == (0, f"{page}\n")
    assert "mean(1, 7)" in page.read_text(encoding="utf-8")
    about = json.loads(command(*words, "--json")[1])
    assert about["norm"] == pytest.approx(np.sqrt(np.square(Latents.open(kept).z).mean()), abs=1e-3)
    status, _, said = command(*words[:4], "--save-latents", run.generator_path)
    assert (status, "holds no latents: give the name of another file" in said) == (2, True)
    lienzo.load(run)
    status, _, said = command("explore", "arithmetic", run.path, "1", "--labels", "style")
    assert (status, "there is no collection" in said) == (2, True)
    status, _, said = command("explore", "arithmetic", run.path, "1 +")
    assert (status, said.count("\n")) == (2, 1)
    assert "is no expression" in said


def test_latents_of_another_generator_are_not_replaced(
    command: Command, run: lienzo.Run, generator: Generator, tmp_path: Path
) -> None:
    kept = Latents(*generator.drawn([1]), generator.fingerprint).save(tmp_path / "mine.safetensors")
    before = kept.read_bytes()
    with pytest.raises(InputError, match="is of another generator"):
        Latents(*generator.drawn([1]), "0" * 64).save(kept)
    words = ("explore", "arithmetic", run.path, "1 + 2", "--out", tmp_path / "a.html")
    status, _, said = command(*words, "--save-latents", kept)
    assert (status, "is there and is of another generator" in said, said.count("\n")) == (2, True, 1)
    assert kept.read_bytes() == before


@pytest.mark.parametrize(
    ("verb", "option"), [("arithmetic", "--save-latents"), ("directions", "--save"), ("dissect", "--save")]
)
def test_two_results_do_not_share_a_file(
    command: Command, run: lienzo.Run, tmp_path: Path, verb: str, option: str
) -> None:
    words = ["1"] if verb == "arithmetic" else []
    same = tmp_path / "same.html"
    status, _, said = command("explore", verb, run.path, *words, option, same, "--out", tmp_path / "." / "same.html")
    assert (status, f"give --out and {option} a file each" in said, said.count("\n")) == (2, True, 1)
    assert not same.exists()


@pytest.mark.parametrize("verb", ["walk", "arithmetic", "directions", "invert", "neighbours", "dissect"])
def test_what_nobody_can_write_is_refused_before_anything_is_computed(
    command: Command, tmp_path: Path, verb: str
) -> None:
    (tmp_path / "file").write_text("mine")
    words = ["1"] if verb == "arithmetic" else []
    ending = "gif" if verb == "walk" else "html"
    status, _, said = command("explore", verb, "nowhere", *words, "--out", tmp_path / "file" / f"x.{ending}")
    assert (status, "is a file" in said, "--out" in said, said.count("\n")) == (2, True, True, 1)
    if Path("/proc/self").exists():
        status, _, said = command("explore", verb, "nowhere", *words, "--out", f"/proc/nothing/x.{ending}")
        assert (status, "cannot be written" in said, said.count("\n")) == (2, True, 1)


@pytest.mark.parametrize("verb", ["arithmetic", "directions", "invert", "neighbours", "dissect"])
def test_a_page_replaces_only_pages_of_lienzos(command: Command, tmp_path: Path, verb: str) -> None:
    page = tmp_path / "mine.html"
    page.write_text("<!doctype html><title>mine</title>", encoding="utf-8")
    words = ["1"] if verb == "arithmetic" else []
    status, _, said = command("explore", verb, "nowhere", *words, "--out", page)
    assert (status, "is no page of lienzo explore: give the name of another file" in said) == (2, True)
    assert page.read_text(encoding="utf-8") == "<!doctype html><title>mine</title>"
