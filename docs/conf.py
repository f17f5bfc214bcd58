"""The site made of these pages, by Sphinx: `make site`.

The source is the whole project, so that links between its pages lead where they lead in the project.
"""

import sys
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

sys.path.insert(0, str(Path(__file__).parent))
import commands

import lienzo
from lienzo.version import __version__

project = "lienzo"
author = "the authors of lienzo"
copyright = "the authors of lienzo, MIT"  # noqa: A001  the name that Sphinx reads
release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 4
source_suffix = {".md": "markdown"}
root_doc = "docs/index"
include_patterns = ["docs/**", "benchmarks/results/**", "CONTRIBUTING.md", "CHANGELOG.md"]
autodoc_typehints = "description"
autodoc_member_order = "bysource"
napoleon_google_docstring = True

html_theme = "furo"
html_title = "lienzo"
html_static_path = ["_static"]
html_extra_path = ["_site"]
html_css_files = ["site.css"]
html_favicon = "../src/lienzo/studio/page/icon.svg"
html_show_sphinx = False


def front_page(app: Sphinx, error: Exception | None) -> None:
    """Export the generator that paints on the front page."""
    if error is None and app.builder.name == "html":
        page = Path(app.outdir, "docs", "front-page.html")
        page.unlink(missing_ok=True)
        generator = Path(__file__).with_name("front-page.safetensors")
        lienzo.export(generator, to="page", out=page, title="lienzo")


def warn_of_unknown_commands(_app: Sphinx, page: str, text: list[str]) -> None:
    """Warn of commands and options that lienzo does not have, so that the build fails."""
    for unknown in commands.unknown(text[0]):
        logging.getLogger("lienzo").warning("there is no %s", unknown, location=page)


def setup(app: Sphinx) -> None:
    """Tell Sphinx what else there is to make."""
    app.connect("source-read", warn_of_unknown_commands)
    app.connect("build-finished", front_page)
