"""Chapters as HTML: Markdown with formulas, citations, boxes, and lines that stand for figures and results.

Beside CommonMark and tables, a text may hold:

``$…$`` and ``$$…$$``
    a formula in LaTeX; ``$$…$$ (3.1)`` has a number
``[@key]``
    a citation of the bibliography
``[text](game.html)``
    a link to another chapter
``::: theorem NAME``, ``::: proof``, ``::: beside``
    a box (the keys of ``BOXES``) up to the next ``:::``; what is within ``beside`` stands side by side

and, each as a paragraph of its own:

``{figure NAME} caption``
    a figure or table of ``FIGURES``
``{drawing NAME NUMBER} caption``
    a drawing of a kept result
``{experiment NAME}``
    the claims of an experiment of ``lienzo theory``: how many hold, and all numbers to fold out
``{kept NAME}``
    the tables of a kept result, with the command, the processor and the seeds
``{source MODULE:OBJECT}``
    lines of lienzo's own code
"""

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.anchors import anchors_plugin
from mdit_py_plugins.container import container_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

from lienzo.display import formulas, pages
from lienzo.errors import InputError, unknown
from lienzo.report.resources import duration
from lienzo.theory import laboratory
from lienzo.theory.finding import Drawing, Table
from lienzo.thesis import kept
from lienzo.thesis.bibliography import BIBLIOGRAPHY
from lienzo.thesis.catalogue import CHAPTERS, FIGURES
from lienzo.thesis.edition import Edition, Language
from lienzo.thesis.kept import Kept
from lienzo.thesis.wording import numerals, say, translated

TEXTS = Path(__file__).parent / "chapters"
"""The texts of the chapters, in a folder for each language."""

BOXES = ("definition", "theorem", "lemma", "proof", "remark", "algorithm", "beside")
"""Kinds of boxes; the words behind the kind are the box's title."""

PLACEHOLDER = re.compile(r"\{(figure|drawing|experiment|kept|source) ([^}]*)\}\s*(.*)", re.DOTALL)
"""A paragraph that stands for something else: its kind, its words, and a caption."""

CITATION = re.compile(r"\[@([\w-]+)\]")


@dataclass(frozen=True)
class Placeholder:
    """A line of a text that stands for a figure, a result or lines of code."""

    kind: str
    words: tuple[str, ...]
    caption: str
    """Markdown within a line, or nothing."""


