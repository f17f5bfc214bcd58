"""Every command of every page runs, in the order of its page, with what it names made before and sizes lowered.

A block that cannot run here says so in its first line: ``# needs a GPU``, ``a cluster``, ``the internet`` or ``hours``.
"""

import dataclasses
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

import commands
import pytest
from conftest import ROOT, Command, Paint
from test_demo import TINY

from lienzo.demo import demo
from lienzo.recipe import catalogue, choice
from lienzo.recipe.recipe import Recipe
from lienzo.training import kid_monitor

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

NEEDS = ("a GPU", "a cluster", "the internet", "hours")
"""What a block may need that is not here."""

SERVERS = ("studio",)
"""Verbs that go on until they are stopped; their own tests run them."""

OTHERS = ("make", ".ci/run")
"""Programs whose targets tests/test_docs.py looks up."""

PLACEHOLDERS = {"ENTRY": "runs/a"}
"""Words that stand for the reader's own."""

SMALLER = {
    "--count": "8",
    "--epochs": "1",
    "--evaluate-every": "16",
    "--fade": "8",
    "--frames": "4",
    "--images": "32",
    "--samples": "16",
    "--walks": "4",
}
"""Options whose numbers are lowered where a command has them."""

SIZES = {"64": "16", "96x64": "24x16", "128": "32"}
"""What `--size` becomes."""

CHEAPER = {
    "evaluate": "--detector pixels --samples 16 --no-novelty",
    "explore arithmetic": "--detector pixels --trials 4",
    "explore directions": "--detector pixels",
    "explore dissect": "--count 32",
    "explore invert": "--detector pixels --iterations 2 --starts 1 --samples 2",
    "explore neighbours": "--detector pixels --among 32",
    "explore walk": "--frames 4",
    "grow": "--images 16 --fade 8",
    "prepare": "--size 16 --workers 1",
    "probe": "--samples 16",
    "tune": "--trials 2 --images 32",
}
"""Options that are added where a command does not have them."""

IDLE = {
    ("explore arithmetic", False): ("--detector", "--trials"),
    ("explore invert", False): ("--samples",),
    ("explore neighbours", True): ("--among",),
}
"""Those that a command without a collection refuses, or one with a collection, as they would change nothing."""

INSTEAD = {"convergence": "convolutions"}
"""Experiments of minutes, and one of seconds."""

TOO_SMALL = "train the generator longer"
"""What a command may say instead, as no setting but a longer training helps: labels have to be told in its pictures."""

STYLES = ("impressionism", "cubism", "baroque")


def lowered(recipe: Recipe) -> Recipe:
    """Return a recipe of four steps, with narrow networks."""
    fields = {field.name for field in dataclasses.fields(recipe.network)}
    narrow = {key: value for key, value in {"latents": 16, "width": 8, "stem": 4}.items() if key in fields}
    return dataclasses.replace(
        recipe,
        network=dataclasses.replace(recipe.network, **narrow),
        batch=8,
        epochs=None,
        images=32,
        tick=16,
        samples=4,
        sample_every=32,
        precision="fp32",
        compile=False,
    )


class World:
    """A folder with what the pages name: each thing is made once, when a page names it first."""

    def __init__(self, folder: Path, paint: Paint, command: Command) -> None:
        self.folder, self.paint, self.command = folder, paint, command

    def give(self, name: str, to: Path) -> bool:
        """Put a thing into a folder, and say whether it is one that there is."""
        if name not in THINGS:
            return False
        if not (to / name).exists():
            for other in BESIDE.get(name, ()):
                self.give(other, to)
            with chdir(self.folder):
                if not Path(name).exists():
                    Path(name).parent.mkdir(parents=True, exist_ok=True)
                    THINGS[name](self, Path(name))
            if to != self.folder:
                copy = shutil.copytree if (self.folder / name).is_dir() else shutil.copy
                (to / name).parent.mkdir(parents=True, exist_ok=True)
                copy(self.folder / name, to / name)
        return True

    def needs(self, *names: str) -> None:
        for name in names:
            assert self.give(name, self.folder)

    def run(self, words: str) -> None:
        status, _, said = self.command(*shlex.split(words)[1:])
        assert status == 0, f"{words}\n{said}"


