"""Probing: what a run's discriminator has learnt, by a linear classifier on its features. See docs/probe.md."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lienzo.collection.collection import Collection
from lienzo.compute.devices import pick_device
from lienzo.compute.pixels import from_bytes
from lienzo.errors import RunError, ScoreError
from lienzo.evaluation.features import Function, detected, walk
from lienzo.evaluation.scores import EvaluationProgress, aligned, written
from lienzo.evaluation.subject import sample
from lienzo.metrics import detectors
from lienzo.metrics.detectors import Images
from lienzo.metrics.representations import FOLDS, Classified, activations, classify
from lienzo.networks.shape import Shape
from lienzo.recipe.likelihood import EvidenceBound
from lienzo.run.run import Run
from lienzo.seeds import derive
from lienzo.storage import tensors

PIXELS = 64
"""Height and width of the largest pictures whose pixels are classified; 5,000 of them take 240 MB."""


@dataclass(frozen=True)
class Probed:
    """How well a classifier tells labels apart by different features of the same pictures."""

    run: str
    """The run's folder."""

    collection: str
    """Fingerprint of the collection."""

    labels: tuple[str, ...]
    """Names of the labels, but for those with too few pictures."""

    train: int
    """Number of training pictures that the classifiers were fitted on."""

    test: int
    """Number of held-out pictures that they were tested on."""

    features: dict[str, Classified]
    """Name of features -> result: discriminator, untrained (the same network before training), pixels, lite0."""

    notes: tuple[str, ...] = ()
    """Sentences about what was left out, and why."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            **{name: getattr(self, name) for name in ("run", "collection", "labels", "train", "test", "notes")},
            "features": {
                name: {
                    "accuracy": one.accuracy._asdict(),
                    "chance": one.chance,
                    "per_label": {self.labels[label]: value._asdict() for label, value in one.per_label.items()},
                }
                for name, one in self.features.items()
            },
        }


def probe(
    run: str | Path | Run,
    collection: str | Path | Collection,
    *,
    labels: str = "folder",
    samples: int = 5_000,
    device: str = "auto",
) -> Probed:
    """Measure how well a classifier tells labels apart by a discriminator's features, and by others for comparison.

    Args:
        run: the run, or its folder.
        collection: the one it was trained on, or another of the same shape, with labels and held-out pictures.
        labels: their kind.
        samples: pictures at most to fit the classifiers on, and at most to try them on.
        device: where to compute: auto, cpu, cuda or mps.

    Raises:
        ScoreError: pictures of another shape, too few with labels, or less than one sample.
        InputError: no such run, collection, labels or device.
    """
    *_, last = steps(run, collection, labels=labels, samples=samples, device=device)
    assert isinstance(last, Probed)
    return last


def steps(
    run: str | Path | Run,
    collection: str | Path | Collection,
    *,
    labels: str = "folder",
    samples: int = 5_000,
    device: str = "auto",
) -> Iterator[EvaluationProgress | Probed]:
    """Probe a run, and yield how far that has come and at last the result; arguments are those of :func:`probe`."""
    if samples < 1:
        raise ScoreError(f"{samples} samples are too few for a classifier: take at least one, better thousands.")
    run = Run.open(run)
    collection = collection if isinstance(collection, Collection) else Collection.open(collection)
    chosen = pick_device(device)
    shape = Shape(collection.height, collection.width, collection.channels)
    networks = {"discriminator": _discriminator(run, shape), "untrained": _untrained(run, shape)}
    known = collection.labels(labels)
    parts = [rows[known[rows] >= 0] for rows in (collection.rows("train"), collection.rows("holdout"))]
    train, test = (rows[sample(len(rows), samples)] for rows in parts)
    names, known, notes = _frequent(collection.vocabularies[labels], known, train)
    train, test = (rows[known[rows] >= 0] for rows in (train, test))
    if not len(test):
        raise ScoreError("there are no labelled pictures to try the classifier on: prepare with --holdout 0.1.")
    functions: dict[str, Function] = {
        **{name: _layers(network.to(chosen).eval(), chosen) for name, network in networks.items()},
        "pixels": _pixels(chosen),
        "lite0": detected(detectors.load("lite0", chosen), chosen),
    }
    found = {}
    for done, (name, function) in enumerate(functions.items()):
        sides = []
        for rows in (train, test):
            made = yield from walk(f"features of {name}", collection.take, rows, [function])
            sides.append(torch.cat(made[0]))
        yield EvaluationProgress("classifiers", done, len(functions))
        found[name] = classify(sides[0], known[train], sides[1], known[test])
    yield EvaluationProgress("classifiers", len(functions), len(functions))
    yield Probed(str(run.path), collection.fingerprint, names, len(train), len(test), found, notes)


def lines(probed: Probed) -> list[str]:
    """Return the result as a table in plain text: a line for each kind of features, a column for each label."""
    headers = ["", "accuracy", "chance", *probed.labels]
    rows = [
        [name, written(one.accuracy), f"{one.chance:.3f}"]
        + [written(one.per_label.get(label)) for label in range(len(probed.labels))]
        for name, one in probed.features.items()
    ]
    return aligned([headers, *rows])


def _frequent(
    names: tuple[str, ...], known: NDArray[np.int64], train: NDArray[np.int64]
) -> tuple[tuple[str, ...], NDArray[np.int64], tuple[str, ...]]:
    """Leave out the labels of which a classifier sees too few pictures.

    Args:
        names: of all labels.
        known: (rows of the collection,) positions among them, −1 for no label.
        train: rows that the classifiers are fitted on, each with a label.

    Returns:
        the names of the others, the positions among these, and a sentence about those that are left out.
    """
    enough = np.bincount(known[train], minlength=len(names)) >= FOLDS
    if enough.sum() < 2:
        raise ScoreError(
            f"a classifier wants at least two labels with {FOLDS} training pictures each: "
            "merge the rare ones, or take more --samples."
        )
    few = [name for name, kept in zip(names, enough, strict=True) if not kept]
    said = f"labels with fewer than {FOLDS} of the training pictures are left out: {', '.join(few)}"
    positions = np.append(np.where(enough, enough.cumsum() - 1, -1), -1)  # the last is that of no label
    kept_names = tuple(name for name, kept in zip(names, enough, strict=True) if kept)
    return kept_names, positions[known], (said,) if few else ()


def _pixels(device: torch.device) -> Function:
    """Return the function that gives the pixels of pictures; larger ones than `PIXELS` × `PIXELS` are shrunk."""

    def pixels(images: Images, _: int) -> torch.Tensor:
        height, width = (min(side, PIXELS) for side in images.shape[1:3])
        if (height, width) == images.shape[1:3]:
            return torch.from_numpy(images).flatten(1).float().to(device)
        return detectors.resize(images, height, width, device).flatten(1)

    return pixels


def _layers(network: nn.Module, device: torch.device) -> Function:
    """Return the function that gives the features of a discriminator's layers."""
    return lambda images, _: activations(network, from_bytes(torch.from_numpy(images).to(device)))


