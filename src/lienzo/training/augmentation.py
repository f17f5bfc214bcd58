"""Augmentation: changes to pictures before the discriminator sees them, so that it cannot learn few of them by heart.

Every picture, real or generated, is changed anew each time the discriminator sees it, and the generator learns through
the change. Nothing here draws a random number: chance is an argument, uniform in [0, 1), so that the same picture with
the same chance is always changed alike. All of it is differentiable arithmetic on the device, and nothing is read back
from there.

The settings are :class:`lienzo.recipe.augmentation.Augmentation`.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from lienzo.recipe.augmentation import Augmentation

CHANCES: dict[str, int] = {"none": 0, "diffaugment": 7, "ada": 31}
"""Policy -> how many random numbers it takes to change one picture once."""

SAFE = 0.8
"""The largest probability of ada's changes. Beyond it too few pictures show the original, and the generator begins to
make changed pictures (Karras et al. 2020, section 2.2)."""


def decide(augmentation: Augmentation, chance: Tensor, probability: Tensor, height: int, width: int) -> Tensor:
    """Return the numbers by which :func:`change` changes each picture.

    They are computed for all pictures of a step at once, because each operation costs the same for one as for hundreds.

    Args:
        augmentation: the settings.
        chance: (..., ``CHANCES[policy]``) uniform in [0, 1), in the precision of the pictures.
        probability: scalar in [0, 1], of each of ada's changes; DiffAugment always makes all of its changes.
        height: of the pictures, in pixels.
        width: of the pictures, in pixels.

    Returns:
        (..., numbers): the chance itself, or with ada the parameters of the changes.
    """
    return _decided(augmentation, chance, probability, height, width) if augmentation.policy == "ada" else chance


def change(augmentation: Augmentation, images: Tensor, numbers: Tensor) -> Tensor:
    """Return pictures as the discriminator sees them.

    Args:
        augmentation: the settings.
        images: (N, C, H, W) in [−1, 1]: grey, RGB, or RGB with alpha, whose alpha is not treated as a colour.
        numbers: (N, numbers) that :func:`decide` returned.

    Returns:
        (N, C, H, W), whose colours may leave [−1, 1].
    """
    if augmentation.policy == "diffaugment":
        return _diffaugment(images, numbers, augmentation.colour, augmentation.cutout)
    return _ada(images, numbers, augmentation.sampling) if augmentation.policy == "ada" else images


def adapted(augmentation: Augmentation, probability: Tensor, overfitting: Tensor, images: int) -> Tensor:
    """Return the probability of ada's changes after a batch.

    Karras et al. 2020, section 3: a step of constant length, up where the discriminator is too sure of real pictures,
    else down. The paper takes it every four batches; here every batch takes a shorter one.

    Args:
        augmentation: the settings.
        probability: scalar, before the batch.
        overfitting: scalar r = E[sign D(x)], measured on the batch.
        images: pictures in the batch.
    """
    step = images / augmentation.speed * (overfitting - augmentation.target).sign()
    return (probability + step).clamp(0, SAFE)


def flipped(images: Tensor, chance: Tensor) -> Tensor:
    """Mirror pictures (..., H, W, C) left to right where their chance (...) is below one half."""
    return torch.where(chance[..., None, None, None] < 0.5, images.flip(-2), images)


def _diffaugment(images: Tensor, chance: Tensor, colour: bool, cutout: bool) -> Tensor:
    """Change colours, move by up to an eighth, cut a hole of half the sides (Zhao et al. 2020, section 3.2)."""
    brightness, saturation, contrast, down, right, y, x = chance[..., None, None, None].unbind(1)
    if colour:
        colours, alpha = images[:, :3], images[:, 3:]
        colours = _saturated(colours + (brightness - 0.5), 2 * saturation)
        mean = colours.mean((1, 2, 3), keepdim=True)
        images = torch.cat([mean + (colours - mean) * (contrast + 0.5), alpha], 1)
    images = _shifted(images, down, right)
    return _holed(images, _grid(images), 2 * y - 1, 2 * x - 1, torch.ones_like(y)) if cutout else images


def _decided(augmentation: Augmentation, chance: Tensor, probability: Tensor, height: int, width: int) -> Tensor:
    """Return which of ada's changes happen and how strongly, (..., 9) numbers and with colour (..., 15).

    They are flips, quarter turns and whole-pixel shifts, geometry, colour and a hole, each with the same probability
    (Karras et al. 2020, appendix B).
    """
    draws = _Draws(chance, probability)
    origins = _origins(height, width, draws, augmentation.sampling == "whole")
    numbers = [*origins, draws.uniform(), draws.uniform(), draws.happens()]
    if augmentation.colour:
        numbers += [0.2 * draws.happens() * draws.normal(), torch.exp2(0.5 * draws.happens() * draws.normal())]
        numbers += [2 * draws.happens() * draws.below(0.5)]
        angle = draws.happens() * draws.uniform() * math.pi
        numbers += [angle.cos(), angle.sin(), torch.exp2(draws.happens() * draws.normal())]
    return torch.cat(numbers, -1)


def _ada(images: Tensor, numbers: Tensor, sampling: str) -> Tensor:
    """Change pictures by the numbers of :func:`_decided`; they are sampled without the paper's filters."""
    yy, yx, y, xy, xx, x, hole_y, hole_x, holed, *tones = numbers[..., None, None, None].unbind(1)
    down, right = grid = _grid(images)
    images = _sampled(images, (yy * down + y) + yx * right, (xy * down + x) + xx * right, sampling)
    images = _holed(images, grid, hole_y, hole_x, holed)
    if not tones:
        return images
    brightness, contrast, luma, cosine, sine, saturation = tones
    colours, alpha = images[:, :3], images[:, 3:]
    colours = (colours + brightness) * contrast
    colours = colours - luma * colours.mean(1, keepdim=True)  # light to dark, hues kept
    return torch.cat([_saturated(_hued(colours, cosine, sine), saturation), alpha], 1)


