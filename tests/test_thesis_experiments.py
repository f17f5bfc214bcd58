"""The long experiments of the thesis: what they switch off is switched off, and interrupted ones go on."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from lienzo.collection.collection import Collection
from lienzo.collection.preparation import prepare
from lienzo.collection.reasons import Reason
from lienzo.errors import InputError
from lienzo.recipe.catalogue import thesis
from lienzo.run.run import Run
from lienzo.thesis import kept
from lienzo.thesis.edition import Edition
from lienzo.thesis.experiments import ablations, downsampling, dying_units, paintings
from lienzo.thesis.experiments.ablations import VARIANTS, Measured, Plan, Row
from lienzo.thesis.experiments.manners import painted
from lienzo.thesis.figures import cleaning, machines, sample


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(80):
        pixels = np.random.default_rng(number).integers(0, 256, (16, 16, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return prepare(folder, folder.parent / "collection", size=16, holdout=0.5, workers=1)


def finished(variant: str, seed: int, kid: float, images: int = 16) -> Row:
    return Row(variant, seed, (16, 16), 4, images, 1.0, kid=Measured(kid, 0.01), precision=0.5, diversity=0.9)


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
            row = finished(name, seed, 0.2 + seed / 10)
            (tmp_path / f"{name}-{seed}" / ablations.ROW).write_bytes(msgspec.json.encode(row))
    made = [row for _, row in ablations.steps(plan) if row is not None]
    assert [(row.variant, row.seed) for row in made] == [("thesis", 0), ("pooling", 0), ("thesis", 1), ("pooling", 1)]
    with pytest.raises(InputError, match="another size, width or length"):
        ablations.row(Plan(collection, tmp_path, images=32, width=4), "thesis", 0)


def test_a_collection_without_pictures_held_out_is_refused(collection: Collection, tmp_path: Path) -> None:
    without = prepare(next(collection.path.parent.glob("pictures*")), tmp_path / "c", size=16, workers=1)
    with pytest.raises(InputError, match="--holdout"):
        Plan(without, tmp_path)


def test_a_result_has_a_row_for_each_variant_and_says_what_failed(tmp_path: Path) -> None:
    rows = [finished("thesis", 0, 0.3), finished("thesis", 1, 0.5), finished("norm", 0, 0.7)]
    rows.append(Row("norm", 1, (16, 16), 4, 16, 1.0, failure="no numbers any more"))
    kept.write("ablations", *ablations.summary(rows, "squares", "a command", "a processor"), tmp_path)
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
