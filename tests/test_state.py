"""The state of training: a step that a GPU can capture."""

import copy
import dataclasses
import itertools
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from lienzo.compute.pixels import from_bytes
from lienzo.errors import TrainingError
from lienzo.networks.shape import Shape
from lienzo.recipe.catalogue import RECIPES
from lienzo.recipe.recipe import Recipe
from lienzo.training import cuda_graphs
from lienzo.training import state as state_module
from lienzo.training.augmentation import CHANCES
from lienzo.training.cuda_graphs import CapturedSteps, Scheduled, StepGraphs, TakeSteps
from lienzo.training.game import SELDOM, Game, StepInputs
from lienzo.training.optimizers import Adam
from lienzo.training.state import State

CPU = torch.device("cpu")

SETTINGS = {
    "cool-down": ["cool_down=0.5"],
    "annealing": [
        "cool_down=0.8", "annealing.shape=cosine", "annealing.rates=0.25", "annealing.r1=0.1", "annealing.beta2=0.9",
        "annealing.r2=0.2", "regularisation.r2=1", "regularisation.r1=2", "regularisation.interval=2",
        "discriminator_optimizer.betas=[0.5,0.99]",
    ],
    "fade": ["network.grown=1", "fade=50", "average_half_life=50"],
    "average": ["average_half_life=50", "average_ramp=0.5", "network.discriminator_norm=spectral"],
    "ada": ["augmentation.policy=ada", "augmentation.target=-0.9", "augmentation.speed=100"],
    "labels": ["labels=colour", "accumulate=2"],
    "residual": [
        "network.name=residual", "network.width=16", "objective.name=relativistic", "regularisation.r1=1",
        "regularisation.r2=1",
    ],
    "penalty": [
        "discriminator_steps=3", "regularisation.gradient_penalty=10", "objective.name=wasserstein",
        "network.discriminator_norm=none",
    ],
    "lazy": ["regularisation.r1=1", "regularisation.interval=3", "network.discriminator_width=8"],
    "vae": ["objective.name=evidence-bound"],
}  # fmt: skip
"""What has to be the same however many steps are taken at once."""


def step_inputs(recipe: Recipe, count: int, device: torch.device = CPU) -> list[StepInputs]:
    """Return inputs of noise for pictures of 16×16×3, and of two labels where the recipe has any."""
    updates, batch, policy = recipe.discriminator_steps, recipe.batch, recipe.augmentation.policy
    source = torch.Generator().manual_seed(0)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=source).to(device)

    return [
        StepInputs(
            (uniform(updates, batch, 16, 16, 3) * 256).byte(),
            torch.randn(updates, batch, recipe.network.latents, generator=source).to(device),
            uniform(updates, batch) if recipe.regularisation.gradient_penalty else None,
            uniform(updates + 1, 2, batch, CHANCES[policy]) if policy != "none" else None,
            uniform(updates, batch, 2).round() if recipe.labels else None,
        )
        for _ in range(count)
    ]


def begun(recipe: Recipe, device: torch.device = CPU) -> State:
    return State(recipe, Shape(16, 16, 3), device, classes=2 if recipe.labels else 0)


ALIKE = ("modern-plain-128", "modern-plain-256", "modern-gpu-128", "modern-gpu-256")
"""Recipes that are at this size like one of the others: ``few`` or ``modern-gpu``."""


