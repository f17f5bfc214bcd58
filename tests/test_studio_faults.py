"""The studio while something goes wrong: killed trainings and servers, other sites, narrow screens, load."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx")
import httpx
import servers_for_tests
from conftest import ROOT, Paint
from servers_for_tests import studio_process
from test_studio_browser import CHROMIUM, HOSTS, opened

import lienzo
from lienzo.recipe.recipe import Recipe
from lienzo.run.run import Run

pytestmark = pytest.mark.slow
browser = pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium")

WITNESS = """
window.seen = [];
const Real = window.EventSource;
window.EventSource = class extends Real {
  constructor(address) {
    super(address);
    this.addEventListener("tick", (event) => seen.push(...JSON.parse(event.data).map((line) => line.images)));
  }
};
"""
"""Notes of which lines a page was told, in the order in which they came."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, paint: Paint, recipe: Recipe) -> Path:
    """Return a folder with a collection, one refused file, and a finished run."""
    folder = tmp_path_factory.mktemp("studio")
    (paint(folder / "pictures") / "waves" / "broken.png").write_bytes(b"no picture")
    collection = lienzo.prepare(folder / "pictures", folder / "small", size=16, workers=1)
    lienzo.train(collection, recipe, folder / "a", device="cpu")
    return folder


def cut(run: Run, lines: int) -> list[str]:
    """Leave so many lines in the log, and no checkpoint, which would tell of more; return the other lines."""
    for checkpoint in run.checkpoints():
        checkpoint.unlink()
    text = run.log_path.read_text().splitlines(keepends=True)
    run.log_path.write_text("".join(text[:lines]))
    return text[lines:]


