"""The verbs that look into what a generator has learnt: ``lienzo explore VERB``."""

from collections.abc import Generator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from lienzo.cli.options import DEVICE, Json, show
from lienzo.cli.syntax import Group, Word
from lienzo.display.terminal import bar
from lienzo.errors import InputError
from lienzo.explore import marked
from lienzo.explore.film import Film
from lienzo.storage import sealed
from lienzo.storage.files import write_text

if TYPE_CHECKING:
    from lienzo.evaluation.scores import EvaluationProgress

Result = TypeVar("Result")

Source = Annotated[
    str, Word("RUN|FILE|hf://USER/NAME", help="Folder of a run, a generator's .safetensors file, or one on the Hub.")
]
Detector = Annotated[
    str, Word("lite0|inception|pixels", help="What makes the features that distances are measured in.")
]
Seeds = Annotated[str | None, Word("LIST", help="Seeds, such as 0,1,2 or 10-19; by default the first eight.")]
Reference = Annotated[str | None, Word("[COLLECTION]")]
Labels = Annotated[str | None, Word("KIND", help="Kind of the collection's labels; by default its first.")]
SaveLatents = Annotated[Path | None, Word("FILE.safetensors", help="Also keep the latents that were found.")]
PAGE = Word("FILE.html", help="The page to write.")
Device = Annotated[str, DEVICE]


def walk(
    source: Source,
    /,
    *,
    seeds: Seeds = None,
    label: Annotated[Sequence[str], Word("NAME")] = (),
    latents: Annotated[Path | None, Word("FILE")] = None,
    path: Annotated[Path | None, Word("FILE.json")] = None,
    film: Film,
    detector: Detector = "lite0",
    device: Device = "cpu",
    out: Annotated[Path, Word("FILE|FOLDER")] = Path("walk.avif"),
    json: Json = False,
) -> None:
    """Walk through latents: a film, and beside it the path, a small JSON file that paints it again.

    Args:
        label: A label to walk through, given again for each, with one seed; several seeds take them in turn.
        latents: Saved latents to walk through, in place of seeds.
        path: A path to replay; it says all of a walk.
        film: How the walk becomes a film.
        out: The film, .avif, .webp, .gif or .mp4, or a folder for PNGs.
    """
    from lienzo.explore import paths, walking

    kept = walking.path_beside(out, None if path is None else paths.Path.open(path))
    marked.refuse_unwritable(kept, "--out")  # before anything is painted
    going = walking.steps(
        source, seeds=seeds, label=label, latents=latents, path=path, film=film, detector=detector, device=device
    )
    walked = _followed("walking", going)
    written, followed = walked.save(out)
    about = {"film": str(written), "path": str(followed)} | walked.to_json()
    show(about if json else str(written), json)


def arithmetic(
    source: Source,
    expression: Annotated[str, Word("EXPRESSION")],
    collection: Reference = None,
    /,
    *,
    labels: Labels = None,
    trials: int = 100,
    save_latents: SaveLatents = None,
    detector: Detector = "lite0",
    device: Device = "cpu",
    out: Annotated[Path, PAGE] = Path("arithmetic.html"),
    json: Json = False,
) -> None:
    """Compute with latents, such as 'mean(1,7,9) - mean(2,4,8) + mean(3,5,6)', beside sums of random ones.

    With a labelled collection it is also measured how often such sums come out as they should.

    Args:
        expression: Seeds, mean(...), label('NAME'), file('FILE', 0), sums, differences and multiples.
        collection: Folder or URL of a collection, whose labels say what pictures show.
        trials: Sums for each pair of labels.
    """
    from lienzo.explore import calculation, showing

    _refuse_places(out, source, save_latents, "latents")
    going = calculation.steps(
        source, expression, collection, labels=labels, trials=trials, detector=detector, device=device
    )
    found = _followed("computing", going)
    if save_latents is not None:
        found.computed.latents.save(save_latents)
    write_text(out, showing.arithmetic(found))
    show({"page": str(out)} | found.to_json() if json else str(out), json)


