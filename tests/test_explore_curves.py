"""Curves through latents: they pass through their keyframes, keep to the sphere, and close where they are asked to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lienzo.explore.curves import CURVES, even_distances, even_times, mixed, points


def drawn(count: int, latents: int = 50, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, latents))


@pytest.mark.parametrize("kind", CURVES)
@pytest.mark.parametrize("closed", [False, True])
def test_a_curve_passes_exactly_through_its_keyframes(kind: str, closed: bool) -> None:
    keyframes = drawn(5)
    assert np.array_equal(points(keyframes, np.arange(5.0), kind, closed=closed), keyframes)
    if closed:
        assert np.array_equal(points(keyframes, np.array([5.0]), kind, closed=True), keyframes[:1])


@pytest.mark.parametrize("kind", CURVES)
@given(seed=st.integers(0, 1000), closed=st.booleans())
def test_norms_stay_between_those_of_the_keyframes(kind: str, seed: int, closed: bool) -> None:
    keyframes = drawn(4, seed=seed)
    norms = np.linalg.norm(points(keyframes, np.linspace(0, 3 + closed, 61), kind, closed=closed), axis=1)
    ends = np.linalg.norm(keyframes, axis=1)
    assert ends.min() - 1e-9 <= norms.min()
    assert norms.max() <= ends.max() + 1e-9


def test_a_great_circle_turns_at_constant_speed_in_the_plane_of_its_ends() -> None:
    first, last = drawn(2)
    curve = points(np.stack([first, last]), np.linspace(0, 1, 11))
    unit = curve / np.linalg.norm(curve, axis=1, keepdims=True)
    turns = np.arccos((unit[1:] * unit[:-1]).sum(1))
    assert np.allclose(turns, turns[0])
    assert np.linalg.matrix_rank(np.vstack([curve, first, last]), tol=1e-8) == 2


def test_the_middle_of_a_straight_line_lies_inside_where_that_of_a_circle_does_not() -> None:
    keyframes = drawn(2, 1000)
    norms = np.linalg.norm(keyframes, axis=1)
    assert np.linalg.norm(keyframes.mean(0)) < 0.8 * norms.min()
    assert np.linalg.norm(points(keyframes, np.array([0.5]))[0]) == pytest.approx(norms.mean())


def test_a_spline_has_no_corner_where_great_circles_have_one() -> None:
    keyframes, step = drawn(4), 1e-4
    turned = {}
    for kind in CURVES:
        curve = points(keyframes, np.array([1 - step, 1.0, 1 + step]), kind)
        before, at, after = curve / np.linalg.norm(curve, axis=1, keepdims=True)
        left, right = at - before, after - at
        turned[kind] = (left @ right) / (np.linalg.norm(left) * np.linalg.norm(right))
    assert turned["spline"] > 0.999
    assert turned["great-circles"] < 0.9


def test_opposite_and_equal_keyframes_are_no_accident() -> None:
    one = drawn(1)[0]
    for other in (one, -one, np.zeros_like(one)):
        curve = points(np.stack([one, other]), np.linspace(0, 1, 7))
        assert np.isfinite(curve).all()
        assert np.array_equal(curve[[0, -1]], np.stack([one, other]))


def test_a_single_keyframe_stands_still() -> None:
    assert np.array_equal(points(drawn(1), even_times(1, 3)), drawn(1).repeat(3, 0))


def test_times_end_at_the_last_keyframe_or_just_before_the_first_again() -> None:
    assert even_times(3, 5).tolist() == [0, 0.5, 1, 1.5, 2]
    assert even_times(2, 4, closed=True).tolist() == [0, 0.5, 1, 1.5]


def test_easing_slows_down_at_keyframes_and_keeps_them() -> None:
    steps = np.diff(even_times(3, 21, "smooth"))
    assert steps[0] < steps[5] > steps[9]
    assert even_times(3, 21, "smooth")[10] == 1
    assert (steps > 0).all()


def test_labels_are_mixed_linearly() -> None:
    rows = np.eye(2)
    assert mixed(rows, np.array([0, 0.25, 1])).tolist() == [[1, 0], [0.75, 0.25], [0, 1]]


def test_even_distances_undo_an_uneven_speed() -> None:
    times = np.linspace(0, 1, 201)
    covered = times**3  # slow at first
    wanted = even_distances(times, np.diff(covered), 11)
    assert np.allclose(np.interp(wanted, times, covered), np.linspace(0, 1, 11), atol=1e-3)


def test_even_distances_of_a_walk_that_stands_still() -> None:
    assert np.isfinite(even_distances(np.linspace(0, 1, 5), np.zeros(4), 3)).all()
