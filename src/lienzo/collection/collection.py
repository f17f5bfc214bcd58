"""A collection: pictures of one shape as raw arrays in shards, with an index. See docs/collections.md."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lienzo.collection import manifest, remote, tables
from lienzo.collection.listing import places
from lienzo.collection.manifest import Manifest, Shard, Tables
from lienzo.collection.settings import Part
from lienzo.display import cells, gallery
from lienzo.errors import CollectionError, unknown
from lienzo.storage import arrays, files

FIELDS = [name for name in Manifest.__struct_fields__ if name not in ("format", "version")]
"""Names of the fields that a collection and its manifest share."""

SHOWN = 24
"""Pictures that a notebook shows of a collection, in two rows."""


@dataclass(frozen=True)
class Collection:
    """Pictures of one shape as raw arrays in shards, with an index of where each came from and of its labels."""

    path: Path
    """The collection's folder."""
    height: int
    """Height of every picture, in pixels."""
    width: int
    """Width of every picture, in pixels."""
    channels: int
    """1 (grey), 3 (sRGB) or 4 (sRGB and alpha)."""
    count: int
    """Number of pictures."""
    fingerprint: str
    """Hash of the pictures' bytes, labels, parts and order; it does not depend on where the folder is."""
    vocabularies: dict[str, tuple[str, ...]]
    """Label kind -> labels, sorted. Labels taken from folders are of the kind ``folder``."""
    settings: dict[str, Any]
    """Setting -> value, of the preparation."""
    refused: dict[str, int]
    """Reason -> how many files were refused for it."""
    shards: tuple[Shard, ...]
    """The shards that hold the pictures, in the order of the rows."""
    tables: Tables
    """Names of the tables of what was refused and of what was listed."""

    @classmethod
    def open(cls, path: str | Path) -> "Collection":
        """Open the collection in a folder, or at an fsspec URL; the latter is copied into the user's cache.

        Raises:
            CollectionError: there is no collection, or it is unfinished, damaged or of another version.
        """
        if places.is_url(str(path)):
            if not places.exists(places.join(str(path), "collection.json")):
                raise CollectionError(f"there is no collection at {path}: make one with `lienzo prepare`.")
            path = remote.fetch(str(path))
        path = Path(path)
        described = path / manifest.NAME
        if not path.exists():
            raise CollectionError(f"there is no collection at {path}: make one with `lienzo prepare PICTURES {path}`.")
        if (path / "run.json").is_file():
            raise CollectionError(f"{path} is a run: name the collection instead, a folder made by `lienzo prepare`.")
        if not described.is_file():
            raise CollectionError(
                f"{path} is no collection, or an unfinished one: make one of pictures with "
                "`lienzo prepare PICTURES OUT`; the same words finish it."
            )
        try:
            found = manifest.read(described.read_bytes(), str(path))
        except OSError as error:
            raise CollectionError(f"{described} cannot be read ({error.strerror}): mend its permissions.") from None
        collection = cls(path=path, **{name: getattr(found, name) for name in FIELDS})
        collection._check_files()
        return collection

    def _check_files(self) -> None:
        """Raise a CollectionError if a file that the manifest names is missing, or too short for its pictures."""
        for shard in self.shards:
            for name in (shard.images, shard.index):
                if not (self.path / name).is_file():
                    raise CollectionError(
                        f"{self.path} is damaged, {name} is missing: delete it, and prepare the pictures again."
                    )
            pixels = shard.count * self.height * self.width * self.channels
            if (self.path / shard.images).stat().st_size < pixels:
                raise CollectionError(
                    f"{self.path / shard.images} is damaged, it is too short: delete the collection, and prepare it "
                    "again."
                )

    def to_json(self) -> dict[str, Any]:
        """Return the contents of ``collection.json``."""
        described = msgspec.to_builtins(Manifest(**{name: getattr(self, name) for name in FIELDS}))
        assert isinstance(described, dict)
        return described

    def _repr_html_(self) -> str:
        """Return what a notebook shows: what the collection holds, and some of its pictures."""
        held_out, refused = len(self.rows("holdout")), sum(self.refused.values())
        said = f"{self.count:,} pictures of {self.height}×{self.width}×{self.channels}, {held_out:,} of them held out; "
        said += f"{refused:,} files refused."
        spread = np.linspace(0, self.count - 1, min(self.count, SHOWN)).astype(np.int64)
        some = gallery.sheet(self.take(spread), SHOWN // 2, "pictures of the collection")
        return cells.cell(self.path.name, said, some)

    def __len__(self) -> int:
        return self.count

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        """Row number of each shard's first picture, then the number of all pictures; (shards + 1,)."""
        return np.cumsum([0, *(shard.count for shard in self.shards)], dtype=np.int64)

    @cached_property
    def _opened(self) -> dict[int, NDArray[np.uint8]]:
        """Shard number -> its pictures, for the shards that are mapped into memory so far."""
        return {}

    def _shard(self, number: int) -> NDArray[np.uint8]:
        """Return a shard's pictures, mapped into memory; (n, height, width, channels), uint8."""
        if number not in self._opened:
            shard = self.shards[number]
            try:
                images = arrays.mapped(
                    self.path / shard.images, (shard.count, self.height, self.width, self.channels), np.uint8
                )
            except (OSError, ValueError) as error:
                raise CollectionError(
                    f"{self.path / shard.images} is damaged ({error}): delete the collection, and prepare it again."
                ) from None
            self._opened[number] = images
        return self._opened[number]

    def take(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return pictures by row number, in that order; (len(rows), height, width, channels), uint8, a fresh array."""
        rows = np.asarray(rows, np.int64)
        if rows.size and (rows.min() < 0 or rows.max() >= self.count):
            raise IndexError(f"rows are from 0 to {self.count - 1}")
        taken = np.empty((len(rows), self.height, self.width, self.channels), np.uint8)
        numbers = np.searchsorted(self._starts, rows, side="right") - 1
        for number in np.unique(numbers):
            here = np.flatnonzero(numbers == number)
            taken[here] = self._shard(int(number))[rows[here] - self._starts[number]]
        return taken

    def rows(self, part: Part = "all") -> NDArray[np.int64]:
        """Return the row numbers of ``all`` pictures, or of one part, ``train`` or ``holdout``, ascending; (n,).

        If the collection was prepared without holding pictures out, all of them are in ``train``.
        """
        if part == "all":
            return np.arange(self.count, dtype=np.int64)
        return np.flatnonzero(np.asarray(pc.equal(self.column("part"), part))).astype(np.int64)

    def labels(self, kind: str) -> NDArray[np.int64]:
        """Return each picture's label as a position in ``vocabularies[kind]``, −1 if it has none; (count,), int64.

        Raises:
            CollectionError: the collection has no labels of that kind.
        """
        if kind not in self.vocabularies:
            if not self.vocabularies:
                raise CollectionError(f"the collection in {self.path} has no labels: prepare it with --labels.")
            raise CollectionError(unknown("label kind", kind, self.vocabularies))
        names = self.column(tables.label_column(kind))
        codes = pc.index_in(names, pa.array(self.vocabularies[kind], pa.string()))
        return np.asarray(pc.fill_null(codes, -1)).astype(np.int64)

    def index(self) -> pa.Table:
        """Return the index, a row for each picture; null for label kinds that were added after the row's shard."""
        found = []
        for shard in self.shards:
            with tables.opened(self.path / shard.index, tables.INDEX, shard.count) as index:
                found.append(pa.Table.from_batches(tables.batches(index), index.schema_arrow))
        return pa.concat_tables(found, promote_options="default")

    def column(self, name: str) -> pa.ChunkedArray:
        """Return one column of the index, a value for each picture, null in shards without that column."""
        chunks = [batch[name] for batch in self.batches(name)]
        return pa.chunked_array(chunks)

    def batches(self, *names: str) -> Iterator[dict[str, pa.Array]]:
        """Yield column name -> values, a few rows of the index at a time."""
        for shard in self.shards:
            with tables.opened(self.path / shard.index, tables.INDEX, shard.count) as index:
                there = [name for name in names if name in index.schema_arrow.names]
                for batch in tables.batches(index, there):
                    missing = pa.nulls(batch.num_rows, pa.string())
                    yield {name: batch.column(name) if name in there else missing for name in names}

    def rejected(self) -> pa.Table:
        """Return the table of refused files: source, reason, detail and size in bytes of each."""
        with tables.opened(self.path / self.tables.rejected, tables.REJECTED) as rejected:
            return pa.Table.from_batches(tables.batches(rejected), rejected.schema_arrow)

    def verify(self) -> None:
        """Compare the SHA-256 of every shard's files with ``collection.json``; this reads every byte of them.

        Raises:
            CollectionError: a file differs.
        """
        for shard in self.shards:
            for name, expected in ((shard.images, shard.images_sha256), (shard.index, shard.index_sha256)):
                if files.sha256(self.path / name) != expected:
                    raise CollectionError(
                        f"{self.path / name} is damaged: delete the collection, and prepare it again."
                    )
