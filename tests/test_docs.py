"""The pages say what is so: links lead somewhere, commands and options exist, the README's tour runs."""

import ast
import dataclasses
import functools
import hashlib
import importlib
import re
import shlex
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import commands
import pytest
from conftest import ROOT, Command, Paint

import lienzo
from lienzo.cli import main, syntax
from lienzo.networks.configurations import NETS
from lienzo.recipe.annealing import Annealing
from lienzo.recipe.augmentation import Augmentation
from lienzo.recipe.catalogue import RECIPES
from lienzo.recipe.likelihood import LIKELIHOODS
from lienzo.recipe.objectives import OBJECTIVES, Regularisation
from lienzo.recipe.pretrained import Pretrained
from lienzo.recipe.recipe import Adam, Recipe

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    return commands.blocks(page.read_text(encoding="utf-8"), language)


def slug(heading: str) -> str:
    """Return the anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    text = commands.FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        target_page = (page.parent / path).resolve() if path else page
        assert target_page.exists(), f"{name(page)} links to {target}"
        if anchor:
            headings = re.findall(
                r"^#+ (.+)$", commands.FENCE.sub("", target_page.read_text(encoding="utf-8")), re.MULTILINE
            )
            assert anchor in map(slug, headings), f"{name(page)} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_and_options_exist(page: Path) -> None:
    assert list(commands.unknown(page.read_text(encoding="utf-8"))) == []


@pytest.fixture
def parse(command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Give a function that only reads the words of a command, with the parser that `lienzo` has."""

    def reading(verbs: Mapping[str, Any]) -> dict[str, Any]:
        return {
            word: dataclasses.replace(verb, verbs=reading(verb.verbs))
            if isinstance(verb, syntax.Group)
            else functools.wraps(verb)(lambda *words, **options: None)
            for word, verb in verbs.items()
        }

    monkeypatch.setattr(main, "LIENZO", dataclasses.replace(main.LIENZO, verbs=reading(main.VERBS)))
    return command


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_can_be_parsed(page: Path, parse: Command) -> None:
    """Those of code blocks; lines with brackets, bars or dots stand for many commands, and are looked at above."""
    for line in "\n".join([*blocks(page, "sh"), *blocks(page, "")]).replace("\\\n", " ").split("\n"):
        if line.startswith("lienzo ") and not re.search(r"[][|…]|\.\.\.|VERB", line.partition(" # ")[0]):
            words = shlex.split(line.partition(">")[0], comments=True)
            status, _, said = parse(*words[1:])
            assert status == 0, f"{name(page)}: {line}\n{said}"


@pytest.mark.parametrize("verb", commands.VERBS)
def test_a_verbs_page_names_every_option(verb: str) -> None:
    text = (ROOT / "docs" / f"{verb.replace(' ', '-')}.md").read_text(encoding="utf-8")
    for option in commands.options(verb) - {"--help", "--debug", "--json"}:
        assert re.search(rf"{option}\b", text), f"docs/{verb}.md does not explain {option}"


def test_the_page_of_recipes_names_every_key_and_every_class() -> None:
    text = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    for cls in (
        Recipe,
        Adam,
        Annealing,
        Augmentation,
        Pretrained,
        Regularisation,
        *NETS.values(),
        *OBJECTIVES.values(),
        *LIKELIHOODS.values(),
    ):
        for field in dataclasses.fields(cls):
            assert f"`{field.name}`" in text or f"[{field.name}]" in text, f"{cls.__name__}.{field.name}"
    for known in (*NETS, *OBJECTIVES, *LIKELIHOODS, *RECIPES):
        assert f"`{known}`" in text


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for block in blocks(page, "sh"):
        for line in block.splitlines():
            words = line.partition("#")[0].split()
            if words[:1] == ["make"]:
                assert set(words[1:]) <= targets


