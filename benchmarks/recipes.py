"""The table of docs/recipes.md: recipes trained for the same time on the same machine, and scored alike.

Each recipe is trained with each seed until its own length or the minutes are over, whichever comes first, and scored
with lite0 on held-out pictures. The same words go on with what was interrupted, and pass over what is finished. Time is
that of training alone; let nothing else run on the machine.

    lienzo prepare PICTURES art-64 --trim-borders --holdout 0.5
    python benchmarks/recipes.py art-64 [--recipes thesis fast ...] [--minutes 10] [--seeds 3] [--out table]
"""

import argparse
import dataclasses
import json
import statistics
from pathlib import Path
from typing import Any

import lienzo
from lienzo.collection.collection import Collection
from lienzo.recipe.catalogue import RECIPES, find
from lienzo.run.run import Run


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("collection", type=Path)
    words.add_argument("--recipes", nargs="+", default=list(RECIPES), help="names or .toml files")
    words.add_argument("--minutes", type=float, default=10.0, help="of training, for each recipe and seed")
    words.add_argument("--seeds", type=int, default=3)
    words.add_argument("--samples", type=int, default=5_000)
    words.add_argument("--device", default="auto")
    words.add_argument("--out", type=Path, default=Path("table"))
    given = words.parse_args()
    collection = Collection.open(given.collection)
    print("| recipe | seeds | pictures | minutes | KID | FID | precision | recall |", flush=True)
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for name in given.recipes:
        runs = [trained(collection, name, seed, given) for seed in range(given.seeds)]
        scores = [scored(run, collection, given) for run in runs]
        ends = [run.log()[-1] for run in runs]
        cells = [
            find(name).name,
            str(given.seeds),
            f"{statistics.mean(end['images'] for end in ends):,.0f}",
            f"{statistics.mean(end['seconds'] for end in ends) / 60:.1f}",
            *(
                spread([score[name] for score in scores], digits)
                for name, digits in (("kid", 4), ("fid", 1), ("precision", 3), ("recall", 3))
            ),
        ]
        print(f"| {' | '.join(cells)} |", flush=True)


def trained(collection: Collection, name: str, seed: int, given: argparse.Namespace) -> Run:
    """Return the run of this recipe and seed, trained for the minutes."""
    recipe = dataclasses.replace(find(name), seed=seed)
    run = Run(given.out / f"{recipe.name}-{given.minutes:g}-{seed}")
    if run.exists() and run.log() and run.log()[-1]["seconds"] >= 60 * given.minutes:
        return run
    for tick in lienzo.steps(collection, recipe, run.path, device=given.device):
        if tick.seconds >= 60 * given.minutes:
            break
    return run


def scored(run: Run, collection: Collection, given: argparse.Namespace) -> dict[str, Any]:
    """Return the measures of a run, taken now or before."""
    path = run.path / "table.json"
    if not path.exists():
        scores = lienzo.evaluate(
            run, collection, samples=given.samples, part="holdout", novelty=False, device=given.device
        )
        path.write_text(json.dumps(scores.to_json()["measures"]), encoding="utf-8")
    measures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return measures


def spread(measured: list[dict[str, float] | None], digits: int) -> str:
    """Return mean ± standard deviation over the seeds; the value alone where there is one, a dash where none is."""
    values = [measure["value"] for measure in measured if measure is not None]
    if not values:
        return "–"
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{statistics.mean(values):.{digits}f} ± {statistics.stdev(values):.{digits}f}"


if __name__ == "__main__":
    main()
