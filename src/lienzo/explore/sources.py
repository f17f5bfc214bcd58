"""What can be explored: a generator, the newest of a run, or a file."""

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from lienzo.collection.collection import Collection
from lienzo.collection.listing.entries import Entry
from lienzo.collection.listing.places import is_url
from lienzo.collection.screening.screening import screen
from lienzo.collection.settings import Channels, Settings
from lienzo.compute.devices import pick_device
from lienzo.errors import InputError
from lienzo.evaluation.subject import written_shape
from lienzo.generation import generation
from lienzo.generation.generation import Generator
from lienzo.run.run import Run

Pixels = NDArray[np.uint8]


def opened(source: str | Path | Run | Generator, device: str = "cpu") -> Generator:
    """Return the generator to explore, on the device.

    Raises:
        GeneratorError: a file that holds no generator, such as an encoder, a checkpoint or something foreign.
        RunError: a folder that is no run.
        InputError: no such device.
    """
    if isinstance(source, Generator):
        return source
    return generation.load(source, str(pick_device(device)))


def parted(places: Sequence[str]) -> tuple[tuple[str, ...], str | None]:
    """Return the pictures and the collection among places, which stand in any order.

    Raises:
        InputError: more than one collection.
    """
    collections = [place for place in places if is_url(place) or Path(place).is_dir()]
    if len(collections) > 1:
        raise InputError(f"{collections[0]} and {collections[1]} are two collections: give one.")
    return tuple(place for place in places if place not in collections), next(iter(collections), None)


def fitting(generator: Generator, collection: str | Path | Collection) -> Collection:
    """Return a collection, or the one that lies there, whose pictures have the generator's shape.

    Raises:
        InputError: they have another.
    """
    there = Collection.open(collection) if isinstance(collection, str | Path) else collection
    made = generator.height, generator.width, generator.channels
    held = there.height, there.width, there.channels
    if made != held:
        raise InputError(
            f"the generator paints pictures of {written_shape(made)}, and {there.path} has those of "
            f"{written_shape(held)}: take a collection of its shape."
        )
    return there


def refuse_labels_of_nothing(labels: str | None, collection: object) -> None:
    """Refuse a kind of labels where there is no collection that has them."""
    if labels is not None and collection is None:
        raise InputError(f"'{labels}' is a kind of a collection's labels, and there is no collection: give one.")


def refuse_idle(function: Callable[..., Any], where: str, **settings: object) -> None:
    """Refuse settings other than a function's defaults where they would change nothing."""
    for name, value in settings.items():
        if value != inspect.signature(function).parameters[name].default:
            raise InputError(f"--{name} says nothing {where}: leave it out.")


def read_picture(path: str | Path, generator: Generator) -> Pixels:
    """Return a picture from a file, brought to the generator's shape (height, width, channels) as preparation does it.

    Raises:
        InputError: there is no such file, or it is no picture.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError(f"there is no picture {path}: check the path.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): give the file of a picture.") from None
    return picture_of(data, str(path), generator)


def picture_of(data: bytes, name: str, generator: Generator) -> Pixels:
    """Return the picture in a file's bytes as :func:`read_picture` does; ``name`` is what an error calls it.

    Raises:
        InputError: it is no picture.
    """
    shape = generator.height, generator.width, generator.channels
    settings = Settings(size=shape[:2], channels=cast(Channels, generator.channels), enlarge=True)
    found = screen(Entry(name, "", len(data), data=data, wanted=True), settings)
    if found.reason:
        raise InputError(f"{name} cannot be used as a picture ({found.reason}: {found.detail}): give another.")
    return np.frombuffer(found.pixels, np.uint8).reshape(shape)
