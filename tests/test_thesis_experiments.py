"""The long experiments of the thesis: what they switch off is switched off, and interrupted ones go on."""

import dataclasses
from collections.abc import Generator, Sequence
from pathlib import Path
from types import ModuleType

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from lienzo.collection.collection import Collection
from lienzo.collection.preparation import prepare
from lienzo.collection.reasons import Reason
from lienzo.compute import machine
from lienzo.errors import InputError
from lienzo.networks.configurations import DCGAN
from lienzo.recipe.catalogue import thesis
from lienzo.run.run import Run
from lienzo.theory.finding import Drawing
from lienzo.thesis import computing, kept
from lienzo.thesis.edition import Edition
from lienzo.thesis.experiments import ablations, downsampling, dying_units, paintings
from lienzo.thesis.experiments.ablations import VARIANTS, Measured, Plan, Row
from lienzo.thesis.experiments.conditions import computed_by
from lienzo.thesis.experiments.manners import painted
from lienzo.thesis.figures import cleaning, machines, sample
from lienzo.thesis.kept import Kept
from lienzo.training.optimizers import Adam


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(80):
        pixels = np.random.default_rng(number).integers(0, 256, (16, 16, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return prepare(folder, folder.parent / "collection", size=16, holdout=0.5, workers=1)


def finished(variant: str, seed: int, kid: float, collection: str = "", machine: str = "a processor") -> Row:
    measures = {"kid": Measured(kid, 0.01), "precision": 0.5, "diversity": 0.9}
    return Row(variant, seed, (16, 16), 4, 16, 1.0, collection, 2_000, machine, **measures)  # type: ignore[arg-type]


def test_each_variant_differs_from_the_thesis_in_its_own_point_alone() -> None:
    recipes = {name: ablations.recipe(name, 1, 160_000, 16).to_dict() for name in VARIANTS}
    own = recipes.pop("thesis")
    settings = ["network.width=16", "seed=1", "tick=6400", "keep_epochs=false"]
    assert own == thesis().with_settings(settings).lasting(None, 160_000).to_dict()
    for name, recipe in recipes.items():
        changed = {key for key in own if own[key] != recipe[key]} - {"name"}
        keys = {setting.partition("=")[0].partition(".")[0] for setting in VARIANTS[name].settings}
        assert changed == keys, name
    assert own["batch"] == 128


def test_finished_runs_are_passed_over_and_foreign_ones_refused(collection: Collection, tmp_path: Path) -> None:
    plan = Plan(collection, tmp_path, ["thesis", "pooling"], [0, 1], images=16, width=4)
    for seed in plan.seeds:
        for name in plan.variants:
            (tmp_path / f"{name}-{seed}").mkdir()
            row = finished(name, seed, 0.2 + seed / 10, collection.fingerprint)
            (tmp_path / f"{name}-{seed}" / ablations.ROW).write_bytes(msgspec.json.encode(row))
    made = [row for _, row in ablations.steps(plan) if row is not None]
    assert [(row.variant, row.seed) for row in made] == [("thesis", 0), ("pooling", 0), ("thesis", 1), ("pooling", 1)]
    other = dataclasses.replace(collection, fingerprint="another")
    for foreign in (
        dataclasses.replace(plan, images=32), dataclasses.replace(plan, width=8),
        dataclasses.replace(plan, collection=other), dataclasses.replace(plan, samples=100),
    ):  # fmt: skip
        with pytest.raises(InputError, match="another collection, width, length or number of pictures to score"):
            ablations.row(foreign, "thesis", 0)


def test_an_experiment_that_was_written_begins_anew_and_an_interrupted_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def result(folder: Path, _edition: Edition) -> Generator[str, None, tuple[Kept, Sequence[Drawing]]]:
        folder.mkdir(parents=True, exist_ok=True)
        for part in ("first", "second"):
            if not (folder / part).exists():
                yield part
                (folder / part).touch()
        return Kept("a title", "a command", "a processor", kept.today(), (0,), 1.0), ()

    monkeypatch.setitem(computing.RESULTS, "dull", result)
    interrupted = computing.compute("dull", tmp_path, Edition())
    assert [next(interrupted), next(interrupted)] == ["first", "second"]
    interrupted.close()
    assert [*computing.compute("dull", tmp_path, Edition())] == ["second"]
    assert kept.names(tmp_path) == ["dull"]
    assert [*computing.compute("dull", tmp_path, Edition())] == ["first", "second"]
    assert [path.name for path in tmp_path.iterdir()] == ["dull.json"]


def test_a_collection_without_pictures_held_out_is_refused(collection: Collection, tmp_path: Path) -> None:
    without = prepare(next(collection.path.parent.glob("pictures*")), tmp_path / "c", size=16, workers=1)
    with pytest.raises(InputError, match="--holdout"):
        Plan(without, tmp_path)


def test_a_result_has_a_row_for_each_variant_and_says_what_failed(tmp_path: Path) -> None:
    rows = [finished("thesis", 0, 0.3), finished("thesis", 1, 0.5), finished("norm", 0, 0.7)]
    rows.append(Row("norm", 1, (16, 16), 4, 16, 1.0, machine="a GPU", failure="no numbers any more"))
    kept.write("ablations", *ablations.summary(rows, "squares", "a command"), tmp_path)
    assert kept.read("ablations", tmp_path).processor == "a GPU; a processor"
    table = kept.read("ablations", tmp_path).tables[0]
    assert [row[:4] for row in table.rows] == [
        ("nothing", "all recommendations", "2", "0.4000 ± 0.1414"),
        ("batch normalisation in both", "none", "2", "0.7000 ± 0.0100"),
    ]
    assert [row[-1] for row in table.rows] == ["0", "1"]
    assert "norm" in kept.drawing("ablations", 1, tmp_path).caption


@pytest.mark.slow
def test_an_interrupted_run_goes_on(collection: Collection, tmp_path: Path) -> None:
    plan = Plan(collection, tmp_path, ["norm"], [0], images=64, width=4, samples=32)
    small = ablations.recipe("norm", 0, 64, 4).with_settings(["batch=8", "tick=8"])
    original, ablations.recipe = ablations.recipe, lambda *_: small  # type: ignore[assignment]
    try:
        ticks = ablations.loop.steps(collection, small, tmp_path / "norm-0", device="cpu")
        next(ticks)
        ticks.close()
        row = ablations.row(plan, "norm", 0)
    finally:
        ablations.recipe = original
    assert Run(tmp_path / "norm-0").log()[-1]["images"] == 64
    assert row.kid is not None
    assert row.real_score is not None
    assert row == ablations.rows(tmp_path)[0]
    assert row.machine == f"{machine.processor()}, one thread"
    assert ablations.row(plan, "norm", 0) == row


def test_a_result_names_the_gpu_or_the_threads_that_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    described = {"model": "a processor", "threads": 4}
    monkeypatch.setattr(Run, "manifest", lambda self: {"machine": described})
    assert computed_by(Run(tmp_path)) == "a processor, at most 4 threads"
    described["threads"] = 1
    assert computed_by(Run(tmp_path)) == "a processor, one thread"
    described |= {"gpu": "a GPU"}
    assert computed_by(Run(tmp_path)) == "a GPU"


@pytest.mark.parametrize("experiment", [downsampling, dying_units])
def test_small_experiments_are_computed_by_one_thread(experiment: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    used = []

    class Watched(Adam):
        def step(self) -> None:
            used.append(torch.get_num_threads())
            super().step()

    for name in {"TEST", "STEPS", "PICTURES", "BATCH"} & vars(experiment).keys():
        monkeypatch.setattr(experiment, name, 4)
    monkeypatch.setattr(experiment, "Adam", Watched)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        if experiment is downsampling:
            downsampling.classified(DCGAN(width=4), *painted(8, downsampling.SIDE, 0), 0)
        else:
            dying_units.dead_share(DCGAN(width=4), 0.002, 0)
        assert set(used) == {1}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_dead_units_are_counted() -> None:
    discriminator = nn.Sequential(nn.Conv2d(1, 4, 1), nn.LeakyReLU(0.2), nn.Conv2d(4, 4, 1), nn.ReLU())
    with torch.no_grad():
        for layer, biases in ((0, (-9, -9, 9, 9)), (2, (-9, 9, 9, 9))):
            discriminator[layer].weight.zero_()  # type: ignore[operator,union-attr]
            discriminator[layer].bias.copy_(torch.tensor(biases))  # type: ignore[operator,union-attr]
    assert dying_units.dead(discriminator, torch.zeros(2, 1, 3, 3)) == 3 / 8


def test_both_classifiers_have_almost_equally_many_parameters() -> None:
    (one, products), (other, more) = (downsampling._sizes(network) for network in downsampling.CLASSIFIERS.values())
    assert abs(one / other - 1) < 0.02
    assert more > 3 * products


@pytest.mark.slow
def test_small_experiments_can_be_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(downsampling, "SEEDS", (0, 1))
    monkeypatch.setattr(downsampling, "STEPS", 3)
    monkeypatch.setattr(downsampling, "TEST", 12)
    monkeypatch.setattr(dying_units, "SEEDS", (0, 1))
    monkeypatch.setattr(dying_units, "STEPS", 1)
    monkeypatch.setattr(dying_units, "PICTURES", 12)
    monkeypatch.setattr(dying_units, "BATCH", 6)
    for name, experiment in (("downsampling", downsampling), ("dying-units", dying_units)):
        running = experiment.result(tmp_path, Edition())
        try:
            while True:
                assert next(running)
        except StopIteration as end:
            kept.write(name, *end.value, tmp_path)
        assert kept.read(name, tmp_path).tables[0].rows


def test_the_painters_pictures_come_in_turn() -> None:
    pictures, manners = painted(7, 16, 0)
    assert pictures.shape == (7, 3, 16, 16)
    assert manners.tolist() == [0, 1, 2, 3, 4, 5, 0]
    assert pictures.abs().max() <= 1
    assert not torch.equal(painted(1, 16, 1)[0], pictures[:1])


def test_the_figures_of_the_data_are_those_of_the_readers_collection(collection: Collection) -> None:
    assert set(cleaning.SPANISH) == set(Reason)
    table = cleaning.reasons(Edition("es", collection))
    assert table.headers[-1] == "ficheros"
    assert len(table.rows) == len(Reason)
    assert sample.figure(Edition("en", collection)).content != sample.figure(Edition()).content
    assert machines.table(Edition()).rows[0][0] == "NVIDIA H200"


def test_the_evolution_shows_each_drawing_of_the_fixed_latents(tmp_path: Path) -> None:
    sheet = np.full((66 * 2 + 2, 66 * 3 + 2, 3), 255, np.uint8)
    for i in range(3):
        sheet[2:66, 2 + 66 * i : 66 + 66 * i] = 10 * i
    Image.fromarray(sheet).save(tmp_path / "a.png")
    cells = paintings._cells(tmp_path / "a.png")
    assert cells.shape == (3, 64, 64, 3)
    assert [int(cell.mean()) for cell in cells] == [0, 10, 20]
