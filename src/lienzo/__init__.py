"""lienzo trains generative adversarial networks on pictures, above all paintings.

This module is the table of contents: each public name and the module it lives in. Names are loaded on first use, so
that ``import lienzo`` is quick and PyTorch is loaded by those who train.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lienzo.data.collection import Collection as Collection
    from lienzo.errors import InputError as InputError
    from lienzo.evaluation import evaluate as evaluate
    from lienzo.evaluation.probing import probe as probe
    from lienzo.evaluation.scores import Scores as Scores
    from lienzo.generation import Generator as Generator
    from lienzo.generation import load as load
    from lienzo.growth import grow as grow
    from lienzo.laboratory import theory as theory
    from lienzo.preparation import prepare as prepare
    from lienzo.recipe import Recipe as Recipe
    from lienzo.run import Run as Run
    from lienzo.training import steps as steps
    from lienzo.training import train as train
    from lienzo.tuning import tune as tune

__version__ = "0.1.0"

CONTENTS = {
    "Collection": "lienzo.data.collection",
    "Generator": "lienzo.generation",
    "InputError": "lienzo.errors",
    "Recipe": "lienzo.recipe",
    "Run": "lienzo.run",
    "Scores": "lienzo.evaluation.scores",
    "evaluate": "lienzo.evaluation",
    "grow": "lienzo.growth",
    "load": "lienzo.generation",
    "prepare": "lienzo.preparation",
    "probe": "lienzo.evaluation.probing",
    "steps": "lienzo.training",
    "theory": "lienzo.laboratory",
    "train": "lienzo.training",
    "tune": "lienzo.tuning",
}
"""Every public name and the module that defines it."""

__all__ = [*CONTENTS]  # noqa: PLE0604  the table is the one place where a public name is listed


def __getattr__(name: str) -> object:
    if name not in CONTENTS:
        raise AttributeError(f"module 'lienzo' has no attribute '{name}'")
    return getattr(importlib.import_module(CONTENTS[name]), name)


def __dir__() -> list[str]:
    return sorted([*CONTENTS, "__version__"])
