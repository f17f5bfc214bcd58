"""Collections behind fsspec URLs: worked on in a local folder, whole files go up and down."""

import hashlib
import shutil
from pathlib import Path

from lienzo.collection import manifest
from lienzo.collection.listing import places
from lienzo.collection.manifest import Shard
from lienzo.storage import caches, files

SENT = ".sent"
"""Stands in the local folder when the collection in it is at the URL too; without it, it still has to go up."""


def local_folder(url: str) -> Path:
    """Return the folder on this machine that stands for a collection's URL, in the user's cache."""
    return caches.folder("collections") / hashlib.sha256(url.rstrip("/").encode()).hexdigest()[:16]


def is_sent(folder: Path) -> bool:
    """Say whether all of a local folder is at its URL, so that the folder may be deleted."""
    return (folder / SENT).exists() and not (folder / ".journal").exists()


def fetch(url: str) -> Path:
    """Bring the collection at ``url``, if there is one, to its local folder; files that are there already stay.

    Raises:
        SourceError: the store does not answer.
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
    shards = {name: sha256 for shard in found.shards for name, sha256 in _files(shard)}
    for name, expected in {**shards, **dict.fromkeys([*found.tables.names, "report.html"], "")}.items():
        here = folder / name
        if not (expected and here.exists() and files.sha256(here) == expected):
            files.write_bytes(here, places.read(places.join(url, name)))
    files.write_bytes(folder / manifest.NAME, described)
    (folder / SENT).touch()
    return folder


def sent(folder: Path) -> set[str]:
    """Return the names of the shards that are at the URL already, for a folder that was just brought up to date."""
    if not (folder / SENT).exists():
        return set()
    found = manifest.read((folder / manifest.NAME).read_bytes(), str(folder))
    return {name for shard in found.shards for name, _ in _files(shard)}


def send(folder: Path, url: str, known: set[str]) -> None:
    """Bring a finished collection from its local folder to ``url``; ``known`` names the shards that are there."""
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    for name in sorted(names, key=lambda name: name == manifest.NAME):
        if name not in known:
            places.write(places.join(url, name), folder / name)
    (folder / SENT).touch()


def _files(shard: Shard) -> list[tuple[str, str]]:
    """Return names and SHA-256 of a shard's files."""
    return [(shard.images, shard.images_sha256), (shard.index, shard.index_sha256)]
