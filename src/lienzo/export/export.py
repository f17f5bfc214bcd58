"""The verb: a run, a generator or a collection becomes a file or folder that other tools read."""

import dataclasses
import inspect
from collections.abc import Callable, Container, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from lienzo.collection import manifest
from lienzo.collection.collection import Collection
from lienzo.collection.listing.places import is_url
from lienzo.errors import InputError
from lienzo.export.collections import COLLECTIONS
from lienzo.export.progress import Exported, Progress, Steps
from lienzo.export.settings import ENDINGS, Kind, Settings
from lienzo.generation import hub
from lienzo.run.run import Run, called
from lienzo.signatures import takes
from lienzo.storage import files

if TYPE_CHECKING:
    from lienzo.export.subject import Subject
    from lienzo.generation.generation import Generator


@takes(Settings)
def export(what: "str | Path | Run | Generator | Collection", settings: Settings) -> Exported:
    """Write a generator or a collection as a file or folder that other tools read.

    Args:
        what: a run, a generator, a collection, or where one of them lies.
        settings: taken as keyword arguments, the fields of :class:`lienzo.export.settings.Settings`.

    Raises:
        InputError: nothing that can be exported, to nothing that there is, a setting that this kind does not take, or
            a file or folder that exists already.
    """
    *_, last = steps(what, settings)
    assert last.exported is not None
    return last.exported


def steps(what: "str | Path | Run | Generator | Collection", settings: Settings) -> Iterator[Progress]:
    """Yield the progress of :func:`export`, whose arguments and errors it has, in order."""
    if isinstance(what, Collection) or _is_collection(what):
        opened = what if isinstance(what, Collection) else Collection.open(what)
        yield from _steps(opened, called(what), COLLECTIONS, settings)
    else:
        from lienzo.export.generators import GENERATORS
        from lienzo.export.subject import subject

        generator = subject(what)
        yield from _steps(generator, generator.name, GENERATORS, settings)


def _steps(
    subject: "Subject | Collection", name: str, kinds: Mapping[Kind, Callable[..., Steps]], settings: Settings
) -> Iterator[Progress]:
    """Yield the progress of an export to one of these kinds."""
    kind = settings.to
    if kind is None or kind not in kinds:
        a = "a collection" if isinstance(subject, Collection) else "a generator"
        raise InputError(f"{a} can be exported --to {', '.join(kinds)}{f', not to {kind}' if kind else ''}.")
    options = _options(kind, settings, inspect.signature(kinds[kind]).parameters)
    place = files.local(settings.out or f"{name}{ENDINGS[kind]}")
    with files.appearing(place) as path:
        facts = yield from kinds[kind](subject, path, **options)
    exported = Exported(place, kind, {"bytes": files.size_of(place), **facts})
    yield Progress("done", 1, 1, exported)


def _is_collection(what: "str | Path | Run | Generator") -> "TypeGuard[str | Path]":
    """Say whether a collection lies there, or else what may be a generator."""
    if not isinstance(what, str | Path):
        return False
    path = Path(what)
    if hub.is_address(str(what)):
        return False
    if is_url(str(what)) or (path / manifest.NAME).exists():
        return True
    if not path.exists():
        raise InputError(f"there is no {path}: give a run, a generator's .safetensors file, or a collection.")
    if path.is_dir() and not Run(path).exists():
        raise InputError(f"{path} is neither a run nor a collection: give one of them, or a generator's file.")
    return False


def _options(kind: Kind, settings: Settings, taken: Container[str]) -> dict[str, Any]:
    """Return the settings that were given beside ``to`` and ``out``, all of which the kind has to take."""
    given = {
        field.name: getattr(settings, field.name)
        for field in dataclasses.fields(settings)
        if field.name not in ("to", "out") and getattr(settings, field.name) != field.default
    }
    for name in given:
        if name not in taken:
            raise InputError(f"--{name.replace('_', '-')} says nothing of an export --to {kind}: leave it out.")
    return given
