"""FID, KID, precision, recall, density, coverage: against closed forms, references in float64, and what they mean."""

import contextlib
import io
import math

import numpy as np
import prdc
import pytest
import scipy.linalg
import torch
from torch import Tensor

from lienzo.errors import ScoreError
from lienzo.metrics import distances, estimate
from lienzo.metrics.distances import nearest, squared_distances
from lienzo.metrics.frechet import Moments, distance, fid, moments
from lienzo.metrics.kernel import kid
from lienzo.metrics.manifold import manifold


def gaussian(n: int, d: int, seed: int, *, shift: float = 0.0, scale: float = 1.0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)) * scale + shift


REAL, FAKE = gaussian(300, 16, 1), gaussian(260, 16, 2, shift=0.3, scale=1.2)

MEASURES = {
    "fid": lambda real, fake, chunk: fid(real, fake, replicates=2, chunk=chunk),
    "kid": lambda real, fake, chunk: kid(real, fake, chunk=chunk),
    "manifold": lambda real, fake, chunk: manifold(real, fake, 5, chunk=chunk),
}


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_the_size_of_the_tiles_changes_nothing(measure):
    whole = torch.tensor(measure(REAL, FAKE, 4096), dtype=torch.float64)
    for chunk in (7, 100, 259):
        torch.testing.assert_close(torch.tensor(measure(REAL, FAKE, chunk), dtype=torch.float64), whole)


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_the_order_of_the_pictures_changes_nothing_but_which_are_drawn_again(measure):
    torch.manual_seed(0)
    shuffled = measure(REAL[torch.randperm(300)], FAKE[torch.randperm(260)], 4096)
    values = torch.tensor(measure(REAL, FAKE, 4096), dtype=torch.float64)
    values, shuffled = (values[:1], torch.tensor(shuffled)[:1]) if measure is MEASURES["fid"] else (values, shuffled)
    torch.testing.assert_close(torch.as_tensor(shuffled, dtype=torch.float64), values)


@pytest.mark.parametrize("measure", [MEASURES["fid"], MEASURES["manifold"]])  # the kernel of KID has an origin
def test_moving_both_sets_together_changes_no_distance(measure):
    moved = measure(REAL.double() + 1000, FAKE.double() + 1000, 4096)
    expected = torch.tensor(measure(REAL.double(), FAKE.double(), 4096), dtype=torch.float64)
    torch.testing.assert_close(torch.tensor(moved, dtype=torch.float64), expected, rtol=1e-6, atol=1e-8)


# The Fréchet distance


def test_frechet_distance_of_gaussians_on_a_line():
    a = Moments(torch.tensor([1.0]).double(), torch.tensor([[4.0]]).double())
    b = Moments(torch.tensor([4.0]).double(), torch.tensor([[9.0]]).double())
    assert distance(a, b) == pytest.approx((1 - 4) ** 2 + (2 - 3) ** 2)


def test_frechet_distance_of_gaussians_that_share_their_axes():
    torch.manual_seed(0)
    axes = torch.linalg.qr(torch.randn(6, 6).double()).Q
    ours, theirs = torch.rand(6).double() * 3, torch.rand(6).double() * 3
    mean = torch.rand(6).double()
    a = Moments(mean, axes @ ours.diag() @ axes.T)
    b = Moments(mean * 2, axes @ theirs.diag() @ axes.T)
    expected = mean.square().sum() + (ours.sqrt() - theirs.sqrt()).square().sum()
    assert distance(a, b) == pytest.approx(expected.item())


def test_fid_agrees_with_the_square_root_of_the_product_of_covariances():
    x, y = REAL.double().numpy(), FAKE.double().numpy()
    cx, cy = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(cx @ cy)
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(cx + cy - 2 * root.real)
    assert fid(REAL, FAKE, replicates=2).value == pytest.approx(expected, rel=1e-9)


def test_weights_count_rows_as_often_as_they_say():
    weights = torch.arange(300) % 3
    repeated = moments(REAL.repeat_interleave(weights, 0))
    weighted = moments(REAL, weights, chunk=64)
    torch.testing.assert_close(weighted.mean, repeated.mean)
    torch.testing.assert_close(weighted.covariance, repeated.covariance)


