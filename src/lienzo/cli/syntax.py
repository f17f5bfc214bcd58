"""From a function to a command: types and docstrings say which words it takes, and what its help page says of them.

Words and options stand in any order. Every mistake is an :class:`~lienzo.errors.InputError` of one sentence.
"""

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, Union

import click
import docstring_parser

from lienzo.errors import InputError, unknown
from lienzo.storage.files import local


@dataclass(frozen=True)
class Word:
    """How an argument is written and explained, where its name, its type and the docstring do not say it all."""

    metavar: str | None = None
    """What stands for the value in the help page."""
    name: str | None = None
    """The option without its dashes, where it is not the argument's own name."""
    help: str | None = None
    """What it means, where the docstring does not say it; for options that several verbs share."""
    separator: str | None = None
    """What separates several values in one word."""
    continues: Callable[[str], bool] = lambda _: False
    """Whether a word behind the option's own value belongs to the option too."""


@dataclass(frozen=True)
class Group:
    """Verbs that share a first word, such as ``lienzo explore walk`` and ``lienzo explore invert``."""

    purpose: str
    """What they are for, a sentence."""
    verbs: Mapping[str, "Callable[..., None] | Group"]
    """Every verb by its last word."""


class Whole(click.ParamType[Any]):
    """Whole numbers, also written as 1e3."""

    name = "N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        with suppress(ValueError):
            return int(value)
        with suppress(ValueError):
            if (number := float(value)).is_integer():
                return int(number)
        raise InputError(f"{_written(param, ctx)} is '{value}', but has to be a whole number.")


class Number(click.ParamType[Any]):
    """Numbers."""

    name = "X"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        with suppress(ValueError):
            return float(value)
        raise InputError(f"{_written(param, ctx)} is '{value}', but has to be a number.")


class Local(click.ParamType[Any]):
    """Paths on this machine."""

    name = "PATH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        if not str(value):
            raise InputError(f"{_written(param, ctx)} is empty: write . where you mean this folder.")
        return local(value)


class Choice(click.ParamType[Any]):
    """One of a few values."""

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = {str(value): value for value in values}
        self.name = "|".join(self.values)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value that is written like this."""
        if str(value) not in self.values:
            raise InputError(unknown(f"value of {_written(param, ctx)}", str(value), self.values))
        return self.values[str(value)]


class Option(click.Option):
    """An option that may take more than one word behind it."""

    def __init__(self, *declared: Any, continues: Callable[[str], bool], **named: Any) -> None:
        super().__init__(*declared, **named)
        self.continues = continues


def command(verb: str, function: Callable[..., None]) -> click.Command:
    """Return the command that calls a function.

    Positional-only arguments become words, keyword-only arguments options; a :class:`Word` in the type's annotations
    says how it is written. A dataclass becomes an option for each of its fields; a dictionary in the annotations says
    how those are written.

    Args:
        verb: the command's name.
        function: what it calls; its docstring, in Google's style, explains the arguments that no Word explains.
    """
    hints = typing.get_type_hints(function, include_extras=True)
    said = docstring_parser.parse(function.__doc__ or "", docstring_parser.DocstringStyle.GOOGLE)
    texts = {param.arg_name: param.description for param in said.params}
    parameters: list[click.Parameter] = []
    groups: dict[str, type] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        kind, *extras = _unpacked(hints[name])
        word = _explained(next((extra for extra in extras if isinstance(extra, Word)), Word()), texts.get(name))
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            groups[name] = kind
            parameters += _options(kind, next((extra for extra in extras if isinstance(extra, dict)), {}))
        elif parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            parameters.append(_option(name, kind, parameter.default, word))
        else:
            parameters.append(_argument(parameter, kind, word))
    text = "\n\n".join(part for part in (said.short_description, said.long_description) if part)
    return click.Command(
        verb,
        params=parameters,
        callback=partial(_call, function, groups),
        help=text,
        context_settings={"show_default": True, "allow_extra_args": True, "help_option_names": ["-h", "--help"]},
    )


def read(verb: click.Command, words: Sequence[str]) -> None:
    """Read the words of a command line and do what they say.

    Raises:
        InputError: a word that the verb does not know, or lacks.
    """
    name = f"lienzo {verb.name}"
    try:
        with verb.make_context(name, list(_single(verb, words))) as context:
            if context.args:
                usage = " ".join(verb.collect_usage_pieces(context))
                raise InputError(f"'{context.args[0]}' is one word too many: write {name} {usage}.")
            verb.invoke(context)
    except click.exceptions.Exit:
        return
    except click.NoSuchOption as error:
        known = [
            option
            for param in verb.params
            for option in (*param.opts, *param.secondary_opts)
            if option.startswith("--")
        ]
        raise InputError(unknown(f"option of {verb.name}", error.option_name, [*known, "--help"])) from None
    except click.MissingParameter as error:
        lacking = error.param.make_metavar(error.ctx) if error.param and error.ctx else "a word"
        raise InputError(f"{verb.name} needs {lacking}: {name} --help explains it.") from None
    except click.UsageError as error:
        text = error.format_message().rstrip(".")
        raise InputError(f"{text[:1].lower()}{text[1:]}: {name} --help explains its options.") from None


def begins(verb: click.Command, words: Sequence[str]) -> bool:
    """Say whether a verb's words can begin like this: each option is one of its own, and has its value."""
    try:
        verb.make_parser(click.Context(verb)).parse_args([*_single(verb, words)])
    except (InputError, click.UsageError):
        return False
    return True


