"""The errors of lienzo, as a tree.

::

    InputError (ValueError)       something the user can mend: exit status 2
    ├── SourceError               pictures that cannot be found or read
    │   └── StoreError            a store of pictures that does not answer, and may later
    ├── CollectionError           a folder that is no collection, or a damaged or foreign one
    ├── RecipeError               an unknown recipe, key or value
    ├── RunError                  a folder that is no run, or the run of something else
    ├── GeneratorError            a file that holds no generator, or a damaged one
    └── ScoreError                scores that cannot be taken, or not compared
    TrainingError (RuntimeError)  training that cannot go on: exit status 1
    └── ProcessError              one of several processes has lost another

Every message is one sentence that says what is wrong and what to do about it.
"""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something the user can mend."""


class SourceError(InputError):
    """Pictures that cannot be found or read."""


class StoreError(SourceError):
    """A store of pictures that does not answer, and may later."""


class CollectionError(InputError):
    """A folder that is no collection, or a damaged or foreign one."""


class RecipeError(InputError):
    """An unknown recipe, key or value."""


class RunError(InputError):
    """A folder that is no run, or the run of something else."""


class GeneratorError(InputError):
    """A file that holds no generator, or a damaged one."""


class ScoreError(InputError):
    """Scores that cannot be taken, or not compared."""


class TrainingError(RuntimeError):
    """Training that cannot go on."""


class ProcessError(TrainingError):
    """One of several processes has lost another."""


def lacks_memory(error: BaseException) -> bool:
    """Say whether an error is a lack of memory: Python's, that of a GPU, or that of PyTorch's allocator on a CPU.

    >>> lacks_memory(MemoryError()), lacks_memory(RuntimeError("shapes differ"))
    (True, False)
    """
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return "can't allocate memory" in str(error)


def refuse_below(least: int, values: dict[str, int]) -> None:
    """Refuse the settings whose value is below the least, by their keys in a recipe.

    Raises:
        RecipeError: names the first.
    """
    for name, value in values.items():
        if value < least:
            raise RecipeError(f"{name} is {value}, but has to be at least {least}.")


def unknown(kind: str, name: str, known: Iterable[str], within: Iterable[str] = ()) -> str:
    """Say that ``name`` is no ``kind``, and what was probably meant: one of those known, or the end of one ``within``.

    >>> unknown("recipe", "thesys", ["thesis", "fast"])
    "unknown recipe 'thesys': did you mean 'thesis'? Known: fast, thesis."
    >>> unknown("key", "widht", ["batch"], ["network.width"])
    "unknown key 'widht': did you mean 'network.width'? Known: batch."
    """
    known = sorted(known)
    words = {word.rpartition(".")[2]: word for word in within}
    words |= {word.lstrip("-"): word for word in known}  # the dashes of options make all of them alike
    close = difflib.get_close_matches(name.lstrip("-"), words, n=1, cutoff=0.5)
    hint = f": did you mean '{words[close[0]]}'?" if close else "."
    return f"unknown {kind} '{name}'{hint} Known: {', '.join(known) or 'none, leave it out'}."
