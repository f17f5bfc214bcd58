"""The search for recipes that paint better: experiments, each a recipe with settings, trained and scored alike.

Each experiment is trained for its number of pictures with each seed, and then scored with two detectors against the
held-out pictures. For each seed a row is printed, and added to ``OUT/results.md`` in the form of docs/log.md's tables:
pictures, multiply-adds, seconds of training, KID, FID, precision, recall, distance of patches, and the second
detector's KID. Compute is counted in pictures and multiply-adds, so that results of different machines compare; seconds
are this machine's.

An experiment with ``start`` begins with the trained networks of another one of the same seed, which is trained first;
one that is ``grown`` begins at half the size, as ``lienzo grow`` does, and needs the pictures at that size too.
One with ``pictures`` learns from some of the collection's training pictures only, in one shuffled order for all, which
are prepared once more as a collection in OUT. It is scored like all others.

``--list`` says for each how many pictures it is shown and what that takes in multiply-adds: for each picture three
times those of a pass of the generator and eight times those of the discriminator, without penalties. A pretrained
network is passed four times: with real and generated pictures, and there and back for the generator.

The same command goes on after an interruption, and passes over what is in the table. Several processes may share OUT,
each with experiments of its own.

    lienzo prepare PICTURES art-64 --trim-borders --holdout 0.5
    python benchmarks/painting.py --list
    python benchmarks/painting.py art-64 [--experiments normalised fast] [--seeds 0 1 2] [--out painting]
    python benchmarks/painting.py art-128 --smaller art-64 --experiments fast-grown-128
"""

import argparse
import dataclasses
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from grow import cost
from PIL import Image

import lienzo
from lienzo.collection.collection import Collection
from lienzo.networks.configurations import DCGAN, grown
from lienzo.networks.shape import Shape
from lienzo.recipe.catalogue import find, normalised, one_layer
from lienzo.recipe.pretrained import Pretrained
from lienzo.recipe.recipe import Recipe
from lienzo.run.run import Run
from lienzo.seeds import numpy_generator


def of_both(setting: str) -> tuple[str, ...]:
    """Return a setting of both players' optimisers."""
    return tuple(f"{player}_optimizer.{setting}" for player in ("generator", "discriminator"))


def normalised_features() -> Recipe:
    """Return what ``fast-features`` was when its own discriminator had batch normalisation."""
    begun = normalised()
    assert isinstance(begun.network, DCGAN)
    network = dataclasses.replace(begun.network, discriminator_width=18)
    return dataclasses.replace(begun, network=network, pretrained=Pretrained(1.0, 32), images=120_000)


BEGINNINGS = {"normalised": normalised, "normalised-features": normalised_features, "one-layer": one_layer}
"""What ``fast`` and ``fast-features`` were before their discriminator lost batch normalisation, and what ``fast`` was
before it had a second layer at the picture's own size: recipes that experiments begin with, beside the catalogue's."""

BEFORE = ("images=160000",)
"""The length of ``fast`` for ``one-layer``, which is a longer one."""

TIED_GENERATOR = ("network.tied_kernels=true",)
TIED = (*TIED_GENERATOR, "network.tied_discriminator=true")
COOLED = ("cool_down=0.5", *of_both("betas=[0.5,0.99]"))
R1 = ("regularisation.r1=0.05", "regularisation.interval=8")
QUICK = "augmentation.speed=25000"
WEAK_R1 = ("regularisation.r1=0.01", "regularisation.interval=8")
UNNORMALISED = (
    "network.discriminator_norm=none", "network.discriminator_weights=he", "regularisation.r1=0.05",
    "regularisation.interval=8",
)  # fmt: skip
"""Makes of ``normalised`` what ``fast`` is, but for the discriminator's rate."""

NORMALISED_128 = (
    "network.discriminator_norm=batch", "network.discriminator_weights=same", "discriminator_optimizer.rate=0.0004",
    "regularisation.r1=0.1", "cool_down=0.5", "images=600000",
)  # fmt: skip
"""Makes of ``modern-plain-128`` what it was when its discriminator had batch normalisation."""

