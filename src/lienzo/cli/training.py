"""The commands train, grow and tune."""

from pathlib import Path
from typing import Annotated

from lienzo.cli.options import (
    Collection,
    Device,
    Epochs,
    Images,
    Json,
    Recipe,
    Run,
    Search,
    Seed,
    Settings,
    given,
    length,
    resumable,
    show,
)
from lienzo.cli.syntax import Word
from lienzo.display.terminal import bar, note


def train(
    collection: Collection,
    /,
    *,
    recipe: Recipe = None,
    out: Annotated[str | None, Word("FOLDER")] = None,
    origin: Annotated[Path | None, Word("RUN|FILE", name="from")] = None,
    epochs: Epochs = None,
    images: Images = None,
    evaluate_every: Annotated[str | None, Word("N")] = None,
    seed: Seed = None,
    device: Device = "auto",
    precision: Annotated[str | None, Word("auto|fp32|bf16")] = None,
    accumulate: Annotated[str | None, Word("N")] = None,
    on_trouble: Annotated[str | None, Word("stop|warn|rollback")] = None,
    settings: Settings = (),
    json: Json = False,
) -> None:
    """Train a generator on a collection; the same command goes on after an interruption.

    Args:
        out: Folder of the run; by default runs/COLLECTION-RECIPE.
        origin: Start from the trained networks of a run, or from a generator's .safetensors file.
        evaluate_every: Measure KID every so many pictures and keep the best generator; 0 is never.
        precision: Precision of the networks' products; auto is bf16 where the hardware has it.
        accumulate: Equal parts of a batch whose gradients are summed, where the memory holds no whole batch.
        on_trouble: What to do when a player has won or collapsed; rollback goes back and halves the learning rates.
    """
    from lienzo.compute import processes
    from lienzo.run.run import Run, usual_path
    from lienzo.training import loop
    from lienzo.training.default_recipe import recipe_or_default

    changes = [
        *settings,
        *length(epochs, images),
        *given(evaluate_every=evaluate_every, seed=seed, precision=precision),
        *given(accumulate=accumulate, on_trouble=on_trouble),
    ]
    with bar("training") as shown:
        chosen = recipe_or_default(recipe, collection, out, device, origin).with_settings(changes)
        place = usual_path("runs", collection, chosen) if out is None else out
        with resumable():
            for tick in loop.steps(collection, chosen, place, origin=origin, device=device):
                shown.show(tick.images, tick.total, tick.figures)
    if processes.leads():
        run = Run.open(place)
        show(run.last_line() if json else str(run.path), json)


def grow(
    run: Run,
    /,
    *,
    size: Annotated[str | None, Word("128|192x128")] = None,
    collection: Annotated[str | None, Word("FOLDER|URL")] = None,
    out: Annotated[Path | None, Word("FOLDER")] = None,
    epochs: Epochs = None,
    images: Images = None,
    fade: Annotated[str | None, Word("N")] = None,
    device: Device = "auto",
    settings: Settings = (),
    json: Json = False,
) -> None:
    """Go on from a trained run at twice the size, new layers faded in; the same command goes on after an interruption.

    Args:
        size: Size of the new pictures in pixels; twice that of the run's, which it is by default.
        collection: The pictures at the new size; by default the run's are prepared once more, beside its collection.
        out: Folder of the new run; by default beside the run, under its name with the new size.
        fade: Pictures over which the new layers are faded in; by default half of the training.
    """
    from lienzo.compute import processes
    from lienzo.growth import growth
    from lienzo.run.run import Run

    changes = [*settings, *length(epochs, images), *given(fade=fade)]
    place = growth.grown_path(run) if out is None else out
    with bar("growing") as shown, resumable():
        for step in growth.steps(run, size, collection=collection, out=place, settings=changes, device=device):
            shown.show(step.done, step.total, step.text, title=step.stage)
    if processes.leads():
        show(Run.open(place).last_line() if json else str(place), json)


def tune(
    collection: Collection,
    /,
    *,
    recipe: Recipe = None,
    out: Annotated[Path | None, Word("FOLDER")] = None,
    trials: int = 20,
    images: int = 50_000,
    search: Search = (),
    seed: Seed = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Search for the settings of a recipe with the lowest KID; several processes may share a study.

    Args:
        out: Folder of the study; by default studies/COLLECTION-RECIPE.
        trials: Number of trainings in all.
        images: Pictures shown in each.
        search: What to vary, such as batch=16,32 generator_optimizer.rate=0.0001..0.001:log.
    """
    from lienzo.recipe.recipe import Recipe
    from lienzo.run.run import usual_path
    from lienzo.training.default_recipe import recipe_or_default
    from lienzo.tuning import tuning

    with bar("tuning") as shown:
        chosen = recipe_or_default(recipe, collection, None, device).with_settings(given(seed=seed))
        place = usual_path("studies", collection, chosen) if out is None else out
        study = tuning.steps(collection, chosen, place, trials=trials, images=images, search=search, device=device)
        with resumable():
            for step in study:
                part = step.tick.images / step.tick.total if step.tick else 0
                shown.show(step.finished + part, step.total, f"trial {step.number}")
    note(f"The report: {place / 'report.html'}")
    best = place / "best.toml"
    show(Recipe.from_toml(best).to_dict() if json else str(best), json)
