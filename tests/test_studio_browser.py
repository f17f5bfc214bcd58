"""The studio in a browser: every view of runs, live, by keyboard, in both colours, and on a telephone."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette")
import servers_for_tests
from conftest import Paint
from PIL import Image

import lienzo
from lienzo.recipe.recipe import Recipe
from lienzo.run.occupancy import occupying
from lienzo.run.run import Run
from lienzo.studio import safety
from lienzo.studio.safety import Door

CHROMIUM = Path("/usr/bin/chromium")

HOSTS = "--host-resolver-rules=MAP *.example 127.0.0.1"
"""Names that lead to this machine, and are other sites than its address."""

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium")]


@pytest.fixture
def folder(tmp_path: Path, paint: Paint, recipe: Recipe) -> Path:
    collection = lienzo.prepare(paint(tmp_path / "pictures"), tmp_path / "studio" / "small", size=16, workers=1)
    for name in ("a", "b"):
        lienzo.train(collection, recipe.with_settings([f"seed={ord(name)}"]), tmp_path / "studio" / name, device="cpu")
    return tmp_path / "studio"


@contextmanager
def opened(
    address: str, *, mistakes: bool = False, lost: bool = False, insecure: bool = False, **settings: Any
) -> Iterator[Any]:
    """Open the studio in a browser; afterwards nothing was said on its console, and no other host was asked.

    A mistake that the page is to show is an answer of the status 400, which Chromium says on the console. So it does
    where a server is lost, and where a header needs a secure connection.
    """
    api = pytest.importorskip("playwright.sync_api")
    said: list[str] = []
    asked: set[str] = set()
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=[HOSTS])
        page = browser.new_context(**settings).new_page()
        page.set_default_timeout(120_000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.add(request.url.split("/")[2]))
        page.goto(address)
        yield page
        browser.close()
    expected = {"400": mistakes, "net::ERR_": lost, "Cross-Origin-Opener-Policy": insecure}
    assert [line for line in said if not any(awaited and part in line for part, awaited in expected.items())] == []
    assert {host for host in asked if host} == {address.split("/")[2]}


@pytest.mark.parametrize(("width", "colours"), [(1280, "light"), (390, "dark")])
def test_a_run_is_looked_through_and_compared(folder: Path, width: int, colours: str) -> None:
    with (
        servers_for_tests.studio(folder) as address,
        opened(address, viewport={"width": width, "height": 900}, color_scheme=colours) as page,
    ):
        page.get_by_role("heading", name="a", exact=True).click()
        slider = page.get_by_label("The moment shown, in pictures")
        page.get_by_text("after 64 pictures").first.wait_for()
        slider.focus()
        page.keyboard.press("Home")
        page.get_by_role("img", name="The fixed latents after 0 pictures").wait_for()
        assert "at=0" in page.url
        page.keyboard.press("PageUp")
        page.get_by_role("img", name="The fixed latents after 32 pictures").wait_for()
        assert page.locator(".chart").count() > 3
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.get_by_role("link", name="Compare", exact=True).last.click()
        page.get_by_role("combobox").nth(1).select_option("b")
        page.get_by_role("cell", name="seed", exact=True).wait_for()
        page.get_by_label("Wiper").focus()
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_studio_for_other_machines_works_without_a_secure_connection(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(safety, "Door", lambda _host, port: Door("Studio.example", port))
    with servers_for_tests.studio(folder) as address, opened(address, insecure=True) as page:
        page.get_by_role("heading", name="a", exact=True).wait_for()
        assert not page.evaluate("isSecureContext")
        root = address.split("/?")[0]
        page.goto(root + "/canvas?run=a")
        page.get_by_role("button", name="Keep seed 3", exact=True).click()
        page.wait_for_url("**kept=3")
        page.goto(root + "/theory")
        page.get_by_role("button", name="One step").click()
        page.get_by_text("After 1 step").wait_for()
        page.goto(root + "/train")
        page.locator("pre", has_text="lienzo train ").wait_for()
        assert page.get_by_role("button", name="Start the training").is_enabled()
        assert page.get_by_role("button", name="Copy the command").count() == 0


def test_a_command_is_copied_where_the_browser_can(folder: Path) -> None:
    with (
        servers_for_tests.studio(folder) as address,
        opened(address, permissions=["clipboard-read", "clipboard-write"]) as page,
    ):
        page.goto(address.split("/?")[0] + "/train")
        command = page.locator("pre", has_text="lienzo train ").inner_text()
        page.get_by_role("button", name="Copy the command").click()
        assert page.evaluate("navigator.clipboard.readText()") == command


def test_a_run_trained_again_under_its_name_shows_its_own_drawings(folder: Path) -> None:
    shown = """async () => {
        const image = document.querySelector("[alt^='Samples of a ']");
        const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
        return [bytes.length, ...bytes.slice(-400)];
    }"""
    newest = folder / "a" / "samples" / f"{64:012}.png"
    old = newest.read_bytes()
    with servers_for_tests.studio(folder) as address, opened(address) as page:
        page.get_by_alt_text("Samples of a after").wait_for()
        assert page.evaluate(shown) == [len(old), *old[-400:]]
        shutil.rmtree(folder / "a")
        shutil.copytree(folder / "b", folder / "a")
        page.reload()
        page.get_by_alt_text("Samples of a after").wait_for()
        new = newest.read_bytes()
        assert new != old
        assert page.evaluate(shown) == [len(new), *new[-400:]]


def test_a_live_run_moves_by_itself_and_says_when_it_is_gone(folder: Path, tmp_path: Path) -> None:
    live, lines = Run(folder / "b"), Run(folder / "b").log_path.read_text().splitlines(keepends=True)
    live.log_path.write_text("".join(lines[:2]))
    for checkpoint in live.checkpoints():  # it would tell of more
        checkpoint.unlink()
    with servers_for_tests.studio(folder) as address, opened(address) as page:
        page.get_by_role("heading", name="b", exact=True).click()
        page.get_by_text("32 of 64 pictures").wait_for()
        with live.log_path.open("a") as file:
            file.write(lines[2][:20])
            file.flush()
            page.wait_for_timeout(1000)
            file.write(lines[2][20:] + lines[3])
        page.get_by_text("64 of 64 pictures").wait_for()
        shutil.move(live.path, tmp_path / "away")
        page.get_by_text("This run is no longer there").wait_for()


def test_a_part_of_the_curves_tells_nothing_else_of_the_run(folder: Path) -> None:
    live = Run(folder / "b")
    lines = [json.loads(line) | {"images_per_second": 0.25} for line in live.log_path.read_text().splitlines()]
    lines = [lines[0] | {"images": 8 * i, "images_per_second": 0.05} for i in range(3)] + lines[1:-1]
    live.log_path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    for checkpoint in live.checkpoints():
        checkpoint.unlink()
    seen = """window.seen = new Set();
        new MutationObserver(() => {
            const state = document.querySelector(".run .state");
            if (state) seen.add(state.textContent);
        }).observe(document, { subtree: true, childList: true, characterData: true });"""
    with servers_for_tests.studio(folder) as address, occupying(live), opened(address) as page:
        page.add_init_script(seen)
        page.goto(address.split("/?")[0] + "/run?run=b")
        told = "48 of 64 pictures · 64 s left, 0.25 pictures/s"
        page.get_by_text(told).wait_for()
        plot = page.locator(".u-over").first
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        page.mouse.move(box["x"] + 2, box["y"] + 50)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 50, steps=5)
        page.mouse.up()
        page.get_by_role("button", name="Whole training").wait_for()
        page.wait_for_timeout(500)  # for the curves of the part
        assert page.get_by_text(told).count() == 1
        assert page.locator(".moment output").inner_text() == "48"
        assert page.evaluate("[...seen]") == ["live"]


def test_a_run_is_shown_as_soon_as_it_is_there_or_whole(folder: Path) -> None:
    (folder / "b").rename(folder / "late")
    whole = (folder / "late" / "run.json").read_bytes()
    with servers_for_tests.studio(folder) as address, opened(address, mistakes=True) as page:
        root = address.split("/?")[0]
        page.goto(root + "/run?run=b")
        page.get_by_text("there is no run b").wait_for()
        (folder / "late" / "run.json").write_bytes(whole[:20])
        (folder / "late").rename(folder / "b")
        page.get_by_text("run.json is damaged").wait_for()
        page.goto(root + "/compare?a=a&b=b")
        page.get_by_text("b cannot be compared: ").wait_for()
        page.goto(root + "/run?run=b")
        page.get_by_text("run.json is damaged").wait_for()
        (folder / "b" / "run.json").write_bytes(whole)
        page.get_by_text("64 of 64 pictures").wait_for()
        assert page.title() == "b · lienzo studio"
        page.get_by_role("link", name="Scores", exact=True).first.click()
        page.wait_for_function("document.title === 'Scores · lienzo studio'")


def test_an_older_wish_of_the_canvas_is_taken_back(folder: Path) -> None:
    with servers_for_tests.studio(folder) as address, opened(address, lost=True) as page:
        page.route("**/api/canvas/wish", lambda _route: None)  # nothing is painted
        failed: list[str] = []
        page.on("requestfailed", lambda request: failed.append(request.url.rpartition("/")[2]))
        page.goto(address.split("/?")[0] + "/canvas?run=a")
        page.get_by_role("slider", name="Truncation").focus()
        for _ in range(3):
            page.keyboard.press("ArrowLeft")
        page.get_by_text("0.85").wait_for()
        page.wait_for_timeout(300)
        assert len(failed) >= 3
        page.unroute("**/api/canvas/wish")
        page.get_by_role("link", name="Runs", exact=True).click()


def test_pictures_are_kept_walked_through_and_found_again_by_the_address(folder: Path) -> None:
    with servers_for_tests.studio(folder) as address, opened(address) as page:
        page.goto(address.split("/?")[0] + "/canvas?run=a")
        for seed in (3, 7, 12):
            page.get_by_role("button", name=f"Keep seed {seed}", exact=True).click()
        assert page.url.endswith("kept=3%2C7%2C12")
        page.get_by_role("button", name="Plane").click()
        plane = page.get_by_label("The plane through the last three kept pictures")
        plane.focus()
        page.keyboard.press("ArrowRight")
        page.get_by_text("Here 0.13 of the way to the second picture").wait_for()
        page.get_by_role("button", name="Walk").click()
        page.get_by_label("Frames").fill("6")
        page.get_by_role("button", name="Play").click()
        page.get_by_role("img", name="A walk through seed 3, seed 7, seed 12").wait_for()
        with page.expect_download() as downloading:
            page.get_by_role("button", name="Save the path").click()
        assert downloading.value.suggested_filename == "walk.json"
        page.go_back()
        page.get_by_text("Here 0.13 of the way to the second picture").wait_for()
        page.reload()
        page.get_by_text("Here 0.13 of the way to the second picture").wait_for()


def test_pictures_of_a_plane_through_pictures_of_a_plane_are_kept(folder: Path) -> None:
    inner = {"mixture": [[0.5, {"seed": 1}], [0.5, {"z": [0.5, -1]}]]}
    outer = {"mixture": [[1.25, inner], [-0.25, {"mixture": [[0.5, inner], [0.5, {"seed": 3}]]}]]}
    with servers_for_tests.studio(folder) as address, opened(address) as page:
        there_and_back = """async (place) => {
            const { placeOf, placeText } = await import("/page/canvas-pictures.js");
            return placeOf(placeText(place));
        }"""
        assert page.evaluate(there_and_back, outer) == outer


def test_a_game_that_plays_does_not_call_back_who_left(folder: Path) -> None:
    with servers_for_tests.studio(folder) as address, opened(address) as page:
        page.goto(address.split("/?")[0] + "/theory")
        page.get_by_role("button", name="Play").click()
        page.get_by_role("button", name="Pause").wait_for()
        page.get_by_role("link", name="Collections", exact=True).first.click()
        page.get_by_role("link", name="small", exact=True).wait_for()
        page.wait_for_timeout(2_000)
        assert page.url.endswith("/collections")


def test_two_pictures_are_mixed_where_the_slider_says(folder: Path, recipe: Recipe) -> None:
    modulated = recipe.with_settings(["network.self_modulation=true", "images=16"])
    lienzo.train(folder / "small", modulated, folder / "modulated", device="cpu")
    with servers_for_tests.studio(folder) as address, opened(address) as page:
        page.goto(address.split("/?")[0] + "/canvas?run=modulated&kept=3%2C7")
        page.get_by_role("button", name="Mix").click()
        slider = page.get_by_label("Layers that take the second picture")
        page.get_by_text(f"lienzo generate {folder / 'modulated'} --seeds 3 --mix 7:1-2").wait_for()
        slider.focus()
        page.keyboard.press("ArrowLeft")
        page.get_by_text("--seeds 3 --mix 7:2", exact=False).wait_for()
        page.wait_for_url("**taken=1**")
        page.get_by_role("button", name="Swap the two").click()
        page.get_by_text("--seeds 7 --mix 3:2", exact=False).wait_for()
        page.reload()
        page.get_by_text("--seeds 7 --mix 3:2", exact=False).wait_for()
        with page.expect_download() as downloading:
            page.get_by_role("button", name="Save the picture").click()
        downloading.value.save_as(folder / "mixed.png")
        shown = np.asarray(Image.open(folder / "mixed.png")).astype(int)
        expected = lienzo.generate(folder / "modulated", seeds=[7], mix=["3:2"], out=None).images[0]
        assert np.abs(shown - expected).max() <= 1
        page.goto(address.split("/?")[0] + "/canvas?run=a&kept=3%2C7&mode=mix")
        page.get_by_text("by one layer only").wait_for()


def test_the_form_shows_the_command_of_what_it_holds(folder: Path) -> None:
    with servers_for_tests.studio(folder) as address, opened(address, mistakes=True) as page:
        page.get_by_role("link", name="Train").click()
        page.get_by_label("Recipe", exact=False).first.select_option("thesis")
        page.get_by_label("batch", exact=False).first.fill("8")
        page.get_by_text("--recipe thesis").wait_for()
        page.get_by_text("--set batch=8").wait_for()
        page.get_by_label("batch", exact=False).first.fill("x")
        page.get_by_text("batch is 'x', but has to be a whole number").wait_for()
        assert page.get_by_role("button", name="Start the training").is_disabled()
