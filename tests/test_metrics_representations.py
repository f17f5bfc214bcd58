"""A network's features, and the linear classifier that measures them."""

import numpy as np
import pytest
import torch
from sklearn.svm import LinearSVC
from torch import nn

from lienzo.errors import ScoreError
from lienzo.metrics.representations import activations, classify, fit
from lienzo.networks.configurations import NETS
from lienzo.networks.shape import Shape


def blobs(n: int, seed: int, *, apart: float = 1.0) -> tuple[torch.Tensor, np.ndarray]:
    """Three clouds in 40 dimensions."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    centres = np.random.default_rng(99).standard_normal((3, 40))
    return torch.from_numpy(apart * centres[labels] + rng.standard_normal((n, 40))).float(), labels


def test_layers_are_pooled_to_4_by_4_in_order_and_the_logit_is_left_out():
    network = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.Conv2d(2, 1, 2, stride=2), nn.Conv2d(1, 1, 4))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1))
    image = torch.arange(64.0).reshape(1, 1, 8, 8)
    found = activations(network, image)
    assert found.shape == (1, 2 * 16 + 16)
    corners = image[0, 0, 1::2, 1::2]  # the maximum of every 2×2, and of its negative the other corner
    torch.testing.assert_close(found[0, :16], corners.flatten())
    torch.testing.assert_close(found[0, 16:32], -image[0, 0, ::2, ::2].flatten())


def test_work_in_place_after_a_layer_does_not_reach_its_features():
    network = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.ReLU(inplace=True))
    with torch.no_grad():
        network[0].weight.fill_(-1)
    assert (activations(network, torch.ones(1, 1, 4, 4)) == -1).all()


def test_a_discriminator_is_left_as_it_was_and_gives_features_per_picture():
    network = NETS["dcgan"](width=8).discriminator(Shape(64, 64, 3)).eval()
    images = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    found = activations(network, images)
    assert found.shape == (3, 16 * (8 + 16 + 32 + 64))
    torch.testing.assert_close(activations(network, images[1:2]), found[1:2], rtol=1e-4, atol=1e-5)
    assert not any(layer._forward_hooks for layer in network.modules())
    with pytest.raises(ScoreError, match="no convolutional layer"):
        activations(nn.Flatten(), images)


def test_labels_that_lie_apart_are_distinguished_and_equal_ones_are_not():
    (x, y), (test, truth) = blobs(300, 0), blobs(600, 1)
    found = classify(x, y, test, truth)
    assert found.accuracy.value > 0.95
    assert set(found.per_label) == {0, 1, 2}
    (x, y), (test, truth) = blobs(300, 0, apart=0.0), blobs(600, 1, apart=0.0)
    lost = classify(x, y, test, truth)
    assert abs(lost.accuracy.value - 1 / 3) < 4 * lost.accuracy.error
    assert lost.chance == np.bincount(truth)[np.bincount(y).argmax()] / 600


def test_accuracy_is_the_mean_over_labels_by_their_share():
    (x, y), (test, truth) = blobs(200, 0, apart=0.3), blobs(100, 1, apart=0.3)
    found = classify(x, y, test, truth)
    whole = sum(one.value * (truth == label).mean() for label, one in found.per_label.items())
    assert found.accuracy.value == pytest.approx(whole)


def test_scale_and_shift_of_the_features_do_not_matter():
    (x, y), (test, truth) = blobs(200, 0, apart=0.3), blobs(200, 1, apart=0.3)
    assert classify(x * 64 + 3, y, test * 64 + 3, truth) == classify(x, y, test, truth)


@pytest.mark.parametrize("cost", [0.1, 10.0])
def test_the_classifier_agrees_with_liblinear(cost):
    x, y = blobs(200, 0, apart=0.4)
    theirs = LinearSVC(C=cost, dual=False, intercept_scaling=1000, tol=1e-8, max_iter=100_000).fit(x, y)
    ours = fit(x, torch.from_numpy(y), 3, cost)
    target = 2 * np.eye(3)[y] - 1

    def loss(weights: np.ndarray, bias: np.ndarray) -> float:
        slack = np.maximum(0, 1 - target * (x.numpy() @ weights + bias))
        return (weights**2).sum() / 2 + cost * (slack**2).sum()

    assert loss(ours[:-1].numpy(), ours[-1].numpy()) < 1.001 * loss(theirs.coef_.T, theirs.intercept_)
    np.testing.assert_allclose(ours[:-1].T, theirs.coef_, atol=0.02 * np.abs(theirs.coef_).max())


def test_labels_are_given_back_as_they_came():
    (x, y), (test, truth) = blobs(200, 0), blobs(100, 1)
    assert set(classify(x, 10 * y + 5, test, 10 * truth + 5).per_label) == {5, 15, 25}


def test_too_few_labels_are_refused():
    x, y = blobs(30, 0)
    with pytest.raises(ScoreError, match="at least two labels"):
        classify(x, np.zeros(30, np.int64), x, y)
    with pytest.raises(ScoreError, match="no labelled pictures"):
        classify(x, y, x[:0], y[:0])
