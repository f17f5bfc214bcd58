"""The page of a run and its figures: every network, what is missing, the slider, the sizes of layers."""

import dataclasses
import html
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Command
from PIL import Image

import lienzo
from lienzo.collection.collection import Collection
from lienzo.compute import machine
from lienzo.display import charts
from lienzo.errors import CollectionError, InputError
from lienzo.evaluation import scores
from lienzo.generation.generation import save_generator
from lienzo.metrics.estimate import Estimate
from lienzo.metrics.results import Measures
from lienzo.networks.configurations import DCGAN, NETS, Residual
from lienzo.networks.layers import Layer, layers, players
from lienzo.networks.shape import Shape
from lienzo.recipe.recipe import Recipe
from lienzo.report import networks, parts, report, resources
from lienzo.report.curves import curves
from lienzo.report.parts import read
from lienzo.report.pictures import nearest
from lienzo.run import drawing
from lienzo.run.panels import BRIEF, PANELS
from lienzo.run.run import Run

SHAPE = Shape(32, 48, 3)

VARIANTS = {
    **{name: (network(), 0) for name, network in NETS.items()},
    "everything": (
        DCGAN(
            width=16,
            stem=8,
            grown=1,
            discriminator_norm="spectral",
            minibatch_deviation=True,
            self_modulation=True,
            wavelet_levels=1,
        ),
        3,
    ),
    "residual of labels": (Residual(width=32, blocks=2), 3),
}
"""Every network, and one with all that DCGAN has."""


@pytest.fixture(scope="module")
def page(run: Run, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("report") / "page.html"
    return report.report(run, out=out).page.read_text(encoding="utf-8")


def test_the_page_stands_alone(page: str) -> None:
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert "url(" not in page.replace("url(#", "")
    for title in (
        "paints",
        "How it learnt",
        "curves",
        "Scores",
        "networks",
        "Resources",
        "recipe",
        "learnt from",
        "Go on",
    ):
        assert re.search(rf"<h2>[^<]*{title}", page), title


def test_the_slider_has_every_sample_and_can_be_moved_by_keys(page: str, run: Run) -> None:
    listed = json.loads(re.search(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)[1])  # type: ignore[index]
    assert [frame["text"] for frame in listed] == [f"after {int(path.stem):,} pictures shown" for path in run.samples()]
    assert f'type="range" min="0" max="{len(listed) - 1}"' in page
    assert 'aria-label="Moment of the training"' in page


def test_the_page_shows_every_layer_with_the_sizes_of_its_input_and_output(page: str) -> None:
    cells = re.sub(r"<t[dh][^>]*>", "|", page)
    assert "|ConvTranspose2d</td>|4×4, stride 2</td>|16 × 4 × 4</td>|8 × 8 × 8</td>|2,048</td>|32,768</td>" in cells
    assert "|Readout</td>|4×4</td>|16 × 4 × 4</td>|1</td>|256</td>|256</td>" in cells


@pytest.mark.parametrize("name", VARIANTS)
def test_layers_account_for_every_parameter(name: str) -> None:
    network, classes = VARIANTS[name]
    built = {"generator": network.generator(SHAPE, classes), "discriminator": network.discriminator(SHAPE, classes)}
    for player, found in players(network, SHAPE, classes).items():
        assert sum(layer.parameters for layer in found) == sum(p.numel() for p in built[player].parameters())
        assert all(layer.outputs for layer in found if layer.name != "LabelProjection")


@pytest.mark.parametrize("name", VARIANTS)
def test_maps_of_features_are_written_with_channels_first(name: str) -> None:
    network, classes = VARIANTS[name]
    for found in players(network, SHAPE, classes).values():
        for layer in found:
            for size in (layer.inputs, layer.outputs):
                if len(size) == 3:
                    assert 2 * size[2] == 3 * size[1], layer


def test_multiply_adds_of_a_convolution_are_those_of_its_definition() -> None:
    generator, discriminator = players(DCGAN(width=64), Shape(64, 64, 3)).values()
    first, second = (layer for layer in discriminator if layer.name == "Conv2d" and layer.inputs[0] in (3, 64))
    assert first.multiply_adds == 4 * 4 * 3 * 64 * 32 * 32
    assert second.multiply_adds == 4 * 4 * 64 * 128 * 16 * 16
    assert (first.kernel, first.stride) == ((4, 4), (2, 2))
    doubled = next(layer for layer in generator if layer.name == "ConvTranspose2d")
    assert doubled.multiply_adds == 4 * 4 * 512 * 256 * 4 * 4


def test_an_encoder_takes_the_place_of_a_discriminator() -> None:
    found = players(DCGAN(latents=10, width=8), SHAPE, encoder=True)
    assert list(found) == ["generator", "encoder"]
    assert found["encoder"][-1].outputs == (20,)


def test_looking_at_layers_leaves_a_network_as_it_was() -> None:
    generator = DCGAN(latents=8, width=4).generator(SHAPE)
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    layers(generator.train(), torch.zeros(1, 8))
    assert generator.training
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in generator.modules())


