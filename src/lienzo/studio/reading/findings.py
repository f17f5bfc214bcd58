"""Dissections and directions below the folder: which files hold them, and of which generator they are.

Only headers are read here, without PyTorch. The process of the canvas reads the rest.
"""

from pathlib import Path
from typing import Any

from lienzo.errors import InputError
from lienzo.run.run import Run
from lienzo.studio.reading.artefacts import Artefacts
from lienzo.studio.reading.scores import header_of

KINDS = ("dissection", "directions")
"""The kinds of files that are findings about a generator."""

LARGEST = 512 << 20
"""Bytes of a file that is opened."""


def findings(artefacts: Artefacts, name: str, run: Run) -> list[dict[str, Any]]:
    """Return the files that hold findings about a run's generators, in the run's folder or elsewhere below the root.

    Args:
        artefacts: the folder.
        name: path of the run.
        run: itself.

    Returns:
        For each ``file``, its path below the root, ``kind``, and whether it is of the ``newest`` generator.
    """
    within = [*run.path.glob("*.safetensors"), *run.path.glob("generators/*.safetensors")]
    newest = header_of(run.generator_path).get("fingerprint")
    own: list[dict[str, Any]] = []
    fingerprints: set[Any] = {newest} - {None}
    for path in sorted(within):
        header = header_of(path)
        if header.get("kind") == "generator":
            fingerprints.add(header.get("fingerprint"))
        elif header.get("kind") in KINDS:
            own.append(_told(f"{name}/{path.relative_to(run.path).as_posix()}", header, newest))
    others = [
        _told(file, header, newest)
        for file in artefacts.tensors()
        if (header := header_of(artefacts.root / file)).get("kind") in KINDS and header.get("generator") in fingerprints
    ]
    return sorted([*own, *others], key=lambda one: (not one["newest"], one["kind"], one["file"]))


def located(artefacts: Artefacts, name: str, run: Run, file: str) -> Path:
    """Return where one of these findings lies.

    Raises:
        InputError: there is none of this name, or it is too large.
    """
    if file not in {one["file"] for one in findings(artefacts, name, run)}:
        raise InputError(f"there is nothing about {name} at {file} (any more): go back to its scores.")
    path = artefacts.root / file
    if path.stat().st_size > LARGEST:
        raise InputError(f"{file} is larger than {LARGEST >> 20} MiB: the studio does not open it.")
    return path


def _told(file: str, header: dict[str, Any], newest: object) -> dict[str, Any]:
    return {"file": file, "kind": header["kind"], "newest": header.get("generator") == newest}
