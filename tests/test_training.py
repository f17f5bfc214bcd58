"""Training: however often it is interrupted and whatever is lost, the result is that of one go, bit for bit."""

import dataclasses
import errno
import gc
import logging
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from conftest import ROOT, Paint
from PIL import Image
from torch import Tensor

import lienzo
from lienzo.collection.collection import Collection
from lienzo.demo import demo
from lienzo.display import gallery
from lienzo.display.gallery import Pixels
from lienzo.errors import CollectionError, RecipeError, RunError, TrainingError
from lienzo.growth import growth
from lienzo.networks.shape import Shape
from lienzo.recipe.catalogue import RECIPES, find
from lienzo.recipe.recipe import Recipe
from lienzo.run.run import Run
from lienzo.storage import tensors
from lienzo.training import disk_space, loop, open_run, resumption
from lienzo.training.default_recipe import recipe_or_default
from lienzo.training.game import StepInputs
from lienzo.training.state import State
from lienzo.training.tick import Tick
from lienzo.training.trouble import Signs


@pytest.fixture(autouse=True)
def every_tick_is_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_run, "SAVE_SECONDS", 0.0)


@pytest.fixture
def whole(collection: Collection, recipe: Recipe, tmp_path: Path) -> Run:
    """Give the run that nothing interrupted."""
    return lienzo.train(collection, recipe, tmp_path / "whole", device="cpu")


def content(run: Run) -> tuple[dict[str, Tensor], list[dict[str, float]], dict[str, bytes]]:
    """Return the last state, the log without times, and every file that has to be the same."""
    state, _ = tensors.load(run.checkpoints()[0], "checkpoint", RunError)
    log = [
        {key: value for key, value in line.items() if "second" not in key and key != "peak_memory"}
        for line in run.log()
    ]
    files = [run.generator_path, run.recipe_path, run.evolution_path, run.curves_path, *run.samples(), *run.epochs()]
    return state, log, {path.relative_to(run.path).as_posix(): path.read_bytes() for path in files}


def assert_same(run: Run, other: Run) -> None:
    (state, log, files), (other_state, other_log, other_files) = content(run), content(other)
    assert state.keys() == other_state.keys()
    for name, tensor in state.items():
        assert torch.equal(tensor, other_state[name]), name
    assert log == other_log
    assert files == other_files
    leftovers = [path for path in run.path.rglob("*") if path.name.endswith(".part")]
    assert leftovers == []


def interrupted(collection: Collection, recipe: Recipe, path: Path, ticks: int = 3, device: str = "cpu") -> Run:
    """Take some ticks and leave the loop."""
    going = lienzo.steps(collection, recipe, path, device=device)
    for _ in range(ticks):
        next(going)
    going.close()  # type: ignore[attr-defined]
    return Run(path)


def test_a_run_holds_what_the_plan_says(collection: Collection, recipe: Recipe, whole: Run) -> None:
    assert [line["images"] for line in whole.log()] == [16, 32, 48, 64]
    for line in whole.log():
        assert {"seconds", "images_per_second", "discriminator_loss", "generator_loss"} <= line.keys()
        assert 0 < line["real_score"] < 1
        assert 0 < line["fake_score"] < 1
    assert whole.recipe() == recipe
    assert whole.manifest()["collection"]["fingerprint"] == collection.fingerprint
    assert [path.name for path in whole.epochs()] == ["epoch-0001.safetensors", "epoch-0002.safetensors"]
    assert len(whole.checkpoints()) == resumption.KEPT_CHECKPOINTS
    assert whole.evolution_path.exists()
    assert whole.curves_path.exists()
    assert list(whole.path.glob("events.out.tfevents.*"))
    # at the beginning, every 32 pictures, at the end
    assert [int(path.stem) for path in whole.samples()] == [0, 32, 64]
    with Image.open(whole.samples()[-1]) as drawn:
        assert drawn.size == (2 + 2 * 18, 2 + 2 * 18)
        assert drawn.info["images"] == "64"


