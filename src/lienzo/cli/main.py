"""The command ``lienzo``: one small function per verb, which reads its words, calls the verb and prints the result.

Results go to standard output, progress and messages to standard error. Exit status: 0; 2 for what the user can mend,
said in one sentence; 1 for the rest; 130 after Ctrl-C.
"""

import itertools
import json
import os
import shlex
import sys
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union

import tyro
from tyro.conf import FlagCreatePairsOff, Positional, UseAppendAction, arg
from tyro.constructors import (
    ConstructorRegistry,
    PrimitiveConstructorSpec,
    PrimitiveTypeInfo,
    UnsupportedTypeAnnotationError,
)

from lienzo.display.terminal import bar, note, speaks, under_torchrun
from lienzo.errors import InputError, ProcessError, TrainingError, unknown
from lienzo.version import __version__


def demo(*, out: Path = Path("lienzo-demo")) -> None:
    """Paint a collection, prepare it, train on it and show the result on one page, in at most six minutes on two cores.

    The same command goes on after an interruption.

    Args:
        out: folder for everything that the demo makes.
    """
    from lienzo.demo import demo

    for stage, progress in itertools.groupby(demo.steps(out), key=lambda step: step.stage):
        with bar(stage) as shown:
            for step in progress:
                shown.show(step.done, step.total, step.text)
    _print(str(demo.page_path(out)), as_json=False)


def prepare(
    places: Annotated[Positional[tuple[str, ...]], arg(metavar="SOURCE... OUT")],
    /,
    *,
    size: Annotated[str, arg(metavar="64|96x64")] = "64",
    labels: Annotated[str, arg(metavar="folders|FILE.csv|none")] = "folders",
    label_columns: Annotated[UseAppendAction[tuple[tuple[str, ...], ...]], arg(metavar="NAME")] = (),
    channels: Literal[1, 3, 4] = 3,
    geometry: Literal["crop", "squash", "pad"] = "crop",
    trim_borders: bool = False,
    background: Annotated[str, arg(metavar="COLOUR")] = "white",
    enlarge: bool = False,
    detect_damage: bool = True,
    near_duplicates: Annotated[int | None, arg(metavar="BITS")] = None,
    conflicts: Literal["first", "all", "refuse"] = "first",
    holdout: Annotated[float, arg(metavar="SHARE")] = 0.0,
    workers: Annotated[int | None, arg(metavar="N")] = None,
    engine: Literal["local", "ray"] = "local",
    dry_run: bool = False,
    json: bool = False,
) -> None:
    """Make a collection of the pictures in folders and archives; the same command goes on after an interruption.

    Args:
        places: folders, zip and tar files, tables, URLs or kaggle:COMPETITION; then the collection's folder or URL.
        size: of the pictures in pixels, or height by width.
        labels: from folders, from a table, or none.
        label_columns: columns of tables that are labels; by default those in which values repeat.
        channels: 1 grey, 3 colour, 4 colour and alpha.
        geometry: crop the centre, squash, or pad.
        trim_borders: cut plain borders off first.
        background: behind transparent pictures and padding: white, black, grey or '#rrggbb'.
        enlarge: accept pictures smaller than --size.
        detect_damage: accept pictures whose content shows damage.
        near_duplicates: refuse pictures whose perceptual hash is within so many of 64 bits of an earlier one's.
        conflicts: which to keep of one picture under different labels.
        holdout: share of the pictures to set aside for evaluation.
        workers: processes; by default one for each core.
        engine: what screens: processes here, or the cluster that RAY_ADDRESS names.
        dry_run: screen only, and write nothing but OUT/report.html.
        json: print JSON.
    """
    from lienzo.collection import preparation
    from lienzo.collection.settings import Settings
    from lienzo.inspection.inspection import inspect

    if len(places) < 2:
        raise InputError("prepare needs a source of pictures and the folder of the collection: SOURCE... OUT.")
    *sources, out = places
    settings = Settings(
        size=size,
        labels=labels,
        label_columns=tuple(itertools.chain.from_iterable(label_columns)),
        channels=channels,
        geometry=geometry,
        trim_borders=trim_borders,
        background=background,
        enlarge=enlarge,
        detect_damage=detect_damage,
        near_duplicates=near_duplicates,
        conflicts=conflicts,
        holdout=holdout,
        workers=workers,
        engine=engine,
    )
    with bar("preparing") as shown:
        for step in preparation.steps(sources, out, settings, dry_run=dry_run):
            shown.show(step.done, step.total, f"{step.kept:,} kept, {step.done - step.kept:,} refused")
    note(f"The report: {out.rstrip('/')}/report.html")
    found = {"kept": step.kept, "refused": step.refused} if step.collection is None else inspect(step.collection.path)
    _print(found if json else "\n".join(_lines(found)), json)