def test_fid_of_a_set_with_itself_is_nothing_and_sides_can_change_places():
    assert fid(REAL, REAL, replicates=2).value == pytest.approx(0, abs=1e-9)
    assert fid(REAL, FAKE, replicates=2).value == pytest.approx(fid(FAKE, REAL, replicates=2).value)


def test_the_bootstrap_of_fid_foretells_how_far_it_varies():
    values, errors = [], []
    for draw in range(60):
        found = fid(gaussian(400, 4, 2 * draw), gaussian(400, 4, 2 * draw + 1, shift=0.5), replicates=30, seed=draw)
        values.append(found.value)
        errors.append(found.error)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.25)


def test_fid_of_too_few_pictures_is_refused_and_points_to_kid():
    with pytest.raises(ScoreError, match=r"more pictures .* than the 16 features .*, not 16: .* KID"):
        fid(REAL, FAKE[:16])


# The kernel distance


def test_kid_agrees_with_its_definition():
    x, y = REAL[:40].double().numpy(), FAKE[:30].double().numpy()

    def k(a, b):
        return (np.dot(a, b) / 16 + 1) ** 3

    real = np.mean([k(x[i], x[j]) for i in range(40) for j in range(40) if i != j])
    fake = np.mean([k(y[i], y[j]) for i in range(30) for j in range(30) if i != j])
    both = np.mean([k(a, b) for a in x for b in y])
    assert kid(REAL[:40], FAKE[:30]).value == pytest.approx(real + fake - 2 * both)


def test_the_jackknife_of_kid_agrees_with_leaving_each_picture_out():
    x, y = REAL[:20], FAKE[:15]

    def without(i, side):
        return torch.cat([side[:i], side[i + 1 :]])

    ours = np.array([kid(without(i, x), y).value for i in range(20)])
    theirs = np.array([kid(x, without(i, y)).value for i in range(15)])
    assert kid(x, y).error == pytest.approx(math.sqrt(19 * ours.var() + 14 * theirs.var()))


def test_kid_of_samples_of_one_distribution_is_nothing_on_average_where_fid_is_not():
    pairs = [(gaussian(60, 8, 2 * draw), gaussian(60, 8, 2 * draw + 1)) for draw in range(200)]
    values = np.array([kid(*pair).value for pair in pairs])
    assert abs(values.mean()) < 3 * values.std() / math.sqrt(len(values))
    assert (values < 0).mean() > 0.3
    assert min(fid(*pair, replicates=2).value for pair in pairs[:20]) > 0.1


@pytest.mark.parametrize(("shift", "least", "most"), [(0.0, 0.9, 1.7), (1.0, 0.85, 1.25)])
def test_the_error_of_kid_foretells_how_far_it_varies(shift, least, most):
    found = [kid(gaussian(100, 8, 2 * draw), gaussian(80, 8, 2 * draw + 1, shift=shift)) for draw in range(150)]
    ratio = np.mean([one.error for one in found]) / np.std([one.value for one in found])
    assert least < ratio < most


def test_kid_wants_three_pictures():
    with pytest.raises(ScoreError, match="at least 3 pictures on either side, not 2"):
        kid(REAL, FAKE[:2])


# Precision, recall, density, coverage


@pytest.mark.parametrize("k", [1, 3, 5, 10])
@pytest.mark.parametrize("shift", [0.0, 0.7, 3.0])
def test_manifold_agrees_with_prdc(k, shift):
    real, fake = gaussian(200, 6, 3), gaussian(150, 6, 4, shift=shift)
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = prdc.compute_prdc(real.double().numpy(), fake.double().numpy(), k)
    ours = manifold(real, fake, k, chunk=64)
    assert {name: value.value for name, value in ours._asdict().items()} == pytest.approx(theirs)


def test_a_set_with_itself_is_precise_and_complete():
    same = manifold(REAL, REAL)
    assert same.precision.value == same.recall.value == same.coverage.value == 1
    # Of the k + 1 pictures in a closed ball, one lies on its edge.
    assert same.density.value == pytest.approx(1, abs=1e-12)