class _Draws:
    """Random numbers (..., chances), taken one after the other and turned into events; every result is (..., 1)."""

    def __init__(self, chance: Tensor, probability: Tensor) -> None:
        self._numbers = iter(chance[..., None].unbind(-2))
        self.probability = probability

    def happens(self) -> Tensor:
        """Return 1 with ada's probability, else 0."""
        return self.below(self.probability)

    def below(self, probability: Tensor | float) -> Tensor:
        """Return 1 with this probability, else 0."""
        number = next(self._numbers)
        return (number < probability).to(number.dtype)

    def uniform(self) -> Tensor:
        """Return a number from U(−1, 1)."""
        return 2 * next(self._numbers) - 1

    def normal(self) -> Tensor:
        """Return a number from N(0, 1), at most 5 away from 0."""
        return math.sqrt(2) * torch.erfinv(self.uniform().clamp(-1 + 1e-6, 1 - 1e-6))


def _origins(height: int, width: int, draws: _Draws, whole: bool) -> tuple[Tensor, Tensor]:
    """Return the affine map from a pixel's coordinates after ada's geometric changes to those before them.

    The last change is undone first. Coordinates are in pixels, down and right of the centre. With ``whole``, pictures
    move by whole pixels, turn by quarters and are mirrored only.

    Returns:
        Two tensors (..., 3), for the coordinate down and for the one right: the factors of the coordinates down and
        right, and the constant.
    """
    once = 1 - (1 - draws.probability).sqrt()  # so that at least one of two rotations has ada's probability
    y, x, pixel = torch.eye(3, dtype=draws.probability.dtype, device=draws.probability.device)
    slides = draws.happens() / 8 * pixel
    slid_y, slid_x = slides * draws.normal() * height, slides * draws.normal() * width
    turn = draws.below(once) * draws.uniform() * math.pi
    stretch = torch.exp2(0.2 * draws.happens() * draws.normal())
    turn_again = draws.below(once) * draws.uniform() * math.pi
    scale = torch.exp2(0.2 * draws.happens() * draws.normal())
    if whole:
        y, x = y - slid_y.round(), x - slid_x.round()
    else:
        y, x = _rotated(y - slid_y, x - slid_x, turn)
        y, x = _rotated(y * stretch, x / stretch, turn_again)
        y, x = y / scale, x / scale
    shifts = draws.happens() / 8
    y = y - (shifts * draws.uniform() * height).round() * pixel
    x = x - (shifts * draws.uniform() * width).round() * pixel
    turns = (2 * draws.uniform()).floor() if height == width else 2 * draws.uniform().floor()
    y, x = _quarter_turned(y, x, draws.happens() * turns)
    return y, x * (1 - 2 * draws.happens() * draws.below(0.5))