def pictures(world: World, path: Path) -> None:
    world.paint(path, 80, height=36, width=40)


def picture(world: World, path: Path) -> None:
    world.paint(Path("single"), 1, height=64, width=64)
    from PIL import Image

    Image.open("single/fields/000.png").save(path)


def archive(world: World, path: Path) -> None:
    world.paint(Path(f"in-{path.stem}"), 20, height=36, width=40, first=len(path.stem))
    shutil.make_archive(path.stem, "zip", f"in-{path.stem}")


def styles(world: World, path: Path) -> None:
    """Write a table of labels: a style and the folder of each picture."""
    world.needs("paintings")
    names = sorted(each.relative_to("paintings").as_posix() for each in Path("paintings").rglob("*.png"))
    rows = [f"{name},{STYLES[i % 3]},{name.partition('/')[0]}" for i, name in enumerate(names)]
    path.write_text("\n".join(["path,style,folder", *rows]) + "\n", encoding="utf-8")


def table(world: World, path: Path) -> None:
    """Write a table of pictures, and of their styles."""
    world.needs("paintings")
    names = sorted(each.as_posix() for each in Path("paintings").rglob("*.png"))
    path.write_text("\n".join(["path,style", *(f"{name},{STYLES[0]}" for name in names)]) + "\n", encoding="utf-8")


def collection(size: int) -> Callable[[World, Path], None]:
    def make(world: World, path: Path) -> None:
        world.needs("paintings", "styles.csv")
        world.run(f"lienzo prepare paintings {path} --size {size} --labels styles.csv --holdout 0.3 --workers 1")

    return make


def plain_collection(world: World, path: Path) -> None:
    """Prepare pictures whose labels are their folders, so that a run on them can grow by itself."""
    world.needs("paintings")
    world.run(f"lienzo prepare paintings {path} --size 16 --holdout 0.3 --workers 1")


def run(recipe: str, of: str, *settings: str) -> Callable[[World, Path], None]:
    def make(world: World, path: Path) -> None:
        world.needs(of)
        world.run(f"lienzo train {of} --recipe {recipe} --out {path} --set keep_epochs=true {' '.join(settings)}")

    return make


def run_with_directions(world: World, path: Path) -> None:
    run("fast", "of-folders-64")(world, path)
    world.run(f"lienzo explore directions {path} --name 0=storm --name 1=brighter")


THINGS: dict[str, Callable[[World, Path], None]] = {
    **dict.fromkeys(("paintings", "photographs", "scans", "drawn", "real", "painted"), pictures),
    **dict.fromkeys(("photo.jpg", "other.png"), picture),
    **dict.fromkeys(("train.zip", "test.zip", "drawn.zip"), archive),
    "styles.csv": styles,
    "table.csv": table,
    **dict.fromkeys(
        ("art-64", "few-64", "lienzo-64", "landscapes-64", "abstracts-64", "my-collection"), collection(16)
    ),
    "art-128": collection(32),
    "of-folders-64": plain_collection,
    "runs/a": run_with_directions,
    **dict.fromkeys(("runs/b", "runs/painted", "copied-run"), run("fast", "art-64")),
    "runs/styles": run("conditional", "art-64", "labels=style"),
    "docs/front-page.safetensors": lambda world, path: shutil.copy(ROOT / path, path) and None,
}
"""What the pages name -> how it is made, in the folder of the world."""

BESIDE = {"runs/a": ("of-folders-64", "paintings")}
"""What has to lie beside a thing, since it is used with it."""


def outputs(words: list[str]) -> list[str]:
    """Return the names of what a command makes, and which need not be there before."""
    made = [words[i + 1] for i, word in enumerate(words[:-1]) if word in ("--out", "--save-latents", "--report")]
    plain = [word for word in words[2:] if not word.startswith("-")]
    return made + ([name(words)] if words[1] == "prepare" and plain else [])


