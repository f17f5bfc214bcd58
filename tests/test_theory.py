"""The theory laboratory: its theorems hold, and a wrong loss makes it fail."""

import json
import math
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Command
from scipy import stats

from lienzo.cli import main
from lienzo.display import pages
from lienzo.errors import InputError
from lienzo.recipe.objectives import (
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    Regularisation,
    Relativistic,
    Wasserstein,
)
from lienzo.theory import laboratory
from lienzo.theory.catalogue import EXPERIMENTS
from lienzo.theory.experiments import (
    convergence,
    equilibrium,
    global_minimum,
    optimal_discriminator,
    other_models,
    saturation,
)
from lienzo.theory.finding import Claim, Finding
from lienzo.theory.models import clusters, distances
from lienzo.theory.models.laws import Cells, Uniform, gaussian

QUICK = ("divergences", "equilibrium", "convolutions", "batch-normalisation")
LONG = [name for name in EXPERIMENTS if name not in QUICK]


@pytest.mark.parametrize("name", QUICK)
def test_quick_experiments_hold(name: str) -> None:
    _holds(name, 0)


@pytest.mark.parametrize("seed", [pytest.param(0, marks=pytest.mark.slow), pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", LONG)
def test_long_experiments_hold_whatever_the_seed(name: str, seed: int) -> None:
    _holds(name, seed)


def _holds(name: str, seed: int) -> None:
    (finding,) = laboratory.theory([name], None, seed)
    assert finding.drawings
    assert [claim for claim in finding.claims if not claim.holds] == []


def test_the_three_models_train_on_pictures_of_one_pixel() -> None:
    """Two updates each of what the experiment other-models trains for a thousand."""
    laws = {
        "NCE": other_models.contrast(0, updates=2),
        "VAE": other_models.observed_law(other_models.autoencode(0, updates=2).decoder),
        "GAN": other_models.train_gan(0, updates=2),
    }
    assert all(np.isfinite(law).all() for law in laws.values())
    claims, table = other_models.compare(laws)
    assert [row[0] for row in table.rows] == list(laws)
    assert len(claims) == len(laws) + 1


def light_claims() -> Iterator[Claim]:
    """Claims about lienzo's losses that take no training, the quickest first: a mistake is found early."""
    yield from saturation.of_a_logit()
    yield from global_minimum.values_at_the_optimum()
    yield from optimal_discriminator.point_by_point()
    yield from global_minimum.gradients()
    yield from convergence.eigenvalues()[0]


def test_the_right_losses_hold() -> None:
    assert all(claim.holds for claim in light_claims())


def _of_probabilities(right):
    return lambda self, real, fake: right(self, None if real is None else real.sigmoid(), fake.sigmoid())


def _flipped(right):
    return lambda self, real, fake: -right(self, real, fake)


def _doubled(right):
    return lambda self, real, fake: 2 * right(self, real, fake)


def _halved(right):
    return lambda self, real, fake: 0.5 * right(self, real, fake)


@pytest.mark.parametrize("player", ["discriminator", "generator"])
@pytest.mark.parametrize("mistake", [_flipped, _doubled, _halved, _of_probabilities])
@pytest.mark.parametrize("objective", [Minimax, NonSaturating, LeastSquares, Hinge, Wasserstein, Relativistic])
def test_a_wrong_loss_makes_the_laboratory_fail(monkeypatch, objective, mistake, player) -> None:
    monkeypatch.setattr(objective, player, mistake(getattr(objective, player)))
    assert not all(claim.holds for claim in light_claims())


def test_logits_taken_for_probabilities_make_the_laboratory_fail(monkeypatch) -> None:
    wrong = lambda self, real, fake: -real.log().mean() - (1 - fake).log().mean()  # noqa: E731
    monkeypatch.setattr(NonSaturating, "discriminator", wrong)
    with np.errstate(invalid="ignore"):
        assert not all(claim.holds for claim in light_claims())


def test_a_penalty_without_its_half_makes_the_laboratory_fail(monkeypatch) -> None:
    right = Regularisation.penalty
    monkeypatch.setattr(Regularisation, "penalty", lambda self, *given: 2 * right(self, *given))
    assert not all(claim.holds for claim in convergence.eigenvalues()[0])


def test_a_wrong_gradient_penalty_makes_the_laboratory_fail(monkeypatch) -> None:
    assert all(claim.holds for claim in convergence.bounds_on_the_slope())
    right = Regularisation.interpolated_penalty
    monkeypatch.setattr(Regularisation, "interpolated_penalty", lambda self, *given: 0.5 * right(self, *given))
    assert not all(claim.holds for claim in convergence.bounds_on_the_slope())


def test_a_failed_claim_is_shown_and_exits_with_1(monkeypatch, tmp_path: Path, capsys) -> None:
    right = distances.jensen_shannon
    monkeypatch.setattr(distances, "jensen_shannon", lambda p, q, cells: 2 * right(p, q, cells))
    with pytest.raises(SystemExit) as ended:
        main.theory("divergences", out=tmp_path)
    assert ended.value.code == 1
    assert "FAILS" in capsys.readouterr().out
    assert "Claims that fail" in (tmp_path / "divergences.html").read_text(encoding="utf-8")


def stopping(seed: int) -> Generator[str, None, Finding]:
    yield "the first part"
    raise RuntimeError("tensors < 4 and 2 do not fit.")


def test_an_experiment_that_stops_leaves_the_others_and_the_page(monkeypatch, tmp_path: Path, command: Command) -> None:
    monkeypatch.setitem(EXPERIMENTS, "global-minimum", stopping)
    status, out, said = command("theory", "convolutions", "global-minimum", "equilibrium", "--out", tmp_path)
    assert status == 1
    sentence = "global-minimum stopped with RuntimeError: tensors < 4 and 2 do not fit"
    assert sentence in out
    assert "lienzo: RuntimeError: tensors < 4 and 2 do not fit." in said
    assert "Traceback" not in said
    stem = laboratory.stem(["equilibrium", "global-minimum", "convolutions"])
    page, numbers = ((tmp_path / f"{stem}.{ending}").read_text(encoding="utf-8") for ending in ("html", "json"))
    assert pages.escape(sentence) in page
    assert "1 of 3 experiments stopped" in page
    findings = json.loads(numbers)["findings"]
    assert {finding["name"]: (finding["failure"], finding["holds"]) for finding in findings} == {
        "convolutions": (None, True),
        "global-minimum": (sentence, False),
        "equilibrium": (None, True),
    }
    with pytest.raises(RuntimeError, match="do not fit"):
        command("theory", "global-minimum", "--out", tmp_path, "--debug")


def test_an_interrupted_laboratory_leaves_a_page_of_what_it_found(tmp_path: Path) -> None:
    for step in laboratory.steps(["convolutions", "batch-normalisation"], tmp_path):
        if step.finding:
            break
    page = tmp_path / f"{laboratory.stem(['convolutions', 'batch-normalisation'])}.html"
    assert "lienzo theory convolutions" in page.read_text(encoding="utf-8")


def test_the_page_is_one_file_with_every_claim(tmp_path: Path) -> None:
    (tmp_path / "theory.html").write_text("about all")
    (finding,) = laboratory.theory(["convolutions"], tmp_path)
    assert (tmp_path / "theory.html").read_text() == "about all"
    page = (tmp_path / "convolutions.html").read_text(encoding="utf-8")
    assert all(pages.escape(claim.statement) in page for claim in finding.claims)
    assert page.count("<svg") == len(finding.drawings)
    assert 'src="http' not in page
    assert "<script" not in page
    assert "<math" in page


def test_numbers_are_json_and_the_same_again(tmp_path: Path) -> None:
    texts = []
    for folder in ("a", "b"):
        laboratory.theory(["divergences"], tmp_path / folder, seed=3)
        texts.append((tmp_path / folder / "divergences.json").read_text(encoding="utf-8"))
    assert texts[0] == texts[1]
    (finding,) = json.loads(texts[0], parse_constant=pytest.fail)["findings"]
    infinite = [claim for claim in finding["claims"] if claim["predicted"] == "inf"]
    assert len(infinite) == 2
    assert all(claim["holds"] for claim in infinite)


def test_progress_names_every_part_and_ends_with_the_finding() -> None:
    steps = list(laboratory.steps(["convolutions", "batch-normalisation"]))
    assert [(step.experiment, step.number, step.count) for step in steps if step.finding] == [
        ("convolutions", 1, 2),
        ("batch-normalisation", 2, 2),
    ]
    assert all(step.part for step in steps if not step.finding)


def test_an_unknown_experiment_is_refused_at_once() -> None:
    with pytest.raises(InputError, match="did you mean 'convergence'"):
        laboratory.steps(["convergance"])


def test_a_file_in_the_place_of_the_folder_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "within"):
        with pytest.raises(InputError, match="file is a file: give a folder with --out"):
            laboratory.steps(["convolutions"], out)


def test_the_random_state_of_pytorch_is_left_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    laboratory.theory(["batch-normalisation"], None)
    optimal_discriminator.players.game(optimal_discriminator.NET, optimal_discriminator.players.LINE, Minimax(), 0)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    "word", ["softplus", "binary_cross_entropy", "relu", "nn.Linear", "zero_grad", "optimizer.step"]
)
def test_no_experiment_has_its_own_loss_network_or_loop(word: str) -> None:
    folder = Path(laboratory.__file__).parent / "experiments"
    assert [path.name for path in folder.glob("*.py") if word in path.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize(
    ("claim", "holds"),
    [
        (Claim("", 1.0, 1.05, 0.1), True),
        (Claim("", 1.0, 1.2, 0.1), False),
        (Claim("", math.inf, math.inf), True),
        (Claim("", math.inf, 5.0, 1e9), False),
        (Claim("", 1.0, math.nan, math.inf), False),
        (Claim("", 1.0, math.nan, 1.0, "≤"), False),
        (Claim("", 1.0, -7.0, 0.0, "≤"), True),
        (Claim("", 1.0, -7.0, 0.0, "≥"), False),
    ],
)
def test_a_claim_holds_within_its_tolerance(claim: Claim, holds: bool) -> None:
    assert claim.holds is holds


def test_divergences_of_a_coin_by_hand() -> None:
    cells = Cells(0.0, 2.0, 2)
    with np.errstate(divide="ignore"):
        p, q = np.log([0.25, 0.75]), np.log([1.0, 0.0])
    assert distances.kullback_leibler(p, q, cells) == math.inf
    assert distances.kullback_leibler(q, p, cells) == pytest.approx(math.log(4))
    by_hand = 0.5 * (0.25 * math.log(0.25 / 0.625) + 0.75 * math.log(2)) + 0.5 * math.log(1 / 0.625)
    assert distances.jensen_shannon(p, q, cells) == pytest.approx(by_hand)
    assert distances.total_variation(p, q, cells) == pytest.approx(0.75)


def test_wasserstein_agrees_with_scipy() -> None:
    cells = Cells(-8.0, 8.0, 4000)
    p, q = gaussian(0.5, 0.8).log_density(cells.points), gaussian(-1.0, 1.7).log_density(cells.points)
    exact = stats.wasserstein_distance(cells.points, cells.points, np.exp(p), np.exp(q))
    assert distances.wasserstein_1(p, q, cells) == pytest.approx(exact, abs=1e-4)


def test_quantiles_turn_levels_into_the_law() -> None:
    cells = Cells(-6.0, 6.0, 12_000)
    levels = np.array([0.9, 0.025, 0.5])
    assert cells.quantiles(gaussian(0.0, 1.0).log_density(cells.points), levels) == pytest.approx(
        stats.norm.ppf(levels), abs=1e-3
    )
    assert cells.quantiles(Uniform(1.0, 3.0).log_density(cells.points), levels) == pytest.approx(1 + 2 * levels)


def test_an_equilibrium_of_a_dominated_game_is_pure() -> None:
    strategy, value = equilibrium.solve(np.array([[2.0, 3.0, 2.5], [1.0, 0.0, -1.0]]))
    assert strategy == pytest.approx([0.0, 1.0])
    assert value == pytest.approx(1.0)


def test_points_between_the_modes_find_nothing() -> None:
    ring = clusters.CLUSTERS["ring of 8"]
    counted = clusters.count(np.zeros((80, 2)), ring)
    assert counted.found == 0
    assert counted.near == 0.0
