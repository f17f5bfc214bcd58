"""Choosing among screened pictures: duplicates, conflicting labels, and the part that is held out."""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lienzo.collection.packing.neighbours import Neighbours, repeated
from lienzo.collection.reasons import Reason
from lienzo.collection.settings import Settings

SIDE_BITS = 4
"""Pictures whose perceptual hashes differ in at most so many of 64 bits are held out together, or not at all."""


def _digest(labels: Mapping[str, str]) -> bytes:
    """Return the digest of labels, 8 bytes."""
    return hashlib.blake2b(json.dumps(dict(labels), sort_keys=True).encode(), digest_size=8).digest()


UNLABELLED = int.from_bytes(_digest({}), "little")
"""The digest of no labels."""


@dataclass
class Candidates:
    """Digests of all pictures that passed screening, 40 bytes each, by which duplicates are found."""

    files: bytearray = field(default_factory=bytearray)
    """The first 8 bytes of the SHA-256 of the file."""
    digests: bytearray = field(default_factory=bytearray)
    """BLAKE2b digests of the packed pixels, 16 bytes each."""
    labels: bytearray = field(default_factory=bytearray)
    """Digests of the labels, 8 bytes each."""
    hashes: bytearray = field(default_factory=bytearray)
    """Perceptual hashes, 8 bytes each, little-endian."""

    def add(self, sha256: str, digest: str, labels: Mapping[str, str], perceptual: int) -> None:
        """Append a picture."""
        self.files += bytes.fromhex(sha256)[:8]
        self.digests += bytes.fromhex(digest)
        self.labels += _digest(labels)
        self.hashes += perceptual.to_bytes(8, "little")


@dataclass(frozen=True)
class Verdict:
    """Why a picture is refused although it passed screening."""

    reason: Reason
    other: int
    """Position of the picture that it repeats."""


@dataclass(frozen=True)
class Chosen:
    """The decisions about pictures that passed screening, by their position among them."""

    verdicts: dict[int, Verdict]
    """Position of a refused picture -> why."""
    holdout: NDArray[np.bool_]
    """(n,): whether each is held out."""


def choose(
    candidates: Candidates, settings: Settings, earlier: NDArray[np.bool_], wanted: Collection[int] = ()
) -> Chosen:
    """Decide about pictures that passed screening.

    Args:
        candidates: n pictures, in order.
        settings: the policies.
        earlier: (k,), for the first k pictures, which are in the collection already: whether each is held out.
        wanted: positions of pictures that stay even if they repeat others.
    """
    digests = np.frombuffer(candidates.digests, "<u8").reshape(-1, 2)
    labels = np.frombuffer(candidates.labels, "<u8")
    hashes = np.frombuffer(candidates.hashes, "<u8")
    verdicts: dict[int, Verdict] = {}
    for members in _groups(digests[:, 0], digests[:, 1]) if settings.curate else ():
        verdicts.update(_among_equal(members, labels, settings, len(earlier)))
    if settings.near_duplicates is not None:
        verdicts |= _near_duplicates(hashes, settings.near_duplicates, verdicts)
    stay = set(wanted)
    verdicts = {position: verdict for position, verdict in verdicts.items()
                if position >= len(earlier) and position not in stay}  # fmt: skip
    holdout = np.zeros(len(labels), np.bool_)
    if settings.holdout > 0:
        holdout = _sides(np.frombuffer(candidates.files, "<u8"), hashes, settings.holdout, earlier)
    return Chosen(verdicts, holdout)


def _groups(*keys: NDArray[np.uint64]) -> Iterator[NDArray[np.int64]]:
    """Yield the positions, ascending, of what occurs more than once: there all ``keys``, (n,), are the same."""
    order = np.lexsort(keys)
    repeats = np.ones(max(0, len(order) - 1), np.bool_)  # of the one before, in that order
    for key in keys:
        repeats &= np.diff(key[order]) == 0
    edges = np.flatnonzero(np.diff(repeats, prepend=False, append=False))  # of runs of repeats, most often few
    for start, end in edges.reshape(-1, 2):
        yield order[start : end + 1]


def _among_equal(
    members: NDArray[np.int64], labels: NDArray[np.uint64], settings: Settings, earlier: int
) -> dict[int, Verdict]:
    """Decide about pictures whose pixels are all the same.

    A copy without labels repeats one that has some, wherever it stands, and is no conflict; but the first ``earlier``
    pictures, which are in the collection already, stay.
    """
    bare = (labels[members] == UNLABELLED) & (members >= earlier)
    if bare.any() and not bare.all():
        told = members[~bare]
        repeating = {int(position): Verdict(Reason.DUPLICATE, int(told[0])) for position in members[bare]}
        return repeating | _among_equal(told, labels, settings, earlier)
    first = int(members[0])
    if settings.conflicts == "refuse" and len(np.unique(labels[members])) > 1:
        return {int(position): Verdict(Reason.CONFLICT, int(members[1]) if position == first else first)
                for position in members}  # fmt: skip
    verdicts = {}
    standing: dict[int, int] = {}
    for position in members:
        label = int(labels[position])
        if label in standing:
            verdicts[int(position)] = Verdict(Reason.DUPLICATE, standing[label])
        elif standing and settings.conflicts == "first":
            verdicts[int(position)] = Verdict(Reason.CONFLICT, first)
        else:
            standing[label] = int(position)
    return verdicts


def _near_duplicates(hashes: NDArray[np.uint64], bits: int, refused: Mapping[int, Verdict]) -> dict[int, Verdict]:
    """Refuse every picture whose hash is near to that of an earlier one that stays, in favour of the first such one."""
    looked_at = np.array([position for position in range(len(hashes)) if position not in refused], np.int64)
    staying = looked_at[repeated(hashes[looked_at], bits)]
    return {
        position: Verdict(Reason.NEAR_DUPLICATE, other)
        for position, other in zip(looked_at.tolist(), staying.tolist(), strict=True)
        if position != other
    }


def _sides(
    files: NDArray[np.uint64], hashes: NDArray[np.uint64], share: float, earlier: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Hold out a share of the pictures by their files' content, so that it is the same share at every size.

    Equal and nearly equal pictures are held out together, or not at all, by the smallest digest among their files. A
    digest m in [0, 1) is uniform; of the smallest of n digests, 1 − (1 − m)ⁿ is. So a group of n different files that
    look alike is held out with the same probability as a single one. Copies of a file have one digest, and count once.
    """
    different, kind = np.unique(hashes, return_inverse=True)  # a placeholder may stand in a source 100,000 times
    component = _components(different, SIDE_BITS)[kind]
    smallest = np.full(component.max(initial=-1) + 1, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(smallest, component, files)
    different_files = component[np.unique(files, return_index=True)[1]]
    sides = 1 - (1 - smallest / 2.0**64) ** np.bincount(different_files, minlength=len(smallest)) < share
    for position in range(
        len(earlier) - 1, -1, -1
    ):  # pictures of the earlier collection keep their part, and the first of a group decides
        sides[component[position]] = earlier[position]
    chosen: NDArray[np.bool_] = sides[component]
    chosen[: len(earlier)] = earlier
    return chosen


def _components(hashes: NDArray[np.uint64], bits: int) -> NDArray[np.int64]:
    """Return for each of these different hashes a number that it shares with those a chain of near ones leads to."""
    component = np.arange(len(hashes))
    neighbours = Neighbours(hashes, bits)
    for start in range(len(hashes)):
        waiting = [start] if start in neighbours else []
        while waiting:
            found = neighbours.take(waiting.pop())
            component[found] = start
            waiting += found.tolist()
    return component
