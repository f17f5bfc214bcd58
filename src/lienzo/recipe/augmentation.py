"""The settings of augmentation, which changes pictures before the discriminator sees them.

The changes are made by :mod:`lienzo.training.augmentation`.
"""

from dataclasses import dataclass
from typing import Literal

TARGET, SPEED = 0.6, 500_000
"""Values of Karras et al. 2020, Training Generative Adversarial Networks with Limited Data."""

Sampling = Literal["bilinear", "bicubic", "whole"]
"""How ada samples pictures between their pixels."""


@dataclass(frozen=True)
class Augmentation:
    """Settings of the random changes that pictures undergo before the discriminator sees them."""

    flips: bool = False
    """Mirror each real picture left to right with probability one half."""

    policy: Literal["none", "diffaugment", "ada"] = "none"
    """diffaugment changes every picture mildly (Zhao et al. 2020); ada changes pictures as often as the measured
    overfitting asks for (Karras et al. 2020)."""

    colour: bool = False
    """Change colours too. Changed colours may leak into generated pictures, which matters for paintings."""

    target: float = TARGET
    """With ada: overfitting r = E[sign D(x)] on real pictures, from −1 to 1, above which changes become likelier."""

    speed: int = SPEED
    """With ada: the pictures over which the probability of a change would rise from 0 to 1."""

    sampling: Sampling = "bilinear"
    """With ada: how pictures are sampled between their pixels. bicubic blurs them less than bilinear; whole moves them
    by whole pixels, turns them by quarters and mirrors them, and leaves other rotations, scalings and stretches out, so
    that nothing is blurred."""

    cutout: bool = True
    """With diffaugment: cut a hole with half the sides, too. Without it, pictures are only moved."""

    def __post_init__(self) -> None:
        if self.colour and self.policy == "none":
            raise ValueError("colour belongs to a policy, and there is none: choose the policy diffaugment or ada.")
        if self.policy != "diffaugment" and not self.cutout:
            raise ValueError("cutout belongs to the policy diffaugment: choose it, or leave cutout out.")
        if self.policy != "ada" and (self.target, self.speed) != (TARGET, SPEED):
            raise ValueError("target and speed belong to the policy ada: choose it, or leave them out.")
        if self.policy != "ada" and self.sampling != "bilinear":
            raise ValueError("sampling belongs to the policy ada: choose it, or leave sampling out.")
        if not -1 < self.target < 1:
            raise ValueError(f"target is {self.target}, but is the mean of a sign: give a number between -1 and 1.")
        if self.speed < 1:
            raise ValueError(f"speed is {self.speed}, but is a number of pictures: give a positive one.")
