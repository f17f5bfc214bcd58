"""DCGAN's recommendations, each switched off in turn: the long result of the thesis's chapter 4.1.

Trains the recipe of the thesis and its variants (:mod:`lienzo.thesis.experiments.ablations`), scores each against
held-out pictures, and
prints a row for each run. The same command goes on after an interruption.

    lienzo prepare PICTURES art-16 --size 16 --trim-borders --holdout 0.5
    python benchmarks/ablations.py art-16 [--variants thesis pooling ...] [--seeds 0 1 2] [--out ablations] [--list]

``--keep FOLDER`` trains nothing. It writes the result of the runs that are finished, as the thesis keeps it.
"""

import argparse
from pathlib import Path

from lienzo.collection.collection import Collection
from lienzo.thesis import kept
from lienzo.thesis.experiments.ablations import VARIANTS, Plan, Row, rows, steps, summary

COLUMNS = ("variant", "seed", "pictures", "seconds", "KID", "precision", "recall", "D(x)", "D(G(z))", "diversity")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("collection", type=Path, nargs="?")
    words.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=VARIANTS, metavar="NAME")
    words.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    words.add_argument("--images", type=int, default=160_000, help="shown in each run")
    words.add_argument("--width", type=int, default=16, help="channels of the layers next to the picture")
    words.add_argument("--samples", type=int, default=2_000, help="pictures to score")
    words.add_argument("--device", default="auto")
    words.add_argument("--out", type=Path, default=Path("ablations"))
    words.add_argument("--list", action="store_true", help="say what there is, and train nothing")
    words.add_argument("--keep", type=Path, help="folder for the result of the finished runs")
    words.add_argument("--pictures", default="paintings", help="what the pictures are, in a few words, for --keep")
    given = words.parse_args()
    if given.list or given.collection is None:
        for name, variant in VARIANTS.items():
            print(f"{name:26}without {variant.without}: {variant.instead}")
        return
    if given.keep:
        command = f"python benchmarks/ablations.py {given.collection}"
        kept.write("ablations", *summary(rows(given.out), given.pictures, command), given.keep)
        return
    plan = Plan(
        Collection.open(given.collection),
        given.out,
        given.variants,
        given.seeds,
        given.images,
        given.width,
        given.samples,
        given.device,
    )
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}", flush=True)
    for _, row in steps(plan):
        if row is not None:
            print(f"| {' | '.join(cells(row))} |", flush=True)


def cells(row: Row) -> list[str]:
    """Return the cells of a row."""
    shares = (row.precision, row.recall, row.real_score, row.fake_score, row.diversity)
    return [
        row.variant,
        str(row.seed),
        f"{row.images:,}",
        f"{row.seconds:.0f}",
        row.failure or ("–" if row.kid is None else f"{row.kid.value:.4f} ± {row.kid.error:.4f}"),
        *("–" if share is None else f"{share:.3f}" for share in shares),
    ]


if __name__ == "__main__":
    main()