def train(
    collection: Positional[Path],
    /,
    *,
    recipe: str = "thesis",
    out: Annotated[Path | None, arg(metavar="FOLDER")] = None,
    origin: Annotated[Path | None, arg(name="from", metavar="RUN|FILE")] = None,
    epochs: Annotated[str | None, arg(metavar="N")] = None,
    images: Annotated[str | None, arg(metavar="N")] = None,
    evaluate_every: Annotated[str | None, arg(metavar="N")] = None,
    seed: Annotated[str | None, arg(metavar="N")] = None,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    precision: Annotated[str | None, arg(metavar="{auto,fp32,bf16}")] = None,
    accumulate: Annotated[str | None, arg(metavar="N")] = None,
    on_trouble: Annotated[str | None, arg(metavar="{stop,warn,rollback}")] = None,
    settings: Annotated[UseAppendAction[tuple[tuple[str, ...], ...]], arg(name="set", metavar="KEY=VALUE")] = (),
    json: bool = False,
) -> None:
    """Train a generator on a collection; the same command goes on after an interruption.

    Args:
        collection: folder that `lienzo prepare` made.
        recipe: name (see `lienzo recipes`) or path of a .toml file.
        out: folder of the run; by default runs/COLLECTION-RECIPE.
        origin: start from the trained networks of a run, or from a generator's .safetensors file.
        epochs: length of training in passes over the collection.
        images: length of training in pictures shown.
        evaluate_every: measure KID every so many pictures and keep the best generator; 0 is never.
        seed: from which all randomness follows.
        device: where to compute.
        precision: of the networks' products; auto is bf16 where the hardware has it.
        accumulate: equal parts of a batch whose gradients are summed, where the memory holds no whole batch.
        on_trouble: when a player has won or collapsed; rollback goes back and halves the learning rates.
        settings: any key of the recipe, one or several, such as batch=32 network.width=32.
        json: print the last line of the log as JSON instead of the run's folder.
    """
    from lienzo.compute import processes
    from lienzo.recipe import catalogue
    from lienzo.run.run import Run
    from lienzo.training import loop

    chosen = catalogue.find(recipe).with_settings(
        [
            *_chained(settings),
            *_length(epochs, images),
            *_given(evaluate_every=evaluate_every, seed=seed, precision=precision),
            *_given(accumulate=accumulate, on_trouble=on_trouble),
        ]
    )
    place = out or Path("runs") / f"{collection.name}-{chosen.name}"
    with bar("training") as shown, _resumable():
        for tick in loop.steps(collection, chosen, place, origin=origin, device=device):
            shown.show(tick.images, tick.total, tick.figures)
    if processes.leads():
        run = Run.open(place)
        _print(run.log()[-1] if json else str(run.path), json)


