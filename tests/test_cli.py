"""The command: help for everything, one sentence for every mistake, exit statuses, results apart from messages."""

import ast
import dataclasses
import inspect
import json
import operator
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import click
import numpy as np
import pytest
from conftest import ROOT, Command, Paint
from pictures_for_tests import noisy
from PIL import Image

import lienzo
from lienzo.cli import main, syntax
from lienzo.cli.options import Images, Settings
from lienzo.collection.collection import Collection
from lienzo.errors import ProcessError, RecipeError, TrainingError
from lienzo.explore.film import Film
from lienzo.recipe.catalogue import RECIPES
from lienzo.recipe.recipe import Recipe
from lienzo.training import loop


@pytest.fixture
def recipe_file(recipe: Recipe, tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(recipe.to_toml(), encoding="utf-8")
    return path


VERBS = dict(main.commands())
"""Every verb that can be run, by all of its words."""


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_and_every_option_has_a_help_text(verb: str, command: Command) -> None:
    built = syntax.command(verb, VERBS[verb])
    assert re.match(r"[A-Z].*\.$", (VERBS[verb].__doc__ or "").split("\n")[0])
    status, out, _ = command(*verb.split(), "--help")
    assert status == 0
    assert max(map(len, out.splitlines())) <= 80
    shown = " ".join(out.split())
    for param in built.params:
        text = getattr(param, "help", None)
        assert text, f"lienzo {verb}: {param.name} is not explained"
        assert " ".join(text.split()[:5]) in shown
        assert re.match(r"[A-Z0-9].*\.$", text.replace("\n", " ")), f"lienzo {verb}: {text}"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_a_function_with_the_commands_names_and_defaults(verb: str) -> None:
    function = dict(inspect.signature(operator.attrgetter(verb.replace(" ", "."))(lienzo)).parameters)
    options = {
        param.name: None if param.default in (None, ()) else param.default
        for param in syntax.command(verb, VERBS[verb]).params
        if isinstance(param, click.Option)
    }
    alone = {"json", "dry_run", "report", "check"}  # what is printed, tried out, drawn or compared
    if verb.startswith("explore"):  # functions return arrays and write nothing; a walk's film is a value
        alone |= {"out", "save", "save_latents", "list_layers", *(field.name for field in dataclasses.fields(Film))}
    in_recipe = {"epochs", "images", "evaluate_every", "seed", "precision", "accumulate", "on_trouble", "fade"}
    if "recipe" in function or "settings" in function:
        options = {name: value for name, value in options.items() if name not in in_recipe or name in function}
    for name, default in options.items():
        if name in alone:
            continue
        assert name in function or (name == "settings" and "recipe" in function), f"lienzo.{verb} does not take {name}"
        if name in function:
            usual = function[name].default
            usual = None if usual in (None, ()) else usual
            assert (str(usual) if isinstance(default, Path) else usual) == (
                str(default) if isinstance(default, Path) else default
            ), f"lienzo.{verb}: {name}"


def test_a_room_does_not_hide_the_verb_of_its_name(python: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = python(
        "import lienzo, lienzo.demo.demo, lienzo.theory.laboratory\n"
        "from lienzo.demo import page\n"
        "assert callable(lienzo.demo) and callable(lienzo.theory) and callable(lienzo.demo), lienzo.demo\n"
        "from lienzo import theory\n"
        "assert callable(theory)\n"
    )
    assert done.returncode == 0, done.stderr


def test_help_names_every_verb(command: Command) -> None:
    status, out, _ = command("--help")
    assert status == 0
    assert all(verb in out for verb in main.VERBS)
    for name, group in main.VERBS.items():
        if isinstance(group, syntax.Group):
            status, out, _ = command(name, "--help")
            assert status == 0
            assert all(verb in out for verb in group.verbs)


def test_the_version(command: Command) -> None:
    assert command("--version") == (0, f"lienzo {lienzo.__version__}\n", "")


def test_verbs_are_thin() -> None:
    """A verb parses, calls and prints: what is longer belongs into the library."""
    for function in VERBS.values():
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
        assert isinstance(definition, ast.FunctionDef)
        statements = definition.body[1:]  # after the docstring
        assert statements[-1].end_lineno is not None
        assert statements[-1].end_lineno - statements[0].lineno < 40


def test_the_main_job(command: Command, paint: Paint, tmp_path: Path, recipe_file: Path) -> None:
    pictures = paint(tmp_path / "pictures")
    (pictures / "broken.jpg").write_bytes(b"\xff\xd8\xff and no more")
    status, out, said = command("prepare", pictures, tmp_path / "art", "--size", 16, "--workers", 1)
    assert status == 0
    assert "pictures                 24" in out
    assert re.search(r"refused\n\s+truncated\s+1", out)
    assert said.splitlines().count("preparing: 25 of 25  24 kept, 1 refused") == 1

    run = tmp_path / "run"
    status, out, said = command("train", tmp_path / "art", "--recipe", recipe_file, "--out", run, "--device", "cpu")
    assert (status, out) == (0, f"{run}\n")
    assert "64 of 64" in said

    status, out, said = command("generate", run, "--count", 4, "--out", tmp_path / "new.png")
    assert (status, out, said) == (0, f"{tmp_path / 'new.png'}\n", "")
    with Image.open(tmp_path / "new.png") as image:
        assert image.info["seeds"] == "0,1,2,3"


def test_every_result_can_be_had_as_json(
    command: Command, collection: Collection, run: lienzo.Run, paint: Paint, tmp_path: Path, recipe_file: Path
) -> None:
    def said(*words: object) -> dict[str, object]:
        status, out, _ = command(*words, "--json")
        assert status == 0
        found = json.loads(out)
        assert isinstance(found, dict)
        return found

    assert said("prepare", paint(tmp_path / "pictures"), tmp_path / "art", "--size", 16)["pictures"] == 24
    words = ("train", collection.path, "--recipe", recipe_file, "--out", tmp_path / "run", "--device", "cpu")
    assert said(*words)["images"] == 64
    status, _, notes = command(*words)
    assert status == 0
    assert notes.splitlines()[-1] == f"{tmp_path / 'run'} is finished, and stays as it is."
    log = (tmp_path / "run" / "log.jsonl").read_bytes()
    (tmp_path / "run" / "log.jsonl").write_bytes(log[:5])  # cut off: the checkpoint knows more
    assert said("train", *words[1:]) == {}
    assert said("info", tmp_path / "run")["state"] == "finished"
    (tmp_path / "run" / "log.jsonl").write_bytes(log)
    made = said("generate", run.path, "--seeds", "3,5-7", "--out", tmp_path / "new")
    assert made["seeds"] == [3, 5, 6, 7]
    assert made["paths"] == [str(tmp_path / "new" / f"seed-00000{seed}.png") for seed in (3, 5, 6, 7)]
    assert made["generator"] == lienzo.load(run).fingerprint
    assert said("recipes").keys() == RECIPES.keys()
    assert said("recipes", "thesis")["batch"] == 128
    for path, kind in (
        (collection.path, "collection"), (run.path, "run"), (run.generator_path, "generator"),
        (run.checkpoints()[0], "checkpoint"), (run.recipe_path, "recipe"), (run.samples()[0], "picture"),
    ):  # fmt: skip
        assert said("info", path)["kind"] == kind
        status, out, _ = command("info", path)
        assert status == 0
        assert kind in out


def test_recipes_are_listed_and_printed(command: Command, tmp_path: Path) -> None:
    status, out, _ = command("recipes")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == list(RECIPES)
    _, out, _ = command("recipes", "thesis")
    (tmp_path / "mine.toml").write_text(out, encoding="utf-8")
    assert command("recipes", tmp_path / "mine.toml")[1] == out


def test_settings_reach_the_run(command: Command, collection: Collection, recipe_file: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    options = [
        "--images",
        "1.6e1",
        "--seed",
        5,
        "--precision",
        "fp32",
        "--set",
        "batch=4",
        "tick=4",
        "--set",
        "network.width=4",
    ]
    status, _, said = command("train", collection.path, "--recipe", recipe_file, "--out", run, *options)
    assert status == 0, said
    recipe = lienzo.Run.open(run).recipe()
    assert (recipe.images, recipe.seed, recipe.precision, recipe.batch, recipe.tick) == (16, 5, "fp32", 4, 4)
    assert lienzo.load(run).header["network"]["width"] == 4


def test_the_last_batch_is_a_whole_one_and_counted(
    command: Command, collection: Collection, recipe_file: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    status, _, said = command("train", collection.path, "--recipe", recipe_file, "--out", run, "--images", 60)
    assert status == 0
    assert "training: 64 of 64 " in said
    found = json.loads(command("info", run, "--json")[1])
    assert (found["images"], found["total"], found["finished"]) == (64, 64, True)


def test_epochs_become_pictures(command: Command, collection: Collection, recipe_file: Path, tmp_path: Path) -> None:
    status, _, said = command(
        "train", collection.path, "--recipe", recipe_file, "--out", tmp_path / "run", "--epochs", 1.5
    )
    assert status == 0, said
    assert lienzo.Run.open(tmp_path / "run").recipe().images == 36


def test_a_run_gets_a_name_by_itself(
    command: Command, collection: Collection, recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, _ = command("train", collection.path, "--recipe", recipe_file, "--images", 8)
    assert (status, Path(out.strip())) == (0, Path("runs") / "paintings-16-small")


def test_the_recipe_that_was_chosen_is_said(command: Command, collection: Collection, tmp_path: Path) -> None:
    words = ("--set", "network.width=8", "batch=8", "--images", 8, "--device", "cpu")
    status, _, said = command("train", collection.path, "--out", tmp_path / "run", *words)
    assert status == 0, said
    assert said.startswith("The recipe is few, for 24 pictures of 16×16 on cpu, fewer than the 100 ")
    status, _, said = command("train", collection.path, "--from", tmp_path / "run", "--out", tmp_path / "next", *words)
    assert status == 0, said
    assert f"Its networks are those of {tmp_path / 'run'}." in said


def test_a_page_that_would_be_a_folder_is_refused_before_anything_is_scored(
    command: Command, run: lienzo.Run, collection: Collection, tmp_path: Path
) -> None:
    status, out, said = command("evaluate", run.path, collection.path, "--report", tmp_path)
    assert (status, out) == (2, "")
    assert said == f"lienzo: {tmp_path} is a folder: name a file for the page, such as {tmp_path / 'report.html'}.\n"


def test_a_damaged_recipe_of_a_run_says_how_it_is_written_again(run: lienzo.Run, tmp_path: Path) -> None:
    copy = lienzo.Run(shutil.copytree(run.path, tmp_path / "run"))
    copy.recipe_path.write_text("batch = ")
    with pytest.raises(RecipeError, match="give the words that the run was begun with"):
        copy.recipe()


MISTAKES = {
    "tran": "unknown verb 'tran': did you mean 'train'? Known: demo, evaluate,",
    "nonsense": "unknown verb 'nonsense'. Known: demo, evaluate,",
    "train nowhere": "there is no collection at nowhere: make one with `lienzo prepare",
    "train {folder}": "is no collection, or an unfinished one",
    "train {run}": "is a run: name the collection instead, a folder made by `lienzo prepare`",
    "train {collection} --set batch=8 --set labels=style": "are of the kind folder: add --set labels=folder",
    "train {collection} --recipe thesys": "unknown recipe 'thesys': did you mean 'thesis'?",
    "train {collection} --recipe nowhere.toml": "there is no recipe file nowhere.toml",
    "train {collection} --recipe thesis": "24 pictures to train on, fewer than one batch of 128",
    "train {collection} --set bacht=3": "unknown key of a recipe 'bacht': did you mean 'batch'?",
    "train {collection} --set batch": "'batch' is no setting",
    "train {collection} --set": "--set says nothing: write KEY=VALUE behind it",
    "train {collection} --set --images 5": "--set says nothing",
    "train {collection} --epochs 0 --set batch=8": "epochs is 0.0, but training has to have a length",
    "train {collection} --images -5 --set batch=8": "images is -5, but training has to have a length",
    "train {collection} --set batch=8 --epochs 1 --images 8": "--epochs and --images both say how long",
    "train {collection} --set batch=8 --out {folder}": "exists and is no run",
    "train {collection} --set batch=8 --out {collection}": "exists and is no run",
    "train {collection} --set batch=8 --out {file}": "exists and is no run",
    "train {collection} --set batch=8 --out {file}/run": "cannot be written (Not a directory): choose another --out",
    "train {collection} --epochs many": "epochs is 'many', but has to be a number",
    "train {collection} --images 6,000": "images is '6,000', but has to be a whole number",
    "train {collection} --images 1.5": "images is 1.5, but has to be a whole number",
    "train {collection} --seed x": "seed is 'x', but has to be a whole number",
    "train {collection} --evaluate-every often": "evaluate_every is 'often', but has to be a whole number",
    "train {collection} --precision fp16": "unknown value of precision 'fp16': did you mean 'bf16'? Known: auto,",
    "train {collection} --on-trouble halt": "unknown value of on_trouble 'halt'. Known: rollback, stop, warn",
    "train {collection} --set batch=8 --accumulate 64": "has to divide the batch of 8: give one of 1, 2, 4, 8",
    "grow {run} --images x --out {folder}/grown": "images is 'x', but has to be a whole number",
    "grow {run} --epochs 1 --images 8": "--epochs and --images both say how long",
    "grow {run} --fade slowly": "fade is 'slowly', but has to be a whole number",
    "tune {collection} --seed x --out {folder}/study": "seed is 'x', but has to be a whole number",
    "generate nowhere": "there is no file nowhere",
    "generate {folder}": "is no run",
    "generate {collection}": "is no run",
    "generate {file}": "is truncated or no safetensors file",
    "generate {run} --count 0": "give at least one",
    "generate {run} --seeds x": "--seeds is 'x', but has to be numbers",
    "generate {run} --seeds 5-3": "--seeds has 5-3, which ends before it begins: write 3-5",
    "generate {run} --seeds -1": "--seeds is '-1', but has to be numbers",
    "generate {run} --out {folder}/new.jpg": "neither a .png file nor a folder",
    "generate {run} --out {foreign}": "exists and was not generated by lienzo",
    "generate {run} --out {pictures} --seeds 0": "holds fields, which was not generated by lienzo: choose a new folder",
    "generate {run} --out {pictures}/fields --seeds 0": "holds 000.png, which was not generated by lienzo",
    "generate {run} --out memory://new": "memory://new is a URL, and only a collection can be kept at one",
    "grow {run} --out memory://new": "memory://new is a URL, and only a collection can be kept at one",
    "tune {collection} --out memory://new": "memory://new is a URL, and only a collection can be kept at one",
    "demo --out memory://new": "memory://new is a URL, and only a collection can be kept at one",
    "theory --out memory://new": "memory://new is a URL, and only a collection can be kept at one",
    "evaluate {run} {collection} --report memory://new.html": "memory://new.html is a URL, and only a collection",
    "evaluate {collection} {run}": "the collection stands last: lienzo evaluate {run} {collection}",
    "evaluate {pictures} {run}": "the real pictures stand last: lienzo evaluate {run} {pictures}",
    "evaluate {run} nowhere": "there is nothing at nowhere: name a collection, or a folder or an archive of real",
    "generate {run} --columns 0 --out {folder}/new.png": "columns are at least 1",
    "generate {run} --columns 2 --out {folder}": "columns are at least 1, and those of a grid",
    "generate {run} --count 3 --seeds 1": "--count and --seeds both say which pictures",
    "info nowhere": "there is no nowhere",
    "info {folder}": "is no collection",
    "info {file}": "is nothing that lienzo made",
    "recipes thesys": "did you mean 'thesis'?",
    "recipes nowhere.toml": "there is no recipe file",
    "recipes {file}": "file is no recipe: give a .toml file, or one of the names conditional, fast,",
    "recipes semi.csv": "semi.csv is no recipe: give a .toml file, or one of the names",
    "prepare {folder}": "prepare needs a source of pictures and the folder",
    "prepare nowhere {folder}/out": "nowhere",
    "prepare {empty} {folder}/out": "there are no pictures in",
    "prepare {pictures} {folder}/out --size 8": "sides are from 16",
    "prepare {pictures} {folder}/out --size large": "size 'large'",
    "prepare {pictures} {folder}": "holds something else",
    "prepare {pictures} {pictures}": "its own source",
    "prepare {pictures} memory://art": "would be gone when this command ends",
    "prepare {pictures} {pictures}/inside": "{pictures}/inside is in {pictures}: name a folder outside it",
    "prepare {pictures} {pictures}/inside --dry-run": "{pictures}/inside is in {pictures}: name a folder",
    "prepare {pictures} {folder}/out --labels folder": "no table at folder: did you mean 'folders'? Give a CSV,",
    "prepare {table} {folder}/out": "none of the pictures that {table} names is there, such as",
    "prepare {pictures} {folder}/out --labels nowhere.csv": "there is no table at nowhere.csv",
    "prepare {pictures} {folder}/out --holdout 2": "the share to hold out",
    "prepare {pictures} {folder}/out --background purple": "background 'purple'",
}


@pytest.mark.parametrize("words", MISTAKES)
def test_every_mistake_is_one_sentence_and_status_2(
    command: Command, collection: Collection, run: lienzo.Run, paint: Paint, tmp_path: Path, words: str
) -> None:
    paths = {name: tmp_path / name for name in ("folder", "empty", "file", "foreign", "pictures")}
    paths["empty"].mkdir()
    paths["file"].write_text("words")
    paths["foreign"] = tmp_path / "foreign.png"
    Image.new("RGB", (3, 3)).save(paths["foreign"])
    paint(paths["folder"], 1)
    paint(paths["pictures"], 4)
    paths["table"] = tmp_path / "table.csv"
    paths["table"].write_text("file,style\nx/1.jpg,cubism\nx/2.jpg,cubism\n")
    paths |= {"collection": collection.path, "run": run.path}
    before = sorted(tmp_path.rglob("*"))
    status, out, said = command(*(word.format(**paths) for word in words.split()))
    assert (status, out) == (2, "")
    *before_it, mistake = said.splitlines()
    assert len(before_it) <= 1
    assert all(line.startswith("The recipe is few, for 24 pictures of 16×16 on ") for line in before_it)
    assert MISTAKES[words].format(**paths) in mistake
    assert mistake.startswith("lienzo: ")
    assert sorted(tmp_path.rglob("*")) == before  # nothing lost, nothing half-written


WORDS = {
    "": "lienzo needs a verb: demo, prepare, train,",
    "paint": "unknown verb 'paint': did you mean 'train'? Known: demo,",
    "--json": "unknown verb '--json'. Known: demo,",
    "--recipe thesis": "write the verb first, as in lienzo thesis --recipe",
    "--foo a train b": "options before the verb have to be its own, each with its value: write the verb first, as in "
    "lienzo train --foo a b.",
    "--collection thesis dcgan": "as in lienzo thesis --collection dcgan.",
    "train": "train needs COLLECTION: lienzo train --help explains it",
    "explore": "lienzo explore needs a verb: walk",
    "explore wolk a": "unknown verb of explore 'wolk': did you mean 'walk'?",
    "explore walk": "explore walk needs RUN|FILE|hf://USER/NAME: lienzo explore walk --help explains it",
    "explore walk a b": "'b' is one word too many: write lienzo explore walk [OPTIONS] RUN|FILE",
    "explore walk a --frame 3": "unknown option of explore walk '--frame': did you mean '--frames'?",
    "explore walk a --frames 0": "frames is 0, but has to be at least 1",
    "explore walk a --columns 0": "columns is 0, but has to be at least 1",
    "explore walk a --curve line": "unknown value of --curve 'line': did you mean 'spline'?",
    "train a b": "'b' is one word too many: write lienzo train [OPTIONS] COLLECTION",
    "train a --recipie thesis": "unknown option of train '--recipie': did you mean '--recipe'? Known: --accumulate,",
    "train a --epochs": "--epochs says nothing: write N behind it",
    "train a --epochs --images 5": "--epochs says nothing: write N behind it",
    "train a --json=yes": "option '--json' does not take a value: lienzo train --help",
    "info --foo": "unknown option of info '--foo'. Known: --caches,",
    "train a -x": "unknown option of train '-x'",
    "generate": "generate needs RUN|FILE|hf://USER/NAME: lienzo generate --help",
    "generate a --count many": "--count is 'many', but has to be a whole number.",
    "generate a --columns 1.5": "--columns is '1.5', but has to be a whole number.",
    "tune a --images inf": "--images is 'inf', but has to be a whole number.",
    "info a b": "'b' is one word too many: write lienzo info [OPTIONS] [PATH]",
    "prepare a b --geometry stretch": "unknown value of --geometry 'stretch'. Known: crop, pad, squash",
    "prepare a b --geometry crops": "unknown value of --geometry 'crops': did you mean 'crop'?",
    "prepare a b --channels 2": "unknown value of --channels '2'. Known: 1, 3, 4",
    "prepare a b --holdout some": "--holdout is 'some', but has to be a number.",
    "prepare a b --near-duplicates 17": "near duplicates differ in 0 to 16 of 64 bits, not 17",
    "prepare a b --no-geometry": "unknown option of prepare '--no-geometry': did you mean '--geometry'?",
    "evaluate a": "evaluate needs what to score and a collection",
    "evaluate a b --precision fp16": "unknown value of --precision 'fp16': did you mean 'bf16'?",
    "evaluate a b --novelty=no": "option '--novelty' does not take a value",
}


@pytest.mark.parametrize("given", WORDS)
def test_words_that_cannot_be_read_are_one_sentence_and_status_2(command: Command, given: str) -> None:
    status, out, said = command(*given.split())
    assert (status, out) == (2, "")
    assert said.startswith("lienzo: ")
    assert WORDS[given] in said
    assert said.count("\n") == 1
    assert "int" not in said.lower().split()


@pytest.mark.parametrize("given", [
    "prepare {pictures} {out} --size 16 --labels none --workers 1",
    "prepare --size 16 {pictures} --labels none {out} --workers 1",
    "prepare {pictures} --labels none --size=16 --workers 1 {out}",
    "--labels none prepare --workers 1 {pictures} --size 16 {out}",
    "prepare --size 16 --labels none --workers 1 -- {pictures} {out}",
])  # fmt: skip
def test_words_and_options_stand_in_any_order(given: str, command: Command, paint: Paint, tmp_path: Path) -> None:
    places = {"pictures": paint(tmp_path / "pictures", 4), "out": tmp_path / "out"}
    status, _, said = command(*(word.format(**places) for word in given.split()))
    assert status == 0, said
    made = Collection.open(tmp_path / "out")
    assert (made.count, made.height, made.vocabularies) == (4, 16, {})


@pytest.mark.parametrize(("given", "meant"), [
    ("--recipe thesis train art-64", "train --recipe thesis art-64"),
    ("--out theory thesis", "thesis --out theory"),
    ("--set batch=8 network.width=4 train art", "train --set batch=8 network.width=4 art"),
    ("--json thesis game", "thesis --json game"),
    ("--out explore thesis", "thesis --out explore"),
    ("--frames 3 explore walk run", "explore walk --frames 3 run"),
    ("explore --out walk invert run", "explore invert --out walk run"),
])  # fmt: skip
def test_the_value_of_an_option_before_the_verb_is_not_taken_for_it(
    given: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = []
    monkeypatch.setattr(syntax, "read", lambda verb, words: heard.append(" ".join([verb.name, *words])))
    main._run(given.split())
    assert heard == [meant]


Names = Annotated[Sequence[str], syntax.Word("NAME,...", separator=",")]


def test_settings_end_where_a_word_has_no_equals_sign() -> None:
    heard = []

    def train(collection: str, /, *, settings: Settings = (), images: Images = None, label: Names = ()) -> None:
        """Train.

        Args:
            label: Names.
        """
        heard.append((collection, settings, images, label))

    built = syntax.command("train", train)
    syntax.read(built, ["--set", "a=1", "b=2", "art", "--images", "1e3", "--set=c=3"])
    syntax.read(built, ["--label", "x,y", "--label", "z", "art", "--set", "a=1"])
    assert heard == [
        ("art", ("a=1", "b=2", "c=3"), "1e3", ()),
        ("art", ("a=1",), None, ("x", "y", "z")),
    ]


def test_whole_numbers_may_be_written_as_recipes_read_them(command: Command, run: lienzo.Run, tmp_path: Path) -> None:
    out = tmp_path / "new.png"
    status, said, _ = command("generate", run.path, "--count", "1e1", "--out", out, "--json")
    assert status == 0
    assert json.loads(said)["seeds"] == list(range(10))


def test_info_counts_the_pictures_of_each_label(command: Command, paint: Paint, tmp_path: Path) -> None:
    pictures = paint(tmp_path / "pictures", 5)
    for i in range(50):
        (pictures / f"rare-{i:02}").mkdir()
        Image.fromarray(np.random.default_rng(i).integers(0, 256, (20, 20, 3), np.uint8)).save(
            pictures / f"rare-{i:02}" / "one.png"
        )
    art = lienzo.prepare(pictures, tmp_path / "art", size=16, workers=1)
    assert list(json.loads(command("info", art.path, "--json")[1])["labels"]["folder"].items())[:3] == [
        ("fields", 3), ("waves", 2), ("rare-00", 1),
    ]  # fmt: skip
    out = command("info", art.path)[1]
    assert "    fields               3\n    waves                2\n    rare-00              1\n" in out
    assert "rare-45" not in out
    assert "    and 12 more, which --json has\n" in out


def test_info_finds_damage_in_a_collection(command: Command, paint: Paint, tmp_path: Path) -> None:
    art = lienzo.prepare(paint(tmp_path / "pictures"), tmp_path / "art", size=16, workers=1)
    assert command("info", art.path)[0] == 0
    pixels = bytearray((art.path / "images-00000.npy").read_bytes())
    pixels[-1] ^= 1
    (art.path / "images-00000.npy").write_bytes(pixels)
    status, out, said = command("info", art.path)
    assert (status, out) == (2, "")
    assert "images-00000.npy is damaged: delete the collection, and prepare it again" in said


def test_info_finds_damage_in_a_checkpoint(command: Command, run: lienzo.Run, tmp_path: Path) -> None:
    copy = lienzo.Run(shutil.copytree(run.path, tmp_path / "run"))
    (newest,) = copy.checkpoints()
    before = copy.checkpoint_path(8)
    shutil.copy(newest, before)
    content = bytearray(newest.read_bytes())
    content[-1] ^= 1
    newest.write_bytes(content)
    status, out, _ = command("info", copy.path, "--json")
    assert status == 0
    found = json.loads(out)
    assert found["checkpoints"] == [newest.name, before.name]
    assert found["damaged"] == [newest.name]
    status, _, said = command("info", newest)
    assert status == 2
    assert said.endswith("does not match its fingerprint: copy it again, or give another file.\n")


def test_a_device_that_is_not_there_is_refused(
    command: Command, run: lienzo.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    status, _, said = command("generate", run.path, "--device", "cuda", "--out", tmp_path / "new.png")
    assert status == 2
    assert "this machine has no device 'cuda': choose auto or" in said


def test_training_that_cannot_go_on_is_status_1(
    command: Command, collection: Collection, recipe_file: Path, tmp_path: Path
) -> None:
    words = ["train", collection.path, "--recipe", recipe_file, "--out", tmp_path / "run", "--device", "cpu"]
    status, out, said = command(*words, "--set", "generator_optimizer.rate=1e30", "discriminator_optimizer.rate=1e30")
    assert (status, out) == (1, "")
    assert "and training cannot go on: try --set generator_optimizer.rate=1e+29 " in said.splitlines()[-1]
    assert "stopped by trouble" in command("info", tmp_path / "run")[1]


def test_bugs_are_status_1_and_debug_shows_where(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*, json: bool = False) -> None:
        """Break.

        Args:
            json: print JSON.
        """
        raise ZeroDivisionError("division by zero")

    monkeypatch.setitem(main.VERBS, "info", broken)
    status, out, said = command("info")
    assert (status, out) == (1, "")
    assert said == "lienzo: ZeroDivisionError: division by zero. Run the same command with --debug to see where.\n"
    with pytest.raises(ZeroDivisionError):
        command("info", "--debug")


def test_ctrl_c_is_status_130(
    command: Command, collection: Collection, recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tick = loop.Tick.to_dict

    def interrupted(self: loop.Tick) -> dict[str, float]:
        signal.raise_signal(signal.SIGINT)
        return tick(self)

    monkeypatch.setattr(loop.Tick, "to_dict", interrupted)
    words = ["train", collection.path, "--recipe", recipe_file, "--out", tmp_path / "run", "--device", "cpu"]
    status, out, said = command(*words)
    assert (status, out) == (130, "")
    again = said.splitlines()[-1].removeprefix("Stopped and saved. To go on: lienzo ")
    assert again.split() == [str(word) for word in words]
    monkeypatch.undo()
    monkeypatch.setattr(sys, "argv", ["lienzo", *again.split()])
    main.main()
    assert lienzo.Run.open(tmp_path / "run").log()[-1]["images"] == 64


@pytest.mark.parametrize("local_rank", ["0", "1"])
def test_under_torchrun_one_process_prints_for_all_and_each_for_a_lost_one(
    command: Command, monkeypatch: pytest.MonkeyPatch, local_rank: str
) -> None:
    """The process that prints may be the one that is lost."""
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "any")
    monkeypatch.setenv("LOCAL_RANK", local_rank)
    words = ("train", "art", "--recipe", "thesis", "--out", "runs/a b")

    def met(error: BaseException) -> tuple[int, str]:
        def steps(*_: object, **__: object) -> Iterator[loop.Tick]:
            raise error
            yield

        monkeypatch.setattr(loop, "steps", steps)
        status, _, said = command(*words)
        return status, said

    assert met(ProcessError("another process has gone.")) == (1, "lienzo: another process has gone.\n")
    prints = local_rank == "0"
    assert met(TrainingError("no numbers.")) == (1, "lienzo: no numbers.\n" * prints)
    again = "Stopped and saved. To go on, with torchrun as before: lienzo train art --recipe thesis --out 'runs/a b'\n"
    assert met(KeyboardInterrupt()) == (130, again * prints)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other pipes")
def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    program = "import sys; sys.argv = ['lienzo', 'recipes', 'thesis']; from lienzo.cli.main import main; main()"
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing) as closed:
        environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=closed, stderr=subprocess.PIPE, env=environment, check=False
        )
    assert (done.returncode, done.stderr) == (141, b"")


def test_info_says_of_a_damaged_generator_that_it_is_damaged(command: Command, run: lienzo.Run, tmp_path: Path) -> None:
    content = bytearray(run.generator_path.read_bytes())
    content[-1] ^= 1
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(content)
    status, _, said = command("info", damaged)
    assert status == 2
    assert "is damaged" in said
    assert "checkpoint" not in said


@pytest.mark.parametrize("error", [
    MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes."),
])  # fmt: skip
def test_too_little_memory_is_said_in_one_sentence(
    command: Command, collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_words: object, **_named: object) -> None:
        raise error

    monkeypatch.setattr("lienzo.training.loop.steps", fail)
    status, _, said = command("train", collection.path, "--recipe", "fast", "--out", tmp_path / "run")
    assert (status, said.count("\n")) == (1, 1)
    assert "train with a smaller batch" in said


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_what_a_terminal_cannot_write_stops_no_command(tmp_path: Path, encoding: str) -> None:
    """As where Windows redirects to a file; a name may hold bytes that are no UTF-8 either."""
    names = {"印象", "caf\xe9", "sea \N{MINUS SIGN} sky"}
    for number, name in enumerate(names):
        (tmp_path / "art" / name).mkdir(parents=True)
        for i in range(3):
            noisy(10 * number + i, 20, 20).save(tmp_path / "art" / name / f"{i}.png")
    collection = lienzo.prepare(tmp_path / "art", tmp_path / "out", size=16, workers=1)
    program = "from lienzo.cli.main import main; main()"
    told = [
        subprocess.run(
            [sys.executable, "-c", program, "info", collection.path, *form],
            env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "PYTHONIOENCODING": encoding},
            stdout=subprocess.PIPE, check=True,
        ).stdout
        for form in ([], ["--json"])
    ]  # fmt: skip
    assert b"pictures" in told[0]
    assert json.loads(told[1].decode(encoding))["labels"]["folder"].keys() == names
