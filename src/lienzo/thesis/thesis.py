"""``lienzo thesis``: write the finished thesis as a folder of pages."""

from collections.abc import Collection as Names
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lienzo.collection.collection import Collection
from lienzo.errors import InputError, unknown
from lienzo.storage import files
from lienzo.thesis import computing, kept, layout
from lienzo.thesis.catalogue import CHAPTERS
from lienzo.thesis.edition import LANGUAGES, Edition, Language
from lienzo.thesis.experiments import ablations
from lienzo.thesis.rendering import Rendering, placeholders
from lienzo.thesis.renewal import Renewal

KEPT = "kept"
"""Folder within that of the pages, for the results that were computed again."""

RESULTS = ("drawing", "experiment", "kept")
"""Kinds of placeholders that show a kept result."""


@dataclass(frozen=True)
class ThesisProgress:
    """The progress of writing the thesis."""

    doing: str
    """The result that is computed or the chapter that is written."""
    number: int
    """How many results and chapters are done."""
    count: int
    """How many there are to do."""
    part: str = ""
    """The part of the result that begins now."""
    page: Path | None = None
    """The page that is written, where one is."""


def thesis(
    chapters: Sequence[str] = (),
    out: Path | str = "thesis",
    language: Language = "en",
    collection: Path | str | None = None,
    again: bool = False,
) -> list[Path]:
    """Write the thesis as pages and return their paths.

    Args:
        chapters: names of chapters, by default all.
        out: folder for the pages: ``index.html``, a page for each chapter, the bibliography and the reproductions.
        language: ``en`` or ``es``.
        collection: whose pictures the figures of the data show; by default they are the procedural painter's.
        again: whether to compute the long results again; otherwise the pages show those that come with lienzo.

    Raises:
        InputError: for a name that is no chapter, a language in which there is no thesis, or a file in the place of the
            folder.
    """
    return [step.page for step in steps(chapters, out, language, collection, again) if step.page is not None]


def steps(
    chapters: Sequence[str] = (),
    out: Path | str = "thesis",
    language: Language = "en",
    collection: Path | str | None = None,
    again: bool = False,
) -> Iterator[ThesisProgress]:
    """Do what :func:`thesis` does, and yield the progress at each part of a result and after each page."""
    for name in chapters:
        if name not in CHAPTERS:
            raise InputError(unknown("chapter", name, CHAPTERS))
    if language not in LANGUAGES:
        raise InputError(unknown("language", language, LANGUAGES))
    folder = files.folder(out, "--out")
    chosen = [name for name in CHAPTERS if not chapters or name in chapters]
    edition = Edition(language, None if collection is None else Collection.open(collection))
    if again and edition.collection is not None and "ablations" in results(chosen, language):
        ablations.refuse_nothing_held_out(edition.collection)  # before half an hour of other results
    return _steps(chosen, folder, edition, again)


def _steps(chapters: Sequence[str], folder: Path, edition: Edition, again: bool) -> Iterator[ThesisProgress]:
    renewed = results(chapters, edition.language) if again else ()
    count = len(renewed) + len(chapters)
    renewal = Renewal(folder / KEPT, edition)
    for number, name in enumerate(renewed):
        if name in renewal.done:
            continue
        for part in computing.compute(name, folder / KEPT, edition):
            yield ThesisProgress(name, number, count, part)
        renewal.add(name)
    linked = [name for name in CHAPTERS if name in chapters or (folder / layout.file(name)).exists()]
    rendering = Rendering(edition, folder / KEPT if again else kept.FOLDER, renewed, linked)
    for number, name in enumerate(chapters, len(renewed) + 1):
        page = folder / layout.file(name)
        files.write_text(page, layout.chapter(name, rendering))
        yield ThesisProgress(name, number, count, page=page)
    for name, written in layout.frame(rendering).items():
        page = folder / layout.file(name)
        files.write_text(page, written)
        yield ThesisProgress(name, count, count, page=page)
    renewal.end(renewed)


def results(chapters: Names[str], language: Language) -> list[str]:
    """Return the names of the kept results that chapters show."""
    shown = (found for name in chapters for found in placeholders(name, language) if found.kind in RESULTS)
    return list(dict.fromkeys(found.words[0] for found in shown))
