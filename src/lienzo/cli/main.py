"""The command ``lienzo``: its verbs, exit statuses and messages.

Results go to standard output, progress and messages to standard error. Exit status: 0; 2 for what the user can mend,
said in one sentence; 1 for the rest; 130 after Ctrl-C.
"""

import os
import sys
from collections.abc import Callable, Sequence

import click

from lienzo.cli import syntax
from lienzo.cli.export import export
from lienzo.cli.inspection import info, recipes
from lienzo.cli.measurement import evaluate, probe, theory
from lienzo.cli.options import show
from lienzo.cli.pictures import demo, generate, prepare
from lienzo.cli.training import grow, train, tune
from lienzo.display.terminal import note, speaks
from lienzo.errors import InputError, ProcessError, TrainingError, unknown
from lienzo.version import __version__

VERBS: dict[str, Callable[..., None]] = {
    "demo": demo,
    "prepare": prepare,
    "train": train,
    "grow": grow,
    "tune": tune,
    "generate": generate,
    "export": export,
    "evaluate": evaluate,
    "probe": probe,
    "theory": theory,
    "recipes": recipes,
    "info": info,
}
"""Every verb by its name."""


def main() -> None:
    """Run the command."""
    given = [word for word in sys.argv[1:] if word != "--debug"]
    try:
        _run(given)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # whoever read the result has seen enough, as in `lienzo info PATH | head -3`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as error:
        if len(given) < len(sys.argv[1:]):
            raise
        alike = isinstance(error, InputError | TrainingError) and not isinstance(error, ProcessError)
        if speaks() or not alike:  # what all processes meet alike, one of them says
            note(f"lienzo: {_sentence(error)}")
        sys.exit(2 if isinstance(error, InputError | OSError) else 1)


def _run(given: Sequence[str]) -> None:
    """Do what the words say. Options may stand before the verb that they belong to."""
    if list(given) == ["--version"]:
        show(f"lienzo {__version__}", as_json=False)
    elif given and given[0] in ("-h", "--help"):
        show(_overview(), as_json=False)
    elif not given:
        raise InputError(f"lienzo needs a verb: {', '.join(VERBS)}; lienzo --help explains them.")
    else:
        options_first = given[0].startswith("-")
        verb = next((word for word in given if word in VERBS), given[0]) if options_first else given[0]
        if verb not in VERBS:
            raise InputError(unknown("verb", verb, VERBS))
        rest = list(given)
        rest.remove(verb)
        syntax.read(syntax.command(verb, VERBS[verb]), rest)


def _overview() -> str:
    """Return the help page of the whole command: every verb with the first line of its docstring."""
    page = click.HelpFormatter(width=80)
    page.write_usage("lienzo", "VERB [OPTIONS]")
    page.write_paragraph()
    page.write_text("Train generative adversarial networks on pictures, above all paintings.")
    with page.section("Verbs"):
        page.write_dl([(verb, (function.__doc__ or "").split("\n")[0]) for verb, function in VERBS.items()])
    page.write_paragraph()
    page.write_text("lienzo VERB --help explains a verb's words and options, which stand in any order. With --debug, "
                    "errors show where they came from. lienzo --version says which lienzo this is.")  # fmt: skip
    return page.getvalue().rstrip()


def _sentence(error: Exception) -> str:
    """Say in one sentence what went wrong and what to do."""
    if isinstance(error, InputError | TrainingError):
        return str(error)
    if type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error):
        return (
            "the memory is too small for this: take a smaller batch or network, or sum parts of a batch (--accumulate)."
        )
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{where}. Mend that, then run the same command again; nothing finished is lost."
    return f"{type(error).__name__}: {error}. Run the same command with --debug to see where."
