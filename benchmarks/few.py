"""What augmentation does where pictures are few: one recipe with each policy, by overfitting and by distance.

Overfitting is the share of the way from generated to training pictures that the discriminator's logits fall short of on
held-out ones, (E D(x) − E D(x')) / (E D(x) − E D(G(z))) of Karras et al. 2020, equation 1: 0 where it knows none of its
pictures by heart, 1 where held-out ones look as false to it as generated ones.

    lienzo prepare PICTURES art-32 --size 32 --trim-borders --holdout 0.5
    python benchmarks/few.py art-32 [--images 40000] [--seeds 1] [--out few]
"""

import argparse
import dataclasses
import statistics
from pathlib import Path

import torch

import lienzo
from lienzo.collection.collection import Collection
from lienzo.compute.pixels import from_bytes
from lienzo.errors import RunError
from lienzo.networks.shape import Shape
from lienzo.recipe.augmentation import Augmentation
from lienzo.recipe.catalogue import few
from lienzo.storage import tensors

POLICIES = {
    "none": Augmentation(),
    "flips": Augmentation(flips=True),
    "diffaugment": Augmentation(flips=True, policy="diffaugment"),
    "diffaugment, colour": Augmentation(flips=True, policy="diffaugment", colour=True),
    "ada": few().augmentation,
}


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("collection", type=Path)
    words.add_argument("--images", type=int, default=40_000)
    words.add_argument("--seeds", type=int, default=1)
    words.add_argument("--width", type=int, default=16)
    words.add_argument("--samples", type=int, default=300)
    words.add_argument("--out", type=Path, default=Path("few"))
    given = words.parse_args()
    collection = Collection.open(given.collection)
    print(f"{'':22}{'overfitting':>12}{'KID':>10}{'seconds':>9}", flush=True)
    for name, augmentation in POLICIES.items():
        rows = []
        for seed in range(given.seeds):
            recipe = dataclasses.replace(few(), augmentation=augmentation, seed=seed)
            recipe = recipe.with_settings([f"images={given.images}", f"network.width={given.width}"])
            run = lienzo.train(collection, recipe, given.out / f"{name}-{seed}".replace(", ", "-"))
            scores = lienzo.evaluate(run, collection, samples=given.samples, part="holdout", novelty=False)
            rows.append((overfitting(run, collection), scores.measures.kid.value, run.log()[-1]["seconds"]))
        means = [statistics.mean(column) for column in zip(*rows, strict=True)]
        print(f"{name:22}{means[0]:>12.3f}{means[1]:>10.4f}{means[2]:>9.0f}", flush=True)


@torch.no_grad()
def overfitting(run: lienzo.Run, collection: Collection) -> float:
    """Return by how much the discriminator of a run prefers training pictures to held-out ones."""
    loaded, _ = tensors.load(run.checkpoints()[0], "checkpoint", RunError)
    network, shape = run.recipe().network, Shape(collection.height, collection.width, collection.channels)
    generator, discriminator = network.generator(shape), network.discriminator(shape)
    for player, name in ((generator, "generator"), (discriminator, "discriminator")):
        player.load_state_dict({key: loaded[f"{name}/{key}"] for key in player.state_dict()})
        player.eval()
    logits = [
        discriminator(from_bytes(torch.from_numpy(collection.take(collection.rows(part))))).mean().item()
        for part in ("train", "holdout")
    ]
    painted = discriminator(generator(torch.randn(500, network.latents))).mean().item()
    return float((logits[0] - logits[1]) / (logits[0] - painted))


if __name__ == "__main__":
    main()
