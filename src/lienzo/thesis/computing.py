"""Long results, computed again: the experiments of ``lienzo theory`` and those of the thesis alone."""

import shutil
import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import msgspec

from lienzo.compute import machine
from lienzo.theory import laboratory
from lienzo.theory.catalogue import EXPERIMENTS
from lienzo.theory.finding import Drawing
from lienzo.thesis import kept
from lienzo.thesis.catalogue import RESULTS
from lienzo.thesis.edition import Edition
from lienzo.thesis.kept import Kept, KeptClaim, KeptDrawing, KeptTable

SEED = 0
"""Seed of the experiments of the theory that are kept."""


def compute(name: str, folder: Path, edition: Edition) -> Iterator[str]:
    """Compute a result again and write it into a folder; yield a few words before each of its parts.

    Args:
        name: an experiment of ``lienzo theory``, or a key of ``RESULTS``.
        folder: where the result goes; until it is there, a long one keeps beside it what it needs to go on after an
            interruption.
        edition: whose collection some results are about.
    """
    unfinished = folder / f"{name}-unfinished"
    if name in EXPERIMENTS:
        result, drawings = yield from _experiment(name)
    else:
        result, drawings = yield from RESULTS[name](unfinished, edition)
    kept.write(name, result, drawings, folder)
    if unfinished.exists():
        shutil.rmtree(unfinished)


def _experiment(name: str) -> Generator[str, None, tuple[Kept, Sequence[Drawing]]]:
    """Run an experiment of the theory, and return its result as it is kept."""
    began = time.monotonic()
    for progress in laboratory.steps([name], None, SEED):
        if progress.finding is None:
            yield progress.part
    finding = progress.finding
    assert finding is not None
    if finding.failure is not None:
        raise finding.failure
    numbers = finding.to_json()
    result = Kept(
        title=finding.title,
        command=f"lienzo theory {name}",
        processor=f"{machine.processor()}, one thread",
        date=kept.today(),
        seeds=(SEED,),
        seconds=round(time.monotonic() - began, 1),
        claims=msgspec.convert(numbers["claims"], tuple[KeptClaim, ...]),
        tables=msgspec.convert(numbers["tables"], tuple[KeptTable, ...]),
        drawings=tuple(KeptDrawing(drawn.caption, kept.ending(drawn)) for drawn in finding.drawings),
    )
    return result, finding.drawings
