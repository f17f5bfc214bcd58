"""Threads are as many as find a core each, and what training computes does not depend on how many there are."""

import dataclasses
import itertools
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import lienzo
from lienzo.collection.collection import Collection
from lienzo.compute import threads
from lienzo.compute.threads import Threads, fitting, one_thread
from lienzo.networks.configurations import DCGAN
from lienzo.networks.shape import Shape
from lienzo.recipe.catalogue import find
from lienzo.recipe.recipe import Recipe
from lienzo.training import estimate
from lienzo.training.augmentation import CHANCES
from lienzo.training.game import StepInputs
from lienzo.training.state import State

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def same_threads_afterwards() -> Iterator[None]:
    number = torch.get_num_threads()
    yield
    torch.set_num_threads(number)


class Machine:
    """Clocks of two cores, of which other programs use some."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.own, self.busy = 100.0, 10.0, 50.0
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        monkeypatch.setattr(threads, "_cores", lambda: frozenset({0, 1}))
        monkeypatch.setattr(threads, "_clocks", lambda _: (self.now, self.own, self.busy))
        monkeypatch.setattr(threads.time, "monotonic", lambda: self.now)

    def run(self, seconds: float, others: float) -> None:
        own = torch.get_num_threads() * seconds
        self.now, self.own, self.busy = self.now + seconds, self.own + own, self.busy + own + others * seconds


def test_a_thread_is_given_up_at_once_and_taken_again_when_the_machine_stays_calm(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    torch.set_num_threads(2)
    machine, used = Machine(monkeypatch), []
    with caplog.at_level(logging.INFO, "lienzo"), Threads(CPU) as watched:
        for others in (0.1, 0.9, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0):
            machine.run(1.1, others)
            watched.adjust()
            used.append(torch.get_num_threads())
    assert used == [2, 1, 1, 1, 1, 1, 2, 1]
    assert torch.get_num_threads() == 2
    assert [record.getMessage() for record in caplog.records] == [
        "The machine is shared: other programs keep 0.9 of its 2 cores busy, so training uses 1 of 2 threads until "
        "they are done. Up to rounding, what it learns does not depend on that."
    ]


def test_the_machine_is_looked_at_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(2)
    machine = Machine(monkeypatch)
    watched = Threads(CPU)
    machine.run(0.9, 2.0)
    watched.adjust()
    assert torch.get_num_threads() == 2
    machine.run(0.1, 2.0)
    watched.adjust()
    assert torch.get_num_threads() == 1


def test_no_more_threads_than_pytorch_had_and_none_given_up_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    for number, device, left in ((1, CPU, 1), (2, torch.device("cuda"), 2)):
        torch.set_num_threads(number)
        with Threads(device) as watched:
            for _ in range(3):
                machine.run(2.0, 2.0 if number == 2 else 0.0)
                watched.adjust()
            assert torch.get_num_threads() == left


def test_who_sets_the_number_of_threads_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(2)
    machine = Machine(monkeypatch)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    watched = Threads(CPU)
    machine.run(2.0, 2.0)
    watched.adjust()
    assert torch.get_num_threads() == 2


def test_where_the_system_does_not_tell_the_number_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(2)
    monkeypatch.setattr(threads, "_cores", frozenset)
    watched = Threads(CPU)
    monkeypatch.setattr(threads.time, "monotonic", lambda: 1e9)
    watched.adjust()
    assert torch.get_num_threads() == 2


@pytest.mark.skipif(not threads._cores(), reason="only Linux tells")
def test_the_clocks_of_this_machine_advance() -> None:
    cores = threads._cores()
    before = threads._clocks(cores)
    sum(range(3_000_000))
    after = threads._clocks(cores)
    assert before is not None
    assert after is not None
    assert after[0] > before[0]
    assert after[1] > before[1]
    assert after[2] >= before[2] > 0


def test_fitting_keeps_one_thread_and_leaves_busy_cores_alone() -> None:
    assert [fitting(8, others, 8) for others in (0.0, 0.3, 0.4, 1.0, 7.9, 20.0)] == [8, 8, 7, 7, 1, 1]


def test_one_thread_for_a_while() -> None:
    torch.set_num_threads(3)
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


SMALLER = {
    "thesis": ("network.width=32",),
    "thesis without normalisation": (
        "network.width=32", "network.generator_norm=none", "network.discriminator_norm=none",
        "network.discriminator_weights=he",
    ),
    "fast": ("regularisation.interval=1", "discriminator_optimizer.rate=0.00001"),
    "few": ("regularisation.interval=1", "network.noise=true", "network.smooth=true"),
}  # fmt: skip
"""Recipes whose networks have all kinds of layers, penalties and augmentation between them, and how they are tested.

