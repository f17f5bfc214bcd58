"""The recipe of a training for which nobody named one."""

import dataclasses
import logging
from pathlib import Path

from lienzo.collection.collection import Collection
from lienzo.compute.devices import pick_device
from lienzo.display.terminal import prints_messages
from lienzo.errors import RecipeError
from lienzo.networks.configurations import DCGAN, Network
from lienzo.recipe.catalogue import fast, few, find, normalised
from lienzo.recipe.choice import choose
from lienzo.recipe.recipe import Recipe
from lienzo.run.run import Run
from lienzo.training.origin import Origin

log = logging.getLogger("lienzo")


def recipe_or_default(
    recipe: str | Path | Recipe | None,
    collection: str | Path | Collection,
    out: str | Path | None,
    device: str,
    origin: str | Path | Run | None = None,
) -> Recipe:
    """Return the recipe that was named; else that of the run in ``out``; else the one for these pictures, and say so.

    Args:
        recipe: its name, the path of its TOML file, itself, or None.
        collection: the pictures to learn from.
        out: folder of the run, which may be there already, or None.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        origin: the run or generator's file that a new run starts from, or None. A recipe that nobody named has its
            networks and, where the pictures have that kind, its labels, so that it fits. The higher rate of a
            discriminator without normalisation is not for one that has it, which learns at the generator's rate; and
            one without learns as in ``fast`` where ``few`` would be the recipe.

    Raises:
        RecipeError: no such recipe, or none was named to go on from an autoencoder.
        CollectionError: no such collection.
        RunError, GeneratorError: the origin is none.
        InputError: no such device.
    """
    if isinstance(recipe, Recipe):
        return recipe
    if recipe is not None:
        return find(recipe)
    if out is not None and "://" not in str(out) and (run := Run(Path(out))).begun():
        return run.recipe()
    opened = collection if isinstance(collection, Collection) else Collection.open(collection)
    choice = choose(opened.height, opened.width, len(opened.rows("train")), pick_device(device).type)
    _say(str(choice))
    chosen = find(choice.name)
    if origin is None:
        return chosen
    begun_from = Origin.open(origin)
    if "encoder" in begun_from.networks:
        raise RecipeError(f"{begun_from.path} is an autoencoder: name its recipe, as with --recipe vae.")
    _say(f"Its networks are those of {begun_from.path}.")
    if _bare(chosen.network) and not _bare(begun_from.network):
        _say("Their discriminator has a normalisation, or is of another class: it learns at the generator's rate.")
        slower = dataclasses.replace(chosen, discriminator_optimizer=chosen.generator_optimizer)
        chosen = normalised() if chosen == fast() and isinstance(begun_from.network, DCGAN) else slower
    elif chosen == few() and _bare(begun_from.network):
        _say("Their discriminator has no normalisation: they learn as in fast.")
        chosen = fast()
    labels = begun_from.labels if begun_from.labels in opened.vocabularies else chosen.labels
    return dataclasses.replace(chosen, network=begun_from.network, labels=labels)


def _bare(network: Network) -> bool:
    """Return whether nothing normalises the features of this network's discriminator."""
    return isinstance(network, DCGAN) and network.discriminator_norm == "none"


def _say(text: str) -> None:
    """Log a message once, where torchrun started several processes that all choose."""
    if prints_messages():
        log.info("%s", text)
