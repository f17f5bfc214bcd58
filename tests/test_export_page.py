"""A page paints in a real browser what lienzo generates, without a network, and everything in it can be used."""

import base64
import hashlib
import io
import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import lienzo
from lienzo.errors import InputError
from lienzo.explore import paths
from lienzo.explore.paths import Keyframe, Walk
from lienzo.export import assembler, execution, packing, products, tracing
from lienzo.generation.directions import Directions
from lienzo.generation.generation import Generator, latents
from lienzo.networks.configurations import DCGAN, MLP, NETS, Network, Residual
from lienzo.networks.fading import set_alpha
from lienzo.networks.modulation import Noise
from lienzo.networks.shape import Shape
from lienzo.recipe.catalogue import RECIPES, recipes
from lienzo.recipe.codec import network_to_dict

LABELS = {"art <nouveau>": 3, "baroque, late": 5, "</script><b>cubism": 2}

CASES: dict[str, tuple[Network, tuple[int, int, int], int, float]] = {
    "thesis": (DCGAN(latents=20, width=8), (32, 32, 3), 0, 1.0),
    "grey": (DCGAN(latents=20, width=6), (24, 16, 1), 0, 1.0),
    "transparent": (DCGAN(latents=9, width=5, self_modulation=True, stem=4), (20, 28, 4), 3, 1.0),
    "conditional": (DCGAN(latents=16, width=8, self_modulation=True, stem=4), (16, 16, 3), 3, 1.0),
    "fading": (DCGAN(latents=16, width=8, self_modulation=True, stem=4, grown=2), (32, 32, 3), 3, 0.3),
    "grown": (DCGAN(latents=16, width=8, grown=1), (32, 32, 3), 0, 1.0),
    "mlp": (MLP(latents=10, width=20, depth=2), (8, 6, 3), 0, 1.0),
    "shallow": (MLP(latents=10, width=20, depth=0), (8, 6, 3), 3, 1.0),
    "residual": (Residual(latents=8, width=32, wide_to=8, group_width=4), (16, 24, 3), 3, 1.0),
    "haar": (DCGAN(latents=9, width=4, self_modulation=True, stem=4, wavelet_levels=2), (32, 48, 3), 0, 1.0),
    "tied": (
        DCGAN(latents=9, width=4, self_modulation=True, stem=4, stem_layers=2, tied_kernels=True),
        (16, 16, 3),
        0,
        1.0,
    ),
    "smooth": (
        DCGAN(latents=9, width=4, self_modulation=True, stem=4, tied_kernels=True, smooth=True, grown=1),
        (32, 48, 3),
        3,
        0.3,
    ),
    "noisy": (DCGAN(latents=9, width=4, self_modulation=True, stem=3, noise=True), (16, 24, 3), 3, 1.0),
    "noisy, grown": (DCGAN(latents=9, width=4, self_modulation=True, noise=True, grown=1), (32, 32, 3), 0, 0.3),
    "haar, fading": (DCGAN(latents=9, width=4, wavelet_levels=1, tied_kernels=True, grown=1), (32, 32, 3), 3, 0.3),
    "against advice": (
        DCGAN(
            9,
            4,
            upsampling=True,
            generator_norm="none",
            hidden_units=6,
            generator_activation="leaky-relu",
            generator_output="linear",
            initial_weights="uniform",
        ),
        (16, 24, 3),
        3,
        1.0,
    ),
    "odd groups": (Residual(latents=8, width=12, wide_to=8, blocks=2, group_width=3), (16, 16, 3), 0, 1.0),
    "one group": (Residual(latents=8, width=16, wide_to=8, group_width=0), (16, 16, 1), 0, 1.0),
}


def untrained(network: Network, shape: tuple[int, int, int], labels: int = 0, alpha: float = 1.0) -> Generator:
    """Return a generator whose numbers are all drawn at random, those of batch normalisation too."""
    torch.manual_seed(1)
    module = network.generator(Shape(*shape), labels)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_mean is not None
            assert part.running_var is not None
            part.running_mean.normal_(0, 0.3)
            part.running_var.uniform_(0.2, 2)
        if isinstance(part, Noise):
            part.strength.data.normal_()
        if isinstance(part, nn.Linear) and part.bias is None:
            nn.init.normal_(part.weight, 0, 0.05)
    set_alpha(module, alpha)
    header: dict[str, Any] = {"network": network_to_dict(network), "shape": list(shape), "fingerprint": "ab" * 32}
    if labels:
        header["labels"] = {"kind": "style", "counts": LABELS, "unlabelled": 2}
    return Generator(module.eval().requires_grad_(False), header)


