"""The pictures of a collection as other tools have them: PNG files with names, and what is known of each."""

import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lienzo.collection import tables
from lienzo.collection.collection import Collection
from lienzo.collection.settings import Part
from lienzo.errors import CollectionError, InputError, unknown
from lienzo.generation.pictures import digest, folded

LONGEST = 150
"""Bytes of a part of a label in a folder's name, at most. Systems take names of 255 bytes."""

BLOCK = 1 << 24
"""Bytes of pixels that are read at a time."""

GROUP = 1000
"""Number of files in a folder of pictures that no label names."""

UNLABELLED = "unlabelled"
"""Name of the folder of pictures without a label, where folders are labels."""

METADATA, STYLEGAN = "metadata.jsonl", "dataset.json"
"""Names of the tables of labels, which lie beside the folders."""

TAKEN = ("file_name", "lienzo")
"""Keys of the metadata that say something else than a label."""

STRANGE = re.compile(r'[\x00-\x1f<>:"\\|?*]|^[. ]+|[. ]+$')
"""What the name of a folder cannot hold on every system."""

DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|\Z)", re.IGNORECASE | re.ASCII)
"""How names begin that Windows keeps for devices."""


@dataclass(frozen=True)
class Known:
    """What is known of a picture."""

    row: int
    """Its row in the collection."""
    name: str
    """Path of its PNG file among those of the others, with slashes."""
    labels: dict[str, str | None]
    """Label kind -> label, or none; all kinds of the collection, in their order."""
    provenance: dict[str, Any]
    """Where it comes from, as JSON values; its key ``labels`` says which other keys of :attr:`metadata` are labels."""

    @property
    def metadata(self) -> dict[str, Any]:
        """All of it as one object of JSON."""
        return {**self.labels, "lienzo": self.provenance}


def known(collection: Collection, part: Part, labels: str | None, licence: str | None) -> Iterator[Known]:
    """Yield what is known of the pictures of a part of a collection, by row.

    Args:
        collection: the pictures.
        part: which of them.
        labels: kind of the labels that become folders; none: folders are numbered.
        licence: of the pictures, where it was given.

    Raises:
        InputError: the collection has no labels of that kind, or a kind called as something else in the metadata is.
    """
    kinds = list(collection.vocabularies)
    for kind in TAKEN:
        if kind in kinds:
            raise InputError(
                f"{collection.path} has a kind of labels called {kind}, and the metadata say something else under that "
                "name: call the column otherwise and prepare again, or leave it out with prepare --label-columns."
            )
    if labels is not None and labels not in kinds:
        raise InputError(unknown("label kind", labels, kinds))
    folders = folders_of(collection.vocabularies[labels]) if labels else {}
    row = 0
    for batch in collection.batches("source", "sha256", "part", *map(tables.label_column, kinds)):
        columns = (column.to_pylist() for column in batch.values())
        for source, sha256, belongs, *values in zip(*columns, strict=True):
            if part in ("all", belongs):
                carried = dict(zip(kinds, values, strict=True))
                folder = f"{row // GROUP:05d}" if labels is None else folders[carried[labels] or None]
                provenance = {"source": source, "sha256": sha256, "part": belongs, "labels": kinds}
                provenance |= {"licence": licence} if licence else {}
                yield Known(row, f"{folder}/{row:08d}.png", carried, provenance)
            row += 1


def folders_of(labels: Iterable[str]) -> dict[str | None, str]:
    """Return each label as a path of folders that every system can have, no two alike; ``None`` is no label.

    What a folder cannot be called becomes ``_``. A label that is too long is cut; that one, and labels that a system
    would take for the same, as Cubism and cubism, end in ~ and a part of their SHA-256.

    >>> list(folders_of(["seas/calm", "../what?"]).values())
    ['seas/calm', '_/what_', 'unlabelled']
    """
    written = {label: "/".join(map(_folder, label.split("/"))) for label in labels if label}
    alike = Counter(folded(name) for name in (*written.values(), UNLABELLED, METADATA, STYLEGAN))
    whole = {
        label: alike[folded(name)] == 1 and all(len(part.encode()) <= LONGEST for part in label.split("/"))
        for label, name in written.items()
    }
    ends = {label: "" if whole[label] else f"~{digest(label.encode())}" for label in written}
    return {label: name + ends[label] for label, name in written.items()} | {None: UNLABELLED}


def _folder(part: str) -> str:
    """Return a part of a label as the name of a folder."""
    name = STRANGE.sub("_", part.encode()[:LONGEST].decode(errors="ignore")) or "_"
    return f"_{name}" if DEVICES.match(name) else name


def pictures(collection: Collection, listed: Iterator[Known]) -> Iterator[tuple[Known, bytes]]:
    """Yield what is known of pictures, each with the bytes of its PNG file; a few are in memory at a time."""
    most = max(1, BLOCK // (collection.height * collection.width * collection.channels))
    waiting: list[Known] = []
    for one in listed:
        waiting.append(one)
        if len(waiting) == most:
            yield from _drawn(collection, waiting)
            waiting = []
    yield from _drawn(collection, waiting)


def _drawn(collection: Collection, some: list[Known]) -> Iterator[tuple[Known, bytes]]:
    images = collection.take(np.array([one.row for one in some], np.int64))
    for one, pixels in zip(some, images, strict=True):
        yield one, as_png(pixels)


def as_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return the bytes of a PNG file of pixels (height, width, channels)."""
    buffer = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(buffer, "PNG")
    return buffer.getvalue()


def metadata_lines(listed: Iterator[Known]) -> Iterator[bytes]:
    """Yield the lines of the ``metadata.jsonl`` that Hugging Face's image folders have."""
    for one in listed:
        line = {"file_name": one.name, **one.metadata}
        yield json.dumps(line, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def stylegan_lines(collection: Collection, listed: Iterator[Known], kind: str | None) -> Iterator[bytes]:
    """Yield the lines of StyleGAN's ``dataset.json``: each picture's label as a number, in the order of the labels.

    Raises:
        CollectionError: a picture has no label of the kind; StyleGAN wants one of each, or of none.
    """
    if kind is None:
        yield b'{"labels": null}\n'
        return
    numbers = {name: number for number, name in enumerate(collection.vocabularies[kind])}
    before = b'{"labels": ['
    for one in listed:
        label = one.labels[kind]
        if label is None:
            raise CollectionError(
                f"{one.provenance['source']} has no label of the kind {kind}, and StyleGAN wants one of every picture: "
                "leave --labels out, or export to a folder."
            )
        yield before + json.dumps([one.name, numbers[label]]).encode()
        before = b",\n"
    yield b"]}\n"