Adam's first step turns the rounding of a gradient that is all but 0 into the whole rate. That of ``fast`` is so high
that the generator, whose turn comes next, would see another discriminator; what its gradients are is in Adam's memory.
"""


@pytest.mark.parametrize("name", SMALLER)
def test_a_step_is_the_same_bit_for_bit_with_one_thread_and_with_more(name: str) -> None:
    """With AVX-512, where oneDNN sums the gradients of weights thread by thread, it is the same up to rounding."""
    recipe = find(name.partition(" ")[0]).with_settings(["batch=16", *SMALLER[name]])
    recipe = dataclasses.replace(recipe, precision="fp32")
    ends = [after_a_step(recipe, number) for number in (1, 2)]
    differ = [key for key, tensor in ends[1].items() if not torch.equal(tensor, ends[0][key])]
    if "AVX512" in torch.backends.cpu.get_cpu_capability():
        rate = recipe.generator_optimizer.rate
        differ = [key for key in differ if not alike(ends[0][key], ends[1][key], 0 if "optimizer" in key else rate)]
    assert differ == []


def alike(one: torch.Tensor, two: torch.Tensor, rate: float) -> bool:
    """Say whether two states differ by rounding: weights also by a hundredth of the rate of the step that moved them.

    Adam's first step is the rate times a gradient's sign, and only where the gradient is all but 0 less: rounding shows
    there.
    """
    apart = (two.double() - one.double()).norm()
    return bool(apart <= 1e-4 * one.double().norm() + 0.01 * rate * one.numel() ** 0.5)


def after_a_step(recipe: Recipe, number: int) -> dict[str, torch.Tensor]:
    torch.set_num_threads(number)
    source = torch.Generator().manual_seed(0)
    state = State(recipe, Shape(32, 32, 3), CPU)
    if recipe.augmentation.policy == "ada":
        state.model.memory["probability"].fill_(0.5)
    chances = CHANCES[recipe.augmentation.policy]
    pixels = torch.randint(0, 256, (1, 16, 32, 32, 3), dtype=torch.uint8, generator=source)
    latents = torch.randn(1, 16, recipe.network.latents, generator=source)
    chance = torch.rand(2, 2, 16, chances, generator=source) if chances else None
    state.advance([StepInputs(pixels, latents, None, chance, None)])
    return state.tensors()


def test_a_run_ends_the_same_however_often_the_number_of_threads_changed(
    collection: Collection, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = dataclasses.replace(recipe, network=DCGAN(latents=8, width=32))
    ends = []
    for numbers in ([1], [1, 2, 2]):
        turns = itertools.cycle(numbers)
        monkeypatch.setattr(Threads, "adjust", lambda _, turns=turns: torch.set_num_threads(next(turns)))
        run = lienzo.train(collection, recipe, tmp_path / str(len(numbers)), device="cpu")
        ends.append(run.generator_path.read_bytes())
    assert ends[0] == ends[1]


def test_training_says_once_how_long_it_takes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = 0.0
    monkeypatch.setattr(estimate.time, "perf_counter", lambda: now)
    said = estimate.Estimate(1_000, 161_000)
    with caplog.at_level(logging.INFO, "lienzo"):
        for images in range(1_016, 3_000, 16):
            now += 0.2
            said.update(images)
    assert [record.getMessage() for record in caplog.records] == [
        "Training takes about 33 min here, at 80 pictures a second: 160,000 are to be shown."
    ]


def test_an_estimate_is_as_exact_as_it_can_be() -> None:
    assert estimate.sentence(3_100_000, 51.3).startswith("Training takes about 16 h 50 min here, at 51 ")
    assert estimate.sentence(6_400, 213.0).startswith("Training takes about 30 s here, at 213 ")
    assert estimate.sentence(288_000, 80.0).startswith("Training takes about 1 h here, at 80 ")
