"""More than one process: `torchrun` starts them, and each trains on its share of every batch.

All that passes between processes passes through here. Outside of torchrun there is one process and no group: then these
functions return what they are given.

Gradients are averaged explicitly, between the backward pass and the optimiser's step, and not by
``DistributedDataParallel``. That hooks into one forward and one backward pass for each update; here the discriminator
takes up to three batches in one update, is differentiated twice by gradient penalties, and passes the generator's
gradient on without one of its own. One explicit average is right in all of these cases, and can be read.
"""

import atexit
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from lienzo.errors import InputError, ProcessError, RecipeError, RunError

Value = TypeVar("Value")


def join(device: torch.device) -> torch.device:
    """Join the group of processes that torchrun started, if it started this one, and return the device of this process.

    Raises:
        InputError: the machine has fewer GPUs than processes, or they are to share what they cannot share.
    """
    if not distributed.is_torchelastic_launched():
        return device
    local, here = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])
    if device.type == "cuda":
        if here > torch.cuda.device_count():
            raise InputError(
                f"this machine has {torch.cuda.device_count()} GPUs for {here} processes: "
                "give torchrun --nproc-per-node=gpu, one process for each."
            )
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
    elif device.type != "cpu" and int(os.environ["WORLD_SIZE"]) > 1:
        raise InputError(
            f"several processes cannot share the device {device.type}: train with --device cpu, or in one."
        )
    if not distributed.is_initialized():
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        store, rank, size = next(rendezvous("env://"))
        restart = os.environ["TORCHELASTIC_RESTART_COUNT"]  # the store may still hold the addresses of dead processes
        store = PrefixStore(f"restart {restart}", store)
        distributed.init_process_group(backend, store=store, rank=rank, world_size=size)
        atexit.register(distributed.destroy_process_group)
    return device


@contextmanager
def _reaching() -> Iterator[None]:
    """Raise a ProcessError, one sentence, where gloo or NCCL fail with messages about sockets and their own source."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise ProcessError(
            "another process has gone or cannot be reached: start the same command again, "
            "it goes on from the last checkpoint."
        ) from error


@_reaching()
def _add_up(tensor: Tensor) -> None:
    """Overwrite a tensor with its sum over the processes."""
    distributed.all_reduce(tensor)


def count() -> int:
    """Return how many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Return the number of this process among those that train together, from 0 on."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def leads() -> bool:
    """Say whether this process is the first, which alone reads and writes the run's folder."""
    return rank() == 0


def share(batch: int, parts: int = 1) -> slice:
    """Return which pictures of a global batch are those of this process, which takes them in so many equal parts.

    Raises:
        RecipeError: the parts cannot be equal.
    """
    unit = count() * parts
    if batch % unit:
        each = f" in {parts} parts each" * (parts > 1)
        raise RecipeError(
            f"a batch of {batch} cannot be shared equally by {count()} processes{each}: "
            f"set batch={-(-batch // unit) * unit}, or give torchrun another number of processes."
        )
    own = batch // count()
    return slice(rank() * own, (rank() + 1) * own)


def synchronise(module: nn.Module) -> None:
    """Average a network's gradients over the processes.

    Losses are means over equal shares of a batch, so the average is the gradient of the mean over the whole batch.
    """
    if count() == 1:
        return
    gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
    average = mean(torch.cat([gradient.flatten() for gradient in gradients]))
    parts = torch.split(average, [gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


def mean(tensor: Tensor) -> Tensor:
    """Return the average of a tensor over the processes, without gradients."""
    if count() == 1:
        return tensor
    total = tensor.detach().clone()
    _add_up(total)
    return total.div_(count())


class _Sum(torch.autograd.Function):
    """The sum over the processes; its derivative, of any order, is the sum over the processes."""

    @staticmethod
    def forward(context: Any, tensor: Tensor) -> Tensor:  # noqa: ARG004
        total = tensor.contiguous().clone()
        _add_up(total)
        return total

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:  # noqa: ARG004
        total: Tensor = _Sum.apply(gradients[0])  # type: ignore[no-untyped-call]
        return total


def gathered(tensor: Tensor) -> Tensor:
    """Return the tensors (...) of all processes as (processes, ...), which can be differentiated any number of times.

    The gradient that each process gets is that of the sum of all processes' losses, its share in the others' included.
    """
    if count() == 1:
        return tensor[None]
    own = torch.zeros(count(), *[1] * tensor.dim(), dtype=tensor.dtype, device=tensor.device)
    own[distributed.get_rank()] = 1
    everyone: Tensor = _Sum.apply(own * tensor)  # type: ignore[no-untyped-call]
    return everyone


@_reaching()
def broadcast(value: Value) -> Value:
    """Return the value of the first process, in every process; it has to be one that pickle knows."""
    if count() == 1:
        return value
    values = [value]
    distributed.broadcast_object_list(values, src=0, device=torch.device("cpu"))
    return values[0]


@_reaching()
@torch.no_grad()
def follow(tensors: Iterable[Tensor]) -> None:
    """Overwrite tensors with those of the first process."""
    if count() == 1:
        return
    for tensor in tensors:
        copy = tensor.contiguous()
        distributed.broadcast(copy, src=0)
        tensor.copy_(copy)


def any_of(flag: bool) -> bool:
    """Say whether the flag is up in any process."""
    if count() == 1:
        return flag
    raised = torch.tensor(int(flag))
    _add_up(raised)
    return bool(raised)


@contextmanager
def leading() -> Iterator[bool]:
    """Give whether this process is the first, and let the others wait until it has left the block.

    Raises:
        RunError: in the others, where the first process failed.
    """
    done = False
    try:
        yield leads()
        done = True
    finally:
        if not broadcast(done) and done:
            raise RunError("the first process cannot go on: see what it says, and start all of them again.")
