"""The search for recipes: every experiment of ``benchmarks/painting.py`` can be begun, and pages count as it does."""

import importlib
import re
from types import ModuleType

import pytest
import torch
from conftest import ROOT

from lienzo.networks.shape import Shape
from lienzo.recipe.catalogue import find

SIZED = re.compile(r"^\| `(modern-gpu[\w-]*)`[^|]*\| ([\d.]+), ([\d.]+) million \| ([\d,]+) \|", re.MULTILINE)
"""A row of the page of recipes: name, millions of parameters of G and of D, millions of multiply-adds."""


@pytest.fixture
def painting(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("painting")


def test_every_experiment_is_a_recipe_with_settings(painting: ModuleType) -> None:
    for name, experiment in painting.EXPERIMENTS.items():
        recipe = painting.recipe_of(name, 3, None)
        assert recipe.seed == 3
        assert recipe.images > 0
        assert painting.side_of(name) in (64, 128, 256)
        assert not experiment.start or experiment.start in painting.EXPERIMENTS


def test_the_page_of_recipes_has_the_sizes_of_the_networks(painting: ModuleType) -> None:
    rows = SIZED.findall((ROOT / "docs" / "recipes.md").read_text(encoding="utf-8"))
    assert [row[0] for row in rows] == ["modern-gpu", "modern-gpu-128", "modern-gpu-256"]
    for name, of_generator, of_discriminator, each in rows:
        side, network = painting.SIDES.get(name.rpartition("-")[2], 64), find(name).network
        shape = Shape(side, side, 3)
        with torch.device("meta"):
            players = network.generator(shape), network.discriminator(shape)
        counts = [sum(weight.numel() for weight in player.parameters()) / 1e6 for player in players]
        assert [f"{count:.2f}" for count in counts] == [of_generator, of_discriminator]
        assert f"{painting.cost(network, shape) / 1e6:,.0f}" == each
