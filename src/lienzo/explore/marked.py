"""Pages with a mark, by which one that lienzo explore writes may take the place of another. Light to import."""

from pathlib import Path

from lienzo.display import pages
from lienzo.errors import InputError
from lienzo.storage.files import refuse_folder

MARK = '<meta name="generator" content="lienzo">'
"""The mark, in the head of a page."""


def page(title: str, *blocks: str, lead: str) -> str:
    """Return a whole page as :func:`lienzo.display.pages.page` does, with the mark."""
    return pages.page(title, *blocks, lead=lead).replace("<head>\n", f"<head>\n{MARK}\n", 1)


def refuse_other(path: Path) -> None:
    """Refuse to write a page where something else stands.

    Raises:
        InputError: a folder, or what has no mark.
    """
    refuse_folder(path, "page.html")
    if path.exists():
        with path.open("rb") as file:
            if MARK.encode() not in file.read(1024):
                raise InputError(f"{path} is there and is no page of lienzo explore: give the name of another file.")
