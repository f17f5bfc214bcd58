"""Exploring: what a trained generator has learnt, walked, steered, inverted and measured.

Each verb is a function: `lienzo.explore.walk`, `arithmetic`, `directions`, `dissect`, `invert`, `neighbours`. They
return arrays and numbers; :mod:`lienzo.explore.showing` makes pages of them. Names are loaded on first use.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lienzo.explore.calculation import arithmetic as arithmetic
    from lienzo.explore.dissecting import dissect as dissect
    from lienzo.explore.inversion import invert as invert
    from lienzo.explore.proximity import neighbours as neighbours
    from lienzo.explore.steering import directions as directions
    from lienzo.explore.walking import walk as walk

CONTENTS = {
    "arithmetic": "lienzo.explore.calculation",
    "directions": "lienzo.explore.steering",
    "dissect": "lienzo.explore.dissecting",
    "invert": "lienzo.explore.inversion",
    "neighbours": "lienzo.explore.proximity",
    "walk": "lienzo.explore.walking",
}
"""Every verb and the module that defines it."""

__all__ = [*CONTENTS]  # noqa: PLE0604  the table is the one place where a name is listed


def __getattr__(name: str) -> object:
    if name not in CONTENTS:
        raise AttributeError(f"module 'lienzo.explore' has no attribute '{name}'")
    return getattr(importlib.import_module(CONTENTS[name]), name)


def __dir__() -> list[str]:
    return sorted(CONTENTS)
