"""The pages of the thesis: each chapter with links to its neighbours, and what frames them: contents, bibliography."""

import re

from lienzo.display import pages
from lienzo.report.resources import duration
from lienzo.thesis import checking
from lienzo.thesis.bibliography import BIBLIOGRAPHY
from lienzo.thesis.catalogue import CHAPTERS
from lienzo.thesis.edition import Language
from lienzo.thesis.rendering import Rendering
from lienzo.thesis.reproductions import REPRODUCTIONS
from lienzo.thesis.wording import numerals, say
from lienzo.version import __version__

STYLE = """
nav.way { display: flex; flex-wrap: wrap; gap: .3rem 1.5rem; margin: 0 0 2rem; font-size: .92rem; }
nav.way.end { margin: 4rem 0 0; padding-top: 1rem; border-top: 1px solid var(--line); }
nav.here { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; margin: 1.5rem 0; font-size: .92rem; color: var(--soft); }
a { color: var(--link); text-decoration-thickness: .06em; text-underline-offset: .15em; }
:root { --link: #0a58a8; --edge: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --link: #86bdf0; --edge: #56b4e9; } }
p, li { text-wrap: pretty; hyphens: auto; }
p.name { font-weight: 600; margin: 0 0 .3rem; }
.definition, .theorem, .lemma, .algorithm, .remark { max-width: 46rem; margin: 1.5rem 0; padding: .8rem 1.1rem;
  background: var(--shade); border-left: 3px solid var(--edge); border-radius: 0 6px 6px 0; }
.remark { border-left-color: var(--line); }
.definition > :last-child, .theorem > :last-child, .lemma > :last-child, .algorithm > :last-child,
.remark > :last-child { margin-bottom: 0; }
.proof { max-width: 46rem; margin: 1rem 0 2rem; padding-left: 1.1rem; border-left: 1px solid var(--line); }
.proof > p.name { font-style: italic; font-weight: 400; display: inline; margin-right: .4em; }
.proof > p.name + p { display: inline; }
.proof::after { content: "∎"; display: block; text-align: right; margin-top: -1rem; color: var(--soft); }
.beside { display: grid; grid-template-columns: minmax(0, 5fr) minmax(0, 6fr); gap: 1.5rem; align-items: start; }
.beside > * { margin-top: 0; }
.numbered { display: flex; align-items: center; max-width: 46rem; }
.numbered .formula { flex: 1; min-width: 0; }
.numbered > span { color: var(--soft); padding-left: .6rem; }
figure.source figcaption { margin: 0 0 .3rem; font: .8rem ui-monospace, monospace; overflow-wrap: anywhere; }
figure.source pre { margin: 0; font-size: .78rem; white-space: pre-wrap; overflow-wrap: anywhere; }
a.citation { text-decoration: none; white-space: nowrap; }
details { margin: 1rem 0 .3rem; }
summary { cursor: pointer; color: var(--link); }
p.origin { font-size: .85rem; color: var(--soft); max-width: 60rem; }
h4 { font-size: .95rem; margin: 1.5rem 0 .3rem; }
h4 + .scroll > table { margin-top: 0; }
.contents { list-style: none; padding: 0; }
.contents li { display: flex; gap: 1rem; padding: .25rem 0; font-size: 1.05rem; }
.contents span { min-width: 3rem; color: var(--soft); font-variant-numeric: tabular-nums; }
dl.works dt { font-weight: 600; margin-top: 1.2rem; }
dl.works dd { margin: 0; max-width: 44rem; overflow-wrap: anywhere; }
@media (max-width: 46rem) {
  .beside { grid-template-columns: minmax(0, 1fr); }
  .definition, .theorem, .lemma, .algorithm, .remark { padding: .7rem .8rem; }
  .formula { padding-left: 0; padding-right: 0; }
  p, li { overflow-x: auto; overflow-y: hidden; }
}
"""
"""What the pages have beside the style of all pages of lienzo."""

HEADING = re.compile(r'<h2 id="([^"]+)">(.*?)</h2>')


def file(name: str) -> str:
    """Return the name of the file of a page."""
    return f"{name}.html"


def chapter(name: str, rendering: Rendering) -> str:
    """Return the page of a chapter."""
    language, described = rendering.edition.language, CHAPTERS[name]
    body = rendering.html(name)
    sections = "".join(f'<a href="#{anchor}">{title}</a>' for anchor, title in HEADING.findall(body))
    here = f'<nav class="here"><span>{say("on this page", language)}:</span>{sections}</nav>' if sections else ""
    return pages.page(
        f"{described.number} {described.titles[language]}",
        here,
        body,
        _way(name, rendering, "way end"),
        before=_way(name, rendering, "way"),
        language=language,
        style=STYLE,
    )