def test_ticks_say_how_training_stands(collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    ticks = list(lienzo.steps(collection, recipe, tmp_path / "run", device="cpu"))
    assert [(tick.images, tick.total) for tick in ticks] == [(16, 64), (32, 64), (48, 64), (64, 64)]
    assert all(tick.images_per_second > 0 for tick in ticks)
    assert [tick.seconds_left > 0 for tick in ticks] == [True, True, True, False]
    assert [tick.to_dict() for tick in ticks] == Run.open(tmp_path / "run").log()


GOLDEN = [
    (1.35621, 0.6807), (1.372, 0.66466), (1.35031, 0.67061), (1.31835, 0.70454),
    (1.31032, 0.68653), (1.30751, 0.66977), (1.29164, 0.66857),
    (1.315, 0.66234), (1.33778, 0.65092), (1.27485, 0.68214),
]  # fmt: skip
"""Losses of the discriminator and of the generator in the first ten steps of the recipe `small`, float32."""


def test_the_first_ten_losses_stay_what_they_are(collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    """Whoever changes what training computes sees it here; processors differ in the last digits only."""
    recipe = dataclasses.replace(recipe, tick=8, images=80)
    ticks = lienzo.steps(collection, recipe, tmp_path / "run", device="cpu")
    losses = [(tick.measures["discriminator_loss"], tick.measures["generator_loss"]) for tick in ticks]
    assert [loss for pair in losses for loss in pair] == pytest.approx([x for pair in GOLDEN for x in pair], abs=2e-3)


@pytest.mark.parametrize("settings", [
    [], ["discriminator_steps=2"], ["average_half_life=100"], ["network.name=mlp", "network.width=16"],
    ["regularisation.r1=1", "regularisation.r2=1", "objective.name=relativistic"],
    ["regularisation.gradient_penalty=10", "objective.name=wasserstein", "network.discriminator_norm=none"],
    ["network.discriminator_norm=spectral", "objective.name=hinge"], ["precision=bf16"], ["batch=7", "tick=10"],
    ["cool_down=1", "annealing.shape=cosine", "annealing.r1=0.1", "annealing.beta2=0.9", "regularisation.r1=1"],
], ids=" ".join)  # fmt: skip
def test_two_ticks_and_two_more_are_four(
    collection: Collection, recipe: Recipe, tmp_path: Path, settings: list[str]
) -> None:
    recipe = recipe.with_settings(settings)
    whole = lienzo.train(collection, recipe, tmp_path / "whole", device="cpu")
    parts = interrupted(collection, recipe, tmp_path / "parts", ticks=2)
    assert 0 < parts.log()[-1]["images"] < whole.log()[-1]["images"]
    assert_same(lienzo.train(collection, recipe, parts.path, device="cpu"), whole)


@pytest.mark.gpu
def test_on_a_gpu_two_ticks_and_two_more_are_nearly_four(
    collection: Collection, recipe: Recipe, tmp_path: Path
) -> None:
    """Graphs of eight steps among them; kernels sum in any order."""
    recipe = recipe.with_settings(["tick=128", "images=512", "average_half_life=100"])
    whole = lienzo.train(collection, recipe, tmp_path / "whole", device="cuda")
    parts = interrupted(collection, recipe, tmp_path / "parts", ticks=2, device="cuda")
    went_on = lienzo.train(collection, recipe, parts.path, device="cuda")
    assert [line["images"] for line in went_on.log()] == [line["images"] for line in whole.log()]
    ends = [
        {key: line[key] for key in ("discriminator_loss", "real_score", "fake_score")}
        for line in (whole.log()[-1], went_on.log()[-1])
    ]
    assert ends[1] == pytest.approx(ends[0], rel=0.1, abs=0.02)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name in ("modern-gpu-128", "modern-gpu-256"))) for name in RECIPES],
)
def test_every_recipe_trains_and_goes_on(collection: Collection, tmp_path: Path, name: str) -> None:
    recipe = find(name).with_settings(["batch=4", "samples=4", "network.width=4"])
    recipe = recipe.with_settings(
        [f"{key}={4 * n * recipe.discriminator_steps}" for key, n in (("tick", 1), ("images", 4))]
    )
    whole = lienzo.train(collection, recipe, tmp_path / "whole", device="cpu")
    next(lienzo.steps(collection, recipe, tmp_path / "parts", device="cpu"))
    assert_same(lienzo.train(collection, recipe, tmp_path / "parts", device="cpu"), whole)


SIZES = {name: size for name in RECIPES for size in (128, 256) if name.endswith(f"-{size}")}
"""Sides of the pictures that recipes are for, where they are not 64."""


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_takes_two_ticks_as_it_is(paint: Paint, tmp_path: Path, name: str) -> None:
    """With its own networks, at its own size; only the batch is small. Their memory is that of another process."""
    size, tick = SIZES.get(name, 64), 4 * find(name).discriminator_steps
    collection = lienzo.prepare(paint(tmp_path / "pictures", 12, size, size), tmp_path / "out", size=size, workers=1)
    run = Run(tmp_path / "run")
    words = ["train", collection.path, "--recipe", name, "--out", run.path, "--device", "cpu"]
    settings = ["--images", 2 * tick, "--set", f"tick={tick}", "samples=4", "batch=4"]
    process = start("from lienzo.cli.main import main; main()", *words, *settings)
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert [line["images"] for line in run.log()] == [tick, 2 * tick]
    images = lienzo.load(run).generate(seeds=[0]).images
    assert images.shape == (1, size, size, 3)
    assert images.std() > 0