@pytest.mark.parametrize(
    ("recipe", "settings"),
    [
        *(
            pytest.param(recipe, ["network.width=8"], id=name, marks=[pytest.mark.slow] * (name in ALIKE))
            for name, recipe in RECIPES.items()
        ),
        *(
            pytest.param(
                RECIPES["thesis"],
                SETTINGS[name],
                id=f"thesis with {name}",
                marks=[pytest.mark.slow] * (name == "annealing"),
            )
            for name in ("labels", "annealing", "fade", "residual")
        ),
    ],
)
def test_a_step_reads_nothing_back(recipe: Callable[[], Recipe], settings: list[str]) -> None:
    """Tensors without values refuse to be read: what they pass through needs no look at the device.

    The second step reads rates and the rest from such tensors too, as in a graph.
    """
    settings = settings if any("cool_down" in setting for setting in settings) else ["cool_down=0.5", *settings]
    chosen = recipe().with_settings(["batch=8", "precision=bf16", "images=100", *settings])
    state, (one,) = begun(chosen), step_inputs(chosen, 1)
    with FakeTensorMode(allow_non_fake_inputs=True) as fake:
        given = {name: value if value is None else fake.from_tensor(value) for name, value in vars(one).items()}
        state.advance([StepInputs(**given)])
        state._take_steps([StepInputs(**given)], [Scheduled(*torch.ones(4).unbind())], [True], [True])
    assert state.images == chosen.discriminator_steps * chosen.batch


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_steps_taken_at_once_are_those_taken_one_by_one(recipe: Recipe, settings: list[str]) -> None:
    """Bit for bit, whatever follows from the clock meanwhile, and with an interruption in the middle."""
    recipe = recipe.with_settings(settings)
    recipe = recipe.with_settings(
        [f"{key}={n * 8 * recipe.discriminator_steps}" for key, n in (("images", 10), ("tick", 5))]
    )
    inputs = step_inputs(recipe, 10)
    one_by_one, at_once, other = (begun(recipe) for _ in range(3))
    for one in inputs:
        one_by_one.advance([one])
    at_once.advance(inputs[:4])
    other.restore(
        {name: value.clone() for name, value in at_once.tensors().items()}, at_once.images, 0.0, Path("checkpoint")
    )
    other.advance(inputs[4:6])
    other.advance(inputs[6:])
    assert other.images == one_by_one.images == recipe.images
    live = other.tensors()
    for name, value in one_by_one.tensors().items():
        assert torch.equal(value, live[name]), name


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a CPU have graphs: what they launch is their steps."""

    def capture(
        self: CapturedSteps, take_steps: TakeSteps, watched: Sequence[bool], penalised: Sequence[bool], *_: object
    ) -> None:
        replay = partial(take_steps, self.inputs, self.scheduled, watched, penalised)
        self.graph = SimpleNamespace(replay=replay, pool=lambda: None)  # type: ignore[assignment]

    stream = SimpleNamespace(wait_stream=lambda _: None)
    monkeypatch.setattr(CapturedSteps, "capture", capture)
    monkeypatch.setattr(torch.cuda, "Stream", lambda _: stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _: stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda _: nullcontext())


@pytest.mark.usefixtures("pretended")
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_graphs_read_what_changes_from_step_to_step(
    recipe: Recipe, settings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Graphs of one step and of three in turns; rates that are tensors differ in the last digits only."""
    recipe = recipe.with_settings(settings)
    recipe = recipe.with_settings([f"images={11 * 8 * recipe.discriminator_steps}"])
    monkeypatch.setattr(state_module, "WATCHED", 1)
    inputs = step_inputs(recipe, 11)
    plain, captured = begun(recipe), begun(recipe)
    captured.graphs = StepGraphs(CPU)
    captured.graphs.warm.update(dict.fromkeys(itertools.product((True, False), repeat=2), cuda_graphs.WARM_UP))
    for first, last in itertools.pairwise((0, 1, 4, 7, 8, 11)):
        plain.advance(inputs[first:last])
        captured.advance(inputs[first:last])
    interval = recipe.regularisation.interval
    assert {len(pattern) for pattern in captured.graphs.graphs} == {1, 3}
    assert len(captured.graphs.graphs) == (2 if interval == 1 else 4)  # with and without, and two of three steps
    assert int(captured.watched) == 5
    theirs = captured.tensors()
    for name, value in plain.tensors().items():
        if name == "watched" or name.removeprefix("sums/") in SELDOM:
            continue
        torch.testing.assert_close(theirs[name], value, rtol=1e-3, atol=1e-6, msg=name)


@pytest.mark.usefixtures("pretended")
def test_graphs_before_and_after_labels_begin_are_not_the_same(recipe: Recipe) -> None:
    """Labels begin in the middle of the steps that are taken at once."""
    recipe = recipe.with_settings([*SETTINGS["labels"], f"images={12 * 8}"])
    inputs = [dataclasses.replace(one, labels=None) if i < 5 else one for i, one in enumerate(step_inputs(recipe, 12))]
    plain, captured = begun(recipe), begun(recipe)
    captured.graphs = StepGraphs(CPU)
    captured.graphs.warm.update(dict.fromkeys(itertools.product((True, False), repeat=2), cuda_graphs.WARM_UP))
    for first, last in itertools.pairwise((0, 3, 6, 9, 12)):
        plain.advance(inputs[first:last])
        captured.advance(inputs[first:last])
    assert {(len(kinds), kinds[0][0]) for kinds in captured.graphs.graphs} == {(3, False), (3, True)}
    theirs = captured.tensors()
    for name, value in plain.tensors().items():
        if name != "watched" and name.removeprefix("sums/") not in SELDOM:
            torch.testing.assert_close(theirs[name], value, rtol=1e-3, atol=1e-6, msg=name)


