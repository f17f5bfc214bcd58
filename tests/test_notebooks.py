"""The notebooks run from above to below, show live curves, and hold no outputs; what lienzo returns shows itself."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT

import lienzo
from lienzo.explore.film import Film
from lienzo.generation.pictures import Pictures
from lienzo.theory.finding import Claim, Finding

SMALL = {
    "main-job": {
        "SIZE": 16,
        "IMAGES": 64,
        "EVERY": 16,
        "SETTINGS": ["network.width=8", "network.stem=4", "tick=16", "sample_every=32"],
        "SAMPLES": 16,
        "DETECTOR": "pixels",
        "FRAMES": 4,
    },
    "theory": {
        "UPDATES": 4,
        "EVERY": 2,
        "STEPS": 20,
        "IMAGES": 64,
        "SETTINGS": ["network.width=8", "network.stem=4", "tick=16"],
        "FILES": 60,
    },
}
"""What the tests set the variables at the top of each notebook to."""

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def cells(path: Path) -> list[dict[str, Any]]:
    read = json.loads(path.read_text(encoding="utf-8"))
    assert read["nbformat"] == 4
    return list(read["cells"])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_holds_no_outputs_and_installs_lienzo_where_it_is_missing(path: Path) -> None:
    programs = [cell for cell in cells(path) if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in programs)
    assert "find_spec" in "".join(programs[0]["source"])
    (parameters,) = [cell for cell in programs if "parameters" in cell["metadata"].get("tags", ())]
    assert all(f"\n{name} = " in "\n" + "".join(parameters["source"]) for name in SMALL[path.stem])


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("PYTHONWARNINGS", "default")  # of Jupyter's own packages
    book = nbformat.read(path, 4)
    (parameters,) = [cell for cell in book.cells if "parameters" in cell.metadata.get("tags", ())]
    parameters.source += "\n" + "\n".join(f"{name} = {value!r}" for name, value in SMALL[path.stem].items())
    nbclient.NotebookClient(
        book, timeout=600, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    shown = [output.data for output in outputs if "data" in output]
    live = [data for data in shown if "image/png" in data or "data:image/png" in data.get("text/html", "")]
    assert len(live) >= {"main-job": 4, "theory": 5}[path.stem]
    assert not [place for place in tmp_path.iterdir() if not place.name.startswith("lienzo-notebook")]


def test_artefacts_show_themselves_in_a_notebook(
    collection: lienzo.Collection, run: lienzo.Run, tmp_path: Path
) -> None:
    shown = collection._repr_html_()
    assert "24 pictures of 16×16×3, 0 of them held out; 0 files refused" in shown
    assert shown.count("data:image/png;base64,") == 1
    shown = run._repr_html_()
    assert "small, 48 of 48 pictures shown, finished" in shown
    assert shown.count("data:image/png;base64,") == 2  # the curves and the newest drawing
    assert "no run yet" in lienzo.Run(tmp_path / "to-be")._repr_html_()
    pictures = Pictures(np.zeros((4, 16, 16, 3), np.uint8), (0, 1, 2, 3), "")
    assert "data:image/png;base64," in pictures._repr_html_()
    walk = lienzo.explore.walk(run, seeds=[0, 1], film=Film(frames=2))
    assert "data:image/gif;base64," in walk._repr_html_()
    scores = lienzo.evaluate(run, collection, samples=16, detector="pixels", novelty=False, device="cpu")
    assert "<td>KID × 1000</td>" in scores._repr_html_()
    finding = Finding("divergences", "A title", "A headline\n\nAnd $x$", (Claim("one is one", 1.0, 1.0),))
    assert "A title" in finding._repr_html_()
    assert "one is one" in finding._repr_html_()
