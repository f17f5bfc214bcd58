"""The commands that the pages name, for Sphinx, which warns of unknown ones, and for the tests, which run them."""

import re
from collections.abc import Iterator

from lienzo.cli import main, syntax

FENCE = re.compile(r"^```(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A block of code: its language, and its text."""

VERBS = dict(main.commands())
"""Every verb that can be run, by all of its words."""


def blocks(text: str, language: str) -> list[str]:
    """Return the blocks of code of a page that are in a language."""
    return [block for found, block in FENCE.findall(text) if found == language]


def commands(text: str) -> list[list[str]]:
    """Return every command of a page as words: the lines of its code blocks, and `lienzo ...` within its text."""
    lines = "\n".join([*blocks(text, "sh"), *blocks(text, "")]).replace("\n  ", " ").split("\n")
    lines += re.findall(r"`(lienzo [^`]+)`", FENCE.sub("", text).replace("\n", " "))
    found = [re.sub(r"[][|]|\.\.\.", " ", line.partition("#")[0].partition(">")[0]).split() for line in lines]
    return [words for words in found if words[:1] == ["lienzo"] and len(words) > 1]


def options(verb: str) -> set[str]:
    """Return the options of a verb, as they are written."""
    written = syntax.options(syntax.command(verb, VERBS[verb]))
    return {"--help", "--debug", *(names[-1] for names in written)}  # of --novelty and --no-novelty the second one


def unknown(text: str) -> Iterator[str]:
    """Yield the commands and options of a page that lienzo does not have."""
    for _, verb, *words in commands(text):
        if verb == "VERB" or verb.startswith("-"):
            continue
        if verb not in main.VERBS:
            yield f"lienzo {verb}"
            continue
        if isinstance(main.VERBS[verb], syntax.Group):
            if not words or words[0] == "VERB":
                continue
            verb, *words = f"{verb} {words[0]}", *words[1:]  # noqa: PLW2901
            if verb not in VERBS:
                yield f"lienzo {verb}"
                continue
        for word in words:
            option = word.partition("=")[0].rstrip(",:")
            if option.startswith("--") and option not in options(verb):
                yield f"lienzo {verb} {option}"
