"""Screening on a Ray cluster: units go out to every node, their findings come back, and the bytes are the same.

Every Ray worker keeps one process of :mod:`lienzo.collection.screening.workers`, so that a picture that kills or stalls
its decoder is found out in the same way as on one machine. A unit whose node or worker dies is given to another.
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
    """Return the process of this Ray worker; it screens one unit after the other."""
    return Worker(settings)


def _screen(key: str, entries: Sequence[Entry], settings: Settings) -> tuple[str, list[Screened] | str]:
    """Screen a unit on a node; a store that does not answer comes back as its message."""
    try:
        return key, _worker(settings).screen(entries)
    except SourceError as error:
        return key, str(error)


def screen_units(
    units: Iterable[Unit], settings: Settings, workers: int | None
) -> Iterator[tuple[str, list[Screened]]]:
    """Screen units on the cluster that ``RAY_ADDRESS`` names, or that this process is connected to, or a local one.

    Args:
        units: to be screened; every node must be able to read their locations.
        settings: the preparation's.
        workers: how many units are screened at once; by default as many as the cluster has cores.

    Yields:
        each unit's key and what was found out, in the order in which they are done.

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
