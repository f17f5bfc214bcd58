"""The codec of recipes: dataclasses as plain values, as TOML and JSON hold them, and back, with every value checked."""

import dataclasses
import math
import tomllib
import types
import typing
from collections.abc import Sequence
from typing import Any, Literal

from lienzo.errors import RecipeError, unknown
from lienzo.networks.configurations import NETS, Network
from lienzo.recipe.likelihood import LIKELIHOODS, EvidenceBound
from lienzo.recipe.objectives import OBJECTIVES, Objective

NAMED: dict[Any, dict[str, type[Any]]] = {Network: NETS, Objective | EvidenceBound: OBJECTIVES | LIKELIHOODS}
"""Fields of these types become tables whose key ``name`` chooses a class from a dict."""

LENGTHS = {"epochs": "images", "images": "epochs"}
"""Key of a recipe -> the key that it replaces: a length is in epochs or in pictures."""


def network_to_dict(network: Network) -> dict[str, Any]:
    """Return a network's name and configuration as plain values."""
    return to_dict(network)


def network_from_dict(values: dict[str, Any]) -> Network:
    """Return the network that :func:`network_to_dict` wrote down.

    Raises:
        RecipeError: an unknown network, or one with other keys.
    """
    network: Network = from_plain(Network, values, "network")
    return network


def changed(values: dict[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """Return the plain values of a recipe with settings such as ``network.width=32`` applied.

    The order of the settings does not matter. Where ``name`` chooses another class, only the settings that are given
    are kept of its table.

    Raises:
        RecipeError: no setting, an unknown table, or two settings of which one would be lost.
    """
    given: dict[tuple[str, ...], Any] = {}
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals:
            raise RecipeError(f"'{setting}' is no setting: write key=value, such as batch=64 or network.width=32.")
        keys = tuple(path.strip().split("."))
        if keys in given:
            raise RecipeError(f"{path.strip()} is set twice: give it once.")
        given[keys] = read(text.strip())
    for keys in sorted(given, key=lambda keys: keys[-1] != "name"):  # the class first, then its keys
        for i in range(1, len(keys)):
            if keys[:i] in given:
                whole = ".".join(keys[:i])
                raise RecipeError(f"{whole} and {'.'.join(keys)} are both set: set the table, or its keys.")
        table = _table(values, keys)
        if len(keys) > 1 and keys[-1] == "name" and table.get("name") != given[keys]:
            table.clear()  # another class has other keys
        table[keys[-1]] = given[keys]
    for key, other in LENGTHS.items():
        if (key,) in given and (other,) not in given:
            values.pop(other, None)
    return values


def _table(values: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """Return the table of a recipe's plain values that holds the last of these keys."""
    for name in keys[:-1]:
        if not isinstance(values.get(name), dict):
            tables = [key for key, value in values.items() if isinstance(value, dict)]
            raise RecipeError(unknown("table of a recipe", name, tables))
        values = values[name]
    return values


def read(text: str) -> Any:
    """Return the value of a setting as it is written on a command line: TOML, or a word without quotation marks."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):  # no TOML; digits or brackets without end
        return text


def to_dict(value: Any) -> dict[str, Any]:
    """Return a dataclass as plain values; what is None is left out."""
    plain: dict[str, Any] = {}
    for classes in NAMED.values():
        if type(value) in classes.values():
            plain["name"] = next(name for name, known in classes.items() if known is type(value))
    for entry in dataclasses.fields(value):
        part = getattr(value, entry.name)
        if part is not None:
            plain[entry.name] = _to_plain(part)
    return plain


def _to_plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return to_dict(value)
    return list(value) if isinstance(value, tuple) else value


def from_plain(kind: Any, value: Any, where: str = "") -> Any:
    """Return a plain value as what an annotation says.

    Args:
        kind: the annotation: a dataclass, a type among :data:`NAMED`, a literal, a tuple, a number, a text or a bool.
        value: what TOML or JSON holds.
        where: its key, for messages; nothing for the whole.

    Raises:
        RecipeError: an unknown or missing key, or a value of the wrong type.
    """
    if kind in NAMED:
        table = dict(_expect(dict, value, where, "a table"))
        if "name" not in table:
            raise RecipeError(f"{where} lacks a name: give one of {', '.join(sorted(NAMED[kind]))}.")
        name = table.pop("name")
        if not isinstance(name, str) or name not in NAMED[kind]:
            raise RecipeError(unknown(where, str(name), NAMED[kind]))
        return from_plain(NAMED[kind][name], table, where)
    if dataclasses.is_dataclass(kind):
        return _from_table(kind, _expect(dict, value, where, "a table"), where)
    if typing.get_origin(kind) is types.UnionType:
        return from_plain(next(choice for choice in typing.get_args(kind) if choice is not type(None)), value, where)
    if typing.get_origin(kind) is Literal:
        if value not in typing.get_args(kind):
            raise RecipeError(unknown(f"value of {where}", str(value), typing.get_args(kind)))
        return value
    if typing.get_origin(kind) is tuple:
        parts = typing.get_args(kind)
        wanted = f"a list of {len(parts)} numbers, such as [0.5, 0.999]"
        values = _expect(list, value, where, wanted)
        if len(values) != len(parts):
            raise RecipeError(f"{where} is {value!r}, but has to be {wanted}.")
        return tuple(from_plain(part, item, where) for part, item in zip(parts, values, strict=True))
    if kind is float:
        number = float(_expect((int, float), value, where, "a number"))
        if not math.isfinite(number):
            raise RecipeError(f"{where} is {value!r}, but has to be a finite number.")
        return number
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    return _expect(kind, value, where, {int: "a whole number", bool: "true or false", str: "a text"}[kind])


def _from_table(kind: Any, table: dict[str, Any], where: str) -> Any:
    hints = typing.get_type_hints(kind)
    names = [entry.name for entry in dataclasses.fields(kind)]
    prefix = f"{where}." if where else ""
    for key in table:
        if key not in names:
            tables = {} if where else {name: part for name, part in table.items() if isinstance(part, dict)}
            within = [f"{name}.{inner}" for name, part in tables.items() for inner in part]
            raise RecipeError(unknown("key of a recipe", prefix + key, [prefix + name for name in names], within))
    arguments = {name: None for name in names if type(None) in typing.get_args(hints[name])}  # to_dict leaves these out
    arguments |= {key: from_plain(hints[key], value, prefix + key) for key, value in table.items()}
    missing = {e.name for e in dataclasses.fields(kind) if _required(e)} - arguments.keys()
    if missing:
        raise RecipeError(f"the recipe lacks {', '.join(sorted(prefix + name for name in missing))}: add it.")
    try:
        return kind(**arguments)
    except RecipeError:
        raise
    except ValueError as error:
        raise RecipeError(f"{where}: {error}") from None


def _required(entry: "dataclasses.Field[Any]") -> bool:
    return entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING


def _expect(kind: Any, value: Any, where: str, what: str) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise RecipeError(f"{where} is {value!r}, but has to be {what}.")
    return value
