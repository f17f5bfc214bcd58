"""The options that several verbs share, each declared once, and how all verbs print their results."""

import itertools
import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from lienzo.cli.syntax import Word
from lienzo.display.terminal import note, prints_messages, under_torchrun
from lienzo.errors import InputError


def has_equals_sign(word: str) -> bool:
    """Say whether a word is a setting, so that ``--set a=1 b=2 COLLECTION`` ends before the collection."""
    return "=" in word


DEVICE = Word("auto|cpu|cuda|mps", help="Where to compute; auto takes the best there is.")

Device = Annotated[str, DEVICE]
Json = Annotated[bool, Word(help="Print the result as JSON.")]
Seed = Annotated[str | None, Word("N", help="Whole number from which all randomness follows.")]
Recipe = Annotated[
    str | None,
    Word(
        "NAME|FILE.toml",
        help="A recipe (lienzo recipes lists them) or a .toml file; chosen by pictures and device if left out.",
    ),
]
Collection = Annotated[str, Word("COLLECTION", help="Folder or URL of a collection, made by lienzo prepare.")]
Run = Annotated[Path, Word("RUN", help="Folder of a run, made by lienzo train.")]
Epochs = Annotated[str | None, Word("N", help="Length of training in passes over the collection.")]
Images = Annotated[str | None, Word("N", help="Length of training in pictures shown.")]
Settings = Annotated[
    Sequence[str],
    Word(
        "KEY=VALUE",
        name="set",
        help="Any key of the recipe, one or several, such as batch=32 network.width=32.",
        continues=has_equals_sign,
    ),
]
Search = Annotated[Sequence[str], Word("KEY=VALUES", continues=has_equals_sign)]

LINES = 40
"""Most lines that are printed of one table of values, such as the labels of a collection; JSON has all."""


def given(**values: str | None) -> list[str]:
    """Return the options that were given, as settings of the recipe, which knows what they have to be."""
    return [f"{name}={value}" for name, value in values.items() if value is not None]


def length(epochs: str | None, images: str | None) -> list[str]:
    """Return the length of training that was given, as a setting of the recipe."""
    if epochs is not None and images is not None:
        raise InputError("--epochs and --images both say how long to train: give one of the two.")
    return given(epochs=epochs, images=images)


@contextmanager
def resumable() -> Iterator[None]:
    """Say after Ctrl-C how to go on. The words that torchrun itself was started with are not known here."""
    try:
        yield
    except KeyboardInterrupt:
        if prints_messages():
            way = ", with torchrun as before" * under_torchrun()
            note(f"Stopped and saved. To go on{way}: lienzo {shlex.join(sys.argv[1:])}")
        raise


def show(value: Any, as_json: bool) -> None:
    """Print a result to standard output."""
    unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    print(json.dumps(value, indent=2, ensure_ascii=not unicode) if as_json else value, flush=True)


def table(value: dict[str, Any], indent: str = "") -> str:
    """Return plain values as lines for people, one for each key; nested ones are indented."""
    lines = []
    for key, item in itertools.islice(value.items(), LINES):
        if isinstance(item, dict) and item:
            lines += [f"{indent}{key}", table(item, indent + "  ")]
        else:
            text = ", ".join(map(str, item)) if isinstance(item, list) else item
            lines.append(f"{indent}{key:<{max(1, 24 - len(indent))}} {text if text not in ({}, '') else '-'}")
    if len(value) > LINES:
        lines.append(f"{indent}and {len(value) - LINES:,} more, which --json has")
    return "\n".join(lines)