def directions(
    source: Source,
    collection: Reference = None,
    /,
    *,
    method: Literal["weights", "activations"] = "weights",
    count: int = 12,
    name: Annotated[Sequence[str], Word("NUMBER=NAME")] = (),
    labels: Labels = None,
    save: Annotated[Path | None, Word("FILE")] = None,
    detector: Detector = "lite0",
    device: Device = "cpu",
    out: Annotated[Path, PAGE] = Path("directions.html"),
    json: Json = False,
) -> None:
    """Find directions of latents that change something, measure what each does, and name it.

    They are kept in a file beside the generator, where lienzo generate --along finds them. Names that were given
    there before are kept, with their directions.

    Args:
        collection: Folder or URL of a collection, whose labels directions are compared with.
        method: From the weights that latents enter by, or from the activations behind them.
        count: How many.
        name: A name to give, such as 0=storm; given again for each.
        save: File to keep them in, in place of the one beside the generator.
    """
    from lienzo.explore import showing, steering
    from lienzo.generation.directions import beside

    _refuse_places(out, source, save, "directions", beside(source))
    going = steering.steps(
        source, collection, method=method, count=count, name=name, labels=labels, detector=detector, device=device
    )
    found, kept = steering.keep(_followed("finding directions", going), source, save)
    write_text(out, showing.directions(found))
    show({"page": str(out), "file": str(kept)} | found.to_json() if json else str(out), json)


def invert(
    source: Source,
    /,
    *places: Annotated[str, Word("[PICTURE...] [COLLECTION]")],
    samples: int = 16,
    starts: int = 6,
    iterations: int = 600,
    label: Annotated[str | None, Word("NAME")] = None,
    save_latents: SaveLatents = None,
    detector: Detector = "lite0",
    device: Device = "cpu",
    out: Annotated[Path, PAGE] = Path("inversion.html"),
    json: Json = False,
) -> None:
    """Find the latents of pictures, or how near a generator comes to training, held-out and generated ones.

    Args:
        places: Pictures; a collection, to measure on.
        samples: Pictures of each kind, with a collection.
        starts: Descents begun for each picture.
        iterations: Iterations of each descent.
        label: Label of the given pictures; by default each descent takes that of the seed it begins at.
    """
    from lienzo.explore import inversion, showing
    from lienzo.explore.sources import parted
    from lienzo.generation.latents import joined

    _refuse_places(out, source, save_latents, "latents")
    pictures, collection = parted(places)
    going = inversion.steps(
        source, pictures, collection, samples=samples, starts=starts, iterations=iterations, label=label,
        detector=detector, device=device,
    )  # fmt: skip
    reached = _followed("inverting", going)
    if save_latents is not None:
        joined([one.latents for one in reached]).save(save_latents)
    write_text(out, showing.inversions(reached))
    show({"page": str(out), "reached": [one.to_json() for one in reached]} if json else str(out), json)


def neighbours(
    source: Source,
    /,
    *places: Annotated[str, Word("[PICTURE...] [COLLECTION]")],
    seeds: Seeds = None,
    count: int = 5,
    among: int = 2_000,
    detector: Detector = "lite0",
    device: Device = "cpu",
    out: Annotated[Path, PAGE] = Path("neighbours.html"),
    json: Json = False,
) -> None:
    """Find the training pictures nearest to generated ones, or the seeds nearest to pictures.

    Args:
        places: A collection, to look for the neighbours of seeds in; or pictures, to look for seeds near them.
        count: Neighbours of each.
        among: Seeds that are looked among, from 0 on, for pictures.
    """
    from lienzo.explore import proximity, showing
    from lienzo.explore.sources import parted

    _refuse_places(out, source)
    pictures, collection = parted(places)
    going = proximity.steps(
        source, collection, seeds=seeds, pictures=pictures, count=count, among=among, detector=detector, device=device
    )
    found = _followed("looking for neighbours", going)
    write_text(out, showing.neighbours(found))
    show({"page": str(out)} | found.to_json() if json else str(out), json)


