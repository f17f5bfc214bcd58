"""The demo at a tiny size: every stage, the page, going on after an interruption, stopping on time."""

import dataclasses
import itertools
import json
import re
import shutil
from pathlib import Path

import pytest

from lienzo.collection.collection import Collection
from lienzo.demo import demo
from lienzo.demo.page import draw
from lienzo.errors import InputError
from lienzo.generation import generation
from lienzo.networks.configurations import DCGAN
from lienzo.painter import painting
from lienzo.run.run import Run

TINY = demo.Settings(
    files=160,
    size=16,
    recipe=dataclasses.replace(
        demo.recipe(), network=DCGAN(latents=8, width=4), batch=16, images=640, tick=160, sample_every=320
    ),
    workers=1,
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished demo, made in three calls: one stopped while painting, one while training."""
    out = tmp_path_factory.mktemp("demo") / "out"
    for progress in demo.steps(out, TINY):
        if progress.stage == "painting":
            break
    for progress in demo.steps(out, TINY):
        if progress.stage == "training":
            break
    assert demo.demo(out, TINY) == out / "index.html"
    return out


def test_the_page_stands_alone(finished: Path) -> None:
    page = (finished / "index.html").read_text(encoding="utf-8")
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert "<script" not in page
    assert "data:image/gif;base64," in page


def test_the_page_names_every_refused_file_and_its_reason(finished: Path) -> None:
    page = (finished / "index.html").read_text(encoding="utf-8")
    refused = Collection.open(finished / "collection").rejected().to_pylist()
    assert len({row["reason"] for row in refused}) >= 3
    for row in refused:
        assert f"<td>{row['source']}</td><td>{row['reason']}</td>" in page


def test_the_page_shows_manners_parameters_and_commands(finished: Path) -> None:
    page = (finished / "index.html").read_text(encoding="utf-8")
    for manner in Collection.open(finished / "collection").vocabularies["folder"]:
        assert f"<td>{manner}</td>" in page
    assert "ConvTranspose2d" in page
    assert '<td class="number">8</td>' in page
    assert "3 × 16 × 16" in page
    assert f"lienzo generate {finished}/run" in page


def test_all_broken_files_and_no_others_are_refused(finished: Path) -> None:
    refused = {row["source"] for row in Collection.open(finished / "collection").rejected().to_pylist()}
    broken = [file for file in map(painting.plan, range(TINY.files)) if file.damage]
    assert refused == {file.name for file in broken}


def test_a_demo_in_one_go_has_its_stages_in_order_and_the_same_generator(finished: Path, tmp_path: Path) -> None:
    steps = list(demo.steps(tmp_path / "once", TINY))
    assert [stage for stage, _ in itertools.groupby(p.stage for p in steps)] == [
        "painting", "preparing", "training", "showing",
    ]  # fmt: skip
    assert all(0 <= progress.done <= progress.total for progress in steps)
    assert generation.load(finished / "run").fingerprint == generation.load(tmp_path / "once" / "run").fingerprint


def test_a_finished_demo_only_draws_its_page_again(finished: Path) -> None:
    assert {progress.stage for progress in demo.steps(finished, TINY)} == {"showing"}


def test_a_slow_machine_stops_on_time_and_says_so(
    finished: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = Path(shutil.copytree(finished, tmp_path / "out"))
    shutil.rmtree(out / "run")
    journal = json.loads((out / demo.JOURNAL).read_bytes())
    del journal["seconds"]["training"]  # what is painted and prepared serves
    (out / demo.JOURNAL).write_text(json.dumps(journal), encoding="utf-8")
    hurried = dataclasses.replace(TINY, seconds=0.0)
    demo.demo(out, hurried)
    images = Run.open(out / "run").log()[-1]["images"]
    assert images == TINY.recipe.tick
    assert "training stops on time" in caplog.text
    assert Run.open(out / "run").evolution_path.exists()
    assert {progress.stage for progress in demo.steps(out, hurried)} == {"showing"}


def test_other_settings_are_refused(finished: Path) -> None:
    with pytest.raises(InputError, match="other settings"):
        demo.demo(finished, dataclasses.replace(TINY, files=100))


@pytest.mark.parametrize("text", ["", "{}", "[1]"])
def test_a_damaged_journal_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "demo.json").write_text(text)
    with pytest.raises(InputError, match=r"damaged: remove"):
        demo.demo(tmp_path, TINY)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="something else than a demo"):
        demo.demo(tmp_path, TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_the_page_draws_what_is_left_of_a_broken_picture(tmp_path: Path) -> None:
    files = [painting.plan(number) for number in range(painting.COUNT)]
    for damage, drawable in (("cut JPEG", True), ("one pixel", True), ("error page", False), ("empty", False)):
        path = tmp_path / "file.jpg"
        path.write_bytes(painting.content(next(file for file in files if file.damage == damage)))
        assert (draw(path) is not None) == drawable, damage


def test_the_demo_recipe_writes_itself_down(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(demo.recipe().to_toml(), encoding="utf-8")
    assert type(demo.recipe()).from_toml(path) == demo.recipe()
    assert json.dumps(demo.recipe().to_dict())
