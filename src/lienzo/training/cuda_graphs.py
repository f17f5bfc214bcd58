"""Training steps as CUDA graphs: a GPU gets one launch for eight steps instead of hundreds for each.

A graph repeats kernels on the memory that they had when it was captured. So inputs are copied into buffers of its own,
and numbers that change with the clock, such as learning rates, are scalars on the device.
"""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from lienzo.training.game import StepInputs

WARM_UP = 3
"""Steps that a GPU takes one by one before they are captured as a graph: libraries choose their kernels meanwhile."""

STEPS_PER_GRAPH = 8
"""Steps of one graph, where nothing is due between them; on an H200, 32 are no faster."""


class Scheduled(NamedTuple):
    """The numbers of a step that follow from the clock: scalars on the device in a graph."""

    rates: float | Tensor
    """The factor of the learning rates."""
    left: float | Tensor
    """How far other numbers are from the ends that they go to: 1 at the beginning, 0 at the end."""
    fade: float | Tensor
    """How much the new layers of a grown network count after the step."""
    share: float | Tensor
    """The share of the generator in its average after the step."""


class TakeSteps(Protocol):
    """A function that takes training steps, and neither reads the clock nor a number on the device."""

    def __call__(
        self,
        inputs: Sequence[StepInputs],
        scheduled: Sequence[Scheduled],
        watched: Sequence[bool],
        penalised: Sequence[bool],
    ) -> None:
        """Take a step with each of the inputs; ``watched`` and ``penalised`` are flags of each step."""
        ...


Kind = tuple[bool, bool]
"""Whether a step has labels, and whether it has penalties."""


class StepGraphs:
    """Takes steps one by one until they are warm, then captures them as graphs, one for each pattern of kinds.

    A kind of step says whether it has labels, which may begin to count within a run, and whether it has penalties.
    """

    def __init__(self, device: torch.device) -> None:
        """Take the GPU that the steps run on."""
        self.device = device
        self.graphs: dict[tuple[Kind, ...], CapturedSteps] = {}
        self.warm = Counter[Kind]()
        self.stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def run(
        self,
        take_steps: TakeSteps,
        inputs: Sequence[StepInputs],
        scheduled: Sequence[Scheduled],
        watched: Sequence[bool],
        penalised: tuple[bool, ...],
    ) -> None:
        """Take a step with each of the inputs."""
        kinds = tuple((one.labels is not None, each) for one, each in zip(inputs, penalised, strict=True))
        begins = len({labelled for labelled, _ in kinds}) > 1  # labels begin among them: once in a run
        if begins or min(self.warm[kind] for kind in kinds) < WARM_UP:
            self.warm.update(kinds)
            self.stream.wait_stream(torch.cuda.current_stream(self.device))
            with torch.cuda.stream(self.stream):
                take_steps(inputs, scheduled, watched, penalised)
            torch.cuda.current_stream(self.device).wait_stream(self.stream)
            return
        if kinds not in self.graphs:
            captured = CapturedSteps(inputs, self.device)
            pool = next((other.graph.pool() for other in self.graphs.values()), None)
            captured.capture(take_steps, watched, penalised, self.stream, pool)
            self.graphs[kinds] = captured
        self.graphs[kinds].replay(inputs, scheduled)


class CapturedSteps:
    """Some steps as one graph, and the buffers that it reads.

    Graphs share the memory of what they hold meanwhile: one runs at a time, and none needs what another left there.
    """

    def __init__(self, inputs: Sequence[StepInputs], device: torch.device) -> None:
        """Make buffers for inputs like these."""
        self.inputs = [
            dataclasses.replace(one, **{name: value.clone() for name, value in _given(one).items()}) for one in inputs
        ]
        self.buffers = {name: [getattr(one, name) for one in self.inputs] for name in _given(inputs[0])}
        numbers = torch.zeros(len(inputs), len(Scheduled._fields), device=device)
        self.scheduled = [Scheduled(*of_step.unbind()) for of_step in numbers]
        self.written: list[Scheduled | None] = [None] * len(inputs)

    def capture(
        self,
        take_steps: TakeSteps,
        watched: Sequence[bool],
        penalised: Sequence[bool],
        stream: torch.cuda.Stream,
        pool: Any,
    ) -> None:
        """Record the kernels of the steps; ``pool`` is the memory of the graphs before, if any."""
        self.graph = torch.cuda.CUDAGraph()
        # thread_local: the input pipeline uses the GPU from another thread meanwhile
        with torch.cuda.graph(self.graph, pool, stream, "thread_local"):
            take_steps(self.inputs, self.scheduled, watched, penalised)

    def replay(self, inputs: Sequence[StepInputs], scheduled: Sequence[Scheduled]) -> None:
        """Copy inputs and scheduled numbers into the buffers, and launch the graph."""
        given = [_given(one) for one in inputs]
        for name, buffers in self.buffers.items():
            torch._foreach_copy_(buffers, [values[name] for values in given])
        for scalars, numbers, written in zip(self.scheduled, scheduled, self.written, strict=True):
            if numbers != written:
                for scalar, number in zip(scalars, numbers, strict=True):
                    assert isinstance(scalar, Tensor)
                    scalar.fill_(number)
        self.written = [*scheduled]
        self.graph.replay()


def _given(inputs: StepInputs) -> dict[str, Tensor]:
    """Return the tensors that there are, by field."""
    return {name: value for name, value in vars(inputs).items() if value is not None}
