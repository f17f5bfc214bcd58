"""What to generate: every choice, declared once for the function and for the command. Light to import."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from lienzo.errors import InputError
from lienzo.generation.spans import MOST, parse_seeds

if TYPE_CHECKING:
    from lienzo.generation.directions import Directions as _Directions
    from lienzo.generation.latents import Latents as _Latents

    Label: TypeAlias = str | Sequence[str]
    Latents: TypeAlias = str | Path | _Latents
    Directions: TypeAlias = str | Path | _Directions
else:  # values of one's own are for Python only: whoever reads words reads names and files
    Label, Latents, Directions = Sequence[str], Path, Path


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What to generate. The fields are the options of ``lienzo generate`` and of :func:`lienzo.generate`.

    Latents are first truncated, then moved along directions, then mixed.
    """

    count: int | None = None
    """Number of pictures of each label, from seed 0 on; by default 64, or 8 of several labels."""

    seeds: str | Iterable[int] | None = None
    """Seeds of the pictures, such as 0,1,2 or 10-19; in Python also numbers."""

    label: Label = ()
    """Label, or a mixture such as 'cubism=0.3,baroque=0.7'; of several, each is made from the same seeds."""

    latents: Latents | None = None
    """Saved latents to paint, in place of seeds."""

    truncation: float | None = None
    """How far latents keep from their mean: 1 as they are, less for more typical and more alike pictures."""

    centres: Latents | None = None
    """Saved latents, or a number of clusters of pictures, whose nearest takes the place of the mean."""

    along: Sequence[str] = ()
    """Step along a direction in standard deviations, one or several, such as storm=2.5."""

    directions: Directions | None = None
    """File of the directions; by default the one beside the generator."""

    mix: Sequence[str] = ()
    """Layers that take the latents of another seed, such as 7:2-4; given again for each."""

    units: Label = ()
    """Units of the generator to hold at a value, such as layer1:3=0,layer2:5+7=2.5."""

    save_latents: str | Path | None = None
    """File for the latents that were painted, a .safetensors."""

    out: str | Path | None = "generated.png"
    """A .png file for one grid, or a folder for single files; in Python None writes nothing."""

    columns: int | None = None
    """Number of pictures side by side in the grid; by default one row for each label, else nearly a square."""

    device: str = "cpu"
    """Where to compute: auto, cpu, cuda or mps."""

    def __post_init__(self) -> None:
        if self.count is not None and self.count > MOST:
            raise InputError(
                f"{self.count:,} pictures are too many at once: give up to {MOST:,}, then others by --seeds."
            )
        if self.count is not None and self.seeds is not None:
            raise InputError("--count and --seeds both say which pictures: give one of the two.")
        if self.latents is not None and (self.count is not None or self.seeds is not None):
            raise InputError("--latents and seeds both say which pictures: give one of the two.")
        if self.centres is not None and self.truncation is None:
            raise InputError("centres are what truncation draws latents to: give a truncation too, such as 0.7.")
        if self.truncation is not None and not -2 <= self.truncation <= 2:
            raise InputError(f"a truncation of {self.truncation:g} is outside of −2 to 2: 1 changes nothing.")
        if self.directions is not None and not self.along:
            raise InputError("directions are what steps go along: say how far, such as --along storm=2.5.")
        if self.units and self.moves:
            raise InputError("units are held in the pictures of seeds: leave out what moves or keeps latents.")
        if self.save_latents is not None and self.out is not None and Path(self.save_latents) == Path(self.out):
            raise InputError(f"--out and --save-latents are both {self.out}: give each a file of its own.")
        if self.mix and self.save_latents is not None:
            raise InputError("latents mixed by layer are no longer one for each picture: leave --save-latents out.")

    @property
    def labels(self) -> list[str]:
        """The labels that all pictures are painted with, one after the other; none where each has its own."""
        return [self.label] if isinstance(self.label, str) else list(self.label)

    @property
    def moves(self) -> bool:
        """Whether latents are asked for that are not those of seeds, or are to be kept."""
        asked = self.latents, self.truncation, self.save_latents
        return any(value is not None for value in asked) or bool(self.along or self.mix)

    def chosen(self) -> list[int]:
        """Return the seeds.

        Raises:
            InputError: a text that names none, or one number.
        """
        if self.seeds is None:
            return list(range((8 if len(self.labels) > 1 else 64) if self.count is None else self.count))
        if isinstance(self.seeds, str):
            return parse_seeds(self.seeds)
        if not isinstance(self.seeds, Iterable):
            raise InputError(f"the seeds are {self.seeds!r}, but have to be several numbers: give [{self.seeds!r}].")
        return list(self.seeds)
