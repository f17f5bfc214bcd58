"""The endless stream of a collection's pictures, in an order that depends on the seed alone."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lienzo.collection.collection import Collection
from lienzo.collection.vocabulary import Vocabulary
from lienzo.compute.devices import resident_bytes
from lienzo.errors import CollectionError
from lienzo.seeds import numpy_generator


class Batches:
    """A collection's pictures to train on, shuffled anew in every epoch, with their labels where a kind is given.

    The stream is one permutation of the collection after the other; a batch takes the next pictures from it, across the
    end of an epoch if need be, so that no picture is left out and nothing has to divide the batch.

    In a balanced stream labels take turns, and each has a stream of its own pictures: every label is shown equally
    often, and a picture the more often the fewer share its label. Pictures without a label are shown as often as in a
    stream that is not balanced.
    """

    def __init__(
        self, collection: Collection, seed: int, device: torch.device, labels: str = "", balanced: bool = False
    ) -> None:
        """Open the stream; an unknown kind of ``labels`` is a CollectionError."""
        self.collection = collection
        self.seed = seed
        self.device = device
        self.members = collection.rows("train")
        self.balanced = balanced
        self.resident: Tensor | None = None
        if len(self.members) * collection.height * collection.width * collection.channels <= resident_bytes(device):
            self.resident = torch.from_numpy(collection.take(self.members)).to(device)
        self._orders: dict[int, NDArray[np.int64]] = {}
        self.codes = np.full(len(self.members), -1)
        self.vocabulary: Vocabulary | None = None
        if labels and labels not in collection.vocabularies and collection.vocabularies:
            kinds = list(collection.vocabularies)
            raise CollectionError(
                f"the recipe wants labels of the kind {labels}, and those of {collection.path} are of the kind "
                f"{' or '.join(kinds)}: add --set labels={kinds[0]}."
            )
        if labels:
            self.codes = collection.labels(labels)[self.members]
            self.vocabulary = Vocabulary.counted(labels, collection.vocabularies[labels], self.codes)

    @property
    def classes(self) -> int:
        """Number of labels; 0 where no kind of labels is given."""
        return 0 if self.vocabulary is None else len(self.vocabulary.counts)

    def rows(self, position: int, count: int) -> NDArray[np.int64]:
        """Return the members of the collection (count,) at position, …, position + count − 1 of the stream."""
        return _joined(self._order, len(self.members), position, count)

    def take(self, rows: NDArray[np.int64]) -> Tensor:
        """Return the pictures of these members (N,); (N, H, W, C) uint8 on the device."""
        if self.resident is not None:
            return self.resident[torch.from_numpy(rows).to(self.device)]
        return torch.from_numpy(self.collection.take(self.members[rows])).to(self.device)

    def labels(self, rows: NDArray[np.int64]) -> Tensor:
        """Return these members' labels; (rows, classes) one-hot, zeros where one is missing, on the device."""
        codes = torch.from_numpy(self.codes[rows])
        return (codes[:, None] == torch.arange(self.classes)).float().to(self.device)

    def _order(self, epoch: int) -> NDArray[np.int64]:
        """Return the members in the order of an epoch; those of the last two epochs asked for are kept."""
        if epoch not in self._orders:
            self._orders = dict([*self._orders.items()][-1:]) | {epoch: self._new_order(epoch)}
        return self._orders[epoch]

    def _new_order(self, epoch: int) -> NDArray[np.int64]:
        order = numpy_generator(self.seed, "order", epoch).permutation(len(self.members))
        if self.balanced:
            labelled = np.flatnonzero(self.codes[order] >= 0)
            order[labelled] = self._balanced(epoch * len(labelled), len(labelled))
        return order

    def _balanced(self, turn: int, count: int) -> NDArray[np.int64]:
        """Return the members of ``count`` turns of labelled pictures; in every round of turns each label has one."""
        labels = np.unique(self.codes[self.codes >= 0])
        if not len(labels):
            return labels
        first, skipped = divmod(turn, len(labels))
        rounds = -(-(skipped + count) // len(labels))
        columns = []
        for label in labels:
            members = np.flatnonzero(self.codes == label)
            order = partial(_shuffled, self.seed, f"order of label {label}", len(members))
            columns.append(members[_joined(order, len(members), first, rounds)])
        turns = [numpy_generator(self.seed, "turns", first + i).permutation(len(labels)) for i in range(rounds)]
        return np.take_along_axis(np.stack(columns, 1), np.stack(turns), 1).flatten()[skipped : skipped + count]


def _shuffled(seed: int, stream: str, size: int, epoch: int) -> NDArray[np.int64]:
    return numpy_generator(seed, stream, epoch).permutation(size)


def _joined(order: Callable[[int], NDArray[np.int64]], size: int, position: int, count: int) -> NDArray[np.int64]:
    """Return the entries at position, …, position + count − 1 of all orders (size,), put one after the other."""
    parts, end = [], position + count
    while position < end:
        epoch, start = divmod(position, size)
        stop = min(size, start + end - position)
        parts.append(order(epoch)[start:stop])
        position += stop - start
    return np.concatenate(parts)
