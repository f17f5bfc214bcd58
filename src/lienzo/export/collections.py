"""The kinds that a collection can be exported to."""

from collections.abc import Callable

from lienzo.export import archives
from lienzo.export.progress import Steps
from lienzo.export.settings import Kind

COLLECTIONS: dict[Kind, Callable[..., Steps]] = {
    "folder": archives.write_folder,
    "zip": archives.write_zip,
    "webdataset": archives.write_webdataset,
}
"""Kind -> the function that writes it.

A function takes a :class:`~lienzo.collection.collection.Collection`; all else is as for
:data:`lienzo.export.generators.GENERATORS`.
"""
