"""Who may import whom, what is loaded by whom, and that docs/architecture.md says so."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import lienzo
from lienzo.cli import VERBS

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "src" / "lienzo"

RANKS: dict[int, tuple[str, ...]] = {
    0: ("errors", "seeds", "schedule", "pages", "charts", "terminal"),
    1: ("files", "pictures", "gallery", "devices", "processes", "vocabulary"),
    2: ("tensors", "data", "nets", "objectives", "augment", "ema", "metrics", "painter", "likelihood"),
    3: ("game", "recipe"),
    4: ("recipes", "trouble", "run", "dealing", "autoencoding"),
    5: ("state", "drawing", "generation", "occupancy", "experiments"),
    6: ("judge", "origin", "resumption"),
    7: ("preparation", "training", "evaluation", "inspection", "laboratory"),
    8: ("demo", "tuning", "growth"),
    9: ("cli",),
}
"""Every module and folder of lienzo by its rank; a module imports from lower ranks only."""

RANK = {name: rank for rank, names in RANKS.items() for name in names}
TORCHLESS = ["pictures", *(f"data.{path.stem}" for path in sorted((SOURCES / "data").glob("*.py")))]
TORCHLESS = [name for name in TORCHLESS if name not in ("data.__init__", "data.batches")]


def modules() -> list[str]:
    names = {path.relative_to(SOURCES).parts[0].removesuffix(".py") for path in SOURCES.rglob("*.py")}
    return sorted(names - {"__init__", "__main__"})


def imported(path: Path) -> Iterator[str]:
    """Yield the modules of lienzo that a file imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            package, *rest = name.split(".")
            if package == "lienzo" and rest:
                yield rest[0]


@pytest.mark.parametrize("module", modules())
def test_modules_import_from_lower_ranks_only(module: str) -> None:
    assert module in RANK, f"give {module} a rank, here and in docs/architecture.md"
    path = SOURCES / module
    for file in path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]:
        for other in imported(file):
            if other != module:  # files inside one folder may import one another
                assert RANK[other] < RANK[module], f"{file.relative_to(ROOT)} imports {other}"


def test_the_page_shows_the_same_table() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) \| ([^|]*) \|", page, re.MULTILINE)
    assert {int(rank): tuple(re.findall(r"`(\w+)/?`", names)) for rank, names in rows} == RANKS


def test_pictures_and_data_run_without_torch(python: Callable[..., object]) -> None:
    imports = "; ".join(f"import lienzo.{name}" for name in TORCHLESS)
    assert_not_loaded(python, imports, ["torch"])


def test_importing_lienzo_loads_nothing_heavy(python: Callable[..., object]) -> None:
    assert_not_loaded(python, "import lienzo", ["torch", "numpy", "pyarrow", "PIL", "matplotlib", "rich", "tyro"])


@pytest.mark.parametrize("words", [["--help"], ["recipes", "--help"], ["train", "--help"]], ids=" ".join)
def test_help_does_not_load_torch(python: Callable[..., object], words: list[str]) -> None:
    call = f"import sys; sys.argv = ['lienzo', *{words}]; from lienzo.cli import main\n"
    call += "try: main()\nexcept SystemExit: pass\n"
    assert_not_loaded(python, call, ["torch", "numpy", "pyarrow", "PIL", "matplotlib"])


def assert_not_loaded(python: Callable[..., object], program: str, packages: list[str]) -> None:
    done = python(f"{program}\nimport sys\nassert not (loaded := set({packages}) & set(sys.modules)), loaded")
    assert done.returncode == 0, done.stderr  # type: ignore[attr-defined]


def test_every_public_name_is_there() -> None:
    assert set(dir(lienzo)) == {*lienzo.__all__, "__version__"}
    for name, module in lienzo.CONTENTS.items():
        assert getattr(lienzo, name).__module__ == module
        assert getattr(lienzo, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'painting'"):
        lienzo.painting  # noqa: B018


def test_what_type_checkers_see_is_what_there_is() -> None:
    tree = ast.parse((SOURCES / "__init__.py").read_text(encoding="utf-8"))
    seen = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    assert seen == lienzo.CONTENTS
    assert (SOURCES / "py.typed").exists()


def test_every_verb_has_a_page_and_stands_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for verb in VERBS:
        assert (ROOT / "docs" / f"{verb}.md").exists(), f"docs/{verb}.md"
        assert f"lienzo {verb}" in readme
        assert f"docs/{verb}.md" in readme
