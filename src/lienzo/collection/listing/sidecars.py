"""Files beside a picture that describe it, under its name: .cls and .json, as WebDataset and img2dataset write them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from posixpath import splitext

from lienzo.collection.listing.entries import Entry
from lienzo.collection.listing.labels import USUAL_KINDS
from lienzo.collection.listing.rows import exported_labels, written
from lienzo.collection.reasons import Refusal
from lienzo.storage import schemas

DESCRIBING = (".cls", ".json", ".txt")
"""Endings of such files. Texts are captions, not labels."""

SHORT = 1 << 16
"""Largest file that is read for labels, in bytes."""

SAMPLE, SAMPLE_BYTES = 64, 1 << 25
"""Most files whose names begin alike, and most of their bytes, that are held in memory at a time, but for a picture and
what describes it."""


def described(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield entries; pictures have the labels that files of the same name beside them give.

    Args:
        entries: such that the files that share a name up to its first dot follow each other.
    """
    sample: list[Entry] = []
    key, size = "", 0
    for entry in entries:
        found = _key(entry.name)
        if found != key:
            yield from _labelled(sample)
            sample, key, size = [], found, 0
        elif len(sample) >= SAMPLE or size > SAMPLE_BYTES:
            cut = _first_beside(sample, entry)
            yield from _labelled(sample[:cut])
            sample = sample[cut:]
            size = sum(len(one.data or b"") for one in sample)
        sample.append(entry)
        size += len(entry.data or b"")
    yield from _labelled(sample)


def _first_beside(sample: list[Entry], entry: Entry) -> int:
    """Return where the last files of a sample begin that belong with the next one: at most as many as a sample has."""
    stem = splitext(entry.name)[0]
    for number, one in reversed([*enumerate(sample)][-SAMPLE + 1 :]):
        if not (entry.name.startswith(f"{splitext(one.name)[0]}.") or one.name.startswith(f"{stem}.")):
            return number + 1
    return max(0, len(sample) - SAMPLE + 1)


def _key(name: str) -> str:
    folder, _, last = name.rpartition("/")
    return f"{folder}/{last.split('.')[0]}"


def _labelled(sample: list[Entry]) -> Iterator[Entry]:
    """Yield the files of one name, pictures with their labels."""
    beside = [entry for entry in sample if splitext(entry.name)[1].lower() in DESCRIBING]
    for entry in sample:
        about = [one for one in beside if entry.name.startswith(f"{splitext(one.name)[0]}.") and one is not entry]
        if not about or entry in beside:
            yield entry
            continue
        labels: dict[str, str] = {}
        for one in about:
            found, all_of_them = _labels(one)
            if all_of_them:
                labels = dict(found)
                break
            labels |= found
        yield replace(entry, described=True, labels=labels or entry.labels)


def _labels(entry: Entry) -> tuple[Mapping[str, str], bool]:
    """Return the labels in a file, and whether they are all that the picture has, as lienzo exports them.

    There are none where the file is large, cannot be read, or holds something else.
    """
    suffix = splitext(entry.name)[1].lower()
    if entry.size > SHORT or suffix == ".txt":
        return {}, False
    try:
        content = entry.read()
        if suffix == ".cls":
            text = content.decode("utf-8", "replace").strip()
            return ({"class": text} if text else {}), False
        values = schemas.parse(content)
    except (Refusal, ValueError):
        return {}, False
    found = values if isinstance(values, dict) else {}
    if (exported := exported_labels(found)) is not None:
        return {kind: label for kind, label in exported.items() if label}, True
    return {kind: text for kind in USUAL_KINDS if (text := written(found.get(kind)))}, False
