"""The manifest of a run, ``run.json``: what it was begun with, and where trouble set it back or stopped it since."""

from typing import Annotated, Any, NotRequired, TypedDict

import msgspec

from lienzo.storage.schemas import Count

FORMAT = 1
"""Counts up when an older lienzo could no longer go on with the run."""


class CollectionRecord(TypedDict):
    """The collection that a run is trained on."""

    path: str
    """Its folder, absolute; an older run may have one that is relative to where it was begun."""
    fingerprint: str
    count: Count
    """Number of its pictures."""
    shape: Annotated[list[Count], msgspec.Meta(min_length=3, max_length=3)]
    """Height, width and channels of its pictures."""
    labels: NotRequired[list[str]]
    """Names of the labels that the networks know, where they are conditional."""


class OriginRecord(TypedDict):
    """The trained generator that a run was begun from."""

    path: str
    """Folder of its run, or its file; absolute."""
    fingerprint: str


class Rollback(TypedDict):
    """One time that trouble set a run back."""

    at: Count
    """Pictures shown when trouble came."""
    to: Count
    """Pictures shown at the milestone that the run went back to; 0 is its beginning."""
    trouble: str


class Stop(TypedDict):
    """Trouble that ended a run."""

    at: Count
    """Pictures shown when trouble came."""
    trouble: str


class Manifest(TypedDict):
    """All that ``run.json`` says, without the fingerprint that seals it."""

    format: int
    recipe: dict[str, Any]
    """The recipe that the run was begun with, and the length that was asked for last, as
    :meth:`lienzo.recipe.recipe.Recipe.to_dict` writes them."""
    collection: CollectionRecord
    versions: dict[str, str]
    """Versions of lienzo, PyTorch and Python."""
    machine: dict[str, Any]
    """Operating system, processor and number of threads."""
    origin: NotRequired[OriginRecord]
    rollbacks: NotRequired[list[Rollback]]
    stop: NotRequired[Stop]