@dataclass(frozen=True)
class Rendering:
    """What a chapter is rendered with."""

    edition: Edition
    results: Path = kept.FOLDER
    """Folder of the kept results."""
    renewed: Collection[str] = ()
    """Names of the results that were computed for these pages."""
    linked: Collection[str] = field(default_factory=lambda: tuple(CHAPTERS))
    """Chapters that links lead to; a link to any other becomes its text alone."""

    def html(self, name: str) -> str:
        """Return the text of a chapter as a piece of HTML.

        Raises:
            InputError: the text has a citation, a formula or a placeholder that means nothing.
        """
        parser = markdown()
        tokens = parser.parse(text(name, self.edition.language))
        self._link(tokens)
        written, start = [], 0
        for position in range(len(tokens)):
            if (found := placeholder(tokens, position)) is not None:
                written += [_rendered(parser, tokens[start:position]), self._placed(found, parser)]
                start = position + 3
        return "".join([*written, _rendered(parser, tokens[start:])])

    def _link(self, tokens: Sequence[Token]) -> None:
        """Take the links out that lead to chapters which are not there."""
        for token in tokens:
            dead = False
            for child in token.children or []:
                if child.type == "link_open":
                    chapter = str(child.attrGet("href")).partition(".html")[0]
                    dead = chapter in CHAPTERS and chapter not in self.linked
                if dead and child.type in ("link_open", "link_close"):
                    dead = child.type == "link_open"
                    child.type, child.content, child.tag = "text", "", ""

    def _placed(self, found: Placeholder, parser: MarkdownIt) -> str:
        """Return what a placeholder stands for."""
        caption = parser.renderInline(found.caption)
        language = self.edition.language
        match found.kind, found.words:
            case "figure", (name,):
                if name not in FIGURES:
                    raise InputError(unknown("figure", name, FIGURES))
                return _shown(FIGURES[name](self.edition), caption, language)
            case "drawing", (name, number) if number.isdigit():
                return _shown(kept.drawing(name, int(number), self.results), caption, language)
            case "experiment", (name,):
                return self._experiment(name)
            case "kept", (name,):
                result = kept.read(name, self.results)
                tables = [_table(each.title, each.headers, each.rows, language) for each in result.tables]
                return "\n".join([*tables, self._origin(name, result)])
            case "source", (shown,):
                return source(shown, language)
        raise InputError(f"the words of {{{found.kind} {' '.join(found.words)}}} are not what such a line has.")

    def _experiment(self, name: str) -> str:
        """Return the claims of an experiment, folded in, and what they were computed by."""
        result, language = kept.read(name, self.results), self.edition.language
        held = sum(claim.holds for claim in result.claims)
        table = pages.table(
            [say(key, language) for key in ("theorem", "predicted", "measured", "error", "tolerance", "holds")],
            [
                (
                    translated(claim.statement, language),
                    ("" if claim.relation == "=" else f"{claim.relation} ")
                    + numerals(laboratory.spelt(float(claim.predicted)), language),
                    numerals(laboratory.spelt(float(claim.measured)), language),
                    numerals(laboratory.small(float(claim.error)), language),
                    numerals(laboratory.small(float(claim.tolerance)), language),
                    say("yes" if claim.holds else "no", language),
                )
                for claim in result.claims
            ],
        )
        heading = pages.escape(say("claims", language, held=held, count=len(result.claims)))
        opened = "" if held == len(result.claims) else " open"
        return f"<details{opened}><summary>{heading}</summary>{table}</details>{self._origin(name, result)}"

    def _origin(self, name: str, result: Kept) -> str:
        """Return the line that says when, where and by which command a result was computed."""
        language = self.edition.language
        seeds = say("seed" if len(result.seeds) == 1 else "seeds", language)
        line = say(
            "made" if name in self.renewed else "kept",
            language,
            date=result.date,
            processor=result.processor,
            time=duration(result.seconds),
            seeds=f"{seeds} {', '.join(map(str, result.seeds))}",
            command="\0",
        )
        before, after = map(pages.escape, line.split("\0"))
        return f'<p class="origin">{before}<code>{pages.escape(result.command)}</code>{after}</p>'


def text(name: str, language: Language) -> str:
    """Return the text of a chapter, as Markdown."""
    return (TEXTS / language / f"{CHAPTERS[name].number}-{name}.md").read_text(encoding="utf-8")


def markdown() -> MarkdownIt:
    """Return the parser of the chapters' texts."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    dollarmath_plugin(parser, allow_digits=False)
    anchors_plugin(parser, min_level=2, max_level=3)
    for kind in BOXES:
        container_plugin(parser, kind)
        parser.add_render_rule(f"container_{kind}_open", _opened)
        parser.add_render_rule(f"container_{kind}_close", _closed)
    for rule in ("math_inline", "math_block", "math_block_label"):
        parser.add_render_rule(rule, _formula)
    parser.inline.ruler.before("link", "citation", _citation)
    parser.add_render_rule("table_open", lambda *_: '<div class="scroll"><table>\n')
    parser.add_render_rule("table_close", lambda *_: "</table></div>\n")
    parser.add_render_rule("citation", _cited)
    return parser


def placeholder(tokens: Sequence[Token], position: int) -> Placeholder | None:
    """Return the placeholder that begins at a position among a text's tokens, or none; it takes three of them."""
    if tokens[position].type != "paragraph_open":
        return None
    found = PLACEHOLDER.fullmatch(tokens[position + 1].content)
    if found:
        return Placeholder(found[1], tuple(found[2].split()), found[3])
    if tokens[position + 1].content.startswith("{"):
        raise InputError(
            f"{tokens[position + 1].content.split('}')[0]}}} is no placeholder: see lienzo.thesis.rendering."
        )
    return None


