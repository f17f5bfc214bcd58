"""Where a generator lies, and what computes it. PyTorch is loaded only for one that needs it."""

from pathlib import Path
from typing import TYPE_CHECKING

from lienzo.errors import GeneratorError, InputError
from lienzo.generation import hub
from lienzo.run.run import Run

if TYPE_CHECKING:
    from lienzo.generation.generation import Generator
    from lienzo.generation.onnx import OnnxGenerator


def located(source: str | Path | Run) -> Path:
    """Return the file of a generator: itself, the newest of a run, or one fetched from the Hub.

    Raises:
        GeneratorError: a run that has none yet, or nothing that can be fetched.
        RunError: a folder that is no run.
    """
    if isinstance(source, str) and hub.is_address(source):
        return hub.fetch(source)
    if not isinstance(source, Run) and not Path(source).is_dir():
        return Path(source)
    run = Run.open(source)
    if not run.generator_path.exists():
        raise GeneratorError(f"{run.path} has no generator yet: let `lienzo train` reach its first tick.")
    return run.generator_path


def beside(source: str | Path | Run, what: str) -> Path:
    """Return where something found out about a generator is kept: beside its file, or here, of one on the Hub.

    Args:
        source: of the generator.
        what: that is kept, as part of the file's name, such as ``directions``.
    """
    if isinstance(source, str) and hub.is_address(source):
        return Path(f"{hub.name(source)}-{what}.safetensors")
    generator = located(source)
    return generator.with_name(f"{generator.stem}-{what}.safetensors")


def opened(source: str | Path | Run, device: str = "cpu") -> "Generator | OnnxGenerator":
    """Return the generator that lies there: one of PyTorch, or one of ONNX Runtime, which does not load PyTorch.

    Raises:
        GeneratorError: no generator, or a damaged one.
        RunError: a folder that is no run.
        InputError: no such device.
    """
    path = located(source)
    if path.suffix.lower() == ".onnx":
        if device not in ("auto", "cpu"):
            raise InputError(f"ONNX Runtime computes {path} on the CPU: leave --device out, or give the run.")
        from lienzo.generation import onnx

        return onnx.load(path)
    from lienzo.compute.devices import pick_device
    from lienzo.generation import generation

    return generation.load(path, str(pick_device(device)))
