"""Latents that are kept in a file, with the fingerprint of their generator."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lienzo.errors import InputError
from lienzo.storage import sealed, tensors

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Latents:
    """Latents of one generator, with their labels and names."""

    z: Array
    """Latents (n, latents) float32."""

    y: Array
    """(n, classes) float32, the label of each as a row; (n, 0) where the generator knows no labels."""

    generator: str
    """Fingerprint of the generator that they belong to."""

    names: tuple[str, ...] = ()
    """Name of each, such as ``seed 7``; one for each, or none at all."""

    def __len__(self) -> int:
        return len(self.z)

    def __getitem__(self, number: int) -> "Latents":
        """Return one of them.

        Raises:
            InputError: there are not so many.
        """
        if not -len(self) <= number < len(self):
            raise InputError(
                f"there are {len(self)} latents here, and none has the number {number}: they count from 0."
            )
        at = number % len(self)
        return Latents(self.z[at : at + 1], self.y[at : at + 1], self.generator, self.names[at : at + 1])

    def save(self, path: str | Path) -> Path:
        """Write them to a ``.safetensors`` file, which tells which generator they belong to.

        Raises:
            InputError: the file is there and holds something else, or latents of another generator.
        """
        sealed.refuse_other(Path(path), "latents", self.generator)
        header: dict[str, Any] = {"kind": "latents", "generator": self.generator, "names": list(self.names)}
        tensors.save(Path(path), {"z": torch.from_numpy(self.z), "y": torch.from_numpy(self.y)}, header)
        return Path(path)

    @classmethod
    def open(cls, path: str | Path) -> "Latents":
        """Read what :meth:`save` wrote.

        Raises:
            InputError: no such file, a damaged one, or one that holds something else.
        """
        state, header = tensors.load(Path(path), "latents", InputError)
        names, generator = header.get("names", []), header.get("generator")
        z, y = state.get("z"), state.get("y")
        if z is None or y is None or not isinstance(generator, str) or not _fits(z, y, names):
            raise InputError(f"{path} holds no latents that this lienzo knows: save them again.")
        return cls(z.numpy(), y.numpy(), generator, tuple(names))

    def check(self, generator: str, latents: int, classes: int) -> "Latents":
        """Return the latents if they are of this generator.

        Raises:
            InputError: they are another's.
        """
        if (self.z.shape[1], self.y.shape[1]) != (latents, classes) or self.generator != generator:
            raise InputError(
                f"these latents were saved for the generator {self.generator[:16]}, and this is {generator[:16]}: "
                "give them to theirs, or find this one's with `lienzo explore invert`."
            )
        return self


def joined(several: Sequence[Latents]) -> Latents:
    """Return latents of one generator, one after the other."""
    names = [name for some in several for name in (some.names or ("",) * len(some))]
    z, y = np.concatenate([some.z for some in several]), np.concatenate([some.y for some in several])
    return Latents(z, y, several[0].generator, tuple(names) if any(names) else ())


def truncated(z: Array, psi: float, centres: Array | None = None) -> Array:
    """Return latents drawn towards a centre: centre + psi · (z − centre).

    Pictures get better and more alike as ``psi`` falls from 1 to 0 (Brock et al. 2019, section 3.1, for latents;
    Karras et al. 2019, appendix B, for this form). With several centres each goes to the nearest of them by angle
    (Mokady et al. 2022), so that what differs most stays different.

    Args:
        z: (n, latents).
        psi: 1 changes nothing, 0 leaves the centre alone; above 1 exaggerates.
        centres: (k, latents); by default the mean of all latents, 0.

    Returns:
        (n, latents).
    """
    if centres is None:
        return np.asarray(z * np.float32(psi))
    lengths = np.maximum(np.linalg.norm(centres, axis=1), 1e-12)
    nearest = centres[(z @ centres.T / lengths).argmax(1)]
    return np.asarray(nearest + np.float32(psi) * (z - nearest), np.float32)


def _fits(z: torch.Tensor, y: torch.Tensor, names: object) -> bool:
    floats = z.dtype == y.dtype == torch.float32 and z.ndim == y.ndim == 2 and len(z) == len(y) > 0
    named = isinstance(names, list) and all(isinstance(name, str) for name in names) and len(names) in (0, len(z))
    return bool(floats and named and z.isfinite().all() and y.isfinite().all())