def name(words: list[str]) -> str:
    """Return the last argument of a command that no option takes."""
    plain, skip = [], False
    for word in words[2:]:
        if not skip and not word.startswith("-"):
            plain.append(word)
        skip = word in ("--size", "--labels", "--holdout", "--label-columns", "--choices", "--workers", "--geometry")
    return plain[-1].rstrip("/")


def small(words: list[str]) -> list[str]:
    """Return a command with its sizes lowered."""
    words = [INSTEAD.get(PLACEHOLDERS.get(word, word), PLACEHOLDERS.get(word, word)) for word in words]
    for i, word in enumerate(words[:-1]):
        if word in SMALLER:
            words[i + 1] = SMALLER[word]
        elif word == "--size":
            words[i + 1] = SIZES.get(words[i + 1], words[i + 1])
    verb = " ".join(words[1:3]) if words[1] == "explore" else words[1]
    added = shlex.split(CHEAPER.get(verb, ""))
    pairs: list[list[str]] = []
    for word in added:
        if word.startswith("--"):
            pairs.append([word])
        else:
            pairs[-1].append(word)
    alone = {"--path", "--list"}  # which no other option goes with
    left_out = (*words, *IDLE.get((verb, "art-64" in words), ()))
    return [
        *words,
        *(word for pair in pairs if pair[0] not in left_out and not alone.intersection(words) for word in pair),
    ]


def needs(block: str) -> str | None:
    """Return what a block says that it needs, if it says so."""
    found = re.match(r"# needs (.+)\n", block)
    return found[1] if found else None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("world")


@pytest.fixture
def world(folder: Path, paint: Paint, command: Command, monkeypatch: pytest.MonkeyPatch) -> World:
    for known, make in catalogue.RECIPES.items():
        monkeypatch.setitem(catalogue.RECIPES, known, lambda make=make: lowered(make()))
    monkeypatch.setattr(choice, "FEW", 8)  # so that the recipe is the one of a collection that is not small
    monkeypatch.setattr(demo, "Settings", lambda: TINY)
    monkeypatch.setattr(kid_monitor, "SAMPLES", 8)
    return World(folder, paint, command)


WITH_COMMANDS = [page for page in PAGES if commands.blocks(page.read_text(encoding="utf-8"), "sh")]


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: page.stem)
def test_the_commands_of_a_page_run(page: Path, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for block in commands.blocks(page.read_text(encoding="utf-8"), "sh"):
        if needs(block):
            continue
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if not words or words[0] in OTHERS or words[1] in SERVERS:
                continue
            assert words[0] == "lienzo", f"{line}: a block that cannot run says what it needs"
            into = words.index(">") if ">" in words else len(words)
            run_small(small(words[:into]), world, tmp_path, Path(words[into + 1]) if into < len(words) else None)


def run_small(words: list[str], world: World, here: Path, file: Path | None) -> None:
    made = outputs(words)
    if words[1] == "info":
        world.give("runs/a", here)
    for word in words[2:]:
        thing = word.rstrip("/")
        if thing in made:
            shutil.rmtree(here / thing, ignore_errors=True)  # the names of a page stand for different things in turn
            continue
        for known in THINGS:
            if thing == known or thing.startswith(f"{known}/"):
                world.give(known, here)
    status, out, said = world.command(*words[1:])
    assert status == 0 or TOO_SMALL in said, f"{shlex.join(words)}\n{said}"
    if file:
        file.write_text(out, encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_that_cannot_run_here_say_what_they_need_and_are_a_shells(page: Path) -> None:
    for block in commands.blocks(page.read_text(encoding="utf-8"), "sh"):
        if needs(block):
            assert needs(block) in NEEDS
            assert subprocess.run(["sh", "-n"], input=block, text=True, check=False).returncode == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_without_a_language_are_patterns(page: Path) -> None:
    """A block of commands that can be run is marked as such, so that it is run."""
    for block in commands.blocks(page.read_text(encoding="utf-8"), ""):
        for line in block.splitlines():
            if line.startswith("lienzo "):
                assert re.search(r"[\[|]|\.\.\.|\b[A-Z]{2,}\b", line), line