NARROW_128 = ("network.width=12", "network.stem=8", "network.discriminator_width=0")
"""Gives ``modern-128`` the networks of ``modern-plain-128``, but for the smooth layer."""

FORMER_128 = (*NARROW_128, "pretrained.channels=64", "images=225000")
"""Makes of ``modern-128`` what it was when it had those."""

LONG_R1 = ("images=480000", "regularisation.r1=0.03", "regularisation.interval=8")
WIDE = ("network.width=32", "network.stem=24")
HAAR = ("network.wavelet_levels=1", "network.width=24", "network.stem=16")
ANNEALED = (
    "cool_down=1", "annealing.shape=cosine", "annealing.rates=0.25", "regularisation.r1=0.03",
    "regularisation.interval=8", "annealing.r1=0.003", *of_both("betas=[0.5,0.9]"), "annealing.beta2=0.99",
)  # fmt: skip
"""What R3GAN changes while it trains (Huang et al. 2024), with the weight of R1 that suits these networks."""

GROWN = ("images=80000", "fade=8000", "regularisation.r1=0.1", "regularisation.interval=8")
LABELS = ("labels=folder", "balanced=true")

SIDES = {"128": 128, "256": 256}
"""End of a recipe's name -> side of the pictures that it is for; all others are for 64 pixels."""


@dataclass(frozen=True)
class Experiment:
    """A recipe with settings, and the question that it answers."""

    question: str
    recipe: str
    settings: tuple[str, ...] = ()
    start: str = ""
    """Name of the experiment whose networks it begins with."""
    grown: bool = False
    """Whether these are the networks of ``start``, grown to twice the size; ``recipe`` is that of the first of them."""
    pictures: tuple[int, int | None] = (0, None)
    """Which training pictures it learns from, in the shuffled order: the first, and the one after the last."""


