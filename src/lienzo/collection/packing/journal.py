"""The journal of a preparation: what was screened so far, so that a killed preparation goes on.

One file beside the collection to be, of checked frames; a frame holds the screened entries of one unit. A frame that a
kill or a loss of power cut short is recognised by its checksum and forgotten, and only its unit is done again. The
collection is packed from the journal in the order of the listing, whatever the order in which the frames came.
"""

import hashlib
import json
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lienzo.collection.listing.entries import Entry
from lienzo.collection.screening.screening import Screened
from lienzo.storage.files import fingerprint

_FRAME = struct.Struct("<4sQQ16s")
_MAGIC = b"LZJ2"


def unit_key(entries: Sequence[Entry]) -> str:
    """Return the name of a unit: it changes whenever one of its files does."""
    return fingerprint([[entry.name, entry.size, entry.stamp, dict(entry.labels)] for entry in entries])


class Journal:
    """An append-only file of screened units."""

    def __init__(self, path: Path, settings: str) -> None:
        """Open or begin the journal at ``path``; one that was begun with other ``settings`` is begun again."""
        self.path = path
        self._offsets: dict[str, int] = {}
        self._file = path.open("r+b" if path.exists() else "w+b")
        end = self._scan(settings)
        self._file.seek(end)
        self._file.truncate()
        if end == 0:
            self._append({"settings": settings}, b"")

    def _scan(self, settings: str) -> int:
        """Read every frame; return where the last whole one ends."""
        end = 0
        while (frame := self._read(end)) is not None:
            head, pixels, after = frame
            if end == 0 and head.get("settings") != settings:
                return 0
            if end:
                self._offsets[head["unit"]] = end
            end = after
            del pixels
        return end

    def _read(self, offset: int, pixels: bool = True) -> tuple[dict[str, Any], bytes, int] | None:
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
        return json.loads(head), content, offset + _FRAME.size + head_bytes + pixel_bytes

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
            for record in head["screened"]:
                for field in ("pixels", "thumbnail"):
                    size = record[field]
                    record[field] = content[at : at + size]
                    at += size
                screened.append(Screened(**{**record, "notes": tuple(record["notes"])}))
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