def test_a_collapsed_generator_is_precise_but_recalls_and_covers_little():
    collapsed = REAL[:1] + 0.01 * gaussian(260, 16, 5)
    scores = manifold(REAL, collapsed)
    assert scores.precision.value == 1
    assert scores.recall.value < 0.02
    assert scores.coverage.value < 0.2
    assert fid(REAL, collapsed, replicates=2).value > fid(REAL, gaussian(260, 16, 6), replicates=2).value


def test_a_noisy_generator_is_imprecise():
    noisy = REAL + 4 * gaussian(300, 16, 7)
    assert manifold(REAL, noisy).precision.value < 0.1
    assert manifold(REAL, noisy).density.value < 0.1
    assert (
        manifold(REAL, noisy).recall.value > 0.9
    )  # large balls of outliers recall everything: why coverage was invented
    assert manifold(REAL, noisy).coverage.value < 0.1


def test_one_outlier_among_the_real_lets_precision_rise_but_not_density():
    real = torch.cat([gaussian(300, 2, 8), torch.tensor([[40.0, 0.0]])])
    fake = gaussian(300, 2, 9) + torch.tensor([20.0, 0.0])
    scores = manifold(real, fake)
    assert scores.precision.value > 0.9
    assert scores.density.value < 0.25


def test_a_memorising_generator_looks_perfect_to_all_of_these():
    copies = REAL[torch.arange(300)]
    assert manifold(REAL, copies).coverage.value == 1
    assert kid(REAL, copies).value < 0


def test_balls_want_more_pictures_than_k():
    with pytest.raises(ScoreError, match="5 nearest neighbours want at least 6 pictures"):
        manifold(REAL, FAKE[:5])


# What they are built of


def test_nearest_agrees_with_all_distances():
    everything = torch.cdist(FAKE.double(), REAL.double(), compute_mode="donot_use_mm_for_euclid_dist")
    expected = everything.sort(1)
    found = nearest(FAKE, REAL, 3, chunk=50)
    torch.testing.assert_close(found.distances, expected.values[:, :3])
    assert torch.equal(found.indices, expected.indices[:, :3])


def test_nothing_is_its_own_neighbour_but_a_duplicate_is():
    points = torch.tensor([[0.0], [0.0], [5.0]])
    found = nearest(points, points, same=True, chunk=2)
    assert found.distances.flatten().tolist() == [0, 0, 5]
    assert found.indices[:2].flatten().tolist() == [1, 0]


def test_tiles_meet_every_pair_once():
    seen = torch.zeros(10, 7)
    for rows, columns, left, right in distances.tiles(REAL[:10], FAKE[:7], 3):
        seen[rows, columns] += 1
        assert left.dtype == torch.float64
        assert len(right) == columns.stop - columns.start
    assert (seen == 1).all()


def test_squared_distances_are_never_negative():
    same = gaussian(50, 8, 1, shift=1e4).double()
    assert squared_distances(same, same).min() >= 0


def test_a_share_has_the_binomial_error():
    found = estimate.share(torch.arange(10_000) < 2_000)
    assert found.value == pytest.approx(0.2)
    assert found.error == pytest.approx(math.sqrt(0.2 * 0.8 / 10_000), rel=1e-3)
    assert str(found) == "0.2 ± 0.004"


@pytest.mark.parametrize("hits", [0, 8])
def test_a_share_of_nothing_or_all_has_an_error(hits):
    found = estimate.share(torch.arange(8) < hits)
    assert found.value == hits / 8
    assert found.error == pytest.approx(math.sqrt(0.1 * 0.9 / 8))


def test_pictures_that_are_repeated_are_inside_whatever_the_tiles():
    """Six equal pictures have balls without extent; the same picture on the other side lies in them."""
    real = gaussian(60, 16, 1)[torch.arange(120) % 60 // torch.tensor([1] * 60 + [6] * 60)]
    found = [manifold(real, real, chunk=chunk) for chunk in (4096, 64, 7)]
    assert found[0] == found[1] == found[2]
    assert found[0].precision.value == found[0].recall.value == found[0].coverage.value == 1
