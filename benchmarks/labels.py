"""Whether a conditional generator paints what it is asked for: its labels, recovered by a classifier of real pictures.

A linear classifier of lite0's features is fitted on the training pictures. It is tried on held-out ones, which shows
what it can tell at all, and on as many generated pictures of each label.

    python -c "from pathlib import Path; from lienzo.painter.painting import paint; paint(Path('painted'))"
    lienzo prepare painted art-32 --size 32 --holdout 0.25
    python benchmarks/labels.py art-32 [--recipe conditional] [--images 48000] [--samples 50] [--out labels]
    python benchmarks/labels.py art-32 --run RUN [--samples 50]
"""

import argparse
from pathlib import Path

import numpy as np
import torch

import lienzo
from lienzo.collection.collection import Collection
from lienzo.metrics import detectors
from lienzo.metrics.representations import classify
from lienzo.recipe import catalogue
from lienzo.run.run import Run


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("collection", type=Path)
    words.add_argument("--recipe", default="conditional")
    words.add_argument("--images", type=int, default=48_000)
    words.add_argument("--samples", type=int, default=50)
    words.add_argument("--out", type=Path, default=Path("labels"))
    words.add_argument("--run", type=Path, help="a run that has been trained, instead of one of a recipe")
    given = words.parse_args()
    collection = Collection.open(given.collection)
    if given.run is None:
        recipe = catalogue.find(given.recipe).with_settings([f"images={given.images}"])
        run = lienzo.train(collection, recipe, given.out, device="cpu")
    else:
        run = Run.open(given.run)
    kind = run.recipe().labels
    names = collection.vocabularies[kind]
    wanted = np.repeat(np.arange(len(names)), given.samples)
    made = lienzo.load(run).generate(range(len(wanted)), [names[label] for label in wanted])

    detector, known = detectors.load("lite0", torch.device("cpu")), collection.labels(kind)
    train, held = (rows[known[rows] >= 0] for rows in (collection.rows("train"), collection.rows("holdout")))
    features = detectors.features(detector, collection.take(train))
    print(f"{'':24}{'all':>8}" + "".join(f"{name[:10]:>12}" for name in names))
    for name, images, labels in (
        ("held-out pictures", collection.take(held), known[held]),
        ("generated pictures", made.images, wanted),
    ):
        found = classify(features, known[train], detectors.features(detector, images), labels)
        shares = [found.per_label[label].value for label in range(len(names))]
        print(f"{name:24}{found.accuracy.value:>8.3f}" + "".join(f"{share:>12.2f}" for share in shares))
    print(f"{'chance':24}{1 / len(names):>8.3f}; trained in {run.log()[-1]['seconds']:.0f} s")


if __name__ == "__main__":
    main()
