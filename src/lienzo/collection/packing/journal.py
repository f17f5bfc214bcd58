"""The journal of a preparation: the results of screening so far, so that a killed preparation can be continued.

It is one file of checked frames in the folder of the collection. A frame holds the screened entries of one unit. If a
kill or a loss of power cuts a frame short, its checksum is wrong: the frame is dropped, and only its unit is screened
again. The collection is packed from the journal in the order of the listing, whatever the order of the frames.
"""

import hashlib
import json
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec

from lienzo.collection.listing.entries import Entry
from lienzo.collection.reasons import Reason
from lienzo.collection.screening.screening import Screened
from lienzo.collection.settings import Settings
from lienzo.errors import CollectionError
from lienzo.storage import schemas
from lienzo.storage.files import fingerprint
from lienzo.storage.schemas import Count, Fingerprint

_FRAME = struct.Struct("<4sQQ16s")
"""Prefix of a frame: the magic, the lengths of its head and of its pixels in bytes, and the digest of both."""
_MAGIC = b"LZJ2"


class _Beginning(msgspec.Struct, forbid_unknown_fields=True):
    """Head of the first frame."""

    settings: Fingerprint


class _Record(msgspec.Struct, forbid_unknown_fields=True):
    """One entry in the head of a unit's frame: a :class:`Screened`, with lengths in place of its bytes."""

    source: str
    size: Count
    stamp: str
    labels: dict[str, str]
    reason: Annotated[str, msgspec.Meta(pattern=rf"\A({'|'.join(Reason)})?\Z")]
    detail: str
    sha256: Annotated[str, msgspec.Meta(pattern=r"\A([0-9a-f]{64})?\Z")]
    format: str
    width: Count
    height: Count
    notes: tuple[str, ...]
    digest: Annotated[str, msgspec.Meta(pattern=r"\A([0-9a-f]{32})?\Z")]
    perceptual: int
    pixels: Count
    thumbnail: Count


class _Unit(msgspec.Struct, forbid_unknown_fields=True):
    """Head of the frame of a unit."""

    unit: Fingerprint
    screened: tuple[_Record, ...]

    def fits(self, content: int, pixels: int) -> bool:
        """Say whether the frame has as many bytes as its records, and each kept picture has its ``pixels`` bytes."""
        kept = all(
            record.pixels == pixels and record.width and record.height and record.sha256 and record.digest
            and 0 <= record.perceptual < 1 << 64
            for record in self.screened if not record.reason
        )  # fmt: skip
        return kept and sum(record.pixels + record.thumbnail for record in self.screened) == content


def unit_key(entries: Sequence[Entry]) -> str:
    """Return the name of a unit: it changes whenever one of its files does."""
    return fingerprint(
        [[entry.name, entry.size, entry.stamp, dict(entry.labels), *_choice(entry)] for entry in entries]
    )


def _choice(entry: Entry) -> list[str]:
    """Return what a table of choices says of an entry, if it says something."""
    left_out = entry.refusal is not None and entry.refusal[0] is Reason.LEFT_OUT
    return ["keep"] if entry.wanted else ["drop"] if left_out else []


class Journal:
    """An append-only file of screened units."""

    def __init__(self, path: Path, settings: Settings) -> None:
        """Open or begin the journal at ``path``; one that was begun with other settings is begun again.

        Raises:
            CollectionError: the file is something else, which is not to be overwritten.
        """
        self.path = path
        self._pixels = settings.height * settings.width * settings.channels
        self._offsets: dict[str, int] = {}
        if path.is_symlink() or (path.exists() and not _ours(path)):
            raise CollectionError(f"{path} is no journal of a preparation: name an empty or a new folder.")
        self._file = path.open("r+b" if path.exists() else "w+b")
        begun_with = fingerprint(settings.to_json())
        end = self._scan(begun_with)
        self._file.seek(end)
        self._file.truncate()
        if end == 0:
            self._append({"settings": begun_with}, b"")

    def _scan(self, settings: str) -> int:
        """Read all frames up to the first that is damaged, and return where it begins; 0 if the settings are others."""
        end = 0
        while (frame := self._read(end)) is not None:
            head, pixels, after = frame
            try:
                if end == 0:
                    if schemas.decode(head, _Beginning).settings != settings:
                        return 0
                else:
                    unit = schemas.decode(head, _Unit)
                    if not unit.fits(len(pixels), self._pixels):
                        return end
                    self._offsets[unit.unit] = end
            except ValueError:
                return end
            end = after
            del pixels
        return end

    def _read(self, offset: int, pixels: bool = True) -> tuple[bytes, bytes, int] | None:
        """Return a frame's head, its pixels and where it ends, or None for one that is not whole.

        Without ``pixels`` they are passed over, and the frame, which was seen to be whole before, is not checked.
        """
        self._file.seek(offset)
        prefix = self._file.read(_FRAME.size)
        if len(prefix) < _FRAME.size:
            return None
        magic, head_bytes, pixel_bytes, digest = _FRAME.unpack(prefix)
        left = os.fstat(self._file.fileno()).st_size - offset - _FRAME.size
        if magic != _MAGIC or head_bytes + pixel_bytes > left:
            return None
        head, content = self._file.read(head_bytes), self._file.read(pixel_bytes if pixels else 0)
        if pixels and _digest(head, content) != digest:
            return None
        return head, content, offset + _FRAME.size + head_bytes + pixel_bytes

    def _append(self, head: dict[str, Any], pixels: bytes) -> None:
        encoded = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()
        self._file.seek(0, os.SEEK_END)
        self._file.write(_FRAME.pack(_MAGIC, len(encoded), len(pixels), _digest(encoded, pixels)) + encoded)
        self._file.write(pixels)
        self._file.flush()

    def __contains__(self, key: str) -> bool:
        return key in self._offsets

    def add(self, key: str, screened: Sequence[Screened]) -> None:
        """Append a unit."""
        offset = self._file.seek(0, os.SEEK_END)
        records = [{**vars(item), "pixels": len(item.pixels), "thumbnail": len(item.thumbnail)} for item in screened]
        self._append({"unit": key, "screened": records}, b"".join(item.pixels + item.thumbnail for item in screened))
        self._offsets[key] = offset

    def units(self, keys: Sequence[str], *, pixels: bool = True) -> Iterator[list[Screened]]:
        """Yield units in the order of ``keys``, with their pixels and thumbnails or without."""
        for key in keys:
            frame = self._read(self._offsets[key], pixels)
            if frame is None:
                raise OSError(f"{self.path} changed while it was used")
            head, content, _ = frame
            screened, at = [], 0
            for record in schemas.decode(head, _Unit).screened:
                values = {name: getattr(record, name) for name in _Record.__struct_fields__}
                for field in ("pixels", "thumbnail"):
                    size = values[field]
                    values[field] = content[at : at + size]
                    at += size
                screened.append(Screened(**values))
            yield screened

    def close(self) -> None:
        """Close the file; it stays."""
        self._file.close()

    def remove(self) -> None:
        """Close the file and delete it."""
        self._file.close()
        self.path.unlink()


def _digest(head: bytes, pixels: bytes) -> bytes:
    digest = hashlib.sha256(head)  # processors have instructions for it: in less than two thirds of BLAKE2b's time
    digest.update(pixels)
    return digest.digest()[:16]


def _ours(path: Path) -> bool:
    """Say whether a file is a journal, or the beginning of one that a loss of power left."""
    with path.open("rb") as file:
        begins = file.read(3)
    return _MAGIC.startswith(begins) or not any(begins)
