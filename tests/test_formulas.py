"""Formulas on pages: LaTeX becomes MathML that is well formed, and what cannot be read is said."""

import sys
from xml.etree import ElementTree

import pytest

from lienzo.display import formulas
from lienzo.theory.catalogue import EXPERIMENTS


def parsed(mathml: str) -> ElementTree.Element:
    return ElementTree.fromstring(mathml.replace("&ApplyFunction;", "\u2061"))


def tags(mathml: str) -> list[str]:
    return [element.tag.rpartition("}")[2] for element in parsed(mathml).iter()]


def test_a_fraction_with_an_index() -> None:
    assert tags(formulas.formula(r"\frac{p_d}{σ^2}")) == ["math", "mfrac", "msub", "mi", "mi", "msup", "mi", "mn"]


def test_lines_are_aligned() -> None:
    written = formulas.formula("a &= b \\\\\n    c &= d", block=True)
    assert written.startswith('<div class="formula"><math')
    assert tags(written).count("mtr") == 2
    assert tags(written).count("mtd") == 4


@pytest.mark.parametrize("latex", [r"a \log b", r"2 \log p_d", r"p(x) \log \frac{a}{b}", r"\frac{1}{2} \log b"])
def test_the_name_of_a_function_stands_apart(latex: str) -> None:
    """TeX puts a thin space before it and, where no bracket opens, after it."""
    assert tags(formulas.formula(latex)).count("mspace") == 2


def test_the_bracket_of_a_function_stands_close() -> None:
    assert "mspace" not in tags(formulas.formula(r"\log(x)"))


@pytest.mark.parametrize("latex", [r"\frac{a}", r"\unheard", "½"])
def test_what_cannot_be_read_is_named(latex: str) -> None:
    with pytest.raises(ValueError, match="cannot be read") as raised:
        formulas.formula(latex)
    assert latex in str(raised.value)


def test_prose_holds_formulas_and_escapes_words() -> None:
    paragraph, formula, last = formulas.prose("If $a$ < $b$\nthen\n\n    a + b\n\nand <so> on.")
    assert paragraph.count("<math") == 2
    assert "</math> &lt; <math" in paragraph
    assert formula.startswith('<div class="formula">')
    assert last == "<p>and &lt;so&gt; on.</p>"


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_mathematics_of_every_experiment_can_be_read(name: str) -> None:
    text = str(sys.modules[EXPERIMENTS[name].__module__].__doc__)
    pieces = list(formulas.prose(text))
    assert any("<math" in piece for piece in pieces)
    for piece in pieces:
        parsed(piece)
        assert "$" not in piece
        assert "\\" not in piece
