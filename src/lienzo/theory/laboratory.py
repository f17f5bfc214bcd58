"""``lienzo theory``: run the experiments of the theory laboratory and write one page about what they found."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from lienzo.display import formulas, pages
from lienzo.errors import InputError, unknown
from lienzo.storage import files
from lienzo.theory.catalogue import EXPERIMENTS
from lienzo.theory.finding import Claim, Drawing, Finding, Table


def stem(experiments: Sequence[str] = ()) -> str:
    """Return the name of the page about some experiments, and of its numbers, without ``.html`` and ``.json``.

    So a page about one experiment does not take the place of the page about all.
    """
    chosen = _chosen(experiments)
    return "theory" if len(chosen) == len(EXPERIMENTS) else "-".join(chosen)


@dataclass(frozen=True)
class TheoryProgress:
    """The progress of the experiments."""

    experiment: str

    number: int
    """Position of the experiment among those that are run, from 1."""

    count: int
    """Number of experiments that are run."""

    part: str
    """Name of the part that begins now, or an empty string when the experiment is over."""

    seconds: float
    """Seconds since the first experiment began."""

    finding: Finding | None = None
    """The experiment's result, when it is over."""


def steps(experiments: Sequence[str] = (), out: Path | str | None = None, seed: int = 0) -> Iterator[TheoryProgress]:
    """Run experiments, and yield the progress at the beginning of every part and at the end of every experiment.

    The page is written after every experiment, so that nothing is lost when a later one is interrupted. If an
    experiment raises an error, its finding has the ``failure``, and the next one begins.

    Args:
        experiments: their names, by default all.
        out: folder for ``theory.html`` and ``theory.json``, named after the experiments where these are not all
            (:func:`stem`); or none to write nothing.
        seed: of everything random; the same seed gives the same numbers on the same machine.

    Raises:
        InputError: for a name that is no experiment, or a file in the place of the folder.
    """
    return _steps(_chosen(experiments), None if out is None else files.folder(out, "--out") / stem(experiments), seed)


def _chosen(experiments: Sequence[str]) -> list[str]:
    """Return the experiments that are asked for, in the order of the catalogue; all where none is named."""
    for name in experiments:
        if name not in EXPERIMENTS:
            raise InputError(unknown("experiment", name, EXPERIMENTS))
    return [name for name in EXPERIMENTS if not experiments or name in experiments]


def theory(experiments: Sequence[str] = (), out: Path | str | None = "theory", seed: int = 0) -> list[Finding]:
    """Run experiments to the end, write their page and return their findings.

    Args:
        experiments: their names, by default all.
        out: folder for ``theory.html`` and ``theory.json``, named after the experiments where these are not all
            (:func:`stem`); or none to write nothing.
        seed: of everything random; the same seed gives the same numbers on the same machine.

    Raises:
        InputError: for a name that is no experiment, or a file in the place of the folder.
    """
    return [progress.finding for progress in steps(experiments, out, seed) if progress.finding is not None]


def _steps(names: list[str], out: Path | None, seed: int) -> Iterator[TheoryProgress]:
    began = time.monotonic()
    findings: list[Finding] = []
    for number, name in enumerate(names, 1):
        running = EXPERIMENTS[name](seed)
        while True:
            try:
                with _conditions():
                    part = next(running)
            except StopIteration as end:
                finding: Finding = end.value
                break
            except Exception as failure:  # the other experiments do not depend on it
                finding = Finding(name, title=name, mathematics="", claims=(), failure=failure)
                break
            yield TheoryProgress(name, number, len(names), part, time.monotonic() - began)
        findings.append(finding)
        if out is not None:
            _write(findings, out, seed)
        yield TheoryProgress(name, number, len(names), "", time.monotonic() - began, finding)


