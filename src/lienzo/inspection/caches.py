"""What the caches hold, and how they are cleared."""

import shutil
from typing import Any

from lienzo.collection import remote
from lienzo.storage import caches
from lienzo.storage.files import size_of


def look() -> dict[str, Any]:
    """Return where each cache lies and how many bytes it takes."""
    sizes = {kind: sum(size_of(path) for path in caches.entries(kind)) for kind in caches.KINDS}
    parts = {str(kind): {"holds": caches.KINDS[kind], "bytes": size} for kind, size in sizes.items()}
    return {"kind": "caches", "path": str(caches.root()), "bytes": sum(sizes.values()), **parts}


def clear() -> dict[str, Any]:
    """Delete what lienzo keeps in the caches, and return how many bytes that freed.

    What others laid into these folders stays. So does a collection that is on its way to a URL: what was prepared of it
    lies nowhere else.
    """
    before, kept = look()["bytes"], []
    for kind in caches.KINDS:
        for path in caches.entries(kind):
            if kind == "collections" and not remote.is_sent(path):
                kept.append(str(path))
            elif path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    return {"kind": "caches", "path": str(caches.root()), "freed": before - look()["bytes"], "kept": kept}
