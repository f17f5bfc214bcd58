"""Scores in the studio: groups that compare, what is best within error, one run's copies, and what was found of it."""

import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx")
import servers_for_tests
from conftest import Paint
from PIL import Image
from starlette.testclient import TestClient

import lienzo
from lienzo.collection.collection import Collection
from lienzo.errors import InputError
from lienzo.evaluation.scores import Scores, append
from lienzo.explore import dissecting, steering
from lienzo.generation.directions import Directions, beside
from lienzo.metrics.estimate import Estimate
from lienzo.metrics.results import Measures
from lienzo.recipe.recipe import Recipe
from lienzo.run.run import Run
from lienzo.studio.canvas import finding
from lienzo.studio.canvas.wishes import Read, Show
from lienzo.studio.context import Context
from lienzo.studio.reading import findings, scores
from lienzo.studio.reading.artefacts import Artefacts
from lienzo.studio.safety import Door
from lienzo.studio.server import application

CHROMIUM = Path("/usr/bin/chromium")

UNSCORED = shutil.ignore_patterns("scores.jsonl", "novelty*")
"""Leaves out what other tests have found of the run that all share."""


def scored(kid: float, error: float = 0.01, **changes: Any) -> Scores:
    """Return scores of which only KID matters."""
    half = Estimate(0.5, 0.1)
    measures = Measures(10, 10, None, Estimate(kid, error), half, half, half, half)
    known: dict[str, Any] = {
        "subject": "a", "generator": "0" * 64, "collection": "1" * 16, "part": "train", "detector": "lite0",
        "detector_fingerprint": "2" * 16, "seed": 0, "measures": measures, "sliced_wasserstein": {16: 0.25, 8: 0.75},
        "novelty": None, "labels": {}, "prepared": {}, "notes": (), "seconds": 1.0, "lienzo": "0.1.0",
    }  # fmt: skip
    return Scores(**(known | changes))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, run: Run, collection: Collection) -> Path:
    """Return a folder with a collection and three runs, of which the first two were scored."""
    folder = tmp_path_factory.mktemp("scores")
    shutil.copytree(collection.path, folder / "small")
    for name in ("a", "deep/b", "c"):
        shutil.copytree(run.path, folder / name, ignore=UNSCORED)
    newest, here = lienzo.load(run).fingerprint, collection.fingerprint
    append(folder / "a" / "scores.jsonl", scored(0.50, generator=newest, collection=here))
    append(folder / "a" / "scores.jsonl", scored(0.41, collection=here))
    append(folder / "deep/b" / "scores.jsonl", scored(0.40, collection=here))
    append(folder / "deep/b" / "scores.jsonl", scored(0.10, collection=here, detector="pixels"))
    append(folder / "deep/b" / "scores.jsonl", scored(0.20, collection=here, truncation=0.7))
    with (folder / "deep/b" / "scores.jsonl").open("a") as file:
        file.write('{"subject": "of another lienzo"}\n')
    return folder


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    door = Door("127.0.0.1", 7860)
    with TestClient(application(Context(Artefacts(folder.resolve()), False), door), "http://127.0.0.1:7860") as client:
        client.cookies.set(door.cookie, door.token)
        yield client


def test_what_cannot_be_compared_stands_apart_with_the_reason(client: TestClient, folder: Path) -> None:
    told = client.get("/api/scores").json()
    assert (told["count"], told["lines"]) == (3, 5)
    assert told["left_out"] == {"deep/b": "1 line that this lienzo cannot read"}
    first, *others = told["groups"]
    assert [(line["run"], line["number"]) for line in first["lines"]] == [("deep/b", 0), ("a", 1), ("a", 0)]
    assert first["collection"] == "small"
    assert first["differs"] == []
    assert {differs for group in others for differs in group["differs"]} == {
        "detector (lite0 and pixels)", "whether latents are truncated (no and yes)",
    }  # fmt: skip
    images = [line["images"] for line in first["lines"]]
    assert images == [None, None, lienzo.load(folder / "a").header["images"]]
    assert first["lines"][0]["values"]["patches"] == {"value": 0.5, "error": 0.0}


