"""Detectors: pictures in, features out, and files of weights that are checked."""

import functools
import hashlib
import http.client
import io
import math
import os
import sys
import urllib.request
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from servers_for_tests import Files, serving
from torch import Tensor
from torch.nn import functional

from lienzo.errors import ScoreError
from lienzo.metrics import detectors, lite0, weights
from lienzo.metrics.detectors import DETECTORS, Detector, extract, load, resize
from lienzo.metrics.folded import Convolution, outputs

CPU = torch.device("cpu")


def pictures(n: int, height: int = 32, width: int = 32, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, height, width, channels), dtype=np.uint8)


# The one resize


@pytest.mark.parametrize(("size", "to"), [((64, 64), (8, 8)), ((50, 80), (17, 9)), ((64, 64), (224, 224))])
def test_resizing_agrees_with_pillow(size, to):
    image = pictures(1, *size) // 3 + 85  # nothing to cut off, which Pillow does after each of its two passes
    expected = Image.fromarray(image[0]).resize((to[1], to[0]), Image.Resampling.BICUBIC)
    ours = resize(image, *to)[0].permute(1, 2, 0).numpy()
    assert np.abs(ours - np.asarray(expected, np.float32)).max() < 2  # Pillow rounds, twice


def test_fine_stripes_become_grey_and_not_other_stripes():
    stripes = np.zeros((1, 64, 64, 3), np.uint8)
    stripes[:, :, ::2] = 255
    small = resize(stripes, 16, 16)
    assert small[..., 2:-2].min() > 120
    assert small[..., 2:-2].max() < 135


def test_nothing_overshoots():
    edge = np.zeros((1, 8, 8, 1), np.uint8)
    edge[:, :, 4:] = 255
    large = resize(edge, 64, 64)
    assert large.min() == 0
    assert large.max() == 255


def test_grey_is_repeated_and_transparent_shows_white():
    grey = pictures(2, channels=1)
    assert torch.equal(resize(grey, 8, 8), resize(np.repeat(grey, 3, axis=3), 8, 8))
    clear = pictures(1, channels=4)
    clear[..., 3] = 0
    torch.testing.assert_close(resize(clear, 8, 8), torch.full((1, 3, 8, 8), 255.0))
    clear[..., 3] = 255
    torch.testing.assert_close(resize(clear, 8, 8), resize(clear[..., :3], 8, 8))


# Detectors


@pytest.mark.parametrize("name", ["pixels", "lite0"])
def test_features_do_not_depend_on_batches_nor_on_threads(name):
    detector, images = load(name, CPU), pictures(5)
    whole = np.concatenate(list(extract(detector, [images])))
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        parts = np.concatenate(list(extract(detector, [images[:2], images[2:]])))
    finally:
        torch.set_num_threads(threads)
    assert whole.shape == (5, {"pixels": 192, "lite0": 1280}[name])
    assert whole.dtype == np.float32
    np.testing.assert_allclose(whole, parts, rtol=0, atol=1e-6)


def away(features: np.ndarray, reference: np.ndarray) -> float:
    """Return the largest distance of a picture's features, over their norm."""
    return float((np.linalg.norm(features - reference, axis=1) / np.linalg.norm(reference, axis=1)).max())


def reference(images: Tensor) -> np.ndarray:
    """Compute EfficientNet-Lite0 in float64, layer by layer, as the paper and TensorFlow define it."""
    state = {name: value.double() for name, value in torch.load(lite0.weights_path(), weights_only=True).items()}

    def layer(x: Tensor, name: str, norm: str, stride: int = 1, *, clamped: bool = True) -> Tensor:
        weight = state[f"{name}.weight"]
        size, kernel = x.shape[-1], weight.shape[-1]
        zeros = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
        x = functional.pad(x, (zeros // 2, zeros - zeros // 2) * 2)
        x = functional.conv2d(x, weight, stride=stride, groups=x.shape[1] if weight.shape[1] == 1 != x.shape[1] else 1)
        mean, variance, gain, offset = (
            state[f"{norm}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")
        )
        x = functional.batch_norm(x, mean, variance, gain, offset, eps=1e-3)
        return functional.relu6(x) if clamped else x

    x = layer(images.double(), "_conv_stem", "_bn0", 2)
    stages = [(1, 1, 1), (2, 2, 6), (2, 2, 6), (3, 2, 6), (3, 1, 6), (4, 2, 6), (1, 1, 6)]  # blocks, stride, expansion
    block = 0
    for blocks, stride, expansion in stages:
        for position in range(blocks):
            name, before = f"_blocks.{block}", x
            if expansion > 1:
                x = layer(x, f"{name}._expand_conv", f"{name}._bn0")
            x = layer(x, f"{name}._depthwise_conv", f"{name}._bn1", stride if position == 0 else 1)
            x = layer(x, f"{name}._project_conv", f"{name}._bn2", clamped=False)
            x = before + x if before.shape == x.shape else x
            block += 1
    return layer(x, "_conv_head", "_bn1").mean((2, 3)).numpy()


def test_both_engines_of_lite0_agree_with_float64():
    images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0)) * 2 - 1
    expected = reference(images)
    assert away(lite0.on_cpu()(images), expected) < 1e-5
    assert away(lite0.on_device(CPU)(images), expected) < 1e-5