def unknown_imports(program: str) -> list[str]:
    """Return the names that a program imports from lienzo and that are not there."""
    unknown = []
    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.Import):
            wanted = [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            wanted = [(str(node.module), alias.name) for alias in node.names]
        else:
            continue
        for module, attribute in wanted:
            if module.partition(".")[0] == "lienzo" and not importable(module, attribute):
                unknown.append(f"{module} {attribute}".strip())
    return unknown


def importable(module: str, attribute: str) -> bool:
    try:
        found = importlib.import_module(module)
        if attribute and attribute not in dir(found):
            importlib.import_module(f"{module}.{attribute}")
    except ImportError:
        return False
    return True


@pytest.mark.parametrize("path", sorted((ROOT / "tests").glob("test_*.py")), ids=name)
def test_programs_that_tests_start_import_what_there_is(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and re.search(r"^(from|import) lienzo", str(node.value), re.MULTILINE):
            with suppress(SyntaxError):  # parts of programs, or prose
                assert unknown_imports(str(node.value)) == [], f"{name(path)}, line {node.lineno}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_python_can_be_parsed_and_names_exist(page: Path) -> None:
    for block in blocks(page, "python"):
        assert unknown_imports(block) == []
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "lienzo":
                assert hasattr(lienzo, node.attr) or (ROOT / "src" / "lienzo" / node.attr).exists()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files_and_names_in_the_text_exist(page: Path) -> None:
    text = commands.FENCE.sub("", page.read_text(encoding="utf-8"))
    for path in re.findall(r"`((?:src|tests|docs|benchmarks|examples)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), f"{name(page)}: {path}"
    for dotted in re.findall(r"`(lienzo(?:\.\w+)+)`", text):
        module, _, attribute = dotted.rpartition(".")
        assert importable(dotted, "") or importable(module, attribute), f"{name(page)}: {dotted}"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, recipe: Recipe) -> Recipe:
    """Let `thesis` be a recipe that costs little."""
    from lienzo.recipe import catalogue

    cheap = dataclasses.replace(recipe, name="thesis", images=48)
    for known in ("thesis", "few"):  # the one that is named, and the one that is chosen
        monkeypatch.setitem(catalogue.RECIPES, known, lambda: cheap)
    return cheap


def test_the_readme_names_every_verb() -> None:
    assert {words[1] for words in commands.commands((ROOT / "README.md").read_text(encoding="utf-8"))} >= set(
        main.VERBS
    )


@pytest.mark.usefixtures("small")
def test_the_readmes_python_runs(paint: Paint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paint(tmp_path / "paintings", 40)
    for block in blocks(ROOT / "README.md", "python"):
        exec(compile(block.replace("size=64", "size=16"), "README.md", "exec"), {})
    assert (tmp_path / "from-python.png").exists()


EXAMPLES = {
    "main_job.py": "{pictures} {out}/all --size 16 --images 24",
    "stop_early.py": "{collection} {out}/early --width 4 --batch 4 --images 16",
    "walk.py": "{run} {out}/walk.gif --frames 3",
}
"""Every example, with the words that make it cheap."""


@pytest.mark.parametrize("example", sorted(path.name for path in (ROOT / "examples").glob("*.py")))
@pytest.mark.usefixtures("small")
def test_every_example_runs(
    example: str,
    paint: Paint,
    collection: lienzo.Collection,
    run: lienzo.Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import runpy
    import sys

    paths = {"pictures": paint(tmp_path / "pictures"), "out": tmp_path, "collection": collection.path, "run": run.path}
    words = [word.format(**paths) for word in EXAMPLES[example].split()]
    monkeypatch.setattr(sys, "argv", [example, *words])
    runpy.run_path(str(ROOT / "examples" / example), run_name="__main__")
    assert len(list(tmp_path.iterdir())) > 1


TRANSLATION = re.compile(r"<!-- translates (\S+) ([0-9a-f]{16}) -->")
"""The last line of a translated page: the page that it translates, and the SHA-256 of that page's text."""


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "es").glob("*.md")), ids=name)
def test_a_translation_is_of_the_text_as_it_is(page: Path) -> None:
    named = TRANSLATION.search(page.read_text(encoding="utf-8"))
    assert named, "a translated page ends with the page that it translates, and its hash"
    source = (page.parent / named[1]).resolve()
    text = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    assert named[2] == text, f"{name(source)} has changed: translate what is new, then write {text}"
    assert _verbs(page) == _verbs(source)


def _verbs(page: Path) -> list[list[str]]:
    return [words[:2] for words in commands.commands(page.read_text(encoding="utf-8"))]


def test_each_section_of_the_log_begins_with_its_answer_and_the_index_has_its_question() -> None:
    text = (ROOT / "docs" / "log.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| \[.+\?\]\(#(.+?)\) \| (.+) \|$", text, re.MULTILINE))
    sections = dict(re.findall(r"^## (?!Index)(.+)\n\n(.+)$", text, re.MULTILINE))
    assert {slug(heading): answer for heading, answer in sections.items()} == {
        anchor: f"**{answer}**" for anchor, answer in listed.items()
    }


def test_the_reference_has_every_public_name_and_each_has_a_docstring() -> None:
    text = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    public = [f"lienzo.{known}" for known in lienzo.CONTENTS if known != "InputError"]  # with the other errors
    public += [f"lienzo.explore.{known}" for known in lienzo.explore.CONTENTS]
    for known in public:
        assert re.search(rf"^\.\. auto(function|class):: {known}$", text, re.MULTILINE), known
    listed = re.findall(r"^\.\. auto\w+:: lienzo\.(.+)$", text, re.MULTILINE)
    for dotted in listed:
        module, _, attribute = f"lienzo.{dotted}".rpartition(".")
        found = getattr(importlib.import_module(module), attribute)
        assert (found.__doc__ or "").strip(), dotted
