"""Copies and blends of training pictures are distinguished from new pictures."""

import itertools

import numpy as np
import pytest
import scipy.stats
import torch

from lienzo.metrics.distances import nearest
from lienzo.metrics.novelty import blends, excess
from lienzo.metrics.results import expected_share


def drawn(n: int, seed: int, d: int = 24) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


TRAINING, HELD_OUT, NEW = drawn(400, 1), drawn(200, 2), drawn(300, 3)
COPIES = TRAINING[:300] + 0.05 * drawn(300, 4)
MIXED = 0.5 * TRAINING[:300] + 0.5 * TRAINING[100:400] + 0.02 * drawn(300, 5)


def closer(generated: torch.Tensor):
    return excess(nearest(generated, TRAINING).distances[:, 0], nearest(HELD_OUT, TRAINING).distances[:, 0])


def blended(generated: torch.Tensor):
    return excess(blends(generated, TRAINING).unexplained, blends(HELD_OUT, TRAINING).unexplained)


@pytest.mark.parametrize("test", [closer, blended])
def test_new_pictures_are_like_held_out_ones(test):
    found = test(NEW)
    assert abs(found.share.value - 0.05) < 3 * found.share.error
    assert abs(found.probability.value - 0.5) < 3 * found.probability.error


def test_a_memorising_generator_is_caught():
    found = closer(COPIES)
    assert found.share.value == 1
    assert found.probability.value == 1
    assert blended(COPIES).share.value == 1  # a copy is a blend with all the weight on one side


def test_a_generator_that_memorises_every_fifth_picture_is_caught_by_the_share():
    found = closer(torch.cat([NEW[:240], COPIES[:60]]))
    assert found.share.value > 0.05 + 3 * found.share.error


def test_a_blender_is_caught():
    assert blended(MIXED).share.value > 0.99
    assert blended(MIXED).probability.value > 0.99


def test_a_noisy_generator_is_farther_than_real_pictures():
    assert closer(3 * NEW).share.value == 0
    assert closer(3 * NEW).probability.value < 0.05


def test_a_blend_is_taken_apart_again():
    weights = torch.linspace(0.51, 0.8, 50).double()
    first, second = TRAINING[:50].double(), TRAINING[50:100].double()
    found = blends(weights[:, None] * first + (1 - weights)[:, None] * second, TRAINING)
    assert found.unexplained.max() < 1e-6
    assert torch.equal(found.first, torch.arange(50))
    assert torch.equal(found.second, torch.arange(50, 100))
    torch.testing.assert_close(found.alpha, weights)


def test_blends_agree_with_trying_all_pairs():
    training, picture = drawn(12, 6, 4).double(), drawn(1, 7, 4).double()
    alpha = torch.linspace(0, 1, 2001).double()[:, None]
    best = min(
        float((picture - alpha * training[i] - (1 - alpha) * training[j]).square().sum(1).min())
        for i, j in itertools.product(range(12), repeat=2)
    )
    expected = best / float((picture - training.mean(0)).square().sum())
    assert blends(picture, training, candidates=12).unexplained.item() == pytest.approx(expected, rel=1e-4)


def test_blends_do_not_depend_on_chunks():
    whole, parts = blends(NEW[:20], TRAINING, chunk=20), blends(NEW[:20], TRAINING, chunk=3)
    torch.testing.assert_close(parts.unexplained, whole.unexplained)
    assert torch.equal(parts.second, whole.second)


def test_a_flat_picture_and_duplicates_in_the_training_set_do_no_harm():
    training = torch.cat([TRAINING, TRAINING[:5], TRAINING.mean(0, keepdim=True)])
    found = blends(torch.cat([training.mean(0, keepdim=True), NEW[:3]]), training)
    assert torch.isfinite(found.unexplained).all()


def test_the_probability_is_that_of_mann_and_whitney():
    ours, theirs = torch.randint(0, 20, (60,)).double(), torch.randint(0, 20, (45,)).double()
    statistic = scipy.stats.mannwhitneyu(theirs, ours).statistic  # pairs in which theirs is larger, ties half
    assert excess(ours, theirs).probability.value == pytest.approx(statistic / (60 * 45))


def test_the_errors_foretell_how_far_share_and_probability_vary():
    source = torch.Generator().manual_seed(0)
    found = [excess(torch.rand(300, generator=source), torch.rand(200, generator=source)) for _ in range(300)]
    for name in ("share", "probability"):
        values = [getattr(one, name).value for one in found]
        errors = [getattr(one, name).error for one in found]
        assert np.mean(errors) == pytest.approx(np.std(values), rel=0.2)


@pytest.mark.parametrize("held_out", [1, 2, 5, 10, 19, 30])
def test_the_error_of_a_share_is_right_for_few_held_out_pictures(held_out: int) -> None:
    source = torch.Generator().manual_seed(0)
    found = [
        excess(torch.rand(300, generator=source), torch.rand(held_out, generator=source)).share for _ in range(1000)
    ]
    values, errors = zip(*found, strict=True)
    assert np.mean(values) == pytest.approx(expected_share(held_out), rel=0.1)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.2)


@pytest.mark.parametrize("shift", [-1.0, 0.5, 1.5])
def test_the_error_of_a_share_is_right_where_generated_pictures_lie_closer_or_farther(shift: float) -> None:
    """The density of generated numbers at the threshold counts, not that of held-out ones."""
    source = torch.Generator().manual_seed(0)
    found = [
        excess(torch.randn(1056, generator=source) - shift, torch.randn(493, generator=source)).share
        for _ in range(300)
    ]
    assert np.mean([one.error for one in found]) == pytest.approx(np.std([one.value for one in found]), rel=0.2)


def test_a_share_is_of_pictures_below_the_threshold():
    held_out = torch.arange(100).double()
    found = excess(torch.tensor([0.0, 1.0, 50.0, 60.0]), held_out)
    assert found.threshold == pytest.approx(4.05)
    assert found.share.value == 0.5


def test_the_share_is_as_expected_for_few_held_out_numbers():
    source = torch.Generator().manual_seed(0)
    for count, expected in ((30, 0.05), (9, 0.1)):  # with nine, the lowest of ten numbers is one of the others in 0.1
        shares = [
            excess(torch.rand(200, generator=source), torch.rand(count, generator=source)).share.value
            for _ in range(600)
        ]
        assert np.mean(shares) == pytest.approx(expected, abs=0.01)
