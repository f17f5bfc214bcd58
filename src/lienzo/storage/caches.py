"""Where lienzo keeps on this machine what it can make again: one folder, in which everything may be deleted."""

import os
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


def root() -> Path:
    """Return the folder of the caches: ``LIENZO_CACHE``, or the user's cache folder of this system."""
    if "LIENZO_CACHE" in os.environ:
        return Path(os.environ["LIENZO_CACHE"])
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "lienzo"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "lienzo"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "lienzo"


def folder(kind: Kind) -> Path:
    """Return the folder of one kind of cache; it need not exist."""
    return root() / kind


def keep_kernels() -> None:
    """Let ``torch.compile`` keep its kernels among the caches, unless the user told it another place."""
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(folder("kernels")))
