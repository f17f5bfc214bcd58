"""Preparing: from sources of pictures to a collection. See docs/prepare.md."""

import contextlib
import errno
import itertools
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lienzo import files
from lienzo.data import packing
from lienzo.data.choosing import choose
from lienzo.data.collection import Collection, Shard
from lienzo.data.entries import Entry
from lienzo.data.journal import Journal, unit_key
from lienzo.data.labels import of, read
from lienzo.data.screening import Screened
from lienzo.data.settings import Conflicts, Settings, parse_colour, parse_size
from lienzo.data.sources import entries
from lienzo.data.workers import Unit, screen_units
from lienzo.errors import CollectionError, InputError, SourceError
from lienzo.pictures import Geometry

JOURNAL = ".journal"
"""Name of the file, in the collection's folder, that holds what was screened until the collection is whole."""

UNIT, UNIT_BYTES = 32, 1 << 24
"""A unit of work has at most this many files, and at most this many bytes of packed pixels."""


@dataclass(frozen=True)
class Progress:
    """How far a preparation has come."""

    done: int
    """Files screened."""
    total: int
    """Files listed."""
    kept: int
    """Files that passed screening."""
    refused: Mapping[str, int]
    """Reason -> how many files were refused for it."""
    collection: Collection | None = None
    """The collection, on the last step."""


def prepare(
    source: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    size: int | str | tuple[int, int] = 64,
    labels: str | Path = "folders",
    channels: int = 3,
    geometry: Geometry = "crop",
    trim_borders: bool = False,
    background: str | tuple[int, int, int] = "white",
    enlarge: bool = False,
    detect_damage: bool = True,
    near_duplicates: int | None = None,
    conflicts: Conflicts = "first",
    holdout: float = 0.0,
    workers: int | None = None,
) -> Collection:
    """Make a collection of the pictures in one or several sources; the sources are only read.

    Killed at any moment, the same call goes on and ends with the same bytes. Called again for a finished collection, it
    adds what is new in the sources.

    Args:
        source: a folder (of any depth) or a zip file, or several.
        out: the collection's folder.
        size: of the pictures, in pixels, 16 to 1024: a number, "96x64" (height by width) or (height, width).
        labels: "folders" (label kind ``folder``), "none", or a CSV table.
        channels: 1 (grey), 3 (colour) or 4 (with alpha).
        geometry: "crop", "squash" or "pad"; see :func:`lienzo.pictures.fit`.
        trim_borders: cut plain borders off first.
        background: behind transparent pictures and padding: white, black, grey, "#rrggbb" or (red, green, blue).
        enlarge: accept pictures smaller than ``size``.
        detect_damage: refuse pictures whose content shows that part of the file was lost.
        near_duplicates: refuse pictures whose perceptual hash is within this many of 64 bits of an earlier one's.
        conflicts: which to keep of one picture under different labels: "first", "all" or "refuse".
        holdout: share of the pictures to set aside for evaluation.
        workers: processes; by default one for each core.

    Raises:
        SourceError: a source is missing or unreadable, or holds no usable picture.
        CollectionError: ``out`` cannot be written, or holds something else or a collection prepared differently.
        InputError: an unknown or impossible setting.
    """
    height, width = parse_size(size)
    settings = Settings(
        height=height,
        width=width,
        channels=channels,
        geometry=geometry,
        trim_borders=trim_borders,
        background=parse_colour(background),
        enlarge=enlarge,
        detect_damage=detect_damage,
        near_duplicates=near_duplicates,
        conflicts=conflicts,
        holdout=holdout,
    )
    collection = None
    for step in steps(source, out, settings, labels=labels, workers=workers):
        collection = step.collection
    assert collection is not None
    return collection