@contextmanager
def begun(words: list[str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Give a process of the command with these words, which does not outlive the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lienzo", *words], stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_the_address_is_said_at_once_and_the_end_is_quiet(small: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    words = [sys.executable, "-m", "lienzo", "studio", str(small), "--port", "0"]
    plain = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    with said.open("w") as file:
        process = subprocess.Popen(words, stdout=file, stderr=subprocess.PIPE, text=True, env=plain)
    try:
        deadline = time.monotonic() + 60
        while "token=" not in said.read_text() and time.monotonic() < deadline:
            time.sleep(0.1)
        address = said.read_text().strip()
        assert address, "a file is told the address before the end too"
        with httpx.Client(base_url=address.split("/?")[0], timeout=60) as client:
            client.get(address)
            with client.stream("GET", "/api/run/news", params={"run": "a"}) as news:
                assert "retry" in next(news.iter_text())
                process.send_signal(signal.SIGINT)
                assert process.communicate(timeout=60)[1] == ""
        assert process.returncode == 130
    finally:
        process.kill()
        process.wait()


@browser
def test_a_training_is_followed_through_its_death_to_its_end(small: Path, recipe: Recipe) -> None:
    api = pytest.importorskip("playwright.sync_api")
    (small / "long.toml").write_text(recipe.with_settings(["images=1600", "tick=80", "sample_every=800"]).to_toml())
    run = Run(small / "runs" / "long")
    words = ["train", str(small / "small"), "--recipe", str(small / "long.toml"), "--out", str(run.path)]
    with servers_for_tests.studio(small) as address, opened(address) as page, begun(words) as training:
        while not run.last_line():
            page.wait_for_timeout(50)
        training.send_signal(signal.SIGSTOP)  # so that it does not end before it is seen
        page.goto(f"{address.split('/?')[0]}/run?run=runs/long")
        other = page.context.new_page()
        other.goto(page.url)
        for tab in (page, other):
            tab.locator(".state.live").wait_for()
        before = page.locator(".bar .hint").first.inner_text()
        shown = run.last_line()["images"]
        training.send_signal(signal.SIGCONT)
        while run.last_line()["images"] == shown:
            page.wait_for_timeout(5)
        training.send_signal(signal.SIGSTOP)
        for tab in (page, other):
            api.expect(tab.locator(".bar .hint").first).not_to_have_text(before, timeout=120_000)
        training.kill()
        training.wait()
        for tab in (page, other):
            tab.locator(".state.interrupted").wait_for()
            tab.get_by_text("To go on: lienzo train").wait_for()
        page.get_by_role("button", name="Go on").click()
        for tab in (page, other):
            tab.locator(".state.finished").wait_for()
            tab.get_by_text("1,600 of 1,600 pictures").wait_for()
            assert tab.get_by_role("button", name="Go on").count() == 0


@browser
def test_a_page_goes_on_when_its_server_is_killed_and_started_again(small: Path) -> None:
    run = Run(small / "a")
    rest = cut(run, 1)
    with studio_process(small) as (address, server):
        port = int(address.split("/?")[0].rpartition(":")[2])
        with opened(address, lost=True) as page:
            page.add_init_script(WITNESS)
            page.goto(f"{address.split('/?')[0]}/run?run=a")
            other = page.context.new_page()
            other.add_init_script(WITNESS)
            other.goto(page.url)
            tabs = (page, other)
            for tab in tabs:
                tab.get_by_text("16 of 64 pictures").wait_for()
            append(run, rest[0])
            for tab in tabs:
                tab.get_by_text("32 of 64 pictures").wait_for()
            server.kill()
            server.wait()
            for tab in tabs:
                tab.get_by_text("The connection was lost; trying again.").wait_for()
            append(run, rest[1])
            with studio_process(small, port) as (again, _):
                assert again == address
                for tab in tabs:
                    tab.get_by_text("48 of 64 pictures").wait_for()
                    tab.get_by_text("The connection was lost").wait_for(state="detached")
                append(run, rest[2])
                for tab in tabs:
                    tab.get_by_text("64 of 64 pictures").wait_for()
                    assert tab.evaluate("seen") == [32, 48, 64]
                cut(run, 2)
                for tab in tabs:
                    tab.get_by_text("32 of 64 pictures").wait_for()
                append(run, "".join(rest[1:]))
                for tab in tabs:
                    tab.get_by_text("64 of 64 pictures").wait_for()


def append(run: Run, text: str) -> None:
    with run.log_path.open("a") as file:
        file.write(text)


class Elsewhere(BaseHTTPRequestHandler):
    """A page of another site."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title>")

    def log_message(self, *_: object) -> None:
        pass


@browser
def test_another_site_neither_reads_nor_changes_anything(small: Path) -> None:
    api = pytest.importorskip("playwright.sync_api")
    training = {"collection": "small", "recipe": "thesis", "name": "stolen"}
    with (
        servers_for_tests.studio(small) as address,
        servers_for_tests.serving(Elsewhere) as elsewhere,
        api.sync_playwright() as playwright,
    ):
        studio, port = address.split("/?")[0], address.split("/?")[0].rpartition(":")[2]
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=[HOSTS])
        page = chromium.new_page()
        assert page.goto(address).status == 200
        rebound = page.goto(f"http://rebound.example:{port}/api/runs")
        assert rebound.status == 421
        assert "small" not in rebound.text()
        page.goto(elsewhere)  # the same machine, so that a browser sends it the cookie
        tried = """async ([studio, body]) => {
          const tries = [
            fetch(studio + "/api/runs", { credentials: "include" }),
            fetch(studio + "/api/runs", { credentials: "include", mode: "no-cors" }),
            fetch(studio + "/api/train/start", { method: "POST", credentials: "include", mode: "no-cors", body }),
            new Promise((resolve, reject) => {
              const image = new Image(); image.onload = resolve; image.onerror = reject;
              image.src = studio + "/api/run/sample?run=a&images=0"; }),
            new Promise((resolve, reject) => {
              const script = document.createElement("script"); script.onload = resolve;
              script.onerror = reject; script.src = studio + "/api/runs"; document.head.append(script); }),
          ];
          const ends = await Promise.allSettled(tries);
          return ends.map(({ status, value }) => status === "fulfilled" && value?.type !== "opaque");
        }"""
        assert page.evaluate(tried, [studio, json.dumps(training)]) == [False] * 5
        framed = """(studio) => new Promise((resolve) => { const frame = document.createElement("iframe");
          frame.onload = () => resolve(frame.contentDocument?.body.innerText ?? "");
          frame.src = studio; document.body.append(frame); })"""
        assert not page.evaluate(framed, studio)
        chromium.close()
    assert not (small / "runs" / "stolen.log").exists()


@browser
def test_a_link_on_another_site_opens_the_page_and_a_form_changes_nothing(small: Path) -> None:
    api = pytest.importorskip("playwright.sync_api")
    with (
        servers_for_tests.studio(small) as address,
        servers_for_tests.serving(Elsewhere) as elsewhere,
        api.sync_playwright() as playwright,
    ):
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=[HOSTS])
        page = chromium.new_page()
        other = elsewhere.replace("127.0.0.1", "chat.example")
        page.goto(other)
        page.evaluate("(address) => { document.body.innerHTML = `<a href='${address}'>studio</a>`; }", address)
        page.get_by_role("link", name="studio").click()
        page.get_by_role("heading", name="a", exact=True).wait_for()
        page.goto(other)
        form = "(address) => { document.body.innerHTML = `<form method=post action='${address}'><button>go</button>`; }"
        page.evaluate(form, address.split("/?")[0] + "/api/train/stop?run=a")
        with page.expect_response("**/api/train/stop**") as answering:
            page.get_by_role("button", name="go").click()
        assert answering.value.status == 403
        chromium.close()


ADDRESSES = {
    "/runs": "Search runs",
    "/run?run=a": "The moment shown, in pictures",
    "/train": "Name",
    "/compare?a=a&b=a": "Wiper: A on its left, B on its right",
    "/canvas?run=a&mode=plane&kept=1,2,3": "The plane through the last three kept pictures",
    "/canvas?run=a&mode=walk&kept=1,2": "Frames",
    "/canvas?run=a&mode=sum&kept=1,2,3": "Truncation",
    "/collections": "",
    "/collection?collection=small": "folder",
    "/collection?collection=small&view=refused": "reason",
    "/collection?collection=small&view=choices": "",
}
"""Every view, and the name of something in it that is there last."""

UNREACHED = """() => [...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")]
  .filter((one) => one.checkVisibility() && !one.disabled && !one.dataset.reached)
  .map((one) => one.outerHTML.slice(0, 120))"""


@browser
def test_every_view_fits_a_telephone_and_is_reached_by_keyboard(small: Path) -> None:
    api = pytest.importorskip("playwright.sync_api")
    screen = {"width": 390, "height": 844}
    with servers_for_tests.studio(small) as address, opened(address, viewport=screen, color_scheme="dark") as page:
        root = address.split("/?")[0]
        page.get_by_role("navigation").get_by_role("link").first.wait_for()
        links = page.get_by_role("navigation").get_by_role("link").all()
        shown = {str(link.get_attribute("href")) for link in links}
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(23, 23, 26)"
        for view in [*ADDRESSES, *sorted(shown - {view.split("?")[0] for view in ADDRESSES})]:
            page.goto(root + view)
            if ADDRESSES.get(view):
                page.get_by_label(ADDRESSES[view], exact=False).first.wait_for()
            page.locator("main > *").first.wait_for()
            api.expect(page.locator("[aria-busy=true]")).to_have_count(0, timeout=120_000)
            assert page.evaluate("document.documentElement.scrollWidth") <= screen["width"], view
            for _ in range(300):
                page.keyboard.press("Tab")
                if not (left := page.evaluate(f"document.activeElement.dataset.reached = 'yes', ({UNREACHED})()")):
                    break
            assert left == [], view


@pytest.fixture(scope="module")
def measured() -> Any:
    """Give what the benchmark says of a small load."""
    sizes = {"clients": 20, "ticks": 4, "runs": 60, "lines": 5_000, "pictures": 20_000}
    words = [word for name, size in sizes.items() for word in (f"--{name}", str(size))]
    command = [sys.executable, str(ROOT / "benchmarks" / "studio.py"), "clients", "list", "curve", "collection", *words]
    return json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout)


def test_memory_stays_bounded_under_load(measured: Any) -> None:
    clients = measured["clients"]
    assert clients["lines that 20 clients got, of those written"] == "100%"
    assert clients["memory of the server meanwhile, MiB"] < clients["memory of the server before, MiB"] + 20
    assert clients["memory of the server after four times, MiB"] < clients["memory of the server before, MiB"] + 20
    assert measured["list"]["memory of the server, MiB"] < 120
    assert measured["curve"]["memory that the server took for it, MiB"] < 30
    assert measured["collection"]["memory that the server took for it, MiB"] < 60
