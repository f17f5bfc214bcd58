"""Arguments that are declared once: settings that become arguments, and verbs made of their steps."""

import functools
import inspect
from collections.abc import Callable, Generator
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

First = TypeVar("First")
Second = TypeVar("Second")
Result = TypeVar("Result")
Chosen = TypeVar("Chosen")
Chosen_co = TypeVar("Chosen_co", covariant=True)
Fields = ParamSpec("Fields")


class Spread(Protocol[Fields, Chosen_co]):
    """A decorator that puts the fields of settings in the place of the settings, which a function takes last."""

    @overload
    def __call__(
        self, function: Callable[[First, Chosen_co], Result], /
    ) -> Callable[Concatenate[First, Fields], Result]: ...

    @overload
    def __call__(
        self, function: Callable[[First, Second, Chosen_co], Result], /
    ) -> Callable[Concatenate[First, Second, Fields], Result]: ...


def takes(settings: Callable[Fields, Chosen]) -> Spread[Fields, Chosen]:
    """Let a function of one or two arguments and settings take the settings' fields instead of the settings.

    Type checkers and :func:`inspect.signature` see the fields, with their types and defaults.

    >>> @dataclass(frozen=True, kw_only=True)
    ... class Settings:
    ...     size: int = 64
    >>> @takes(Settings)
    ... def prepare(source, out, settings):
    ...     return source, out, settings
    >>> prepare("paintings", "art", size=32)
    ('paintings', 'art', Settings(size=32))

    Args:
        settings: the dataclass; its fields are keyword-only.
    """
    make: Callable[..., Chosen] = settings
    fields = inspect.signature(make).parameters.values()

    def spread(function: Callable[..., Result]) -> Callable[..., Result]:
        signature = inspect.signature(function)
        *own, last = signature.parameters.values()
        names = [parameter.name for parameter in own]

        @functools.wraps(function)
        def called(*given: Any, **named: Any) -> Result:
            first = {name: named.pop(name) for name in names if name in named}
            return function(*given, **first, **{last.name: make(**named)})

        called.__signature__ = signature.replace(parameters=[*own, *fields])  # type: ignore[attr-defined]
        return called

    return spread


def finished(steps: Callable[Fields, Generator[Any, None, Result]], name: str) -> Callable[Fields, Result]:
    """Return the function that runs an iterator of progress to its end, and returns what it came to.

    It has the arguments and the docstring of the iterator's function.

    >>> def steps(count):
    ...     yield "half of it"
    ...     return 2 * count
    >>> double = finished(steps, "double")
    >>> double(3)
    6

    Args:
        steps: yields progress, and returns a result.
        name: of the function.
    """

    @functools.wraps(steps)
    def to_the_end(*given: Fields.args, **named: Fields.kwargs) -> Result:
        going = steps(*given, **named)
        while True:
            try:
                next(going)
            except StopIteration as ended:
                result: Result = ended.value
                return result

    to_the_end.__name__ = to_the_end.__qualname__ = name
    return to_the_end
