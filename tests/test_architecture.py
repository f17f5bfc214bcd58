"""Who may import whom, what is loaded by whom, and that docs/architecture.md says so."""

import ast
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

import lienzo
from lienzo.cli.main import VERBS, commands
from lienzo.collection.collection import Collection
from lienzo.recipe.recipe import Recipe

Python = Callable[..., subprocess.CompletedProcess[str]]

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "src" / "lienzo"

ROOMS: dict[str, str] = {
    "storage compute display": "",
    "painter": "storage",
    "collection": "storage display",
    "networks": "compute",
    "metrics": "storage",
    "recipe": "networks",
    "run": "storage display collection recipe",
    "generation": "storage compute display collection networks recipe run",
    "training": "storage compute display collection networks metrics recipe run generation",
    "evaluation": "storage compute display collection networks metrics recipe run generation",
    "explore": "storage compute display painter collection networks metrics run generation evaluation",
    "export": "storage display collection networks metrics recipe run generation evaluation explore",
    "inspection": "storage collection generation recipe run evaluation",
    "theory": "storage display networks recipe training",
    "tuning": "storage display collection recipe run training",
    "growth": "storage compute collection networks recipe run training",
    "report": "storage compute display collection networks recipe run generation evaluation",
    "demo": "storage display painter collection networks recipe run generation training report",
    "thesis": "storage compute display painter collection networks recipe run training evaluation theory report",
    "studio": "storage display collection metrics recipe run generation evaluation explore theory",
    "cli": "*",
}
"""Rooms, and the rooms that they import from; all import from :data:`GROUND`. Every arrow points up in this table."""

PARTS = ("listing", "screening", "packing")
"""Rooms within ``collection``; each imports only from the ones before it, and from the files beside them."""

GROUND = ("errors", "seeds", "signatures", "version")
"""Files at the root that import nothing of lienzo."""

MAY = {room: others.split() for rooms, others in ROOMS.items() for room in rooms.split()}
TORCHLESS = (
    "errors",
    "seeds",
    "version",
    "painter",
    "collection",
    "recipe",
    "run",
    "inspection",
    "display",
    "cli",
)
"""Files and rooms that are read without PyTorch."""


def imported(path: Path) -> Iterator[str]:
    """Yield the rooms that a file imports from, wherever in the file it does; the package itself is ``""``."""
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
            if package == "lienzo":
                yield rest[0] if rest else ""


def test_every_room_is_in_the_table() -> None:
    assert {path.name for path in SOURCES.iterdir() if path.is_dir() and path.name != "__pycache__"} == MAY.keys()
    assert {path.stem for path in SOURCES.glob("*.py")} == {"__init__", "__main__", *GROUND}


def test_arrows_point_up() -> None:
    above: list[str] = []
    for rooms, others in ROOMS.items():
        assert set(others.split()) <= {*above, "*"}, rooms
        above += rooms.split()


@pytest.mark.parametrize("room", [*MAY, *GROUND])
def test_rooms_import_from_the_rooms_that_the_table_names(room: str) -> None:
    path, may = SOURCES / room, MAY.get(room, [])
    for file in path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]:
        others = set(imported(file)) - {room}
        allowed = {*MAY, *GROUND} if may == ["*"] else {*may, *(GROUND if room in MAY else ())}
        assert others <= allowed, f"{file.relative_to(ROOT)} imports {others - allowed}"


def test_the_largest_room_has_three_that_build_on_one_another() -> None:
    for number, part in enumerate(PARTS):
        for file in (SOURCES / "collection" / part).rglob("*.py"):
            above = [f"from lienzo.collection.{other}" for other in PARTS[number + 1 :]]
            assert not any(name in file.read_text(encoding="utf-8") for name in above), file


def test_no_room_holds_more_than_a_sixth_of_the_lines_and_no_function_more_than_sixty() -> None:
    rooms: dict[str, int] = {}
    for file in SOURCES.rglob("*.py"):
        room, *inner = file.relative_to(SOURCES).parts
        if room == "collection" and inner[0] in PARTS:
            room += f"/{inner[0]}"
        text = file.read_text(encoding="utf-8")
        rooms[room] = rooms.get(room, 0) + len(text.splitlines())
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno is not None
                assert node.end_lineno - node.lineno < 60, f"{node.name} in {file}"
    assert max(rooms.values()) <= sum(rooms.values()) / 6, max(rooms, key=lambda room: rooms[room])
    assert sum(path.is_file() for path in SOURCES.glob("*.py")) <= 6


def test_every_arrow_of_the_table_is_used() -> None:
    for room, may in MAY.items():
        used = {other for file in (SOURCES / room).rglob("*.py") for other in imported(file)}
        assert may == ["*"] or set(may) <= used, f"{room} does not import {set(may) - used}"


def test_the_page_shows_the_same_table() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ((?:`\w+/`,? ?)+) \| ([^|]*) \|", page, re.MULTILINE)
    shown = {" ".join(re.findall(r"\w+", rooms)): " ".join(re.findall(r"\w+|\*", others)) for rooms, others in rows}
    assert shown == ROOMS


