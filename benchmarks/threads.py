"""Steps of recipes with one thread, with all, and with as many as find a core, on the machine as it is and busy.

Busy means: beside a process that this script starts and that keeps one core busy. The share is that of the operations'
multiplications and additions, as PyTorch counts them, in what a matrix product reaches with as many threads beside the
same work.

    python benchmarks/threads.py [--recipes thesis fast modern-128] [--seconds 6]
"""

import argparse
import dataclasses
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from lienzo.compute.devices import keeping_memory
from lienzo.compute.threads import Threads
from lienzo.networks.shape import Shape
from lienzo.recipe.catalogue import find
from lienzo.training.augmentation import CHANCES
from lienzo.training.game import StepInputs
from lienzo.training.state import State

CPU = torch.device("cpu")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--recipes", nargs="+", default=["thesis", "fast", "modern-128"])
    words.add_argument("--seconds", type=float, default=6.0, help="of each measurement")
    given = words.parse_args()
    every = torch.get_num_threads()
    print(f"torch {torch.__version__}, {every} threads, float32")
    print(f"{'':12}{'':10}{'threads':>10}{'pictures/s':>12}{'GFLOP/s':>10}{'product':>10}{'share':>8}")
    with keeping_memory(CPU):
        for name in given.recipes:
            step, images, work = prepared(name, 128 if name.endswith("128") else 64)
            for state in ("as it is", "busy"):
                beside = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if state == "busy" else None
                try:
                    for kind in ("1", str(every), "adjusted"):
                        speed, rate = measured(
                            step, images, every if kind == "adjusted" else int(kind), kind, given.seconds
                        )
                        share = speed * work / rate
                        cells = f"{kind:>10}{speed:>12.1f}{speed * work:>10.0f}{rate:>10.0f}{share:>8.0%}"
                        print(f"{name:12}{state:10}{cells}", flush=True)
                finally:
                    if beside is not None:
                        beside.kill()
                        beside.wait()
                        time.sleep(1)


def prepared(name: str, side: int) -> tuple[Callable[[], None], int, float]:
    """Return a function that takes a step, its pictures, and the GFLOP that each of them needs."""
    recipe = dataclasses.replace(find(name), precision="fp32")
    state = State(recipe, Shape(side, side, 3), CPU)
    source = torch.Generator().manual_seed(0)
    chances, batch = CHANCES[recipe.augmentation.policy], recipe.batch
    pixels = torch.randint(0, 256, (1, batch, side, side, 3), dtype=torch.uint8, generator=source)
    latents = torch.randn(1, batch, recipe.network.latents, generator=source)
    chance = torch.rand(2, 2, batch, chances, generator=source) if chances else None

    def step() -> None:
        state.advance([StepInputs(pixels, latents, None, chance, None)])

    step()  # the first takes the penalties
    with FlopCounterMode(display=False) as counter:
        step()
    return step, batch, counter.get_total_flops() / batch / 1e9


def measured(step: Callable[[], None], images: int, number: int, kind: str, seconds: float) -> tuple[float, float]:
    """Return pictures a second, and GFLOP/s of a product of 1024² matrices, the median of seven."""
    torch.set_num_threads(number)
    with Threads(CPU) as threads:
        started, steps = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            if kind == "adjusted":
                threads.adjust()
            step()
            steps += 1
        speed = steps * images / (time.perf_counter() - started)
        matrix, times = torch.randn(1024, 1024), []
        for _ in range(7):
            begun = time.perf_counter()
            torch.mm(matrix, matrix)
            times.append(time.perf_counter() - begun)
    return speed, 2 * 1024**3 / statistics.median(times) / 1e9


if __name__ == "__main__":
    main()
