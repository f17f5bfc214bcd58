"""Choosing among screened pictures: duplicates, conflicting labels, and the part that is held out."""

import hashlib
import itertools
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lienzo.collection.reasons import Reason
from lienzo.collection.settings import Settings

SIDE_BITS = 4
"""Pictures whose perceptual hashes differ in at most so many of 64 bits are held out together, or not at all."""

_BLOCK = 1 << 20
"""Number of pairs of hashes that are compared at a time."""


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
        text = json.dumps(dict(labels), sort_keys=True)
        self.labels += hashlib.blake2b(text.encode(), digest_size=8).digest()
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
    for members in _groups(digests[:, 0], digests[:, 1]):
        verdicts.update(_among_equal(members, labels, settings))
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


def _among_equal(members: NDArray[np.int64], labels: NDArray[np.uint64], settings: Settings) -> dict[int, Verdict]:
    """Decide about pictures whose pixels are all the same."""
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
    """Refuse every picture whose hash is near to that of an earlier one that stays, in favour of the first such one.

    Of pictures with the same hash at most the first stays, because it is near to all the others. So it is enough to
    compare the different hashes, however many pictures have them.
    """
    different, kind = np.unique(hashes, return_inverse=True)
    near: dict[int, list[int]] = {}
    for one, other in near_pairs(different, bits).tolist():
        near.setdefault(one, []).append(other)
        near.setdefault(other, []).append(one)
    verdicts: dict[int, Verdict] = {}
    standing: dict[int, int] = {}  # hash, by its position among the different ones -> the picture that stays
    for position, own in enumerate(kind.tolist()):
        if position in refused:
            continue
        first = min((standing[one] for one in (own, *near.get(own, ())) if one in standing), default=None)
        if first is None:
            standing[own] = position
        else:
            verdicts[position] = Verdict(Reason.NEAR_DUPLICATE, first)
    return verdicts


def near_pairs(hashes: NDArray[np.uint64], bits: int) -> NDArray[np.int64]:
    """Find all pairs of hashes that differ in at most ``bits`` bits.

    Equal hashes are pairs too, n (n − 1) / 2 of them: collapse them first where they may be many.

    Of ``bits + 1`` bands of bits at least one is equal in such a pair (the pigeonhole principle), so that only hashes
    that share a band are compared.

    Returns:
        (pairs, 2), the smaller position first, ordered by the larger one.
    """
    edges = np.linspace(0, 64, bits + 2).astype(int)
    found: list[NDArray[np.int64]] = []
    for low, high in itertools.pairwise(edges):
        band = (hashes >> np.uint64(low)) & np.uint64((1 << int(high - low)) - 1)
        for members in _groups(band):
            step = max(1, _BLOCK // len(members))
            for start in range(0, len(members), step):
                block = members[start : start + step]
                close = np.bitwise_count(hashes[block][:, None] ^ hashes[members][None, :]) <= bits
                rows, columns = np.nonzero(close & (block[:, None] < members[None, :]))
                found.append(np.stack([block[rows], members[columns]], axis=1))
    pairs = np.unique(np.concatenate(found), axis=0) if found else np.zeros((0, 2), np.int64)
    return pairs[np.lexsort((pairs[:, 0], pairs[:, 1]))]


def _sides(
    files: NDArray[np.uint64], hashes: NDArray[np.uint64], share: float, earlier: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Hold out a share of the pictures by their files' content, so that it is the same share at every size.

    Equal and nearly equal pictures are held out together, or not at all, by the smallest digest among their files. A
    digest m in [0, 1) is uniform; of the smallest of n digests, 1 − (1 − m)ⁿ is. So a group of n pictures that look
    alike is held out with the same probability as a single picture.
    """
    from scipy.sparse import coo_array  # noqa: PLC0415  only a collection with held-out pictures waits for it
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    different, kind = np.unique(hashes, return_inverse=True)  # a placeholder may stand in a source 100,000 times
    pairs = near_pairs(different, SIDE_BITS)
    links = coo_array((np.ones(len(pairs), np.bool_), (pairs[:, 0], pairs[:, 1])), shape=(len(different),) * 2)
    component = connected_components(links, directed=False)[1][kind]
    smallest = np.full(component.max(initial=-1) + 1, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(smallest, component, files)
    sides = 1 - (1 - smallest / 2.0**64) ** np.bincount(component) < share
    for position in range(
        len(earlier) - 1, -1, -1
    ):  # pictures of the earlier collection keep their part, and the first of a group decides
        sides[component[position]] = earlier[position]
    chosen: NDArray[np.bool_] = sides[component]
    chosen[: len(earlier)] = earlier
    return chosen
