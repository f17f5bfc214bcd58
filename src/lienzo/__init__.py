"""lienzo trains generative adversarial networks on pictures, above all paintings.

This module is the table of contents: each public name and the module it lives in. Names are loaded on first use, so
that ``import lienzo`` is quick and PyTorch is loaded by those who train.
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING

from lienzo.version import __version__ as __version__

if TYPE_CHECKING:
    from lienzo import explore as explore
    from lienzo.collection.collection import Collection as Collection
    from lienzo.collection.preparation import prepare as prepare
    from lienzo.demo.demo import demo as demo
    from lienzo.errors import InputError as InputError
    from lienzo.evaluation.evaluation import evaluate as evaluate
    from lienzo.evaluation.probing import probe as probe
    from lienzo.evaluation.scores import Scores as Scores
    from lienzo.export.export import export as export
    from lienzo.generation.generation import Generator as Generator
    from lienzo.generation.generation import load as load
    from lienzo.generation.pictures import generate as generate
    from lienzo.growth.growth import grow as grow
    from lienzo.inspection.inspection import info as info
    from lienzo.recipe.catalogue import recipes as recipes
    from lienzo.recipe.recipe import Recipe as Recipe
    from lienzo.report.report import report as report
    from lienzo.run.run import Run as Run
    from lienzo.studio.studio import studio as studio
    from lienzo.theory.laboratory import theory as theory
    from lienzo.thesis.thesis import thesis as thesis
    from lienzo.training.loop import steps as steps
    from lienzo.training.loop import train as train
    from lienzo.tuning.tuning import tune as tune

CONTENTS = {
    "Collection": "lienzo.collection.collection",
    "Generator": "lienzo.generation.generation",
    "InputError": "lienzo.errors",
    "Recipe": "lienzo.recipe.recipe",
    "Run": "lienzo.run.run",
    "Scores": "lienzo.evaluation.scores",
    "demo": "lienzo.demo.demo",
    "evaluate": "lienzo.evaluation.evaluation",
    "export": "lienzo.export.export",
    "generate": "lienzo.generation.pictures",
    "grow": "lienzo.growth.growth",
    "info": "lienzo.inspection.inspection",
    "load": "lienzo.generation.generation",
    "prepare": "lienzo.collection.preparation",
    "probe": "lienzo.evaluation.probing",
    "recipes": "lienzo.recipe.catalogue",
    "report": "lienzo.report.report",
    "steps": "lienzo.training.loop",
    "studio": "lienzo.studio.studio",
    "theory": "lienzo.theory.laboratory",
    "thesis": "lienzo.thesis.thesis",
    "train": "lienzo.training.loop",
    "tune": "lienzo.tuning.tuning",
}
"""Every public name and the module that defines it."""

__all__ = [*CONTENTS]  # noqa: PLE0604  the table is the one place where a public name is listed


class _Contents(ModuleType):
    """The module ``lienzo``, in which a room does not hide the verb of its name: ``lienzo.demo`` is the function."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in CONTENTS and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Contents


def __getattr__(name: str) -> object:
    if name == "explore":  # a room whose verbs are called by its name: lienzo.explore.walk
        return importlib.import_module("lienzo.explore")
    if name not in CONTENTS:
        raise AttributeError(f"module 'lienzo' has no attribute '{name}'")
    return getattr(importlib.import_module(CONTENTS[name]), name)


def __dir__() -> list[str]:
    return sorted([*CONTENTS, "__version__", "explore"])
