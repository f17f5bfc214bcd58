"""The main job from Python: prepare a folder of pictures, train on it, draw what was learnt.

python examples/main_job.py PICTURES OUT
"""

from pathlib import Path

import tyro

import lienzo
from lienzo.recipe.catalogue import thesis


def main(
    pictures: tyro.conf.Positional[Path], out: tyro.conf.Positional[Path], size: int = 64, images: int = 100_000
) -> None:
    """Do all of it; the same call goes on after an interruption.

    Args:
        pictures: folder of pictures.
        out: folder for everything that is made.
        size: of the pictures, in pixels.
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
    tyro.cli(main)
