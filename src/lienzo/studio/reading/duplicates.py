"""Pictures that nearly repeat others: those of a collection in groups, and refused ones with what they repeat.

Groups are those that a preparation with ``--near-duplicates`` would make: the first picture, which would stay, and
those whose perceptual hashes differ from its own in few bits. Of a collection one column is read, and to search a
million pictures takes some seconds. This is done once, beside the server's own work, and remembered.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lienzo.collection.collection import Collection
from lienzo.collection.packing.neighbours import repeated
from lienzo.collection.reasons import Reason
from lienzo.errors import InputError
from lienzo.studio.reading import pictures
from lienzo.studio.reading.pictures import Rows

REPEATS = (Reason.DUPLICATE, Reason.NEAR_DUPLICATE, Reason.CONFLICT)
"""Reasons of refused pictures that repeat another one, which their detail names."""

NAMED = "the same as "
"""What stands before that name."""

MOST_BITS = 8
"""Of 64, in which hashes of near duplicates differ."""

MOST_COMPARED = 2e9
"""Pairs of hashes that a search compares at most: some twenty seconds of a processor."""

REMEMBERED = 4
"""Searches that are remembered: of a million pictures, some MB each."""


@dataclass(frozen=True)
class Groups:
    """Groups of pictures that nearly repeat one another, the largest first."""

    rows: Rows
    """The rows of all of them, group after group; in each the picture that would stay is the first."""

    hashes: NDArray[np.uint64]
    """Their perceptual hashes."""

    starts: Rows
    """Where each group begins among the rows, and where the last one ends; (groups + 1,)."""

    def __len__(self) -> int:
        return len(self.starts) - 1

    def group(self, number: int) -> tuple[Rows, NDArray[np.uint8]]:
        """Return the rows of a group, and in how many bits each differs from the first."""
        here = slice(self.starts[number], self.starts[number + 1])
        hashes = self.hashes[here]
        return self.rows[here], np.bitwise_count(hashes ^ hashes[0])


def grouped(hashes: NDArray[np.uint64], bits: int) -> Groups:
    """Return the groups among hashes (n,), by row: those near to the first of a group differ in few bits from it."""
    first = repeated(hashes, bits)
    sizes = np.bincount(first, minlength=len(hashes))
    rows = np.flatnonzero(sizes[first] > 1)
    of_rows = first[rows]
    order = np.lexsort((rows, of_rows, -sizes[of_rows]))
    starts = np.flatnonzero(np.diff(of_rows[order], prepend=-1, append=-1)) if len(rows) else np.zeros(1, np.int64)
    return Groups(rows[order], hashes[rows[order]], starts)


@dataclass
class Finder:
    """Searches for near duplicates, one after the other, each in a thread beside those that answer."""

    _searches: OrderedDict[tuple[str, int], Future[Groups]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def groups(self, collection: Collection, bits: int, seconds: float = 2.0) -> Groups | None:
        """Return the groups of a collection, or None where they are not found after so many seconds: ask again then.

        Raises:
            InputError: too many bits for so many pictures.
        """
        compared = (bits + 1) * collection.count**2 / 2 ** (64 / (bits + 1)) if bits else 0
        if bits > MOST_BITS or compared > MOST_COMPARED:
            raise InputError(
                f"near duplicates by {bits} bits among {collection.count:,} pictures take long: choose fewer bits."
            )
        search = self._search(collection, bits)
        try:
            return search.result(seconds)
        except TimeoutError:
            return None

    def _search(self, collection: Collection, bits: int) -> Future[Groups]:
        """Return the search for groups, which is begun where it is not remembered; a failed one is forgotten."""
        key = collection.fingerprint, bits
        with self._lock:
            search = self._searches.get(key)
            if search is None or (search.done() and search.exception()):
                search = self._searches[key] = Future()
                threading.Thread(target=self._work, args=(search, collection, bits), daemon=True).start()
            self._searches.move_to_end(key)
            while len(self._searches) > REMEMBERED:
                self._searches.popitem(last=False)
            return search

    def _work(self, search: Future[Groups], collection: Collection, bits: int) -> None:
        with self._turn:
            try:
                hashes = collection.column("perceptual_hash").combine_chunks().to_numpy(zero_copy_only=False)
                search.set_result(grouped(hashes.astype(np.uint64), bits))
            except Exception as error:  # told to whoever asks
                search.set_exception(error)


def shown(collection: Collection, groups: Groups, numbers: Sequence[int], most: int) -> list[dict[str, Any]]:
    """Return some groups: what each consists of, and what the index says of the first pictures, with their bits."""
    told = [groups.group(number) for number in numbers]
    rows = np.concatenate([rows for rows, _ in told]) if told else np.zeros(0, np.int64)
    described = {one["row"]: one for one in pictures.described(collection, rows)}
    return [
        {
            "sources": [described[row]["source"] for row in rows.tolist()],
            "pictures": [
                {**described[row], "bits": int(bit)} for row, bit in zip(rows[:most].tolist(), bits, strict=False)
            ],
        }
        for rows, bits in told
    ]


@lru_cache(REMEMBERED)
def _repeats(path: Path, fingerprint: str, written: int) -> Rows:  # noqa: ARG001  the key
    collection = Collection.open(path)
    there = [reason for reason in REPEATS if reason in collection.refused]
    rows = [pictures.refused(collection, reason=reason) for reason in there]
    return np.sort(np.concatenate(rows)) if rows else np.zeros(0, np.int64)


def repeats(collection: Collection) -> Rows:
    """Return the rows of refused files that repeat a picture of the collection."""
    return _repeats(collection.path, collection.fingerprint, pictures.stamp(collection))


def pairs(collection: Collection, rows: Rows) -> list[dict[str, Any]]:
    """Return some refused files beside what each repeats, ``kept``: a row of the index, or None where it is none."""
    refused = pictures.refusals(collection, rows)
    names = [one["detail"].removeprefix(NAMED) if one["detail"].startswith(NAMED) else "" for one in refused]
    by_name = _rows_of(collection.path, collection.fingerprint, tuple(sorted({name for name in names if name})))
    described = {
        one["source"]: one for one in pictures.described(collection, np.array(sorted(by_name.values()), np.int64))
    }
    return [{"refused": one, "kept": described.get(name)} for one, name in zip(refused, names, strict=True)]


@lru_cache(pictures.REMEMBERED)
def _rows_of(path: Path, fingerprint: str, names: tuple[str, ...]) -> dict[str, int]:  # noqa: ARG001  the key
    """Return the rows of these sources in the index; one column of it is read, as far as they are not found."""
    found: dict[str, int] = {}
    first, wanted = 0, pa.array(names, pa.string())
    for batch in Collection.open(path).batches("source"):
        if len(found) == len(names):
            break
        sources = batch["source"]
        here = np.flatnonzero(np.asarray(pc.is_in(sources, wanted)))
        found |= {sources[int(at)].as_py(): first + int(at) for at in here}
        first += len(sources)
    return found
