"""Where a generator lies."""

from pathlib import Path

from lienzo.errors import GeneratorError
from lienzo.run.run import Run


def located(source: str | Path | Run) -> Path:
    """Return the file of a generator: itself, or the newest of a run.

    Raises:
        GeneratorError: a run that has none yet.
        RunError: a folder that is no run.
    """
    if not isinstance(source, Run) and not Path(source).is_dir():
        return Path(source)
    run = Run.open(source)
    if not run.generator_path.exists():
        raise GeneratorError(f"{run.path} has no generator yet: let `lienzo train` reach its first tick.")
    return run.generator_path
