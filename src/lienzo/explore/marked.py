"""Where lienzo explore may write: pages have a mark, by which one takes the place of another. Light to import."""

import tempfile
from pathlib import Path

from lienzo.display import pages
from lienzo.errors import InputError
from lienzo.storage.files import folder, local, refuse_folder

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


def refuse_unwritable(path: Path, option: str) -> None:
    """Refuse a file that nobody can write, before anything is computed for it; ``option`` is what it was given with.

    Raises:
        InputError: a URL, what would lie in a file, or a place that cannot be written to.
    """
    parent = folder(local(path).parent, option)
    there = next(place for place in (parent, *parent.parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): give another place with {option}.") from None