def test_leaving_between_saves_saves(
    collection: Collection, recipe: Recipe, tmp_path: Path, whole: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_run, "SAVE_SECONDS", 1e9)
    next(lienzo.steps(collection, recipe, tmp_path / "run", device="cpu"))
    assert [path.stem for path in Run(tmp_path / "run").checkpoints()] == ["000000000016"]
    assert_same(lienzo.train(collection, recipe, tmp_path / "run", device="cpu"), whole)


def test_a_finished_run_stays_as_it_is(collection: Collection, recipe: Recipe, whole: Run) -> None:
    before = content(whole)[1:]
    assert lienzo.train(collection, recipe, whole.path, device="cpu") == whole
    assert content(whole)[1:] == before


@pytest.mark.parametrize("harm", ["flip", "cut", "delete"])
def test_the_generator_of_a_finished_run_is_written_again_where_it_is_damaged(
    collection: Collection, recipe: Recipe, whole: Run, tmp_path: Path, harm: str
) -> None:
    run = Run(shutil.copytree(whole.path, tmp_path / "run"))
    content = run.generator_path.read_bytes()
    if harm == "delete":
        run.generator_path.unlink()
    else:
        run.generator_path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]) * (harm == "flip"))
    lienzo.train(collection, recipe, run.path, device="cpu")
    assert run.generator_path.read_bytes() == content


