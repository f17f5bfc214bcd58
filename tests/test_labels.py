"""Labels from tables as people have them: which picture a row is about, and how much of a table was used."""

import json
import logging
from pathlib import Path

import pytest
from pictures_for_tests import gallery, painting

import lienzo
from lienzo.collection.listing import labels, rows
from lienzo.collection.listing.listing import Listing
from lienzo.collection.settings import Settings
from lienzo.errors import InputError

ROWS = [(f"{i:03}.jpg", ("oak", "elm")[i % 2]) for i in range(6)]
CSV = "".join(f"{name},{label}\n" for name, label in ROWS)
TOLD = [{"kind": label} for _, label in ROWS]


def named(folder: Path, *names: str) -> Path:
    """Make files of these names, or of those of ROWS."""
    for name in names or [name for name, _ in ROWS]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def told(source: Path, table: Path) -> list[dict[str, str]]:
    listing = Listing([str(source)], Settings(labels=table), Path("out"))
    found = [dict(entry.labels) for entry in listing.entries(count=True)]
    listing.check()
    return found


HEADERS = {"comma": ("file,kind", ","), "semicolon": ("file;kind", ";"), "tab": ("file\tkind", "\t"),
           "bar": ("file|kind", "|"), "spaces": ("file kind", "  ")}  # fmt: skip


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".txt"])
@pytest.mark.parametrize("separator", HEADERS)
def test_cells_are_separated_by_what_separates_them(tmp_path: Path, separator: str, ending: str) -> None:
    header, between = HEADERS[separator]
    table = tmp_path / f"table{ending}"
    table.write_text("\r\n".join([header, *(f"{name}{between}{label}" for name, label in ROWS)]), newline="")
    assert told(named(tmp_path / "in"), table) == TOLD


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    text = "file,kind\n" + CSV.replace("elm", "alerce \u00e9l")
    (tmp_path / "table.csv").write_bytes(text.encode(encoding))
    found = told(named(tmp_path / "in"), tmp_path / "table.csv")
    assert found == [{"kind": label.replace("elm", "alerce \u00e9l")} for _, label in ROWS]


@pytest.mark.parametrize(("first", "row"), [
    (",file,kind", "{i},{name},{label}"),  # the index that pandas writes
    (",kind", "{name},{label}"),  # an index of names
    ("id,kind", "{stem},{label}"),
    ("Image Path,kind", "some/where/in/{name},{label}"),
    ("path,kind", "/home/ana/in/{name},{label}"),
    ("path,kind", "C:\\pictures\\in\\{name},{label}"),
    ("path,kind", "{upper},{label}"),
    ("number,kind,name,size", "{i},{label},{name},{i}0"),
    ("file,kind", "{stem}.png,{label}"),  # converted since
    ("kind,file", "{label},./{name}"),
])  # fmt: skip
def test_a_row_is_about_the_picture_that_it_names(tmp_path: Path, first: str, row: str) -> None:
    lines = [row.format(i=i, name=name, label=label, stem=name[:-4], upper=name.upper())
             for i, (name, label) in enumerate(ROWS)]  # fmt: skip
    (tmp_path / "table.csv").write_text("\n".join([first, *lines]))
    assert told(named(tmp_path / "in"), tmp_path / "table.csv") == TOLD


def test_accents_composed_and_decomposed_are_one(tmp_path: Path) -> None:
    source = named(tmp_path / "in", "cafe\u0301.jpg", "\u00f1u.jpg")
    (tmp_path / "table.csv").write_text("file,label\ncaf\u00e9.jpg,a\nn\u0303u.jpg,a\n", encoding="utf-8")
    assert told(source, tmp_path / "table.csv") == [{"label": "a"}, {"label": "a"}]


def test_the_same_name_in_several_folders(tmp_path: Path) -> None:
    source = named(tmp_path / "in", "a/1.jpg", "b/1.jpg", "c/1.jpg", "2.jpg")
    (tmp_path / "table.csv").write_text("file,label\na/1.jpg,x\nin/b/1.jpg,y\nd/1.jpg,z\ne/2.jpg,x\nf/2.jpg,y\n")
    assert told(source, tmp_path / "table.csv") == [{}, {"label": "x"}, {"label": "y"}, {}]
    (tmp_path / "table.csv").write_text("file,label\nother/2.jpg,x\nin/2.jpg,y\nin/c/1.jpg,z\n1.jpg,x\n")
    right = [{"label": "y"}, {"label": "x"}, {"label": "x"}, {"label": "z"}]
    assert told(source, tmp_path / "table.csv") == right