def grow(
    run: Positional[Path],
    /,
    *,
    size: Annotated[str | None, arg(metavar="128|192x128")] = None,
    collection: Annotated[Path | None, arg(metavar="FOLDER")] = None,
    out: Annotated[Path | None, arg(metavar="FOLDER")] = None,
    epochs: Annotated[str | None, arg(metavar="N")] = None,
    images: Annotated[str | None, arg(metavar="N")] = None,
    fade: Annotated[str | None, arg(metavar="N")] = None,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    settings: Annotated[UseAppendAction[tuple[tuple[str, ...], ...]], arg(name="set", metavar="KEY=VALUE")] = (),
    json: bool = False,
) -> None:
    """Go on from a trained run at twice the size, new layers faded in; the same command goes on after an interruption.

    Args:
        run: folder of the run.
        size: of the new pictures in pixels; twice that of the run's, which it is by default.
        collection: at the new size; by default the run's pictures are prepared once more, beside its collection.
        out: folder of the new run; by default beside the run, under its name with the new size.
        epochs: length of training in passes over the collection.
        images: length of training in pictures shown; by default that of the run.
        fade: pictures over which the new layers are faded in; by default half of the training.
        device: where to compute.
        settings: any key of the run's recipe that is to change, such as batch=32.
        json: print the last line of the log as JSON instead of the new run's folder.
    """
    from lienzo.compute import processes
    from lienzo.growth import growth
    from lienzo.run.run import Run

    changes = [*_chained(settings), *_length(epochs, images), *_given(fade=fade)]
    place = out or growth.grown_path(run)
    with bar("growing") as shown, _resumable():
        for step in growth.steps(run, size, collection=collection, out=place, settings=changes, device=device):
            shown.show(step.done, step.total, step.text, title=step.stage)
    if processes.leads():
        _print(Run.open(place).log()[-1] if json else str(place), json)


def tune(
    collection: Positional[Path],
    /,
    *,
    recipe: str = "thesis",
    out: Annotated[Path | None, arg(metavar="FOLDER")] = None,
    trials: Annotated[int, arg(metavar="N")] = 20,
    images: Annotated[int, arg(metavar="N")] = 50_000,
    search: Annotated[UseAppendAction[tuple[tuple[str, ...], ...]], arg(metavar="KEY=VALUES")] = (),
    seed: Annotated[str | None, arg(metavar="N")] = None,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    json: bool = False,
) -> None:
    """Search for the settings of a recipe with the lowest KID; several processes may share a study.

    Args:
        collection: folder that `lienzo prepare` made.
        recipe: name (see `lienzo recipes`) or path of a .toml file to start from.
        out: folder of the study; by default studies/COLLECTION-RECIPE.
        trials: how many in all.
        images: pictures shown in each.
        search: what to vary, such as batch=16,32 generator_optimizer.rate=0.0001..0.001:log.
        seed: of the recipe and of the search.
        device: where to compute.
        json: print the best recipe as JSON instead of the path of best.toml.
    """
    from lienzo.recipe import catalogue
    from lienzo.recipe.recipe import Recipe
    from lienzo.tuning import tuning

    chosen = catalogue.find(recipe).with_settings(_given(seed=seed))
    place = out or Path("studies") / f"{collection.name}-{chosen.name}"
    searches = [*itertools.chain(*search)]
    study = tuning.steps(collection, chosen, place, trials=trials, images=images, search=searches, device=device)
    with bar("tuning") as shown, _resumable():
        for step in study:
            part = step.tick.images / step.tick.total if step.tick else 0
            shown.show(step.finished + part, step.total, f"trial {step.number}")
    note(f"The report: {place / 'report.html'}")
    best = place / "best.toml"
    _print(Recipe.from_toml(best).to_dict() if json else str(best), json)


