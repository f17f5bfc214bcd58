"""Training is an iterator: here it stops where the discriminator wins, with a recipe that is put together on the spot.

python examples/stop_early.py COLLECTION RUN
"""

from pathlib import Path

import tyro

import lienzo
from lienzo.networks.configurations import DCGAN
from lienzo.recipe.objectives import Regularisation, Relativistic


def main(
    collection: tyro.conf.Positional[Path],
    run: tyro.conf.Positional[Path],
    width: int = 32,
    batch: int = 64,
    images: int = 50_000,
) -> None:
    """Train with a relativistic objective and gradient penalties until the generator is found out too often.

    Args:
        collection: that `lienzo prepare` made.
        run: folder of the run.
        width: of the networks.
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
    tyro.cli(main)
