"""The view of a collection in the studio: filters, pages, what was refused, and choices that prepare reads."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx")
import io

import servers_for_tests
from PIL import Image
from starlette.testclient import TestClient

import lienzo
from lienzo.collection import tables
from lienzo.collection.collection import Collection
from lienzo.errors import InputError
from lienzo.studio.context import Context
from lienzo.studio.reading import duplicates, pictures
from lienzo.studio.reading.artefacts import Artefacts
from lienzo.studio.safety import Door
from lienzo.studio.server import application

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a collection of 20 pictures of two labels, and five refused files."""
    folder = tmp_path_factory.mktemp("studio")
    for i in range(20):
        target = folder / "pictures" / ("calm", "storm")[i % 4 == 0]
        target.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(i).integers(0, 256, (16, 16, 3), np.uint8)
        Image.fromarray(noise).save(target / f"{i:02}.png")
    calm = folder / "pictures" / "calm"
    (calm / "copy, again.png").write_bytes((calm / "01.png").read_bytes())
    (calm / "page.jpg").write_text("<html>not found</html>")
    (calm / "empty.png").write_bytes(b"")
    (calm / "zz-half.png").write_bytes((calm / "02.png").read_bytes()[:300])
    Image.fromarray(np.full((16, 16, 3), 90, np.uint8)).save(calm / "plain.png")
    lienzo.prepare(folder / "pictures", folder / "deep" / "sea", size=16, holdout=0.2, workers=1)
    return folder


@pytest.fixture
def sea(folder: Path) -> Collection:
    return Collection.open(folder / "deep" / "sea")


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    door = Door("127.0.0.1", 7860)
    app = application(Context(Artefacts(folder.resolve()), False), door)
    with TestClient(app, "http://127.0.0.1:7860") as client:
        client.cookies.set(door.cookie, door.token)
        yield client


