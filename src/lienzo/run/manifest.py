"""The manifest of a run, ``run.json``: what it was begun with, and where trouble set it back or stopped it since."""

from typing import Any, NotRequired, TypedDict, TypeGuard

FORMAT = 1
"""Counts up when an older lienzo could no longer go on with the run."""


class CollectionRecord(TypedDict):
    """The collection that a run is trained on."""

    path: str
    """Its folder, absolute; an older run may have one that is relative to where it was begun."""
    fingerprint: str
    count: int
    """Number of its pictures."""
    shape: list[int]
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

    at: int
    """Pictures shown when trouble came."""
    to: int
    """Pictures shown at the milestone that the run went back to; 0 is its beginning."""
    trouble: str


class Stop(TypedDict):
    """Trouble that ended a run."""

    at: int
    """Pictures shown when trouble came."""
    trouble: str


class Manifest(TypedDict):
    """All that ``run.json`` says, without the fingerprint that seals it."""

    format: int
    recipe: dict[str, Any]
    """The recipe that the run was begun with, as :meth:`lienzo.recipe.recipe.Recipe.to_dict` writes it."""
    collection: CollectionRecord
    versions: dict[str, str]
    """Versions of lienzo, PyTorch and Python."""
    machine: dict[str, Any]
    """Operating system, processor and number of threads."""
    origin: NotRequired[OriginRecord]
    rollbacks: NotRequired[list[Rollback]]
    stop: NotRequired[Stop]


def is_manifest(value: Any) -> TypeGuard[Manifest]:
    """Say whether a JSON value has all that lienzo reads of a manifest, in the right types."""
    origin, rollbacks, stop = (value.get(name) for name in ("origin", "rollbacks", "stop"))
    return (
        isinstance(value.get("format"), int)
        and all(isinstance(value.get(name), dict) for name in ("recipe", "collection", "versions", "machine"))
        and _has(value["collection"], path=str, fingerprint=str, count=int, shape=list)
        and len(value["collection"]["shape"]) == 3
        and all(isinstance(side, int) for side in value["collection"]["shape"])
        and all(isinstance(label, str) for label in value["collection"].get("labels", []))
        and (origin is None or _has(origin, path=str, fingerprint=str))
        and (rollbacks is None or (isinstance(rollbacks, list) and all(map(_is_rollback, rollbacks))))
        and (stop is None or _has(stop, at=int, trouble=str))
    )


def _is_rollback(value: Any) -> bool:
    return _has(value, at=int, to=int, trouble=str)


def _has(value: Any, **kinds: type) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), kind) for name, kind in kinds.items())