def test_collections_recipes_and_runs_are_read_without_torch(python: Python) -> None:
    files = [path for room in TORCHLESS for path in [SOURCES / f"{room}.py", *(SOURCES / room).rglob("*.py")]]
    modules = [".".join(path.relative_to(SOURCES).with_suffix("").parts) for path in files if path.exists()]
    assert_not_loaded(python, "; ".join(f"import lienzo.{module}" for module in modules), ["torch"])


def test_the_studios_server_is_read_without_torch(python: Python) -> None:
    pytest.importorskip("starlette")
    assert_not_loaded(python, "import lienzo.studio.server", ["torch", "matplotlib"])


def test_importing_lienzo_loads_nothing_heavy(python: Python) -> None:
    assert_not_loaded(python, "import lienzo", ["torch", "numpy", "pyarrow", "PIL", "matplotlib", "rich", "click"])


def test_help_and_recipes_load_nothing_heavy(python: Python) -> None:
    """One process runs them all, and what any of them loads stays loaded."""
    pages = [["--help"], ["explore", "--help"], *([*verb.split(), "--help"] for verb, _ in commands())]
    lines = [*pages, ["recipes"], ["recipes", "thesis"]]
    heavy = ["torch", "numpy", "pyarrow", "PIL", "matplotlib", "rich"]
    assert_not_loaded(python, "\n".join(run_by_command(words) for words in lines), heavy)


def test_collections_runs_and_files_are_looked_at_without_torch(
    python: Python, collection: Collection, run: lienzo.Run
) -> None:
    paths = (collection.path, run.path, run.recipe_path, run.generator_path, run.checkpoints()[0])
    assert_not_loaded(
        python, "\n".join(run_by_command(["info", path]) for path in paths), ["torch", "matplotlib", "scipy"]
    )


def test_pictures_are_prepared_without_torch(python: Python, paint: Callable[..., Path], tmp_path: Path) -> None:
    words = ["prepare", paint(tmp_path / "pictures", count=1), tmp_path / "collection", "--size", 16]
    assert_command_does_not_load(python, words, ["torch", "matplotlib", "scipy"])


def test_collections_are_exported_without_torch(python: Python, collection: Collection, tmp_path: Path) -> None:
    words = ["export", collection.path, "--to", "zip", "--out", tmp_path / "pictures.zip"]
    assert_command_does_not_load(python, words, ["torch", "matplotlib", "scipy"])


LATER = ["torch._dynamo", "sympy", "matplotlib", "scipy", "onnxruntime"]
"""What takes long to load and only some trainings need: compilation, charts at the end, and KID."""


def test_generation_loads_pytorch_and_little_more(python: Python, run: lienzo.Run, tmp_path: Path) -> None:
    words = ["generate", run.path, "--seeds", "0", "--out", tmp_path / "picture.png"]
    assert_command_does_not_load(python, words, [*LATER, "tensorboard"])


def test_a_training_loads_what_it_uses(python: Python, collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(recipe.to_toml(), encoding="utf-8")
    places = [str(collection.path), str(tmp_path / "recipe.toml"), str(tmp_path / "run")]
    assert_not_loaded(python, f"import lienzo; next(iter(lienzo.steps(*{places}, device='cpu')))", LATER)


def assert_command_does_not_load(python: Python, words: Sequence[object], packages: list[str]) -> None:
    """Run ``lienzo WORD...``, which has to end well, and look at what it loaded."""
    assert_not_loaded(python, run_by_command(words), packages)


def run_by_command(words: Sequence[object]) -> str:
    """Return a program that runs ``lienzo WORD...``, which has to end well."""
    call = f"import sys; sys.argv = {['lienzo', *map(str, words)]}; from lienzo.cli.main import main\n"
    return call + "try: main()\nexcept SystemExit as ended: assert not ended.code, sys.argv\n"


def assert_not_loaded(python: Python, program: str, packages: list[str]) -> None:
    done = python(f"{program}\nimport sys\nassert not (loaded := set({packages}) & set(sys.modules)), loaded")
    assert done.returncode == 0, done.stderr


def test_every_public_name_is_there() -> None:
    assert set(dir(lienzo)) == {*lienzo.__all__, "__version__", "explore"}
    for name, module in lienzo.CONTENTS.items():
        assert getattr(lienzo, name).__module__ == module
        assert getattr(lienzo, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'painting'"):
        lienzo.painting  # noqa: B018


def test_the_verbs_of_exploring_are_there() -> None:
    assert set(dir(lienzo.explore)) == {*lienzo.explore.CONTENTS}
    for name, module in lienzo.explore.CONTENTS.items():
        assert getattr(lienzo.explore, name).__module__ == module


def test_what_type_checkers_see_is_what_there_is() -> None:
    tree = ast.parse((SOURCES / "__init__.py").read_text(encoding="utf-8"))
    seen = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname and alias.name not in ("__version__", "explore")
    }
    assert seen == lienzo.CONTENTS
    assert (SOURCES / "py.typed").exists()


def test_every_verb_has_a_page_and_stands_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for verb in VERBS:
        assert (ROOT / "docs" / f"{verb}.md").exists(), f"docs/{verb}.md"
        assert f"lienzo {verb}" in readme
        assert f"docs/{verb}.md" in readme
