"""The card, and the way to the Hub and back, against a server on this machine that speaks the Hub's protocol."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, Command, Result
from servers_for_tests import Hub, serving
from test_export_onnx import CASES, trained

import lienzo
from lienzo.collection.collection import Collection
from lienzo.errors import InputError
from lienzo.generation import hub
from lienzo.storage import tensors

pytest.importorskip("huggingface_hub")


class Mine(Hub):
    """The Hub of these tests."""

    repositories: dict[str, list[dict[str, bytes]]] = {}  # noqa: RUF012  made anew for each
    requests: list[str] = []  # noqa: RUF012


@pytest.fixture
def server() -> Iterator[str]:
    Mine.repositories, Mine.requests = {}, []
    with serving(Mine) as address:
        yield address


def hub_command(address: str, cache: Path, *words: object, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run ``lienzo WORD...`` in a process whose Hub is at an address."""
    place = {
        "HF_ENDPOINT": address, "HF_TOKEN": "hf_right", "HF_HOME": str(cache / "hf"), "LIENZO_CACHE": str(cache),
        "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "PYTHONPATH": str(ROOT / "src"),
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-m", "lienzo", *map(str, words)],
        env=os.environ | place | changes, cwd=cache, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_card_says_what_is_known(run: lienzo.Run, tmp_path: Path) -> None:
    run = lienzo.Run(shutil.copytree(run.path, tmp_path / "run"))  # which other tests score
    run.scores_path.unlink(missing_ok=True)
    exported = lienzo.export(run, to="card", out=tmp_path / "card", float16=True)
    assert {path.name for path in exported.path.iterdir()} == {
        "README.md", "generator.safetensors", "recipe.toml", "samples.png"
    }  # fmt: skip
    text = (exported.path / "README.md").read_text(encoding="utf-8")
    _, metadata, body = text.split("---\n", 2)
    said = dict(line.split(": ", 1) for line in metadata.splitlines())
    assert {key: json.loads(value) for key, value in said.items()} == {
        "library_name": "lienzo",
        "pipeline_tag": "unconditional-image-generation",
        "tags": ["lienzo", "gan", "dcgan"],
    }
    assert "A collection of 24 pictures, brought to 16×16 pixels with 3 channels" in body
    assert "Trained on were 24 of them; 0 were held out" in body
    assert "It was not scored." in body
    assert "Not stated yet" in body
    assert str(run.path) not in text
    assert lienzo.recipes(exported.path / "recipe.toml") == run.recipe()
    again = lienzo.generate(exported.path / "generator.safetensors", count=2, out=None)
    assert np.abs(again.images.astype(int) - lienzo.generate(run, count=2, out=None).images).max() <= 1


def test_what_a_generator_was_begun_from_stands_on_the_card_and_in_the_page(
    run: lienzo.Run, collection: Collection, tmp_path: Path
) -> None:
    begun = lienzo.train(collection, run.recipe(), tmp_path / "begun", origin=run, device="cpu")
    first = lienzo.load(run).fingerprint
    text = (lienzo.export(begun, to="card", out=tmp_path / "card").path / "README.md").read_text(encoding="utf-8")
    assert f"begun from the trained generator `{first}`, whose own training is not counted" in text
    assert "The generator that it was begun from may have been trained on others." in text
    assert "`recipe.toml` alone does not train another one" in text
    assert "--from GENERATOR.safetensors`." in text
    assert "`lienzo train COLLECTION --recipe recipe.toml`" not in text
    page = lienzo.export(begun, to="page", out=tmp_path / "page.html").path.read_text(encoding="utf-8")
    assert "What it was begun from" in page
    assert first in page
    assert str(run.path) not in text + page
    kept = lienzo.export(begun, to="safetensors", out=tmp_path / "g.safetensors").path
    assert lienzo.info(kept)["card"]["origin"] == {"generator": first}
    again = lienzo.export(kept, to="card", out=tmp_path / "again").path / "README.md"
    assert f"begun from the trained generator `{first}`" in again.read_text(encoding="utf-8")


def test_scores_licence_and_labels_stand_on_the_card(tmp_path: Path) -> None:
    file = trained(*CASES["mlp"], tmp_path / "g.safetensors")
    fingerprint = lienzo.load(file).fingerprint
    value = {"value": 0.0123, "error": 0.001}
    excess = {
        "excess": {"share": value, "probability": value, "threshold": 1.0},
        "generated": 9,
        "held_out": 9,
        "worst": [],
    }
    measures = {"generated": 500, "reference": 400, "fid": None} | dict.fromkeys(["kid", "precision", "recall"], value)
    scores = {
        "part": "train",
        "detector": "lite0",
        "measures": measures,
        "novelty": {"training": 9, "features": excess},
    }
    whole = lienzo.export(file, to="safetensors", out=tmp_path / "with.safetensors", licence="cc-by-4.0").path
    state, header = files_of(whole)
    header["card"] |= {"scores": [scores], "generator": fingerprint}
    header["labels"]["counts"] = {"<b>cubism|": 3, "baroque": 1}
    seal_again(whole, state, header)
    text = (lienzo.export(whole, to="card", out=tmp_path / "card").path / "README.md").read_text(encoding="utf-8")
    assert "500 generated pictures against 400 real ones" in text
    assert "| KID × 1000 | 12.300 ± 1.000 |" in text
    assert "by features | 0.012 ± 0.001 |" in text
    assert "FID" not in text
    assert "| &#60;b&#62;cubism&#124; | 3 |" in text
    assert "cc-by-4.0." in text
    assert 'license: "cc-by-4.0"' in text


def test_the_command_with_a_label_is_safe_to_run(tmp_path: Path) -> None:
    file = trained(*CASES["mlp"], tmp_path / "g.safetensors")
    state, header = files_of(file)
    for number, label in enumerate(("$(touch gone)`touch gone`", "Ke$ha's", "art nouveau")):
        header["labels"] = header["labels"] | {"counts": {"two\n```\nlines": 1, label: 2}}
        seal_again(file, state, header)
        card = lienzo.export(file, to="card", out=tmp_path / f"card-{number}").path
        block = (card / "README.md").read_text(encoding="utf-8").split("```")[1]
        words = shlex.split(block.splitlines()[-1])
        assert words == ["lienzo", "generate", "generator.safetensors", "--label", label]
        said = subprocess.run(["sh"], input=block.splitlines()[-1].replace("lienzo generate", "echo"), cwd=tmp_path,
                              capture_output=True, text=True, check=True).stdout  # fmt: skip
        assert said == f"generator.safetensors --label {label}\n"
    assert not (tmp_path / "gone").exists()


SCORE = {"part": "train", "detector": "lite0", "novelty": None, "measures": {"generated": 9, "reference": 9}}


@pytest.mark.parametrize(
    "card",
    [
        7,
        {"scores": 3},
        {"scores": [{"part": "train"}]},
        {"scores": [SCORE | {"measures": {"generated": 9, "reference": 9, "kid": 1}}]},
        {"scores": [SCORE | {"measures": {"reference": 9}}]},
        {"scores": [SCORE | {"novelty": {"training": 9, "pixels": 1}}]},
        {"collection": {"count": "x"}},
        {"collection": {"fingerprint": "0" * 16, "count": 9, "shape": [8, 8, 3], "parts": {"train": 9}}},
    ],
)
def test_a_card_that_is_none_is_refused(card: object, tmp_path: Path) -> None:
    file = trained(*CASES["mlp"], tmp_path / "g.safetensors")
    state, header = files_of(file)
    seal_again(file, state, header | {"card": card})
    with pytest.raises(InputError, match=r"the card in the generator's file is damaged"):
        lienzo.export(file, to="card", out=tmp_path / "card")
    assert lienzo.load(file).latents == 6  # it generates all the same


def files_of(path: Path) -> tuple[dict, dict]:
    state, header = tensors.load(path, "generator", InputError)
    del header["fingerprint"]
    return state, header


def seal_again(path: Path, state: dict, header: dict) -> None:
    tensors.save(path, state, header)


def test_an_upload_replaces_nothing(
    run: lienzo.Run, command_at: Callable[..., Result], server: str, tmp_path: Path
) -> None:
    words = ["export", run.path, "--to", "card", "--push", "me/paintings", "--out"]
    status, _, error = command_at(server, *words, "first")
    assert status == 0, error
    status, _, error = command_at(server, *words, "again")
    assert status == 0, error
    first = Mine.repositories["me/paintings"][-1]
    assert {name: data for name, data in first.items() if name != ".gitattributes"} == {
        path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()
    }
    for name in ("README.md", hub.FILE, "samples.png"):
        Mine.repositories["me/paintings"] = [first | {name: b"mine"}]
        status, _, error = command_at(server, *words, "other")
        assert status == 2
        assert f"me/paintings has another {name}, which would be replaced: name another repository" in error
        assert Mine.repositories["me/paintings"] == [first | {name: b"mine"}]
        assert not (tmp_path / "other").exists()


@pytest.mark.slow
def test_a_generator_goes_to_the_hub_and_comes_back(run: lienzo.Run, server: str, tmp_path: Path) -> None:
    words = ["export", run.path, "--to", "card", "--licence", "cc-by-4.0", "--push", "me/paintings", "--json"]
    done = hub_command(server, tmp_path, *words, "--out", "card")
    assert done.returncode == 0, done.stderr
    (first,) = Mine.commits("me/paintings")[1:]
    assert json.loads(done.stdout)["pushed"] == f"hf://me/paintings@{first}"
    held = Mine.repositories["me/paintings"][-1]
    assert {name: (tmp_path / "card" / name).read_bytes() for name in held if name != ".gitattributes"} == {
        name: data for name, data in held.items() if name != ".gitattributes"
    }
    assert b"lienzo generate hf://me/paintings" in held["README.md"]
    # the newest revision, which is named; then another commit; then the first one again, and without a network
    drawn = hub_command(server, tmp_path, "generate", "hf://me/paintings", "--seeds", "3", "--out", "new.png")
    assert drawn.returncode == 0, drawn.stderr
    assert f"hf://me/paintings@{first} stays with it" in drawn.stderr
    assert lienzo.info(tmp_path / "new.png")["generator"] == lienzo.info(tmp_path / "card" / hub.FILE)["fingerprint"]
    asked = [line for line in Mine.requests if "/resolve/" in line]
    assert asked
    assert all(line.endswith("/generator.safetensors") for line in asked)
    words = ["explore", "directions", "hf://me/paintings", "--count", "2", "--detector", "pixels", "--name", "1=storm"]
    explored = hub_command(server, tmp_path, *words)
    assert explored.returncode == 0, explored.stderr
    assert (tmp_path / "paintings-directions.safetensors").exists()  # here, not in the cache
    moved = hub_command(
        server, tmp_path, "generate", "hf://me/paintings", "--seeds", "3", "--along", "storm=2", "--out", "moved.png"
    )
    assert moved.returncode == 0, moved.stderr
    assert (tmp_path / "moved.png").read_bytes() != (tmp_path / "new.png").read_bytes()
    Mine.repositories["me/paintings"].append(held | {hub.FILE: b"something else"})
    for address, changes in {f"hf://me/paintings@{first}": {}, "hf://me/paintings": {"HF_HUB_OFFLINE": "1"}}.items():
        again = hub_command(server, tmp_path, "generate", address, "--seeds", "3", "--out", "again", **changes)
        assert again.returncode == 0, again.stderr
        (picture,) = (tmp_path / "again").iterdir()
        assert lienzo.info(picture)["generator"] == lienzo.info(tmp_path / "new.png")["generator"]
    damaged = hub_command(server, tmp_path, "generate", "hf://me/paintings", "--out", "damaged.png")
    assert damaged.returncode == 2
    assert "no safetensors file" in damaged.stderr


class Vast(Mine):
    def size(self, data: bytes) -> int:
        return hub.LARGEST + 1


@pytest.fixture
def command_at(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    """Give a function that runs ``lienzo WORD...`` in this process, for which the Hub is at an address."""
    monkeypatch.setenv("LIENZO_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.sleep", lambda _: None)  # between the tries where there is no network

    def run(address: str, *words: object, token: str = "hf_right") -> Result:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        monkeypatch.setattr(
            "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
            address + "/{repo_id}/resolve/{revision}/{filename}",
        )
        monkeypatch.setenv("HF_TOKEN", token)
        return command(*words)

    return run


def test_what_the_hub_cannot_give_is_said_in_one_sentence(
    command_at: Callable[..., Result], server: str, tmp_path: Path
) -> None:
    Mine.repositories["me/empty"] = [{"README.md": b""}]
    with serving(Vast) as vast:
        Mine.repositories["me/vast"] = [{hub.FILE: b"x"}]
        for address, place, said in (
            ("hf://me/nothing", server, "there is no hf://me/nothing that you may see"),
            ("hf://me/empty", server, "holds no generator.safetensors"),
            (f"hf://me/empty@{'0' * 40}", server, "has no revision"),
            ("hf://paintings", server, "is no address on the Hub"),
            ("hf:/me/paintings", server, "is no address on the Hub"),
            ("hf://me/paintings", "http://127.0.0.1:9", "the Hub cannot be reached"),
            ("hf://me/vast", vast, "too large for a generator"),
        ):
            status, _, error = command_at(place, "generate", address)
            assert status == 2, error
            assert said in error.strip().splitlines()[-1]
    assert not (tmp_path / "generated.png").exists()


def test_a_generator_on_the_hub_is_scored(
    run: lienzo.Run, collection: Collection, command_at: Callable[..., Result], server: str, tmp_path: Path
) -> None:
    Mine.repositories["me/paintings"] = [{hub.FILE: run.generator_path.read_bytes()}]
    pictures = tmp_path / "real"
    lienzo.export(collection, to="folder", out=pictures)
    words = ["--samples", "20", "--detector", "pixels", "--no-novelty", "--json"]
    for real in (collection.path, pictures):  # the shape of pictures is that of the generator
        status, out, error = command_at(server, "evaluate", "hf://me/paintings", real, *words)
        assert status == 0, error
        (scores,) = json.loads(out)
        assert scores["subject"] == "hf://me/paintings"
        assert scores["generator"] == lienzo.load(run).fingerprint
    status, _, error = command_at(server, "evaluate", collection.path, "hf://me/paintings", *words)
    assert status == 2
    assert f"the collection stands last: lienzo evaluate hf://me/paintings {collection.path}" in error


def test_an_upload_that_fails_leaves_nothing(
    run: lienzo.Run, command_at: Callable[..., Result], server: str, tmp_path: Path
) -> None:
    Mine.repositories["me/other"] = [{"model.bin": b"mine"}]
    for name, place, token, said in (
        ("me/other", server, "hf_right", "holds something else than a generator"),
        ("me/new", server, "hf_wrong", "log in with hf auth login"),
        ("a/b/c", server, "hf_right", "write --push USER/NAME"),
        ("me/new", "http://127.0.0.1:9", "hf_right", "the upload to me/new failed"),
    ):
        words = ["export", run.path, "--to", "card", "--out", "card", "--push", name]
        status, _, error = command_at(place, *words, token=token)
        assert status == 2, error
        assert said in error
        assert not (tmp_path / "card").exists()
        assert ("POST /api/repos/create" in Mine.requests) == (token == "hf_wrong")  # not before it is looked at
        Mine.requests.clear()
    assert Mine.repositories == {"me/other": [{"model.bin": b"mine"}]}


def test_without_huggingface_hub_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(InputError, match=re.escape("pip install 'lienzo[hub]'")):
        lienzo.load("hf://me/paintings")
