"""Near duplicates: the bands find all that comparing everything finds."""

import numpy as np
import pytest
from numpy.typing import NDArray
from pictures_for_tests import encoded, noisy

from lienzo.collection.listing.entries import Entry
from lienzo.collection.packing.choosing import Candidates, Verdict, choose
from lienzo.collection.packing.neighbours import Neighbours
from lienzo.collection.reasons import Reason
from lienzo.collection.screening.screening import screen
from lienzo.collection.settings import Conflicts, Settings


def near_pairs(hashes: NDArray[np.uint64], bits: int) -> list[tuple[int, int]]:
    """Compare every hash with every other one; return the near pairs, ordered by the later one."""
    later, earlier = np.nonzero(np.tril(np.bitwise_count(hashes[:, None] ^ hashes[None, :]) <= bits, -1))
    return list(zip(earlier.tolist(), later.tolist(), strict=True))


@pytest.mark.parametrize("bits", [0, 1, 4, 8, 9, 10, 16])
@pytest.mark.parametrize("small", [0, 1 << 10])
def test_all_that_are_near_are_taken(bits: int, small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lienzo.collection.packing.neighbours.SMALL", small)
    draw = np.random.default_rng(0)
    hashes = draw.integers(0, 1 << 63, 60, np.uint64)
    near = hashes[:40].copy()
    for i in range(40):
        for bit in draw.choice(64, i % 20, replace=False):
            near[i] ^= np.uint64(1 << int(bit))
    everything = np.unique(np.concatenate([hashes, near, near[:30] ^ np.uint64(1)]))
    pairs = near_pairs(everything, bits)
    neighbours, gone = Neighbours(everything, bits), set[int]()
    for own in draw.permutation(len(everything)).tolist():
        found = set(neighbours.take(own).tolist())
        gone.add(own)
        assert found == {a + b - own for a, b in pairs if own in (a, b)} - gone
        gone |= found
        assert all((other in neighbours) == (other not in gone) for other in range(len(everything)))


@pytest.mark.parametrize("count", [6, pytest.param(20, marks=pytest.mark.slow)])
def test_the_hash_survives_scaling_and_compression(count: int) -> None:
    def hash_of(data: bytes) -> int:
        found = screen(Entry("a", "", len(data), data=data), Settings())
        assert not found.reason
        return found.perceptual

    plain = [hash_of(encoded(noisy(i, 300, 400), "PNG")) for i in range(count)]
    again = [hash_of(encoded(noisy(i, 300, 400).resize((200, 150)), quality=50)) for i in range(count)]
    assert max((a ^ b).bit_count() for a, b in zip(plain, again, strict=True)) <= 4
    others = [(a ^ b).bit_count() for i, a in enumerate(plain) for b in plain[:i]]
    assert min(others) > 10


def test_groups_that_look_alike_are_held_out_as_often_as_single_pictures() -> None:
    random, candidates = np.random.default_rng(0), Candidates()
    for look in np.repeat(random.integers(2**64, size=500, dtype=np.uint64), 8):
        candidates.add(random.bytes(32).hex(), random.bytes(16).hex(), {}, int(look))
    held = choose(candidates, Settings(holdout=0.25), np.zeros(0, np.bool_)).holdout
    assert held.mean() == pytest.approx(0.25, abs=0.05)


def test_copies_of_a_file_are_held_out_as_often_as_a_single_one() -> None:
    random, candidates = np.random.default_rng(0), Candidates()
    for look in random.integers(2**64, size=1000, dtype=np.uint64):
        file, digest = random.bytes(32).hex(), random.bytes(16).hex()
        for folder in "abc":
            candidates.add(file, digest, {"folder": folder}, int(look))
    held = choose(candidates, Settings(holdout=0.25), np.zeros(0, np.bool_)).holdout
    assert held.mean() == pytest.approx(0.25, abs=0.04)


def by_pairs(candidates: Candidates, bits: int, refused: set[int]) -> dict[int, int]:
    """Refuse in order each picture that is near to an earlier one that stays, for the first such one."""
    hashes = np.frombuffer(candidates.hashes, "<u8")
    verdicts: dict[int, int] = {}
    for first, second in near_pairs(hashes, bits):
        if not {first, second} & (refused | set(verdicts)):
            verdicts[second] = first
    return verdicts


@pytest.mark.parametrize("bits", [0, 4, 8])
def test_equal_hashes_change_no_verdict(bits: int) -> None:
    random, candidates = np.random.default_rng(bits), Candidates()
    looks = random.integers(2**64, size=20, dtype=np.uint64)
    digests = [random.bytes(16).hex() for _ in range(100)]
    for _ in range(300):
        look = int(random.choice(looks)) ^ sum(1 << int(bit) for bit in random.integers(64, size=random.integers(4)))
        candidates.add(random.bytes(32).hex(), str(random.choice(digests)), {}, look)
    equal = choose(candidates, Settings(), np.zeros(0, np.bool_)).verdicts
    both = choose(candidates, Settings(near_duplicates=bits), np.zeros(0, np.bool_)).verdicts
    found = {at: verdict.other for at, verdict in both.items() if verdict.reason == Reason.NEAR_DUPLICATE}
    assert found
    assert found == by_pairs(candidates, bits, set(equal))


@pytest.mark.parametrize("bits", [0, 3])
@pytest.mark.parametrize("copies", [5_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_many_copies_are_no_pairs(monkeypatch: pytest.MonkeyPatch, copies: int, bits: int) -> None:
    """Equal ones and nearly equal ones alike: a hash is compared as often as it is looked for, not with each other."""
    random, candidates = np.random.default_rng(0), Candidates()
    for i in range(copies):
        look = 7
        for bit in random.integers(64, size=bits):
            look ^= 1 << int(bit)
        candidates.add(random.bytes(32).hex(), random.bytes(16).hex(), {"of": str(i)}, look)
    for _ in range(100):
        candidates.add(random.bytes(32).hex(), random.bytes(16).hex(), {}, int(random.integers(2**63)))
    compared = 0

    def differ(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> NDArray[np.uint8]:
        nonlocal compared
        found = np.bitwise_count(one ^ other)
        compared += found.size
        return found

    monkeypatch.setattr("lienzo.collection.packing.neighbours._differ", differ)
    monkeypatch.setattr("lienzo.collection.packing.neighbours.SMALL", 1 << 10)
    chosen = choose(candidates, Settings(holdout=0.3, near_duplicates=4), np.zeros(0, np.bool_))
    assert compared < 3_000 * copies
    assert len(set(chosen.holdout[:copies])) == 1
    assert len(chosen.verdicts) > 0.95 * copies


@pytest.mark.parametrize("policy", ["first", "all", "refuse"])
@pytest.mark.parametrize("labels", [({}, {"kind": "cats"}), ({"kind": "cats"}, {}), ({}, {"kind": "cats"}, {})])
def test_a_copy_without_labels_is_no_conflict_and_the_labelled_one_stays(
    policy: Conflicts, labels: tuple[dict[str, str], ...]
) -> None:
    candidates = Candidates()
    for i, one in enumerate(labels):
        candidates.add(bytes([i] * 32).hex(), bytes(16).hex(), one, i)
    verdicts = choose(candidates, Settings(conflicts=policy), np.zeros(0, np.bool_)).verdicts
    kept = next(i for i, one in enumerate(labels) if one)
    assert verdicts == {i: Verdict(Reason.DUPLICATE, kept) for i in range(len(labels)) if i != kept}


@pytest.mark.parametrize("policy", ["first", "refuse"])
@pytest.mark.parametrize("earlier", [{}, {"kind": "dogs"}])
def test_a_picture_of_an_earlier_collection_stays(policy: Conflicts, earlier: dict[str, str]) -> None:
    candidates = Candidates()
    for i, one in enumerate((earlier, {"kind": "cats"})):
        candidates.add(bytes([i] * 32).hex(), bytes(16).hex(), one, i)
    verdicts = choose(candidates, Settings(conflicts=policy), np.zeros(1, np.bool_)).verdicts
    assert verdicts == {1: Verdict(Reason.CONFLICT, 0)}