def _untrained(run: Run, shape: Shape) -> nn.Module:
    """Return an untrained discriminator of the run's configuration."""
    with torch.random.fork_rng():
        torch.manual_seed(derive(run.recipe().seed, "untrained"))
        return run.recipe().network.discriminator(shape, _classes(run))


def _classes(run: Run) -> int:
    """Return the number of labels that the networks of a run know."""
    return len(run.manifest()["collection"].get("labels", []))


def _discriminator(run: Run, shape: Shape) -> nn.Module:
    """Return the discriminator of a run's newest checkpoint."""
    if isinstance(run.recipe().objective, EvidenceBound):
        raise ScoreError(f"{run.path} has no discriminator: probe a run of another objective than evidence-bound.")
    checkpoints = run.checkpoints()
    if not checkpoints:
        raise RunError(f"{run.path} has no checkpoint yet: let `lienzo train` reach its first tick.")
    loaded, _ = tensors.load(checkpoints[0], "checkpoint", RunError)
    network = run.recipe().network.discriminator(shape, _classes(run))
    prefix = "discriminator/"
    state = {name.removeprefix(prefix): value for name, value in loaded.items() if name.startswith(prefix)}
    try:
        network.load_state_dict(state)
    except RuntimeError:
        raise ScoreError(
            f"{run.path} was trained on pictures of another shape than {shape.height}×{shape.width} with "
            f"{shape.channels} channels: probe it with a collection of its own shape."
        ) from None
    return network