def get(client: TestClient, address: str, **query: object) -> Any:
    answer = client.get(address, params={"collection": "deep/sea", **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_collection_is_told_with_its_labels_and_reasons(client: TestClient, sea: Collection) -> None:
    told = get(client, "/api/collection")
    assert (told["pictures"], told["refused"]) == (20, 5)
    assert told["kinds"] == [
        {
            "kind": "folder",
            "labels": [{"label": "calm", "pictures": 15}, {"label": "storm", "pictures": 5}],
            "without": 0,
        }
    ]
    assert {one["reason"]: one["files"] for one in told["reasons"]} == sea.refused
    assert all(one["meaning"] for one in told["reasons"])
    assert sum(told["parts"].values()) == 20
    assert told["prepare"].startswith("lienzo prepare ")
    assert told["prepare"].endswith(f" {sea.path.resolve()}-chosen --size 16 --holdout 0.2 --choices choices.csv")


def test_the_command_that_prepares_again_has_every_setting(client: TestClient, folder: Path) -> None:
    settings: Any = {"geometry": "pad", "background": "black", "curate": False, "detect_damage": False, "size": "16x20"}
    lienzo.prepare(folder / "pictures", folder / "deep" / "other", workers=1, **settings)
    told = client.get("/api/collection", params={"collection": "deep/other"}).json()["prepare"]
    options = told.partition("deep/other-chosen ")[2]
    assert options == (
        "--size 16x20 --geometry pad --background '#000000' --no-detect-damage --no-curate --choices choices.csv"
    )
    (folder / "pictures" / "metadata.csv").write_text("file_name,mood,title\ncalm/00.png,calm,a\n")
    columns = ("mood", "title")
    lienzo.prepare(folder / "pictures", folder / "deep" / "labelled", size=16, label_columns=columns, workers=1)
    told = client.get("/api/collection", params={"collection": "deep/labelled"}).json()["prepare"]
    assert told.endswith("deep/labelled-chosen --size 16 --label-columns mood,title --choices choices.csv")


def test_pictures_are_found_by_label_and_by_name_in_pages(client: TestClient, sea: Collection) -> None:
    storms = get(client, "/api/collection/pictures", kind="folder", label="storm", first=1, count=2)
    assert storms["count"] == 5
    assert [one["labels"] for one in storms["pictures"]] == [{"folder": "storm"}] * 2
    index = sea.index().to_pylist()
    for one in storms["pictures"]:
        assert index[one["row"]]["source"] == one["source"]
    assert [one["source"] for one in get(client, "/api/collection/pictures", search="STORM/04")["pictures"]] == [
        "storm/04.png"
    ]
    assert get(client, "/api/collection/pictures", kind="folder", label="")["count"] == 0
    assert len(get(client, "/api/collection/pictures", count=9999)["pictures"]) == 20
    for wrong in ({"kind": "style"}, {"kind": "folder", "label": "strom"}):
        answer = client.get("/api/collection/pictures", params={"collection": "deep/sea", **wrong})
        assert answer.status_code == 400
        assert "unknown" in answer.json()["error"]


def test_a_picture_is_the_collections_own(client: TestClient, sea: Collection) -> None:
    answer = client.get("/api/collection/picture", params={"collection": "deep/sea", "row": 7})
    with Image.open(io.BytesIO(answer.content)) as shown:
        assert np.array_equal(np.asarray(shown), sea.take(np.array([7]))[0])
    assert client.get("/api/collection/picture", params={"collection": "deep/sea", "row": 20}).status_code == 404


def test_refused_files_have_reason_detail_and_what_is_left_of_them(client: TestClient, sea: Collection) -> None:
    told = get(client, "/api/collection/refused")
    assert told["count"] == 5
    by_source = {one["source"]: one for one in told["files"]}
    wanted = {row["source"]: (row["reason"], row["detail"]) for row in sea.rejected().to_pylist()}
    assert {source: (one["reason"], one["detail"]) for source, one in by_source.items()} == wanted
    assert by_source["calm/plain.png"]["thumbnail"].startswith("data:image/")
    assert by_source["calm/page.jpg"]["thumbnail"] is None
    assert {one["source"] for one in told["files"] if one["keepable"]} == {
        "calm/copy, again.png", "calm/zz-half.png", "calm/plain.png",
    }  # fmt: skip
    alone = get(client, "/api/collection/refused", reason="duplicate", search="AGAIN")
    assert [one["source"] for one in alone["files"]] == ["calm/copy, again.png"]
    answer = client.get("/api/collection/refused", params={"collection": "deep/sea", "reason": "ugly"})
    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["..", "/etc", "pictures", "deep/sea/..", "", "a\0b"])
def test_paths_do_not_lead_out_of_the_folder(client: TestClient, path: str) -> None:
    for part in ("", "/pictures", "/refused", "/picture", "/alike", "/repeats"):
        answer = client.get(f"/api/collection{part}", params={"collection": path})
        assert answer.status_code == 400
        assert set(answer.json()) == {"error"}


def test_rows_of_a_page_are_read_from_their_groups_alone(
    client: TestClient, sea: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Collection, "index", None)  # whole tables are not asked for
    monkeypatch.setattr(Collection, "rejected", None)
    rows = np.array([19, 3, 11])
    assert [one["row"] for one in pictures.described(sea, rows)] == [19, 3, 11]
    assert len(pictures.refusals(sea, pictures.refused(sea)[3:])) == 2
    with pytest.raises(InputError, match="unknown reason"):
        pictures.refused(sea, reason="ugly")


def test_a_table_of_several_groups_is_read_by_them(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "rejected.parquet"
    columns = [[f"{i}.png" for i in range(50)], ["empty"] * 50, ["no bytes"] * 50, [0] * 50]
    pq.write_table(pa.table(columns, schema=tables.REJECTED), path, row_group_size=7)
    with tables.opened(path, tables.REJECTED) as table:
        found = dict(pictures._rows(table, np.array([48, 0, 13, 14]), ["source"]))
    assert {row: one["source"] for row, one in found.items()} == {i: f"{i}.png" for i in (48, 0, 13, 14)}


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a collection in which one picture stands four times, and one twice; two were refused."""
    folder = tmp_path_factory.mktemp("alike")
    (folder / "pictures").mkdir()
    for i in range(6):
        noise = Image.fromarray(np.random.default_rng(i).integers(0, 256, (4, 4, 3), np.uint8))
        picture = noise.resize((64, 64), Image.Resampling.BICUBIC)
        picture.save(folder / "pictures" / f"{i}.png")
        for size in {1: (60, 56, 48), 2: (40,)}.get(i, ()):
            picture.resize((size, size)).save(folder / "pictures" / f"{i} at {size}.png")
    for i in (3, 5):
        (folder / "pictures" / f"copy of {i}.png").write_bytes((folder / "pictures" / f"{i}.png").read_bytes())
    lienzo.prepare(folder / "pictures", folder / "all", size=32, workers=1)
    return folder


def test_near_duplicates_stand_beside_the_first_of_their_group(alike: Path) -> None:
    found, finder = Collection.open(alike / "all"), duplicates.Finder()
    groups = finder.groups(found, 4, seconds=60)
    assert groups is not None
    assert finder.groups(found, 4) is groups
    told = duplicates.shown(found, groups, range(len(groups)), 3)
    assert [len(group["sources"]) for group in told] == [4, 2]  # those that are not shown are among them
    assert [one["source"] for one in told[0]["pictures"]] == ["1 at 48.png", "1 at 56.png", "1 at 60.png"]
    assert told[0]["pictures"][0]["bits"] == 0
    assert {one["source"] for one in told[1]["pictures"]} == {"2.png", "2 at 40.png"}
    refused = lienzo.prepare(alike / "pictures", alike / "fewer", size=32, near_duplicates=4, workers=1).refused
    assert refused["near-duplicate"] == len(groups.rows) - len(groups)  # as the page says
    with pytest.raises(InputError, match="choose fewer bits"):
        finder.groups(found, 9)


def test_a_search_that_takes_long_is_told_as_such(alike: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, finder, go = Collection.open(alike / "all"), duplicates.Finder(), threading.Event()
    monkeypatch.setattr(duplicates, "grouped", lambda _hashes, _bits: (go.wait(60), 1 / 0))
    assert finder.groups(found, 4, seconds=0) is None
    go.set()
    with pytest.raises(ZeroDivisionError):
        finder.groups(found, 4, seconds=60)
    monkeypatch.undo()
    assert finder.groups(found, 4, seconds=60) is not None  # a failed search is made again


def test_refused_copies_stand_beside_what_they_repeat(alike: Path) -> None:
    found = Collection.open(alike / "all")
    told = duplicates.pairs(found, duplicates.repeats(found))
    beside = {one["refused"]["source"]: one["kept"]["source"] for one in told}
    assert beside == {"copy of 3.png": "3.png", "copy of 5.png": "5.png"}
    assert all(one["refused"]["keepable"] and one["refused"]["thumbnail"] for one in told)


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium")
@pytest.mark.parametrize(("width", "colours"), [(1200, "light"), (390, "dark")])
def test_near_duplicates_are_chosen_among_in_a_browser(alike: Path, width: int, colours: str) -> None:
    api = pytest.importorskip("playwright.sync_api")
    with servers_for_tests.studio(alike) as address, api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM))
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=colours)
        page.goto(address)
        page.goto(address.split("/?")[0] + "/collection?collection=all")
        page.get_by_role("button", name="Near duplicates").click()
        page.get_by_text("2 groups.").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.get_by_role("button", name="leave out 2 at 40.png").click()
        page.get_by_role("button", name="keep all like 1 at 48.png").click()
        page.get_by_label("which").select_option("refused")
        page.get_by_text("2 refused files").wait_for()
        page.get_by_role("button", name="keep both copy of 3.png").click()
        page.get_by_role("button", name="Choices (6)").click()
        with page.expect_download() as downloading:
            page.get_by_role("button", name="Save choices.csv").click()
        table = downloading.value.path().read_text()
        browser.close()
    keep = ["1 at 48.png", "1 at 56.png", "1 at 60.png", "1.png"]
    assert table.splitlines() == [
        "source,choice", *(f"{name},keep" for name in keep), "2 at 40.png,drop", "copy of 3.png,keep",
    ]  # fmt: skip


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    """Give the first address of a studio that is served meanwhile."""
    with servers_for_tests.studio(folder) as address:
        yield address


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium")
def test_choices_made_in_a_browser_are_those_that_prepare_reads(folder: Path, address: str, tmp_path: Path) -> None:
    api = pytest.importorskip("playwright.sync_api")
    said: list[str] = []
    asked: set[str] = set()
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM))
        page = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme="dark")
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.add(request.url.split("/")[2] if "://" in request.url else "data"))
        page.goto(address)
        page.get_by_role("link", name="Collections").click()
        page.get_by_role("link", name="deep/sea").click()
        page.get_by_label("folder").select_option("=storm")
        page.get_by_text("5 pictures", exact=True).wait_for()
        page.get_by_role("button", name="leave out storm/04.png").focus()
        page.keyboard.press("Enter")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.get_by_role("button", name="Refused (5)").click()
        page.get_by_label("reason").select_option("duplicate")
        page.get_by_text("1 file", exact=True).wait_for()
        page.get_by_role("button", name="keep calm/copy, again.png").click()
        page.reload()  # choices stay, and the address shows the same
        assert page.get_by_role("button", name="keep calm/copy, again.png").get_attribute("aria-pressed") == "true"
        page.get_by_role("button", name="Choices (2)").click()
        with page.expect_download() as downloading:
            page.get_by_role("button", name="Save choices.csv").click()
        downloading.value.save_as(tmp_path / "choices.csv")
        browser.close()
    assert said == []
    assert asked <= {address.split("/")[2], "data"}
    chosen = lienzo.prepare(
        folder / "pictures", tmp_path / "chosen", size=16, workers=1, choices=tmp_path / "choices.csv"
    )
    sources = {row["source"] for row in chosen.index().to_pylist()}
    assert "storm/04.png" not in sources
    assert "calm/copy, again.png" in sources
