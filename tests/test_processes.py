"""Two processes that torchrun starts are one: the same pictures, the same losses, one folder; and they die together."""

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import ROOT
from test_training import assert_same, content
from torch import nn

import lienzo
from lienzo.collection.collection import Collection
from lienzo.compute import processes
from lienzo.errors import RecipeError
from lienzo.networks.configurations import NETS
from lienzo.networks.shape import Shape
from lienzo.networks.statistics import BatchNorm2d
from lienzo.recipe.recipe import Recipe
from lienzo.run.run import Run
from lienzo.training.feature_discriminator import WHEEL

pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="PyTorch was built without processes")

SETTINGS = {
    "no norm": ["network.name=mlp", "network.width=16"],
    "batch norm": [],
    "penalties": ["regularisation.r1=1", "regularisation.r2=1", "objective.name=relativistic", "average_half_life=50"],
    "mixed": ["regularisation.gradient_penalty=10", "discriminator_steps=2", "network.minibatch_deviation=true"],
    "ada": ["augmentation.policy=ada", "augmentation.speed=100", "augmentation.flips=true"],
    "accumulated": ["network.name=mlp", "network.width=16", "accumulate=2"],
    "labelled": ["labels=folder", "network.minibatch_deviation=true"],
    "autoencoder": ["objective.name=evidence-bound"],
    "fading": ["network.grown=1", "fade=32", "average_half_life=50"],
    "spectral": ["network.discriminator_norm=spectral", "objective.name=hinge"],
}

if importlib.util.find_spec(WHEEL):
    SETTINGS["windows"] = [
        "pretrained.weight=1", "pretrained.channels=4", "pretrained.shrink=2", "pretrained.windows=true",
        "network.name=mlp", "network.width=16",
    ]  # fmt: skip

PROGRAM = """
import os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from lienzo.recipe.recipe import Recipe
from lienzo.training import loop, open_run
from lienzo.training.state import State
open_run.SAVE_SECONDS = 0.0
collection, recipes, out, call, number, process = sys.argv[1:]
calls, advance = 0, State.advance
def interrupted(self, inputs):
    global calls
    calls += 1
    first = os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"
    if first and calls == int(call) and os.environ["RANK"] == process:
        os.kill(os.getpid(), int(number))
    advance(self, inputs)
State.advance = interrupted
try:
    for path in sorted(Path(recipes).glob("*.toml")):
        loop.train(collection, Recipe.from_toml(path), Path(out) / path.stem, device="cpu")
except KeyboardInterrupt:
    sys.exit(130)
"""
"""Trains one recipe after the other; in a certain step, one of the processes sends itself a signal."""


def torchrun(
    folder: Path,
    collection: Collection,
    recipes: dict[str, Recipe],
    *options: str,
    at: tuple[int, int, int] = (0, 0, 0),
) -> subprocess.CompletedProcess[str]:
    """Train in two processes, each recipe into a folder of its name; ``at`` is (step, signal, process)."""
    (folder / "program.py").write_text(PROGRAM, encoding="utf-8")
    for name, recipe in recipes.items():
        (folder / f"{name}.toml").write_text(recipe.to_toml(), encoding="utf-8")
    return launch(*options, folder / "program.py", collection.path, folder, folder, *at)