@contextmanager
def opened(browser: Any, path: Path, **settings: Any) -> Iterator[Any]:
    """Open a page from the disk, in a browser without a network, and refuse every request, error and warning of it."""
    context = browser.new_context(offline=True, **{"reduced_motion": "reduce", **settings})
    page, bad = context.new_page(), list[str]()
    page.on("console", lambda message: bad.append(message.text))
    page.on("pageerror", lambda error: bad.append(str(error)))
    page.on("request", lambda request: bad.append(request.url) if not request.url.startswith(LOCAL) else None)
    try:
        page.goto(path.as_uri())
        page.locator("canvas.painted").first.wait_for()
        yield page
        assert page.locator("#failure").is_hidden(), page.locator("#failure").inner_text()
    finally:
        context.close()
    assert bad == []


LOCAL = ("file:", "blob:", "data:")


@pytest.fixture(scope="module")
def conditional() -> Generator:
    return untrained(*CASES["conditional"])


@pytest.fixture(scope="module")
def walk(conditional: Generator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    keyframes = (Keyframe(seed=3), Keyframe(seed=5, label="baroque, late"), Keyframe(z=(0.25,) * 16, y=(0, 0.5, 0.5)))
    walks = (Walk(keyframes, (0.0, 0.5, 1.25, 2.0)), Walk(keyframes[::-1], (0.0, 0.3, 1.9, 2.5)))
    path = paths.Path(conditional.fingerprint, 16, walks, columns=2, curve="spline", closed=True)
    return path.save(tmp_path_factory.mktemp("walk") / "walk.json")


@pytest.fixture(scope="module")
def directions(conditional: Generator) -> Directions:
    vectors = np.linalg.qr(np.random.default_rng(0).normal(size=(16, 2)))[0].T.astype(np.float32)
    return Directions(np.ascontiguousarray(vectors), ("brighter", "<i>storm"), conditional.fingerprint, "weights")


@pytest.fixture(scope="module")
def exported(conditional: Generator, directions: Directions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    kept = directions.save(folder / "directions.safetensors")
    title = 'Fields & "waves" </title><script>alert(1)</script>'
    out = folder / "page.html"
    lienzo.export(conditional, to="page", out=out, title=title, directions=kept, licence="CC <by> 4.0")
    return out


PAINT = """async (places) => (await painter.paint(places)).map(({pixels, z, y, drawn}) =>
  ({pixels: btoa(String.fromCharCode(...pixels)), z: [...z], y: [...y], drawn}))"""


def painted(page: Any, places: list[dict[str, Any]], generator: Generator) -> np.ndarray[Any, Any]:
    """Return the pictures (n, height, width, channels) that a page paints of places."""
    shape = generator.height, generator.width, 4
    found = [np.frombuffer(base64.b64decode(one["pixels"]), np.uint8) for one in page.evaluate(PAINT, places)]
    return np.stack(found).reshape(-1, *shape)[..., : generator.channels]


def away(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> int:
    """Return by how much of 255 pictures differ at most."""
    assert one.shape == other.shape
    return int(np.abs(one.astype(int) - other).max())


def test_the_assembler_writes_the_bytes_of_the_specification() -> None:
    text = '(module (import "page" "memory" (memory 1)) (func (export "f") (param $a i32) (local $b i32) ;; nothing\n'
    code = "loop $l local.get $a i32.const -65 i32.add local.tee $b i32.load offset=200 br_if $l end))"
    imported = b"\x02\x10\x01\x04page\x06memory\x02\x00\x01"
    body = b"\x01\x01\x7f\x03\x40\x20\x00\x41\xbf\x7f\x6a\x22\x01\x28\x02\xc8\x01\x0d\x00\x0b\x0b"
    expected = (
        b"\0asm\1\0\0\0\x01\x05\x01\x60\x01\x7f\x00" + imported + b"\x03\x02\x01\x00\x07\x05\x01\x01f\x00\x00"
        b"\x0a" + bytes([len(body) + 2, 1, len(body)]) + body
    )
    assert assembler.assemble(text + code) == expected
    for wrong in ("(module)", '(module (import "a" "b" (memory 1)) (func nonsense))', text):
        with pytest.raises(ValueError, match=r"."):
            assembler.assemble(wrong)


def test_the_products_are_those_that_were_compared_with_another_assembler() -> None:
    """These bytes are also what wat2wasm of WABT 1.0.39 makes of the text. Compare again after a change of either."""
    digest = hashlib.sha256(products.module()).hexdigest()
    assert (len(products.module()), digest[:16]) == (1920, "e404600a3885dde6")


@pytest.mark.parametrize("case", CASES)
def test_operations_paint_what_the_network_paints(case: str) -> None:
    generator = untrained(*CASES[case])
    operations, picture = tracing.traced(generator)
    z, y = generator.drawn(range(8))
    wanted = generator.paint(z, y)
    assert wanted.std() > 0.3
    for precision in ("float32", "float16"):
        made = execution.painted(packing.rounded(operations, precision), picture, z, y, wanted.shape[1:])
        assert away(wanted, made) <= 1


def test_every_network_can_be_traced() -> None:
    assert {type(case[0]) for case in CASES.values()} == {*NETS.values()}
    for make in NETS.values():
        tracing.traced(untrained(make(), (16, 16, 3)))
    for name in RECIPES:
        tracing.traced(untrained(recipes(name).network, (32, 32, 3)))


def test_an_unknown_layer_is_an_error(tmp_path: Path) -> None:
    generator = untrained(*CASES["thesis"])
    generator.module.layers[2] = nn.SiLU()  # type: ignore[operator,index]
    with pytest.raises(InputError, match="the layer SiLU"):
        lienzo.export(generator, to="page", out=tmp_path / "a.html")
    assert list(tmp_path.iterdir()) == []


def test_weights_that_float16_would_change_too_much_stay_float32(tmp_path: Path) -> None:
    network, shape, labels, alpha = CASES["residual"]
    generator = untrained(network, shape, labels, alpha)
    generator.module.layers[-1].weight.mul_(2_000)  # type: ignore[operator,index,union-attr]
    facts = lienzo.export(generator, to="page", out=tmp_path / "a.html").facts
    assert facts["precision"] == "float32"
    assert facts["difference"] <= 1


def test_the_page_says_what_it_is_and_keeps_what_is_foreign_as_text(exported: Path) -> None:
    text = exported.read_text(encoding="utf-8")
    assert text.count("<script>") == 1
    assert "alert(1)</script>" not in text
    assert "<i>storm" not in text
    assert "<b>cubism" not in text
    assert "CC &lt;by&gt; 4.0" in text
    script = text.split("<script>")[1].split("</script>")[0]
    hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{hashed}' 'wasm-unsafe-eval'" in text
    assert "default-src 'none'" in text
    assert not re.search(r"https?://", re.sub(r"[\w+/]{200,}", "", text))


def test_the_card_of_a_run_stands_in_the_page(run: lienzo.Run, tmp_path: Path) -> None:
    scores = {
        "generator": lienzo.load(run).fingerprint,
        "collection": run.manifest()["collection"]["fingerprint"],
        "part": "train",
        "detector": "lite0",
        "measures": {"generated": 50, "reference": 20, "fid": None, "kid": {"value": 0.0123, "error": 0.0011}},
        "novelty": {"training": 20, "pixels": {"excess": {"share": {"value": 0.04, "error": 0.02}}}},
    }
    copied = shutil.copytree(run.path, tmp_path / "run")
    (copied / "scores.jsonl").write_text(json.dumps(scores) + "\n")
    text = lienzo.export(copied, to="page", out=tmp_path / "a.html").path.read_text(encoding="utf-8")
    for said in ("12.3 ± 1.1", "0.04 ± 0.02", str(run.manifest()["collection"]["fingerprint"]), "objective.name"):
        assert said in text, said


def test_files_of_another_generator_are_refused(directions: Directions, walk: Path, tmp_path: Path) -> None:
    other = untrained(*CASES["thesis"])
    kept = directions.save(tmp_path / "directions.safetensors")
    for named in ({"directions": kept}, {"walk": walk}):
        with pytest.raises(InputError, match="generator"):
            lienzo.export(other, to="page", out=tmp_path / "a.html", **named)


@pytest.mark.parametrize("case", ["thesis", "fading", "mlp", "odd groups"])
def test_pixels_are_those_of_generate(browser: Any, case: str, tmp_path: Path) -> None:
    compare(browser, untrained(*CASES[case]), tmp_path / "page.html", 16)


@pytest.mark.slow
@pytest.mark.parametrize("case", sorted(CASES.keys() - {"thesis", "fading", "mlp", "odd groups"}))
def test_pixels_of_every_other_kind_of_network(browser: Any, case: str, tmp_path: Path) -> None:
    compare(browser, untrained(*CASES[case]), tmp_path / "page.html", 16)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "size"), [("thesis", 64), ("modern-plain", 64), ("conditional", 32), ("gan-2014", 16)]
)
def test_sixty_four_seeds_of_recipes_at_full_width(browser: Any, recipe: str, size: int, tmp_path: Path) -> None:
    labels = 3 if recipe == "conditional" else 0
    compare(browser, untrained(recipes(recipe).network, (size, size, 3), labels), tmp_path / "page.html", 64)
    if recipe in ("thesis", "modern-plain"):
        assert (tmp_path / "page.html").stat().st_size < {"thesis": 11e6, "modern-plain": 4e6}[recipe]


def compare(browser: Any, generator: Generator, out: Path, count: int) -> None:
    """Export a generator, and compare a page's pictures with its own."""
    lienzo.export(generator, to="page", out=out)
    with opened(browser, out) as page:
        assert page.evaluate("painter.opened.then(({by}) => by)") == "WebAssembly"
        made = painted(page, [{"seed": seed} for seed in range(count)], generator)
    assert away(made, generator.generate(range(count)).images) <= 1


def test_without_vector_instructions_javascript_paints_the_same(
    browser: Any, exported: Path, conditional: Generator, tmp_path: Path
) -> None:
    text = exported.read_text(encoding="utf-8")
    found = re.search(r'id="wasm">[^<]+<', text)
    assert found
    (tmp_path / "page.html").write_text(text.replace(found[0], 'id="wasm">AGFzbQEAAAD/<'), encoding="utf-8")  # invalid
    with opened(browser, tmp_path / "page.html") as page:
        assert page.evaluate("painter.opened.then(({by}) => by)") == "JavaScript"
        made = painted(page, [{"seed": seed} for seed in range(8)], conditional)
    assert away(made, conditional.generate(range(8)).images) <= 1


def drawn(page: Any, seeds: list[int]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate(PAINT, [{"seed": seed} for seed in seeds])
    return found


@pytest.mark.parametrize(
    ("dimension", "count"),
    [pytest.param(100, 200), pytest.param(64, 3_000, marks=pytest.mark.slow), (17, 200), (7, 200)],
)
def test_a_seed_draws_the_same_latents_and_label(browser: Any, dimension: int, count: int, tmp_path: Path) -> None:
    generator = untrained(MLP(latents=dimension, width=4, depth=0), (4, 4, 1), 3)
    lienzo.export(generator, to="page", out=tmp_path / "page.html")
    seeds = [*range(count), 2**31 + 5, 2**53 - 1]
    with opened(browser, tmp_path / "page.html") as page:
        found = drawn(page, seeds)
    made = np.array([one["z"] for one in found], np.float32)
    wanted = torch.stack([latents(dimension, seed) for seed in seeds]).numpy()
    if torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512"):
        assert np.array_equal(made, wanted)  # bit for bit: these two draw alike
    else:
        assert np.abs(made - wanted).max() < 4e-6
    assert generator.vocabulary is not None
    names = (*LABELS, "")
    assert [names[one["drawn"]] for one in found] == [generator.vocabulary.drawn(seed) for seed in seeds]


def test_labels_mixtures_truncation_and_directions(
    browser: Any, exported: Path, conditional: Generator, directions: Directions
) -> None:
    z, y = conditional.drawn([4])
    along = np.float32(2.0) * directions.vectors[0] + np.float32(-1.5) * directions.vectors[1]
    mixed = conditional.rows(["baroque, late=0.25,art <nouveau>=0.75"])
    wanted = [conditional.paint(z * np.float32(0.6), y), conditional.paint(z + along, y), conditional.paint(z, mixed)]
    with opened(browser, exported) as page:
        page.click("#tab-picture")
        page.fill("#seed", "4")
        page.locator("#truncation").fill("0.6")
        assert away(shown(page, "seed 4.*truncation 0.6"), wanted[0][0]) <= 1
        page.click("#reset")
        page.get_by_label("brighter").fill("2")
        page.get_by_label("<i>storm").fill("-1.5")
        assert away(shown(page, "brighter 2, <i>storm -1.5"), wanted[1][0]) <= 1
        page.click("#reset")
        page.locator("#picture-labels select").select_option("mixture")
        for name, share in (("art <nouveau>", 75), ("baroque, late", 25)):
            page.locator("#picture-labels").get_by_label(name, exact=True).last.fill(str(share))
        assert away(shown(page, "art <nouveau>=0.75,baroque, late=0.25"), wanted[2][0]) <= 1
        given = page.evaluate("easel.open({ seed: 4, y: row(names.map((_, i) => [83, 1][i] || 0)) }), easel.place().y")
        assert given[:2] == [83 / 84, 1 / 84]  # as it is, though sliders stand at whole percents
        page.locator("#picture-labels").get_by_label(page.evaluate("names[0]"), exact=True).last.fill("50")
        assert page.evaluate("easel.place().y.slice(0, 2)") == [50 / 51, 1 / 51]
        page.locator("#picture-labels select").select_option("baroque, late")
        assert away(shown(page, "seed 4, baroque, late$"), conditional.generate([4], "baroque, late").images[0]) <= 1
        page.click("#after")
        assert away(shown(page, "seed 5, baroque"), conditional.generate([5], "baroque, late").images[0]) <= 1


def shown(page: Any, label: str, canvas: str = "#picture-canvas") -> np.ndarray[Any, Any]:
    """Return the picture (height, width, 3) on a canvas, once it is called like this."""
    page.wait_for_function(
        "([canvas, label]) => new RegExp(label).test(document.querySelector(canvas).getAttribute('aria-label'))",
        arg=[canvas, label],
    )
    return pixels(page, canvas)


def pixels(page: Any, canvas: str) -> np.ndarray[Any, Any]:
    data = page.evaluate("(canvas) => document.querySelector(canvas).toDataURL()", canvas)
    return np.array(Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2]))).convert("RGB"))


