"""``lienzo thesis --check``: judge the statements of the thesis again, and compare with the verdicts that are kept."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np

from lienzo.compute import machine
from lienzo.compute.threads import one_thread
from lienzo.errors import InputError
from lienzo.storage import files, schemas
from lienzo.thesis import kept
from lienzo.thesis.judging import Verdict
from lienzo.thesis.reproductions import REPRODUCTIONS
from lienzo.thesis.wording import say

FILE = Path(__file__).parent / "verdicts.json"
"""The verdicts that come with lienzo."""

PAGE = "reproductions.md"
"""Name of the page with the table of them."""


class Stated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A verdict as the file has it."""

    verdict: Verdict
    numbers: tuple[float, ...]
    """The number that the criterion is about, for each seed."""

    @property
    def number(self) -> str:
        """The mean, and the spread (standard deviation) over seeds where there are several; or nothing."""
        if not self.numbers:
            return ""
        mean = f"{np.mean(self.numbers):.4g}"
        return f"{mean} ± {np.std(self.numbers, ddof=1):.1g}" if len(self.numbers) > 1 else mean


class Verdicts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All verdicts of one check, and what they were computed by."""

    processor: str
    date: Annotated[str, msgspec.Meta(pattern=r"\A\d{4}-\d{2}-\d{2}\Z")]
    seconds: float
    """Time of the processor that the check took."""
    verdicts: dict[str, Stated]


@dataclass(frozen=True)
class Checked:
    """The progress of a check: one statement was judged."""

    name: str
    number: int
    """Position among the statements, from 1."""
    count: int
    before: Stated
    """The verdict that comes with lienzo."""
    now: Stated
    """The verdict that was found."""

    @property
    def agrees(self) -> bool:
        """Whether both verdicts are the same."""
        return self.before.verdict == self.now.verdict

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON value."""
        return {
            "name": self.name,
            "before": self.before.verdict,
            "now": self.now.verdict,
            "numbers": list(self.now.numbers),
            "agrees": self.agrees,
        }


def read(path: Path = FILE) -> Verdicts:
    """Read verdicts.

    Raises:
        InputError: the file does not say what verdicts have to.
    """
    try:
        return schemas.decode(path.read_bytes(), Verdicts)
    except ValueError as error:
        raise InputError(f"{path} holds no verdicts: {error}.") from None


def check(out: Path | None = None) -> Iterator[Checked]:
    """Judge every statement again, and yield each verdict beside the one that comes with lienzo.

    Verdicts from kept results are judged again by the numbers that are kept.

    Args:
        out: folder for what was found, as ``verdicts.json`` and as the page ``reproductions.md``; or none to write
            nothing.

    Raises:
        InputError: there is a file in the place of the folder.
    """
    if out is not None:
        out = files.folder(out, "--out")  # before minutes of judging
    known, began, found = read().verdicts, time.process_time(), {}
    for number, (name, statement) in enumerate(REPRODUCTIONS.items(), 1):
        with one_thread():
            judgement = statement.judge()
        found[name] = Stated(judgement.verdict, judgement.numbers)
        before = known.get(name, Stated("not tried", ()))
        yield Checked(name, number, len(REPRODUCTIONS), before, found[name])
    if out is not None:
        seconds = round(time.process_time() - began, 1)
        made = Verdicts(machine.processor(), kept.today(), seconds, found)
        files.write_json(out / FILE.name, msgspec.to_builtins(made))
        files.write_text(out / PAGE, page(made))


def summary(checked: list[Checked]) -> str:
    """Return what a check found as lines of text, a statement each."""
    lines = []
    for each in checked:
        change = "" if each.agrees else f"  CHANGED, it was: {each.before.verdict}"
        lines.append(f"{each.now.verdict:<15} {each.name:<20} {each.now.number}{change}".rstrip())
    changed = sum(not each.agrees for each in checked)
    return "\n".join([*lines, "", f"{len(checked) - changed} of {len(checked)} verdicts are as they were."])


def page(found: Verdicts) -> str:
    """Return a page in Markdown with every statement, its criterion and its verdict."""
    rows = [
        "| section | statement | verdict | number | criterion | command | minutes | from |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, statement in REPRODUCTIONS.items():
        stated = found.verdicts[name]
        seeds = f" ({len(stated.numbers)} seeds)" if len(stated.numbers) > 1 else ""
        cells = (
            statement.where,
            statement.what["en"],
            f"**{stated.verdict}**",
            f"{stated.number}{seeds}",
            statement.criterion["en"],
            f"`{statement.command}`",
            f"{statement.minutes:g}" if statement.minutes else "",
            say(f"made {statement.made}", "en"),
        )
        rows.append(f"| {' | '.join(cells)} |")
    return (
        "# What was reproduced\n\n"
        "Each figure, theorem and claim of the thesis of 2019, with a criterion and a verdict. The proofs and the\n"
        "figures are in the pages that [`lienzo thesis`](thesis.md) writes.\n\n"
        + "\n".join(rows)
        + f"\n\nJudged on {found.date} by one thread of an {found.processor}, in {found.seconds:.0f} seconds of it. "
        "`lienzo thesis --check` judges again.\n"
    )
