"""How far an export has come, and what came of it."""

from collections import abc
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Exported:
    """What an export wrote."""

    path: Path
    """The file or folder."""

    kind: str
    """What it was exported to, such as ``onnx``."""

    facts: dict[str, Any]
    """What there is to say of it, as JSON values: its size in bytes, and what its kind tells of itself."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"path": str(self.path), "to": self.kind, **self.facts}


@dataclass(frozen=True)
class Progress:
    """How far an export has come."""

    stage: str
    """What is being done."""

    done: int
    """Pictures, files or tensors that are done in this stage."""

    total: int
    """How many there are in this stage."""

    exported: Exported | None = None
    """On the last step."""


Steps = abc.Generator[Progress, None, dict[str, Any]]
"""What the function of a kind returns: it yields how far it has come, and at its end returns what it has to tell."""