@pytest.mark.parametrize("name", [*VARIANTS, "encoder"])
def test_the_figure_shows_every_layer_and_no_letters_are_cut_off_or_cross_others(name: str) -> None:
    network, classes = VARIANTS.get(name, (DCGAN(), 0))
    found = players(network, Shape(256, 256, 3), classes, encoder=name == "encoder")
    shown = [layer for player in found.values() for row in networks.rows(player) for layer in row.layers]
    assert shown == [layer for player in found.values() for layer in player]
    chart = networks.chart(found)
    with charts.figure(chart.width, chart.height) as figure:
        chart.draw(figure)
        figure.draw_without_rendering()
        boxes = [(text.get_text(), text.get_window_extent()) for text in figure.axes[0].texts if text.get_text()]
        for i, (text, box) in enumerate(boxes):
            assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1, text
            assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1, text
            assert not any(box.overlaps(other) for _, other in boxes[i + 1 :]), text


def test_numbers_are_written_short() -> None:
    layer = Layer("layers.0", "Conv2d", (4, 4), (2, 1), "", (3, 8, 8), (4, 4, 8), 192, 6144)
    assert networks.window(layer) == "4×4, stride 2×1"
    assert networks.short(1_499_999) == "1.5 M"


@pytest.mark.slow
def test_figures_are_written_as_svg_and_at_300_dots_per_inch(run: Run, tmp_path: Path, command: Command) -> None:
    status, out, _ = command(
        "report", run.path, "--out", tmp_path / "a.html", "--figures", tmp_path / "figures", "--json"
    )
    said = json.loads(out)
    assert status == 0
    assert "Are they copies?" in (tmp_path / "a.html").read_text(encoding="utf-8")
    assert said["page"] == str(tmp_path / "a.html")
    written = {Path(path).name for path in said["figures"]}
    assert {"losses.svg", "losses.png", "verdict.png", "networks.svg", "networks.png", "gallery.png"} <= written
    assert written == {path.name for path in (tmp_path / "figures").iterdir()}
    with Image.open(tmp_path / "figures" / "networks.png") as drawn:
        assert round(drawn.info["dpi"][0]) == 300
        assert drawn.width == 2100
    assert said["networks"]["generator"]["parameters"] > 0
    assert (said["state"], said["images"]) == ("finished", said["total"])


def test_a_file_in_the_place_of_the_figures_is_refused_at_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file is a file: give a folder with --figures"):
        report.report(run, out=tmp_path / "a.html", figures=tmp_path / "file")
    assert not (tmp_path / "a.html").exists()


def test_a_run_without_its_collection_says_so(run: Run, tmp_path: Path) -> None:
    copied = _changed(run, tmp_path / "copied", path="/nowhere/paintings")
    page = report.report(copied).page
    assert page == copied.path / "report.html"
    text = page.read_text(encoding="utf-8")
    assert "The collection is not at hand: there is no collection at /nowhere/paintings" in text
    assert "Are they copies?" not in text
    assert "lienzo train /nowhere/paintings" in text


def test_its_collection_can_be_given_and_another_one_is_refused(
    run: Run, collection: Collection, tmp_path: Path, command: Command
) -> None:
    copied = _changed(run, tmp_path / "copied", path="/nowhere/paintings")
    assert parts.read(copied, collection.path).collection == collection
    other = _changed(run, tmp_path / "other", fingerprint="0123456789abcdef")
    with pytest.raises(CollectionError, match=r"is not what .* was trained on"):
        report.report(other, collection)
    assert "has other pictures now" in parts.read(other).missing
    status, _, said = command("report", other.path, collection.path)
    assert status == 2
    assert "give that collection, or none" in said


def test_a_run_without_a_generator_shows_its_samples(run: Run, tmp_path: Path) -> None:
    copied = _changed(run, tmp_path / "copied")
    copied.generator_path.unlink()
    copied.log_path.unlink()
    text = report.report(copied).page.read_text(encoding="utf-8")
    assert "No pictures are generated here" in text
    assert "The log has no line yet." in text
    assert "the samples after" in text


