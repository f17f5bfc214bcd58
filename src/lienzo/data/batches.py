"""Batches of real pictures on the device, each a function of the seed and of its position on the clock."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lienzo.data.collection import Collection
from lienzo.seeds import numpy_generator

RESIDENT_BYTES = 4 << 30
"""Collections up to this size are held whole on the device; larger ones stay on the disk and are read ahead."""


class Batches:
    """The endless stream of a collection's pictures, shuffled anew in every epoch.

    The stream is one permutation of the collection after the other; a batch takes the next pictures from it, across the
    end of an epoch if need be, so that no picture is left out and nothing has to divide the batch.
    """

    def __init__(self, collection: Collection, seed: int, device: torch.device) -> None:
        self.collection = collection
        self.seed = seed
        self.device = device
        self.members = collection.rows("train")
        self.resident: Tensor | None = None
        if len(self.members) * collection.height * collection.width * collection.channels <= RESIDENT_BYTES:
            self.resident = torch.from_numpy(collection.take(self.members)).to(device)

    def rows(self, position: int, count: int) -> NDArray[np.int64]:
        """Return which members of the collection stand at (position, …, position + count − 1) of the stream."""
        size = len(self.members)
        parts, end = [], position + count
        while position < end:
            epoch, start = divmod(position, size)
            stop = min(size, start + end - position)
            parts.append(self._order(epoch)[start:stop])
            position += stop - start
        return np.concatenate(parts)

    def stream(self, position: int, groups: int, batch: int) -> Generator[Tensor, None, None]:
        """Yield the pictures from ``position`` on, for ever.

        Args:
            position: on the clock, in pictures.
            groups: batches for one step, k.
            batch: pictures in a batch, N.

        Yields:
            (k, N, C, H, W) float32 in [−1, 1] on the device, each batch channels-last in memory.
        """
        with ThreadPoolExecutor(1) as reader:
            ahead = reader.submit(self._fetch, position, groups * batch)
            while True:
                pixels = ahead.result()
                position += groups * batch
                ahead = reader.submit(self._fetch, position, groups * batch)
                images = pixels.to(self.device, non_blocking=True).float().div_(127.5).sub_(1)
                yield images.view(groups, batch, *images.shape[1:]).movedim(-1, 2)

    def _fetch(self, position: int, count: int) -> Tensor:
        rows = self.rows(position, count)
        if self.resident is not None:
            return self.resident[torch.from_numpy(rows).to(self.device)]
        return torch.from_numpy(self.collection.take(self.members[rows]))

    @lru_cache(maxsize=2)  # noqa: B019  one stream lives as long as its run
    def _order(self, epoch: int) -> NDArray[np.int64]:
        return numpy_generator(self.seed, "order", epoch).permutation(len(self.members))