EXPERIMENTS: dict[str, Experiment] = {
    "fast": Experiment("what fast paints", "fast"),
    "normalised": Experiment("what fast painted with batch normalisation in its discriminator", "normalised"),
    **{
        f"unnormalised-{rate}": Experiment(
            f"without it, with R1 and a rate of {rate}?",
            "normalised",
            (*UNNORMALISED, f"discriminator_optimizer.rate={rate}"),
        )
        for rate in (0.0002, 0.0004, 0.0008, 0.0016, 0.0032)
    },
    "unnormalised-weak": Experiment(
        "with a fifth of R1, at the generator's rate?", "normalised", (*UNNORMALISED[:2], *WEAK_R1)
    ),
    "fast-falling": Experiment("and with rates that fall from the beginning?", "fast", ("cool_down=1.0",)),
    "fast-high": Experiment("fast with a generator at twice the rate?", "fast", ("generator_optimizer.rate=0.0008",)),
    "normalised-high": Experiment("is it the rate alone?", "normalised", ("discriminator_optimizer.rate=0.0016",)),
    "fast-tied": Experiment("do tied kernels help?", "one-layer", (*BEFORE, *TIED)),
    "fast-cooled": Experiment(
        "do rates that fall over the last half help, with a shorter memory of Adam?", "one-layer", (*BEFORE, *COOLED)
    ),
    "fast-cooled-narrow": Experiment("how narrow can that be?", "one-layer", (*BEFORE, *COOLED, "network.width=24")),
    "fast-tied-cooled": Experiment("do both?", "one-layer", (*BEFORE, *TIED, *COOLED)),
    "fast-tied-falling": Experiment("and the long memory, as it is?", "one-layer", (*BEFORE, *TIED, "cool_down=0.5")),
    "fast-tied-falling-32": Experiment(
        "with batches of 32?", "one-layer", (*BEFORE, *TIED, "cool_down=0.5", "batch=32")
    ),
    "fast-tied-falling-slow": Experiment(
        "at 0.7 times the rates?", "one-layer", (*BEFORE, *TIED, "cool_down=0.5", *of_both("rate=0.00028"))
    ),
    "fast-tied-cooled-8": Experiment("batches of 8?", "one-layer", (*BEFORE, *TIED, *COOLED, "batch=8")),
    "fast-tied-cooled-high": Experiment(
        "twice the rates?", "one-layer", (*BEFORE, *TIED, *COOLED, *of_both("rate=0.0008"))
    ),
    "fast-tied-cooled-short": Experiment(
        "a memory of Adam that is shorter still, at first?",
        "one-layer",
        (
            *BEFORE,
            *TIED,
            "cool_down=0.5",
            *of_both("betas=[0.5,0.9]"),
            "annealing.beta2=0.99",
        ),
    ),
    "fast-tied-cooled-r1": Experiment(
        "and weak R1, which costs time?", "one-layer", (*BEFORE, *TIED, *COOLED, *WEAK_R1)
    ),
    "fast-long-average": Experiment(
        "a longer average of the cooled weights?", "one-layer", (*BEFORE, *TIED, *COOLED, "average_half_life=40000")
    ),
    "fast-tied-cooled-gentle": Experiment(
        "a generator at half the rate?", "one-layer", (*BEFORE, *TIED, *COOLED, "generator_optimizer.rate=0.0002")
    ),
    "fast-tied-generator": Experiment(
        "is a discriminator that is not tied the stronger one?", "one-layer", (*BEFORE, *TIED_GENERATOR, *COOLED)
    ),
    "fast-wider-stem": Experiment(
        "more channels beside the picture, fewer behind them?",
        "one-layer",
        (*BEFORE, *TIED_GENERATOR, *COOLED, "network.width=24", "network.stem=32"),
    ),
    "fast-haar": Experiment(
        "or twice the width, in the Haar domain?",
        "one-layer",
        (*BEFORE, *TIED_GENERATOR, *COOLED, "network.wavelet_levels=1", "network.width=64", "network.stem=32"),
    ),
    "fast-two-layers": Experiment(
        "a second layer beside the picture, in narrower networks?",
        "one-layer",
        (*BEFORE, *TIED_GENERATOR, *COOLED, "network.width=24", "network.stem_layers=2"),
    ),
    "fast-without-momentum": Experiment(
        "Adam without momentum?",
        "one-layer",
        (*BEFORE, *TIED_GENERATOR, "cool_down=0.5", *of_both("betas=[0.0,0.99]")),
    ),
    "fast-three-layers": Experiment(
        "a third layer, narrower still?", "normalised", ("network.width=20", "network.stem_layers=3")
    ),
    "fast-noise": Experiment("and noise for each pixel, which z draws?", "normalised", ("network.noise=true",)),
    "fast-features": Experiment("what fast-features paints", "fast-features"),
    "modern-plain": Experiment("what modern-plain paints", "modern-plain"),
    "modern-whole": Experiment(
        "do changes blur the detail that the discriminator sees?",
        "modern-plain",
        ("images=480000", "augmentation.sampling=whole"),
    ),
    "modern-bicubic": Experiment(
        "and do they where pictures are sampled better?",
        "modern-plain",
        ("images=480000", "augmentation.sampling=bicubic"),
    ),
    "modern-unnormalised": Experiment("or fast for longer?", "fast", ("images=400000",)),
    "modern-r1": Experiment("does the R1 of modern-gpu keep its discriminator in bounds?", "modern-plain", LONG_R1),
    "modern-wide": Experiment("and half as many pictures for wider networks?", "modern-plain", (*LONG_R1, *WIDE)),
    "modern-wide-plain": Experiment("and without R1?", "modern-plain", (*WIDE, "images=480000")),
    "modern-wide-freed": Experiment(
        "what if R1 ends before the training does?",
        "modern-plain",
        (*WIDE, "images=64000", "cool_down=1", *of_both("rate=0.0002"), QUICK),
        "modern-wide",
    ),
    "normalised-features": Experiment(
        "what fast-features painted with batch normalisation in its discriminator", "normalised-features"
    ),
    "normalised-features-long": Experiment(
        "and for longer, in wider networks?",
        "normalised-features",
        ("images=400000", "network.discriminator_width=24", "pretrained.channels=64"),
    ),
    "modern": Experiment("what modern paints", "modern"),
    "modern-slow": Experiment(
        "with a discriminator at half the rate?", "modern", ("discriminator_optimizer.rate=0.0008",)
    ),
    "modern-plain-128": Experiment("what modern-plain-128 paints", "modern-plain-128"),
    "modern-128-late": Experiment(
        "with rates that fall over its second half only?", "modern-plain-128", ("cool_down=0.5",)
    ),
    "modern-128-haar": Experiment(
        "and in the Haar domain, with twice the width?", "modern-plain-128", ("cool_down=0.5", *HAAR)
    ),
    "modern-128": Experiment("what modern-128 paints", "modern-128"),
    "modern-128-narrow": Experiment("with its former networks?", "modern-128", (*FORMER_128, "network.smooth=false")),
    "modern-128-tied": Experiment(
        "those with tied kernels in both?",
        "modern-128",
        (*FORMER_128, "network.smooth=false", "network.tied_discriminator=true"),
    ),
    "modern-128-narrow-smooth": Experiment("those with a smooth layer?", "modern-128", FORMER_128),
    "modern-128-narrow-smooth-32": Experiment("and half the features?", "modern-128", (*NARROW_128, "images=285000")),
    "modern-128-windows": Experiment(
        "those with features of half-size pictures and of windows?",
        "modern-128",
        (*NARROW_128, "pretrained.channels=64", "pretrained.shrink=2", "pretrained.windows=true", "images=380000"),
    ),
    "modern-256": Experiment("what modern-256 paints", "modern-256"),
    "normalised-128": Experiment("with batch normalisation in its discriminator?", "modern-plain-128", NORMALISED_128),
    "normalised-128-haar": Experiment("that in the Haar domain?", "modern-plain-128", (*NORMALISED_128, *HAAR)),
    "fast-grown-128": Experiment(
        "or grown from normalised, in a third of its arithmetic?", "normalised", GROWN, "normalised", grown=True
    ),
    "fast-grown-256": Experiment("and once more", "normalised", GROWN, "fast-grown-128", grown=True),
    "noise-grown-128": Experiment("what does it grow into with noise?", "normalised", GROWN, "fast-noise", grown=True),
    "noise-grown-256": Experiment(
        "and once more, in the time that was left",
        "normalised",
        ("images=24000", "fade=4000", *GROWN[2:]),
        "noise-grown-128",
        grown=True,
    ),
    "modern-plain-256": Experiment("what modern-plain-256 paints", "modern-plain-256"),
    "modern-gpu-128": Experiment("what modern-gpu-128 paints", "modern-gpu-128"),
    "modern-gpu-256": Experiment("what modern-gpu-256 paints", "modern-gpu-256"),
    "fast-annealed": Experiment("does R3GAN's schedule help where time is short?", "one-layer", (*BEFORE, *ANNEALED)),
    "modern-annealed": Experiment("and where there is more time?", "modern-plain", ANNEALED),
    "fast-of-others": Experiment(
        "a generator of other pictures to begin from", "fast", ("images=48000",), pictures=(2_000, None)
    ),
    "normalised-of-others": Experiment(
        "one with batch normalisation in both networks", "normalised", ("images=48000",), pictures=(2_000, None)
    ),
    **{
        f"{name}-{count}": Experiment(question, recipe, (*settings, f"images={images}"), start, pictures=(0, count))
        for count in (100, 500, 2_000)
        for name, question, recipe, settings, images, start in (
            ("few", f"what few makes of {count} pictures", "few", (), 48_000, ""),
            ("fast", f"what fast makes of {count} pictures", "fast", (), 48_000, ""),
            ("normalised", f"fast with batch normalisation in both networks, on {count}", "normalised", (), 48_000, ""),
            ("wide", f"few with one layer, constant rates and momentum, on {count}", "one-layer", R1, 48_000, ""),
            ("quick", f"few with an ada of four times the speed, on {count}", "few", (QUICK,), 48_000, ""),
            ("from", f"few, begun from a generator of others, on {count}", "few", (), 24_000, "normalised-of-others"),
            ("fast-from", f"fast, begun from a generator of others, on {count}", "fast", (), 48_000, "fast-of-others"),
        )
    },
    "conditional": Experiment("what conditional paints", "conditional"),
    "conditional-from-fast": Experiment(
        "labels for networks that paint already", "normalised", (*LABELS, "images=80000"), "normalised"
    ),
    "conditional-mismatched": Experiment(
        "and a discriminator that sees labels of others too?",
        "normalised",
        (*LABELS, "images=80000", "mismatched_labels=true"),
        "normalised",
    ),
}
"""Every experiment by its name."""

