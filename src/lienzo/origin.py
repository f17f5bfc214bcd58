"""Trained networks that a run starts from, to go on with other pictures."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from lienzo import tensors
from lienzo.errors import GeneratorError, RunError
from lienzo.run import Run
from lienzo.state import State


@dataclass(frozen=True)
class Origin:
    """A trained generator, and what played against it where that is known."""

    path: Path
    """The run's folder, or the generator's file."""

    fingerprint: str
    """Of the generator."""

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
        if not path.is_dir():
            state, header = tensors.load(path, "generator", GeneratorError)
            return cls(path, header["fingerprint"], {"generator": state})
        run = Run.open(path)
        if not run.checkpoints():
            raise RunError(f"{path} has no checkpoint yet: let `lienzo train` reach its first tick.")
        loaded, _ = tensors.load(run.checkpoints()[0], "checkpoint", RunError)
        state, header = tensors.load(run.generator_path, "generator", GeneratorError)
        others = {name.partition("/")[0] for name in loaded} & {"discriminator", "encoder"}
        return cls(path, header["fingerprint"], {name: _part(loaded, name) for name in others} | {"generator": state})

    @property
    def record(self) -> dict[str, str]:
        """What a run keeps of it: ``path`` and ``fingerprint``."""
        return {"path": str(self.path.resolve()), "fingerprint": self.fingerprint}

    def plant(self, state: State) -> None:
        """Copy the networks into a state; its optimisers, its clock and all else stay as they are.

        Raises:
            RunError: its networks have other layers or sizes.
        """
        for name, found in self.networks.items():
            live = state.networks[name].state_dict() if name in state.networks else {}
            if {key: value.shape for key, value in live.items()} != {key: value.shape for key, value in found.items()}:
                raise RunError(
                    f"the {name} of {self.path} does not fit (layers or sizes differ from those of the recipe's "
                    f"network for pictures of {state.shape}): take the recipe it was trained with, and a collection "
                    "of its size."
                )
        for name, found in self.networks.items():
            state.networks[name].load_state_dict(found)
        if state.average is not None:
            state.average.module.load_state_dict(self.networks["generator"])


def replant(run: Run, state: State) -> None:
    """Begin a run that has no whole checkpoint as it was begun: from its origin, where it has one.

    Raises:
        RunError: the origin is not what it was.
    """
    if run.origin is None:
        return
    origin = Origin.open(run.origin["path"])
    if origin.fingerprint != run.origin["fingerprint"]:
        raise RunError(
            f"{run.path} has no whole checkpoint, and {origin.path}, from which it was begun, changed: "
            "choose another --out."
        )
    origin.plant(state)


def _part(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{name}/"): value for key, value in tensors.items() if key.startswith(f"{name}/")}