def test_no_header(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "table.csv").write_text("".join(f"{name[:-4]},{label}\n" for name, label in ROWS))
    with caplog.at_level(logging.INFO, "lienzo"):
        assert told(named(tmp_path / "in"), tmp_path / "table.csv") == [{"label": label} for _, label in ROWS]
    assert "has no header: column 1 is taken for the file, column 2 as 'label'" in caplog.text


def test_text_as_celeba_has_it(tmp_path: Path) -> None:
    lines = [f"{name}  {1 if i % 2 else -1} {-1 if i % 3 else 1}" for i, (name, _) in enumerate(ROWS)]
    (tmp_path / "list_attr.txt").write_text("\n".join(["6", "Young Smiling", *lines]) + "\n")
    found = told(named(tmp_path / "in"), tmp_path / "list_attr.txt")
    assert found[:2] == [{"Young": "-1", "Smiling": "1"}, {"Young": "1", "Smiling": "-1"}]
    (tmp_path / "identity.txt").write_text("".join(f"{name} {i // 3}\n" for i, (name, _) in enumerate(ROWS)))
    assert told(tmp_path / "in", tmp_path / "identity.txt") == [{"label": str(i // 3)} for i in range(6)]


NUMBERS = [[name, int(label == "elm")] for name, label in ROWS]
ONE_HOT = [[name, [1.0 - number, 0.0 + number]] for name, number in NUMBERS]  # type: ignore[operator]


@pytest.mark.parametrize(("value", "right"), [
    ({"labels": NUMBERS}, [{"label": str(number)} for _, number in NUMBERS]),
    ({"labels": ONE_HOT}, [{"label": str(number)} for _, number in NUMBERS]),
    (dict(ROWS), [{"label": label} for _, label in ROWS]),
    ({name: {"kind": label} for name, label in ROWS}, TOLD),
    ({"oak": [ROWS[0][0], ROWS[2][0], ROWS[4][0]], "elm": [ROWS[1][0], ROWS[3][0], ROWS[5][0]]},
     [{"label": label} for _, label in ROWS]),
    ([{"image": name, "kind": label} for name, label in ROWS], TOLD),
    ([list(row) for row in ROWS], [{"label": label} for _, label in ROWS]),
])  # fmt: skip
def test_json(tmp_path: Path, value: object, right: list[dict[str, str]]) -> None:
    (tmp_path / "table.json").write_text(json.dumps(value))
    assert told(named(tmp_path / "in"), tmp_path / "table.json") == right


@pytest.mark.parametrize("ending", [".jsonl", ".json", ".ndjson", ".txt"])
def test_json_lines(tmp_path: Path, ending: str) -> None:
    lines = [json.dumps({"file": name, "kind": label, "year": 1900.0, "box": [1]}) for name, label in ROWS]
    (tmp_path / f"table{ending}").write_text("\n".join(lines))
    right = [{"kind": label, "year": "1900"} for _, label in ROWS]
    assert told(named(tmp_path / "in"), tmp_path / f"table{ending}") == right


@pytest.mark.parametrize(
    ("name", "head"), [("a.xlsx", b"PK\3\4"), ("a.xls", b"\xd0\xcf\x11\xe0"), ("a.csv", b"PK\3\4")]
)
def test_a_spreadsheet_has_to_be_saved_as_csv(tmp_path: Path, name: str, head: bytes) -> None:
    (tmp_path / name).write_bytes(head + bytes(100))
    with pytest.raises(InputError, match="save it as CSV"):
        told(named(tmp_path / "in"), tmp_path / name)


def test_a_table_about_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("file,kind\n" + CSV.replace("00", "99"))
    with pytest.raises(InputError, match=r"table.csv is about a picture: it has 990.jpg, .* are 000.jpg, 001.jpg"):
        told(named(tmp_path / "in"), tmp_path / "table.csv")


def test_a_table_without_cells_is_refused(tmp_path: Path) -> None:
    (tmp_path / "table.json").write_text("[{}]")
    with pytest.raises(InputError, match=r"table.json is empty"):
        told(named(tmp_path / "in"), tmp_path / "table.json")


def test_labels_that_are_no_numbers_are_none() -> None:
    assert rows.stylegan({"labels": [["a.png", [3, None]], ["b.png", ["x", 1]]]}) == [["a.png", ""], ["b.png", ""]]


def test_how_much_of_a_table_was_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = gallery(tmp_path / "in", 6)
    (tmp_path / "table.csv").write_text("file,kind\n" + CSV.replace("005", "999"))
    with caplog.at_level(logging.INFO, "lienzo"):
        collection = lienzo.prepare(source, tmp_path / "out", size=16, labels=tmp_path / "table.csv", workers=1)
    assert (collection.labels("kind") >= 0).sum() == 5
    assert "table.csv labels 5 of 6 pictures; about none of them: 1 of its 6 rows (999.jpg)" in caplog.text
    assert "; without a row: portraits/005.jpg." in caplog.text
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_row_about_several_pictures_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number, folder in enumerate(("a", "b")):
        (tmp_path / "in" / folder).mkdir(parents=True)
        painting(number).save(tmp_path / "in" / folder / "1.png")
    (tmp_path / "table.csv").write_text("file,style\n1.png,calm\n")
    with caplog.at_level(logging.INFO, "lienzo"):
        lienzo.prepare(tmp_path / "in", tmp_path / "out", size=16, labels=tmp_path / "table.csv", workers=1)
    assert "labels 2 of 2 pictures; 1 of them share a row with another picture of the same name." in caplog.text
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_table_without_labels_is_refused(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("file,title\n" + "".join(f"{name},T{i}\n" for i, (name, _) in enumerate(ROWS)))
    with pytest.raises(InputError, match="name columns with --label-columns"):
        told(named(tmp_path / "in"), tmp_path / "table.csv")


def test_a_large_table_is_matched_in_one_pass() -> None:
    """Names that occur in many folders do not make the search longer."""
    names = [f"class-{i}/{j}.jpg" for i in range(300) for j in range(30)]
    table = labels.parse("t.csv", ("file,label\n" + "".join(f"{name},x\n" for name in names)).encode())
    assert all(table.find(f"art/{name}") == row for row, name in enumerate(names))


def test_touched_files_have_not_changed(tmp_path: Path) -> None:
    source = gallery(tmp_path / "in", 4)
    (source / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    made = lienzo.prepare(source, tmp_path / "out", size=16, workers=1)
    for path in source.rglob("*.jpg"):
        path.touch()
    assert lienzo.prepare(source, tmp_path / "out", size=16, workers=1) == made
    (source / "broken.jpg").write_bytes(b"\xff\xd8\xff nowhere")
    with pytest.raises(InputError, match=r"broken.jpg or its label has changed"):
        lienzo.prepare(source, tmp_path / "out", size=16, workers=1)
    painting(9).save(source / "broken.jpg")
    with pytest.raises(InputError, match=r"broken.jpg or its label has changed"):
        lienzo.prepare(source, tmp_path / "out", size=16, workers=1)


@pytest.mark.parametrize("first", ["0.jpg,Sunrise, Impression,oak", "0.jpg,Sunrise,oak,"])
def test_a_row_with_a_cell_too_many_shifts_no_other(
    tmp_path: Path, first: str, caplog: pytest.LogCaptureFixture
) -> None:
    table = tmp_path / "table.csv"
    rest = [(f"{i}.jpg", ("oak", "elm")[i % 2]) for i in range(1, 7)]
    table.write_text("\n".join(["file,title,kind", first, *(f"{name},Title,{kind}" for name, kind in rest)]))
    found = told(named(tmp_path / "in", "0.jpg", *(name for name, _ in rest)), table)
    assert [labels.get("kind") for labels in found[1:]] == [kind for _, kind in rest]
    assert all(labels.keys() <= {"title", "kind"} for labels in found)
    odd = "1 row with more cells than there are columns, such as that of 0.jpg: write cells that hold a separator"
    assert any(odd in message for message in caplog.messages) is not first.endswith(",")


def test_a_row_with_a_cell_too_many_is_said_where_the_table_is_the_source(tmp_path: Path) -> None:
    source = named(tmp_path, "0.jpg", *(name for name, _ in ROWS)) / "table.csv"
    source.write_text("file,title,kind\n0.jpg,Sunrise, Impression,oak\n" + CSV.replace(",", ",Title,"))
    listing = Listing([str(source)], Settings(), Path("out"))
    assert [entry.labels["kind"] for entry in listing][1:] == [label for _, label in ROWS]
    (remark,) = listing.remarks
    assert "1 row with more cells than there are columns, such as that of 0.jpg" in remark


def test_a_separator_at_the_end_of_every_line_is_no_column(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["file,kind", *(f"{name},{label}," for name, label in ROWS)]))
    assert told(named(tmp_path / "in"), table) == TOLD
