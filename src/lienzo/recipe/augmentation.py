"""Augmentation: what the discriminator sees instead of the pictures themselves, so that it cannot learn few by heart.

Every picture, real or generated, is changed anew each time the discriminator looks at it, and the generator learns
through the change. Nothing here draws a random number: chance is an argument, uniform in [0, 1), so that the same
picture with the same chance is changed alike, wherever and however often. All is plain arithmetic on the device, which
can be differentiated and reads nothing back.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

CHANCES: dict[str, int] = {"none": 0, "diffaugment": 7, "ada": 31}
"""How many numbers of chance each policy takes for one look at one picture."""

TARGET, SPEED = 0.6, 500_000
"""Of Karras et al. 2020."""

SAFE = 0.8
"""The largest probability of ada's changes. Likelier ones leak: too few pictures show the original, and the generator
begins to paint the changes too (Karras et al. 2020, section 2.2)."""


@dataclass(frozen=True)
class Augmentation:
    """How pictures are changed before the discriminator sees them."""

    flips: bool = False
    """Mirror each real picture left to right with probability one half."""

    policy: Literal["none", "diffaugment", "ada"] = "none"
    """Zhao et al. 2020: always and mildly; or Karras et al. 2020: as often as the measured overfitting asks for."""

    colour: bool = False
    """Change colours too. Paintings are colour: leave it off where no changed colour may leak into them."""

    target: float = TARGET
    """With ada: overfitting r = E[sign D(x)] on real pictures, from −1 to 1, above which changes become likelier."""

    speed: int = SPEED
    """With ada: the pictures over which the probability of a change would rise from 0 to 1."""

    cutout: bool = True
    """With diffaugment: cut a hole with half the sides, too. Without it, pictures are only moved."""

    def __post_init__(self) -> None:
        if self.colour and self.policy == "none":
            raise ValueError("colour belongs to a policy, and there is none: choose the policy diffaugment or ada.")
        if self.policy != "diffaugment" and not self.cutout:
            raise ValueError("cutout belongs to the policy diffaugment: choose it, or leave cutout out.")
        if self.policy != "ada" and (self.target, self.speed) != (TARGET, SPEED):
            raise ValueError("target and speed belong to the policy ada: choose it, or leave them out.")
        if not -1 < self.target < 1:
            raise ValueError(f"target is {self.target}, but is the mean of a sign: give a number between -1 and 1.")
        if self.speed < 1:
            raise ValueError(f"speed is {self.speed}, but is a number of pictures: give a positive one.")

    def decide(self, chance: Tensor, probability: Tensor, height: int, width: int) -> Tensor:
        """Return what :meth:`change` has to know of each look at a picture of this height and width.

        For all looks of a step at once: each of these operations costs the same for one look as for hundreds.

        Args:
            chance: (..., ``CHANCES[policy]``) uniform in [0, 1), in the precision of the pictures.
            probability: scalar in [0, 1], of each of ada's changes; DiffAugment always makes all of its own.
            height: of the pictures.
            width: of the pictures.

        Returns:
            (..., numbers): the chance itself, or with ada what it came to.
        """
        return _decided(chance, probability, height, width, self.colour) if self.policy == "ada" else chance

    def change(self, images: Tensor, numbers: Tensor) -> Tensor:
        """Return pictures as the discriminator sees them.

        Args:
            images: (N, C, H, W) in [−1, 1]: grey, RGB, or RGB with alpha, which is no colour.
            numbers: (N, numbers) that :meth:`decide` returned.

        Returns:
            (N, C, H, W), whose colours may leave [−1, 1].
        """
        if self.policy == "diffaugment":
            return _diffaugment(images, numbers, self.colour, self.cutout)
        return _ada(images, numbers) if self.policy == "ada" else images

    def adapted(self, probability: Tensor, overfitting: Tensor, images: int) -> Tensor:
        """Return the probability of ada's changes after so many more pictures.

        Karras et al. 2020, section 3: a step of constant length, up where the discriminator is too sure of real
        pictures, else down. The paper takes it every four batches; here every batch takes a shorter one.

        Args:
            probability: scalar, until now.
            overfitting: scalar r = E[sign D(x)], measured on the last batch of them.
            images: their number.
        """
        return (probability + images / self.speed * (overfitting - self.target).sign()).clamp(0, SAFE)


def flipped(images: Tensor, chance: Tensor) -> Tensor:
    """Mirror pictures (..., H, W, C) left to right where their chance (...) is below one half."""
    return torch.where(chance[..., None, None, None] < 0.5, images.flip(-2), images)


def _diffaugment(images: Tensor, chance: Tensor, colour: bool, cutout: bool) -> Tensor:
    """Colour, translation by up to an eighth, a hole with half the sides (Zhao et al. 2020, section 3.2)."""
    brightness, saturation, contrast, down, right, y, x = chance[..., None, None, None].unbind(1)
    if colour:
        paint, alpha = images[:, :3], images[:, 3:]
        paint = _saturated(paint + (brightness - 0.5), 2 * saturation)
        mean = paint.mean((1, 2, 3), keepdim=True)
        images = torch.cat([mean + (paint - mean) * (contrast + 0.5), alpha], 1)
    images = _shifted(images, down, right)
    return _holed(images, _grid(images), 2 * y - 1, 2 * x - 1, torch.ones_like(y)) if cutout else images


def _decided(chance: Tensor, probability: Tensor, height: int, width: int, colour: bool) -> Tensor:
    """Return which of ada's changes happen and how much (..., 9), and with colour (..., 15).

    Blitting, geometry, colour and a hole, each change with the same probability (Karras et al. 2020, appendix B).
    """
    dice = _Dice(chance, probability)
    numbers = [*_origins(height, width, dice), dice.uniform(), dice.uniform(), dice.happens()]
    if colour:
        numbers += [0.2 * dice.happens() * dice.normal(), torch.exp2(0.5 * dice.happens() * dice.normal())]
        numbers += [2 * dice.happens() * dice.below(0.5)]
        angle = dice.happens() * dice.uniform() * math.pi
        numbers += [angle.cos(), angle.sin(), torch.exp2(dice.happens() * dice.normal())]
    return torch.cat(numbers, -1)


def _ada(images: Tensor, numbers: Tensor) -> Tensor:
    """Change pictures as it was decided; sampling is bilinear, without the paper's filters."""
    yy, yx, y, xy, xx, x, hole_y, hole_x, holed, *tones = numbers[..., None, None, None].unbind(1)
    down, right = grid = _grid(images)
    images = _sampled(images, (yy * down + y) + yx * right, (xy * down + x) + xx * right)
    images = _holed(images, grid, hole_y, hole_x, holed)
    if not tones:
        return images
    brightness, contrast, luma, cosine, sine, saturation = tones
    paint, alpha = images[:, :3], images[:, 3:]
    paint = (paint + brightness) * contrast
    paint = paint - luma * paint.mean(1, keepdim=True)  # light to dark, hues kept
    return torch.cat([_saturated(_hued(paint, cosine, sine), saturation), alpha], 1)


