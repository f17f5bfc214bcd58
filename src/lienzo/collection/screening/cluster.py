"""Screening on a Ray cluster: every node screens units of files and returns the results to this process.

The collection has the same bytes as one screened on a single machine. Every Ray worker keeps one process of
:mod:`lienzo.collection.screening.workers`, so that a picture that kills or stalls its decoder is refused as it is on a
single machine. A unit whose node or worker dies is screened by another.
"""

import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lienzo.collection.listing.entries import Entry
from lienzo.collection.screening.screening import Screened
from lienzo.collection.screening.workers import Unit, Worker
from lienzo.collection.settings import Settings
from lienzo.errors import InputError, SourceError


@functools.cache
def _worker(settings: Settings) -> Worker:
    """Return what keeps the screening process of this Ray worker, made on the first call."""
    return Worker(settings)


def _screen(key: str, entries: Sequence[Entry], settings: Settings) -> tuple[str, list[Screened] | str]:
    """Screen a unit on a node; return its key and the results, or the message if a store does not answer."""
    try:
        return key, _worker(settings).screen(entries)
    except SourceError as error:
        return key, str(error)


def screen_units(
    units: Iterable[Unit], settings: Settings, workers: int | None
) -> Iterator[tuple[str, list[Screened]]]:
    """Screen units on a Ray cluster.

    The cluster is the one that this process is connected to, or else the one that ``RAY_ADDRESS`` names, or else a
    local one that is started for it.

    Args:
        units: keys and entries to screen; every node must be able to read the entries' locations.
        settings: the settings of the preparation.
        workers: half the number of units that are submitted at a time; by default the number of cores in the cluster.

    Yields:
        each unit's key and the results of its entries, in the order in which units are done.

    Raises:
        InputError: Ray is not installed or the cluster cannot be reached.
        SourceError: a store does not answer.
    """
    try:
        import ray  # noqa: PLC0415  an extra
    except ImportError:
        raise InputError("the engine 'ray' needs Ray: install it with pip install 'lienzo[ray]'.") from None
    if not ray.is_initialized():
        try:
            ray.init(log_to_driver=False, configure_logging=False)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise InputError(f"the Ray cluster cannot be reached ({error}): check RAY_ADDRESS.") from None
    task = ray.remote(num_cpus=1, max_retries=-1)(_screen)
    shared = ray.put(settings)
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    cores = sum(node["Resources"].get("CPU", 0.0) for node in nodes if node["Alive"])
    limit = 2 * (workers or max(1, int(cores)))
    pending: list[Any] = []

    def finished(at_most: int) -> Iterator[tuple[str, list[Screened]]]:
        nonlocal pending
        while len(pending) > at_most:
            done, pending = ray.wait(pending, num_returns=1)
            for key, found in ray.get(done):
                if isinstance(found, str):
                    raise SourceError(found)
                yield key, found

    for key, entries in units:
        pending.append(task.remote(key, entries, shared))
        yield from finished(limit - 1)
    yield from finished(0)
