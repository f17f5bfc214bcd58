"""The verbs that look into what a generator has learnt: ``lienzo explore VERB``."""

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

from lienzo.cli.options import DEVICE, Json, show
from lienzo.cli.syntax import Group, Word
from lienzo.display.terminal import bar
from lienzo.explore.film import Film

if TYPE_CHECKING:
    from lienzo.evaluation.scores import EvaluationProgress

Result = TypeVar("Result")

Source = Annotated[Path, Word("RUN|FILE", help="Folder of a run, or a generator's .safetensors file.")]
Detector = Annotated[
    str, Word("lite0|inception|pixels", help="What makes the features that distances are measured in.")
]
Seeds = Annotated[str | None, Word("LIST", help="Seeds, such as 0,1,2 or 10-19; by default the first eight.")]
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
    from lienzo.explore import walking

    going = walking.steps(
        source, seeds=seeds, label=label, latents=latents, path=path, film=film, detector=detector, device=device
    )
    walked = _followed("walking", going)
    written, followed = walked.save(out)
    about = {"film": str(written), "path": str(followed)} | walked.to_json()
    show(about if json else str(written), json)


EXPLORE = Group("Look into what a generator has learnt, on its pictures.", {"walk": walk})
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
