"""Why a file was refused: the one list of reasons. ``docs/reasons.md`` explains each."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a source did not become a picture of the collection."""

    UNREADABLE = "unreadable"
    """The file could not be read: no permission, a device or a pipe, a broken link, a damaged archive."""
    VANISHED = "vanished"
    """The file was there when the source was listed and gone when it was to be read."""
    CHANGED = "changed"
    """The file's size changed between listing and reading."""
    TOO_LARGE = "too-large"
    """The file is larger than any picture, or an archive's member unpacks to more than it declares."""
    EMPTY = "empty"
    """No bytes, or nothing but zeros."""
    NOT_A_PICTURE = "not-a-picture"
    """Something else under a picture's name; the detail says what."""
    UNSUPPORTED = "unsupported-format"
    """A picture, but of a format that lienzo does not decode."""
    TRUNCATED = "truncated"
    """The end of the file is missing."""
    UNDECODABLE = "undecodable"
    """The decoder gave up, died or did not come to an end."""
    DAMAGED = "damaged"
    """It decodes, but part of the content was lost."""
    BOMB = "decompression-bomb"
    """More pixels than the limit."""
    TOO_SMALL = "too-small"
    """Smaller than the pictures of the collection, after borders were trimmed."""
    FEATURELESS = "featureless"
    """One colour, or nearly."""
    DUPLICATE = "duplicate"
    """The same picture as an earlier one."""
    NEAR_DUPLICATE = "near-duplicate"
    """Nearly the same picture as an earlier one."""
    CONFLICT = "conflicting-labels"
    """The same picture stands in the source under different labels."""


class Refusal(Exception):  # noqa: N818  a verdict, not an error: it never leaves screening
    """A source is refused.

    Attributes:
        reason: the code.
        detail: one clause for people, without a full stop.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
