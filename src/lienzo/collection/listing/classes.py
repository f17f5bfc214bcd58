"""Folders as labels: which folders of a source name what pictures show, and which only keep them apart."""

import re
from collections.abc import Collection, Mapping
from functools import cached_property
from itertools import pairwise

SPLITS = frozenset({"train", "training", "test", "testing", "validation", "valid", "val", "dev", "eval", "evaluation"})
"""Folders and archives, in lower case, that say what pictures are for, not what they show."""

ARCHIVE = re.compile(r"\.(zip|tar|tgz|tbz2?|txz|tar\.(gz|bz2|xz)|npz)$", re.I)
"""How the names of archives end."""

Folder = tuple[str, ...]
"""The parts of a picture's name within its source but the last; archives are among them."""


class FolderLabels:
    """The labels that the folders of one source give."""

    def __init__(self, folders: Mapping[Folder, bool], source: str, several: bool) -> None:
        """Look at all folders of a source together.

        Args:
            folders: every folder with pictures -> whether files beside these tell about them (img2dataset's shards).
            source: the source's own name, without an archive's ending.
            several: whether there are other sources; then a source without folders of its own is a label.
        """
        self._folders = folders
        self._source = source
        self._inner: dict[Folder, set[str]] = {}
        for folder in folders:
            for i, part in enumerate(folder):
                self._inner.setdefault(folder[:i], set()).add(part)
        self._numbered: dict[Folder, bool] = {}
        self._found = {folder: self._label(folder) for folder in folders}
        if several and not any(self._found.values()) and source.casefold() not in SPLITS:
            self._found = dict.fromkeys(folders, source)

    def __getitem__(self, folder: Folder) -> str | None:
        """Return the label of the pictures in a folder, if it is one."""
        return self._found.get(folder)

    def _label(self, folder: Folder) -> str | None:
        split = self._split(folder)
        inner = self._naming(folder, 0 if split is None else split + 1)
        if split is not None and not inner and len(self._before_splits) > 1:  # cats/train/1.jpg
            inner = self._naming(folder[:split], 0)
        if inner and self._folders[folder] and self._alike(folder[:-1]):
            inner = inner[:-1]
        if not inner and split is None:
            return self._archive_label(folder)
        return "/".join(inner) or None

    def _split(self, folder: Folder) -> int | None:
        """Return which part of a path is the first split, such as train.

        A folder ``train`` beside ``cat`` and ``dog`` is none: it has pictures of trains.
        """
        for i, part in enumerate(folder):
            if _stem(part) in SPLITS:
                beside = {_stem(name) for name in self._inner[folder[:i]]}
                if beside <= SPLITS or len(beside & SPLITS) > 1:
                    return i
        return None

    @cached_property
    def _before_splits(self) -> set[Folder]:
        """What precedes the splits: one folder around them, or several that may be labels."""
        return {folder[:split] for folder in self._folders if (split := self._split(folder)) is not None}

    def _naming(self, folder: Folder, start: int) -> Folder:
        """Return what of a path, from a part on, may be a label.

        That is what lies in the innermost archive, without a folder around it that has the archive's name, or else what
        lies above the archives.
        """
        archives = [i for i in range(start, len(folder)) if ARCHIVE.search(folder[i])]
        first = archives[-1] + 1 if archives else start
        name = _stem(folder[archives[-1]]) if archives else self._source.casefold() if start == 0 else ""
        if first < len(folder) and folder[first].casefold() == name and folder[: first + 1] in self._inner:
            first += 1
        return folder[first:] or (folder[start : archives[0]] if archives else ())

    def _archive_label(self, folder: Folder) -> str | None:
        """Return the name of an archive without folders inside, where those beside it are called something else."""
        if not folder or not ARCHIVE.search(folder[-1]) or len(self._inner[folder[:-1]]) == 1:
            return None
        return None if self._alike(folder[:-1]) else ARCHIVE.sub("", folder[-1])

    def _alike(self, folder: Folder) -> bool:
        """Say whether what is in a folder differs in digits alone, as shards do: 00000 and 00001, part-0 and part-1."""
        if folder not in self._numbered:
            self._numbered[folder] = alike(self._inner[folder])
        return self._numbered[folder]


def _stem(part: str) -> str:
    return ARCHIVE.sub("", part).casefold()


def alike(names: Collection[str]) -> bool:
    """Say whether names have digits and differ in nothing else.

    >>> alike({"00000", "00001"}), alike({"part-1.zip", "part-10.zip"}), alike({"cats", "dogs"})
    (True, True, False)
    """
    shapes = [re.sub(r"\d+", "0", name) for name in names]
    return all("0" in shape for shape in shapes) and all(one == other for one, other in pairwise(shapes))
