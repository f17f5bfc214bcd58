"""The commands evaluate, probe, theory and thesis."""

import dataclasses
import sys
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from lienzo.cli.options import DEVICE, Collection, Device, Json, Run, show
from lienzo.cli.syntax import Word
from lienzo.display.terminal import Bar, bar, note
from lienzo.errors import InputError
from lienzo.evaluation.settings import Settings
from lienzo.storage.files import refuse_folder

if TYPE_CHECKING:
    from lienzo.evaluation.scores import EvaluationProgress

T = TypeVar("T")

EVALUATION = {
    "detector": Word("lite0|inception|pixels"),
    "detector_file": Word("FILE.pt"),
    "size": Word("64|96x64"),
    "labels": Word("KIND"),
    "truncation": Word("PSI,...", separator=","),
    "device": DEVICE,
}
"""How settings of an evaluation are written, where their types do not say it."""


def evaluate(
    *places: Annotated[str, Word("SUBJECT... COLLECTION|PICTURES")],
    settings: Annotated[Settings, EVALUATION],
    report: Annotated[Path | None, Word("FILE.html")] = None,
    json: Json = False,
) -> None:
    """Score generators: how good, how varied and how new their pictures are. A run keeps them in scores.jsonl.

    Args:
        places: Runs, generators' .safetensors files or hf://USER/NAME, collections, folders or archives of pictures to
            score; then the real pictures, a collection, a folder or an archive.
        settings: How to evaluate.
        report: Also write a page with charts, and the least new pictures beside what they look like.
    """
    from lienzo.evaluation import evaluation
    from lienzo.evaluation.pictures import gather, holds_pictures
    from lienzo.evaluation.report import page
    from lienzo.evaluation.scores import lines
    from lienzo.evaluation.subject import holds_collection
    from lienzo.storage import files

    if len(places) < 2:
        raise InputError("evaluate needs what to score and a collection: lienzo evaluate SUBJECT... COLLECTION")
    *subjects, collection = places
    real = holds_collection(subjects[0]), holds_pictures(subjects[0]) and Path(collection).exists()
    if any(real) and not (holds_collection(collection) or holds_pictures(collection)):
        ordered = " ".join([*subjects[1:], collection, subjects[0]])
        last = "collection stands" if real[0] else "real pictures stand"
        raise InputError(f"the {last} last: lienzo evaluate {ordered}")
    if report is not None:
        refuse_folder(report, "report.html")
    found = []
    with bar("evaluating") as shown:
        gathering = gather(subjects, collection, settings)
        sources, against = _watched(gathering, shown)
        opened = evaluation.each(sources, against, settings)
        for step in evaluation.compare(opened, against, dataclasses.replace(settings, truncation=())):
            shown.show(step.done, step.total, title=step.stage)
            if step.scores is not None:
                found.append(step.scores)
    for remark in dict.fromkeys(remark for scores in found for remark in scores.notes):
        note(remark)
    show([scores.to_json() for scores in found] if json else "\n".join(lines(found)), json)
    if report is not None:
        files.write_text(report, page(found, opened, against))


def _watched(steps: "Generator[EvaluationProgress, None, T]", shown: Bar) -> T:
    """Show steps as they come, and return what they lead to."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            found: T = end.value
            return found
        shown.show(step.done, step.total, title=step.stage)


def probe(
    run: Run,
    collection: Collection,
    /,
    *,
    labels: Annotated[str, Word("KIND")] = "folder",
    samples: int = 5_000,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Measure what a run's discriminator has learnt, by a linear classifier of labels on its features.

    Args:
        labels: Kind of the labels.
        samples: Pictures at most to fit the classifiers on, and to try them on.
    """
    from lienzo.evaluation import probing

    with bar("probing") as shown:
        for step in probing.steps(run, collection, labels=labels, samples=samples, device=device):
            if isinstance(step, probing.Probed):
                found = step
            else:
                shown.show(step.done, step.total, title=step.stage)
    for remark in found.notes:
        note(remark)
    show(found.to_json() if json else "\n".join(probing.lines(found)), json)


def theory(
    *experiments: Annotated[str, Word("EXPERIMENT...")],
    out: Annotated[Path, Word("FOLDER")] = Path("theory"),
    seed: int = 0,
    json: Json = False,
) -> None:
    """Check the theorems of the thesis on lienzo's own losses, networks and loop; exit with 1 if a claim fails.

    An experiment that stops with an error is named at the end; the others and the page do not suffer from it.

    Args:
        experiments: Names such as divergences or convergence; by default all ten.
        out: Folder for theory.html, one page with every figure and number, and theory.json; where experiments are
            named, the files have their names.
        seed: Whole number from which all randomness follows.
    """
    from lienzo.theory import laboratory

    findings = []
    with bar("theory") as shown:
        for step in laboratory.steps(experiments, out, seed):
            shown.show(step.number - (step.finding is None), step.count, f"{step.experiment}: {step.part or 'done'}")
            findings += [step.finding] if step.finding else []
    show([finding.to_json() for finding in findings] if json else laboratory.summary(findings), json)
    note(f"The page: {out / laboratory.stem(experiments)}.html")
    for finding in findings:
        if finding.failure is not None:
            raise finding.failure
    if not all(finding.holds for finding in findings):
        sys.exit(1)


def thesis(
    *chapters: Annotated[str, Word("CHAPTER...")],
    out: Annotated[Path, Word("FOLDER")] = Path("thesis"),
    language: Annotated[Literal["en", "es"], Word("en|es")] = "en",
    collection: Annotated[str | None, Word("COLLECTION")] = None,
    again: bool = False,
    check: bool = False,
    json: Json = False,
) -> None:
    """Write the finished thesis as pages, with every figure and number made by lienzo, in English or Spanish.

    Args:
        chapters: Names such as introduction or theorems; by default all.
        out: Folder for the pages; index.html has the contents.
        language: Of the pages.
        collection: Collection whose pictures the figures of the data show; by default they are painted.
        again: Compute the long results again, instead of showing those that come with lienzo.
        check: Instead of writing pages, judge every statement of the thesis again; exit with 1 if a verdict changes.
    """
    from lienzo.thesis import thesis as writing

    if check:
        if chapters or again or collection is not None or language != "en":
            raise InputError("--check judges the whole thesis and writes no pages: give only --out with it.")
        _check(out, json)
        return
    written = []
    with bar("thesis") as shown:
        for step in writing.steps(chapters, out, language, collection, again):
            shown.show(step.number, step.count, f"{step.doing}: {step.part or 'done'}")
            written += [str(step.page)] if step.page else []
    note(f"The contents: {out / 'index.html'}")
    show(written if json else "\n".join(written), json)


def _check(out: Path, json: bool) -> None:
    """Judge the statements of the thesis again, and end with 1 if a verdict is another than before."""
    from lienzo.thesis import checking

    checked = []
    with bar("checking") as shown:
        for step in checking.check(out):
            shown.show(step.number, step.count, step.name)
            checked.append(step)
    show([step.to_json() for step in checked] if json else checking.summary(checked), json)
    if not all(step.agrees for step in checked):
        sys.exit(1)