class _Dice:
    """The chance (..., chances) of some looks, taken number by number; every result is (..., 1)."""

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


def _origins(height: int, width: int, dice: _Dice) -> tuple[Tensor, Tensor]:
    """Return where ada takes each pixel from, down and right of the centre: the last change is undone first.

    Both are (..., 3), what to multiply the pixel's own coordinates with, down and right of the centre, and what to add.
    """
    once = 1 - (1 - dice.probability).sqrt()  # at least one of two rotations is as likely as any other change
    y, x, pixel = torch.eye(3, dtype=dice.probability.dtype, device=dice.probability.device)
    slides = dice.happens() / 8 * pixel
    y, x = y - slides * dice.normal() * height, x - slides * dice.normal() * width
    y, x = _rotated(y, x, dice.below(once) * dice.uniform() * math.pi)
    stretch = torch.exp2(0.2 * dice.happens() * dice.normal())
    y, x = _rotated(y * stretch, x / stretch, dice.below(once) * dice.uniform() * math.pi)
    scale = torch.exp2(0.2 * dice.happens() * dice.normal())
    shifts = dice.happens() / 8
    y = y / scale - (shifts * dice.uniform() * height).round() * pixel
    x = x / scale - (shifts * dice.uniform() * width).round() * pixel
    turns = (2 * dice.uniform()).floor() if height == width else 2 * dice.uniform().floor()
    y, x = _quarter_turned(y, x, dice.happens() * turns)
    return y, x * (1 - 2 * dice.happens() * dice.below(0.5))


