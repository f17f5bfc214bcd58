"""Pages are one file each, and charts are drawn the same every time."""

import html.parser
import io

import numpy as np
import pytest
from PIL import Image

from lienzo.display import charts, gallery, pages
from lienzo.display.wording import counted, examples, speed


class Reader(html.parser.HTMLParser):
    """Sees that elements are closed in the order in which they were opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.attributes: dict[str, str | None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes |= dict(attrs)
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


PNG = gallery.png(np.zeros((2, 2, 3), np.uint8))
HOSTILE = "<script>alert('\"')</script> & co"


def test_a_page_is_whole_and_needs_nothing_else() -> None:
    page = pages.page(
        "Title",
        pages.section("Part", pages.paragraph("words"), pages.code("lienzo demo")),
        pages.table(["what", "how many"], [["a", 1], ["b", "2.5"]]),
        pages.facts([(3, "pictures")]),
        pages.row(
            pages.picture(PNG, "black", pixels=True, width=40), pages.svg("<?xml ?>\n<svg></svg>", caption="drawn")
        ),
        lead="A lead.",
    )
    reader = read(page)
    assert all(
        word in reader.text for word in ("Title", "A lead.", "Part", "words", "lienzo demo", "pictures", "drawn")
    )
    assert "data:image/png;base64," in page
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page


def test_text_stays_text() -> None:
    for piece in (
        pages.page(HOSTILE, lead=HOSTILE, language=HOSTILE), pages.section(HOSTILE), pages.paragraph(HOSTILE),
        pages.code(HOSTILE), pages.table([HOSTILE], [[HOSTILE]]), pages.facts([(HOSTILE, HOSTILE)]),
        pages.picture(PNG, HOSTILE, caption=HOSTILE),
    ):  # fmt: skip
        assert "<script" not in piece
        reader = read(piece)
        assert HOSTILE in reader.text or HOSTILE in reader.attributes.values()


def test_columns_of_numbers_stand_to_the_right() -> None:
    table = pages.table(["name", "value"], [["a", "1,234.5"], ["b", "3 ± 1"]])
    assert table.count('class="number"') == 3
    assert "number" not in pages.table(["name"], [])


def test_what_no_browser_shows_is_refused() -> None:
    with pytest.raises(ValueError, match="PNG, GIF, JPEG and WebP"):
        pages.picture(b"BM", "a bitmap")


def test_a_chart_is_drawn_the_same_every_time() -> None:
    def draw() -> tuple[bytes, str]:
        with charts.figure(3, 2) as figure:
            figure.subplots().plot([1, 2, 3])
            return charts.png(figure, 50), charts.svg(figure)

    (first_png, first_svg), (second_png, second_svg) = draw(), draw()
    assert first_png == second_png
    assert first_svg == second_svg
    with Image.open(io.BytesIO(first_png)) as image:
        assert image.size == (150, 100)


def test_numbers_and_names_stand_in_a_sentence_as_they_should() -> None:
    assert [counted(n, "picture") for n in (0, 1, 2_000)] == ["0 pictures", "1 picture", "2,000 pictures"]
    assert counted(2, "match", "matches") == "2 matches"
    assert [speed(each) for each in (0.04, 0.98, 9.96, 10, 1_234.5)] == ["0.0", "1.0", "10.0", "10", "1,234"]
    assert [examples("abcd"[:n]) for n in range(5)] == ["", "a", "a, b", "a, b, c", "a, b, c, ..."]
