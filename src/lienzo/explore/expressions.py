"""Arithmetic with latents, as it is written: ``mean(1,7,9) - mean(2,4,8) + mean(3,5,6)``.

An expression is parsed as Python's grammar has it, and only these parts of it mean anything:

=====================  =============================================================================================
``7``                  the latents of seed 7
``mean(A, B, ...)``    the mean of expressions
``label('cubism')``    a label, or a mixture such as ``'cubism=0.3,baroque=0.7'``, of a conditional generator
``file('F', 2)``       the third latents in a file that lienzo wrote; without a number the first
``A + B``, ``A - B``   sums and differences
``0.5 * A``, ``A / 2`` multiples, by numbers such as ``-1/2``
``-A``                 the opposite
=====================  =============================================================================================
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lienzo.errors import InputError
from lienzo.generation.spans import LAST_SEED

Array = NDArray[np.float64]

LARGEST = 10_000
"""Largest number of characters in an expression."""

DEEPEST = 200
"""Largest number of parts of an expression that stand within one another, as those of a long sum do."""

TOO_LARGE = f"the numbers of an expression are {LAST_SEED} at most: give lower ones."
"""What is said of a larger number."""


@dataclass(frozen=True)
class Point:
    """A point in the vector space of latents and labels."""

    z: Array
    """Latents (latents,)."""
    y: Array
    """(classes,), the label's row; empty where the generator knows no labels."""

    def __add__(self, other: "Point") -> "Point":
        return Point(self.z + other.z, self.y + other.y)

    def __mul__(self, factor: float) -> "Point":
        return Point(self.z * factor, self.y * factor)


class Names(Protocol):
    """The meaning of seeds, labels and files in an expression."""

    def seed(self, seed: int) -> Point:
        """Return the latents of a seed."""
        ...

    def label(self, text: str) -> Point:
        """Return a label, without latents."""
        ...

    def file(self, path: str, number: int) -> Point:
        """Return latents from a file."""
        ...


@dataclass(frozen=True)
class Term:
    """A part of a sum, with its sign."""

    text: str
    """The term as it was written."""
    sign: float
    """Its sign, +1 or −1."""
    point: Point
    """Point that the term is equal to, without its sign."""
    parts: tuple[Point, ...]
    """Points that the term is the mean of; the term itself where it is no mean."""


def parse(text: str) -> ast.expr:
    """Return an expression's tree.

    Raises:
        InputError: it is not well formed.
    """
    if len(text) > LARGEST:
        raise InputError(f"an expression of {len(text):,} characters is too long: {LARGEST:,} are the most.")
    if re.search(r"[\d_]{1000}", text):  # of more than 4,300 digits Python makes no number
        raise InputError(TOO_LARGE)
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(
            f"'{text}' is no expression ({error.args[0] if error.args else error}): "
            "write one such as mean(1,7,9) - mean(2,4,8) + mean(3,5,6)."
        ) from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not node.value <= LAST_SEED:
            raise InputError(TOO_LARGE)
    level, depth = [tree], 0
    while level:
        level = [child for node in level for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        depth += 1
    if depth > DEEPEST:
        raise InputError(f"an expression of {depth} parts within one another is too deep: mean(...) takes any number.")
    return tree


def value(tree: ast.expr, names: Names) -> Point:
    """Return what an expression comes to.

    Raises:
        InputError: a part of it means nothing here.
    """
    match tree:
        case ast.Constant(value=int() as seed) if not isinstance(seed, bool):
            return names.seed(seed)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return value(operand, names) * -1.0
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return value(operand, names)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return value(left, names) + value(right, names)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return value(left, names) + value(right, names) * -1.0
        case ast.BinOp(left=left, op=ast.Mult(), right=right) if (factor := _number(left)) is not None:
            return value(right, names) * factor
        case ast.BinOp(left=left, op=ast.Div(), right=right) if divisor := _number(right):
            return value(left, names) * (1 / divisor)
        case ast.Call(func=ast.Name(id=function), args=arguments, keywords=[]) if function in FUNCTIONS and arguments:
            return FUNCTIONS[function](arguments, names)
    raise InputError(
        f"'{ast.unparse(tree)}' means nothing in an expression: it takes seeds, mean(...), label('NAME'), "
        "file('FILE', 0), +, -, and a number times or by a part."
    )


def terms(tree: ast.expr, names: Names, sign: float = 1.0) -> Iterator[Term]:
    """Yield the parts of the outermost sum, from left to right: what a drawing of the expression shows."""
    match tree:
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
            yield from terms(left, names, sign)
            yield from terms(right, names, sign if isinstance(op, ast.Add) else -sign)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield from terms(operand, names, -sign)
        case ast.Call(func=ast.Name(id="mean"), args=arguments) if arguments:
            parts = tuple(value(argument, names) for argument in arguments)
            yield Term(ast.unparse(tree), sign, value(tree, names), parts)
        case _:
            point = value(tree, names)
            yield Term(ast.unparse(tree), sign, point, (point,))


def _number(tree: ast.expr) -> float | None:
    """Return what a factor such as ``-1/2`` comes to; none for what is no number."""
    match tree:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return float(number)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            if (inner := _number(operand)) is not None:
                return -inner if isinstance(sign, ast.USub) else inner
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div() as op, right=right):
            first, second = _number(left), _number(right)
            if first is None or second is None or (isinstance(op, ast.Div) and not second):
                return None
            return first * second if isinstance(op, ast.Mult) else first / second
    return None


def _mean(arguments: list[ast.expr], names: Names) -> Point:
    points = [value(argument, names) for argument in arguments]
    total = points[0]
    for point in points[1:]:
        total = total + point
    return total * (1 / len(points))


def _label(arguments: list[ast.expr], names: Names) -> Point:
    match arguments:
        case [ast.Constant(value=str() as text)]:
            return names.label(text)
    raise InputError("label takes the name of one label in quotes, such as label('cubism').")


def _file(arguments: list[ast.expr], names: Names) -> Point:
    match arguments:
        case [ast.Constant(value=str() as path)]:
            return names.file(path, 0)
        case [ast.Constant(value=str() as path), ast.Constant(value=int() as number)]:
            return names.file(path, number)
    raise InputError("file takes a path in quotes and a number, such as file('kept.safetensors', 2).")


FUNCTIONS: dict[str, Callable[[list[ast.expr], Names], Point]] = {"mean": _mean, "label": _label, "file": _file}
"""Functions that an expression may call."""