def _grid(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return where the pixels are, (H, 1) down and (W) right of the centre."""
    y, x = (torch.arange(size, dtype=images.dtype, device=images.device) - (size - 1) / 2 for size in images.shape[2:])
    return y[:, None], x


def _rotated(y: Tensor, x: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    sine, cosine = angle.sin(), angle.cos()
    return cosine * y - sine * x, sine * y + cosine * x


def _quarter_turned(y: Tensor, x: Tensor, turns: Tensor) -> tuple[Tensor, Tensor]:
    sine, cosine = (turns * (math.pi / 2)).sin().round(), (turns * (math.pi / 2)).cos().round()
    return cosine * y - sine * x, sine * y + cosine * x


def _sampled(images: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Return what pictures show at coordinates (N, 1, H, W), interpolated bilinearly and mirrored beyond their borders.

    Where sides are powers of two, whole pixels come out exactly.
    """
    coordinates = [
        _mirrored(coordinate + (size - 1) / 2, size) * (2 / size) + (1 / size - 1)
        for coordinate, size in ((x, images.shape[3]), (y, images.shape[2]))
    ]
    grid = torch.stack([coordinate.expand(-1, 1, *images.shape[2:]) for coordinate in coordinates], -1).squeeze(1)
    return grid_sample(images, grid, align_corners=False)


def _mirrored(coordinate: Tensor, size: int) -> Tensor:
    """Reflect coordinates into [0, size − 1] at the first and the last pixel, which are not repeated."""
    coordinate = coordinate.remainder(2 * size - 2)
    return torch.minimum(coordinate, 2 * size - 2 - coordinate)


def _taken(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return the pixels (N, C, H, W) that stand in rows and columns; these broadcast to (N, 1, H, W)."""
    coordinates = (rows * images.shape[3] + columns).flatten(2).expand(-1, images.shape[1], -1)
    return images.flatten(2).gather(2, coordinates).view(images.shape)


def _shifted(images: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Move pictures by whole pixels, up to an eighth of a side either way by chance; zeros move in."""
    height, width = images.shape[2:]
    (rows, seen), (columns, visible) = (_source(size, chance) for size, chance in ((height, down), (width, right)))
    return _taken(images, rows.mT, columns) * (seen.mT & visible)


def _source(size: int, chance: Tensor) -> tuple[Tensor, Tensor]:
    """Return from where along an axis a shift takes each pixel, and whether that lies inside."""
    most = round(size / 8)
    index = torch.arange(size, device=chance.device) - ((2 * most + 1) * chance).long() + most
    return index.clamp(0, size - 1), (index >= 0) & (index < size)


def _holed(images: Tensor, grid: tuple[Tensor, Tensor], y: Tensor, x: Tensor, holed: Tensor) -> Tensor:
    """Set to zero half the height and half the width around a point; y and x are −1 and 1 at the borders."""
    (down, right), (height, width) = grid, images.shape[2:]
    hole = ((down - y * height / 2).abs() < height / 4) & ((right - x * width / 2).abs() < width / 4)
    return images * (1 - holed * hole)


def _saturated(paint: Tensor, factor: Tensor) -> Tensor:
    grey = paint.mean(1, keepdim=True)
    return grey + (paint - grey) * factor


def _hued(paint: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotate colours around the axis of greys, (1, 1, 1)/√3 (Rodrigues' formula); one grey channel stays."""
    grey = paint.mean(1, keepdim=True)
    across = (paint.roll(1, 1) - paint.roll(-1, 1)) / math.sqrt(3)
    return grey + (paint - grey) * cosine + across * sine
