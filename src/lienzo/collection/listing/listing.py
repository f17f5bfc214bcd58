"""The listing of a preparation: every file of its sources that may be a picture, named once, with its labels."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from lienzo.collection.listing import choices, labels, places, sources
from lienzo.collection.listing.choices import Choices
from lienzo.collection.listing.classes import ARCHIVE, Folder, FolderLabels
from lienzo.collection.listing.entries import Entry
from lienzo.collection.listing.labels import LabelTable
from lienzo.collection.reasons import Refusal
from lienzo.collection.settings import Settings
from lienzo.display.wording import examples
from lienzo.errors import InputError

SAMPLE = 4096
"""Number of pictures whose names show which column of a table holds names, and whether the table has a header."""

TABLE_BYTES = 1 << 28
"""Largest table of labels within a source that is read, in bytes."""

log = logging.getLogger("lienzo")


@dataclass
class _Survey:
    """What has to be known of all files before the first can get its label."""

    total: int = 0
    """Number of files that may be pictures."""
    names: list[str] = field(default_factory=list)
    """Names of the first pictures."""
    folders: list[dict[Folder, bool]] = field(default_factory=list)
    """For each source, its folders with pictures -> whether files beside these describe them."""
    tables: list[tuple[int, Entry]] = field(default_factory=list)
    """Tables of labels within the sources, with the number of the source."""
    columned: bool = False
    """Whether sources that are tables themselves have columns that were asked for."""
    remarks: list[str] = field(default_factory=list)
    """Sentences about what could not be listed."""


@dataclass
class _Within:
    """A table of labels, and what it is about."""

    sources: frozenset[int]
    """Numbers of the sources."""
    folder: str
    """It is about what lies below."""
    table: LabelTable
    named: bool = False
    """Whether ``labels`` names it, so that it is an error if it is about nothing."""


class Listing:
    """The files of the sources; may be gone through again and again, always in the same order."""

    def __init__(self, given: Sequence[str], settings: Settings, folder: Path) -> None:
        """List sources for a preparation with these settings into ``folder``, whose own content is left out."""
        self._sources = given
        self._prefixes = sources.prefixes(given)
        self._labels = str(settings.labels)
        self._columns = tuple(settings.label_columns)
        self._folder = folder
        self.choices: Choices | None = None if settings.choices is None else choices.read(str(settings.choices))

    @property
    def labels_from(self) -> str:
        """Where the labels are from, without the path."""
        return self._labels if self._labels in ("folders", "none") else Path(self._labels).name

    @property
    def total(self) -> int:
        """How many files there are."""
        return self._survey.total

    @property
    def remarks(self) -> Sequence[str]:
        """Sentences about what could not be listed."""
        return self._survey.remarks

    @property
    def counts(self) -> bool:
        """Whether tables are to be looked up, so that :meth:`check` has something to say."""
        return self.choices is not None or bool(self._tables)

    def __iter__(self) -> Iterator[Entry]:
        return self.entries()

    def entries(self, *, count: bool = False) -> Iterator[Entry]:
        """Yield every file with its labels; ``count`` notes for :meth:`check` what tables say about them."""
        for source, entry in self._listed([]):
            if not sources.is_candidate(entry):
                continue
            name = self._prefixes[source] + entry.name
            found = replace(entry, name=name, labels=self._labels_of(source, entry, count))
            yield found if self.choices is None else self.choices.applied(found)

    def check(self) -> None:
        """Say how much of the tables of labels and choices was met when all entries were counted.

        Raises:
            InputError: nothing of the table of choices, or of the one that ``labels`` names.
        """
        if self.choices is not None:
            log.info(self.choices.check())
        for within in self._tables:
            table = within.table
            if table.pictures and not table.matched:
                said = (
                    f"no row of {table.location} is about a picture: it has {examples(table.unmatched())}, "
                    f"where the pictures are {examples(table.unfound)}"
                )
                if within.named:
                    raise InputError(f"{said}: name the pictures as in the source, or leave --labels out.")
                log.warning("%s.", said)
            elif table.pictures:
                partly = not table.pictures == table.found == len(table.matched) == len(table.names)
                log.log(logging.WARNING if partly else logging.INFO, table.summary())

    def _listed(self, remarks: list[str]) -> Iterator[tuple[int, Entry]]:
        for number, source in enumerate(self._sources):
            columns = self._columns if self._labels == "folders" else ()  # else they are those of a table of its own
            for entry in sources.entries(source, columns=columns, leave_out=str(self._folder), remarks=remarks):
                yield number, entry

    @cached_property
    def _survey(self) -> _Survey:
        survey = _Survey(folders=[{} for _ in self._sources])
        for source, entry in self._listed(survey.remarks):
            if sources.is_candidate(entry):
                survey.total += 1
                survey.columned = survey.columned or not entry.labels.keys().isdisjoint(self._columns)
                if len(survey.names) < SAMPLE:
                    survey.names.append(entry.name)
                folder = tuple(entry.name.split("/")[:-1])
                folders = survey.folders[source]
                folders[folder] = folders.get(folder, False) or entry.described
            elif sources.is_table(entry):
                survey.tables.append((source, entry))
        return survey

    @cached_property
    def _classes(self) -> list[FolderLabels]:
        names = [sources.own_name(one) for one in self._sources]
        several = len(self._sources) > 1
        return [FolderLabels(folders, self._prefixes[i].rstrip("/") or names[i], several)
                for i, folders in enumerate(self._survey.folders)]  # fmt: skip

    @cached_property
    def _tables(self) -> list[_Within]:
        """The table that ``labels`` names, or those within the sources, the innermost first.

        Of two in one folder the one that has names comes first, before StyleGAN's numbers.
        """
        if self._labels == "none":
            return []
        if self._labels != "folders":
            read = [self._named()]
        else:
            inside = [(frozenset({source}), entry) for source, entry in self._survey.tables]
            named_first = sorted([*inside, *self._beside()], key=lambda table: table[1].name.endswith(".json"))
            read = [one for table in named_first if (one := self._within(*table)) is not None]
        for within in read:
            for remark in within.table.remarks:
                log.warning(remark)
        told = [one for one in read if any(one.table.labels) or one.table.complete]  # not one of captions alone
        if self._columns and not told and not self._survey.columned:
            raise InputError(
                "label columns are those of a table, and there is none with the pictures: name it with --labels."
            )
        return sorted(told, key=lambda one: -len(one.folder))

    def _named(self) -> _Within:
        """Read the table that ``labels`` names, which is about all sources."""
        table = labels.read(self._labels, self._columns, self._survey.names)
        if not any(table.labels):
            raise InputError(
                f"{self._labels} has no labels: name columns with --label-columns"
                f" ({'; '.join(table.remarks) or 'its cells are empty'})."
            )
        return _Within(frozenset(range(len(self._sources))), "", table, named=True)

    def _beside(self) -> Iterator[tuple[frozenset[int], Entry]]:
        """Yield the tables of labels that stand beside archives, with the numbers of these."""
        found: dict[str, set[int]] = {}
        for number, source in enumerate(self._sources):
            if ARCHIVE.search(source) and not places.is_folder(source):
                folder = source.rpartition("/")[0] if places.is_url(source) else str(Path(source).parent)
                for name in sources.TABLES:
                    if places.exists(place := places.join(folder, name)):
                        found.setdefault(place, set()).add(number)
        for place, numbers in found.items():
            yield frozenset(numbers), Entry(PurePosixPath(place).name, place, places.stamp_of(place)[0])

    def _within(self, about: frozenset[int], entry: Entry) -> _Within | None:
        """Read a table within a source; none for a ``dataset.json`` of another sort."""
        name = entry.name
        if entry.size > TABLE_BYTES:
            log.warning(
                "%s has %s bytes, and a table with the pictures is read up to %s: its labels are missing, "
                "unless you name it with --labels.",
                name, f"{entry.size:,}", f"{TABLE_BYTES:,}",
            )  # fmt: skip
            return None
        try:
            data = entry.read()
        except Refusal as refusal:
            log.warning("%s cannot be read (%s): its labels are missing.", name, refusal.detail)
            return None
        if name.endswith(".json") and not labels.is_stylegan(data):
            return None
        columns = [] if name.endswith(".json") else self._columns
        place = name if entry.location.endswith(name) else f"{name} in {entry.location}"
        return _Within(about, name.rpartition("/")[0], labels.parse(place, data, columns, self._survey.names))

    def _labels_of(self, source: int, entry: Entry, count: bool) -> Mapping[str, str]:
        if self._labels == "none":
            return {}
        if self._labels != "folders":
            return self._tables[0].table.look_up(entry.name, self._place(entry), count=count) or {}
        for within in self._tables:
            inside = source in within.sources and (not within.folder or entry.name.startswith(f"{within.folder}/"))
            if inside:
                name = entry.name[len(within.folder) :].lstrip("/")
                found = within.table.look_up(name, count=count)
                if found is not None:
                    return found
        folder = self._classes[source][tuple(entry.name.split("/")[:-1])]
        return entry.labels or ({} if folder is None else {"folder": folder})

    @staticmethod
    def _place(entry: Entry) -> str:
        """Return the whole path of a picture, the archive's ending left out of it."""
        whole = entry.location if places.is_url(entry.location) else Path(entry.location).absolute().as_posix()
        if entry.offset is None and entry.data is None:
            return whole
        inner = entry.name.rpartition(f"{Path(entry.location).name}/")[2]
        return f"{ARCHIVE.sub('', whole)}/{inner}"
