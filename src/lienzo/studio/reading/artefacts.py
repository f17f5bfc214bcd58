"""The runs and collections below the studio's folder, by their paths within it."""

import os
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from lienzo.collection import manifest
from lienzo.collection.collection import Collection
from lienzo.errors import CollectionError, InputError, RunError
from lienzo.run.run import Run

FRESH_SECONDS = 2.0
"""A listing of the folder is used again for so long, at least."""

UNREAD = ("checkpoints", "milestones")
"""Folders of a run that the studio does not read, so that they may lie elsewhere."""

SHARE = 50
"""A listing is used again for so many times as long as it took: a large folder is not looked through all the time."""


@dataclass
class Artefacts:
    """A folder, and what lies below it. A path that leads out of it, by ``..`` or by a link, is no path of it."""

    root: Path
    """The folder, absolute."""

    _found: "_Listing" = field(default_factory=lambda: _Listing([], [], []), init=False)
    _fresh_until: float = field(default=0.0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def runs(self) -> list[str]:
        """Return the paths of the runs, the one changed last first."""
        return self._listing().runs

    def collections(self) -> list[str]:
        """Return the paths of the collections, by name."""
        return self._listing().collections

    def tensors(self) -> list[str]:
        """Return the paths of files of tensors that lie neither in a run nor in a collection, by name."""
        return self._listing().tensors

    def run(self, name: str) -> Run:
        """Return the run of this path.

        Raises:
            RunError: there is none within the folder, or a link in it leads out.
        """
        path = self._within(name)
        if path is None or not Run(path).exists():
            raise RunError(f"there is no run {name[:80]} in this folder (any more): go back to the list.")
        self._refuse_links(path, RunError)
        return Run(path)

    def collection(self, name: str) -> Collection:
        """Return the collection of this path.

        Raises:
            CollectionError: there is none within the folder, it is damaged, or a link in it leads out.
        """
        path = self._within(name)
        if path is None or not (path / manifest.NAME).is_file():
            raise CollectionError(f"there is no collection {name[:80]} in this folder (any more): go back to the list.")
        self._refuse_links(path, CollectionError)
        return Collection.open(path)

    def name_of(self, path: str | Path) -> str | None:
        """Return the path within the folder of something that lies there, or None."""
        try:
            resolved = Path(path).resolve()
        except (OSError, RuntimeError, ValueError):  # as in _within
            return None
        return resolved.relative_to(self.root).as_posix() if resolved.is_relative_to(self.root) else None

    def _within(self, name: str) -> Path | None:
        """Return the folder of this path, or None where it is not within the root."""
        try:
            path = (self.root / name).resolve()
            return path if path.is_relative_to(self.root) and path.is_dir() else None
        except (OSError, RuntimeError, ValueError):  # a name that is too long or has a NUL, links that go in a circle
            return None

    def _refuse_links(self, folder: Path, error: type[InputError]) -> None:
        """Raise an error if something in the folder of a run or a collection is a link out of the root, or no file."""
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name not in UNREAD and not self._belongs(entry):
                    raise error(
                        f"{entry.path} is a link out of this folder, or no file: put the file itself there, "
                        "or start lienzo studio in a folder that holds both."
                    )

    def _belongs(self, entry: "os.DirEntry[str]") -> bool:
        """Say whether an entry of a folder is a file or a folder below the root; what has vanished does no harm."""
        if entry.is_symlink():
            return self.name_of(entry.path) is not None
        if entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False):
            return True
        try:
            kind = entry.stat(follow_symlinks=False).st_mode
        except FileNotFoundError:
            return True
        return stat.S_ISREG(kind) or stat.S_ISDIR(kind)

    def _listing(self) -> "_Listing":
        with self._lock:
            begun = time.monotonic()
            if begun >= self._fresh_until:
                self._found = self._look()
                now = time.monotonic()
                self._fresh_until = now + max(FRESH_SECONDS, SHARE * (now - begun))
            return self._found

    def _look(self) -> "_Listing":
        runs: list[tuple[float, str]] = []
        others: dict[str, list[str]] = {"collection": [], "tensors": []}
        for path, kind in _walk(self.root):
            name = path.relative_to(self.root).as_posix()
            if kind == "run":
                log = Run(path).log_path
                try:
                    changed = (log if log.exists() else Run(path).manifest_path).stat().st_mtime
                except OSError:  # it has just vanished
                    continue
                runs.append((-changed, name))
            else:
                others[kind].append(name)
        return _Listing([name for _, name in sorted(runs)], sorted(others["collection"]), sorted(others["tensors"]))


class _Listing(NamedTuple):
    """Paths below the folder."""

    runs: list[str]
    collections: list[str]
    tensors: list[str]


def _walk(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield what lies below a folder, and what it is: ``run``, ``collection`` or a file of ``tensors``.

    Links are not followed, and nothing within runs and collections is seen.
    """
    for path, names, files in os.walk(root):
        is_run = {"run.json", "recipe.toml"} <= set(files)
        if is_run or manifest.NAME in files:
            names.clear()
            yield Path(path), "run" if is_run else "collection"
            continue
        yield from ((Path(path, name), "tensors") for name in files if name.endswith(".safetensors"))
        names[:] = sorted(name for name in names if not name.startswith("."))
