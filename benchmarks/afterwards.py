"""What a trained pair of networks gives without more training on pictures: three ways, beside the generator as it is.

``rejected``: of eight times as many pictures those that the discriminator takes for real are drawn more often, each at
most once (Azadi et al. 2019). ``moved``: latents go 20 steps of Langevin dynamics towards what it takes for real (Che
et al. 2020, equation 5). Both need the odds that a picture is real: a logistic regression of its logits on training
pictures and as many generated ones.

``away-W``: both networks are trained further on the generator's own pictures, and the weights go W times as far in the
opposite direction (Alemohammad et al. 2025, "Neon": θ + W·(θ − θ_own)). Statistics of batch normalisation go along.

All are scored alike, against the held-out pictures. None of them sees those.

    python benchmarks/afterwards.py art-64 RUN [--ways rejected moved away-0.5] [--samples 5000] [--own 16000]
"""

import argparse
import copy
import tempfile
from pathlib import Path
from statistics import mean

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from spectrum import drawn
from torch import Tensor

import lienzo
from lienzo.collection.collection import Collection
from lienzo.compute.pixels import from_bytes
from lienzo.evaluation.features import cut_patches
from lienzo.generation.generation import Generator
from lienzo.metrics import detectors
from lienzo.metrics.measures import measure
from lienzo.metrics.sliced import patch_distance
from lienzo.networks.shape import Shape
from lienzo.run.run import Run
from lienzo.seeds import numpy_generator
from lienzo.training.origin import Origin

BATCH = 250
POOL = 8
"""Pictures to choose one from, on average."""

STEPS, LENGTH = 20, 0.02
"""Steps of Langevin dynamics, and ε of each: z moves by ε/2 times a gradient and √ε times noise."""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("collection", type=Path)
    words.add_argument("run", type=Path)
    words.add_argument("--ways", nargs="+", default=["rejected", "moved", "away-0.5"])
    words.add_argument("--samples", type=int, default=5_000)
    words.add_argument("--own", type=int, default=16_000, help="own pictures that away trains on, each shown once")
    given = words.parse_args()
    collection, run = Collection.open(given.collection), Run.open(given.run)
    generator, detector = lienzo.load(run), detectors.load("lite0", torch.device("cpu"))
    held_out = drawn(collection, "holdout", given.samples, "afterwards")
    features = detectors.features(detector, held_out)
    judge = Judge(run, generator, collection)
    print("| way | KID | FID | precision | recall | patches |\n|---|---|---|---|---|---|", flush=True)
    for way in ["as it is", *given.ways]:
        if way == "as it is":
            made = generator.generate(range(given.samples)).images
        elif way == "rejected":
            made = rejected(judge, generator, given.samples)
        elif way == "moved":
            made = moved(judge, generator, given.samples)
        else:
            made = away(run, generator, float(way.partition("-")[2]), given.samples, given.own)
        found = measure(features, detectors.features(detector, made))
        patches = mean(patch_distance(cut_patches(held_out, 0), cut_patches(made, 0)).values())
        fid = "–" if found.fid is None else f"{found.fid.value:.1f} ± {found.fid.error:.1f}"
        print(
            f"| {way} | {found.kid.value:.4f} ± {found.kid.error:.4f} | {fid} | {found.precision.value:.3f} "
            f"| {found.recall.value:.3f} | {patches:.4f} |",
            flush=True,
        )


