"""The shape of the pictures that a generator makes or a discriminator takes."""

from dataclasses import dataclass

from lienzo.errors import RecipeError


@dataclass(frozen=True)
class Shape:
    """Height and width in pixels, and the number of channels."""

    height: int
    width: int
    channels: int

    def __str__(self) -> str:
        return f"{self.height}×{self.width}×{self.channels}"

    def doublings(self) -> tuple[int, int, int]:
        """Return (base height, base width, n): the picture is the base doubled n times, the base's short side 4 to 7.

        Raises:
            RecipeError: where the sides are not a small number times a power of two.
        """
        short, n = min(self.height, self.width), 0
        while short >> (n + 1) >= 4:
            n += 1
        if n == 0 or self.height % 2**n or self.width % 2**n:
            raise RecipeError(
                f"a convolutional network cannot make pictures of {self.height}×{self.width}: "
                "prepare them with sides that are 4 to 7 times a power of two, such as 64×64 or 96×64."
            )
        return self.height >> n, self.width >> n, n
