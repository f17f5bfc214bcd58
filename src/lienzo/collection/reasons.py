"""The reasons for which preparation refuses a file. ``docs/reasons.md`` explains each."""

from enum import StrEnum


class Reason(StrEnum):
    """The reason why a file did not become a picture of the collection; :data:`EXPLANATIONS` explains each."""

    UNREADABLE = "unreadable"
    VANISHED = "vanished"
    CHANGED = "changed"
    TOO_LARGE = "too-large"
    EMPTY = "empty"
    NOT_A_PICTURE = "not-a-picture"
    UNSUPPORTED = "unsupported-format"
    TRUNCATED = "truncated"
    UNDECODABLE = "undecodable"
    EXHAUSTED = "exhausted"
    DAMAGED = "damaged"
    BOMB = "decompression-bomb"
    TOO_SMALL = "too-small"
    FEATURELESS = "featureless"
    DUPLICATE = "duplicate"
    NEAR_DUPLICATE = "near-duplicate"
    CONFLICT = "conflicting-labels"
    LEFT_OUT = "left-out"


EXPLANATIONS = {
    Reason.UNREADABLE: "The file could not be read: no permission, a pipe, a broken link, a damaged archive.",
    Reason.VANISHED: "The file was there when the source was listed and gone when it was to be read.",
    Reason.CHANGED: "The file's size changed between listing and reading.",
    Reason.TOO_LARGE: "The file is larger than any picture, or an archive's member unpacks to more than it declares.",
    Reason.EMPTY: "No bytes, or nothing but zeros.",
    Reason.NOT_A_PICTURE: "Something else under a picture's name; the detail says what.",
    Reason.UNSUPPORTED: "A picture, but of a format that lienzo does not decode.",
    Reason.TRUNCATED: "The end of the file is missing.",
    Reason.UNDECODABLE: "The decoder gave up.",
    Reason.EXHAUSTED: "The decoder died, did not come to an end, or lacked memory; on an idle machine it may not.",
    Reason.DAMAGED: "It decodes, but part of the content was lost.",
    Reason.BOMB: "More pixels than the limit.",
    Reason.TOO_SMALL: "Smaller than the pictures of the collection, after borders were trimmed.",
    Reason.FEATURELESS: "One colour, or nearly.",
    Reason.DUPLICATE: "The same picture as an earlier one.",
    Reason.NEAR_DUPLICATE: "Nearly the same picture as an earlier one.",
    Reason.CONFLICT: "The same picture stands in the source under different labels.",
    Reason.LEFT_OUT: "The table of choices says to leave it out.",
}
"""Reason -> what it means, in a sentence."""


class Refusal(Exception):  # noqa: N818  not an error: it never leaves screening
    """Raised within screening when a file is refused.

    Attributes:
        reason: why it is refused.
        detail: one clause that explains it to a reader, without a full stop.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
