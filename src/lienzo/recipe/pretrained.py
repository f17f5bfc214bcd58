"""The settings of a second discriminator, which sees pictures through a network that was trained on photographs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pretrained:
    """A second discriminator on features of MobileNetV2 (Sauer et al. 2021, Projected GANs; Kumari et al. 2022).

    The network was trained to name the photographs of ImageNet, and stays as it is. Scores of a detector that was
    trained on the same photographs are too good for such a generator (Kynkäänniemi et al. 2022): take another one as
    well.
    """

    weight: float = 0.0
    """Weight of its hinge losses beside those of the discriminator that learns from pixels; 0: there is none."""

    channels: int = 32
    """Channels to which the features of each of four layers are mixed, by random weights that do not learn."""

    shrink: int = 1
    """The network sees means of blocks of so many pixels a side: 2 makes it four times as cheap, and leaves the finest
    detail to the discriminator that learns from pixels."""

    windows: bool = False
    """Of every second picture the network sees a window at full size instead, 1 / ``shrink`` of each side, at nine
    places in turn: so it sees detail too, at the same cost."""

    def __post_init__(self) -> None:
        if self.weight < 0:
            raise ValueError(f"weight is {self.weight}, but cannot be negative: give 0 for no second discriminator.")
        for key in ("channels", "shrink", "windows"):
            value, default = getattr(self, key), getattr(Pretrained, key)
            if value < 1 and not isinstance(value, bool):
                raise ValueError(f"{key} is {value}; give a positive number.")
            if value != default and not self.weight:
                raise ValueError(
                    f"{key} belongs to the second discriminator, whose weight is 0: set weight too, to 1 for example, "
                    f"or leave {key} at {str(default).lower()}."
                )
        if self.windows and self.shrink == 1:
            raise ValueError(
                "windows are for pictures that are seen smaller, and shrink is 1: set shrink to 2, or leave windows at "
                "false."
            )
