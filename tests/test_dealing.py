"""Dealing: what a step takes is a function of its position, however many rounds are dealt at a time."""

import itertools
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import Paint

import lienzo
from lienzo.collection.collection import Collection
from lienzo.recipe.catalogue import RECIPES
from lienzo.recipe.recipe import Recipe
from lienzo.training.batches import Batches
from lienzo.training.game import Round
from lienzo.training.inputs import Dealer, Hand


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory, paint: Paint) -> Collection:
    path: Path = tmp_path_factory.mktemp("dealing")
    for folder in ("a", "b"):
        paint(path / "pictures" / folder, 12, 16, 20)
    return lienzo.prepare(path / "pictures", path / "collection", size=16, workers=1)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_rounds_do_not_depend_on_how_many_are_dealt_at_a_time(
    recipe: Callable[[], Recipe], collection: Collection
) -> None:
    """A GPU is dealt a hand of many rounds, a CPU one after the other; a run that goes on begins within a hand."""
    chosen = recipe().with_settings(["batch=4", "images=1000"])
    one_by_one = dealt(chosen, collection, hand=1, position=0, rounds=7)
    assert same(dealt(chosen, collection, hand=3, position=0, rounds=7), one_by_one)
    shown = chosen.batch * chosen.discriminator_steps
    assert same(dealt(chosen, collection, hand=3, position=2 * shown, rounds=5), one_by_one[2:])


def test_a_device_that_bears_one_thread_is_dealt_the_same_by_it(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = RECIPES["thesis"]().with_settings(["batch=4", "images=1000"])
    dealers = []
    deal = Dealer._deal

    def dealing(self: Dealer, position: int) -> Hand:
        dealers.append(threading.current_thread())
        return deal(self, position)

    monkeypatch.setattr(Dealer, "_deal", dealing)
    beside = dealt(recipe, collection, hand=3, position=0, rounds=7)
    assert set(dealers) > {threading.main_thread()}
    dealers.clear()
    alone = dealt(recipe, collection, hand=3, position=0, rounds=7, ahead=False)
    assert set(dealers) == {threading.main_thread()}
    assert len(dealers) == 3
    assert same(alone, beside)


def dealt(
    recipe: Recipe, collection: Collection, *, hand: int, position: int, rounds: int, ahead: bool = True
) -> list[Round]:
    batches = Batches(collection, recipe.seed, torch.device("cpu"), recipe.labels, recipe.balanced)
    dealer = Dealer(recipe, batches)
    dealer.hand, dealer.ahead = hand, ahead
    with dealer.rounds(position) as endless:
        return list(itertools.islice(endless, rounds))


def same(some: list[Round], others: list[Round]) -> bool:
    return all(
        value is other or torch.equal(value, other)
        for one, two in zip(some, others, strict=True)
        for value, other in zip(vars(one).values(), vars(two).values(), strict=True)
    )
