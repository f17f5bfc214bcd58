"""Randomness is a function of seed, stream and position; the clock decides what is due."""

import itertools

import numpy as np
import pytest

from lienzo.seeds import derive, numpy_generator
from lienzo.training.schedule import average_decay, crossed, steps_at_once

GOLDEN = {
    "weights": 5409347080047710043,
    "latents": 2602900439428043780,
    "order": [1, 7, 3, 0, 6, 5, 2, 4],
}


def test_seeds_stay_what_they_are() -> None:
    """A run begun with one version goes on with the next: these values must never change."""
    assert derive(0, "weights") == GOLDEN["weights"]
    assert derive(0, "latents", 1280) == GOLDEN["latents"]
    assert numpy_generator(7, "order", 3).permutation(8).tolist() == GOLDEN["order"]


def test_seeds_differ_in_every_argument() -> None:
    seeds = [derive(s, name, at) for s in range(20) for name in ("weights", "latents", "order") for at in range(20)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert derive(1, "a", 11) != derive(11, "a", 1)


def test_streams_are_independent() -> None:
    draws = np.stack([numpy_generator(0, "latents", at).standard_normal(4096) for at in range(4)])
    correlations = np.corrcoef(draws)[np.triu_indices(4, 1)]
    assert np.abs(correlations).max() < 5 / np.sqrt(4096)  # five standard deviations


@pytest.mark.parametrize(("before", "after", "every", "due"), [
    (0, 128, 128, True), (0, 127, 128, False), (127, 128, 128, True), (128, 255, 128, False),
    (100, 400, 128, True), (0, 128, 0, False), (5, 5, 1, False),
])  # fmt: skip
def test_what_is_due_every_so_many_pictures(before: int, after: int, every: int, due: bool) -> None:
    assert crossed(before, after, every) is due


def test_an_old_weight_counts_half_after_the_half_life() -> None:
    steps = 1000 // 50
    assert np.prod([average_decay(10**9, 50, 1000, 0.05)] * steps) == pytest.approx(0.5)
    assert average_decay(0, 50, 1000, 0.05) == 0  # the first step's weights are taken as they are
    assert average_decay(100, 5, 1000, 0.05) == pytest.approx(0.5)  # the ramp: a half-life of 5% of 100 pictures


def test_steps_are_played_together_where_nothing_is_due_before_the_last_of_them() -> None:
    seen = []
    for most, every in itertools.product((1, 2, 5), ((50,), (30, 0), (29, 40))):
        images = 0
        while images < 100:
            count = steps_at_once(images, 3, most, 100, every)
            after = [images + 3 * (i + 1) for i in range(most - 1)]
            due = any(end >= 100 or any(crossed(end - 3, end, each) for each in every) for end in after)
            assert count == (1 if due else most)
            images += 3 * count
            seen.append(count)
    assert set(seen) == {1, 2, 5}
