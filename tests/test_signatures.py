"""Settings that are declared once are what functions take."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import pytest

import lienzo
from lienzo.collection import settings as preparation
from lienzo.errors import InputError
from lienzo.evaluation import settings as evaluation
from lienzo.export import settings as export
from lienzo.generation import settings as generation

PAIRS = [
    (lienzo.prepare, preparation.Settings),
    (lienzo.evaluate, evaluation.Settings),
    (lienzo.export, export.Settings),
    (lienzo.generate, generation.Settings),
]


@pytest.mark.parametrize(("function", "settings"), PAIRS)
def test_a_function_takes_every_field_by_its_name_and_default(function: Callable[..., Any], settings: Any) -> None:
    parameters = list(inspect.signature(function).parameters.values())
    fields = dataclasses.fields(settings)
    taken = parameters[-len(fields) :]
    assert [parameter.name for parameter in taken] == [field.name for field in fields]
    assert [parameter.default for parameter in taken] == [field.default for field in fields]
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in taken)


def test_words_may_be_given_by_name_and_unknown_ones_are_refused() -> None:
    with pytest.raises(InputError, match="size '1x': give"):
        lienzo.prepare(source="a", out="b", size="1x")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'sise'"):
        lienzo.prepare("a", "b", sise=32)  # type: ignore[call-arg]


def test_what_a_collection_stores_of_its_settings_makes_the_same_settings() -> None:
    chosen = preparation.Settings(size="96x64", background="#102030", holdout=0.1, near_duplicates=4, workers=3)
    stored = chosen.to_json()
    assert (stored["height"], stored["width"]) == (96, 64)
    assert stored["background"] == [16, 32, 48]
    again = preparation.Settings.from_json(stored | {"sources": ["a"], "labels": "none"}, size=(96, 64), labels="none")
    assert again.to_json() == stored
    assert again.labels == "none"
