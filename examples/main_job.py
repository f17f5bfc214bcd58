"""The main job from Python: prepare a folder of pictures, train on it, draw what was learnt.

python examples/main_job.py PICTURES OUT
"""

from argparse import ArgumentParser
from pathlib import Path

import lienzo
from lienzo.recipe.catalogue import thesis


def main(pictures: Path, out: Path, size: int, images: int) -> None:
    """Do all of it; the same call goes on after an interruption.

    Args:
        pictures: folder of pictures.
        out: folder for everything that is made.
        size: side of the pictures in pixels.
        images: length of training in pictures shown.
    """
    collection = lienzo.prepare(pictures, out / "collection", size=size, holdout=0.1)
    print(f"{collection.count} pictures kept, refused: {collection.refused}")
    recipe = thesis().with_settings([f"images={images}", f"batch={min(128, collection.count // 4)}"])
    for tick in lienzo.steps(collection, recipe, out / "run"):
        print(f"{tick.images} of {tick.total}, {tick.images_per_second:.0f} pictures/s")
    lienzo.load(out / "run").generate(range(16)).save(out / "gallery.png")
    print(out / "gallery.png")


if __name__ == "__main__":
    words = ArgumentParser(description=__doc__)
    words.add_argument("pictures", type=Path)
    words.add_argument("out", type=Path)
    words.add_argument("--size", type=int, default=64)
    words.add_argument("--images", type=int, default=100_000)
    main(**vars(words.parse_args()))
