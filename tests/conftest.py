"""What the tests share: pictures painted on the spot, a small collection of them, a recipe that costs little."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side, and sums must not depend on their number

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from generators_for_tests import Planted, wrapped
from PIL import Image
from torch import Tensor, nn

import lienzo
from lienzo.cli import main
from lienzo.collection.collection import Collection
from lienzo.generation.generation import Generator
from lienzo.networks.configurations import DCGAN, NETS
from lienzo.networks.shape import Shape
from lienzo.recipe.objectives import NonSaturating
from lienzo.recipe.recipe import Recipe

torch.set_num_threads(1)

os.environ["LIENZO_CACHE"] = tempfile.mkdtemp(prefix="lienzo-tests-")  # the user's own stays as it is

ROOT = Path(__file__).parent.parent

Paint = Callable[..., Path]
Result = tuple[int, str, str]
Command = Callable[..., Result]


@pytest.fixture(scope="session")
def paint() -> Paint:
    """Give a function that paints ``count`` PNGs, no two alike, into a folder, half of them in each of two folders."""

    def paint(folder: Path, count: int = 24, height: int = 20, width: int = 24, first: int = 0) -> Path:
        for i in range(first, first + count):
            target = folder / ("fields", "waves")[i % 2]
            target.mkdir(parents=True, exist_ok=True)
            coarse = np.random.default_rng(i).integers(0, 256, (4, 4, 3), np.uint8)
            picture = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
            picture.save(target / f"{i:03}.png")
        return folder

    return paint


@pytest.fixture(scope="session")
def collection(tmp_path_factory: pytest.TempPathFactory, paint: Paint) -> Collection:
    """Give a collection of 24 pictures of 16×16×3."""
    folder = tmp_path_factory.mktemp("collection")
    return lienzo.prepare(paint(folder / "pictures"), folder / "paintings-16", size=16, workers=1)


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """Give a recipe of eight steps on eight pictures each, four ticks, float32."""
    return Recipe(
        name="small",
        network=DCGAN(latents=8, width=8),
        objective=NonSaturating(real_label=0.9),
        batch=8,
        epochs=None,
        images=64,
        tick=16,
        samples=4,
        sample_every=32,
        precision="fp32",
    )


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, collection: Collection) -> lienzo.Run:
    """Give a finished run; tests read it only."""
    small = Recipe("small", DCGAN(latents=8, width=8), NonSaturating(), batch=8, epochs=2.0, tick=16, samples=4)
    return lienzo.train(collection, small, tmp_path_factory.mktemp("run") / "run", device="cpu")


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Give a function that runs ``lienzo WORD...`` in this process: exit status, standard output, standard error."""

    def command(*words: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["lienzo", *map(str, words)])
        status = 0
        try:
            main.main()
        except SystemExit as ended:
            status = int(ended.code or 0)
        said = capsys.readouterr()
        return status, said.out, said.err

    return command


@pytest.fixture(scope="session")
def python() -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Give a function that runs a program in a Python of its own."""

    def python(program: str, *words: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", program, *map(str, words)],
            env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "error"},
            capture_output=True,
            text=True,
            check=False,
        )

    return python


@pytest.fixture(params=NETS)
def generator(request: pytest.FixtureRequest) -> Generator:
    """Give an untrained generator of each network, which knows two labels."""
    torch.manual_seed(0)
    small = {"dcgan": {"latents": 8, "width": 8, "self_modulation": True}, "mlp": {"latents": 8, "width": 32}}
    network = NETS[request.param](**small.get(request.param, {"latents": 8, "width": 16}))
    return wrapped(network.generator(Shape(16, 16, 3), 2), request.param, labels=True)


@pytest.fixture
def planted() -> tuple[Generator, Tensor]:
    torch.manual_seed(1)
    direction = nn.functional.normalize(torch.randn(20), dim=0)
    return wrapped(Planted(direction), "planted", latents=20), direction


@pytest.fixture
def halves(tmp_path: Path) -> Collection:
    """Give a collection of pictures that are bright above, or below, in folders that say so."""
    chance = np.random.default_rng(0)
    for number in range(24):
        label = ("above", "below")[number % 2]
        pixels = chance.integers(0, 60, (16, 16, 3), np.uint8)
        pixels[slice(8) if label == "above" else slice(8, None)] += 180
        (tmp_path / "pictures" / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "pictures" / label / f"{number}.png")
    return lienzo.prepare(tmp_path / "pictures", tmp_path / "halves", size=16, workers=1)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Give a headless Chromium, driven by Playwright; a test skips where either is missing."""
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or "/usr/bin/chromium"
    if not Path(chromium).exists():
        pytest.skip("there is no Chromium")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=chromium)
        yield started
        started.close()
