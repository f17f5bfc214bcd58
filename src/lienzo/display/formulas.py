"""Formulas for HTML pages: LaTeX is converted to MathML, which browsers draw without a script."""

import re
from collections.abc import Iterator

from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml

from lienzo.display import pages

THIN_SPACE = '<mspace width="0.1667em"></mspace>'


def formula(latex: str, *, block: bool = False) -> str:
    """Return a formula as MathML.

    Args:
        latex: the formula. ``&`` and a double backslash align it in lines, as in ``aligned`` of LaTeX.
        block: whether it stands in a line of its own.

    Raises:
        ValueError: the formula cannot be read; the message gives it and the reason.
    """
    try:
        written = tex2mathml(" ".join(latex.split()), as_block=block)
    except MathError as error:
        raise ValueError(f"the formula {latex.strip()} cannot be read: {error}") from None
    mathml = _spaced(re.sub(r"\s*\n\s*", "", written))
    return f'<div class="formula">{mathml}</div>' if block else mathml


def _spaced(mathml: str) -> str:
    """Insert the thin spaces that TeX puts around the name of a function, as in a log b, into MathML."""
    mathml = re.sub(r"(<mo>&ApplyFunction;</mo>)(?!<mo[^>]*>[(\[])", rf"\1{THIN_SPACE}", mathml)
    return re.sub(r"(</m(?:i|n|sub|sup|subsup|frac)>|\)</mo>)(?=<mi>\w\w+</mi><mo>&App)", rf"\1{THIN_SPACE}", mathml)


def prose(text: str) -> Iterator[str]:
    """Yield the paragraphs and the formulas of a text as pieces of HTML.

    Paragraphs are separated by empty lines. A paragraph indented by four spaces is a formula in LaTeX; in the others,
    formulas are enclosed in dollar signs.
    """
    for block in text.strip("\n").split("\n\n"):
        if block.startswith("    "):
            yield formula(block, block=True)
        else:
            words, *others = re.split(r"\$([^$]+)\$", " ".join(block.split()))
            pairs = zip(others[::2], others[1::2], strict=True)
            yield f"<p>{pages.escape(words)}{''.join(formula(f) + pages.escape(after) for f, after in pairs)}</p>"