def test_seldom_measures_are_means_over_the_steps_that_were_watched(recipe: Recipe) -> None:
    """One step in seven and the last before a tick; the other measures are means over every step."""
    recipe = recipe.with_settings(["tick=80", "images=160"])
    states = [begun(recipe) for _ in range(2)]
    all_of_them = []
    for i, one in enumerate(step_inputs(recipe, 20)):
        all_of_them.append(states[0].model.step(dataclasses.replace(one, real=from_bytes(one.real))))
        states[1].advance([one])
        if i % 10 == 9:
            watched = [all_of_them[j] for j in {9: (0, 7, 9), 19: (14, 19)}[i]]
            assert int(states[1].watched) == len(watched)
            means = states[1].take_measures()
            assert means.keys() == all_of_them[i].keys() >= SELDOM
            for name, value in means.items():
                taken = [float(step[name]) for step in (watched if name in SELDOM else all_of_them[i - 9 :])]
                assert value == pytest.approx(sum(taken) / len(taken), rel=1e-5)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_a_graph_computes_what_its_steps_compute(
    recipe: Recipe, settings: list[str], precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seventeen steps, without a graph, in graphs of one, and of four and one in turns.

    What follows from the clock changes meanwhile, and kernels sum in any order.
    """
    recipe = recipe.with_settings([*settings, f"precision={precision}"])
    recipe = recipe.with_settings([f"images={17 * 8 * recipe.discriminator_steps}"])
    device = torch.device("cuda")
    inputs = step_inputs(recipe, 17, device)
    taken, weights = [], []
    for warm_up, bounds in ((10**9, range(18)), (3, range(18)), (3, (0, 4, 8, 9, 13, 17))):
        monkeypatch.setattr(cuda_graphs, "WARM_UP", warm_up)
        state = begun(recipe, device)
        for first, last in itertools.pairwise(bounds):
            state.advance(inputs[first:last])
        assert bool(state.graphs and state.graphs.graphs) == (warm_up == 3)
        taken.append(state.take_measures())
        weights.append(nn.utils.get_total_norm(state.shown.parameters()).item())
    assert taken[1] == pytest.approx(taken[0], rel=3e-2, abs=1e-2)
    always = {name: value for name, value in taken[2].items() if name not in SELDOM}
    assert always == pytest.approx({name: taken[0][name] for name in always}, rel=3e-2, abs=1e-2)
    assert weights[1:] == pytest.approx([weights[0]] * 2, rel=1e-2)


@pytest.mark.filterwarnings("ignore")  # the compiler has some of its own
@pytest.mark.parametrize(
    ("settings", "device"),
    [
        pytest.param(settings, device, marks=pytest.mark.gpu if device == "cuda" else on_a_cpu)
        for settings, on_a_cpu in (
            ([], pytest.mark.slow),
            (["network.self_modulation=true", "network.minibatch_deviation=true"], pytest.mark.long),
            (["regularisation.r1=1", "regularisation.r2=1", "regularisation.interval=2"], pytest.mark.long),
            ([*SETTINGS["penalty"], "regularisation.interval=2"], pytest.mark.long),
            (SETTINGS["vae"], pytest.mark.long),
        )
        for device in ("cpu", "cuda")
    ],
)
def test_compiled_steps_are_those_that_are_not(recipe: Recipe, settings: list[str], device: str) -> None:
    """Under the names of the same tensors; on a GPU kernels sum in any order."""
    recipe = recipe.with_settings([*settings, "precision=fp32", "average_half_life=50"])
    where = torch.device(device)
    plain, compiled = begun(recipe, where), begun(recipe.with_settings(["compile=true"]), where)
    for one in step_inputs(recipe, 9 if device == "cuda" else 5, where):
        plain.advance([one])
        compiled.advance([one])
    assert bool(compiled.graphs and compiled.graphs.graphs) == (device == "cuda")
    theirs = compiled.tensors()
    assert theirs.keys() == plain.tensors().keys()
    if device == "cpu":
        for name, value in plain.tensors().items():
            torch.testing.assert_close(theirs[name], value, rtol=1e-2, atol=1e-4, msg=name)
    assert compiled.take_measures() == pytest.approx(plain.take_measures(), rel=3e-2, abs=1e-2)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_what_cannot_be_compiled_is_said_in_one_sentence(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    def step(inputs: StepInputs, watched: bool, penalised: bool) -> None:
        raise torch._dynamo.exc.InternalTorchDynamoError("no compiler\nand much more")

    state = begun(recipe.with_settings(["compile=true"]))
    monkeypatch.setattr(state.model, "step", step)
    with pytest.raises(TrainingError, match=r"\(no compiler\).*leave compile out"):
        state.advance(step_inputs(recipe, 1))


def test_penalties_are_taken_in_one_step_of_an_interval(recipe: Recipe) -> None:
    """Of the same state, a step with the penalty has it three times as strong, and the others none."""
    recipe = recipe.with_settings(SETTINGS["lazy"])
    state = begun(recipe)
    always = begun(recipe.with_settings(["regularisation.r1=3", "regularisation.interval=1"]))
    never = begun(recipe.with_settings(["regularisation.interval=1", "regularisation.r1=0"]))
    penalties, passes = [], list[int]()
    state.networks["discriminator"].register_forward_hook(
        lambda _module, inputs, _logits: passes.append(len(inputs[0]))
    )
    for i, one in enumerate(step_inputs(recipe, 7)):
        before = {name: value.clone() for name, value in state.tensors().items()}
        twin = never if i % 3 else always
        for name, value in twin.tensors().items():
            if name in before:
                value.copy_(before[name])
        state.advance([one])
        twin.advance([one])
        after, other = state.tensors(), twin.tensors()
        weights = [name for name in after if name.startswith("discriminator/layers") and name.endswith("weight")]
        assert len(weights) > 2
        for name in weights:
            torch.testing.assert_close(after[name], other[name], rtol=1e-4, atol=1e-6, msg=name)
        penalties.append(state.take_measures()["r1_penalty"])
        twin.take_measures()
    assert [penalty > 0 for penalty in penalties] == [True, False, False, True, False, False, True]
    apart, together = [8, 8, 8], [16, 8]  # real, generated, and generated for the generator
    assert passes == [*apart, *together, *together, *apart, *together, *together, *apart]


@pytest.mark.usefixtures("pretended")
def test_each_kind_of_step_is_warm_before_a_graph_holds_it(recipe: Recipe) -> None:
    """Steps with a penalty come seldom: those without are captured first."""
    recipe = recipe.with_settings(SETTINGS["lazy"])
    state = begun(recipe)
    state.graphs = StepGraphs(CPU)
    eager = []
    for one in step_inputs(recipe, 12):
        before = state.graphs.warm.total()
        state.advance([one])
        eager.append(state.graphs.warm.total() > before)
    assert eager == [True, True, True, True, True, False, True, False, False, False, False, False]
    assert set(state.graphs.graphs) == {((False, True),), ((False, False),)}


def test_what_is_annealed_goes_from_its_start_to_its_end(recipe: Recipe) -> None:
    settings = ["images=80", "cool_down=0.5", "regularisation.r1=2", "discriminator_optimizer.betas=[0.5,0.9]"]
    ends = ["annealing.rates=0.5", "annealing.r1=1", "annealing.beta2=0.99", "regularisation.r2=1", "annealing.r2=0"]
    state = begun(recipe.with_settings([*settings, *ends]))
    rate, seen = recipe.generator_optimizer.rate, []
    for one in step_inputs(state.recipe, 10):
        state.advance([one])
        players = state.optimizers["generator"], state.optimizers["discriminator"]
        assert isinstance(state.model, Game)
        seen.append((players[0].rate, state.model.r1, state.model.r2, players[0].beta2, players[1].beta2))
    assert seen[:6] == [(rate, 2.0, 1.0, 0.999, 0.9)] * 6  # the sixth step begins where they begin to change
    assert seen[8] == pytest.approx((0.7 * rate, 1.4, 0.4, 0.4 * 0.999 + 0.6 * 0.99, 0.4 * 0.9 + 0.6 * 0.99))


def test_adam_with_a_scalar_on_the_device_is_adam() -> None:
    torch.manual_seed(0)
    layers = nn.ModuleList([nn.Linear(4, 3), nn.Linear(3, 2), nn.Linear(2, 2)])
    other = copy.deepcopy(layers)
    plain, on_device = (Adam(module.parameters(), 0.01, (0.5, 0.999)) for module in (layers, other))
    for step in range(20):
        plain.beta2 = 0.99 + step / 2500
        on_device.beta2 = torch.tensor(plain.beta2)
        for part, same in [*zip(layers, other, strict=True)][: 2 + (step > 3)]:  # the last learns later than the others
            for one, two in zip(part.parameters(), same.parameters(), strict=True):
                one.grad = torch.randn_like(one)
                two.grad = one.grad.clone()
        plain.step()
        on_device.step()
    for one, two in zip(layers.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(two, one, rtol=1e-4, atol=1e-6)
    for memory, theirs in zip(plain.memory, on_device.memory, strict=True):
        torch.testing.assert_close(theirs, memory, rtol=1e-4, atol=1e-8)


def test_weights_that_are_no_numbers_are_seen_although_no_measure_tells(recipe: Recipe) -> None:
    state = State(recipe, Shape(16, 16, 3), torch.device("cpu"))
    assert state.is_finite()
    next(state.networks["discriminator"].parameters()).data[0] = torch.inf
    assert not state.is_finite()
