"""Training is an iterator: here it stops where the discriminator wins, with a recipe that is put together on the spot.

python examples/stop_early.py COLLECTION RUN
"""

from argparse import ArgumentParser
from pathlib import Path

import lienzo
from lienzo.networks.configurations import DCGAN
from lienzo.recipe.objectives import Regularisation, Relativistic


def main(collection: Path, run: Path, width: int, batch: int, images: int) -> None:
    """Train with a relativistic objective and gradient penalties until the generator is found out too often.

    Args:
        collection: folder that `lienzo prepare` made.
        run: folder of the run.
        width: channels of the networks' layers beside the picture.
        batch: pictures of one update.
        images: length of training in pictures shown.
    """
    recipe = lienzo.Recipe(
        name="relativistic",
        network=DCGAN(width=width, discriminator_norm="none"),
        objective=Relativistic(),
        regularisation=Regularisation(r1=1.0, r2=1.0),
        batch=batch,
        tick=10 * batch,
        epochs=None,
        images=images,
    )
    for tick in lienzo.steps(collection, recipe, run):
        print(f"{tick.images} of {tick.total}  D(G(z)) {tick.measures['fake_score']:.3f}")
        if tick.measures["fake_score"] < 0.01:
            print("the discriminator wins: stopped, and saved")
            break


if __name__ == "__main__":
    words = ArgumentParser(description=__doc__)
    words.add_argument("collection", type=Path)
    words.add_argument("run", type=Path)
    words.add_argument("--width", type=int, default=32)
    words.add_argument("--batch", type=int, default=64)
    words.add_argument("--images", type=int, default=50_000)
    main(**vars(words.parse_args()))