COLUMNS = (
    "experiment",
    "seed",
    "pictures",
    "multiply-adds",
    "seconds",
    "KID",
    "FID",
    "precision",
    "recall",
    "patches",
    "KID (pixels)",
)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("collection", type=Path, nargs="?")
    words.add_argument(
        "--smaller", type=Path, nargs="+", default=[], help="the same pictures at half the size, and so on"
    )
    words.add_argument("--experiments", nargs="+", default=["normalised", "fast"], choices=EXPERIMENTS, metavar="NAME")
    words.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    words.add_argument("--images", type=int, help="shown in each, for a short trial; by default the recipe's number")
    words.add_argument("--samples", type=int, default=5_000)
    words.add_argument("--device", default="auto")
    words.add_argument("--out", type=Path, default=Path("painting"))
    words.add_argument("--list", action="store_true", help="say what there is, and train nothing")
    given = words.parse_args()
    if given.list or given.collection is None:
        for name in EXPERIMENTS:
            print(described(name), flush=True)
        return
    collection = Collection.open(given.collection)
    given.out.mkdir(parents=True, exist_ok=True)
    print(header(), flush=True)
    for seed in given.seeds:
        for name in given.experiments:
            print(row(collection, name, seed, given), flush=True)


def described(name: str) -> str:
    """Return what an experiment is, how many pictures it is shown, and what that takes in multiply-adds."""
    experiment, recipe, side = EXPERIMENTS[name], recipe_of(name, 0, None), side_of(name)
    each = cost(recipe.network, Shape(side, side, 3), recipe.pretrained)
    assert recipe.images is not None  # none of these recipes counts in epochs
    start = f" {'grown ' * experiment.grown}from {experiment.start}" if experiment.start else ""
    return (
        f"{name:28}{experiment.question} ({' '.join((experiment.recipe, *experiment.settings))}{start}): "
        f"{recipe.images:,} pictures of {side}×{side} × {each / 1e6:,.0f} million = {recipe.images * each:.3g}"
    )


