"""Choices about single pictures: some are left out, some are kept after all."""

from pathlib import Path

import pytest
from conftest import Command
from pictures_for_tests import encoded, gallery, noisy, painting
from PIL import Image

import lienzo
from lienzo.errors import CollectionError, InputError


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Make three pictures that pass, and five that do not."""
    source = gallery(tmp_path / "in", 3)
    whole = encoded(noisy(7, 200, 260), quality=90)
    for name, data in {
        "damaged.jpg": whole[: len(whole) // 2] + b"\xff\xd9",
        "plain.png": encoded(Image.new("RGB", (64, 64), "teal"), "PNG"),
        "small.png": encoded(painting(8, 15, 15), "PNG"),
        "twin.jpg": (source / "grids" / "000.jpg").read_bytes(),
        "none.jpg": b"",
    }.items():
        (source / name).write_bytes(data)
    return source


def prepared(source: Path, table: str, **settings: object) -> lienzo.Collection:
    path = source.parent / "choices.csv"
    path.write_text(table)
    return lienzo.prepare(source, source.parent / "out", size=16, workers=1, choices=path, **settings)  # type: ignore[arg-type]


def test_left_out_and_kept_after_all(source: Path) -> None:
    names = ("damaged.jpg", "plain.png", "small.png", "twin.jpg", "none.jpg")
    rows = ["grids/000.jpg,keep", "seas/001.jpg,drop", *(f"{name},keep" for name in names)]
    collection = prepared(source, "\n".join(["source,choice", *rows]))
    kept = set(collection.column("source").to_pylist())
    assert kept == {"grids/000.jpg", "portraits/002.jpg", "damaged.jpg", "plain.png", "small.png", "twin.jpg"}
    assert collection.refused == {"empty": 1, "left-out": 1}
    assert prepared(source, "\n".join(["source,choice", *reversed(rows)])) == collection


@pytest.mark.parametrize("table", ["source,drop\ngrids/000.jpg,1\n", "choice;source\nDROP;grids/000.jpg\n",
                                   '[{"source": "grids/000.jpg", "choice": "drop"}]'])  # fmt: skip
def test_ways_to_write_a_choice(source: Path, table: str) -> None:
    assert "left-out" in prepared(source, table).refused


@pytest.mark.parametrize(("table", "message"), [
    ("source,choice\nnowhere.jpg,keep\n", r"choices.csv is about a picture of the sources \(nowhere.jpg\):"),
    ("file,choice\ngrids/000.jpg,keep\n", "has no column source"),
    ("source,choice\ngrids/000.jpg,maybe\n", "chooses nothing"),
    ("source,choice\ngrids/000.jpg,keep\ngrids/000.jpg,drop\n", "says both keep and drop"),
    ("source,choice\nseas/001.jpg,drop\ngrids/0,00.jpg,keep\n", "more cells than there are columns, that of grids/0:"),
])  # fmt: skip
def test_tables_that_choose_nothing_are_refused(source: Path, table: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        prepared(source, table)


def test_other_choices_need_another_folder(source: Path) -> None:
    prepared(source, "source,choice\nplain.png,keep\n")
    with pytest.raises(CollectionError, match="prepared with choices"):
        prepared(source, "source,choice\nplain.png,drop\n")
    with pytest.raises(CollectionError, match="prepared with choices"):
        lienzo.prepare(source, source.parent / "out", size=16, workers=1)


def test_near_duplicates_are_kept_after_all(source: Path) -> None:
    painting(0).resize((240, 180)).save(source / "larger.jpg", quality=60)
    chosen = prepared(source, "source,choice\nlarger.jpg,keep\n", near_duplicates=4)
    assert "larger.jpg" in chosen.column("source").to_pylist()


def test_the_option_of_the_command(source: Path, command: Command) -> None:
    (source.parent / "c.csv").write_text("source,choice\nplain.png,keep\n")
    words = [source, source.parent / "out", "--size", 16, "--workers", 1, "--choices", source.parent / "c.csv"]
    assert command("prepare", *words)[0] == 0
    assert "plain.png" in lienzo.Collection.open(source.parent / "out").column("source").to_pylist()


def test_a_new_date_on_a_picture_that_was_left_out_is_no_change(source: Path) -> None:
    table = "source,choice\nseas/001.jpg,drop\n"
    made = prepared(source, table)
    (source / "seas" / "001.jpg").touch()
    assert prepared(source, table) == made
