"""How long commands take until they do something, beside ``python -c 'import torch'``, which runs in turns with them.

    python benchmarks/startup.py
    python benchmarks/startup.py --rounds 9

Each command runs in a process of its own, on tiny things made here: 16 pictures of 16×16 and a small run. Of every
round the CPU seconds (user and system, of all processes) and the elapsed seconds are taken; the table has the medians,
and the CPU seconds as a ratio to those of the import of PyTorch. CPU seconds are the ones to compare: they do not
depend on what else the machine does.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

import lienzo
from lienzo.recipe.catalogue import thesis

TICK = "import sys, lienzo; next(iter(lienzo.steps(sys.argv[1], sys.argv[2], sys.argv[3], device='cpu')))"
"""A training up to its first tick."""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--rounds", type=int, default=5)
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        commands = prepared(Path(folder))
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for number in range(given.rounds + 1):  # the first fills the caches of the file system
            for name, command in commands.items():
                seconds = measured([word.replace("ROUND", str(number)) for word in command])
                taken[name] += [seconds] if number else []
    medians = {name: tuple(map(statistics.median, zip(*rounds, strict=True))) for name, rounds in taken.items()}
    torch_seconds = medians["import torch"][0]
    print("| what | CPU seconds | of the import of PyTorch | elapsed seconds |\n|---|---|---|---|")
    for name, (cpu, elapsed) in medians.items():
        print(f"| {name} | {cpu:.2f} | {cpu / torch_seconds:.2f} | {elapsed:.2f} |")


def prepared(folder: Path) -> dict[str, list[str]]:
    """Make pictures, a collection, a recipe and a run, and return the commands to measure on them by their names."""
    (folder / "pictures").mkdir()
    (folder / "one").mkdir()
    for i in range(16):
        pixels = np.random.default_rng(i).integers(0, 256, (16, 16, 3), np.uint8)
        Image.fromarray(pixels).resize((200, 160)).save(folder / "pictures" / f"{i}.png")
    Image.open(folder / "pictures" / "0.png").save(folder / "one" / "0.png")
    collection = lienzo.prepare(folder / "pictures", folder / "collection", size=16, workers=1)
    recipe = thesis().with_settings(["network.width=8", "batch=8", "images=16"])
    (folder / "recipe.toml").write_text(recipe.to_toml(), encoding="utf-8")
    run = lienzo.train(collection, recipe, folder / "run", device="cpu")
    command = [sys.executable, "-m", "lienzo"]
    return {
        "import torch": [sys.executable, "-c", "import torch"],
        "lienzo --help": [*command, "--help"],
        "lienzo recipes": [*command, "recipes"],
        "lienzo info COLLECTION": [*command, "info", str(collection.path)],
        "lienzo info RUN": [*command, "info", str(run.path)],
        "lienzo prepare, one picture": [*command, "prepare", str(folder / "one"), str(folder / "one-ROUND")],
        "lienzo generate, one picture": [
            *command, "generate", str(run.path), "--seeds", "0", "--out", str(folder / "picture.png")
        ],
        "a training's first tick, 16 pictures": [
            sys.executable, "-c", TICK, str(collection.path), str(folder / "recipe.toml"), str(folder / "run-ROUND")
        ],
    }  # fmt: skip


def measured(command: list[str]) -> tuple[float, float]:
    """Run a command and return the CPU seconds and the elapsed seconds that it took."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    elapsed, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, elapsed


if __name__ == "__main__":
    main()