def _grid(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the coordinates of the pixels in pixels, (H, 1) down and (W,) right of the centre."""
    y, x = (torch.arange(size, dtype=images.dtype, device=images.device) - (size - 1) / 2 for size in images.shape[2:])
    return y[:, None], x


def _rotated(y: Tensor, x: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    sine, cosine = angle.sin(), angle.cos()
    return cosine * y - sine * x, sine * y + cosine * x


def _quarter_turned(y: Tensor, x: Tensor, turns: Tensor) -> tuple[Tensor, Tensor]:
    sine, cosine = (turns * (math.pi / 2)).sin().round(), (turns * (math.pi / 2)).cos().round()
    return cosine * y - sine * x, sine * y + cosine * x


def _sampled(images: Tensor, y: Tensor, x: Tensor, sampling: str) -> Tensor:
    """Return pictures sampled at coordinates (N, 1, H, W) and mirrored beyond the borders.

    Where sides are powers of two, samples at whole pixels are exact.
    """
    coordinates = [
        _mirrored(coordinate + (size - 1) / 2, size) * (2 / size) + (1 / size - 1)
        for coordinate, size in ((x, images.shape[3]), (y, images.shape[2]))
    ]
    grid = torch.stack([coordinate.expand(-1, 1, *images.shape[2:]) for coordinate in coordinates], -1).squeeze(1)
    if sampling == "bicubic":  # which also looks at pixels beyond the border
        return grid_sample(images, grid, "bicubic", "border", align_corners=False)
    return grid_sample(images, grid, align_corners=False)


def _mirrored(coordinate: Tensor, size: int) -> Tensor:
    """Reflect coordinates into [0, size − 1] at the first and the last pixel, which are not repeated."""
    coordinate = coordinate.remainder(2 * size - 2)
    return torch.minimum(coordinate, 2 * size - 2 - coordinate)


def _taken(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return the pixels (N, C, H, W) at rows and columns, whose indices broadcast to (N, 1, H, W)."""
    coordinates = (rows * images.shape[3] + columns).flatten(2).expand(-1, images.shape[1], -1)
    return images.flatten(2).gather(2, coordinates).view(images.shape)


def _shifted(images: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Move pictures by whole pixels, up to an eighth of a side either way by chance; zeros move in."""
    height, width = images.shape[2:]
    (rows, seen), (columns, visible) = (_source(size, chance) for size, chance in ((height, down), (width, right)))
    return _taken(images, rows.mT, columns) * (seen.mT & visible)


def _source(size: int, chance: Tensor) -> tuple[Tensor, Tensor]:
    """Return the index along an axis that a shift takes each pixel from, and whether it lies inside the picture."""
    most = round(size / 8)
    index = torch.arange(size, device=chance.device) - ((2 * most + 1) * chance).long() + most
    return index.clamp(0, size - 1), (index >= 0) & (index < size)


def _holed(images: Tensor, grid: tuple[Tensor, Tensor], y: Tensor, x: Tensor, holed: Tensor) -> Tensor:
    """Set a rectangle of half the height and half the width to zero; its centre (y, x) is in [−1, 1]."""
    (down, right), (height, width) = grid, images.shape[2:]
    hole = ((down - y * height / 2).abs() < height / 4) & ((right - x * width / 2).abs() < width / 4)
    return images * (1 - holed * hole)


def _saturated(colours: Tensor, factor: Tensor) -> Tensor:
    grey = colours.mean(1, keepdim=True)
    return grey + (colours - grey) * factor


def _hued(colours: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotate colours around the axis of greys, (1, 1, 1)/√3 (Rodrigues' formula); one grey channel stays."""
    grey = colours.mean(1, keepdim=True)
    across = (colours.roll(1, 1) - colours.roll(-1, 1)) / math.sqrt(3)
    return grey + (colours - grey) * cosine + across * sine