PREVENTED = """(text) => {
  const keys = text.split("+");
  const held = { ctrlKey: keys.includes("Control"), altKey: keys.includes("Alt"), metaKey: keys.includes("Meta") };
  return !document.activeElement.dispatchEvent(
    new KeyboardEvent("keydown", { key: keys.at(-1), bubbles: true, cancelable: true, ...held }));
}"""
"""Presses keys, and says whether the page takes them from the browser."""


def test_the_gallery_goes_on_and_is_used_by_keyboard(browser: Any, exported: Path) -> None:
    with opened(browser, exported) as page:
        before = page.locator(".tile").count()
        page.mouse.wheel(0, 100_000)
        page.wait_for_function(f"() => document.querySelectorAll('.tile').length > {before}")
        page.evaluate("scrollTo(0, 0)")
        page.locator("#gallery-truncation").focus()
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "tile"
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        page.locator("#kept li").first.wait_for()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Space")
        page.wait_for_function("() => kept.length === 2")
        assert page.locator(".tile[aria-pressed=true]").count() == 2
        assert "2 kept" in page.locator("#status").inner_text()
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        page.wait_for_function("() => kept.length === 1")
        page.keyboard.press("o")
        assert page.locator("#tab-picture").get_attribute("aria-selected") == "true"
        page.click("#tab-gallery")
        page.locator(".tile").first.focus()
        for key in ("Control+o", "Meta+o", "Alt+ArrowRight"):  # the browser's own
            assert not page.evaluate(PREVENTED, key), key
            assert page.locator("#gallery").is_visible()
        assert page.evaluate(PREVENTED, "O")
        assert page.locator("#tab-picture").get_attribute("aria-selected") == "true"
        page.locator("#tab-picture").focus()
        assert not page.evaluate(PREVENTED, "Alt+ArrowRight")
        assert page.locator("#picture").is_visible()
        page.keyboard.press("ArrowRight")
        assert page.locator("#about").is_visible()
        page.click("#clear-kept")
        assert page.locator("#tray").is_hidden()
        page.click("#tab-gallery")
        page.fill("#gallery-seed", "1000")
        page.keyboard.press("Enter")
        assert page.locator(".tile").first.get_attribute("aria-label").startswith("seed 1000")
        page.locator("#gallery-labels select").select_option("none")
        page.locator("canvas.painted").first.wait_for()
        assert page.locator(".tile").first.get_attribute("aria-label") == "seed 1000"


