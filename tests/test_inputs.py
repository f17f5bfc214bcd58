"""The input pipeline: inputs of a step are a function of its position, however many are prepared at a time."""

import itertools
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import Paint

import lienzo
from lienzo.collection.collection import Collection
from lienzo.compute import devices
from lienzo.recipe.catalogue import RECIPES
from lienzo.recipe.recipe import Recipe
from lienzo.training.batches import Batches
from lienzo.training.game import StepInputs
from lienzo.training.inputs import Chunk, InputPipeline


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory, paint: Paint) -> Collection:
    path: Path = tmp_path_factory.mktemp("inputs")
    for folder in ("a", "b"):
        paint(path / "pictures" / folder, 12, 16, 20)
    return lienzo.prepare(path / "pictures", path / "collection", size=16, workers=1)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_inputs_do_not_depend_on_how_many_are_prepared_at_a_time(
    recipe: Callable[[], Recipe], collection: Collection
) -> None:
    """For a GPU many steps make a chunk, for a CPU one; a run that goes on begins within a chunk."""
    chosen = recipe().with_settings(["batch=4", "images=1000"])
    one_by_one = step_inputs(chosen, collection, chunk=1, position=0, steps=7)
    assert same(step_inputs(chosen, collection, chunk=3, position=0, steps=7), one_by_one)
    shown = chosen.batch * chosen.discriminator_steps
    assert same(step_inputs(chosen, collection, chunk=3, position=2 * shown, steps=5), one_by_one[2:])


def test_one_thread_prepares_the_same(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = RECIPES["thesis"]().with_settings(["batch=4", "images=1000"])
    threads = []
    prepare = InputPipeline._prepare

    def observed(self: InputPipeline, position: int) -> Chunk:
        threads.append(threading.current_thread())
        return prepare(self, position)

    monkeypatch.setattr(InputPipeline, "_prepare", observed)
    beside = step_inputs(recipe, collection, chunk=3, position=0, steps=7)
    assert set(threads) > {threading.main_thread()}
    threads.clear()
    alone = step_inputs(recipe, collection, chunk=3, position=0, steps=7, ahead=False)
    assert set(threads) == {threading.main_thread()}
    assert len(threads) == 3
    assert same(alone, beside)


def step_inputs(
    recipe: Recipe, collection: Collection, *, chunk: int, position: int, steps: int, ahead: bool = True
) -> list[StepInputs]:
    batches = Batches(collection, recipe.seed, torch.device("cpu"), recipe.labels, recipe.balanced)
    pipeline = InputPipeline(recipe, batches)
    pipeline.chunk, pipeline.ahead = chunk, ahead
    with pipeline.stream(position) as endless:
        return list(itertools.islice(endless, steps))


def same(some: list[StepInputs], others: list[StepInputs]) -> bool:
    return all(
        value is other or torch.equal(value, other)
        for one, two in zip(some, others, strict=True)
        for value, other in zip(vars(one).values(), vars(two).values(), strict=True)
    )


def test_pictures_are_freed_with_their_stream(collection: Collection) -> None:
    """Without a collection of garbage: gigabytes on the device must not wait for one."""
    batches = Batches(collection, 0, torch.device("cpu"))
    assert len(batches.rows(20, 10)) == 10
    gone = weakref.ref(batches)
    del batches
    assert gone() is None


def test_pictures_take_no_more_memory_than_there_is(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a small GPU a quarter; on a CPU the processes of a machine share four GiB."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (2 << 30, 6 << 30))
    assert devices.resident_bytes(torch.device("cuda")) == 512 << 20
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (100 << 30, 141 << 30))
    assert devices.resident_bytes(torch.device("cuda")) == 4 << 30
    assert devices.resident_bytes(torch.device("cpu")) == 4 << 30
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "8")
    assert devices.resident_bytes(torch.device("cpu")) == 512 << 20
    size = collection.count * 16 * 16 * 3
    monkeypatch.setattr(devices, "RESIDENT_BYTES", 8 * size)
    assert Batches(collection, 0, torch.device("cpu")).resident is not None
    monkeypatch.setattr(devices, "RESIDENT_BYTES", 8 * size - 8)
    from_disk = Batches(collection, 0, torch.device("cpu"))
    assert from_disk.resident is None
    rows = from_disk.rows(0, 5)
    assert torch.equal(from_disk.take(rows), torch.from_numpy(collection.take(from_disk.members[rows])))