def header() -> str:
    """Return the first two lines of the table."""
    return f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"


def row(collection: Collection, name: str, seed: int, given: argparse.Namespace) -> str:
    """Return the row of an experiment: that of the table, or what training and scores give now, which joins it."""
    table = given.out / "results.md"
    lines = table.read_text(encoding="utf-8").splitlines() if table.exists() else header().splitlines()
    recipe = recipe_of(name, seed, given.images)
    begins = f"| {name} | {seed} | {recipe.total:,} |"
    for line in lines:
        if line.startswith(begins):
            run = Run(run_path(name, seed, given))
            if run.path.exists() and run.recipe() != recipe:
                raise SystemExit(f"The row of {name} in {table} is of another recipe of that name: take another --out.")
            return line
    run = trained(collection, name, seed, given)
    scores = [scored(run, collection, detector, given) for detector in ("lite0", "pixels")]
    end, measures = run.log()[-1], scores[0]["measures"]
    cells = [
        f"{end['images'] * cost(run.recipe().network, collection, run.recipe().pretrained):.3g}",
        f"{end['seconds']:.0f}",
        *(estimate(measures[key], digits) for key, digits in (("kid", 4), ("fid", 1), ("precision", 3), ("recall", 3))),
        f"{mean(scores[0]['sliced_wasserstein'].values()):.4f}",
        estimate(scores[1]["measures"]["kid"], 5),
    ]
    line = f"{begins} {' | '.join(cells)} |"
    with table.open("a", encoding="utf-8") as file:
        file.write("\n".join([*([] if table.stat().st_size else [header()]), line]) + "\n")
    return line