def test_a_run_whose_generator_makes_no_numbers_has_a_page(run: Run, tmp_path: Path) -> None:
    copied = _changed(run, tmp_path / "copied")
    network, shape = copied.recipe().network, Shape(16, 16, 3)
    diverged = network.generator(shape)
    with torch.no_grad():
        for weights in diverged.parameters():
            weights.fill_(torch.nan)
    save_generator(copied.generator_path, diverged, network, shape, {})
    copied.scores_path.unlink(missing_ok=True)  # other tests may have scored the run
    copied.scores_path.mkdir()  # which cannot be read either
    written = report.report(copied, figures=tmp_path / "figures")
    assert "values that are no finite numbers" in written.facts["missing"]
    text = written.page.read_text(encoding="utf-8")
    assert "No pictures are generated here: the generator makes values that are no finite numbers" in text
    assert "the samples after" in text
    assert "Are they copies?" not in text
    assert not (tmp_path / "figures" / "gallery.png").exists()


def test_an_interrupted_run_says_how_to_go_on(run: Run, tmp_path: Path) -> None:
    copied = _changed(run, tmp_path / "copied")
    longer = copied.recipe().lasting(epochs=None, images=2 * copied.recipe().total)
    copied.recipe_path.write_text(longer.to_toml(), encoding="utf-8")
    text = report.report(copied).page.read_text(encoding="utf-8")
    assert "interrupted before its end" in text
    assert "Go on with the training" in text
    assert "--images" not in text


def test_a_finished_run_says_how_it_can_be_trained_on(run: Run, tmp_path: Path) -> None:
    copied = _changed(run, tmp_path / "copied")
    assert f"--images {2 * copied.recipe().total}" in report.report(copied).page.read_text(encoding="utf-8")
    falling = copied.recipe().with_settings(["cool_down=0.5"])  # the length of such a run is fixed
    copied.recipe_path.write_text(falling.to_toml(), encoding="utf-8")
    text = html.unescape(report.report(copied).page.read_text(encoding="utf-8"))
    assert "--images" not in text
    assert f"--recipe {copied.path}/recipe.toml --from {copied.path} --out {copied.path}-longer" in text


