"""Whether to grow: a run that goes on at twice the size, against a run at that size from the start, of equal compute.

The small run's network has twice the recipe's width, so that what it grows into has the layers of the recipe's network
at the large size: the same players in the end. Compute is counted in multiply-adds. A step passes each picture through
the generator forward and backward (3 times the cost of a pass), and through the discriminator twice with the gradients
of its weights and once without (8 times). Scored is KID (lite0) of 1,000 generated pictures against as many that are
held out in both collections: which ones are differs from size to size, and the grown run has learnt at both.

    lienzo prepare PICTURES art-32 --size 32 --trim-borders --holdout 0.5
    lienzo prepare PICTURES art-64 --size 64 --trim-borders --holdout 0.5
    python benchmarks/grow.py art-32 art-64 [--recipe fast] [--images 32000] [--grown 32000] [--seed 0] [--out grow]

The same command goes on after an interruption.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode

import lienzo
from lienzo.collection.collection import Collection
from lienzo.metrics import detectors
from lienzo.metrics.kernel import kid
from lienzo.networks import configurations
from lienzo.networks.configurations import Network
from lienzo.networks.shape import Shape
from lienzo.recipe import catalogue
from lienzo.recipe.pretrained import Pretrained
from lienzo.training.feature_discriminator import FeatureDiscriminator

NOTHING_PRETRAINED = Pretrained()

SAMPLES = 1_000
"""Pictures on either side of a score."""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("small", type=Path)
    words.add_argument("large", type=Path)
    words.add_argument("--recipe", default="fast")
    words.add_argument("--images", type=int, default=32_000, help="shown to the run at the small size")
    words.add_argument("--grown", type=int, default=32_000, help="shown to what it grows into")
    words.add_argument("--width", type=int, help="of the small run's network; by default twice the recipe's")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--device", default="cpu")
    words.add_argument("--out", type=Path, default=Path("grow"))
    given = words.parse_args()
    small, large = Collection.open(given.small), Collection.open(given.large)
    recipe = catalogue.find(given.recipe).with_settings([f"seed={given.seed}"])
    direct = recipe.network
    network = recipe.to_dict()["network"]
    doubled = {f"network.{key}": 2 * network[key] for key in ("width", "stem", "discriminator_width")}
    if given.width:
        doubled["network.width"] = given.width
    changed = [f"{key}={number}" for key, number in (doubled | {"images": given.images}).items()]
    small_recipe = recipe.with_settings(changed)
    costs = (
        cost(small_recipe.network, small),
        cost(configurations.grown(small_recipe.network), large),
        cost(direct, large),
    )
    total = given.images * costs[0] + given.grown * costs[1]
    print("multiply-adds for a picture, small, grown, direct:", *(f"{each:.3g}" for each in costs), flush=True)

    small_run = lienzo.train(small, small_recipe, given.out / "small", device=given.device)
    runs = {}
    for name, fade in (("grow", given.grown // 2), ("grow, no fade", 0)):
        settings = [f"images={given.grown}", f"fade={fade}"]
        folder = given.out / f"grow-{fade}"
        runs[name] = lienzo.grow(small_run, collection=large, out=folder, settings=settings, device=given.device)
    longer = recipe.with_settings([f"images={round(total / costs[2])}"])
    runs["direct"] = lienzo.train(large, longer, given.out / "direct", device=given.device)

    detector = detectors.load("lite0", torch.device(given.device))
    real = detectors.features(detector, large.take(held_out(small, large)))
    print(f"{total:.3g} multiply-adds each\n{'':16}{'pictures':>18}{'seconds':>9}{'KID':>18}", flush=True)
    for name, run in runs.items():
        made = lienzo.load(run, given.device).generate(range(len(real)))
        score = kid(real, detectors.features(detector, made.images))
        parts = [run] if "origin" not in run.manifest() else [small_run, run]
        shown = " + ".join(f"{part.recipe().images:,}" for part in parts)
        seconds = sum(part.log()[-1]["seconds"] for part in parts)
        print(f"{name:16}{shown:>18}{seconds:>9.0f}{score.value:>10.4f} ± {score.error:.4f}", flush=True)


@torch.no_grad()
def cost(network: Network, pictures: Collection | Shape, pretrained: Pretrained = NOTHING_PRETRAINED) -> float:
    """Return the multiply-adds of a training step for each picture of a batch; nothing is computed."""
    shape = Shape(pictures.height, pictures.width, pictures.channels)
    passes = []
    with torch.device("meta"):
        for module, example in (
            (network.generator(shape), torch.zeros(1, network.latents)),
            (network.discriminator(shape), torch.zeros(1, shape.channels, shape.height, shape.width)),
        ):
            with FlopCounterMode(display=False) as counter:
                module.eval()(example)
            passes.append(counter.get_total_flops() / 2)
    return float(3 * passes[0] + 8 * passes[1]) + cost_of_features(pretrained, shape)


def cost_of_features(pretrained: Pretrained, shape: Shape) -> float:
    """Return what a second discriminator on features adds: its network does not learn, its heads do."""
    if not pretrained.weight:
        return 0.0
    second = FeatureDiscriminator(pretrained, shape).eval()
    with FlopCounterMode(display=False) as network:
        features = second.features(torch.zeros(1, shape.channels, shape.height, shape.width))
    with FlopCounterMode(display=False) as heads:
        second.judged(features)
    return float(4 * network.get_total_flops() + 8 * heads.get_total_flops()) / 2


def held_out(small: Collection, large: Collection) -> NDArray[np.int64]:
    """Return rows of the large collection whose pictures are held out in both, evenly spread over all of them."""
    known = np.array(small.column("source").to_pylist())[small.rows("holdout")]
    rows = large.rows("holdout")
    rows = rows[np.isin(np.array(large.column("source").to_pylist())[rows], known)]
    spread: NDArray[np.int64] = rows[np.linspace(0, len(rows) - 1, min(SAMPLES, len(rows))).astype(np.int64)]
    return spread


if __name__ == "__main__":
    main()
