"""The search for recipes that paint better: experiments, each a recipe with settings, trained and scored alike.

Each experiment is trained for its number of pictures with each seed, and then scored with two detectors against the
held-out pictures. For each seed a row is printed, and added to ``OUT/results.md`` in the form of docs/log.md's tables:
pictures, multiply-adds, seconds of training, KID, FID, precision, recall, distance of patches, and the second
detector's KID. Compute is counted in pictures and multiply-adds, so that results of different machines compare; seconds
are this machine's.

An experiment with ``start`` begins with the trained networks of another one of the same seed, which is trained first.
The same command goes on after an interruption, and passes over what is in the table. Several processes may share OUT,
each with experiments of its own.

    lienzo prepare PICTURES art-64 --trim-borders --holdout 0.5
    python benchmarks/painting.py art-64 [--experiments fast fast-tied] [--seeds 0 1 2] [--out painting] [--list]
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from grow import cost

import lienzo
from lienzo.collection.collection import Collection
from lienzo.recipe.catalogue import find
from lienzo.recipe.recipe import Recipe
from lienzo.run.run import Run

TIED = ("network.tied_kernels=true",)
COOLED = ("cool_down=0.5", "generator_optimizer.betas=[0.5,0.99]", "discriminator_optimizer.betas=[0.5,0.99]")
WEAK_R1 = ("regularisation.r1=0.01", "regularisation.interval=8")


@dataclass(frozen=True)
class Experiment:
    """A recipe with settings, and the question that it answers."""

    question: str
    recipe: str
    settings: tuple[str, ...] = ()
    start: str = ""
    """Name of the experiment whose networks it begins with."""


EXPERIMENTS: dict[str, Experiment] = {
    "fast": Experiment("what fast paints", "fast"),
    "fast-tied": Experiment("do tied kernels help?", "fast", TIED),
    "fast-cooled": Experiment(
        "do rates that fall over the last half help, with a longer memory of Adam?", "fast", COOLED
    ),
    "fast-tied-cooled": Experiment("do both?", "fast", (*TIED, *COOLED)),
    "fast-tied-cooled-r1": Experiment("and weak R1, which costs time?", "fast", (*TIED, *COOLED, *WEAK_R1)),
    "fast-long-average": Experiment(
        "a longer average of the cooled weights?", "fast", (*TIED, *COOLED, "average_half_life=40000")
    ),
    "modern": Experiment("what modern paints", "modern"),
    "modern-tied-cooled-r1": Experiment("all of it for a million pictures", "modern", (*TIED, *COOLED, *WEAK_R1)),
    "modern-from-fast": Experiment(
        "or go on from fast, whose rates fell?", "modern", (*TIED, *COOLED, *WEAK_R1, "images=840000"), "fast-tied"
    ),
    "modern-128": Experiment("what modern-128 paints", "modern-128"),
    "modern-128-tied": Experiment("without a checkerboard", "modern-128", (*TIED, *COOLED)),
    "conditional": Experiment("what conditional paints", "conditional"),
    "conditional-tied-cooled": Experiment(
        "with tied kernels and falling rates", "conditional", (*TIED, "cool_down=0.5")
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
    words.add_argument("--experiments", nargs="+", default=["fast", "fast-tied"], choices=EXPERIMENTS, metavar="NAME")
    words.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    words.add_argument("--images", type=int, help="shown in each, for a short trial; by default the recipe's number")
    words.add_argument("--samples", type=int, default=5_000)
    words.add_argument("--device", default="auto")
    words.add_argument("--out", type=Path, default=Path("painting"))
    words.add_argument("--list", action="store_true", help="say what there is, and train nothing")
    given = words.parse_args()
    if given.list or given.collection is None:
        for name, experiment in EXPERIMENTS.items():
            print(f"{name:24}{experiment.question} ({' '.join((experiment.recipe, *experiment.settings))})")
        return
    collection = Collection.open(given.collection)
    given.out.mkdir(parents=True, exist_ok=True)
    print(header(), flush=True)
    for seed in given.seeds:
        for name in given.experiments:
            print(row(collection, name, seed, given), flush=True)


def header() -> str:
    """Return the first two lines of the table."""
    return f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"


def row(collection: Collection, name: str, seed: int, given: argparse.Namespace) -> str:
    """Return the row of an experiment: that of the table, or what training and scores give now, which joins it."""
    table = given.out / "results.md"
    lines = table.read_text(encoding="utf-8").splitlines() if table.exists() else header().splitlines()
    recipe = recipe_of(name, seed, given.images)
    begins = f"| {name} | {seed} | {recipe.resolved(len(collection.rows('train'))).total:,} |"
    for line in lines:
        if line.startswith(begins):
            return line
    run = trained(collection, name, seed, given)
    scores = [scored(run, collection, detector, given) for detector in ("lite0", "pixels")]
    end, measures = run.log()[-1], scores[0]["measures"]
    cells = [
        f"{end['images'] * cost(run.recipe().network, collection):.3g}",
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
    recipe = find(experiment.recipe).with_settings([*experiment.settings, f"seed={seed}"])
    return recipe.lasting(None, images)


def trained(collection: Collection, name: str, seed: int, given: argparse.Namespace) -> Run:
    """Return the run of an experiment, trained to its end."""
    start = EXPERIMENTS[name].start
    origin = trained(collection, start, seed, given) if start else None
    recipe = recipe_of(name, seed, given.images)
    length = f"-{given.images}" if given.images else ""
    return lienzo.train(collection, recipe, given.out / f"{name}{length}-{seed}", origin=origin, device=given.device)


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