def test_pictures_are_saved_as_png_with_where_they_come_from(
    browser: Any, exported: Path, conditional: Generator, tmp_path: Path
) -> None:
    with opened(browser, exported) as page:
        for number in (0, 2, 5):
            page.locator(".tile").nth(number).click()
        page.wait_for_function("() => kept.length === 3")
        grid = saved(page, lambda: page.click("#save-kept"), tmp_path / "kept.png")
        page.locator("#kept button").nth(1).click()
        page.wait_for_function("() => easel.painted && document.querySelector('#seed').value === '2'")
        shown(page, "seed 2")
        (plain,) = lienzo.generate(conditional, seeds=[2], out=tmp_path / "plain").paths
        single = saved(page, lambda: page.click("#save-picture"), tmp_path / plain.name)
        page.locator("#truncation").fill("0.6")
        shown(page, "seed 2.*truncation 0.6")
        (drawn_in,) = lienzo.generate(conditional, seeds=[2], truncation=0.6, out=tmp_path / "drawn-in").paths
        truncated = saved(page, lambda: page.click("#save-picture"), tmp_path / drawn_in.name)
        page.get_by_label("brighter").fill("2")
        page.get_by_label("<i>storm").fill("-1.5")
        shown(page, "brighter 2, <i>storm -1.5")
        told = "truncation=0.6, along=brighter=2, %3ci%3estorm=-1.5"
        steered = saved(page, lambda: page.click("#save-picture"), tmp_path / f"{plain.stem}-{told}.png")
    assert lienzo.info(truncated) == lienzo.info(drawn_in)
    assert lienzo.info(steered)["along"] == "brighter=2, <i>storm=-1.5"
    about = lienzo.info(single)
    assert (about["Software"], about["seeds"], about["generator"]) == ("lienzo", "2", conditional.fingerprint)
    assert away(read(single), conditional.generate([2]).images[0]) <= 1
    assert lienzo.info(grid)["seeds"] == "0,2,5"
    conditional.generate([0, 2, 5]).save(tmp_path / "wanted.png")
    assert away(read(grid), read(tmp_path / "wanted.png")) <= 1


