"""Where lienzo keeps on this machine what it can make again: one folder, in which everything may be deleted."""

import os
import re
import sys
from pathlib import Path
from typing import Literal

Kind = Literal["collections", "pictures", "features", "generators", "kernels", "studio"]

KINDS: dict[Kind, str] = {
    "collections": "collections that were fetched from URLs, or are on their way to one",
    "pictures": "collections made of folders and archives of pictures that were scored",
    "features": "features of collections' pictures, made by detectors",
    "generators": "generators that were fetched from the Hugging Face Hub",
    "kernels": "kernels that torch.compile made",
    "studio": "the secret words of studios' addresses, so that an open page goes on when its studio is started again",
}
"""What is kept, each in a folder of its own."""

NAMES: dict[Kind, str] = {
    "collections": "[0-9a-f]{16}",
    "pictures": r"[0-9a-f]{16}|\.[0-9a-f]{16}\.lock",
    "features": "[0-9a-f]{16,64}",
    "generators": r"models--.+|\.locks|CACHEDIR\.TAG",
    "kernels": "inductor",
    "studio": "[0-9a-f]{16}",
}
"""Names that lienzo gives to what it keeps, as regular expressions: anything else in these folders is not its own."""


def root() -> Path:
    """Return the folder of the caches: ``LIENZO_CACHE``, or the user's cache folder of this system."""
    if own := os.environ.get("LIENZO_CACHE"):
        return Path(own)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "lienzo"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "lienzo"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lienzo"


def folder(kind: Kind) -> Path:
    """Return the folder of one kind of cache; it need not exist."""
    return root() / kind


def entries(kind: Kind) -> list[Path]:
    """Return what lienzo keeps of one kind, by name; nothing else that lies there."""
    place = folder(kind)
    found = place.iterdir() if place.is_dir() else ()
    return sorted(path for path in found if re.fullmatch(NAMES[kind], path.name))


def keep_kernels() -> None:
    """Let ``torch.compile`` keep its kernels among the caches, unless the user told it another place."""
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(folder("kernels") / "inductor"))