def test_a_run_that_is_asked_for_less_than_it_has_shown_is_not_called_finished(
    collection: Collection, recipe: Recipe, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for tick in lienzo.steps(collection, recipe, tmp_path / "run", device="cpu"):
        if tick.images == 32:
            break
    with caplog.at_level(logging.INFO, "lienzo"):
        lienzo.train(collection, recipe.lasting(epochs=None, images=16), tmp_path / "run", device="cpu")
    assert "finished" not in caplog.text
    assert (
        "run has shown 32 pictures already, and stays as it is: to go on to the end of its recipe, ask for --images 64."
        in caplog.text
    )


def test_a_run_is_not_kept_at_a_url(
    collection: Collection, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="folder of this machine, not at memory://runs/a"):
        lienzo.train(collection, recipe, "memory://runs/a", device="cpu")
    assert not (tmp_path / "memory:").exists()


def test_a_finished_run_keeps_its_recipe_when_it_is_asked_for_less(
    collection: Collection, recipe: Recipe, whole: Run
) -> None:
    shown, kept = recipe.images, whole.recipe_path.read_bytes()
    assert shown is not None
    lienzo.train(collection, dataclasses.replace(recipe, images=shown // 2), whole.path, device="cpu")
    assert whole.recipe_path.read_bytes() == kept


def test_a_finished_run_can_be_made_longer(collection: Collection, recipe: Recipe, whole: Run, tmp_path: Path) -> None:
    longer = dataclasses.replace(recipe, images=96)
    in_one_go = lienzo.train(collection, longer, tmp_path / "one", device="cpu")
    lienzo.train(collection, longer, whole.path, device="cpu")
    assert content(whole)[0].keys() == content(in_one_go)[0].keys()
    assert whole.generator_path.read_bytes() == in_one_go.generator_path.read_bytes()
    assert [line["images"] for line in whole.log()] == [line["images"] for line in in_one_go.log()]


def test_a_run_that_cools_down_has_another_length_until_its_rates_fall(
    collection: Collection, recipe: Recipe, tmp_path: Path
) -> None:
    """Both become what they would have been with that length from the beginning; later the length is fixed."""
    recipe = recipe.with_settings(["cool_down=0.5", "average_half_life=100", "images=96"])
    begun = interrupted(collection, recipe, tmp_path / "parts", ticks=2)  # 32 of the 48 with constant rates
    for images in (64, 128):
        run = Run(shutil.copytree(begun.path, tmp_path / f"branch-{images}"))
        other = dataclasses.replace(recipe, images=images)
        in_one_go = lienzo.train(collection, other, tmp_path / f"whole-{images}", device="cpu")
        interrupted(collection, other, run.path, ticks=1)
        assert_same(lienzo.train(collection, run.recipe(), run.path, device="cpu"), in_one_go)
        with pytest.raises(RunError, match=f"its rates fall .* after {images} they .*192. To train on, .* --from"):
            lienzo.train(collection, dataclasses.replace(recipe, images=192), run.path, device="cpu")
    with pytest.raises(
        RunError, match=r"after 32 they cannot become 48\. Choose another --out, or go on with --recipe"
    ):
        lienzo.train(collection, dataclasses.replace(recipe, images=48), begun.path, device="cpu")


PROGRAM = """
import os, signal, sys
import torch
torch.set_num_threads(1)
from pathlib import Path
from lienzo.training import loop, open_run
from lienzo.recipe.recipe import Recipe
open_run.SAVE_SECONDS = 0.0
collection, recipe, out, writes = sys.argv[1:]
left, fsync = int(writes), os.fsync
def counting(descriptor):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    fsync(descriptor)
os.fsync = counting
loop.train(collection, Recipe.from_toml(Path(recipe)), out, device="cpu")
"""
"""Trains, and kills itself in the middle of writing a certain file."""


def start(program: str, *words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, words)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("left", ["name = ", None], ids=["damaged", "missing"])
def test_a_lost_recipe_is_written_again(
    collection: Collection, recipe: Recipe, tmp_path: Path, left: str | None
) -> None:
    """By the one that the run was begun with, also where its precision follows from the device."""
    recipe = dataclasses.replace(recipe, precision="auto")
    run = interrupted(collection, recipe, tmp_path / "run", ticks=1)
    whole = run.recipe_path.read_text(encoding="utf-8")
    if left is None:
        run.recipe_path.unlink()
        with pytest.raises(RunError, match=r"lacks its recipe\.toml: go on with the words that it was begun with"):
            Run.open(run.path)
    else:
        run.recipe_path.write_text(left, encoding="utf-8")
    with pytest.raises(RecipeError, match="give the words that the run was begun with"):
        lienzo.train(collection, out=run.path, device="cpu")
    lienzo.train(collection, recipe, run.path, device="cpu")
    assert run.recipe_path.read_text(encoding="utf-8") == whole


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("writes", [
    (2, 1, 9), pytest.param((1, 3, 4, 5, 6, 7, 8), marks=pytest.mark.long),
])  # fmt: skip
def test_kills_while_files_are_written_lose_nothing(
    collection: Collection, recipe: Recipe, tmp_path: Path, whole: Run, writes: tuple[int, ...]
) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(recipe.to_toml(), encoding="utf-8")
    for write in writes:
        process = start(PROGRAM, collection.path, path, tmp_path / "run", write)
        _, said = process.communicate()
        assert process.returncode == -signal.SIGKILL, said
    assert_same(lienzo.train(collection, recipe, tmp_path / "run", device="cpu"), whole)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to whole consoles")
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_ctrl_c_saves_and_says_how_to_go_on(
    collection: Collection, recipe: Recipe, tmp_path: Path, whole: Run, number: str
) -> None:
    """The signal comes in the middle of a step; the step is finished, saved, and the command ends with 130."""
    path = tmp_path / "recipe.toml"
    path.write_text(recipe.to_toml(), encoding="utf-8")
    program = """
import os, signal, sys
import torch
torch.set_num_threads(1)
from lienzo.training.game import Game
from lienzo.cli import main as command
step = Game.discriminator_step
calls = 0
def stepping(self, *arguments, **named):
    global calls
    calls += 1
    if calls == 4:
        os.kill(os.getpid(), signal.NUMBER)
    return step(self, *arguments, **named)
Game.discriminator_step = stepping
command.main()
""".replace("NUMBER", number)
    words = ["train", collection.path, "--recipe", path, "--out", tmp_path / "run", "--device", "cpu"]
    process = start(program, *words)
    out, said = process.communicate()
    assert process.returncode == 130
    assert out == ""
    assert f"Stopped and saved. To go on: lienzo train {collection.path}" in said
    assert "Traceback" not in said
    assert [path.stem for path in Run(tmp_path / "run").checkpoints()] == ["000000000032"]
    assert_same(lienzo.train(collection, recipe, tmp_path / "run", device="cpu"), whole)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let SIGINT interrupt this process, also where a shell has started it in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_in_the_callers_loop_saves(collection: Collection, recipe: Recipe, tmp_path: Path, whole: Run) -> None:
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012
        for _ in lienzo.steps(collection, recipe, tmp_path / "run", device="cpu"):
            signal.raise_signal(signal.SIGINT)
    gc.collect()
    assert Run(tmp_path / "run").checkpoints()
    assert_same(lienzo.train(collection, recipe, tmp_path / "run", device="cpu"), whole)


def test_steps_taken_together_end_as_single_ones(
    collection: Collection, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU; Ctrl-C comes between two ticks, so that steps taken together then begin elsewhere."""
    settings = ["images=200", "tick=64", "sample_every=96", "keep_epochs=false", "on_trouble=rollback"]
    recipe = recipe.with_settings([*settings, "average_half_life=100", "cool_down=0.5"])
    whole = lienzo.train(collection, recipe, tmp_path / "whole", device="cpu")
    taken: list[int] = []
    advance = State.advance

    def interrupted(self: State, inputs: Sequence[StepInputs]) -> None:
        taken.append(len(inputs))
        advance(self, inputs)
        if len(taken) == 5:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(State, "steps_at_once", 3)
    monkeypatch.setattr(State, "advance", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lienzo.train(collection, recipe, tmp_path / "parts", device="cpu")
    assert taken == [3, 3, 1, 1, 3]
    parts = Run(tmp_path / "parts")
    assert [path.stem for path in parts.checkpoints()] == ["000000000088", "000000000064"]
    assert_same(lienzo.train(collection, recipe, parts.path, device="cpu"), whole)
    assert [path.name for path in parts.milestones()] == [path.name for path in whole.milestones()]


def test_a_checkpoint_waits_for_the_drawings_before_it(
    collection: Collection, recipe: Recipe, tmp_path: Path, whole: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawings are slow here, and each save finds them all; the third cannot be written, and nothing is saved then."""
    recipe = dataclasses.replace(recipe, on_trouble="rollback")
    run, saved = Run(tmp_path / "run"), []
    write, png = resumption._write, gallery.png

    def writing(path: Path, state: State, signs: Signs, rollbacks: int) -> None:
        assert [int(path.stem) for path in run.samples()] == list(range(0, state.images + 1, 32))
        saved.append(path.parent.name)
        write(path, state, signs, rollbacks)

    def drawing(image: Pixels, text: Mapping[str, str]) -> bytes:
        time.sleep(0.3)
        if text["images"] == "64":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return png(image, text)

    monkeypatch.setattr(resumption, "_write", writing)
    with monkeypatch.context() as patch:
        patch.setattr(gallery, "png", drawing)
        with pytest.raises(OSError, match="No space left"):
            lienzo.train(collection, recipe, run.path, device="cpu")
    assert saved == ["checkpoints", "milestones", "checkpoints", "checkpoints"]
    assert run.checkpoints()[0].stem == "000000000048"
    lienzo.train(collection, recipe, run.path, device="cpu")
    assert [path.read_bytes() for path in run.samples()] == [path.read_bytes() for path in whole.samples()]


def damage(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    whole[-5] ^= 4
    path.write_bytes(whole)


@pytest.mark.parametrize("how", ["a bit", "half", "empty"])
def test_a_damaged_checkpoint_is_said_and_the_one_before_it_serves(
    collection: Collection, recipe: Recipe, tmp_path: Path, whole: Run, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    run = interrupted(collection, recipe, tmp_path / "run")
    newest, before = run.checkpoints()
    if how == "a bit":
        damage(newest)
    else:
        data = newest.read_bytes()
        newest.write_bytes(data[: len(data) // 2] if how == "half" else b"")
    with caplog.at_level(logging.WARNING, "lienzo"):
        assert_same(lienzo.train(collection, recipe, run.path, device="cpu"), whole)
    (said,) = caplog.messages
    assert str(newest) in said
    assert before.stem != newest.stem


def test_without_any_whole_checkpoint_training_begins_again_and_says_so(
    collection: Collection, recipe: Recipe, tmp_path: Path, whole: Run, caplog: pytest.LogCaptureFixture
) -> None:
    run = interrupted(collection, recipe, tmp_path / "run")
    for path in run.checkpoints():
        damage(path)
    with caplog.at_level(logging.WARNING, "lienzo"):
        assert_same(lienzo.train(collection, recipe, run.path, device="cpu"), whole)
    *damaged, anew = caplog.messages
    assert len(damaged) == 2
    assert anew == "No checkpoint is whole: training begins anew."


def test_what_is_saved_after_damaged_checkpoints_of_later_stays(
    collection: Collection, recipe: Recipe, tmp_path: Path
) -> None:
    run = interrupted(collection, recipe, tmp_path / "run")
    later = run.checkpoints()
    for path in later:
        damage(path)
    interrupted(collection, recipe, run.path, ticks=1)
    assert {*run.checkpoints()} - {*later}


def test_a_log_line_that_was_cut_off_is_written_again(
    collection: Collection, recipe: Recipe, tmp_path: Path, whole: Run
) -> None:
    run = interrupted(collection, recipe, tmp_path / "run")
    with run.log_path.open("a") as file:
        file.write('{"images": 64, "seco')
    assert_same(lienzo.train(collection, recipe, run.path, device="cpu"), whole)


def test_a_full_disk_loses_nothing(
    collection: Collection, recipe: Recipe, tmp_path: Path, whole: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full from the n-th file on; once there is room, the same call goes on."""
    for room in (0, 1, 2, 3, 4, 5, 8):
        left = room

        def full(descriptor: int) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(OSError, match="No space left"):
                lienzo.train(collection, recipe, tmp_path / "run", device="cpu")
        assert not list((tmp_path / "run").rglob("*.part"))
    assert_same(lienzo.train(collection, recipe, tmp_path / "run", device="cpu"), whole)


def test_losses_that_are_no_numbers_end_training(collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    recipe = recipe.with_settings(["generator_optimizer.rate=1e30", "discriminator_optimizer.rate=1e30"])
    with pytest.raises(
        TrainingError, match=r"after \d+ pictures .*, and .* try --set generator_optimizer\.rate=1e\+29 "
    ):
        lienzo.train(collection, recipe, tmp_path / "run", device="cpu")


def test_another_collection_is_refused(
    collection: Collection, recipe: Recipe, whole: Run, tmp_path: Path, paint: Paint
) -> None:
    other = lienzo.prepare(paint(tmp_path / "pictures", 24, first=100), tmp_path / "other", size=16, workers=1)
    before = content(whole)[2]
    with pytest.raises(RunError, match="was trained on another collection"):
        lienzo.train(other, recipe, whole.path, device="cpu")
    assert content(whole)[2] == before


@pytest.mark.parametrize(("setting", "key"), [("seed=1", "seed"), ("network.width=4", "network"), ("tick=8", "tick")])
def test_another_recipe_is_refused(collection: Collection, recipe: Recipe, whole: Run, setting: str, key: str) -> None:
    with pytest.raises(RunError, match=rf"begun with another recipe \(it differs in {key}\)"):
        lienzo.train(collection, recipe.with_settings([setting]), whole.path, device="cpu")


def test_a_moved_collection_is_the_same(
    collection: Collection, recipe: Recipe, tmp_path: Path, whole: Run, paint: Paint
) -> None:
    again = lienzo.prepare(paint(tmp_path / "pictures"), tmp_path / "elsewhere", size=16, workers=1)
    assert again.fingerprint == collection.fingerprint
    run = interrupted(collection, recipe, tmp_path / "run")
    assert_same(lienzo.train(again, recipe, run.path, device="cpu"), whole)


def test_folders_with_something_else_are_left_alone(collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "one.txt").write_text("dear")
    (tmp_path / "file").write_text("here")
    for path in (tmp_path / "letters", tmp_path / "file", collection.path):
        with pytest.raises(RunError, match="exists and is no run"):
            lienzo.train(collection, recipe, path, device="cpu")
    assert [path.name for path in (tmp_path / "letters").iterdir()] == ["one.txt"]
    (tmp_path / "empty").mkdir()
    next(lienzo.steps(collection, recipe, tmp_path / "empty", device="cpu"))


def test_a_recipe_of_ones_own_is_not_overwritten_and_a_killed_beginning_goes_on(
    collection: Collection, recipe: Recipe, tmp_path: Path
) -> None:
    mine = tmp_path / "run" / "recipe.toml"
    mine.parent.mkdir()
    resolved = (
        next(lienzo.steps(collection, recipe, tmp_path / "first", device="cpu"))
        and lienzo.Run(tmp_path / "first").recipe()
    )
    for text in ("# my notes\n" + resolved.to_toml(), dataclasses.replace(resolved, seed=7).to_toml()):
        mine.write_text(text)
        with pytest.raises(RunError, match="exists and is no run"):
            lienzo.train(collection, recipe, mine.parent, device="cpu")
        assert mine.read_text() == text
    mine.write_text(resolved.to_toml())
    (mine.parent / "mine.part").write_text("mine")
    with pytest.raises(RunError, match="exists and is no run"):
        lienzo.train(collection, recipe, mine.parent, device="cpu")
    (mine.parent / "mine.part").unlink()
    (mine.parent / f".run.json.{os.getpid()}-0123abcd.part").write_text("half")
    next(lienzo.steps(collection, recipe, mine.parent, device="cpu"))


def test_fewer_pictures_than_a_batch_are_refused(collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="24 pictures to train on, fewer than one batch of 25"):
        lienzo.train(collection, dataclasses.replace(recipe, batch=25), tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


def test_without_a_recipe_one_is_chosen_and_said_and_a_run_keeps_its_own(
    collection: Collection, recipe: Recipe, tmp_path: Path, whole: Run, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "lienzo"):
        assert recipe_or_default(None, collection, None, "cpu") == find("few")
    assert caplog.messages[0].startswith("The recipe is few, for 24 pictures of 16×16 on cpu, fewer than the 100 ")
    run = interrupted(collection, recipe, tmp_path / "run")
    caplog.clear()
    assert_same(lienzo.train(collection, None, run.path, device="cpu"), whole)
    assert not [line for line in caplog.messages if line.startswith("The recipe is")]


def test_a_missing_collection_and_an_unknown_recipe_are_refused(collection: Collection, tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="there is no collection"):
        lienzo.train(tmp_path / "nowhere", "thesis", tmp_path / "run")
    with pytest.raises(RecipeError, match="did you mean 'thesis'"):
        lienzo.train(collection, "thesys", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["images-00000.npy", "index-00000.parquet"])
def test_a_damaged_collection_is_refused_and_leaves_nothing_behind(
    recipe: Recipe, tmp_path: Path, paint: Paint, name: str
) -> None:
    damaged = lienzo.prepare(paint(tmp_path / "pictures"), tmp_path / "out", size=16, workers=1)
    data = (damaged.path / name).read_bytes()
    (damaged.path / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(CollectionError, match=rf"{name} is damaged"):
        lienzo.train(damaged.path, recipe, tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


def test_sizes_that_a_network_cannot_make_leave_nothing_behind(tmp_path: Path, recipe: Recipe, paint: Paint) -> None:
    odd = lienzo.prepare(paint(tmp_path / "pictures"), tmp_path / "odd", size=17, workers=1)
    with pytest.raises(RecipeError, match="17×17"):
        lienzo.train(odd, recipe, tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "x"}', "{}"])
def test_a_damaged_manifest_is_refused(collection: Collection, recipe: Recipe, tmp_path: Path, text: str) -> None:
    run = interrupted(collection, recipe, tmp_path / "run", 1)
    run.manifest_path.write_text(text)
    with pytest.raises(RunError, match=r"run\.json is damaged"):
        lienzo.train(collection, recipe, run.path, device="cpu")


def test_a_newer_run_is_refused(collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    run = interrupted(collection, recipe, tmp_path / "run", 1)
    run.write_manifest({**run.manifest(), "format": 99})
    with pytest.raises(RunError, match="newer lienzo"):
        lienzo.train(collection, recipe, run.path, device="cpu")


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_pictures_and_pictures_with_alpha_are_learnt(
    recipe: Recipe, tmp_path: Path, paint: Paint, channels: int
) -> None:
    collection = lienzo.prepare(
        paint(tmp_path / "pictures"), tmp_path / "out", size="16x32", channels=channels, enlarge=True, workers=1
    )
    run = lienzo.train(collection, recipe, tmp_path / "run", device="cpu")
    assert lienzo.load(run).generate([0]).images.shape == (1, 16, 32, channels)


def test_training_leaves_the_callers_randomness_alone(
    collection: Collection, recipe: Recipe, tmp_path: Path, whole: Run
) -> None:
    torch.manual_seed(123)
    before = torch.get_rng_state()
    again = lienzo.train(collection, recipe, tmp_path / "again", device="cpu")
    assert torch.equal(torch.get_rng_state(), before)
    assert_same(again, whole)


def test_the_average_is_that_of_the_recipe(collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    from lienzo.training.schedule import average_decay

    recipe = dataclasses.replace(recipe, average_half_life=30, average_ramp=0.5, tick=8)
    average: dict[str, Tensor] = {}
    for tick in lienzo.steps(collection, recipe, tmp_path / "run", device="cpu"):
        state, _ = tensors.load(Run(tmp_path / "run").checkpoints()[0], "checkpoint", RunError)
        new = {key.partition("/")[2]: value for key, value in state.items() if key.startswith("generator/")}
        decay = average_decay(tick.images, 8, 30, 0.5)
        average = {
            key: decay * average[key] + (1 - decay) * value if average and value.is_floating_point() else value
            for key, value in new.items()
        }
        if tick.images == 8:
            average = {key: state[f"average/{key}"] for key in new}
        for key, value in average.items():
            torch.testing.assert_close(state[f"average/{key}"], value)
    assert lienzo.load(tmp_path / "run").header["averaged"] is True


def test_a_clock_that_has_not_moved_divides_by_nothing(
    collection: Collection, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some clocks move every 15.6 ms only."""
    monkeypatch.setattr(open_run.time, "perf_counter", lambda: 7.0)
    monkeypatch.setattr(open_run.time, "monotonic", lambda: 7.0)
    for tick in lienzo.steps(collection, recipe, tmp_path / "run", device="cpu"):
        assert 0 < tick.images_per_second < math.inf
        assert tick.seconds_left >= 0


def test_a_state_of_other_shapes_is_refused(collection: Collection, recipe: Recipe, whole: Run) -> None:
    """One that copying would spread over the whole tensor, and one that lacks a tensor."""
    path = whole.checkpoints()[0]
    loaded, header = tensors.load(path, "checkpoint", RunError)
    del header["fingerprint"]
    name = next(name for name in loaded if name.startswith("generator/") and loaded[name].dim() == 1)
    for wrong in ({**loaded, name: torch.zeros(1)}, {key: value for key, value in loaded.items() if key != name}):
        tensors.save(path, wrong, header)
        with pytest.raises(RunError, match=r"is the state of other networks .*: delete it"):
            lienzo.train(collection, recipe.with_settings(["images=80"]), whole.path, device="cpu")


def test_the_collection_is_found_from_anywhere(
    collection: Collection, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(collection.path.parent)
    run = lienzo.train(collection.path.name, recipe.with_settings(["images=8"]), tmp_path / "run", device="cpu")
    assert Path(run.manifest()["collection"]["path"]) == collection.path.resolve()


def test_rollbacks_are_read_under_the_lock(
    collection: Collection, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process rolls back just before it lets this one have the folder."""
    run = interrupted(collection, recipe, tmp_path / "run", 1)
    occupying, begun = loop.occupying, []

    @contextmanager
    def late(run: Run) -> Iterator[None]:
        manifest = run.manifest()
        run.write_manifest({**manifest, "rollbacks": [{"at": 16, "to": 16, "trouble": "none"}]})
        with occupying(run):
            yield

    advance = State.advance

    def observed(self: State, inputs: Sequence[StepInputs]) -> None:
        begun.append(self.slowdown)
        advance(self, inputs)

    monkeypatch.setattr(loop, "occupying", late)
    monkeypatch.setattr(State, "advance", observed)
    lienzo.train(collection, recipe, run.path, device="cpu")
    assert set(begun) == {0.5}


def test_a_disk_that_is_too_small_is_noticed_before_anything_is_trained(
    collection: Collection, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(disk_space.shutil, "disk_usage", lambda _: usage._replace(free=100_000))
    with pytest.raises(RunError, match=r"will need about [\d.]+ MB on the disk, and 0.1 MB are free: make room"):
        lienzo.train(collection, recipe, tmp_path / "run", device="cpu")
    assert not (tmp_path / "run" / "run.json").exists()


def test_files_of_others_in_a_run_make_no_room_for_it(
    collection: Collection, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = interrupted(collection, recipe, tmp_path / "run", ticks=1)
    with (run.path / "film.mp4").open("wb") as file:
        file.truncate(10**9)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(disk_space.shutil, "disk_usage", lambda _: usage._replace(free=100_000))
    with pytest.raises(RunError, match=r"will need about [\d.]+ MB on the disk, and 0.1 MB are free: make room"):
        lienzo.train(collection, recipe, run.path, device="cpu")


@pytest.mark.parametrize("settings", [[], ["evaluate_every=16"], ["keep_epochs=false", "on_trouble=rollback"]])
def test_a_run_needs_the_space_that_was_expected(
    collection: Collection, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: list[str]
) -> None:
    monkeypatch.setattr("lienzo.training.kid_monitor.SAMPLES", 8)
    recipe = recipe.with_settings(settings)
    run = lienzo.train(collection, recipe, tmp_path / "run", device="cpu")
    state = State(recipe, Shape(16, 16, 3), torch.device("cpu"))
    needed = disk_space.bytes_needed(recipe, collection.count, state)
    there = sum(path.stat().st_size for path in run.path.rglob("*.safetensors"))
    assert there < needed < 2.5 * there


@pytest.mark.parametrize("verb", ["grow", "demo"])
def test_leaving_the_loop_of_a_verb_saves_whoever_still_holds_the_training(
    collection: Collection, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """No garbage collector has to come first."""
    trainings = []
    steps = loop.steps

    def held(*given: object, **named: object) -> Iterator[Tick]:
        trainings.append(steps(*given, **named))  # type: ignore[arg-type]
        return trainings[-1]

    small = recipe.with_settings(["batch=4", "network.width=16", "images=16", "tick=4"])
    if verb == "grow":
        run = lienzo.train(collection, small, tmp_path / "small", device="cpu")
        monkeypatch.setattr(loop, "steps", held)
        going = growth.steps(run, out=tmp_path / "run", collection=_twice(collection, tmp_path), device="cpu")
    else:
        monkeypatch.setattr(loop, "steps", held)
        going = demo.steps(tmp_path / "demo", demo.Settings(files=70, size=16, recipe=small, workers=1))
    while not trainings:
        next(going)
    next(going)
    going.close()
    assert trainings[0].gi_frame is None
    assert not list(tmp_path.rglob("running.json"))


def _twice(collection: Collection, tmp_path: Path) -> Collection:
    pictures = Path(collection.settings["sources"][0])
    return lienzo.prepare(pictures, tmp_path / "large", size=32, workers=1, enlarge=True)


@pytest.mark.parametrize("change", [
    {"collection": []}, {"collection": {"path": "x"}}, {"rollbacks": [{"at": 16}]}, {"stop": "now"},
    {"origin": {"path": 3}},
    {"format": "1"}, {"recipe": None},
], ids=str)  # fmt: skip
def test_a_manifest_of_another_form_is_damaged(whole: Run, change: dict[str, object]) -> None:
    """Sealed, but by something else than lienzo."""
    manifest = {**whole.manifest(), **change}
    whole.write_manifest(manifest)  # type: ignore[arg-type]
    with pytest.raises(RunError, match=r"run\.json is damaged: restore it"):
        whole.manifest()
