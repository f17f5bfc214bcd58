"""A generator as one HTML file that paints in any browser, from the disk, without a network or a server.

The file carries the network as operations and float16 weights, and what is in ``browser/``: the interpreter that
computes them, in a worker beside the page, and the page itself. It loads nothing, and its content security policy
forbids it to. What comes from files (names, labels, recipes) stands in it as escaped text and as JSON, never as code.
"""

import base64
import hashlib
import json
import re
from collections import abc
from importlib import resources
from pathlib import Path
from typing import Any, get_args

import msgspec
import numpy as np

from lienzo.display.pages import escape
from lienzo.errors import InputError
from lienzo.explore import paths
from lienzo.export import about, execution, packing, products, tracing
from lienzo.export.packing import Packed, Precision
from lienzo.export.progress import Progress, Steps
from lienzo.export.subject import Subject
from lienzo.generation.directions import Directions
from lienzo.generation.generation import Generator
from lienzo.storage import files
from lienzo.version import __version__

TRIED = 64
"""Seeds whose pictures are compared before a page is left behind."""

PIECE = 8
"""Pictures that are compared between two reports of how far it is."""

LARGEST = (1 << 53) - 1
"""The largest whole number that JavaScript holds, and so the largest seed that a page draws."""

WORKER = ("latents.js", "curves.js", "interpreter.js", "worker.js")
"""The program of the worker, in order."""

SCRIPT = (
    "curves.js",
    "files.js",
    "painter.js",
    "labels.js",
    "kept.js",
    "gallery.js",
    "picture.js",
    "paths.js",
    "walk.js",
    "page.js",
)
"""The program of the page, in order."""


def write(
    subject: Subject,
    path: Path,
    *,
    licence: str | None = None,
    title: str | None = None,
    directions: Path | None = None,
    walk: Path | None = None,
) -> Steps:
    """Write a page that paints the generator's pictures.

    Args:
        subject: the generator.
        path: of the file.
        licence: for the card.
        title: heading of the page; by default the subject's name.
        directions: file of the generator's directions, for which the page then has sliders.
        walk: path file of a walk, which the page then replays.

    Raises:
        InputError: a network that no page can compute, pictures that would differ by more than 1 of 255, or a file that
            belongs to another generator.
    """
    generator = subject.generator
    found = None if directions is None else Directions.open(directions, generator.fingerprint, generator.latents)
    replayed = None if walk is None else _walk(walk, generator)
    packed, difference = yield from _packed(generator)
    yield Progress("writing", 0, 1)
    card = subject.card | ({"licence": licence} if licence else {})
    extras = {"directions": _steps(found), "walk": replayed}
    files.write_text(path, _html(title or subject.name, generator, packed, card, extras))
    return {"precision": packed.description["precision"], "difference": difference}


def _packed(generator: Generator) -> abc.Generator[Progress, None, tuple[Packed, int]]:
    """Return the network as the page carries it, and by how much of 255 its pictures differ at most.

    Its matrices are float16 or, where the pictures would differ by more than 1 of 255 then, float32.
    """
    operations, picture = tracing.traced(generator)
    z, y = generator.drawn(range(TRIED))
    wanted = generator.paint(z, y)
    difference = 0
    for precision in get_args(Precision):
        rounded, difference = packing.rounded(operations, precision), 0
        for first in range(0, TRIED, PIECE):
            yield Progress("comparing", first, TRIED)
            some = slice(first, first + PIECE)
            made = execution.painted(rounded, picture, z[some], y[some], wanted.shape[1:])
            difference = max(difference, int(np.abs(wanted[some].astype(np.int16) - made).max()))
        if difference <= 1:
            return packing.packed(operations, picture, precision), difference
    raise InputError(f"the pictures of a page would differ by {difference} of 255: export it to another kind.")


def _html(title: str, generator: Generator, packed: Packed, card: dict[str, Any], extras: dict[str, Any]) -> str:
    """Return the page; ``extras`` are the directions and the walk that it carries, as JSON values."""
    vocabulary = generator.vocabulary
    known = vocabulary and {
        "kind": vocabulary.kind,
        "names": vocabulary.names,
        "counts": [*vocabulary.counts.values()],
        "unlabelled": vocabulary.unlabelled,
    }
    shape = [generator.height, generator.width, generator.channels]
    data = {
        "about": {"shape": shape, "network": packed.description, "vocabulary": known},
        "fingerprint": generator.fingerprint,
        **extras,
    }
    script, style = (_joined(*names) for names in (SCRIPT, ("page.css",)))
    return _filled(
        _joined("page.html"),
        policy=_policy(script, style),
        version=escape(__version__),
        title=escape(title),
        style=style,
        lead=escape(f"{shape[1]} × {shape[0]} pixels each, painted here and now: none of them is stored in this page."),
        card=about.card(card, generator),
        data=json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),
        numbers=_base64(packed.numbers),
        weights=_base64(packed.weights),
        wasm=_base64(products.module()),
        worker=_joined(*WORKER),
        script=script,
    )


def _policy(script: str, style: str) -> str:
    """Return the content security policy: the page's own program and style, its worker, what it makes, and no more."""
    return (
        f"default-src 'none'; script-src '{_hash(script)}' 'wasm-unsafe-eval'; style-src '{_hash(style)}'; "
        "worker-src blob:; img-src blob: data:; media-src blob:; base-uri 'none'; form-action 'none'"
    )


def _walk(path: Path, generator: Generator) -> str:
    """Return the JSON of a path file that belongs to the generator."""
    opened = paths.Path.open(path)
    opened.check(generator)
    for walk in opened.walks:
        paths.places(generator, walk.keyframes)  # refuses labels that the generator does not know
    if any((keyframe.seed or 0) > LARGEST for walk in opened.walks for keyframe in walk.keyframes):
        opened = opened.written_out(generator)
    return msgspec.json.encode(opened).decode()


def _steps(directions: Directions | None) -> dict[str, Any] | None:
    """Return directions as JSON values."""
    if directions is None:
        return None
    return {"names": directions.names, "vectors": _base64(np.ascontiguousarray(directions.vectors, "<f4").tobytes())}


def _joined(*names: str) -> str:
    """Return files of ``browser/``, one behind the other."""
    folder = resources.files("lienzo.export") / "browser"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)


def _filled(template: str, **parts: str) -> str:
    """Return a template with what belongs in the place of each ``{{name}}``; what is put in is not looked at again."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)


def _hash(text: str) -> str:
    return f"sha256-{_base64(hashlib.sha256(text.encode()).digest())}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
