"""The sliced Wasserstein distance, of points and of patches."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from torch.nn import functional

from lienzo.metrics import sliced
from lienzo.metrics.sliced import patch_distance, patches, sliced_wasserstein


def points(n: int, seed: int) -> torch.Tensor:
    return torch.randn(n, 5, generator=torch.Generator().manual_seed(seed))


def pictures(n: int, seed: int, size: int = 64) -> torch.Tensor:
    """Soft blobs of colour with fine noise: something on every scale."""
    source = torch.Generator().manual_seed(seed)
    coarse = torch.rand(n, 3, 4, 4, generator=source)
    soft = functional.interpolate(coarse, (size, size), mode="bilinear")
    return 255 * (soft + 0.1 * torch.rand(n, 3, size, size, generator=source))


def test_on_a_line_it_is_the_wasserstein_distance_for_any_counts():
    for n, m in [(50, 50), (50, 20), (7, 30), (1, 4)]:
        a, b = points(n, 0)[:, :1], points(m, 1)[:, :1]
        expected = scipy.stats.wasserstein_distance(a[:, 0], b[:, 0])
        assert sliced_wasserstein(a, b, directions=3) == pytest.approx(expected, rel=1e-5)


def test_a_shift_is_seen_by_its_mean_projection():
    a = points(100, 0)
    shift = torch.tensor([3.0, 0, 0, 0, 0])
    # E|cos| between a fixed and a uniform direction in five dimensions
    expected = 3 * math.gamma(2.5) / (math.sqrt(math.pi) * math.gamma(3))
    assert sliced_wasserstein(a, a + shift, directions=4000) == pytest.approx(expected, rel=0.03)


def test_a_set_with_itself_its_order_and_the_sides():
    a, b = points(60, 0), points(40, 1)
    assert sliced_wasserstein(a, a) == 0
    assert sliced_wasserstein(a, a.flip(0)) == pytest.approx(0, abs=1e-6)
    assert sliced_wasserstein(a, b) == pytest.approx(sliced_wasserstein(b, a))
    assert sliced_wasserstein(a, b, seed=1) != sliced_wasserstein(a, b, seed=2)


def test_the_pyramid_has_a_level_for_every_size_down_to_16():
    found = patches(pictures(3, 0)[:, :, :, :48])
    assert {size: tuple(part.shape) for size, part in found.items()} == {
        64: (3, sliced.PER_PICTURE, 3 * 49),
        32: (3, sliced.PER_PICTURE, 3 * 49),
    }
    assert list(patches(pictures(2, 0, 16))) == [16]
    assert list(patches(pictures(2, 0, 8))) == [8]


def test_patches_are_cut_from_the_picture_itself_where_there_is_one_level():
    image = torch.arange(16 * 16).float().reshape(1, 1, 16, 16)
    for patch in patches(image)[16][0].reshape(-1, 7, 7):
        top, left = divmod(int(patch[0, 0]), 16)
        assert torch.equal(patch, image[0, 0, top : top + 7, left : left + 7])


def test_a_flat_picture_has_nothing_on_the_fine_levels():
    found = patches(torch.full((2, 3, 64, 64), 200.0))
    assert found[64].abs().max() < 1e-3
    assert found[32].abs().max() < 1e-3
    torch.testing.assert_close(found[16], torch.full_like(found[16], 200.0))


def test_patches_do_not_depend_on_batches():
    images = pictures(6, 0)
    whole = patches(images)
    parts = [patches(images[:4], position=0), patches(images[4:], position=4)]
    for size, expected in whole.items():
        torch.testing.assert_close(torch.cat([part[size] for part in parts]), expected)


@pytest.mark.parametrize("size", [64, 67])
def test_the_blur_is_a_convolution_of_the_picture_with_its_edges_mirrored(size):
    line = torch.rand(1, 1, size)
    kernel = torch.tensor([[[1.0, 4.0, 6.0, 4.0, 1.0]]]) / 16
    expected = functional.conv1d(functional.pad(line, (2, 2), "reflect"), kernel)
    torch.testing.assert_close(sliced._blur(size) @ line[0, 0], expected[0, 0])


def test_the_pyramid_leaves_nothing_out(monkeypatch):
    """Enlarging by zeros between the pixels and a blur, level by level, gives the picture again."""
    monkeypatch.setattr(sliced, "_cut", lambda level, seed, position: level)
    picture = torch.rand(2, 3, 64, 96)
    fine, middle, coarse = patches(picture).values()
    for level in (middle, fine):
        zeros = torch.zeros_like(level)
        zeros[:, :, ::2, ::2] = coarse
        rows, columns = (2 * sliced._blur(size) for size in level.shape[2:])
        coarse = level + rows @ zeros @ columns.T
    torch.testing.assert_close(coarse, picture)


def test_each_scale_sees_its_own_faults():
    real, other = patches(pictures(100, 0)), patches(pictures(100, 1), seed=1)
    baseline = patch_distance(real, other)
    blurred, blur = pictures(100, 1), sliced._blur(pictures(1, 1).shape[-1])
    for _ in range(3):
        blurred = blur @ blurred @ blur.T
    blurry = patch_distance(real, patches(blurred, seed=1))
    assert blurry[64] > 5 * baseline[64]
    assert blurry[16] < 3 * baseline[16]
    darker = patch_distance(real, patches(pictures(100, 1) * 1.0 - 60, seed=1))
    assert darker[64] == pytest.approx(baseline[64], rel=0.05)
    assert darker[16] > 5 * baseline[16]


def test_a_channel_that_is_the_same_all_over_is_not_blown_up():
    """Such as alpha: what differs by a thousandth there weighs less than what is seen."""

    def opaque(images, alpha):
        return torch.cat([images, torch.full_like(images[:, :1], alpha)], 1)

    a, b = pictures(16, 0), pictures(16, 1)
    without = patch_distance(patches(a), patches(b))
    distances = patch_distance(patches(opaque(a, 255.0)), patches(opaque(b, 254.9)))
    for level, distance in distances.items():
        assert distance < 2 * without[level] + 0.1


def test_a_set_of_pictures_with_itself_is_nothing():
    real = patches(pictures(20, 0))
    assert list(patch_distance(real, real).values()) == [0, 0, 0]
    flat = patches(torch.zeros(5, 3, 32, 32))
    assert np.isfinite(list(patch_distance(flat, patches(pictures(5, 0, 32))).values())).all()
