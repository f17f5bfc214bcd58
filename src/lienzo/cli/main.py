"""The command ``lienzo``: its verbs, exit statuses and messages.

Results go to standard output, progress and messages to standard error. Exit status: 0; 2 for what the user can mend,
said in one sentence; 1 for the rest; 130 after Ctrl-C.
"""

import io
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence

import click

from lienzo.cli import syntax
from lienzo.cli.exploration import EXPLORE
from lienzo.cli.export import export
from lienzo.cli.inspection import info, recipes, report
from lienzo.cli.measurement import evaluate, probe, theory, thesis
from lienzo.cli.options import show
from lienzo.cli.pictures import demo, generate, prepare
from lienzo.cli.studio import studio
from lienzo.cli.syntax import Group
from lienzo.cli.training import grow, train, tune
from lienzo.display.terminal import note, prints_messages
from lienzo.errors import InputError, ProcessError, TrainingError, lacks_memory, unknown
from lienzo.version import __version__

VERBS: dict[str, Callable[..., None] | Group] = {
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
    "thesis": thesis,
    "report": report,
    "recipes": recipes,
    "info": info,
    "explore": EXPLORE,
    "studio": studio,
}
"""Every verb by its name; a group of verbs by the word that they share."""

LIENZO = Group("Train generative adversarial networks on pictures, above all paintings.", VERBS)
"""The whole command."""


def commands(group: Group = LIENZO, before: str = "") -> Iterator[tuple[str, Callable[..., None]]]:
    """Yield every verb that can be run, with all of its words, such as ``explore walk``."""
    for word, verb in group.verbs.items():
        if isinstance(verb, Group):
            yield from commands(verb, f"{before}{word} ")
        else:
            yield f"{before}{word}", verb


def main() -> None:
    """Run the command."""
    given = [word for word in sys.argv[1:] if word != "--debug"]
    if isinstance(sys.stdout, io.TextIOWrapper):  # it may know neither − nor the bytes of an odd file's name
        sys.stdout.reconfigure(errors="backslashreplace")
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
        if prints_messages() or not alike:  # an error that all processes meet is printed by one of them
            note(f"lienzo: {_sentence(error)}")
        sys.exit(2 if isinstance(error, InputError | OSError) else 1)


def _run(given: Sequence[str]) -> None:
    """Do what the words say."""
    if list(given) == ["--version"]:
        show(f"lienzo {__version__}", as_json=False)
    else:
        _find(LIENZO, "", given)


def _find(group: Group, before: str, given: Sequence[str]) -> None:
    """Run the verb of a group that the words name. Options may stand before the verb that they belong to.

    Args:
        group: that the verb belongs to.
        before: the words that led here, such as ``explore``; empty for the whole command.
        given: the words that are left.
    """
    name = f"lienzo {before}".rstrip()
    if given and given[0] in ("-h", "--help"):
        show(_overview(group, name), as_json=False)
    elif not given:
        raise InputError(f"{name} needs a verb: {', '.join(group.verbs)}; {name} --help explains them.")
    else:
        place = _place(group, before, given)
        word, rest = given[place], [*given[:place], *given[place + 1 :]]
        verb, words = group.verbs[word], f"{before} {word}".lstrip()
        if isinstance(verb, Group):
            _find(verb, words, rest)
        else:
            syntax.read(syntax.command(words, verb), rest)


def _place(group: Group, before: str, given: Sequence[str]) -> int:
    """Return where among the words the verb of a group is: the first one that has but its own whole options before it.

    So the value of an option is not taken for a verb of that name.
    """
    places = [place for place, word in enumerate(given) if word in group.verbs]
    if given[0] in group.verbs:
        return 0
    if not places or not given[0].startswith("-"):
        raise InputError(unknown(f"verb of {before}" if before else "verb", given[0], group.verbs))
    for place in places:
        word = given[place]
        alone = commands(Group("", {word: group.verbs[word]}), f"{before} ".lstrip())
        if any(syntax.begins(syntax.command(words, verb), given[:place]) for words, verb in alone):
            return place
    likely = next((place for place in places if not given[place - 1].startswith("-")), places[0])
    words = ["lienzo", *before.split(), given[likely], *given[:likely], *given[likely + 1 :]]
    raise InputError(
        "options before the verb have to be its own, each with its value: write the verb first, as in "
        f"{shlex.join(words)}."
    )


def _overview(group: Group, name: str) -> str:
    """Return the help page of a group: every verb with the first line of its docstring."""
    page = click.HelpFormatter(width=80)
    page.write_usage(name, "VERB [OPTIONS]")
    page.write_paragraph()
    page.write_text(group.purpose)
    with page.section("Verbs"):
        page.write_dl([(word, _purpose(verb)) for word, verb in group.verbs.items()])
    page.write_paragraph()
    page.write_text(f"{name} VERB --help explains a verb's words and options, which stand in any order. With --debug, "
                    "errors show where they came from. lienzo --version says which lienzo this is.")  # fmt: skip
    return page.getvalue().rstrip()


def _purpose(verb: Callable[..., None] | Group) -> str:
    return verb.purpose if isinstance(verb, Group) else (verb.__doc__ or "").split("\n")[0]


def _sentence(error: Exception) -> str:
    """Say in one sentence what went wrong and what to do."""
    if isinstance(error, InputError | TrainingError):
        return str(error)
    if lacks_memory(error):
        return (
            "the memory is too small for this: ask for fewer or smaller pictures, or train with a smaller batch or "
            "network, or with parts of a batch that are summed (--accumulate)."
        )
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{where}. Mend that, then run the same command again."
    return f"{type(error).__name__}: {error}. Run the same command with --debug to see where."