def test_the_best_is_marked_with_what_is_no_worse_within_the_error(client: TestClient) -> None:
    (first, *_) = client.get("/api/scores", params={"sort": "kid", "down": "1"}).json()["groups"]
    assert [("kid" in line["best"]) for line in first["lines"]] == [False, True, True]  # 0.50, 0.41, 0.40
    assert not any("precision" in line["best"] for line in first["lines"])  # all are alike
    assert client.get("/api/scores", params={"sort": "beauty"}).status_code == 400


def test_kid_that_was_taken_during_training_is_a_group_of_its_own(tmp_path: Path, run: Run) -> None:
    shutil.copytree(run.path, tmp_path / "a", ignore=UNSCORED)
    changed = run.recipe().with_settings(["evaluate_every=16"])
    (tmp_path / "a" / "recipe.toml").write_text(changed.to_toml())
    with (tmp_path / "a" / "log.jsonl").open("a") as file:
        for images, kid in ((100, 0.2), (200, 0.3)):
            file.write(json.dumps({"images": images, "kid": kid, "kid_error": 0.01}) + "\n")
        file.write('{"images": 300, "kid": 0.1')
    (group,) = scores.groups(Artefacts(tmp_path))
    (line,) = group["lines"]
    assert (line.images, line.number) == (200, -1)
    assert line.values == {"kid": Estimate(0.3, 0.01), "lowest kid": Estimate(0.2, 0.01)}
    append(tmp_path / "a" / "scores.jsonl", scored(0.4))  # and beside an evaluation, which it is not compared with
    both = scores.groups(Artefacts(tmp_path))
    assert [len(group["lines"]) for group in both] == [1, 1]
    assert [len(group["differs"]) > 0 for group in both] == [False, True]


def test_numbers_that_are_none_are_not_told(tmp_path: Path, run: Run) -> None:
    shutil.copytree(run.path, tmp_path / "a", ignore=UNSCORED)
    append(tmp_path / "a" / "scores.jsonl", scored(float("nan"), sliced_wasserstein={}))
    door = Door("127.0.0.1", 7860)
    app = application(Context(Artefacts(tmp_path.resolve()), False), door)
    client = TestClient(app, "http://127.0.0.1:7860", cookies={door.cookie: door.token})
    (group,) = client.get("/api/scores").json()["groups"]
    assert group["lines"][0]["values"]["kid"] is None
    (one,) = client.get("/api/scores/run", params={"run": "a"}).json()["evaluations"]
    assert one["measures"]["kid"]["value"] is None


def test_an_odd_number_of_one_run_leaves_the_scores_of_the_others(tmp_path: Path, run: Run) -> None:
    for name, changes in {"a": {}, "b": {"truncation": float("nan")}, "c": {"seconds": float("inf")}}.items():
        shutil.copytree(run.path, tmp_path / name, ignore=UNSCORED)
        append(tmp_path / name / "scores.jsonl", scored(0.5, **changes))
    door = Door("127.0.0.1", 7860)
    app = application(Context(Artefacts(tmp_path.resolve()), False), door)
    client = TestClient(app, "http://127.0.0.1:7860", cookies={door.cookie: door.token})
    lines = [line for group in client.get("/api/scores").json()["groups"] for line in group["lines"]]
    assert {line["run"]: (line["values"]["kid"]["value"], line["truncation"], line["seconds"]) for line in lines} == {
        "a": (0.5, None, 1.0), "b": (0.5, None, 1.0), "c": (0.5, None, None),
    }  # fmt: skip


