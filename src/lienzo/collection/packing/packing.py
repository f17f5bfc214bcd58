"""Packing: from the journal to the files of a collection, which depend on its content and the order of units alone."""

import hashlib
import io
import itertools
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lienzo.collection import manifest, report, tables
from lienzo.collection.collection import Collection
from lienzo.collection.manifest import Shard, Tables
from lienzo.collection.packing.choosing import Candidates, Chosen, choose
from lienzo.collection.packing.journal import Journal
from lienzo.collection.screening.screening import Screened
from lienzo.collection.settings import Settings
from lienzo.errors import CollectionError, SourceError
from lienzo.storage import files

SHARD_BYTES = 1 << 26
"""No shard has more bytes of pixels than this, unless one picture has."""


class _Written:
    """The results of packing: shards, the tables beside them, and counts and pictures for the report."""

    def __init__(self, shards: list[Shard], refused: Counter[str]) -> None:
        self.shards, self.refused = shards, refused
        self.drawn: list[report.Drawn] = []

    def begin(self, rejected: tables.Writer, sources: tables.Writer, earlier: Collection | None) -> None:
        """Begin both tables with the rows of the earlier collection, if there is one."""
        self._rejected, self._sources = rejected, sources
        if earlier is not None:
            rejected.extend(earlier.path / earlier.tables.rejected)
            sources.extend(earlier.path / earlier.tables.sources)

    def kept(
        self, decided: Iterator[tuple[Screened, str, str, str]], settings: Settings
    ) -> Iterator[tuple[Screened, str]]:
        """Yield the pictures that are kept, with their parts; write every file into a table, and count the refused."""
        for found, reason, detail, part in decided:
            sha256 = found.sha256 if reason else None
            self._sources.add(found.source, found.size, found.stamp, files.fingerprint(found.labels), sha256)
            if not reason:
                yield found, part
                continue
            self._rejected.add(found.source, reason, detail, found.size)
            self.refused[reason] += 1
            few = sum(one.reason == reason for one in self.drawn) < report.SHOWN
            if few and (one := report.draw(found, reason, detail, settings)) is not None:
                self.drawn.append(one)

    def end(self) -> None:
        """Write the ends of both tables."""
        self._rejected.close()
        self._sources.close()


def pack(
    folder: Path,
    journal: Journal,
    keys: Sequence[str],
    *,
    settings: Settings,
    provenance: Mapping[str, Any],
    earlier: Collection | None,
    wanted: Set[str] = frozenset(),
) -> Collection:
    """Write the files of a collection; ``collection.json`` is the last, and without it there is no collection.

    Args:
        folder: folder of the collection.
        journal: journal that holds every unit.
        keys: keys of the units, in the order of the listing.
        settings: settings of the preparation.
        provenance: values that are written beside these settings, such as the sources.
        earlier: the finished collection in ``folder`` that the units are added to.
        wanted: names of pictures to keep even if they repeat others.

    Raises:
        SourceError: nothing is left after choosing; the journal is removed.
    """
    held_out = np.zeros(0, np.bool_) if earlier is None else np.isin(np.arange(earlier.count), earlier.rows("holdout"))
    chosen, kinds = _choose(journal, keys, settings, earlier=earlier, held_out=held_out, wanted=wanted)
    count = len(chosen.holdout) - len(held_out) - len(chosen.verdicts)
    if count == 0 and earlier is None:
        journal.remove()
        raise SourceError(
            "no picture is left: each stands under different labels, and conflicts are refused. Keep the first, or all."
        )
    names = Tables("rejected.parquet", "sources.parquet") if earlier is None else earlier.tables.following()
    written = _Written([] if earlier is None else list(earlier.shards), Counter(earlier.refused if earlier else {}))
    with files.replacing(folder / names.rejected) as file, files.replacing(folder / names.sources) as listed:
        written.begin(tables.Writer(file, tables.REJECTED), tables.Writer(listed, tables.LISTED), earlier)
        known = {} if earlier is None else _names(earlier, {verdict.other for verdict in chosen.verdicts.values()})
        rows = written.kept(_decided(journal, keys, chosen, len(held_out), known), settings)
        for size in _shard_counts(count, settings):
            shard = _write_shard(folder, len(written.shards), rows, count=size, kinds=kinds, settings=settings)
            written.shards.append(shard)
        assert next(rows, None) is None
        written.end()
    vocabularies, fingerprint = _summary(folder, written.shards, settings)
    collection = Collection(
        path=folder,
        height=settings.height,
        width=settings.width,
        channels=settings.channels,
        count=sum(shard.count for shard in written.shards),
        fingerprint=fingerprint,
        vocabularies=vocabularies,
        settings={**settings.to_json(), **provenance},
        refused=dict(sorted(written.refused.items())),
        shards=tuple(written.shards),
        tables=names,
    )
    return _finish(collection, written.drawn, earlier)


def _finish(collection: Collection, drawn: Sequence[report.Drawn], earlier: Collection | None) -> Collection:
    """Write the report and ``collection.json``, delete the earlier tables, and open the collection."""
    report.write(collection, drawn)
    files.write_json(collection.path / manifest.NAME, collection.to_json())
    for name in () if earlier is None else earlier.tables.names:
        (collection.path / name).unlink(missing_ok=True)
    return Collection.open(collection.path)