def test_a_picture_is_saved_as_what_it_is_while_another_is_painted(
    browser: Any, exported: Path, conditional: Generator, tmp_path: Path
) -> None:
    with opened(browser, exported) as page:
        page.click("#tab-picture")
        shown(page, "seed 0")
        page.evaluate("() => { painter.paint = () => new Promise(() => {}); }")  # it never answers
        page.fill("#seed", "7")
        (plain,) = conditional.generate([0]).save(tmp_path / "plain")
        single = saved(page, lambda: page.click("#save-picture"), tmp_path / plain.name)
    assert lienzo.info(single)["seeds"] == "0"
    assert away(read(single), conditional.generate([0]).images[0]) <= 1


def test_seeds_end_at_the_largest_that_a_page_holds(browser: Any, exported: Path) -> None:
    last = 2**53 - 1
    with opened(browser, exported) as page:
        page.evaluate("() => { painter.paint = () => new Promise(() => {}); }")
        for first in (last, last - 60):
            page.fill("#gallery-seed", str(first))
            page.keyboard.press("Enter")
            page.mouse.wheel(0, 100_000)
            page.wait_for_timeout(200)
            seeds = page.evaluate("wall.tiles.map(({ place }) => place.seed)")
            assert seeds == list(range(first, last + 1))
        page.click("#tab-picture")
        page.fill("#seed", str(last))
        page.click("#after")
        assert page.locator("#seed").input_value() == str(last)