@contextmanager
def _conditions() -> Iterator[None]:
    """Set up one thread, as the tensors are small, and silence warnings of NaN, which makes a claim fail instead."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        torch.set_num_threads(threads)


def _write(findings: list[Finding], place: Path, seed: int) -> None:
    """Write the page and its numbers; ``place`` is their path without an ending."""
    numbers = {"seed": seed, "findings": [finding.to_json() for finding in findings]}
    files.write_json(place.with_name(f"{place.name}.json"), numbers)
    files.write_text(place.with_name(f"{place.name}.html"), page(findings, seed))


def page(findings: Sequence[Finding], seed: int) -> str:
    """Return the HTML page: a table of all claims, then for each experiment its theory, figures and tables."""
    claims = [claim for finding in findings for claim in finding.claims]
    failed = [claim for claim in claims if not claim.holds]
    stopped = [finding for finding in findings if finding.failure is not None]
    do = "does" if len(failed) == 1 else "do"
    verdict = f"{len(failed)} of {len(claims)} claims {do} not hold." if failed else "Every claim holds."
    if stopped:
        verdict += f" {len(stopped)} of {len(findings)} experiments stopped with an error."
    return pages.page(
        "The theory laboratory",
        pages.facts(
            [
                (len(findings), "experiments"),
                (len(claims), "claims"),
                (len(claims) - len(failed), "hold"),
                (len(failed), "fail"),
                *([(len(stopped), "experiments stopped")] if stopped else []),
            ]
        ),
        *(pages.paragraph(f"{finding.verdict}.") for finding in stopped),
        pages.table(
            ("experiment", "what it is about", "claims", "hold"),
            [
                (each.name, each.title, len(each.claims), sum(claim.holds for claim in each.claims))
                for each in findings
                if each.failure is None
            ],
        ),
        *([pages.section("Claims that fail", claims_table(failed))] if failed else []),
        *(section(finding) for finding in findings if finding.failure is None),
        pages.section(
            "How to read this page",
            pages.paragraph(
                "Predicted is what the theory says, measured is what lienzo's own objectives, networks and training "
                "loop gave on laws that are known exactly. The error is their difference (for ≤ and ≥, by how much "
                "the bound is broken); a claim holds if it is within the tolerance, which is rounding, quadrature, "
                "four standard errors or, where a network was trained, what is near enough. "
                f"All randomness comes from seed {seed}."
            ),
        ),
        lead="What the theory of generative adversarial networks proves, checked on the code that trains on pictures. "
        f"{verdict}",
    )


def claims_table(claims: Sequence[Claim]) -> str:
    """Return an HTML table of claims: theorem, prediction, measurement, error, tolerance, and whether it holds."""
    return pages.table(
        ("theorem", "predicted", "measured", "error", "tolerance", "holds"),
        [
            (
                claim.statement,
                ("" if claim.relation == "=" else f"{claim.relation} ") + spelt(claim.predicted),
                spelt(claim.measured),
                small(claim.error),
                small(claim.tolerance),
                "yes" if claim.holds else "NO",
            )
            for claim in claims
        ],
    )


def summary(findings: Sequence[Finding]) -> str:
    """Return the table of all claims as lines of text."""
    lines = []
    for finding in findings:
        lines += ["", finding.verdict if finding.failure else f"{finding.title} ({finding.name})"]
        for claim in finding.claims:
            predicted = ("" if claim.relation == "=" else f"{claim.relation} ") + spelt(claim.predicted)
            verdict = "holds" if claim.holds else "FAILS"
            numbers = f"predicted {predicted}, measured {spelt(claim.measured)}, error {small(claim.error)}"
            lines.append(f"  {verdict}  {claim.statement}: {numbers}")
    claims = [claim for finding in findings for claim in finding.claims]
    lines += ["", f"{sum(claim.holds for claim in claims)} of {len(claims)} claims hold."]
    return "\n".join(lines[1:])


def spelt(value: float) -> str:
    """Return a number as text with six significant digits; integers are written in full."""
    if value in (float("inf"), float("-inf")):
        return "∞" if value > 0 else "−∞"
    text = f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e9 else f"{value:.6g}"
    return text.replace("-", "−")


def small(value: float) -> str:
    """Return an error or a tolerance as text, with two significant digits."""
    return f"{value:.1e}".replace("-", "−") if value else "0"


def section(finding: Finding) -> str:
    """Return a finding as a section of a page: its theory, figures, claims and tables."""
    return pages.section(
        finding.title,
        *formulas.prose(finding.mathematics.partition("\n\n")[2]),  # the headline says what the title says
        *(_figure(drawing) for drawing in finding.drawings),
        claims_table(finding.claims),
        *(_numbers(table) for table in finding.tables),
        pages.code(f"lienzo theory {finding.name}"),
    )


def _figure(drawing: Drawing) -> str:
    if isinstance(drawing.content, str):
        return pages.svg(drawing.content, caption=drawing.caption)
    return pages.picture(drawing.content, drawing.caption, caption=drawing.caption)


def _numbers(table: Table) -> str:
    rows = [[spelt(cell) if not isinstance(cell, str) else cell for cell in row] for row in table.rows]
    return f"<h3>{pages.escape(table.title)}</h3>" + pages.table(table.headers, rows)