def _choose(
    journal: Journal,
    keys: Sequence[str],
    settings: Settings,
    *,
    earlier: Collection | None,
    held_out: NDArray[np.bool_],
    wanted: Set[str],
) -> tuple[Chosen, list[str]]:
    """Choose among the earlier collection's pictures and the journal's; return also the kinds of labels there are."""
    candidates = Candidates()
    kinds: set[str] = set()
    position, positions = len(held_out), []
    if earlier is not None:
        kinds |= set(earlier.vocabularies)
        for batch in earlier.batches("sha256", "digest", "perceptual_hash", *map(tables.label_column, kinds)):
            columns = (column.to_pylist() for column in batch.values())
            for sha256, digest, perceptual, *labels in zip(*columns, strict=True):
                carried = {kind: label for kind, label in zip(kinds, labels, strict=True) if label is not None}
                try:
                    candidates.add(sha256, digest, carried, perceptual)
                except (ValueError, TypeError, AttributeError):  # no digest
                    raise CollectionError(
                        f"the index of {earlier.path} is damaged: delete it, and prepare the pictures again."
                    ) from None
    for unit in journal.units(keys, pixels=False):
        for found in unit:
            if not found.reason:
                candidates.add(found.sha256, found.digest, found.labels, found.perceptual)
                kinds |= set(found.labels)
                positions += [position] if found.source in wanted else []
                position += 1
    return choose(candidates, settings, held_out, positions), sorted(kinds)


def _names(collection: Collection, wanted: set[int]) -> dict[int, str]:
    """Return the sources of some rows."""
    names: dict[int, str] = {}
    row = 0
    for batch in collection.batches("source"):
        here = [i for i in range(len(batch["source"])) if row + i in wanted]
        names |= {row + i: batch["source"][i].as_py() for i in here}
        row += len(batch["source"])
    return names


def _decided(
    journal: Journal, keys: Sequence[str], chosen: Chosen, position: int, names: dict[int, str]
) -> Iterator[tuple[Screened, str, str, str]]:
    """Yield each screened entry with reason, detail and part; the first picture has the given ``position``."""
    wanted = {verdict.other for verdict in chosen.verdicts.values()}
    for unit in journal.units(keys):
        for found in unit:
            if found.reason:
                yield found, found.reason, found.detail, ""
                continue
            verdict = chosen.verdicts.get(position)
            if verdict is not None:
                yield found, str(verdict.reason), f"the same as {names.get(verdict.other, 'a later one')}", ""
            else:
                yield found, "", "", "holdout" if chosen.holdout[position] else "train"
            if position in wanted:
                names[position] = found.source
            position += 1


def _shard_counts(count: int, settings: Settings) -> Iterator[int]:
    """Yield the number of pictures in each shard, ``count`` in all."""
    full = max(1, SHARD_BYTES // (settings.height * settings.width * settings.channels))
    while count > 0:
        yield min(full, count)
        count -= full


def _write_shard(
    folder: Path,
    number: int,
    rows: Iterator[tuple[Screened, str]],
    *,
    count: int,
    kinds: Sequence[str],
    settings: Settings,
) -> Shard:
    """Write the next ``count`` rows as shard ``number``."""
    images, index = manifest.shard_names(number)
    header = io.BytesIO()
    shape = (count, settings.height, settings.width, settings.channels)
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    digest = hashlib.sha256(header.getvalue())
    schema = tables.INDEX
    for kind in kinds:
        schema = schema.append(pa.field(tables.label_column(kind), pa.string()))
    with files.replacing(folder / images) as file, files.replacing(folder / index) as described:
        table = tables.Writer(described, schema)
        file.write(header.getvalue())
        for found, part in itertools.islice(rows, count):
            file.write(found.pixels)
            digest.update(found.pixels)
            table.add(
                *(found.source, found.sha256, found.size, found.format, found.width, found.height, list(found.notes)),
                *(part, found.digest, found.perceptual),
                *(found.labels.get(kind) for kind in kinds),
            )
        table.close()
    return Shard(images, index, count, digest.hexdigest(), files.sha256(folder / index))


def _summary(folder: Path, shards: Sequence[Shard], settings: Settings) -> tuple[dict[str, tuple[str, ...]], str]:
    """Return the vocabularies of the shards, and their fingerprint."""
    digest = hashlib.sha256(f"{settings.height}x{settings.width}x{settings.channels}".encode())
    vocabularies: dict[str, set[str]] = {}
    for shard in shards:
        digest.update(shard.images_sha256.encode())
        with tables.opened(folder / shard.index, tables.INDEX, shard.count) as index:
            labels = sorted(name for name in index.schema_arrow.names if name.startswith(tables.LABEL))
            for name in ["part", *labels]:
                digest.update(json.dumps([name], ensure_ascii=False).encode())
                for batch in tables.batches(index, [name]):
                    values = batch.column(0).to_pylist()
                    digest.update("".join(f"{json.dumps(value, ensure_ascii=False)}\n" for value in values).encode())
                    if name != "part":
                        vocabularies.setdefault(name.removeprefix(tables.LABEL), set()).update(set(values) - {None})
    sorted_ones = {kind: tuple(sorted(names)) for kind, names in sorted(vocabularies.items()) if names}
    return sorted_ones, digest.hexdigest()[:16]
