"""Listing archives: zip and tar. A member is read where it stands; nothing is ever unpacked to the disk.

What an archive declares is not believed: names lead nowhere else, and no more is unpacked than a picture file can have.
"""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

from lienzo.collection.listing import places
from lienzo.collection.listing.entries import LARGEST, Entry, is_bomb
from lienzo.collection.reasons import Reason
from lienzo.errors import SourceError, StoreError

CHUNK = 1 << 20
"""Bytes of a compressed tar file that are unpacked at a time."""

HEADER_BYTES = 1 << 20
"""The headers of a member of a compressed tar file, its long names among them, unpack to no more than this."""

COMPRESSED = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
"""First bytes of a compressed file -> what unpacks it."""

BROKEN = (tarfile.TarError, OSError, EOFError, ValueError, zlib.error, lzma.LZMAError)
"""What reading a damaged tar file raises."""

BROKEN_ZIP = (zipfile.BadZipFile, OSError, EOFError, RuntimeError, ValueError, zlib.error, lzma.LZMAError)
"""What reading a damaged zip file raises, an encrypted one, or one that is compressed in an unknown way."""


def clean(name: str) -> str:
    r"""Return a member's name as a relative path that leads nowhere else.

    >>> clean("../../etc//./passwd.jpg"), clean("C:\\art\\a.jpg")
    ('etc/passwd.jpg', 'C:/art/a.jpg')
    """
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", ".", ".."))


class _Names:
    """Tells members of one name apart."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        """Name -> the last number that stood before its ending; 1 for none."""

    def unlike(self, name: str) -> str:
        """Return the name, with a number before its ending if it was given before."""
        path, number, found = PurePosixPath(name), self._numbers.get(name, 0), name
        while number and found in self._numbers:
            number += 1
            found = str(path.with_name(f"{path.stem} ({number}){path.suffix}"))
        self._numbers[name] = max(number, 1)
        self._numbers.setdefault(found, 1)
        return found


def zip_entries(location: str) -> Iterator[Entry]:
    """List the members of a zip file, in the order of their names.

    Raises:
        SourceError: it is broken as a whole.
    """
    names = _Names()
    try:
        with places.opened(location) as file, zipfile.ZipFile(file) as archive:
            for member in sorted(archive.infolist(), key=lambda member: clean(member.filename).split("/")):
                if member.is_dir() or not clean(member.filename):
                    continue
                name, stamp = names.unlike(clean(member.filename)), f"{member.CRC:08x}"
                entry = Entry(name, location, member.file_size, stamp, packed=member.compress_size,
                              method=member.compress_type, crc=member.CRC)  # fmt: skip
                file.seek(member.header_offset)
                header = file.read(30)
                refusal = None
                if member.flag_bits & 1:
                    refusal = (
                        Reason.UNREADABLE,
                        "encrypted: unpack the archive with its password first",
                    )
                elif not header.startswith(b"PK\x03\x04"):
                    refusal = (Reason.UNREADABLE, "the archive is damaged here")
                skipped = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
                yield entry.at(member.header_offset + 30 + skipped, refusal)
    except StoreError:
        raise
    except BROKEN_ZIP as error:
        split = "disk" in str(error)
        mend = "join its parts to one file first" if split else "download it again"
        raise SourceError(f"{location} cannot be read as a zip file ({error}): {mend}.") from None


def tar_entries(location: str, remarks: list[str]) -> Iterator[Entry]:
    """List the members of a tar file in their own order.

    The members of a compressed tar file cannot be read apart: their bytes come with the entries. A tar file holds no
    checksums of its members, and many have one and the same date: their stamp is that of the whole file.

    Args:
        location: path or URL.
        remarks: gets a sentence where the file is cut off; its whole members are listed all the same.

    Raises:
        SourceError: it is broken from the start.
    """
    with places.opened(location) as file:
        head = file.read(8)
        file.seek(0)
        unpack = next((opener for magic, opener in COMPRESSED.items() if head.startswith(magic)), None)
        listed, stamp = 0, places.stamp_of(location)[1]
        try:
            members = _plain_members(location, file) if unpack is None else _packed_members(location, file, unpack)
            for entry in members:
                listed += 1
                yield replace(entry, stamp=stamp)
            return
        except StoreError:
            raise
        except BROKEN as error:
            if not listed:
                raise SourceError(f"{location} cannot be read as a tar file ({error}): download it again.") from None
            remarks.append(
                f"{location} is cut off or damaged after {listed:,} members ({error}): these are used; "
                "download it again for the others."
            )


def _plain_members(location: str, file: BinaryIO) -> Iterator[Entry]:
    """List the members of a tar file that is not compressed; they are read later, where they stand."""
    names = _Names()
    with tarfile.open(fileobj=file, mode="r:") as archive:
        for member in archive:
            if member.isreg() and clean(member.name):
                yield Entry(names.unlike(clean(member.name)), location, member.size,
                            offset=member.offset_data, packed=member.size)  # fmt: skip
            archive.members.clear()  # type: ignore[attr-defined]  # it would keep all of them
        file.seek(archive.offset)
        if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("it lacks its end blocks")


def _packed_members(location: str, file: BinaryIO, unpack: Any) -> Iterator[Entry]:
    """List the members of a compressed tar file with their bytes.

    Raises:
        TarError and the errors of the compression: it is cut off or damaged.
    """
    names = _Names()
    with unpack(file, "rb") as unpacked:
        metered = _Metered(unpacked)
        with tarfile.open(fileobj=cast(Any, metered), mode="r|") as archive:
            while True:
                metered.left = HEADER_BYTES
                member = archive.next()
                metered.left = None
                if member is None:
                    break
                if member.isreg() and clean(member.name):
                    name = names.unlike(clean(member.name))
                    before = file.tell()
                    data, refusal = io.BytesIO(), None
                    content = archive.extractfile(member)
                    assert content is not None
                    try:
                        while chunk := content.read(CHUNK):
                            size = data.tell() + len(chunk)
                            if refusal is None and (size > LARGEST or is_bomb(size, file.tell() - before)):
                                refusal = (Reason.TOO_LARGE, f"more than {size:,} bytes of next to nothing packed")
                                data = io.BytesIO()
                            if refusal is None:
                                data.write(chunk)
                    except BROKEN:
                        cut = (Reason.TRUNCATED, "the archive ends within this member")
                        yield Entry(name, location, member.size, refusal=cut)
                        raise
                    yield Entry(name, location, member.size, data=data.getvalue(), refusal=refusal)
                archive.members.clear()  # type: ignore[attr-defined]
            if metered.last.count(0) != len(metered.last):
                raise tarfile.ReadError("it lacks its end blocks")


class _Metered:
    """A file whose headers cannot unpack to more than a limit; the archive's last bytes are remembered."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.left: int | None = None
        self.last = b""

    def read(self, size: int) -> bytes:
        data: bytes = self._file.read(size)
        if self.left is not None:
            self.left -= len(data)
            if self.left < 0:
                raise tarfile.ReadError(f"a header unpacks to more than {HEADER_BYTES:,} bytes")
        self.last = (self.last + data)[-tarfile.BLOCKSIZE :]
        return data