def generate(
    source: Positional[Path],
    /,
    *,
    count: Annotated[int | None, arg(metavar="N")] = None,
    seeds: Annotated[str | None, arg(metavar="LIST")] = None,
    label: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME")] = (),
    out: Path = Path("generated.png"),
    columns: Annotated[int | None, arg(metavar="N")] = None,
    device: Literal["auto", "cpu", "cuda", "mps"] = "cpu",
    json: bool = False,
) -> None:
    """Generate pictures: one grid, or one file for each seed.

    Args:
        source: folder of a run, or a generator's .safetensors file.
        count: how many pictures of each label, from seed 0 on, by default 64 (8 of several labels); or --seeds.
        seeds: which pictures, such as 0,1,2 or 10-19.
        label: what to paint, or a mixture such as 'cubism=0.3,baroque=0.7'; given again, the same seeds once more.
        out: a .png file for one grid, or a folder for single files.
        columns: pictures side by side in the grid.
        device: where to compute.
        json: print paths, seeds and the generator's fingerprint as JSON.
    """
    from lienzo.compute.devices import pick_device
    from lienzo.generation import generation

    if count is not None and seeds is not None:
        raise InputError("--count and --seeds both say which pictures: give one of the two.")
    several = len(label) > 1
    usual = 8 if several else 64
    chosen = list(range(usual if count is None else count)) if seeds is None else _parse_seeds(seeds)
    labels = [name for name in label for _ in chosen] or None
    pictures = generation.load(source, str(pick_device(device))).generate(chosen * max(1, len(label)), labels)
    if several and columns is None and out.suffix.lower() == ".png":
        columns = len(chosen)
    paths = [str(path) for path in pictures.save(out, columns)]
    made = {"paths": paths, "seeds": list(pictures.seeds), "generator": pictures.generator}
    made |= {"labels": list(pictures.labels)} if pictures.labels else {}
    _print(made if json else str(out), json)


def evaluate(
    paths: Annotated[Positional[tuple[Path, ...]], arg(metavar="SUBJECT... COLLECTION")],
    /,
    *,
    detector: Literal["lite0", "inception", "pixels"] = "lite0",
    detector_file: Annotated[Path | None, arg(metavar="FILE.pt")] = None,
    samples: int = 5000,
    part: Literal["train", "holdout", "all"] = "train",
    labels: Annotated[str | None, arg(metavar="KIND")] = None,
    novelty: bool = True,
    seed: int = 0,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    precision: Annotated[Literal["bf16", "fp32"] | None, arg(metavar="{bf16,fp32}")] = None,
    report: Annotated[Path | None, arg(metavar="FILE.html")] = None,
    json: bool = False,
) -> None:
    """Score generators: how good, how varied and how new their pictures are. A run keeps them in scores.jsonl.

    Args:
        paths: runs, generators' .safetensors files or collections to score, and last the collection of real pictures.
        detector: from pictures to features.
        detector_file: weights of inception; by default they are fetched once.
        samples: generated pictures of each, and real ones where there are more.
        part: which of the real pictures to compare with.
        labels: a kind of labels, to score each label by itself too.
        novelty: skip the search for copies and blends of training pictures.
        seed: the first seed.
        device: where to compute.
        precision: of lite0, fp32 by default; bf16 where the device multiplies it.
        report: also write a page with charts, and the least new pictures beside what they look like.
        json: print all scores as JSON.
    """
    from lienzo.evaluation import evaluation
    from lienzo.evaluation.report import page
    from lienzo.evaluation.scores import lines
    from lienzo.evaluation.settings import Settings
    from lienzo.storage import files

    *subjects, collection = paths or (Path(),)
    if not subjects:
        raise InputError("evaluate needs what to score and a collection: lienzo evaluate SUBJECT... COLLECTION")
    settings = Settings(
        detector=detector,
        detector_file=detector_file,
        samples=samples,
        part=part,
        labels=labels,
        novelty=novelty,
        seed=seed,
        device=device,
        precision=precision,
    )
    found = []
    with bar("evaluating") as shown:
        for step in evaluation.compare(subjects, collection, settings):
            shown.show(step.done, step.total, title=step.stage)
            if step.scores is not None:
                found.append(step.scores)
    for remark in dict.fromkeys(remark for scores in found for remark in scores.notes):
        note(remark)
    if report is not None:
        files.write_text(report, page(found, subjects, collection, device))
    _print([scores.to_json() for scores in found] if json else "\n".join(lines(found)), json)


