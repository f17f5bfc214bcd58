"""What can be explored: a generator, the newest of a run, or a file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from lienzo.collection.collection import Collection
from lienzo.collection.listing.places import is_url
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


def refuse_other_shape(generator: Generator, collection: Collection) -> None:
    """Refuse a collection whose pictures have another shape than the generator's.

    Raises:
        InputError: they have.
    """
    made = generator.height, generator.width, generator.channels
    held = collection.height, collection.width, collection.channels
    if made != held:
        raise InputError(
            f"the generator paints pictures of {written_shape(made)}, and {collection.path} has those of "
            f"{written_shape(held)}: take a collection of its shape."
        )


def read_picture(path: str | Path, generator: Generator) -> Pixels:
    """Return a picture from a file, brought to the generator's shape (height, width, channels) by a centre crop.

    Raises:
        InputError: there is no such file, or it is no picture.
    """
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image).convert({1: "L", 3: "RGB", 4: "RGBA"}[generator.channels])
            fitted = ImageOps.fit(upright, (generator.width, generator.height), Image.Resampling.LANCZOS)
    except FileNotFoundError:
        raise InputError(f"there is no picture {path}: check the path.") from None
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a picture ({error}): give a PNG or a JPEG.") from None
    return np.asarray(fitted).reshape(generator.height, generator.width, generator.channels)
