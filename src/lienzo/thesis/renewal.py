"""Which long results a call of ``lienzo thesis --again`` has computed already, so that an interrupted one goes on."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from lienzo.storage import files, schemas
from lienzo.thesis.edition import Edition
from lienzo.version import __version__

NAME = "again.json"
"""Name of the file, which is there from the first result on until all pages are written."""


class _Noted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file says."""

    version: str
    """Of lienzo."""
    collection: str
    """Fingerprint of the reader's collection, empty without one."""
    done: tuple[str, ...] = ()
    """Names of the results."""


class Renewal:
    """The results that were computed since a renewal began, with this lienzo and this collection."""

    def __init__(self, folder: Path, edition: Edition) -> None:
        """Read what an interrupted renewal noted in this folder; one of another lienzo or collection begins anew."""
        self._path = folder / NAME
        collection = "" if edition.collection is None else edition.collection.fingerprint
        self._noted = _Noted(__version__, collection)
        try:
            found = schemas.decode(self._path.read_bytes(), _Noted)
        except (OSError, ValueError):  # it is not there, or damaged
            return
        if (found.version, found.collection) == (__version__, collection):
            self._noted = found

    @property
    def done(self) -> tuple[str, ...]:
        """Names of the results that are computed."""
        return self._noted.done

    def add(self, name: str) -> None:
        """Note that a result is computed."""
        self._note((*self.done, name))

    def end(self, names: Sequence[str]) -> None:
        """Note that the pages with these results are written, so that the next call computes them again."""
        if names:
            self._note(tuple(name for name in self.done if name not in names))

    def _note(self, done: tuple[str, ...]) -> None:
        self._noted = msgspec.structs.replace(self._noted, done=done)
        if done:
            files.write_json(self._path, msgspec.to_builtins(self._noted))
        else:
            self._path.unlink(missing_ok=True)
