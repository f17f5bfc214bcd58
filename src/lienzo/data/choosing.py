"""Choosing among screened pictures: duplicates, conflicting labels, and the part that is held out."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lienzo.data.reasons import Reason
from lienzo.data.screening import Screened
from lienzo.data.settings import Settings


@dataclass(frozen=True)
class Verdict:
    """Why a picture that passed screening is refused all the same."""

    reason: Reason
    earlier: int
    """Position of the picture that it repeats."""


@dataclass(frozen=True)
class Chosen:
    """What becomes of the pictures that passed screening, by their position among them."""

    verdicts: dict[int, Verdict]
    """Those that are refused."""
    holdout: NDArray[np.bool_]
    """(n,): whether each is held out."""


def choose(pictures: Iterable[Screened], settings: Settings) -> Chosen:
    """Decide about all pictures that passed screening; a few dozen bytes of memory for each."""
    digests, labels, hashes = bytearray(), bytearray(), []
    for picture in pictures:
        digests += bytes.fromhex(picture.digest)
        labels += _label_digest(picture.labels)
        hashes.append(picture.perceptual)
    content = np.frombuffer(bytes(digests), "V16")
    named = np.frombuffer(bytes(labels), "V8")
    _, first, group = np.unique(content, return_index=True, return_inverse=True)
    verdicts: dict[int, Verdict] = {}
    for position in np.flatnonzero(np.bincount(group)[group] > 1):
        members = np.flatnonzero(group == group[position])
        earlier = int(first[group[position]])
        same_labels = named[position] == named[earlier]
        if settings.conflicts == "refuse" and len(np.unique(named[members])) > 1:
            verdicts[int(position)] = Verdict(Reason.CONFLICT, int(members[1] if position == earlier else earlier))
        elif settings.conflicts == "all":
            alike = members[named[members] == named[position]]
            if position != alike[0]:
                verdicts[int(position)] = Verdict(Reason.DUPLICATE, int(alike[0]))
        elif position != earlier:
            verdicts[int(position)] = Verdict(Reason.DUPLICATE if same_labels else Reason.CONFLICT, earlier)
    share = np.frombuffer(bytes(digests), "<u8")[::2] / 2.0**64
    return Chosen(verdicts, share < settings.holdout)


def _label_digest(labels: dict[str, str]) -> bytes:
    return hashlib.blake2b(json.dumps(labels, sort_keys=True).encode(), digest_size=8).digest()
