"""The verb that takes things out of lienzo."""

from typing import Annotated

from lienzo.cli.options import Json, show
from lienzo.cli.syntax import Word
from lienzo.display.terminal import bar
from lienzo.export.settings import Settings

EXPORT = {
    "out": Word("FILE|FOLDER"),
    "licence": Word("NAME"),
    "push": Word("USER/NAME"),
    "labels": Word("KIND"),
    "title": Word("TEXT"),
    "directions": Word("FILE"),
    "walk": Word("FILE.json"),
}
"""How settings of an export are written, where their types do not say it."""


def export(
    what: Annotated[str, Word("RUN|FILE|COLLECTION|hf://USER/NAME")],
    /,
    *,
    settings: Annotated[Settings, EXPORT],
    json: Json = False,
) -> None:
    """Write a generator or a collection as a file or folder that other tools read.

    Args:
        what: Folder of a run, a generator's .safetensors file, or a collection.
        settings: How to export.
    """
    from lienzo.export import export

    with bar("exporting") as shown:
        for step in export.steps(what, settings):
            shown.show(step.done, step.total, title=step.stage)
    assert step.exported is not None
    show(step.exported.to_json() if json else str(step.exported.path), json)