def placeholders(name: str, language: Language) -> list[Placeholder]:
    """Return all placeholders of a chapter, in their order."""
    tokens = markdown().parse(text(name, language))
    found = (placeholder(tokens, position) for position in range(len(tokens)))
    return [each for each in found if each is not None]


def source(path: str, language: Language) -> str:
    """Return the lines of an object of lienzo as a piece of HTML, those of a function without its docstring.

    Args:
        path: module and object, such as ``lienzo.recipe.objectives:Minimax.generator``.
        language: of the words above the lines.

    Raises:
        InputError: there is no such object.
    """
    module, _, names = path.partition(":")
    try:
        found = importlib.import_module(module)
        for name in names.split("."):
            found = getattr(found, name)
        lines, first = inspect.getsourcelines(found)
    except (ImportError, AttributeError) as error:
        raise InputError(f"there is no {path} to show the lines of: {error}.") from None
    place = f"{module.replace('.', '/')}.py, {say('lines', language)} {first}–{first + len(lines) - 1}"
    code = pages.code(_without_docstring(textwrap.dedent("".join(lines))).rstrip())
    return f'<figure class="source"><figcaption>{place}</figcaption>{code}</figure>'


def _rendered(parser: MarkdownIt, tokens: Sequence[Token]) -> str:
    written: str = parser.renderer.render(tokens, parser.options, {})
    return written


def _without_docstring(lines: str) -> str:
    """Return a function without its docstring; a class stays as it is."""
    (node,) = ast.parse(lines).body
    if not isinstance(node, ast.FunctionDef) or ast.get_docstring(node) is None:
        return lines
    said, kept_lines = node.body[0], lines.splitlines(keepends=True)
    assert said.end_lineno is not None
    return "".join(kept_lines[: said.lineno - 1] + kept_lines[said.end_lineno :])


def _shown(shown: Drawing | Table, caption: str, language: Language) -> str:
    """Return a figure or a table, with a caption that is HTML."""
    if isinstance(shown, Table):
        return _table(shown.title, shown.headers, shown.rows, language)
    figure = (
        pages.svg(shown.content, alt=shown.caption)
        if isinstance(shown.content, str)
        else pages.picture(shown.content, shown.caption)
    )
    return figure.replace("</figure>", f"<figcaption>{caption}</figcaption></figure>") if caption else figure


def _table(title: str, headers: Sequence[str], rows: Sequence[Sequence[str | float]], language: Language) -> str:
    cells = [
        [
            numerals(translated(cell, language) if isinstance(cell, str) else laboratory.spelt(cell), language)
            for cell in row
        ]
        for row in rows
    ]
    table = pages.table([translated(header, language) for header in headers], cells)
    return f"<h4>{pages.escape(translated(title, language))}</h4>{table}"


def _formula(_self: object, tokens: Sequence[Token], position: int, *_: object) -> str:
    """Return a formula as MathML; a numbered one has its number at the right."""
    token = tokens[position]
    written = formulas.formula(token.content, block=token.type != "math_inline")
    if token.type == "math_block_label":
        number = pages.escape(token.info)
        return f'<div class="numbered" id="equation-{number}">{written}<span>({number})</span></div>\n'
    return written


def _opened(_self: object, tokens: Sequence[Token], position: int, *_others: object) -> str:
    kind, _, title = tokens[position].info.strip().partition(" ")
    name = f'<p class="name">{pages.escape(title)}</p>' if title else ""
    return f'<div class="{kind}">{name}\n'


def _closed(*_: object) -> str:
    return "</div>\n"


def _citation(state: StateInline, silent: bool) -> bool:
    """Read ``[@key]``, a citation."""
    found = CITATION.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        state.push("citation", "", 0).content = found[1]
    state.pos = found.end()
    return True


def _cited(_self: object, tokens: Sequence[Token], position: int, *_: object) -> str:
    key = tokens[position].content
    if key not in BIBLIOGRAPHY:
        raise InputError(unknown("work of the bibliography", key, BIBLIOGRAPHY))
    return f'<a class="citation" href="bibliography.html#{key}">[{pages.escape(BIBLIOGRAPHY[key].short)}]</a>'
