"""The speed of the detector lite0 by each engine that can compute it here, and where the time of an evaluation goes.

The engines compute the same pictures in turns: ONNX Runtime, which lienzo uses on a CPU, PyTorch with the same folded
convolutions, and OpenVINO where it is installed. Every ratio is to PyTorch. With a collection, its held-out pictures
are scored against the rest, or a run's generator with ``--run``, and each stage stands with its share.

With ``--spread`` the question is another one: whether the errors of the measures are right. Disjoint sets of so many
training and held-out pictures are scored against each other; the spread of their scores stands beside the errors.

    python benchmarks/scores.py [COLLECTION] [--run RUN] [--samples 5000] [--no-novelty] [--threads N]
                                [--busy]
    python benchmarks/scores.py COLLECTION --spread 300
"""

import argparse
import contextlib
import dataclasses
import multiprocessing
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lienzo.collection.collection import Collection
from lienzo.evaluation import evaluation
from lienzo.evaluation.settings import Settings
from lienzo.metrics import detectors, lite0
from lienzo.metrics.measures import measure

BATCH = 64


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("collection", nargs="?", type=Path, help="with held-out pictures; without one, engines only")
    words.add_argument("--run", type=Path, help="scored instead of the held-out pictures")
    words.add_argument("--samples", type=int, default=5_000)
    words.add_argument("--no-novelty", dest="novelty", action="store_false", help="without the search for copies")
    words.add_argument("--threads", type=int, default=torch.get_num_threads())
    words.add_argument("--turns", type=int, default=3)
    words.add_argument("--busy", action="store_true", help="beside a process that keeps a core busy")
    words.add_argument("--spread", type=int, help="pictures of each set of which errors are compared with the spread")
    given = words.parse_args()
    torch.set_num_threads(given.threads)
    if given.spread:
        spread(Collection.open(given.collection), given.spread)
        return
    print(f"torch {torch.__version__}, {given.threads} threads{', beside a busy process' if given.busy else ''}")
    with busy() if given.busy else contextlib.nullcontext():
        engines(given.turns)
        if given.collection:
            shares(given.run or given.collection, Collection.open(given.collection), given.samples, given.novelty)


def engines(turns: int) -> None:
    """Print pictures per second, and per second of processor time: medians of turns; and how far features differ."""
    pictures = torch.rand(BATCH, 3, lite0.SIZE, lite0.SIZE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    ready: dict[str, Callable[[Tensor], NDArray[np.float32]]] = {
        "PyTorch": lite0.on_device(torch.device("cpu")),
        "ONNX Runtime": lite0.on_cpu(),
    }
    if find_spec("openvino"):
        ready["OpenVINO"] = openvino()
    features = {name: engine(pictures) for name, engine in ready.items()}  # the first call prepares
    walls, work = defaultdict(list), defaultdict(list)
    for _ in range(turns):
        for name, engine in ready.items():
            begun, used = time.perf_counter(), time.process_time()
            engine(pictures)
            walls[name].append(BATCH / (time.perf_counter() - begun))
            work[name].append(BATCH / (time.process_time() - used))
    print(f"{'':16}{'pictures/s':>12}{'ratio':>8}{'per core second':>18}{'apart':>10}")
    for name in ready:
        wall, core = np.median(walls[name]), np.median(work[name])
        away = np.linalg.norm(features[name] - features["PyTorch"]) / np.linalg.norm(features["PyTorch"])
        print(f"{name:16}{wall:>12.1f}{wall / np.median(walls['PyTorch']):>8.2f}{core:>18.1f}{away:>10.0e}")


def openvino() -> Callable[[Tensor], NDArray[np.float32]]:
    """Return the network as OpenVINO computes it."""
    from openvino import Core  # type: ignore[import-not-found]  # noqa: PLC0415  no dependency of lienzo

    core = Core()
    options = {"INFERENCE_NUM_THREADS": torch.get_num_threads(), "INFERENCE_PRECISION_HINT": "f32"}
    model = core.compile_model(core.read_model(lite0.graph(lite0.convolutions()).SerializeToString()), "CPU", options)
    return lambda pictures: np.array(model(pictures.numpy())[0])


def shares(subject: Path, collection: Collection, samples: int, novelty: bool) -> None:
    """Print the seconds of each stage of an evaluation, by the clock and of the processor's cores together.

    Nothing is taken from the cache of features. Where other work shares the machine, the processor's seconds count.
    """
    detector = dataclasses.replace(detectors.load("lite0", torch.device("cpu")), fingerprint=None)
    settings = Settings(detector=detector, samples=samples, novelty=novelty, device="cpu")
    spent: dict[str, NDArray[np.float64]] = defaultdict(lambda: np.zeros(2))
    begun = last = clocks()
    stage = "opening"
    for step in evaluation.steps(subject, collection, settings):
        now = clocks()
        spent[stage] += now - last
        stage, last = step.stage, now
    total = clocks() - begun
    print(f"\n{'evaluation, seconds':40}{'clock':>10}{'processor':>12}{'share':>8}")
    for name, seconds in [*spent.items(), ("all", total)]:
        print(f"    {name:36}{seconds[0]:>10.1f}{seconds[1]:>12.1f}{seconds[1] / total[1]:>8.1%}")


def spread(collection: Collection, count: int) -> None:
    """Print how far scores of disjoint sets of ``count`` training and held-out pictures spread, and what they state."""
    detector, chance = detectors.load("lite0", torch.device("cpu")), np.random.default_rng(0)
    sides = [chance.permutation(collection.rows(part)) for part in ("train", "holdout")]
    starts = range(0, min(map(len, sides)) - count + 1, count)
    found = []
    for start in starts:
        sets = (np.sort(side[start : start + count]) for side in sides)
        found.append(measure(*(detectors.features(detector, collection.take(rows)) for rows in sets)))
    print(f"{len(starts)} pairs of {count} pictures\n{'':12}{'mean':>10}{'spread':>10}{'error':>10}{'ratio':>8}")
    for name in ("kid", "precision", "recall", "density", "coverage"):
        values, errors = np.array([getattr(one, name) for one in found]).T
        deviation, error = values.std(ddof=1), errors.mean()
        print(f"{name:12}{values.mean():>10.4f}{deviation:>10.4f}{error:>10.4f}{deviation / error:>8.2f}")


def clocks() -> NDArray[np.float64]:
    """Return seconds: of the clock, and of this process on all cores."""
    return np.array([time.perf_counter(), time.process_time()])


@contextlib.contextmanager
def busy() -> Iterator[None]:
    """Keep a core busy with another process."""
    process = multiprocessing.get_context("spawn").Process(target=spin, daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()


def spin() -> None:
    while True:
        pass


if __name__ == "__main__":
    main()
