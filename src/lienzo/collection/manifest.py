"""The manifest of a collection, ``collection.json``: what it may say. Whatever it says else is damage."""

from typing import Annotated, Any, Literal

import msgspec

from lienzo.collection.reasons import Reason
from lienzo.collection.settings import LARGEST, SMALLEST
from lienzo.errors import CollectionError
from lienzo.storage import schemas
from lienzo.storage.schemas import Count, Fingerprint, Sha256

NAME = "collection.json"
"""Name of the file. It is written last: files that it does not name do not count."""

REPORT = "report.html"
"""Name of the page about it, which stands beside it and which it does not name."""

FORMAT: Literal["lienzo collection"] = "lienzo collection"
VERSION: Literal[1] = 1
"""What the file says it is."""

Side = Annotated[int, msgspec.Meta(ge=SMALLEST, le=LARGEST)]
Setting = None | bool | int | float | str | list[int | str]


class Shard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of pictures and its index."""

    images: Annotated[str, msgspec.Meta(pattern=r"\Aimages-[0-9]{5,9}\.npy\Z")]
    """Name of the .npy file: uint8 (count, height, width, channels)."""
    index: Annotated[str, msgspec.Meta(pattern=r"\Aindex-[0-9]{5,9}\.parquet\Z")]
    """Name of the Parquet file: a row for each picture."""
    count: Annotated[int, msgspec.Meta(ge=1, le=1 << 40)]
    """How many pictures."""
    images_sha256: Sha256
    """SHA-256 of the .npy file."""
    index_sha256: Sha256
    """SHA-256 of the Parquet file."""


class Tables(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names of the tables beside the index. Each addition of pictures writes them anew, under the next number."""

    rejected: Annotated[str, msgspec.Meta(pattern=r"\Arejected(-[0-9]{1,9})?\.parquet\Z")]
    """What was refused, and why."""
    sources: Annotated[str, msgspec.Meta(pattern=r"\Asources(-[0-9]{1,9})?\.parquet\Z")]
    """What was listed."""

    @property
    def names(self) -> tuple[str, str]:
        """Both names."""
        return self.rejected, self.sources

    def following(self) -> "Tables":
        """Return the names that the tables have after the next addition."""
        number = self.sources.removesuffix(".parquet").removeprefix("sources").removeprefix("-")
        return Tables(*(f"{table}-{int(number or 1) + 1}.parquet" for table in ("rejected", "sources")))


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What ``collection.json`` says; the fields are explained at :class:`lienzo.collection.collection.Collection`."""

    format: Literal["lienzo collection"] = FORMAT
    version: Literal[1] = VERSION
    height: Side
    width: Side
    channels: Literal[1, 3, 4]
    count: Annotated[int, msgspec.Meta(ge=1, le=1 << 40)]
    fingerprint: Fingerprint
    vocabularies: dict[str, tuple[str, ...]]
    refused: dict[str, Count]
    settings: dict[str, Setting]
    shards: tuple[Shard, ...]
    tables: Tables

    def __post_init__(self) -> None:
        if strange := self.refused.keys() - set(Reason):
            raise ValueError(f"it refused files for '{min(strange)}', which is no reason")
        if [(shard.images, shard.index) for shard in self.shards] != [shard_names(i) for i in range(len(self.shards))]:
            raise ValueError("its shards are not numbered from 0 on")
        if sum(shard.count for shard in self.shards) != self.count:
            raise ValueError("its shards do not have as many pictures as it says")


def shard_names(number: int) -> tuple[str, str]:
    """Return the names of a shard's two files."""
    return f"images-{number:05d}.npy", f"index-{number:05d}.parquet"


def read(data: bytes, place: str) -> Manifest:
    """Return what the bytes of a ``collection.json`` say.

    Args:
        data: the file's bytes.
        place: the collection's folder or URL, for messages.

    Raises:
        CollectionError: they are damaged, something else's, or of another version.
    """
    try:
        values: Any = schemas.parse(data)
        if not isinstance(values, dict) or "format" not in values:
            raise ValueError("it is no description of a collection")
        if values["format"] != FORMAT:
            raise CollectionError(f"{place} is no collection of lienzo: its {NAME} is something else's.")
        if values.get("version") != VERSION:
            found = str(values.get("version"))[:20]
            raise CollectionError(
                f"{place} has format {found}, this lienzo reads {VERSION}: delete it, and prepare the pictures again."
            )
        return schemas.convert(values, Manifest)
    except ValueError as error:
        if isinstance(error, CollectionError):
            raise
        raise CollectionError(
            f"{place}/{NAME} is damaged ({error}): delete the collection, and prepare it again."
        ) from None
