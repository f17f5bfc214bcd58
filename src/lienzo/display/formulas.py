"""Formulas on pages: LaTeX becomes MathML, which browsers draw by themselves, without a script."""

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
        ValueError: names the formula that cannot be read, and why.
    """
    try:
        written = tex2mathml(" ".join(latex.split()), as_block=block)
    except MathError as error:
        raise ValueError(f"the formula {latex.strip()} cannot be read: {error}") from None
    mathml = _spaced(re.sub(r"\s*\n\s*", "", written))
    return f'<div class="formula">{mathml}</div>' if block else mathml


def _spaced(mathml: str) -> str:
    """Return MathML with the thin spaces that TeX puts around the name of a function, as in a log b."""
    mathml = re.sub(r"(<mo>&ApplyFunction;</mo>)(?!<mo[^>]*>[(\[])", rf"\1{THIN_SPACE}", mathml)
    return re.sub(r"(</m(?:i|n|sub|sup|subsup|frac)>|\)</mo>)(?=<mi>\w\w+</mi><mo>&App)", rf"\1{THIN_SPACE}", mathml)


def prose(text: str) -> Iterator[str]:
    """Yield the paragraphs and the formulas of a text as pieces of a page.

    Empty lines part the paragraphs. A paragraph that is indented by four spaces is a formula in LaTeX; within the
    others, formulas stand between dollar signs.
    """
    for block in text.strip("\n").split("\n\n"):
        if block.startswith("    "):
            yield formula(block, block=True)
        else:
            words, *others = re.split(r"\$([^$]+)\$", " ".join(block.split()))
            pairs = zip(others[::2], others[1::2], strict=True)
            yield f"<p>{pages.escape(words)}{''.join(formula(f) + pages.escape(after) for f, after in pairs)}</p>"