@pytest.mark.gpu
def test_lite0_on_a_gpu_agrees_with_the_cpu():
    images = pictures(8)
    cuda = load("lite0", torch.device("cuda"))
    assert cuda.fingerprint == load("lite0", CPU).fingerprint
    assert away(cuda.detect(images), load("lite0", CPU).detect(images)) < 1e-4


def test_bfloat16_changes_the_features_of_lite0_a_little_and_its_fingerprint():
    exact, rough = load("lite0", CPU), load("lite0", CPU, precision="bf16")
    assert exact.fingerprint == load("lite0", CPU, precision="fp32").fingerprint != rough.fingerprint
    image = pictures(1)
    assert 1e-4 < away(rough.detect(image), exact.detect(image)) < 0.1


def test_lite0_recognises_what_it_was_trained_on():
    """Not noise: a plain disc and a plain square of many colours form two heaps in its features."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:64, :64] - 31.5
    shapes = [x**2 + y**2 < 20**2, np.maximum(abs(x), abs(y)) < 18]
    images = np.stack([np.where(shapes[i % 2][..., None], *rng.integers(0, 256, (2, 3))) for i in range(40)]).astype(
        np.uint8
    )
    features = load("lite0", CPU).detect(images)
    distances = np.linalg.norm(features[:, None] - features[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    assert np.mean(distances.argmin(1) % 2 == np.arange(40) % 2) > 0.9


def test_the_features_of_pixels_are_the_small_picture():
    images = np.full((2, 32, 32, 3), [255, 0, 51], np.uint8)
    features = load("pixels", CPU).detect(images).reshape(2, 3, 64)
    np.testing.assert_allclose(features.mean(2), [[1, 0, 0.2]] * 2, atol=1e-6)


def test_a_detector_of_your_own_is_a_function_with_a_name():
    mine = Detector("brightness", lambda images: images.mean((1, 2, 3))[:, None])
    (features,) = extract(mine, [np.full((3, 8, 8, 3), 7, np.uint8)])
    assert features.tolist() == [[7], [7], [7]]


@pytest.mark.parametrize(
    ("detect", "message"),
    [
        (lambda images: np.zeros(3), "must make a row of each picture, not .3,. of .2, 32, 32, 3."),
        (lambda images: np.full((2, 1), np.nan), "no finite numbers"),
    ],
)
def test_a_detector_of_your_own_is_checked(detect, message):
    with pytest.raises(ScoreError, match=message):
        list(extract(Detector("mine", detect), [pictures(2)]))


def test_what_is_no_pictures_is_refused():
    for images, message in [
        (np.full((2, 8, 8, 3), np.nan), "no finite numbers .NaN.: the generator has diverged"),
        (np.zeros((2, 8, 8, 3), np.float32), "are uint8 .* not float32"),
        (np.zeros((8, 8, 3), np.uint8), "not uint8 .8, 8, 3."),
        (np.zeros((2, 3, 8, 8), np.uint8), "not uint8 .2, 3, 8, 8."),
    ]:
        with pytest.raises(ScoreError, match=message):
            list(extract(load("pixels", CPU), [images]))


def test_settings_that_a_detector_does_not_have_are_refused():
    with pytest.raises(ScoreError, match=r"unknown detector 'lite': did you mean 'lite0'"):
        load("lite", CPU)
    with pytest.raises(ScoreError, match="takes no file of weights"):
        load("lite0", CPU, file=Path("x.pt"))
    with pytest.raises(ScoreError, match="float32 only"):
        load("pixels", CPU, precision="bf16")
    with pytest.raises(ScoreError, match="float32 only"):
        load("inception", CPU, precision="bf16")
    assert set(DETECTORS) == {"lite0", "inception", "pixels"}


# Inception, in the form it is published in


class Layers(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.AvgPool2d(299), torch.nn.Flatten())

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layers(images)


@pytest.fixture
def script(tmp_path, monkeypatch) -> Path:
    """A stand-in for the Inception: its layers give the mean colour of a picture of 299×299 in [−1, 1]."""
    path = tmp_path / "inception-2015-12-05.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(Layers()).save(str(path))
    monkeypatch.setattr(detectors, "INCEPTION_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def test_inception_is_read_from_a_file_and_given_pictures_in_its_range(script):
    detector = load("inception", CPU, file=script)
    images = np.full((2, 32, 32, 3), [0, 128, 255], np.uint8)
    (features,) = extract(detector, [images])
    np.testing.assert_allclose(features, [[-1, 0, 127 / 128]] * 2, atol=1e-5)


def test_another_file_is_no_inception(script):
    script.write_bytes(script.read_bytes() + b"!")
    with pytest.raises(ScoreError, match="does not have the SHA-256"):
        load("inception", CPU, file=script)
    with pytest.raises(ScoreError, match="there is no file"):
        load("inception", CPU, file=script.with_name("nowhere.pt"))


# Weights by their address


class Weights(Files):
    def do_GET(self) -> None:  # noqa: N802  the name that the library looks for
        if self.path == "/short.pt":  # promises more than it sends
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"x" * 1000)
        else:
            super().do_GET()


@pytest.fixture
def address(tmp_path, monkeypatch):
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "net.pt").write_bytes(b"weights")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving(functools.partial(Weights, directory=tmp_path / "served")) as url:
        yield url


RIGHT = hashlib.sha256(b"weights").hexdigest()


def kept(tmp_path: Path) -> list[str]:
    return [path.name for path in (tmp_path / "home").rglob("*") if path.is_file()]


def test_weights_are_fetched_once_and_kept(address, tmp_path):
    path = weights.cached(f"{address}/net.pt", RIGHT)
    assert path.read_bytes() == b"weights"
    (tmp_path / "served" / "net.pt").unlink()
    assert weights.cached(f"{address}/net.pt", RIGHT) == path


def test_weights_that_were_damaged_in_the_cache_are_fetched_again(address):
    path = weights.cached(f"{address}/net.pt", RIGHT)
    path.write_bytes(b"weig")
    assert weights.cached(f"{address}/net.pt", RIGHT).read_bytes() == b"weights"


@pytest.mark.parametrize("name", ["net.pt", "short.pt"])
def test_another_file_or_half_of_one_is_recognised_and_not_kept(address, tmp_path, name):
    with pytest.raises(ScoreError, match="do not have the SHA-256 0123, an incomplete download or another file"):
        weights.cached(f"{address}/{name}", "0123")
    assert kept(tmp_path) == []


def test_an_address_that_cannot_be_reached_says_what_else_to_do(address):
    with pytest.raises(
        ScoreError, match=r"cannot be fetched .*404.* put the file at .*gone\.pt.*or use the detector lite0"
    ):
        weights.cached(f"{address}/gone.pt", RIGHT)


def test_an_answer_that_is_no_http_says_what_else_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(*_: object, **__: object) -> None:
        raise http.client.BadStatusLine("garbage")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(urllib.request, "urlopen", answer)
    with pytest.raises(ScoreError, match=r"cannot be fetched \(garbage\): put the file at"):
        weights.cached("https://example.org/net.pt", RIGHT)


def test_a_cache_that_cannot_be_written_says_so(address, tmp_path):
    (tmp_path / "home").write_bytes(b"a file where the folder should be")
    with pytest.raises(ScoreError, match=r"cannot be written .* set TORCH_HOME"):
        weights.cached(f"{address}/net.pt", RIGHT)


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() == 0, reason="needs a folder that refuses this user")
def test_a_cache_that_is_read_only_says_so(address, tmp_path):
    (tmp_path / "home").mkdir(mode=0o500)
    with pytest.raises(ScoreError, match="cannot be written"):
        weights.cached(f"{address}/net.pt", RIGHT)


@pytest.mark.parametrize("error", [TimeoutError("timed out"), http.client.IncompleteRead(b"")])
def test_a_network_that_stops_is_not_taken_for_a_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    class Stopping(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise error

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: Stopping())
    with pytest.raises(ScoreError, match=r"cannot be fetched to its end .*: try again"):
        weights.cached("https://example.org/net.pt", RIGHT)
    assert not list(tmp_path.rglob("*.part"))


def test_both_sides_of_a_picture_are_padded_by_their_own_length() -> None:
    """A stride of 2 needs one zero beside an even side, and two beside an odd one (padding "same")."""
    table = [Convolution(torch.ones(1, 1, 3, 3), torch.zeros(1), stride=2, clamp=False)]
    (found,) = outputs(table, torch.ones(1, 1, 4, 5))
    assert found.flatten().tolist() == [6, 9, 6, 4, 6, 4]