def launch(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", *map(str, words)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


@pytest.fixture(scope="module")
def pairs(
    tmp_path_factory: pytest.TempPathFactory, collection: Collection, recipe: Recipe
) -> dict[str, tuple[Run, Run]]:
    """Give, for each of the settings, the run of one process and that of two."""
    folder = tmp_path_factory.mktemp("pairs")
    recipes = {name: recipe.with_settings(["images=32", *settings]) for name, settings in SETTINGS.items()}
    recipes["batch norm"] = recipe  # it is compared with runs that were interrupted
    done = torchrun(folder, collection, recipes)
    assert done.returncode == 0, done.stderr
    return {
        name: (lienzo.train(collection, recipes[name], folder / "one" / name, device="cpu"), Run(folder / name))
        for name in recipes
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_two_processes_of_four_are_one_of_eight(pairs: dict[str, tuple[Run, Run]], name: str) -> None:
    """Sums are taken in another order, no more; no weight was seen further off than 5e-7 in the end, but
    for biases of the heads on features.
    """
    (state, log, files), (other_state, other_log, other_files) = map(content, pairs[name])
    assert state.keys() == other_state.keys()
    for key, tensor in state.items():
        scale = max(1.0, float(tensor.abs().max()))  # moments of large gradients round in proportion
        apart = float((other_state[key] - tensor).abs().max())
        near = 1e-4 if "heads" in key and key.endswith("bias") else 5e-6  # Adam steps by the sign of a gradient near 0
        assert apart <= near * scale or key == "best", (key, apart)
    for line, other_line in zip(log, other_log, strict=True):
        assert other_line == pytest.approx(line, rel=1e-5, abs=2e-6)
    assert files.keys() == other_files.keys()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_torchrun_starts_both_again_when_one_is_killed(
    pairs: dict[str, tuple[Run, Run]], collection: Collection, recipe: Recipe, tmp_path: Path
) -> None:
    done = torchrun(tmp_path, collection, {"batch norm": recipe}, "--max-restarts=3", at=(4, signal.SIGKILL, 0))
    assert done.returncode == 0, done.stderr
    assert_same(Run(tmp_path / "batch norm"), pairs["batch norm"][1])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_process_ends_both_and_the_same_command_goes_on(
    pairs: dict[str, tuple[Run, Run]], collection: Collection, recipe: Recipe, tmp_path: Path
) -> None:
    recipes = {"batch norm": recipe}
    patient = "--monitor-interval=10"  # before torchrun ends the other one, that one has time to say why it ends
    done = torchrun(tmp_path, collection, recipes, patient, at=(4, signal.SIGKILL, 1))
    assert done.returncode != 0
    assert "ProcessError: another process has gone or cannot be reached: start the same command again" in done.stderr
    assert [line["images"] for line in Run(tmp_path / "batch norm").log()] == [16]
    done = torchrun(tmp_path, collection, recipes)
    assert done.returncode == 0, done.stderr
    assert_same(Run(tmp_path / "batch norm"), pairs["batch norm"][1])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to whole consoles")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_one_process_stops_both_at_the_next_tick(
    pairs: dict[str, tuple[Run, Run]], collection: Collection, recipe: Recipe, tmp_path: Path, number: int
) -> None:
    done = torchrun(tmp_path, collection, {"batch norm": recipe}, at=(3, number, 1))
    assert "exitcode  : 130" in done.stderr
    run = Run(tmp_path / "batch norm")
    assert [int(path.stem) for path in run.checkpoints()] == [32, 16]
    assert torchrun(tmp_path, collection, {"batch norm": recipe}).returncode == 0
    assert_same(run, pairs["batch norm"][1])


@pytest.mark.slow
def test_another_number_of_processes_goes_on(
    pairs: dict[str, tuple[Run, Run]], collection: Collection, recipe: Recipe, tmp_path: Path
) -> None:
    next(lienzo.steps(collection, recipe, tmp_path / "batch norm", device="cpu"))
    done = torchrun(tmp_path, collection, {"batch norm": recipe})
    assert done.returncode == 0, done.stderr
    log, expected = (content(run)[1] for run in (Run(tmp_path / "batch norm"), pairs["batch norm"][0]))
    assert log == [pytest.approx(line, abs=2e-6) for line in expected]


@pytest.mark.slow
def test_a_batch_that_cannot_be_shared_is_refused(collection: Collection, tmp_path: Path) -> None:
    words = ["-m", "lienzo", "train", collection.path, "--out", tmp_path / "run", "--device", "cpu"]
    done = launch(*words, "--set", "batch=7")
    said = [line for line in done.stderr.splitlines() if line.startswith("lienzo:")]
    assert said == [
        "lienzo: a batch of 7 cannot be shared equally by 2 processes: "
        "set batch=8, or give torchrun another number of processes."
    ]
    assert not (tmp_path / "run").exists()


def test_alone_nothing_changes() -> None:
    device, batch = torch.device("cpu"), torch.arange(6.0).view(2, 3)
    assert processes.join(device) is device
    assert not torch.distributed.is_initialized()
    assert processes.leads()
    assert processes.share(7) == slice(0, 7)
    assert processes.mean(batch) is processes.broadcast(batch) is batch
    assert torch.equal(processes.gathered(batch), batch[None])
    assert processes.any_of(True)
    assert not processes.any_of(False)


def test_shares_are_disjoint_and_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "count", lambda: 3)
    shares = []
    for rank in range(3):
        monkeypatch.setattr(processes, "rank", lambda rank=rank: rank)
        shares += range(12)[processes.share(12)]
    assert shares == list(range(12))
    with pytest.raises(RecipeError, match="a batch of 8 cannot be shared equally by 3 processes: set batch=9"):
        processes.share(8)


@pytest.mark.parametrize("name", NETS)
def test_every_network_normalises_over_the_global_batch(name: str) -> None:
    network = NETS[name]()
    for player in (network.generator(Shape(16, 16, 3)), network.discriminator(Shape(16, 16, 3))):
        for layer in player.modules():
            assert isinstance(layer, BatchNorm2d) or not isinstance(layer, nn.modules.batchnorm._BatchNorm)
