"""What the canvas may be asked for, as a schema that the page and the server share. Read without PyTorch."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

MOST = 64
"""Pictures of one wish."""

DEEPEST = 16
"""Mixtures within one another: a plane through pictures of a plane has two."""

MOST_PLACES = 4_000
"""Places in one mixture, those within others with them."""

Seed = Annotated[int, Meta(ge=0, le=(1 << 53) - 1)]
"""A whole number that a browser holds exactly."""

Small = Annotated[float, Meta(ge=-1e6, le=1e6)]
Text = Annotated[str, Meta(max_length=1_000)]


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place in the space of latents: one seed, latents written out, or a mixture of places.

    A mixture of places zᵢ with weights wᵢ is Σ wᵢ zᵢ, brought to the length of Σ |wᵢ| |zᵢ| / Σ |wᵢ|, so that what lies
    between two pictures is as far from the origin as they are. Rows of labels yᵢ become Σ wᵢ yᵢ.
    """

    seed: Seed | None = None
    z: Annotated[tuple[Small, ...], Meta(min_length=1, max_length=4_096)] | None = None
    y: Annotated[tuple[Small, ...], Meta(max_length=100_000)] | None = None
    """Row of the label of latents that are written out; by default no label."""
    mixture: Annotated[tuple[tuple[Small, "Place"], ...], Meta(min_length=1, max_length=8)] | None = None


def _refuse_endless(place: Place) -> None:
    """Refuse mixtures without end, whatever depth and number of places this process could bear."""
    level, count = [place], 1
    for _ in range(DEEPEST + 1):
        level = [part for one in level for _, part in one.mixture or ()]
        count += len(level)
        if count > MOST_PLACES:
            raise ValueError(f"a mixture has too many places, {MOST_PLACES:,} are the most")
    if level:
        raise ValueError(f"mixtures are nested too deeply, {DEEPEST} are the most")


class Crossing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another place, whose latents enter by some layers: mixing by layer."""

    place: Place

    layer: Annotated[int, Meta(ge=0, le=1_000)]
    """The first layer that takes them, of those that latents enter by, coarse to fine; those before it take the
    picture's own."""

    def __post_init__(self) -> None:
        """Refuse mixtures without end."""
        _refuse_endless(self.place)


class Picture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One picture: a place, and what is done to it."""

    place: Place
    label: Text | None = None
    """A label, or a mixture such as ``cubism=0.3,baroque=0.7``; by default that of the place."""

    along: Annotated[dict[Text, Small], Meta(max_length=64)] = {}
    """Directions by name, and how far."""

    psi: Annotated[float, Meta(ge=-2, le=2)] = 1.0
    """Truncation: 1 changes nothing, 0 is the mean picture."""

    mix: Crossing | None = None
    """What is mixed in; directions and truncation change it as they change the picture."""

    def __post_init__(self) -> None:
        """Refuse mixtures without end."""
        _refuse_endless(self.place)


class Paint(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="paint"):
    """Pictures, as one PNG with ``columns`` of them in a row."""

    run: Text
    pictures: Annotated[tuple[Picture, ...], Meta(min_length=1, max_length=MOST)]
    columns: Annotated[int, Meta(ge=1, le=MOST)] = 8


class Film(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="film"):
    """A walk through pictures: the film, or its path."""

    run: Text
    pictures: Annotated[tuple[Picture, ...], Meta(min_length=2, max_length=MOST)]
    frames: Annotated[int, Meta(ge=2, le=600)] = 120
    closed: bool = True
    form: Literal["webp", "gif", "json"] = "webp"


class Invert(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="invert"):
    """The latents of a picture; its file follows."""

    run: Text
    file: bytes


class About(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="about"):
    """What a generator is: size, labels, directions."""

    run: Text


class Read(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="read"):
    """What a file of a dissection or of directions says."""

    run: Text
    file: Text


class Show(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="show"):
    """Pictures in which a dissection switched a concept, as one PNG."""

    run: Text
    file: Text
    example: Annotated[int, Meta(ge=0, le=1_000)]
    """Number of the concept among those that were switched."""
    view: Literal["mask", "active", "before", "off", "control", "on"]
    """Which pictures; where a mask is not, they are dark."""


Wish = Paint | Film | Invert | About | Read | Show