def options(verb: click.Command) -> list[list[str]]:
    """Return how each option of a command may be written."""
    return [[*param.opts, *param.secondary_opts] for param in verb.params if isinstance(param, click.Option)]


def _call(function: Callable[..., None], groups: Mapping[str, type], **values: Any) -> None:
    """Call a function with what the words say, the fields of dataclasses put together."""
    for name, group in groups.items():
        values[name] = group(**{field.name: values.pop(field.name) for field in dataclasses.fields(group)})
    words: list[Any] = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            words.append(values.pop(name))
        elif parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            words += values.pop(name)
    function(*words, **values)


def _options(group: type, fields: Mapping[str, Word]) -> Iterator[click.Option]:
    """Return an option for each field of a dataclass, explained by the docstring under the field."""
    hints = typing.get_type_hints(group, include_extras=True)
    texts = {param.arg_name: param.description for param in docstring_parser.parse_from_object(group).params}
    for field in dataclasses.fields(group):
        word = _explained(fields.get(field.name, Word()), texts.get(field.name))
        yield _option(field.name, hints[field.name], field.default, word)


def _explained(word: Word, text: str | None) -> Word:
    """Return a word that is explained by a text, unless it explains itself."""
    return word if word.help else dataclasses.replace(word, help=text)


def _unpacked(hint: Any) -> tuple[Any, ...]:
    """Return a type and its annotations."""
    return (hint.__origin__, *hint.__metadata__) if typing.get_origin(hint) is Annotated else (hint,)


def _option(name: str, hint: Any, default: Any, word: Word) -> click.Option:
    """Return the option for a keyword argument of this name, type and default."""
    written = f"--{word.name or name.replace('_', '-')}"
    if hint is bool:
        declared = f"{written}/--no-{written[2:]}" if default else written
        return click.Option([declared, name], default=default, show_default=default, help=word.help, is_flag=True)

    kind, many = _kind(hint)

    def parted(context: click.Context, parameter: click.Parameter, values: Any) -> Any:
        """Return the values with each word parted at the separator."""
        if not word.separator:
            return values
        return tuple(kind.convert(part, parameter, context) for value in values for part in value.split(word.separator))

    return Option(
        [written, name],
        type=click.STRING if word.separator else kind,
        default=default,
        multiple=many,
        metavar=word.metavar or (kind.name if isinstance(kind, Choice) else None),
        help=word.help,
        show_default=default not in (None, ()),
        callback=parted,
        continues=word.continues,
    )


def _argument(parameter: inspect.Parameter, hint: Any, word: Word) -> click.Argument:
    """Return the word, or the words, for a positional argument."""
    several = parameter.kind is inspect.Parameter.VAR_POSITIONAL
    required = parameter.default is inspect.Parameter.empty and not several
    optional = {} if required or several else {"default": parameter.default}
    return click.Argument(
        [parameter.name],
        type=_kind(hint)[0],
        required=required,
        nargs=-1 if several else 1,
        metavar=word.metavar or parameter.name.upper(),
        help=word.help,
        **optional,
    )


def _kind(hint: Any) -> tuple[click.ParamType[Any], bool]:
    """Return how values of a type are read, and whether there may be several; what is not known here is text."""
    if typing.get_origin(hint) in (Union, types.UnionType):
        kinds = [kind for kind in typing.get_args(hint) if kind is not type(None)]
        return _kind(kinds[0]) if len(kinds) == 1 else (click.STRING, False)
    if typing.get_origin(hint) is Literal:
        return Choice(typing.get_args(hint)), False
    if typing.get_origin(hint) in (Sequence, tuple):
        return _kind(typing.get_args(hint)[0])[0], True
    kinds_of = {int: Whole(), float: Number(), Path: Local()}
    return kinds_of.get(hint, click.STRING), False


def _single(verb: click.Command, words: Sequence[str]) -> Iterator[str]:
    """Yield the words with the option before each value: ``--set a=1 b=2`` becomes ``--set a=1 --set b=2``."""
    valued = {name: param for param in verb.params if isinstance(param, Option) for name in param.opts}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        yield word
        if word == "--":
            yield from rest
            return
        if word in valued:
            if not rest or rest[0].startswith("--"):
                value = valued[word].make_metavar(click.Context(verb))
                raise InputError(f"{word} says nothing: write {value} behind it.")
            yield rest.pop(0)
            while rest and not rest[0].startswith("-") and valued[word].continues(rest[0]):
                yield from (word, rest.pop(0))


def _written(param: click.Parameter | None, ctx: click.Context | None) -> str:
    """Return how an option or word is written."""
    if isinstance(param, click.Option):
        return param.opts[0]
    return param.make_metavar(ctx) if param is not None and ctx is not None else "it"
