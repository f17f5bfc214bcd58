"""What is given to others: the wheel has all that a run needs, and the sdist makes the same wheel."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT

import lienzo

pytestmark = pytest.mark.slow


def called(folder: Path, *words: object, **environment: str) -> str:
    """Return what a command that has to succeed says."""
    done = subprocess.run(
        list(map(str, words)), cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the sdist, and the wheel that was built from it."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("built")
    called(ROOT, sys.executable, "-m", "build", "--no-isolation", "--outdir", folder)
    return folder


def test_the_wheel_holds_the_package_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    assert wheel.name == f"lienzo-{lienzo.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read(f"lienzo-{lienzo.__version__}.dist-info/METADATA").decode()
    sources = {path for path in (ROOT / "src").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert {name for name in names if ".dist-info/" not in name} == {
        path.relative_to(ROOT / "src").as_posix() for path in sources
    }
    assert "Requires-Python: >=3.11" in metadata
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_sdist_holds_what_is_needed_to_test_it(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "Makefile", "constraints.txt", "tests/conftest.py"} <= names
    assert not [name for name in names if name.startswith((".venv", "dist", "build/")) or "__pycache__" in name]


def test_an_installed_wheel_runs_the_demo_in_an_empty_folder(built: Path, tmp_path: Path) -> None:
    """A short demo; the packages that lienzo needs are those of this environment."""
    (wheel,) = built.glob("*.whl")
    installed, empty = tmp_path / "installed", tmp_path / "empty"
    empty.mkdir()
    called(empty, sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", installed, wheel)
    there = {"PYTHONPATH": str(installed), "PATH": f"{installed / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    where = called(empty, sys.executable, "-c", "import lienzo; print(lienzo.__file__)", **there)
    assert Path(where.strip()).parent == installed / "lienzo"
    called(empty, sys.executable, ROOT / "scripts" / "short_demo.py", "lienzo-demo", **there)
    assert (empty / "lienzo-demo" / "index.html").exists()
    assert called(empty, "lienzo", "--version", **there) == f"lienzo {lienzo.__version__}\n"
    called(empty, "lienzo", "generate", "lienzo-demo/run", "--count", "4", **there)
    assert (empty / "generated.png").exists()