def test_a_run_whose_collection_is_cut_short_has_everything_else(
    run: Run, collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = tmp_path / "cut"
    shutil.copytree(collection.path, cut)
    index = next(cut.glob("index-*.parquet"))
    index.write_bytes(index.read_bytes()[:100])
    monkeypatch.setattr(Run, "collection_path", lambda _: cut)
    assert "The collection is not at hand: " in report.report(run, out=tmp_path / "page.html").page.read_text("utf-8")


def test_only_scores_that_compare_are_drawn_together(run: Run, tmp_path: Path) -> None:
    copied, some = _changed(run, tmp_path / "copied"), Estimate(0.1, 0.01)
    measures = Measures(50, 50, fid=None, kid=some, precision=some, recall=some, density=some, coverage=some)
    one = scores.Scores(
        "r", "g", "a", "train", "lite0", "f", 0, measures, {16: 0.1}, novelty=None, labels={}, prepared={}, notes=(),
        seconds=1.0, lienzo="0",
    )  # fmt: skip
    copied.scores_path.unlink(missing_ok=True)
    others = [{"collection": "b"}, {"detector_fingerprint": "e"}, {"part": "holdout"}, {}]
    for other in others:
        scores.append(copied.scores_path, dataclasses.replace(one, **other))
    (chart,) = [chart for chart in read(copied).charts if chart.name == "scores"]
    assert set(re.findall(r"evaluation (\d)", chart.svg())) == {"4"}
    text = report.report(copied).page.read_text(encoding="utf-8")
    assert "may be compared; those that compare with the newest are drawn" in text


@pytest.mark.slow
def test_scores_stand_with_their_errors_and_are_read_back_as_they_were(
    run: Run, collection: Collection, tmp_path: Path
) -> None:
    copied = _changed(run, tmp_path / "copied")
    taken = lienzo.evaluate(copied, collection, detector="pixels", samples=16, part="all", novelty=False)
    with copied.scores_path.open("a") as file:
        file.write('{"half a li')
    assert scores.read(copied.scores_path)[-1] == taken
    text = report.report(copied).page.read_text(encoding="utf-8")
    assert scores.written(taken.measures.precision) in text
    assert "Values and standard errors" in text


def test_trouble_is_said_where_it_began(run: Run, tmp_path: Path) -> None:
    copied = _changed(run, tmp_path / "copied")
    lines = [line | ({"trouble": "the discriminator has won."} if i % 3 else {}) for i, line in enumerate(copied.log())]
    copied.log_path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    begun = drawing.troubles(lines)
    assert list(begun) == [line["images"] for i, line in enumerate(lines) if i % 3 == 1]
    text = report.report(copied).page.read_text(encoding="utf-8")
    assert f"Trouble began after {lines[1]['images']:,} pictures: the discriminator has won." in text


def test_every_measure_of_the_log_has_a_panel(run: Run) -> None:
    known = {name for panel in PANELS.values() for name in (*panel.curves, *panel.errors.values())}
    others = {"images", "seconds", "trouble", "evaluation_seconds", "fooled_score"}
    assert drawing.names_of(run.log()) <= known | others
    assert set(BRIEF) <= PANELS.keys()
    assert len({chart.name for chart in curves(run.log())}) == len(curves(run.log())) > 5


def test_a_measure_that_is_taken_seldom_is_drawn_with_its_errors() -> None:
    lines = [
        {"images": i, "losses": 1.0, **({"kid": 0.1 / (i + 1), "kid_error": 0.01} if i % 2 else {})} for i in range(6)
    ]
    (chart,) = curves(lines)
    assert chart.name == "kid"
    assert chart.svg().count("<use") >= 9  # three points, and both ends of three errors


def test_the_table_of_machines_has_sources_and_the_thesiss_own() -> None:
    every = [one for known in resources.MACHINES.values() for one in known]
    assert all(one.source for one in every)
    own = resources.Measured("mine", "fast", 5.04, "its log")
    rows = re.findall(r"<tr><td>(.*?)</td><td>(.*?)</td>", resources.comparison(own))
    assert rows[0] == ("mine", "fast")
    assert [recipe for _, recipe in rows] == sorted((recipe for _, recipe in rows), key=lambda name: name != "fast")
    assert ("Quadro P5000 (2019)", "thesis") in rows
    assert resources.duration(resources.THESIS / 36) == "23 h 54 min"


def test_a_run_says_on_which_machine_it_was_begun(run: Run) -> None:
    described = run.manifest()["machine"]
    assert described["model"] == machine.processor()
    assert described["cores"] == machine.cores() >= 1
    assert dict(resources.machine(described))["processor"] == machine.processor()
    assert dict(resources.machine({"processor": "x86_64", "threads": 2})) == {
        "processor": "x86_64",
        "threads of PyTorch": 2,
    }


def test_the_nearest_training_picture_is_the_same_one(collection: Collection) -> None:
    rows = collection.rows()
    wanted = rows[::-1][:7]
    assert nearest(collection.take(wanted), collection, rows).tolist() == wanted.tolist()
    among = rows[:3]
    assert set(nearest(collection.take(wanted), collection, among)) <= set(among.tolist())


@pytest.mark.parametrize("fields", [16, 8])
@pytest.mark.parametrize("size", [28, 20, 56])
def test_the_nearest_training_picture_is_sought_by_all_of_the_picture(size: int, fields: int, tmp_path: Path) -> None:
    """The same noise, with a bright stripe at the lower or the right edge: the pictures differ nowhere else."""
    noise = np.random.default_rng(0).integers(0, 100, (size, size, 3), np.uint8)
    for name, edge in {"below": (slice(-3, None),), "right": (slice(None), slice(-3, None))}.items():
        pixels = noise.copy()
        pixels[edge] += 150
        (tmp_path / name).mkdir()
        Image.fromarray(pixels).save(tmp_path / name / "one.png")
    kept = lienzo.prepare(
        [tmp_path / "below", tmp_path / "right"], tmp_path / "kept", size=size, workers=1, curate=False
    )
    rows = kept.rows()
    assert len(rows) == 2
    assert nearest(kept.take(rows), kept, rows, fields).tolist() == rows.tolist()


@pytest.mark.slow
def test_recipes_of_every_kind_have_a_page(collection: Collection, recipe: Recipe, tmp_path: Path) -> None:
    conditional = dataclasses.replace(recipe, labels="folder", images=16)
    run = lienzo.train(collection, conditional, tmp_path / "run", device="cpu")
    text = report.report(run).page.read_text(encoding="utf-8")
    assert f"Each row has one label: {', '.join(collection.vocabularies['folder'])}" in text
    assert "LabelEmbedding" in text
    assert "LabelProjection" in text


def _changed(run: Run, folder: Path, **record: str) -> Run:
    """Return a copy of a run whose manifest says something else of its collection."""
    shutil.copytree(run.path, folder)
    copied = Run(folder)
    manifest = copied.manifest()
    manifest["collection"] = {**manifest["collection"], **record}  # type: ignore[typeddict-item]
    copied.write_manifest(manifest)
    return copied