def steps(
    source: str | Path | Sequence[str | Path],
    out: str | Path,
    settings: Settings,
    *,
    labels: str | Path = "folders",
    workers: int | None = None,
) -> Iterator[Progress]:
    """Do what :func:`prepare` does, step by step; leaving the loop stops it, and the same call goes on."""
    sources = [str(source)] if isinstance(source, str | Path) else [str(one) for one in source]
    if not sources:
        raise SourceError("no source was given: name a folder or an archive of pictures.")
    folder = Path(out)
    for one in sources:
        if Path(one).exists() and folder.exists() and Path(one).samefile(folder):
            raise CollectionError(f"the collection cannot be written into its own source {one}: name another folder.")
    workers = workers if workers is not None else _cores()
    if workers < 1:
        raise InputError(f"at least one worker is needed, not {workers}.")
    chosen = {**settings.to_json(), "sources": sources, "labels": str(labels)}

    table = {} if str(labels) in ("folders", "none") else read(Path(labels))

    def listed() -> Iterator[Entry]:
        for entry in entries(sources, leave_out=folder):
            yield _labelled(entry, labels, table)

    earlier = _earlier(folder, chosen)
    known = _known(earlier)
    total, new, seen = 0, 0, 0
    for entry in listed():
        total += 1
        if known.get(entry.name) == _identity(entry):
            seen += 1
        elif entry.name in known:
            raise CollectionError(
                f"{entry.name} has changed since the collection in {folder} was made: prepare into another folder."
            )
        else:
            new += 1
    if seen < len(known):
        raise CollectionError(
            f"{len(known) - seen} of the files that the collection in {folder} was made of are gone:"
            " prepare into another folder."
        )
    if earlier is not None and not new:
        yield Progress(total, total, earlier.count, earlier.refused, earlier)
        return
    if total == 0:
        raise SourceError(f"there are no pictures in {', '.join(sources)}: name a folder or an archive of pictures.")

    fresh = not folder.exists()
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        files.sweep(folder)
        journal = Journal(folder / JOURNAL, files.fingerprint(chosen))
    try:
        unseen = (entry for entry in listed() if entry.name not in known)
        keys: list[str] = []
        done, kept, refused = 0, 0, Counter[str]()

        def missing() -> Iterator[Unit]:
            nonlocal done, kept
            for key, unit in _units(unseen, settings):
                keys.append(key)
                if key not in journal:
                    yield key, unit
                    continue
                for screened in next(journal.units([key])):
                    count(screened)

        def count(screened: Screened) -> None:
            nonlocal done, kept
            done += 1
            if screened.reason:
                refused[screened.reason] += 1
            else:
                kept += 1

        for key, found in screen_units(missing(), settings, workers):
            with _writing(folder):
                journal.add(key, found)
            for screened in found:
                count(screened)
            yield Progress(done, new, kept, dict(refused))
        if kept == 0 and earlier is None:
            reasons = ", ".join(f"{number} {reason}" for reason, number in refused.most_common())
            journal.remove()
            if fresh:
                shutil.rmtree(folder)
            raise SourceError(f"none of the {done} files in {', '.join(sources)} can be used ({reasons}).")
        with _writing(folder):
            collection = _pack(folder, journal, keys, settings, chosen, earlier)
            journal.remove()
    finally:
        journal.close()
    yield Progress(done, new, kept, collection.refused, collection)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Say in one sentence that the collection cannot be written."""
    try:
        yield
    except OSError as error:
        mend = (
            "make room and run the same command again" if error.errno == errno.ENOSPC else "name a folder that can be"
        )
        raise CollectionError(f"{folder} cannot be written ({error.strerror or error}): {mend}.") from error


def _earlier(folder: Path, chosen: dict[str, Any]) -> Collection | None:
    """Return the collection that is to be added to, if there is one."""
    if not (folder / "collection.json").exists():
        if folder.exists() and not folder.is_dir():
            raise CollectionError(f"{folder} is a file: name a folder for the collection.")
        if folder.exists() and not (folder / JOURNAL).exists() and any(folder.iterdir()):
            raise CollectionError(f"{folder} holds something else: name an empty or a new folder.")
        return None
    earlier = Collection.open(folder)
    different = [name for name in chosen if earlier.settings.get(name) != chosen[name]]
    if different:
        name = different[0]
        raise CollectionError(
            f"the collection in {folder} was prepared with {name} = {earlier.settings.get(name)}, not {chosen[name]}:"
            " name another folder."
        )
    return earlier


def _identity(entry: Entry) -> tuple[int, str, str]:
    return entry.size, entry.stamp, files.fingerprint(dict(entry.labels))


def _known(earlier: Collection | None) -> dict[str, tuple[int, str, str]]:
    """Return what the collection was made of."""
    if earlier is None:
        return {}
    table = pq.read_table(earlier.path / "sources.parquet")
    return {
        name: (size, stamp, labels)
        for name, size, stamp, labels in zip(*(column.to_pylist() for column in table.columns), strict=True)
    }


def _labelled(entry: Entry, labels: str | Path, table: Mapping[str, dict[str, str]]) -> Entry:
    if labels == "none":
        return replace(entry, labels={})
    if labels != "folders":
        return replace(entry, labels=of(entry.name, table))
    parent = PurePosixPath(entry.name).parent
    return entry if entry.labels or str(parent) == "." else replace(entry, labels={"folder": str(parent)})


def _units(listed: Iterable[Entry], settings: Settings) -> Iterator[Unit]:
    """Yield entries in units of work."""
    bytes_each = settings.height * settings.width * settings.channels
    size = max(1, min(UNIT, UNIT_BYTES // bytes_each))
    listed = iter(listed)
    while unit := list(itertools.islice(listed, size)):
        yield unit_key(unit), unit


def _pack(
    folder: Path,
    journal: Journal,
    keys: Sequence[str],
    settings: Settings,
    chosen_settings: dict[str, Any],
    earlier: Collection | None,
) -> Collection:
    """Write the collection's files from the journal; ``collection.json`` comes last and makes them count."""

    def passed() -> Iterator[Screened]:
        return (found for unit in journal.units(keys) for found in unit if not found.reason)

    chosen = choose(passed(), settings)
    kinds = sorted({kind for found in passed() for kind in found.labels})
    refused = Counter[str](earlier.refused if earlier else {})
    rejected: list[dict[str, Any]] = earlier.rejected().to_pylist() if earlier else []
    listed: list[dict[str, Any]] = pq.read_table(folder / "sources.parquet").to_pylist() if earlier else []

    def rows() -> Iterator[packing.Row]:
        names: dict[int, str] = {}
        needed = {verdict.earlier for verdict in chosen.verdicts.values()}
        position = 0
        for unit in journal.units(keys):
            for found in unit:
                listed.append({"source": found.source, "bytes": found.size, "stamp": found.stamp,
                               "labels": files.fingerprint(found.labels)})  # fmt: skip
                reason, detail = found.reason, found.detail
                if not reason:
                    if position in needed:
                        names[position] = found.source
                    if (verdict := chosen.verdicts.get(position)) is None:
                        yield packing.Row(found, "holdout" if chosen.holdout[position] else "train")
                    else:
                        reason, detail = verdict.reason, f"the same as {names.get(verdict.earlier, 'another')}"
                    position += 1
                if reason:
                    refused[reason] += 1
                    rejected.append({"source": found.source, "reason": str(reason), "detail": detail,
                                     "bytes": found.size})  # fmt: skip

    count = len(chosen.holdout) - len(chosen.verdicts)
    shards: list[Shard] = list(earlier.shards if earlier else ())
    kept = rows()
    for size in packing.shard_counts(count, settings):
        shards.append(packing.write_shard(folder, len(shards), kept, size, kinds, settings))
    for _ in kept:
        raise AssertionError("more pictures than were counted")
    for name, schema, values in (
        ("rejected.parquet", packing.REJECTED, rejected),
        ("sources.parquet", packing.SOURCES, listed),
    ):
        with files.replacing(folder / name) as file:
            pq.write_table(pa.Table.from_pylist(values, schema=schema), file)
    draft = Collection(
        folder, settings.height, settings.width, settings.channels, sum(shard.count for shard in shards), "", {},
        chosen_settings, dict(sorted(refused.items())), tuple(shards),
    )  # fmt: skip
    collection = packing.finished(draft)
    files.write_json(folder / "collection.json", collection.to_json())
    return Collection.open(folder)
