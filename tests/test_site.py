"""The site: `make site` builds it, what is broken fails the build, and a generator paints on its front page."""

import functools
import http.server
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

pytestmark = pytest.mark.slow


def build(source: Path, out: Path, builder: str) -> tuple[int, str]:
    """Build a site as `make site` does; return the exit status and what was said."""
    pytest.importorskip("sphinx")
    words = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", builder, "-c", "docs", ".", str(out)]
    built = subprocess.run(words, cwd=source, capture_output=True, text=True, check=False)
    return built.returncode, built.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the site."""
    out = tmp_path_factory.mktemp("site")
    assert build(ROOT, out, "html") == (0, "")
    return out


def test_no_page_asks_anything_of_another_host(site: Path) -> None:
    assert (site / "index.html").exists()
    for page in site.rglob("*.html"):
        loaded = re.findall(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="(https?://[^"]+)"', page.read_text("utf-8"))
        assert not loaded, page
    for style in site.rglob("*.css"):
        assert not re.findall(r"url\(\W*(https?:[^)]+)\)|@import", style.read_text("utf-8")), style


def test_the_front_pages_generator_is_small(site: Path) -> None:
    assert (site / "docs" / "front-page.html").stat().st_size < 4e6


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name that it has
        pass


@pytest.fixture
def served(site: Path) -> Iterator[str]:
    """Give the site's address on a server of this machine."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("colours", "width"), [("light", 390), ("dark", 1200)])
def test_a_generator_paints_on_the_front_page(site: Path, served: str, browser: Any, colours: str, width: int) -> None:
    """On a telephone from the disk, and on a wide screen from a server; in the colours that the system asks for."""
    address = site.as_uri() if colours == "light" else served
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=colours)
    page, bad = context.new_page(), list[str]()
    own = (address, "blob:", "data:")
    page.on("request", lambda request: bad.append(request.url) if not request.url.startswith(own) else None)
    page.on("pageerror", lambda error: bad.append(str(error)))
    page.goto(f"{address}/index.html")
    page.wait_for_url("**/docs/index.html")
    painting = page.frame_locator("iframe.painting")
    painting.locator("canvas.painted").nth(5).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert not painting.locator("h1").is_visible()
    frame = next(frame for frame in page.frames if frame.url.endswith("front-page.html"))
    ground = "() => getComputedStyle(document.body).backgroundColor"
    assert is_light(frame.evaluate(ground)) == (colours == "light")
    assert bad == []
    context.close()


def test_a_newcomer_comes_to_a_picture_of_their_own_without_leaving(site: Path, browser: Any) -> None:
    page = browser.new_page()
    page.goto((site / "index.html").as_uri())
    page.wait_for_url("**/docs/index.html")
    painting = page.frame_locator("iframe.painting")
    painting.locator("canvas.painted").first.wait_for()
    painting.get_by_role("tab", name="Picture").click()
    with page.expect_download() as saved:
        painting.get_by_role("button", name="Save PNG").click()
    assert Path(saved.value.path()).read_bytes().startswith(b"\x89PNG")
    visible = page.locator("article").inner_text()
    for command in ("pip install", "lienzo demo", "lienzo prepare", "lienzo train", "lienzo generate"):
        assert command in visible
    page.get_by_role("link", name="Start in five minutes").last.click()
    page.wait_for_url("**/start.html")
    page.get_by_role("link", name="En español").last.click()
    page.wait_for_url("**/es/start.html")
    page.get_by_role("link", name="In English").last.click()
    page.wait_for_url("**/docs/start.html")
    page.close()


def is_light(colour: str) -> bool:
    """Say whether a colour, as browsers write it, is a light one."""
    return sum(map(int, re.findall(r"\d+", colour)[:3])) > 382


def test_every_page_fits_a_telephone_and_has_what_it_shows(site: Path, browser: Any) -> None:
    """No page is wider than the screen, and every picture is there."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
    for place in sorted(site.rglob("*.html")):
        if "_" in place.relative_to(site).parts[0] or place.name in (
            "front-page.html",
            "genindex.html",
            "py-modindex.html",
        ):
            continue
        if place == site / "index.html":  # it leads to the first page
            page.goto(place.as_uri())
            page.wait_for_url("**/docs/index.html")
            continue
        page.goto(place.as_uri(), wait_until="load")
        name = place.relative_to(site)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
        missing = "[...document.images].filter((image) => image.loading !== 'lazy' && !image.naturalWidth).length"
        assert page.evaluate(missing) == 0, name
    page.close()


BREAKS = {
    "[a page](no-page.md)": "no-page",
    "[a part](#no-part)": "no-part",
    "![a picture](images/no-picture.png)": "no-picture.png",
    "`lienzo nothing`": "there is no lienzo nothing",
    "```sh\nlienzo train art-64 --nothing\n```": "there is no lienzo train --nothing",
    "```{toctree}\nno-entry\n```": "no-entry",
    "```{eval-rst}\n.. autofunction:: lienzo.no_function\n```": "no_function",
}
"""What can be wrong with a page, and what is said of it."""


def test_what_is_broken_fails_the_build(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for name in ("conf.py", "commands.py", "_static", "_site"):
        copy = shutil.copytree if (ROOT / "docs" / name).is_dir() else shutil.copy
        copy(ROOT / "docs" / name, docs / name)
    (docs / "index.md").write_text("# The site\n\n```{toctree}\n:glob:\n\n*\n```\n", encoding="utf-8")
    (docs / "sound.md").write_text("# sound\n\n[all](index.md), `lienzo train`\n", encoding="utf-8")
    for number, broken in enumerate(BREAKS):
        (docs / f"{number}.md").write_text(f"# Page {number}\n\n{broken}\n", encoding="utf-8")
    icon = tmp_path / "src" / "lienzo" / "studio" / "page" / "icon.svg"
    icon.parent.mkdir(parents=True)
    shutil.copy(ROOT / icon.relative_to(tmp_path), icon)
    status, errors = build(tmp_path, tmp_path / "site", "dummy")
    assert status == 1
    warnings = [line for line in errors.splitlines() if "WARNING" in line]
    for wrong in BREAKS.values():
        assert any(wrong in line for line in warnings), wrong
    assert len(warnings) == len(BREAKS)