def test_a_walk_of_seeds_that_no_page_holds_is_written_out(
    browser: Any, conditional: Generator, tmp_path: Path
) -> None:
    keyframes = (Keyframe(seed=2**53), Keyframe(seed=2**62 + 1, label="baroque, late"), Keyframe(seed=3))
    path = paths.Path(conditional.fingerprint, 16, (Walk(keyframes, (0.0, 0.5, 1.0, 2.0)),))
    out = tmp_path / "page.html"
    lienzo.export(conditional, to="page", out=out, walk=path.save(tmp_path / "walk.json"))
    ((z, y),) = path.points(conditional)
    with opened(browser, out) as page:
        page.click("#tab-walk")
        assert "path of a file" in page.locator("#walk-note").inner_text()
        made = painted(page, [{"walk": 0, "time": time} for time in (0.0, 0.5, 1.0, 2.0)], conditional)
    assert away(made, conditional.paint(z, y)) <= 1


def read(path: Path) -> np.ndarray[Any, Any]:
    with Image.open(path) as image:
        return np.array(image)


def saved(page: Any, act: Callable[[], None], path: Path) -> Path:
    """Return the file that an act saves, under the name that the page gives it."""
    with page.expect_download() as download:
        act()
    assert download.value.suggested_filename == path.name
    download.value.save_as(path)
    return path


