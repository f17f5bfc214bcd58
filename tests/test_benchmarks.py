"""The search for recipes: every experiment of ``benchmarks/painting.py`` can be begun."""

import importlib
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def test_every_experiment_is_a_recipe_with_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    painting = importlib.import_module("painting")
    for name, experiment in painting.EXPERIMENTS.items():
        recipe = painting.recipe_of(name, 3, None)
        assert recipe.seed == 3
        assert recipe.images > 0
        assert painting.side_of(name) in (64, 128, 256)
        assert not experiment.start or experiment.start in painting.EXPERIMENTS
