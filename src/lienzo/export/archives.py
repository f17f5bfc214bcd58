"""A collection as a folder, a zip file or WebDataset's tar files of PNG pictures, so that other tools train on it.

The same collection is always the same files, byte for byte, with the same version of Pillow. Pictures are written as
they are read; memory does not grow with the collection.
"""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from lienzo.collection.collection import Collection
from lienzo.collection.settings import Part
from lienzo.errors import InputError
from lienzo.export.pictures import METADATA, STYLEGAN, known, metadata_lines, pictures, stylegan_lines
from lienzo.export.progress import Progress, Steps

TAR_BYTES = 1 << 28
"""Bytes of PNG files, about, that are in one tar file."""


def write_folder(
    collection: Collection, path: Path, *, labels: str | None = None, part: Part = "all", licence: str | None = None
) -> Steps:
    """Write PNG files and ``metadata.jsonl``, the layout of Hugging Face's image folders.

    Args:
        collection: the pictures.
        path: of the folder.
        labels: kind of the labels that become folders.
        part: which pictures.
        licence: of the pictures, for the metadata.

    Raises:
        InputError: no such labels, or no pictures in the part.
    """

    def put(name: str, data: bytes) -> None:
        place = path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)

    path.mkdir()
    yield from _put_pictures(collection, part, labels, put)
    with (path / METADATA).open("wb") as file:
        file.writelines(metadata_lines(known(collection, part, labels, licence)))
    return _facts(collection, part)


def write_zip(
    collection: Collection, path: Path, *, labels: str | None = None, part: Part = "all", licence: str | None = None
) -> Steps:
    """Write a zip file of PNG files with ``dataset.json``, as StyleGAN has it, and ``metadata.jsonl``.

    The arguments and errors are those of :func:`write_folder`.

    Raises:
        CollectionError: some pictures lack a label of the kind.
    """
    with zipfile.ZipFile(path, "w") as archive:
        yield from _put_pictures(collection, part, labels, lambda name, data: archive.writestr(_member(name), data))
        with archive.open(_member(STYLEGAN), "w", force_zip64=True) as file:
            file.writelines(stylegan_lines(collection, known(collection, part, labels, licence), labels))
        with archive.open(_member(METADATA), "w", force_zip64=True) as file:
            file.writelines(metadata_lines(known(collection, part, labels, licence)))
    return _facts(collection, part)


def write_webdataset(
    collection: Collection, path: Path, *, labels: str | None = None, part: Part = "all", licence: str | None = None
) -> Steps:
    """Write a folder of tar files, each picture as ``.png`` beside ``.json`` and, with ``labels``, its ``.cls``.

    The arguments and errors are those of :func:`write_folder`. In ``.cls`` the label is a number, in the order of the
    labels.
    """
    count = _count(collection, part)
    numbers = {name: number for number, name in enumerate(collection.vocabularies.get(labels or "", ()))}
    path.mkdir()
    done = shard = 0
    following = pictures(collection, known(collection, part, labels, licence))
    picture = next(following, None)
    while picture is not None:
        written = 0
        with tarfile.open(path / f"{shard:06d}.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
            while picture is not None and written < TAR_BYTES:
                one, png = picture
                described = json.dumps(one.metadata, ensure_ascii=False).encode("utf-8", "backslashreplace")
                files = {"png": png, "json": described}
                if labels is not None and (label := one.labels[labels]) is not None:
                    files["cls"] = str(numbers[label]).encode()
                for ending, data in files.items():
                    info = tarfile.TarInfo(f"{one.row:08d}.{ending}")
                    info.size = len(data)
                    archive.addfile(info, io.BytesIO(data))
                written, done = written + len(png), done + 1
                yield Progress("pictures", done, count)
                picture = next(following, None)
        shard += 1
    return _facts(collection, part) | {"shards": shard}


def _put_pictures(collection: Collection, part: Part, labels: str | None, put: Callable[[str, bytes], None]) -> Steps:
    """Put every picture's PNG file somewhere under its name."""
    count = _count(collection, part)
    for done, (one, png) in enumerate(pictures(collection, known(collection, part, labels, None)), 1):
        put(one.name, png)
        yield Progress("pictures", done, count)
    return {}


def _count(collection: Collection, part: Part) -> int:
    """Return how many pictures a part has.

    Raises:
        InputError: none.
    """
    count = len(collection.rows(part))
    if not count:
        raise InputError(f"{collection.path} has no part {part}: leave --part out, or prepare it with --holdout 0.1.")
    return count


def _facts(collection: Collection, part: Part) -> dict[str, object]:
    return {"pictures": len(collection.rows(part)), "collection": collection.fingerprint}


def _member(name: str) -> zipfile.ZipInfo:
    """Return a member whose bytes depend on nothing but its name and content; PNG files are packed already."""
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.create_system, info.external_attr = 3, 0o644 << 16
    return info
