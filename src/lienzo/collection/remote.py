"""Collections at fsspec URLs: they are prepared and read in a local folder, and whole files are copied up and down."""

import hashlib
import shutil
from pathlib import Path, PurePosixPath

from lienzo.collection import manifest
from lienzo.collection.listing import places
from lienzo.collection.manifest import Manifest, Shard
from lienzo.errors import CollectionError
from lienzo.storage import caches, files

SENT = ".sent"
"""Name of the file that marks a local folder whose collection is at the URL too, and holds its name there; without it,
it still has to be sent."""


def local_folder(url: str) -> Path:
    """Return the folder in the user's cache that holds the local copy of the collection at a URL."""
    return caches.folder("collections") / hashlib.sha256(url.rstrip("/").encode()).hexdigest()[:16]


def is_sent(folder: Path) -> bool:
    """Return whether all of a local folder is at its URL too, so that the folder may be deleted."""
    return (folder / SENT).exists() and not (folder / ".journal").exists()


def name_there(folder: Path) -> str | None:
    """Return the name that a collection has at its URL, if a folder holds the local copy of one."""
    mark = folder / SENT
    return (mark.read_text(encoding="utf-8") or folder.name) if mark.exists() else None


def fetch(url: str) -> Path:
    """Copy the collection at ``url``, if there is one, into its local folder, except for shards that are there already.

    A local folder that has all of it and more stays as it is: pictures were added, and their sending was interrupted.

    Returns:
        the local folder, which need not exist if there is no collection.

    Raises:
        SourceError: the store does not answer.
        CollectionError: the manifest is damaged, or a file that it names is missing.
    """
    folder = local_folder(url)
    location = places.join(url, manifest.NAME)
    if not places.exists(location):
        if (folder / SENT).exists():  # it was there, and has been deleted
            for path in [*folder.glob("[!.]*"), folder / SENT]:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        return folder
    described = places.read(location)
    found = manifest.read(described, url)
    if _is_ahead(folder, found):
        return folder
    shards = {name: sha256 for shard in found.shards for name, sha256 in _files(shard)}
    for name, expected in {**shards, **dict.fromkeys([*found.tables.names, manifest.REPORT], "")}.items():
        here = folder / name
        if expected and here.exists() and files.sha256(here) == expected:
            continue
        try:
            files.write_bytes(here, places.read(places.join(url, name)))
        except FileNotFoundError:
            if name != manifest.REPORT:  # a collection is whole without the page about it
                raise CollectionError(
                    f"{url} lacks {name}, which its manifest names: delete it, and prepare the pictures again."
                ) from None
            here.unlink(missing_ok=True)
    files.write_bytes(folder / manifest.NAME, described)
    _mark(folder, url)
    return folder


def changes(folder: Path) -> None:
    """Write down that a local folder's collection has to be sent, before it becomes another than that at its URL."""
    (folder / SENT).unlink(missing_ok=True)


def _is_ahead(folder: Path, there: Manifest) -> bool:
    """Say whether a local folder's collection waits to be sent, and has all that is at the URL."""
    if (folder / SENT).exists() or not (folder / manifest.NAME).exists():
        return False
    try:
        here = manifest.read((folder / manifest.NAME).read_bytes(), str(folder))
    except CollectionError:
        return False
    return {*there.shards} <= {*here.shards}


def sent(folder: Path) -> set[str]:
    """Return the names of the shards' files that are at the URL already, for a folder that :func:`fetch` returned."""
    if not (folder / SENT).exists():
        return set()
    found = manifest.read((folder / manifest.NAME).read_bytes(), str(folder))
    return {name for shard in found.shards for name, _ in _files(shard)}


def send(folder: Path, url: str, known: set[str]) -> None:
    """Copy a finished collection from its local folder to ``url``; the manifest goes last.

    Args:
        folder: the local folder.
        url: where the collection goes.
        known: names of files that are there already and are not copied, from :func:`sent`.
    """
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    for name in sorted(names, key=lambda name: name == manifest.NAME):
        if name not in known:
            places.write(places.join(url, name), folder / name)
    _mark(folder, url)


def _mark(folder: Path, url: str) -> None:
    """Write down that a local folder's collection is at the URL too."""
    files.write_text(folder / SENT, PurePosixPath(url).name)


def _files(shard: Shard) -> list[tuple[str, str]]:
    """Return the name and the SHA-256 of each of a shard's files."""
    return [(shard.images, shard.images_sha256), (shard.index, shard.index_sha256)]