def probe(
    run: Positional[Path],
    collection: Positional[Path],
    /,
    *,
    labels: Annotated[str, arg(metavar="KIND")] = "folder",
    samples: int = 5000,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    json: bool = False,
) -> None:
    """Measure what a run's discriminator has learnt, by a linear classifier of labels on its features.

    Args:
        run: folder of the run.
        collection: with labels and held-out pictures, of the run's shape.
        labels: their kind.
        samples: pictures at most to fit the classifiers on, and to try them on.
        device: where to compute.
        json: print JSON.
    """
    from lienzo.evaluation import probing

    with bar("probing") as shown:
        for step in probing.steps(run, collection, labels=labels, samples=samples, device=device):
            if isinstance(step, probing.Probed):
                found = step
            else:
                shown.show(step.done, step.total, title=step.stage)
    _print(found.to_json() if json else "\n".join(probing.lines(found)), json)


def theory(
    experiments: Annotated[Positional[tuple[str, ...]], arg(metavar="EXPERIMENT ...")] = (),
    /,
    *,
    out: Annotated[Path, arg(metavar="FOLDER")] = Path("theory"),
    seed: Annotated[int, arg(metavar="N")] = 0,
    json: bool = False,
) -> None:
    """Check the theorems of the thesis on lienzo's own losses, networks and loop; exit with 1 if a claim fails.

    An experiment that stops with an error is named at the end; the others and the page do not suffer from it.

    Args:
        experiments: names such as divergences or convergence; by default all ten.
        out: folder for theory.html, one page with every figure and number, and theory.json.
        seed: from which all randomness follows.
        json: print JSON instead of a table.
    """
    from lienzo.theory import laboratory

    findings = []
    with bar("theory") as shown:
        for step in laboratory.steps(experiments, out, seed):
            shown.show(step.number - (step.finding is None), step.count, f"{step.experiment}: {step.part or 'done'}")
            findings += [step.finding] if step.finding else []
    _print([finding.to_json() for finding in findings] if json else laboratory.summary(findings), json)
    note(f"The page: {out / laboratory.PAGE}")
    for finding in findings:
        if finding.failure is not None:
            raise finding.failure
    if not all(finding.holds for finding in findings):
        sys.exit(1)


def recipes(name: Positional[str | None] = None, /, *, json: bool = False) -> None:
    """List the recipes, or print one as TOML.

    Args:
        name: of a recipe, or the path of a .toml file.
        json: print JSON.
    """
    from lienzo.recipe.catalogue import RECIPES, find

    if name is not None:
        found = find(name)
        _print(found.to_dict() if json else found.to_toml().rstrip(), json)
        return
    told = {known: (make.__doc__ or "").split("\n")[0] for known, make in RECIPES.items()}
    _print(told if json else "\n".join(f"{known:14} {line}" for known, line in told.items()), json)


def info(path: Positional[Path], /, *, json: bool = False) -> None:
    """Say what a collection, a run or one of their files holds.

    Args:
        path: of the collection, the run, a .safetensors, .toml or generated .png file.
        json: print JSON.
    """
    from lienzo.inspection.inspection import inspect

    found = inspect(path)
    _print(found if json else "\n".join(_lines(found)), json)


LINES = 40
"""Of one table of values, such as the labels of a collection, that are printed for people."""

VERBS: dict[str, Callable[..., None]] = {
    "demo": demo,
    "prepare": prepare,
    "train": train,
    "grow": grow,
    "tune": tune,
    "generate": generate,
    "evaluate": evaluate,
    "probe": probe,
    "theory": theory,
    "recipes": recipes,
    "info": info,
}
"""Every verb by its name."""


READERS = ConstructorRegistry()
"""How words become values, where tyro's errors would speak of Python's types."""


