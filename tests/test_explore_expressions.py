"""Arithmetic with latents as it is written: what it means, and what means nothing."""

import re

import numpy as np
import pytest

from lienzo.errors import InputError
from lienzo.explore.expressions import Point, parse, terms, value


class Numbers:
    """Seeds stand for themselves in one dimension, labels for their length."""

    def seed(self, seed: int) -> Point:
        return Point(np.array([float(seed)]), np.zeros(1))

    def label(self, text: str) -> Point:
        return Point(np.zeros(1), np.array([float(len(text))]))

    def file(self, path: str, number: int) -> Point:
        return Point(np.array([100.0 + number]), np.zeros(1))


@pytest.mark.parametrize(
    ("text", "z", "y"),
    [
        ("7", 7, 0),
        ("mean(1,7,9) - mean(2,4,8) + mean(3,5,6)", 17 / 3, 0),
        ("1 + 2 - -3", 6, 0),
        ("2 * mean(1, 3)", 4, 0),
        ("0.5 * (3 + 5) / 2", 2, 0),
        ("3 + label('red')", 3, 3),
        ("file('kept.safetensors', 2) - file('kept.safetensors')", 2, 0),
        ("mean(1 + 2, mean(3, 5))", 3.5, 0),
        ("-0.5 * 7 + 1/2 * 8", 0.5, 0),
        ("2 * 0.5 * 7 / -2", -3.5, 0),
    ],
)
def test_an_expression_comes_to(text: str, z: float, y: float) -> None:
    point = value(parse(text), Numbers())
    assert point.z[0] == pytest.approx(z)
    assert point.y[0] == y


def test_terms_are_the_parts_of_the_outermost_sum() -> None:
    found = list(terms(parse("mean(1,7) - (mean(2,4) - 3)"), Numbers()))
    assert [term.text for term in found] == ["mean(1, 7)", "mean(2, 4)", "3"]
    assert [term.sign for term in found] == [1, -1, 1]
    assert [len(term.parts) for term in found] == [2, 2, 1]
    total = sum(term.sign * term.point.z[0] for term in found)
    assert total == value(parse("mean(1,7) - (mean(2,4) - 3)"), Numbers()).z[0]


NONSENSE = """1 + | 1 ** 2 | mean() | open('x') | __import__('os') | 1.5 | True | x | label(3) | file(1) | 3 * 4 * x
mean(1, key=2) | [1] | 1 / 0 | mean.__class__ | lambda: 1 | 'cubism'"""


@pytest.mark.parametrize(
    "text", ["", " + ".join("1" * 1_200), "(" * 500, "1" * 20_000, *re.split(r" \| |\n", NONSENSE)]
)
def test_anything_else_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(InputError):
        value(parse(text), Numbers())


@pytest.mark.parametrize("number", ["1" + "0" * 400, "9" * 5_000, "0x" + "f" * 8_000, "1e999", str(2**63)])
@pytest.mark.parametrize("text", ["{} * 7", "7 / {}", "{}", "file('kept.safetensors', {})"])
def test_a_number_that_is_too_large_is_refused(text: str, number: str) -> None:
    with pytest.raises(InputError, match=r"^the numbers of an expression are 9223372036854775807 at most"):
        value(parse(text.format(number)), Numbers())