def test_a_walk_is_replayed_and_saved(
    browser: Any, exported: Path, conditional: Generator, walk: Path, tmp_path: Path
) -> None:
    wanted = [conditional.paint(z, y) for z, y in paths.Path.open(walk).points(conditional)]
    with opened(browser, exported) as page:
        page.click("#tab-walk")
        page.set_input_files("#open-path", walk)
        for frame in (0, 2, 3):
            page.locator("#time").fill(str(frame))
            page.wait_for_function(f"() => document.querySelector('#walk-canvas').dataset.frame === '{frame}'")
            made = pixels(page, "#walk-canvas")
            for number, pictures in enumerate(wanted):
                left = 2 + 18 * number
                assert away(made[2:18, left : left + 16], pictures[frame]) <= 1
        page.set_input_files("#open-path", {"name": "a.json", "mimeType": "", "buffer": b'{"format": "<b>"}'})
        page.wait_for_function(
            "() => document.querySelector('#walk-note').innerText.includes('no path that this page knows')"
        )
        page.click("#leave-path")
        page.click("#tab-gallery")
        for number in (1, 3):
            page.locator(".tile").nth(number).click()
        page.wait_for_function("() => kept.length === 2")
        page.click("#walk-kept")
        page.locator("#seconds").fill("0.5")
        path = paths.Path.open(saved(page, lambda: page.click("#save-path"), tmp_path / "walk.json"))
        animated = saved(page, lambda: page.click("#save-animation"), tmp_path / "walk.png")
    path.check(conditional)
    assert path.frames == 30
    z, y = next(path.points(conditional))
    with Image.open(animated) as image:
        assert (image.n_frames, image.info["duration"]) == (30, pytest.approx(1000 / 30, 0.01))  # type: ignore[attr-defined]
        for frame in (0, 7, 29):
            image.seek(frame)
            assert away(np.array(image.convert("RGB")), conditional.paint(z, y)[frame]) <= 1


def test_what_changes_while_a_walk_is_saved_waits(
    browser: Any, exported: Path, conditional: Generator, tmp_path: Path
) -> None:
    with opened(browser, exported) as page:
        for number in (1, 3):
            page.locator(".tile").nth(number).click()
        page.wait_for_function("() => kept.length === 2")
        page.click("#walk-kept")
        page.locator("#seconds").fill("0.5")
        page.evaluate("window.before = [...kept]")
        path = paths.Path.open(saved(page, lambda: press_then_change(page, "#save-path"), tmp_path / "walk.json"))
        page.evaluate("(kept = before, keptChanged())")
        page.locator("#closed").check()
        page.locator("#seconds").fill("0.5")
        animated = saved(page, lambda: press_then_change(page, "#save-animation"), tmp_path / "walk.png")
        page.wait_for_function("() => !player.saving")
        assert page.evaluate("[player.frames, player.walks[0].length, player.closed]") == [91, 4, False]
    assert (path.closed, path.frames, [one.seed for one in path.walks[0].keyframes]) == (True, 30, [1, 3])
    z, y = next(path.points(conditional))
    with Image.open(animated) as image:
        assert image.n_frames == 30  # type: ignore[attr-defined]
        for frame in (0, 7, 29):
            image.seek(frame)
            assert away(np.array(image.convert("RGB")), conditional.paint(z, y)[frame]) <= 1