class Judge:
    """The discriminator of a run as it is after training, with the odds that its logits stand for."""

    def __init__(self, run: Run, generator: Generator, collection: Collection) -> None:
        shape = Shape(collection.height, collection.width, collection.channels)
        self.network = run.recipe().network.discriminator(shape, 0).eval()
        self.network.load_state_dict(Origin.open(run).networks["discriminator"])
        real = collection.take(collection.rows("train"))
        fake = generator.generate(range(10**6, 10**6 + len(real))).images
        logits = torch.cat([self.logits_of(real), self.logits_of(fake)])
        told = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])
        self.slope, self.offset = logistic(logits, told)
        right = ((self.odds(logits) > 0) == told.bool()).float().mean()
        print(f"log odds = {self.slope:.3f} × logit + {self.offset:.3f}; right for {right:.3f}", flush=True)

    @torch.no_grad()
    def logits_of(self, images: NDArray[np.uint8]) -> Tensor:
        """Return the logits (n,) of pictures (n, H, W, C)."""
        parts = (images[first : first + BATCH] for first in range(0, len(images), BATCH))
        return torch.cat([self.network(from_bytes(torch.from_numpy(part))) for part in parts])

    def odds(self, logits: Tensor) -> Tensor:
        """Return the logarithm of how much more likely than generated a picture of this logit is real."""
        return self.slope * logits + self.offset


def logistic(x: Tensor, y: Tensor) -> tuple[float, float]:
    """Return slope and offset of a logistic regression of ``y`` (n,), 0 or 1, on ``x`` (n,), by Newton's method."""
    rows, weights = torch.stack([x, torch.ones_like(x)], 1).double(), torch.zeros(2, dtype=torch.float64)
    for _ in range(25):
        found = (rows @ weights).sigmoid()
        curvature = (rows * (found * (1 - found))[:, None]).T @ rows
        weights = weights + torch.linalg.solve(curvature, rows.T @ (y.double() - found))
    return float(weights[0]), float(weights[1])


def rejected(judge: Judge, generator: Generator, samples: int) -> NDArray[np.uint8]:
    """Return pictures drawn from eight times as many, in proportion to their odds, each at most once."""
    parts = [generator.generate(range(first, first + samples)).images for first in range(0, POOL * samples, samples)]
    pool = np.concatenate(parts)
    odds = judge.odds(judge.logits_of(pool)).numpy()
    keys = odds + numpy_generator(0, "rejected").gumbel(size=len(odds))
    return pool[np.sort(np.argsort(-keys)[:samples])]


def moved(judge: Judge, generator: Generator, samples: int) -> NDArray[np.uint8]:
    """Return the pictures of latents that Langevin dynamics have moved."""
    z, _ = generator.drawn(range(samples))
    draws, done = numpy_generator(0, "moved"), []
    for first in range(0, samples, BATCH):
        part = torch.from_numpy(z[first : first + BATCH])
        for _ in range(STEPS):
            part.requires_grad_()
            energy = judge.odds(judge.network(generator.module(part))).sum() - part.square().sum() / 2
            (gradient,) = torch.autograd.grad(energy, part)
            noise = torch.from_numpy(draws.standard_normal(part.shape, np.float32))
            part = part.detach() + LENGTH / 2 * gradient + LENGTH**0.5 * noise
        done.append(part.numpy())
    return generator.paint(np.concatenate(done))


def away(run: Run, generator: Generator, far: float, samples: int, own: int) -> NDArray[np.uint8]:
    """Return the pictures of a generator that has gone away from where its own pictures lead it."""
    folder = run.path / f"own-{own}"
    if not (folder / "run.json").exists():
        with tempfile.TemporaryDirectory() as files:
            for seed, picture in enumerate(generator.generate(range(10**7, 10**7 + own)).images):
                Image.fromarray(picture.squeeze()).save(Path(files, f"{seed:06}.png"))
            pictures = lienzo.prepare(files, run.path / f"own-{own}-pictures", size=generator.height, workers=1)
        recipe = run.recipe().with_settings(["cool_down=0"]).lasting(None, own)
        lienzo.train(pictures, recipe, folder, origin=run, device="cpu")
    further = lienzo.load(folder).module.state_dict()
    state = {
        name: value + far * (value - further[name]) if value.is_floating_point() else value
        for name, value in generator.module.state_dict().items()
    }
    module = copy.deepcopy(generator.module)
    module.load_state_dict(state)
    return Generator(module, generator.header).generate(range(samples)).images


if __name__ == "__main__":
    main()
