"""The endless stream of a collection's pictures: which stand where is a function of the seed, not of history."""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lienzo.data.collection import Collection
from lienzo.seeds import numpy_generator

RESIDENT_BYTES = 4 << 30
"""Collections up to this size are held whole on the device; larger ones stay on the disk."""


class Batches:
    """A collection's pictures to train on, shuffled anew in every epoch.

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

    def take(self, rows: NDArray[np.int64]) -> Tensor:
        """Return the pictures of these members (N,); (N, H, W, C) uint8 on the device."""
        if self.resident is not None:
            return self.resident[torch.from_numpy(rows).to(self.device)]
        return torch.from_numpy(self.collection.take(self.members[rows])).to(self.device)

    @lru_cache(maxsize=2)  # noqa: B019  one stream lives as long as its run
    def _order(self, epoch: int) -> NDArray[np.int64]:
        return numpy_generator(self.seed, "order", epoch).permutation(len(self.members))
