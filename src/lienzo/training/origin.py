"""Trained networks that a run starts from, to go on with other pictures, or with larger ones."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from lienzo.errors import GeneratorError, RunError
from lienzo.networks.conditions import LABEL_LAYERS, introduce_labels
from lienzo.networks.configurations import Network, grown, times_grown
from lienzo.networks.fading import ALPHA
from lienzo.networks.shape import Shape
from lienzo.recipe.codec import network_from_dict
from lienzo.run.manifest import Manifest, OriginRecord
from lienzo.run.run import Run
from lienzo.storage import tensors
from lienzo.training.feature_discriminator import TURN
from lienzo.training.state import State

NETWORKS = ("discriminator", "feature_discriminator", "encoder", "generator", "average")
"""Names of the networks that a run may have."""

log = logging.getLogger("lienzo")


@dataclass(frozen=True)
class Origin:
    """A trained generator, and the discriminator or encoder it was trained with, where that is known."""

    path: Path
    """The run's folder, or the generator's file."""

    fingerprint: str
    """Fingerprint of the generator."""

    network: Network
    """The configuration of its networks."""

    shape: Shape
    """Height, width and channels of its pictures."""

    labels: str
    """Kind of the labels that its networks know; empty where they are not conditional."""

    names: tuple[str, ...]
    """The names of these labels, in their order."""

    networks: dict[str, dict[str, Tensor]]
    """The tensors of each network by the network's name: of a run all of them, of a file only ``generator``."""

    @classmethod
    def open(cls, source: "str | Path | Run") -> "Origin":
        """Return the networks of a run, its averaged generator where it has one, or the generator in a file.

        Raises:
            RunError: a folder that is no run, or a run without a whole checkpoint.
            GeneratorError: no such file, a damaged one, or one that holds something else.
        """
        path = source.path if isinstance(source, Run) else Path(source)
        if path.is_dir():
            networks, header = _networks_of(Run.open(path))
        else:
            state, header = tensors.load(path, "generator", GeneratorError)
            networks = {"generator": state}
        network, shape = network_from_dict(header["network"]), Shape(*header["shape"])
        labels = header.get("labels", {"kind": "", "counts": {}})
        return cls(path, header["fingerprint"], network, shape, labels["kind"], tuple(labels["counts"]), networks)

    @property
    def record(self) -> OriginRecord:
        """The origin as ``run.json`` of the new run names it."""
        return {"path": str(self.path.resolve()), "fingerprint": self.fingerprint}

    def copy_into(self, state: State, names: Sequence[str] = ()) -> None:
        """Copy the networks into a state; its optimisers, its clock and all else stay as they are.

        In networks that have grown once more, for pictures of twice the size, the new layers stay too. Networks that
        learn other labels, or labels for the first time, keep their own weights for these, as
        :func:`introduce_labels` sets them. A second discriminator is taken over where the recipe has one too, and the
        networks have not grown.

        Args:
            state: of the networks that go on.
            names: of the labels that they are to learn, in their order.

        Raises:
            RunError: its networks have other layers or sizes, or are not what the recipe's fade or label_start
                begins from.
        """
        grows, copied = self._grows_into(state), {}
        new = LABEL_LAYERS if names and tuple(names) != self.names else ()
        if new:
            for network in state.networks.values():
                introduce_labels(network)
        for name, found in self.networks.items():
            if name == "feature_discriminator" and (grows or name not in state.networks):
                continue
            live = state.networks[name].state_dict() if name in state.networks else {}
            fresh = (*new, TURN) if name == "feature_discriminator" else new  # how many windows it saw is not learnt
            own = {key for key in found if not key.startswith(fresh) and (key in live or not grows)}
            stays = live if grows else {key: value for key, value in live.items() if key.startswith(fresh)}
            copied[name] = stays | {key: found[key] for key in own}
            if {key: value.shape for key, value in live.items()} != {k: v.shape for k, v in copied[name].items()}:
                raise RunError(
                    f"the {name} of {self.path} does not fit (layers, sizes or labels differ from those of the "
                    f"recipe's network for pictures of {state.shape}): take the recipe it was trained with, and a "
                    "collection of its size; `lienzo grow` goes on at twice the size."
                )
        if state.recipe.fade and not grows:
            raise RunError(f"{self.path} has all layers that fade would bring in: set fade=0.")
        if state.recipe.label_start and self.names and not new:
            raise RunError(f"{self.path} knows the labels that label_start would keep from it: set label_start=0.")
        if ALPHA in self.networks["generator"] and self.networks["generator"][ALPHA] < 1:
            raise RunError(f"{self.path} is still fading in new layers of its own: let it train to the end of that.")
        for name, tensors_of in copied.items():
            state.networks[name].load_state_dict(tensors_of)
        if state.average is not None:
            state.average.module.load_state_dict(copied["generator"])
        state.fade()

    def _grows_into(self, state: State) -> bool:
        """Say whether the state's networks go on from these at twice the size."""
        network, twice = state.recipe.network, Shape(2 * self.shape.height, 2 * self.shape.width, self.shape.channels)
        return (
            times_grown(network) > times_grown(self.network)
            and network == grown(self.network)
            and (state.shape, state.classes) == (twice, len(self.names))
        )


def begin_from_origin(run: Run, manifest: Manifest, state: State) -> None:
    """Copy the networks that a run was begun from into its state, where it has no whole checkpoint.

    Raises:
        RunError: the origin is not what it was.
    """
    record = manifest["origin"]
    origin = Origin.open(record["path"])
    if origin.fingerprint != record["fingerprint"]:
        raise RunError(
            f"{run.path} has no whole checkpoint, and {origin.path}, from which it was begun, changed: "
            "choose another --out."
        )
    origin.copy_into(state, manifest["collection"].get("labels", ()))


def _networks_of(run: Run) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
    """Return the tensors of a run's networks after one number of pictures shown, and the header of that generator.

    They are those of the newest checkpoint that is whole. ``generator.safetensors`` is one save ahead of it where
    training was killed between the two, or where a newer checkpoint is damaged.
    """
    found, images = _newest_whole(run)
    state, header = tensors.load(run.generator_path, "generator", GeneratorError)
    networks = {name: _part(found, name) for name in NETWORKS}
    averaged = networks.pop("average") or networks["generator"]
    if images == header["images"]:
        averaged = state
    else:
        log.warning(
            "%s is from another moment than the last whole checkpoint: the generator of that is taken.",
            run.generator_path,
        )
        header = {key: value for key, value in header.items() if key != "fingerprint"} | {"images": images}
        header["fingerprint"] = tensors.fingerprint(averaged, header)
    return {name: part for name, part in networks.items() if part} | {"generator": averaged}, header


def _newest_whole(run: Run) -> tuple[dict[str, Tensor], int]:
    """Return the tensors of the newest checkpoint that is whole, and the pictures shown before it."""
    if not run.checkpoints():
        raise RunError(f"{run.path} has no checkpoint yet: let `lienzo train` reach its first tick.")
    for path in run.checkpoints():
        try:
            found, header = tensors.load(path, "checkpoint", RunError)
        except RunError as error:
            log.warning("%s It is passed over.", error)
        else:
            return found, int(header["images"])
    raise RunError(f"{run.path} has no checkpoint that is whole: go on with that run first, which writes new ones.")


def _part(found: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{name}/"): value for key, value in found.items() if key.startswith(f"{name}/")}
