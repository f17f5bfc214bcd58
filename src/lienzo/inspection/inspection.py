"""What a path holds: a collection, a run, a generator, a checkpoint, a recipe or a generated picture."""

from pathlib import Path
from typing import Any

from lienzo.collection import manifest
from lienzo.collection.collection import Collection
from lienzo.collection.listing.places import is_url
from lienzo.collection.vocabulary import Vocabulary
from lienzo.errors import InputError
from lienzo.generation import pictures
from lienzo.inspection.caches import clear, look
from lienzo.inspection.overview import overview
from lienzo.recipe.recipe import Recipe
from lienzo.run.progress import progress
from lienzo.run.run import Run
from lienzo.storage import sealed


def info(path: str | Path = ".", *, caches: bool = False, clear_caches: bool = False) -> dict[str, Any]:
    """Return what is worth knowing of an artefact, as plain values; ``kind`` says what it is.

    Args:
        path: a collection or its URL, a run, one of their files, or a folder of runs and collections.
        caches: tell instead where lienzo keeps on this machine what it can make again, and how many bytes that takes.
        clear_caches: delete that, and tell how many bytes are free now.

    Raises:
        InputError: there is nothing, or nothing of lienzo's, or a collection or a file that is damaged.
    """
    if (caches or clear_caches) and str(path) != ".":
        raise InputError(f"caches are those of this machine, not of {path}: leave the path out.")
    if caches and clear_caches:
        raise InputError("look at the caches or clear them: give one of the two options.")
    if clear_caches:
        return clear()
    if caches:
        return look()
    if is_url(str(path)):
        return _collection(Collection.open(path))
    path = Path(path)
    if not path.exists():
        raise InputError(f"there is no {path}: check the path.")
    if path.is_dir():
        return _folder(path)
    readers = {".safetensors": _tensors, ".onnx": _onnx, ".toml": _recipe, ".png": _picture}
    if path.suffix.lower() not in readers:
        raise InputError(f"{path} is nothing that lienzo made: give a collection, a run, or one of their files.")
    return readers[path.suffix.lower()](path)


def _folder(path: Path) -> dict[str, Any]:
    if Run(path).exists():
        return _run(Run(path))
    if (path / manifest.NAME).exists():
        return _collection(Collection.open(path))
    return overview(path)


def _collection(collection: Collection) -> dict[str, Any]:
    collection.verify()
    refused: dict[str, int] = {}
    for reason in collection.rejected()["reason"].to_pylist():
        refused[reason] = refused.get(reason, 0) + 1
    return {
        "kind": "collection",
        "pictures": collection.count,
        "height": collection.height,
        "width": collection.width,
        "channels": collection.channels,
        "bytes": collection.count * collection.height * collection.width * collection.channels,
        "train": len(collection.rows("train")),
        "holdout": len(collection.rows("holdout")),
        "labels": {kind: _counts(collection, kind) for kind in collection.vocabularies},
        "refused": dict(sorted(refused.items(), key=lambda item: -item[1])),
        "settings": collection.settings,
        "fingerprint": collection.fingerprint,
    }


def _counts(collection: Collection, kind: str) -> dict[str, int]:
    """Return how many pictures have each label of a kind, the most frequent first."""
    counts = Vocabulary.counted(kind, collection.vocabularies[kind], collection.labels(kind)).counts
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _run(run: Run) -> dict[str, Any]:
    manifest, far = run.manifest(), progress(run)
    state = f"trained by {far.trainer}" if far.trainer else "stopped by trouble" if far.stop else far.state
    left = {} if far.seconds_left is None else {"seconds_left": round(far.seconds_left)}
    last = far.last or {"images": 0}
    return {
        "kind": "run",
        "recipe": far.recipe.name,
        "state": state,
        "images": far.images,
        "total": far.total,
        "finished": far.finished,
        **left,
        "trouble": far.stop or last.get("trouble"),
        "rollbacks": manifest.get("rollbacks", []),
        "last_tick": last,
        "collection": manifest["collection"],
        "origin": manifest.get("origin") or {},
        "versions": manifest["versions"],
        "machine": manifest["machine"],
        "checkpoints": [path.name for path in run.checkpoints()],
        "damaged": [path.name for path in run.checkpoints() if _is_damaged(path)],
        "samples": len(run.samples()),
        "epochs": len(run.epochs()),
    }


def _is_damaged(path: Path) -> bool:
    """Say whether a checkpoint is there and not whole; one that was just forgotten by who trains is no longer there."""
    try:
        sealed.read(path, "checkpoint", InputError)
    except InputError:
        return path.exists()
    return False


def _tensors(path: Path) -> dict[str, Any]:
    tensors, header = sealed.read(path, None, InputError)
    return {**header, "parameters": sum(stored.numbers for stored in tensors.values()), "bytes": path.stat().st_size}


def _onnx(path: Path) -> dict[str, Any]:
    from lienzo.generation import onnx  # noqa: PLC0415  takes long to load, and few files need it

    return {**onnx.described(path), "bytes": path.stat().st_size}


def _recipe(path: Path) -> dict[str, Any]:
    return {"kind": "recipe", **Recipe.from_toml(path).to_dict()}


def _picture(path: Path) -> dict[str, Any]:
    described = pictures.described(path)
    if described is None:
        raise InputError(f"{path} is no picture: give a PNG that lienzo generated.")
    return {**described, "kind": "picture"}