def frame(rendering: Rendering) -> dict[str, str]:
    """Return the pages that stand around the chapters, by their names: contents, bibliography, reproductions."""
    language = rendering.edition.language
    return {
        "index": _contents(rendering),
        "bibliography": _bibliography(language),
        "reproductions": _reproductions(language),
    }


def _contents(rendering: Rendering) -> str:
    language = rendering.edition.language
    lines = [(CHAPTERS[name].number, name, CHAPTERS[name].titles[language]) for name in rendering.linked]
    lines += [("", name, say(name, language)) for name in ("reproductions", "bibliography")]
    entries = "".join(
        f'<li><span>{number}</span><a href="{file(name)}">{pages.escape(title)}</a></li>'
        for number, name, title in lines
    )
    command = "lienzo thesis" + (f" --language {language}" if language != "en" else "")
    made = say("how made", language, version=__version__, command=command)
    return pages.page(
        say("title", language),
        f'<ul class="contents">{entries}</ul>',
        f'<p class="origin">{pages.escape(made)}</p>',
        lead=say("lead", language),
        language=language,
        style=STYLE,
    )


def _bibliography(language: Language) -> str:
    works = "".join(
        f'<dt id="{key}">{pages.escape(work.short)}</dt><dd>{pages.escape(work.authors)}. <i lang="en">'
        f"{pages.escape(work.title)}</i>. {pages.escape(work.venue)}, {work.year}. "
        f'<a href="{pages.escape(work.link)}">{pages.escape(work.link)}</a></dd>'
        for key, work in BIBLIOGRAPHY.items()
    )
    back = f'<nav class="way"><a href="index.html">{say("contents", language)}</a></nav>'
    return pages.page(
        say("bibliography", language), f'<dl class="works">{works}</dl>', before=back, language=language, style=STYLE
    )


def _reproductions(language: Language) -> str:
    """Return the page with the table of reproductions, and below it each statement with its criterion."""
    found = checking.read()
    rows, details = [], []
    for name, statement in REPRODUCTIONS.items():
        stated = found.verdicts[name]
        verdict = say(stated.verdict, language)
        made = say(f"made {statement.made}", language)
        number = numerals(stated.number, language)
        rows.append((statement.where, statement.what[language], verdict, number, made))
        if len(stated.numbers) > 1:
            number = say("over seeds", language, number=number, count=len(stated.numbers))
        minutes = (
            say("minutes", language, minutes=numerals(f"{statement.minutes:g}", language)) if statement.minutes else ""
        )
        about = "; ".join(part for part in (verdict, number, minutes, made) if part)
        details.append(
            f"<h3>{pages.escape(statement.what[language])}</h3>"
            f"<p>{say('criterion', language)}: {pages.escape(statement.criterion[language])}.</p>"
            f"<p>{pages.escape(about)}.</p>"
            f"<p>{say('command', language)}: <code>{pages.escape(statement.command)}</code></p>"
        )
    headers = [say(key, language) for key in ("section", "statement", "verdict", "number", "made by")]
    origin = say(
        "checked", language, date=found.date, processor=found.processor, time=duration(found.seconds),
        command="lienzo thesis --check",
    )  # fmt: skip
    return pages.page(
        say("reproductions", language),
        pages.table(headers, rows),
        f'<p class="origin">{pages.escape(origin)}</p>',
        *details,
        before=f'<nav class="way"><a href="index.html">{say("contents", language)}</a></nav>',
        lead=say("reproductions lead", language),
        language=language,
        style=STYLE,
    )


def _way(name: str, rendering: Rendering, kind: str) -> str:
    """Return the links from a chapter to the contents and to its neighbours."""
    language, order = rendering.edition.language, list(rendering.linked)
    place = order.index(name)
    links = [f'<a href="index.html">{say("contents", language)}</a>']
    for key, other in (("previous", order[max(0, place - 1)]), ("next", order[min(place + 1, len(order) - 1)])):
        if other != name:
            title = f"{CHAPTERS[other].number} {CHAPTERS[other].titles[language]}"
            links.append(f'<a href="{file(other)}">{say(key, language)}: {pages.escape(title)}</a>')
    return f'<nav class="{kind}">{"".join(links)}</nav>'
