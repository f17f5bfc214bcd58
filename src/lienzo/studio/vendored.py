"""Files of other projects that the page uses, unchanged: where each is from, and what it has to be.

Their licences are in ``page/vendor/LICENSES.txt``.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Vendored:
    """A file of a package of the npm registry."""

    package: str
    version: str
    source: str
    """Path within the package."""

    sha256: str
    licence: str


VENDORED = {
    "htm-preact.js": Vendored(
        "htm",
        "3.1.1",
        "preact/standalone.module.js",
        "72284e8e9079c87817145df1110f74e8a2aa040b2fc384922e18dfcb46fc1fd7",
        "Apache-2.0, with Preact 10 inside, which is MIT",
    ),
    "uplot.js": Vendored(
        "uplot",
        "1.6.32",
        "dist/uPlot.esm.js",
        "5dd9b3281aa64b461b42d9945f6adb2649d346502b12281a9ae0d46599a80eba",
        "MIT",
    ),
    "uplot.css": Vendored(
        "uplot",
        "1.6.32",
        "dist/uPlot.min.css",
        "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
        "MIT",
    ),
}
"""Every file in ``page/vendor`` by its name."""
