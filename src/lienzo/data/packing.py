"""Packing: from screened entries to the files of a collection."""

import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lienzo import files
from lienzo.data.collection import Collection, Shard, label_column
from lienzo.data.screening import Screened
from lienzo.data.settings import Settings

SHARD_BYTES = 1 << 26
"""No shard has more bytes of pixels than this, unless one picture has."""


@dataclass(frozen=True)
class Row:
    """A picture that is kept."""

    screened: Screened
    part: str
    """``train`` or ``holdout``."""


def shard_counts(count: int, settings: Settings) -> Iterator[int]:
    """Yield how many of ``count`` pictures stand in each shard."""
    full = max(1, SHARD_BYTES // (settings.height * settings.width * settings.channels))
    while count > 0:
        yield min(full, count)
        count -= full


def write_shard(
    out: Path, number: int, rows: Iterator[Row], count: int, kinds: Sequence[str], settings: Settings
) -> Shard:
    """Write the next ``count`` rows as shard ``number``."""
    images, index = f"images-{number:05d}.npy", f"index-{number:05d}.parquet"
    shape = (count, settings.height, settings.width, settings.channels)
    digest = hashlib.sha256()
    records: list[Row] = []
    with files.replacing(out / images) as file:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
        file.write(header.getvalue())
        digest.update(header.getvalue())
        for _ in range(count):
            row = next(rows)
            file.write(row.screened.pixels)
            digest.update(row.screened.pixels)
            records.append(row)
    with files.replacing(out / index) as file:
        pq.write_table(index_table(records, kinds), file)
    return Shard(images, index, count, digest.hexdigest(), files.sha256(out / index))


def index_table(rows: Sequence[Row], kinds: Sequence[str]) -> pa.Table:
    """Return the index of pictures, a row each."""
    found = [row.screened for row in rows]
    columns = {
        "source": pa.array([item.source for item in found], pa.string()),
        "sha256": pa.array([item.sha256 for item in found], pa.string()),
        "bytes": pa.array([item.size for item in found], pa.int64()),
        "format": pa.array([item.format for item in found], pa.string()),
        "width": pa.array([item.width for item in found], pa.int32()),
        "height": pa.array([item.height for item in found], pa.int32()),
        "notes": pa.array([list(item.notes) for item in found], pa.list_(pa.string())),
        "part": pa.array([row.part for row in rows], pa.string()),
        "digest": pa.array([item.digest for item in found], pa.string()),
        "perceptual_hash": pa.array([item.perceptual for item in found], pa.uint64()),
    }
    columns |= {label_column(kind): pa.array([item.labels.get(kind) for item in found], pa.string()) for kind in kinds}
    return pa.table(columns)


REJECTED = pa.schema([("source", pa.string()), ("reason", pa.string()), ("detail", pa.string()), ("bytes", pa.int64())])
"""Columns of ``rejected.parquet``."""

SOURCES = pa.schema([("source", pa.string()), ("bytes", pa.int64()), ("stamp", pa.string()), ("labels", pa.string())])
"""Columns of ``sources.parquet``: what was listed, to find out later what is new."""


def finished(draft: Collection) -> Collection:
    """Return a collection whose vocabularies and fingerprint are those of its shards."""
    digest = hashlib.sha256(f"{draft.height}x{draft.width}x{draft.channels}".encode())
    names: dict[str, set[str]] = {}
    for shard in draft.shards:
        digest.update(shard.images_sha256.encode())
        index = pq.read_table(draft.path / shard.index)
        for column in sorted(
            name for name in index.column_names if name.startswith(label_column("")) or name == "part"
        ):
            values = index.column(column).to_pylist()
            digest.update(json.dumps([column, values], ensure_ascii=False).encode())
            if column != "part":
                names.setdefault(column.removeprefix(label_column("")), set()).update(values)
    vocabularies = {kind: tuple(sorted(found - {None})) for kind, found in sorted(names.items())}
    return replace(draft, vocabularies=vocabularies, fingerprint=digest.hexdigest()[:16])
