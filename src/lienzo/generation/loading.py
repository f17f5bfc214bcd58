"""A generator made of a file's header and tensors, which may come from anyone.

The header says which network to make, and could ask for one of any size. Its pictures are therefore no larger than a
collection's, and the network is built on PyTorch's meta device first, which allocates no weights, and is compared with
the tensors of the file. Only then does it get these as its weights.
"""

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, get_args

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook
from torch.overrides import TorchFunctionMode

from lienzo.collection.settings import LARGEST, Channels
from lienzo.collection.vocabulary import Vocabulary
from lienzo.errors import GeneratorError, RecipeError
from lienzo.networks.configurations import Network
from lienzo.networks.shape import Shape
from lienzo.recipe.codec import network_from_dict


def module(state: dict[str, Tensor], header: dict[str, Any]) -> nn.Module:
    """Return the generator that a header describes, with these tensors as its weights, in evaluation mode.

    Args:
        state: the generator's tensors by name.
        header: its configuration: ``network``, ``shape`` (height, width, channels) and, if it has any, ``labels``;
            ``weights`` is ``float16`` where those are stored so, which makes a network in float32 all the same.

    Raises:
        GeneratorError: the header has another form, or describes another network than that of the tensors.
    """
    network, shape, classes = described(header)
    if header.get("weights") == "float16":
        state = {name: tensor.float() if tensor.dtype == torch.float16 else tensor for name, tensor in state.items()}
    try:
        with torch.device("meta"), _Uninitialised(), _at_most(len(state)):
            made = network.generator(shape, classes)
    except (RecipeError, RuntimeError, OverflowError, TypeError) as error:
        raise GeneratorError(f"no such network can be made ({str(error).splitlines()[0]})") from None
    wanted, found = _sizes(made.state_dict()), _sizes(state)
    if wanted != found:
        name = min(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
        there, needed = found.get(name, "missing"), wanted.get(name, "none")
        raise GeneratorError(f"its tensor {name} is {there} where {needed} belongs")
    made.load_state_dict(state, assign=True)
    return made.eval().requires_grad_(False)


def described(header: dict[str, Any]) -> tuple[Network, Shape, int]:
    """Return the network, the shape of its pictures, and the number of its labels that a header describes.

    Raises:
        GeneratorError: the header has another form.
    """
    shape, labels = header.get("shape"), header.get("labels")
    if not (isinstance(shape, list) and len(shape) == 3 and all(_is_count(side, 1) for side in shape)):
        raise GeneratorError("its shape is not height, width and channels")
    if max(shape[:2]) > LARGEST or shape[2] > max(get_args(Channels)):
        raise GeneratorError(f"its pictures are of {Shape(*shape)}, and none is larger than {LARGEST} a side")
    if labels is not None and not _is_vocabulary(labels):
        raise GeneratorError("its labels are not a kind, counts and the number of unlabelled pictures")
    try:
        network = network_from_dict(header.get("network", {}))
    except RecipeError as error:
        raise GeneratorError(str(error).rstrip(".")) from None
    return network, Shape(*shape), len(labels["counts"]) if labels else 0


def _is_vocabulary(labels: Any) -> bool:
    """Say whether a value has the fields of a :class:`~lienzo.collection.vocabulary.Vocabulary`."""
    return (
        isinstance(labels, dict)
        and labels.keys() == Vocabulary.__dataclass_fields__.keys()
        and isinstance(labels["kind"], str)
        and isinstance(labels["counts"], dict)
        and all(_is_count(number) for number in (*labels["counts"].values(), labels["unlabelled"]))
        and sum(labels["counts"].values()) + labels["unlabelled"] > 0
    )


def _is_count(value: Any, least: int = 0) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value < 2**31


def _sizes(state: dict[str, Tensor]) -> dict[str, str]:
    """Return type and size of each tensor, as text."""
    return {name: f"{tensor.dtype} {list(tensor.shape)}".removeprefix("torch.") for name, tensor in state.items()}


class _Uninitialised(TorchFunctionMode):
    """A mode in which nothing is drawn at random: on the meta device that has no effect but to import SymPy."""

    def __torch_function__(
        self, function: Callable[..., Any], _types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if function in (nn.init.normal_, Tensor.normal_):
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return (torch.empty if function is torch.randn else function)(*args, **kwargs)


@contextmanager
def _at_most(parameters: int) -> Iterator[None]:
    """Refuse the making of a network with more parameters (weights, biases and so on) than this, in this thread."""
    thread, made = threading.get_ident(), itertools.count(1)

    def count(_module: nn.Module, _name: str, _parameter: nn.Parameter) -> None:
        if threading.get_ident() == thread and next(made) > parameters:
            raise GeneratorError(f"its network has more parameters than the {parameters} tensors of the file")

    handle = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        handle.remove()