def press_then_change(page: Any, button: str) -> None:
    """Press a button, change the walk in every way, and only then let the painter paint what the button asked for."""
    page.evaluate(
        "() => { const paint = painter.paint; const changed = new Promise((resolve) => (window.go = resolve));"
        " painter.paint = async (places) => { await changed; return paint.call(painter, places); }; }"
    )
    page.click(button)
    page.locator("#closed").uncheck()
    page.locator("#seconds").fill("1")
    page.evaluate("(kept.reverse(), keptChanged())")
    page.click("#clear-kept")
    page.evaluate("go()")


def test_frames_of_a_transparent_film_do_not_shine_through_the_next(browser: Any, tmp_path: Path) -> None:
    lienzo.export(untrained(*CASES["transparent"]), to="page", out=tmp_path / "page.html")
    with opened(browser, tmp_path / "page.html") as page:
        page.click("#tab-walk")
        page.evaluate(
            "() => { film = async (canvas, frames, perSecond, show) => {"
            " window.shots = [20, 0, 20].map((i) => (show(frames[i], i), canvas.toDataURL())); return new Blob(); }; }"
        )
        with page.expect_download():
            page.click("#save-film")
        alone, before, after = page.evaluate("shots")
    assert alone == after != before


@pytest.mark.slow
def test_a_film_is_recorded_and_a_walk_plays(browser: Any, exported: Path, tmp_path: Path) -> None:
    with opened(browser, exported, reduced_motion="no-preference") as page:
        page.click("#tab-walk")
        page.wait_for_function("() => player.playing && player.frame > 3")
        page.click("#play")
        assert not page.evaluate("player.playing")
        page.locator("#seconds").fill("0.5")
        film = saved(page, lambda: page.click("#save-film"), tmp_path / "walk.webm")
    assert film.read_bytes()[:4] == b"\x1a\x45\xdf\xa3"
    assert film.stat().st_size > 1_000


def test_motion_is_not_forced_on_those_who_asked_for_less(browser: Any, exported: Path) -> None:
    with opened(browser, exported) as page:
        page.click("#tab-walk")
        page.wait_for_timeout(200)
        assert not page.evaluate("player.playing")
        assert page.evaluate("document.getAnimations().length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_telephone(browser: Any, exported: Path, scheme: str) -> None:
    size = {"width": 360, "height": 740}
    with opened(browser, exported, viewport=size, color_scheme=scheme, has_touch=True, is_mobile=True) as page:
        page.locator(".tile").first.tap()
        page.wait_for_function("() => kept.length === 1")
        for view in ("gallery", "walk", "picture", "about"):
            page.locator(f"#tab-{view}").tap()
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, view
        page.locator("#tab-walk").tap()
        for button in page.locator("#walk button:visible").all():
            assert button.bounding_box()["height"] >= 30


def test_colours_have_enough_contrast() -> None:
    """Text has 4.5 to its ground, what is no text has 3 (WCAG 2.2, criteria 1.4.3 and 1.4.11)."""
    style = (Path(tracing.__file__).parent / "browser" / "page.css").read_text(encoding="utf-8")
    found = re.findall(r"--(ink|soft|paper|shade|accent|on-accent|edge): (#\w+)", style)
    assert len(found) == 14
    for colours in (dict(found[:7]), dict(found[7:])):
        for text, ground in (
            ("ink", "paper"),
            ("ink", "shade"),
            ("soft", "paper"),
            ("soft", "shade"),
            ("accent", "paper"),
        ):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground, colours)
        assert contrast(colours["on-accent"], colours["accent"]) >= 4.5
        assert contrast(colours["edge"], colours["paper"]) >= 3


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours."""

    def luminance(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
        parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)