def estimate(measure: dict[str, float] | None, digits: int) -> str:
    """Return a measure with its error; a dash where it was not taken."""
    return "–" if measure is None else f"{measure['value']:.{digits}f} ± {measure['error']:.{digits}f}"


def recipe_of(name: str, seed: int, images: int | None) -> Recipe:
    """Return the recipe of an experiment with this seed."""
    experiment = EXPERIMENTS[name]
    recipe = BEGINNINGS[experiment.recipe]() if experiment.recipe in BEGINNINGS else find(experiment.recipe)
    if experiment.grown:
        begun = recipe_of(experiment.start, seed, images)
        recipe = dataclasses.replace(begun, network=grown(begun.network))
    return recipe.with_settings([*experiment.settings, f"seed={seed}"]).lasting(None, images)


def side_of(name: str) -> int:
    """Return the height and width of the pictures that an experiment is for."""
    experiment = EXPERIMENTS[name]
    return 2 * side_of(experiment.start) if experiment.grown else SIDES.get(experiment.recipe.rpartition("-")[2], 64)


def trained(collection: Collection, name: str, seed: int, given: argparse.Namespace) -> Run:
    """Return the run of an experiment, trained to its end."""
    experiment = EXPERIMENTS[name]
    begun_with = half(collection, given.smaller) if experiment.grown else collection
    origin = trained(begun_with, experiment.start, seed, given) if experiment.start else None
    recipe = recipe_of(name, seed, given.images)
    learnt = portion(collection, experiment.pictures, given.out)
    return lienzo.train(learnt, recipe, run_path(name, seed, given), origin=origin, device=given.device)


def run_path(name: str, seed: int, given: argparse.Namespace) -> Path:
    """Return the folder of an experiment's run."""
    length = f"-{given.images}" if given.images else ""
    path: Path = given.out / f"{name}{length}-{seed}"
    return path


def half(collection: Collection, smaller: list[Path]) -> Collection:
    """Return the one of these collections whose pictures have half the size of a collection's."""
    for path in smaller:
        opened = Collection.open(path)
        if (2 * opened.height, 2 * opened.width) == (collection.height, collection.width):
            return opened
    raise SystemExit(f"none of --smaller has pictures of half the size of those of {collection.path}.")


def portion(collection: Collection, pictures: tuple[int, int | None], out: Path) -> Collection:
    """Return a collection of some of the training pictures, prepared now or before; or all as they are."""
    first, end = pictures
    rows = collection.rows("train")
    if (first, end) == (0, None):
        return collection
    if len(rows) <= max(first, end or 0):
        raise SystemExit(f"{collection.path} has only {len(rows):,} pictures to train on.")
    chosen = sorted(numpy_generator(0, "portion").permutation(rows)[first:end])
    folder = out / f"pictures-{first}-{first + len(chosen)}"
    if not (folder / "collection.json").exists():
        with tempfile.TemporaryDirectory() as files:
            for row in chosen:
                Image.fromarray(collection.take(np.array([row]))[0].squeeze()).save(Path(files, f"{row:06}.png"))
            sides = collection.height, collection.width
            lienzo.prepare(files, folder, size=sides, channels=collection.channels, workers=1)  # type: ignore[arg-type]
    return Collection.open(folder)


def scored(run: Run, collection: Collection, detector: str, given: argparse.Namespace) -> dict[str, Any]:
    """Return the scores of a run by one detector, taken now or before."""
    path = run.path / f"scores-{detector}.json"
    if not path.exists():
        scores = lienzo.evaluate(
            run,
            collection,
            samples=given.samples,
            part="holdout",
            novelty=False,
            detector=detector,
            device=given.device,
        )
        path.write_text(json.dumps(scores.to_json()), encoding="utf-8")
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values


if __name__ == "__main__":
    main()