def test_one_run_is_told_with_what_was_found_of_its_generators(client: TestClient, folder: Path) -> None:
    generator = lienzo.load(folder / "a")
    found = Directions(np.eye(2, 8, dtype=np.float32), ("storm", "calm"), generator.fingerprint, "weights")
    (folder / "kept").mkdir()
    files = [beside(folder / "a"), folder / "kept" / "d.safetensors"]
    for file in files:
        found.save(file)
    replace(found, generator="another").save(folder / "kept" / "other.safetensors")
    try:
        told = client.get("/api/scores/run", params={"run": "a"}).json()
        assert [one["number"] for one in told["evaluations"]] == [1, 0]
        assert [one["newest"] for one in told["evaluations"]] == [False, True]
        assert {one["here"] for one in told["evaluations"]} == {"small"}
        names = ["a/generator-directions.safetensors", "kept/d.safetensors"]
        assert told["findings"] == [{"file": name, "kind": "directions", "newest": True} for name in names]
        kind, content = finding.read(Run(folder / "a"), Read("a", str(files[1])))
        assert kind == "application/json"
        assert json.loads(content)["directions"] == [{"name": name, "effect": None} for name in ("storm", "calm")]
        for wrong in ("../x", "kept/other.safetensors", "a/generator.safetensors", "/etc/passwd"):
            answer = client.get("/api/scores/finding", params={"run": "a", "file": wrong})
            assert answer.status_code == 400
            assert "there is nothing about a" in answer.json()["error"]
    finally:
        for file in files:
            file.unlink()
        shutil.rmtree(folder / "kept")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, paint: Paint, recipe: Recipe) -> Path:
    """Return a folder with a run that was scored, with held-out pictures, dissected and steered."""
    folder = tmp_path_factory.mktemp("whole")
    kept = lienzo.prepare(paint(folder / "pictures"), folder / "small", size=16, holdout=0.3, workers=1)
    run = lienzo.train(kept, recipe, folder / "a", device="cpu")
    lienzo.evaluate(run, kept, samples=8, detector="pixels")
    dissecting.dissect(run, concept=["dark"], count=32).save(dissecting.beside(run))
    steering.keep(steering.directions(run, count=2, name=["0=storm"], detector="pixels"), run)
    return folder


@pytest.mark.slow
def test_a_dissection_is_told_and_shown(whole: Path, tmp_path: Path) -> None:
    artefacts, run = Artefacts(whole), Run(whole / "a")
    found = {one["kind"]: one["file"] for one in findings.findings(artefacts, "a", run)}
    path = findings.located(artefacts, "a", run, found["dissection"])
    told = json.loads(finding.read(run, Read("a", str(path)))[1])
    assert [one["concept"] for one in told["examples"]] == ["dark"]
    assert {one["how"] for one in told["effects"]} == {"off", "on"}
    for view in ("mask", "active", "before", "off", "control", "on"):
        picture = Image.open(io.BytesIO(finding.show(run, Show("a", str(path), 0, view))[1]))  # type: ignore[arg-type]
        assert picture.size == (64, 32)
    with pytest.raises(InputError, match="switched 1 concepts"):
        finding.show(run, Show("a", str(path), 1, "on"))
    (tmp_path / "cut.safetensors").write_bytes(path.read_bytes()[:-8])
    with pytest.raises(InputError, match="truncated"):
        finding.read(run, Read("a", str(tmp_path / "cut.safetensors")))


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium")
@pytest.mark.parametrize(("width", "colours"), [(1200, "light"), (390, "dark")])
def test_scores_are_looked_through_in_a_browser(whole: Path, width: int, colours: str) -> None:
    api = pytest.importorskip("playwright.sync_api")
    said: list[str] = []
    with servers_for_tests.studio(whole) as address, api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM))
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=colours)
        page.set_default_timeout(300_000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(address)
        page.get_by_role("link", name="Scores").click()
        page.get_by_text("1 evaluation in 1 group.").wait_for()
        page.get_by_role("button", name="recall").click()
        page.wait_for_url("**sort=recall**")
        page.get_by_role("link", name="a", exact=True).click()
        page.get_by_role("heading", name="Blends").wait_for()
        page.locator(".trial").nth(2).get_by_role("img").first.wait_for()
        page.locator(".sheet canvas").first.wait_for()
        page.get_by_role("cell", name="storm").wait_for()
        picture = page.get_by_role("img", name="dark: Before.")
        picture.scroll_into_view_if_needed()
        shown = picture.evaluate_handle("image => image.decode().then(() => image.naturalWidth)")
        assert shown.json_value() == 64
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        browser.close()
    assert said == []