@READERS.primitive_rule
def _optional(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | UnsupportedTypeAnnotationError | None:
    """Read what may be left out like what may not, so that no list of choices holds None."""
    kinds = [kind for kind in typing.get_args(info.type) if kind is not type(None)]
    if info.type_origin not in (Union, UnionType) or len(kinds) != 1:
        return None
    return ConstructorRegistry.get_primitive_spec(PrimitiveTypeInfo.make(kinds[0], info.markers))


@READERS.primitive_rule
def _whole_number(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[int] | None:
    """Read whole numbers as recipes do: 1e3 is one."""

    def parsed(words: list[str]) -> int:
        with suppress(ValueError):
            return int(words[0])
        with suppress(ValueError):
            if (number := float(words[0])).is_integer():
                return int(number)
        raise ValueError(f"'{words[0]}' is no whole number.")

    if info.type is not int:
        return None
    return PrimitiveConstructorSpec(1, "N", parsed, lambda value: isinstance(value, int), lambda value: [str(value)])


def main() -> None:
    """Run the command."""
    words = [word for word in sys.argv[1:] if word != "--debug"]
    if words == ["--version"]:
        _print(f"lienzo {__version__}", as_json=False)
        return
    try:
        if words and words[0] not in VERBS and not words[0].startswith("-"):
            raise InputError(unknown("verb", words[0], VERBS))
        with READERS:
            tyro.extras.subcommand_cli_from_dict(
                VERBS,
                prog="lienzo",
                description="Train generative adversarial networks on pictures. With --debug, errors show a traceback.",
                args=words,
                config=(FlagCreatePairsOff,),
            )
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # whoever read the result has seen enough, as in `lienzo info PATH | head -3`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as error:
        if len(words) < len(sys.argv[1:]):
            raise
        alike = isinstance(error, InputError | TrainingError) and not isinstance(error, ProcessError)
        if speaks() or not alike:  # what all processes meet alike, one of them says
            note(f"lienzo: {_sentence(error)}")
        sys.exit(2 if isinstance(error, InputError | OSError) else 1)


@contextmanager
def _resumable() -> Iterator[None]:
    """Say after Ctrl-C how to go on; what torchrun was told, its processes do not know."""
    try:
        yield
    except KeyboardInterrupt:
        if speaks():
            way = ", with torchrun as before" * under_torchrun()
            note(f"Stopped and saved. To go on{way}: lienzo {shlex.join(sys.argv[1:])}")
        raise


def _sentence(error: Exception) -> str:
    """Say in one sentence what went wrong and what to do."""
    if isinstance(error, InputError | TrainingError):
        return str(error)
    if type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error):
        return (
            "the memory is too small for this: take a smaller batch or network, or sum parts of a batch (--accumulate)."
        )
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{where}. Mend that, then run the same command again; nothing finished is lost."
    return f"{type(error).__name__}: {error}. Run the same command with --debug to see where."


def _chained(settings: tuple[tuple[str, ...], ...]) -> list[str]:
    """Return what all the --set of a command line say."""
    if () in settings:
        raise InputError("--set says nothing: write key=value behind it, such as batch=64 or network.width=32.")
    return list(itertools.chain(*settings))


def _given(**values: str | None) -> list[str]:
    """Return the options that were given, as settings of the recipe, which knows what they have to be."""
    return [f"{name}={value}" for name, value in values.items() if value is not None]


def _length(epochs: str | None, images: str | None) -> list[str]:
    """Return the length of training that was given, as a setting of the recipe."""
    if epochs is not None and images is not None:
        raise InputError("--epochs and --images both say how long to train: give one of the two.")
    return _given(epochs=epochs, images=images)


def _parse_seeds(text: str) -> list[int]:
    seeds: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        try:
            span = range(int(first), int(last or first) + 1)
        except ValueError:
            raise InputError(f"--seeds is '{text}', but has to be numbers such as 0,1,2 or 10-19.") from None
        if not span:
            raise InputError(f"--seeds has {part}, which ends before it begins: write {last}-{first}.")
        seeds += span
    return seeds


def _print(value: Any, as_json: bool) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False) if as_json else value, flush=True)


def _lines(value: dict[str, Any], indent: str = "") -> list[str]:
    lines = []
    for key, item in itertools.islice(value.items(), LINES):
        if isinstance(item, dict) and item:
            lines += [f"{indent}{key}", *_lines(item, indent + "  ")]
        else:
            text = ", ".join(map(str, item)) if isinstance(item, list) else item
            lines.append(f"{indent}{key:<{max(1, 24 - len(indent))}} {text if text not in ({}, '') else '-'}")
    if len(value) > LINES:
        lines.append(f"{indent}and {len(value) - LINES:,} more, which --json has")
    return lines
