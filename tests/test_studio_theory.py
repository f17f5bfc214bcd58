"""The view of theory in a browser: a game is played, paused, gone on with, and shown again by its address."""

from pathlib import Path

import pytest

pytest.importorskip("starlette")
import servers_for_tests
from test_studio_browser import CHROMIUM, opened

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium")]


@pytest.mark.parametrize(("width", "colours"), [(1280, "light"), (390, "dark")])
def test_a_game_is_played_and_its_address_shows_it_again(tmp_path: Path, width: int, colours: str) -> None:
    with (
        servers_for_tests.studio(tmp_path) as address,
        opened(address, mistakes=True, viewport={"width": width, "height": 900}, color_scheme=colours) as page,
    ):
        page.get_by_role("link", name="Theory").click()
        page.get_by_text("After 0 steps:").wait_for()
        page.get_by_role("button", name="Play", exact=True).click()
        page.wait_for_function("() => Number(document.querySelector('figcaption').innerText.match(/\\d+/)?.[0]) >= 20")
        page.get_by_role("button", name="Pause").click()
        page.wait_for_function("() => new URLSearchParams(location.search).get('at') >= 40")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.get_by_role("button", name="Play", exact=True).click()
        page.locator("[name=batch]").fill("33")
        shown = page.locator("figcaption").first.inner_text()
        page.wait_for_function("shown => document.querySelector('figcaption').innerText !== shown", arg=shown)
        page.locator("[name=batch]").press("Tab")  # what was typed is still there: the view was drawn meanwhile
        page.wait_for_function("() => new URLSearchParams(location.search).get('batch') === '33'")
        page.locator("[name=law]").select_option("two moons")
        page.get_by_text("After 0 steps:").wait_for()
        page.get_by_role("button", name="Half a step").press("Enter")
        page.get_by_text("After 0 steps, and the discriminator has moved once more").wait_for()
        page.get_by_role("button", name="One step").press("Enter")
        page.get_by_text("After 1 step, and the discriminator").wait_for()
        page.wait_for_function("() => location.search.includes('at=3')")
        drawn = page.locator(".plane-canvas").evaluate("canvas => canvas.toDataURL()")
        page.reload()
        page.get_by_text("After 1 step, and the discriminator").wait_for()
        page.wait_for_function("drawn => document.querySelector('.plane-canvas').toDataURL() === drawn", arg=drawn)
        page.get_by_role("button", name="A critic that nothing bounds").click()
        page.wait_for_function("() => document.querySelector('[name=objective]').value === 'wasserstein'")
        page.locator("[name=batch]").fill("9999")
        page.locator("[name=batch]").press("Tab")
        page.get_by_text("this game cannot be played").wait_for()
        page.go_back()
        page.get_by_text("After 0 steps:").wait_for()
        page.get_by_text("this game cannot be played").wait_for(state="hidden")
