"""Listing archives: zip, tar and WebDataset. A member is read where it stands, nothing is ever unpacked to the disk."""

import json
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from lienzo.collection.listing import places
from lienzo.collection.listing.entries import LARGEST, Entry
from lienzo.collection.reasons import Reason
from lienzo.errors import SourceError

USUAL_KINDS = ("label", "class", "style", "artist", "genre", "category")
"""Keys of a sample's JSON that are taken for labels."""

SHORT = 1 << 16
"""A label's file has at most so many bytes."""


def clean(name: str) -> str:
    r"""Return a member's name as a relative path that leads nowhere else.

    >>> clean("../../etc//./passwd.jpg"), clean("C:\\art\\a.jpg")
    ('etc/passwd.jpg', 'C:/art/a.jpg')
    """
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", ".", ".."))


def zip_entries(location: str) -> Iterator[Entry]:
    """List the members of a zip file, in the order of their names.

    Raises:
        SourceError: it is broken as a whole.
    """
    try:
        with places.opened(location) as file, zipfile.ZipFile(file) as archive:
            for member in sorted(archive.infolist(), key=lambda member: clean(member.filename).split("/")):
                if member.is_dir():
                    continue
                name, stamp = clean(member.filename), f"{member.CRC:08x}"
                entry = Entry(name, location, member.file_size, stamp, packed=member.compress_size,
                              method=member.compress_type)  # fmt: skip
                file.seek(member.header_offset)
                header = file.read(30)
                refusal = None
                if member.flag_bits & 1:
                    refusal = (Reason.UNREADABLE, "encrypted")
                elif not header.startswith(b"PK\x03\x04"):
                    refusal = (Reason.UNREADABLE, "the archive is damaged here")
                names = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
                yield entry.at(member.header_offset + 30 + names, refusal)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, ValueError) as error:
        raise SourceError(f"{location} cannot be read as a zip file ({error}): download it again.") from None


def tar_entries(location: str) -> Iterator[Entry]:
    """List the members of a tar file in their own order; those of a WebDataset with the labels that stand beside them.

    The members of a compressed tar file cannot be read apart: their bytes come with the entries.

    Raises:
        SourceError: it is broken from the start.
    """
    name = PurePosixPath(location).name
    with places.opened(location) as file:
        packed = not file.read(262)[257:262].startswith(b"ustar")
        file.seek(0)
        try:
            archive = tarfile.open(fileobj=file, mode="r|*" if packed else "r:")  # noqa: SIM115
        except (tarfile.TarError, OSError, EOFError) as error:
            raise SourceError(f"{location} cannot be read as a tar file ({error}): download it again.") from None
        try:
            yield from _samples(archive, location, packed)
        except (tarfile.TarError, OSError, EOFError, ValueError) as error:
            yield Entry(
                f"{name} (its end)", location, 0, refusal=(Reason.TRUNCATED, f"the archive breaks off: {error}")
            )


def _samples(archive: tarfile.TarFile, location: str, packed: bool) -> Iterator[Entry]:
    """Gather the members that share a name up to its first dot: a WebDataset's sample."""
    sample, waiting = "", list[Entry]()
    labels: dict[str, str] = {}
    members = iter(archive)
    while True:
        try:
            member = next(members, None)
        except (tarfile.TarError, OSError, EOFError):
            yield from (entry.labelled(labels) for entry in waiting)
            raise
        if member is None:
            break
        if not member.isreg():
            continue
        name = clean(member.name)
        folder, _, last = name.rpartition("/")
        key = f"{folder}/{last.split('.')[0]}"
        if key != sample:
            yield from (entry.labelled(labels) for entry in waiting)
            sample, waiting, labels = key, [], {}
        suffix = last.partition(".")[2].lower()
        if suffix in ("cls", "json") and member.size <= SHORT:
            content = archive.extractfile(member)
            labels |= _labels(suffix, content.read() if content is not None else b"")
        else:
            waiting.append(_member(archive, member, name, location, packed))
    yield from (entry.labelled(labels) for entry in waiting)


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo, name: str, location: str, packed: bool) -> Entry:
    stamp = str(int(member.mtime))
    if not packed or member.size > LARGEST:
        return Entry(name, location, member.size, stamp, offset=member.offset_data, packed=member.size)
    content = archive.extractfile(member)
    data = b"" if content is None else content.read()
    return Entry(name, location, member.size, stamp, data=data)


def _labels(suffix: str, content: bytes) -> Mapping[str, str]:
    text = content.decode("utf-8", "replace").strip()
    if suffix == "cls":
        return {"class": text} if text else {}
    try:
        values = json.loads(text)
    except ValueError:
        return {}
    found = values if isinstance(values, dict) else {}
    return {kind: str(found[kind]) for kind in USUAL_KINDS if isinstance(found.get(kind), str | int)}