def dissect(
    source: Source,
    collection: Reference = None,
    /,
    *,
    masks: Literal["painter", "none"] = "none",
    layer: Annotated[Sequence[str], Word("LAYER")] = (),
    concept: Annotated[Sequence[str], Word("NAME")] = (),
    count: int = 512,
    off: Literal["zero", "mean"] = "zero",
    labels: Labels = None,
    save: Annotated[Path | None, Word("FILE")] = None,
    list_layers: Annotated[bool, Word(name="list")] = False,
    detector: Detector = "lite0",
    device: Device = "cpu",
    out: Annotated[Path, PAGE] = Path("dissection.html"),
    json: Json = False,
) -> None:
    """Find the units that go with what pictures show, switch them off and on, and measure what becomes of it.

    Args:
        collection: Folder or URL of a collection, whose labels units are compared with.
        masks: Masks of the painter's parts, for generators of its pictures, or measured concepts alone.
        layer: A layer to look at, given again for each; by default all.
        concept: A concept to switch off and on, given again for each; by default those that units agree with best.
        count: Seeds to compare units and concepts on.
        off: What units are held at when they are switched off; mean is their mean activation.
        save: File to keep the result in, in place of the one beside the generator.
        list_layers: Say which layers there are and how many units they have, and stop.
    """
    from lienzo.explore import dissecting, dissection_page

    if list_layers:
        _list_layers(
            source, json, collection=collection, masks=masks, layer=layer, concept=concept, count=count, off=off,
            labels=labels, save=save, detector=detector, device=device, out=out,
        )  # fmt: skip
        return
    beside = dissecting.beside(source)
    _refuse_places(out, source, save, "dissection", beside)
    going = dissecting.steps(
        source, collection, masks=masks, layer=layer, concept=concept, count=count, off=off, labels=labels,
        detector=detector, device=device,
    )  # fmt: skip
    found = _followed("dissecting", going)
    kept = found.save(save or beside, own=save is None)
    write_text(out, dissection_page.page(found))
    show({"page": str(out), "file": str(kept)} | found.to_json() if json else str(out), json)


def _list_layers(source: str, json: bool, *, collection: str | None, **others: object) -> None:
    """Print the layers whose units can be looked at; nothing else that dissection takes is given then."""
    from lienzo.explore import dissecting
    from lienzo.explore.sources import refuse_idle

    if collection is not None:
        raise InputError("a collection says nothing beside --list: leave it out.")
    refuse_idle(dissect, "beside --list", **others)
    layers = dissecting.layers_of(source)
    lines = [f"{each.name}  {each.units} units  {each.width}×{each.height}" for each in layers]
    show([asdict(each) for each in layers] if json else "\n".join(lines), json)


def _refuse_places(
    page: Path, source: str, place: Path | None = None, kind: str = "", beside: Path | None = None
) -> None:
    """Refuse, before anything is computed, to write where nobody can, or to replace what is someone's.

    Args:
        page: which may take the place of a page of lienzo's.
        source: of the generator.
        place: a file that was named, which may take the place of one of the same generator.
        kind: what that file holds.
        beside: the file in its stead, which may be of the generator before it was trained on.
    """
    from lienzo.generation.opening import located

    marked.refuse_other(page)
    marked.refuse_unwritable(page, "--out")
    kept, option = place or beside, "--save-latents" if kind == "latents" else "--save"
    if kept is None:
        return
    if kept.resolve() == page.resolve():
        raise InputError(f"the page and the {kind} would both be {page}: give --out and {option} a file each.")
    marked.refuse_unwritable(kept, option)
    sealed.refuse_other(kept, kind, (sealed.header(located(source)) or {}).get("fingerprint") if place else None)


EXPLORE = Group(
    "Look into what a generator has learnt: walk, compute, steer, invert, dissect, compare.",
    {
        "walk": walk,
        "arithmetic": arithmetic,
        "directions": directions,
        "invert": invert,
        "dissect": dissect,
        "neighbours": neighbours,
    },
)
"""Every verb of exploring by its name."""


def _followed(title: str, steps: "Generator[EvaluationProgress, None, Result]") -> Result:
    """Show how far a verb has come until it ends, and return its result."""
    with bar(title) as shown:
        while True:
            try:
                step = next(steps)
            except StopIteration as ended:
                result: Result = ended.value
                return result
            shown.show(step.done, step.total, title=step.stage)
