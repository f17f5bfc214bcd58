"""Hashes that differ in few bits, found without comparing each with each, however many are nearly the same.

Of ``bits + 1`` bands of bits at least one is equal in two hashes that differ in at most ``bits`` bits (the pigeonhole
principle), so that only hashes that share a band are compared. Nearly equal placeholders may share one by the hundred
thousand, and have too many pairs to list. So none is listed: the hashes near to one are taken away when they are found,
and compared with no other.
"""

import itertools

import numpy as np
from numpy.typing import NDArray

BANDED = 9
"""For more bits than this, bands are so narrow that comparing with all hashes is quicker."""

SMALL = 1 << 13
"""Groups of hashes up to this size are searched first for members that are near to no other."""

BLOCK = 1 << 20
"""Number of pairs of hashes that are compared at a time."""


class Neighbours:
    """Different hashes, of which those near to one can be taken away."""

    def __init__(self, hashes: NDArray[np.uint64], bits: int) -> None:
        """Take hashes (n,), no two of them equal; those that differ in at most ``bits`` bits are near."""
        self._hashes, self._bits = hashes, bits
        self._left = np.ones(len(hashes), np.bool_)
        edges = np.linspace(0, 64, bits + 2).astype(int).tolist() if bits <= BANDED else [0, 64]
        self._bands = [_Band(hashes, low, high) for low, high in itertools.pairwise(edges)]
        self._alone = ~np.any([band.company(bits) for band in self._bands], axis=0)

    def __contains__(self, position: int) -> bool:
        """Say whether a hash has not been taken away yet."""
        return bool(self._left[position])

    def take(self, position: int) -> NDArray[np.int64]:
        """Take a hash away and all that are left near to it; return the positions of these, itself not among them."""
        self._left[position] = False
        if self._alone[position]:
            return np.zeros(0, np.int64)
        found = []
        for band in self._bands:
            near = band.near(position, self._hashes[position], self._bits)
            new = near[self._left[near]]
            if len(new) < len(near):
                band.compact(position, self._left)
            self._left[new] = False
            found.append(new)
        return np.concatenate(found)


class _Band:
    """Hashes in groups: in a group all have the same bits from ``low`` to ``high``, or it holds all of them."""

    def __init__(self, hashes: NDArray[np.uint64], low: int, high: int) -> None:
        mask = (1 << (high - low)) - 1 if high - low < 64 else 0
        values = (hashes >> np.uint64(low)) & np.uint64(mask)
        self._members = np.argsort(values, kind="stable")
        self._hashes = hashes[self._members]
        _, self._group, self._lengths = np.unique(values, return_inverse=True, return_counts=True)
        self._starts = np.cumsum(self._lengths) - self._lengths

    def company(self, bits: int) -> NDArray[np.bool_]:
        """Return for each hash whether another of its group may be near; members of large groups are not compared."""
        found = np.zeros(len(self._members), np.bool_)
        for group in np.flatnonzero(self._lengths > 1):
            here = self._slice(group)
            own, members = self._hashes[here], self._members[here]
            if len(own) > SMALL:
                found[members] = True
                continue
            step = max(1, BLOCK // len(own))
            for start in range(0, len(own), step):
                block = slice(start, start + step)
                found[members[block]] = (_differ(own[block, None], own) <= bits).sum(axis=1) > 1
        return found

    def near(self, position: int, value: np.uint64, bits: int) -> NDArray[np.int64]:
        """Return the positions of a hash's group that are near to its value, perhaps with some taken away before."""
        here = self._slice(self._group[position])
        return self._members[here][_differ(self._hashes[here], value) <= bits]

    def compact(self, position: int, left: NDArray[np.bool_]) -> None:
        """Forget the members of a hash's group that are not left."""
        group = self._group[position]
        here = self._slice(group)
        staying = left[self._members[here]]
        self._lengths[group] = count = np.count_nonzero(staying)
        end = here.start + count
        self._members[here.start : end], self._hashes[here.start : end] = (
            self._members[here][staying],
            self._hashes[here][staying],
        )

    def _slice(self, group: np.int64) -> slice:
        start = int(self._starts[group])
        return slice(start, start + int(self._lengths[group]))


def repeated(hashes: NDArray[np.uint64], bits: int) -> NDArray[np.int64]:
    """Return for each hash the position of the first one that stays and is near to it: its own, if it stays.

    Of equal hashes at most the first stays, because it is near to all the others; and what is near to a hash that stays
    need not be compared with anything else.

    Args:
        hashes: (n,), in their order.
        bits: in which near ones differ at most.
    """
    different, first, kind = np.unique(hashes, return_index=True, return_inverse=True)
    staying = first.copy()  # hash, by its position among the different ones -> where the one that stays is
    if bits:
        neighbours = Neighbours(different, bits)
        for own in np.argsort(first).tolist():
            if own in neighbours:
                staying[neighbours.take(own)] = staying[own]
    found: NDArray[np.int64] = staying[kind]
    return found


def _differ(one: NDArray[np.uint64], other: NDArray[np.uint64] | np.uint64) -> NDArray[np.uint8]:
    """Return in how many bits hashes differ."""
    found: NDArray[np.uint8] = np.bitwise_count(one ^ other)
    return found
