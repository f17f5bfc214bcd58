"""Which recipe to take where nobody chose one: by the size of the pictures, their number and the device.

It is read without PyTorch.
"""

from dataclasses import dataclass

from lienzo.recipe.catalogue import NOT_SCORED, RECIPES

FEW = 2_000
"""Up to so many pictures are learnt by heart soon, and ``few`` is for them."""


FEWEST = 100
"""The fewest pictures that ``few`` was tried with."""


@dataclass(frozen=True)
class Choice:
    """A recipe, and why."""

    name: str
    """Of the recipe."""

    reason: str
    """The pictures and the device that it is for, such as ``5,172 pictures of 64×64 on cpu``."""

    others: tuple[str, ...]
    """Names of recipes for the same pictures that take longer, or are for comparison."""

    def __str__(self) -> str:
        purpose = (RECIPES[self.name].__doc__ or "").partition("\n")[0].rstrip(".")
        others = ", ".join(map(_with_remark, self.others))
        return (
            f"The recipe is {self.name}, for {self.reason}: {purpose[:1].lower()}{purpose[1:]}. "
            f"Others for them, with --recipe: {others}."
        )


def _with_remark(name: str) -> str:
    """Return a recipe's name, with what to know before one takes it."""
    if name in NOT_SCORED:
        return f"{name} (no scores yet)"
    return f"{name} (needs lienzo[pretrained])" if RECIPES[name]().pretrained.weight else name


def choose(height: int, width: int, count: int, device: str) -> Choice:
    """Return the recipe for pictures of this size and number on this device.

    Args:
        height: of the pictures, in pixels.
        width: of the pictures, in pixels.
        count: pictures to train on.
        device: its kind: ``cpu``, ``cuda`` or ``mps``.
    """
    fewer = f", fewer than the {FEWEST} that recipes were tried with" if count < FEWEST else ""
    reason = f"{count:,} pictures of {height}×{width} on {device}{fewer}"
    side = max(height, width)
    if side > 80:
        size, other = ("256", "128") if side > 160 else ("128", "256")
        for_gpu = (f"modern-gpu-{size}",) if device == "cuda" else ()
        others = (*for_gpu, f"modern-{size}", f"modern-plain-{other}", "thesis")
        return Choice(f"modern-plain-{size}", reason, others)
    if count <= FEW:
        return Choice("few", reason, ("fast", "modern-plain", "thesis"))
    if device == "cuda":
        return Choice("modern-gpu", reason, ("modern-plain", "fast", "thesis"))
    return Choice("fast", reason, ("fast-features", "modern", "modern-plain", "thesis"))
