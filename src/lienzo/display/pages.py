"""Self-contained HTML pages: one file with its pictures inside, no script, light and dark colours.

Every function returns a piece of HTML as a string; :func:`page` joins the pieces to a whole page.
"""

import base64
import html
from collections.abc import Iterable, Sequence

STYLE = """
:root { color-scheme: light dark;
        --ink: #1d1d1f; --paper: #fdfcf9; --soft: #6b6b70; --line: #dcd8cf; --shade: #f3f0e8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececec; --paper: #17171a; --soft: #a0a0a8; --line: #38383e; --shade: #212126; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 2.5rem 1.25rem 5rem; background: var(--paper); color: var(--ink);
       font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .5rem; letter-spacing: -.01em; }
h2 { font-size: 1.3rem; margin: 3rem 0 .75rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p, li { max-width: 44rem; }
p.lead { font-size: 1.1rem; color: var(--soft); margin-top: 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; margin: .75rem 0; }
th, td { text-align: left; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; color: var(--soft); }
td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
figure { margin: 1rem 0; }
figure img { max-width: 100%; height: auto; display: block; }
figure img.pixels { image-rendering: pixelated; }
figure svg { max-width: 100%; height: auto; background: #fff; border-radius: 4px; }
figcaption { color: var(--soft); font-size: .9rem; margin-top: .4rem; max-width: 44rem; }
.row { display: flex; flex-wrap: wrap; gap: 1.5rem; }
.row > figure { flex: 1 1 18rem; margin: 0; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr)); gap: .75rem; margin: 1.5rem 0; }
.facts div { background: var(--shade); border-radius: 6px; padding: .7rem .9rem; }
.facts b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.facts span { color: var(--soft); font-size: .85rem; }
.formula { overflow-x: auto; overflow-y: hidden; margin: .9rem 0; padding: .1rem 1.5rem; }
.formula math { display: inline math; }
mtable.ams-align mtd { text-align: right; padding: .25em 0; }
mtable.ams-align mtd:nth-child(2n) { text-align: left; padding-right: 1.5em; }
math { font-size: 1.06em; }
code, pre { font: .88em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre { background: var(--shade); padding: .8rem 1rem; border-radius: 6px; overflow-x: auto; }
"""


def escape(text: object) -> str:
    """Return ``text`` with the characters escaped that have a meaning in HTML, quotation marks included."""
    return html.escape(str(text), quote=True)


def page(title: str, *blocks: str, lead: str = "", language: str = "en", before: str = "", style: str = "") -> str:
    """Return a whole page.

    Args:
        title: heading of the page, plain text.
        blocks: pieces of HTML, one after the other.
        lead: sentence under the heading, plain text.
        language: language of the text, as a BCP 47 tag.
        before: a piece of HTML above the heading.
        style: CSS of this page alone.
    """
    below = f'<p class="lead">{escape(lead)}</p>' if lead else ""
    return (
        f'<!doctype html>\n<html lang="{escape(language)}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n{before}"
        f"<h1>{escape(title)}</h1>\n{below}\n" + "\n".join(blocks) + "\n</body>\n</html>\n"
    )


def section(title: str, *blocks: str) -> str:
    """Return a section with a heading (plain text) and pieces of HTML."""
    return f"<section>\n<h2>{escape(title)}</h2>\n" + "\n".join(blocks) + "\n</section>"


def paragraph(text: str) -> str:
    """Return a paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


def code(text: str) -> str:
    """Return a block of code or a command, from plain text."""
    return f"<pre>{escape(text)}</pre>"


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; a column whose cells are all numbers, or written like numbers, is aligned to the right."""
    written = [[str(cell) for cell in row] for row in rows]
    numeric = [bool(written) and all(_is_number(row[i]) for row in written) for i in range(len(headers))]

    def cells(tag: str, values: Sequence[str]) -> str:
        return "".join(
            f'<{tag} class="number">{escape(value)}</{tag}>' if right else f"<{tag}>{escape(value)}</{tag}>"
            for value, right in zip(values, numeric, strict=True)
        )

    body = "\n".join(f"<tr>{cells('td', row)}</tr>" for row in written)
    return f'<div class="scroll"><table>\n<tr>{cells("th", headers)}</tr>\n{body}\n</table></div>'


def _is_number(cell: str) -> bool:
    return bool(cell) and all(character in "0123456789.,+-−±×%∞ e" for character in cell)


def facts(pairs: Iterable[tuple[object, str]]) -> str:
    """Return a row of large figures from pairs of a value and the words that stand below it."""
    return '<div class="facts">' + "".join(
        f"<div><b>{escape(value)}</b><span>{escape(name)}</span></div>" for value, name in pairs
    ) + "</div>"  # fmt: skip


def picture(data: bytes, alt: str, *, caption: str = "", pixels: bool = False, width: int | None = None) -> str:
    """Return a figure of a picture, whose bytes are embedded in the page.

    Args:
        data: the bytes of a PNG, GIF, JPEG or WebP.
        alt: what the picture shows, for people who cannot see it.
        caption: plain text below it.
        pixels: whether to enlarge it without smoothing, for small pictures.
        width: width in CSS pixels; by default that of the picture.
    """
    source = f"data:{_media_type(data)};base64,{base64.b64encode(data).decode()}"
    style = ' class="pixels"' if pixels else ""
    size = f' width="{width}"' if width else ""
    return _figure(f'<img{style}{size} src="{source}" alt="{escape(alt)}">', caption)


def svg(data: str, *, caption: str = "", alt: str = "") -> str:
    """Return a figure of a drawing in SVG; what precedes its ``<svg>`` element is left out.

    Args:
        data: the SVG.
        caption: plain text below it.
        alt: what the drawing shows, for people who cannot see it.
    """
    drawn = data[data.index("<svg") :]
    said = f'<svg role="img" aria-label="{escape(alt)}"' if alt else "<svg"
    return _figure(drawn.replace("<svg", said, 1), caption)


def row(*figures: str) -> str:
    """Return figures side by side; they wrap if the window is too narrow."""
    return f'<div class="row">{"".join(figures)}</div>'


def _figure(content: str, caption: str) -> str:
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure>{content}{below}</figure>"


def _media_type(data: bytes) -> str:
    for start, name in ((b"\x89PNG", "png"), (b"GIF8", "gif"), (b"\xff\xd8", "jpeg"), (b"RIFF", "webp")):
        if data.startswith(start):
            return f"image/{name}"
    raise ValueError("a page shows PNG, GIF, JPEG and WebP")
