"""Generators as ONNX: the pictures are PyTorch's, and drawing them does not load it."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from conftest import Command
from test_architecture import assert_command_does_not_load

import lienzo
from lienzo.errors import GeneratorError, InputError
from lienzo.export import onnx as writing
from lienzo.generation import onnx as reading
from lienzo.generation.generation import latents, save_generator
from lienzo.generation.normal import normal
from lienzo.networks.configurations import DCGAN, MLP, NETS, Network, Residual
from lienzo.networks.shape import Shape

LABELS = {"labels": {"kind": "style", "counts": {"cubism": 3, "baroque": 1}, "unlabelled": 1}}

CASES: dict[str, tuple[Network, Shape, dict[str, object]]] = {
    "dcgan": (DCGAN(latents=8, width=4, self_modulation=True, stem=4), Shape(16, 24, 3), LABELS),
    "dcgan, grown": (DCGAN(latents=20, width=4, grown=1), Shape(16, 16, 1), {}),
    "dcgan, noisy": (DCGAN(latents=8, width=4, self_modulation=True, noise=True), Shape(16, 24, 3), LABELS),
    "dcgan, smooth": (
        DCGAN(latents=8, width=4, self_modulation=True, stem=4, tied_kernels=True, smooth=True, grown=1),
        Shape(32, 48, 3),
        LABELS,
    ),
    "dcgan, haar": (DCGAN(latents=8, width=4, stem=4, wavelet_levels=2), Shape(32, 48, 3), LABELS),
    "dcgan, against advice": (
        DCGAN(
            8,
            4,
            upsampling=True,
            generator_norm="none",
            hidden_units=6,
            generator_activation="leaky-relu",
            generator_output="linear",
            initial_weights="uniform",
        ),
        Shape(16, 24, 3),
        LABELS,
    ),
    "mlp": (MLP(latents=6, width=8), Shape(8, 12, 4), LABELS),
    "residual": (Residual(latents=17, width=8, group_width=4), Shape(16, 24, 3), LABELS),
}
"""One of each network, of different sizes, with labels or without."""


def trained(network: Network, shape: Shape, about: dict[str, object], path: Path) -> Path:
    """Write a generator as training would leave one: no layer does nothing, as those of a fresh one may."""
    torch.manual_seed(3)
    classes = len(LABELS["labels"]["counts"]) if about else 0  # type: ignore[arg-type]
    module = network.generator(shape, classes)
    with torch.no_grad():
        for tensor in module.state_dict().values():
            if tensor.is_floating_point() and tensor.ndim:
                tensor.add_(0.2 * torch.randn_like(tensor).abs())
                tensor.mul_(torch.rand_like(tensor).sub(0.3).sign() if tensor.ndim > 1 else 1)
    save_generator(path, module, network, shape, about)
    return path


def test_every_network_is_tried() -> None:
    assert {type(network) for network, _, _ in CASES.values()} == set(NETS.values())


@pytest.mark.slow
@pytest.mark.parametrize(("case", "floats"), [*((case, False) for case in CASES), ("residual", True)])
def test_onnx_runtime_makes_the_same_pictures(case: str, floats: bool, tmp_path: Path) -> None:
    file = trained(*CASES[case], tmp_path / "g.safetensors")
    exported = lienzo.export(file, to="onnx", out=tmp_path / "g.onnx", floats=floats)
    expected, found = (lienzo.generate(path, count=70, out=None) for path in (file, exported.path))
    assert np.abs(expected.images.astype(int) - found.images).max() <= 1
    assert expected.images.std() > 5
    assert (expected.seeds, expected.labels, expected.generator) == (found.seeds, found.labels, found.generator)
    if case == "residual":  # upsampling is one node each time
        kinds = [node.op_type for node in onnx.load(exported.path).graph.node]
        assert kinds.count("Resize") == 2
        assert len(kinds) == exported.facts["nodes"] < 80
    if "labels" in CASES[case][2]:
        mixed = [
            lienzo.generate(path, seeds=[4], label="cubism=1,baroque=3", out=None) for path in (file, exported.path)
        ]
        assert np.abs(mixed[0].images.astype(int) - mixed[1].images).max() <= 1
        with pytest.raises(InputError, match="did you mean 'cubism'"):
            lienzo.generate(exported.path, label="cubizm", out=None)


@pytest.fixture(scope="module")
def file(run: lienzo.Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lienzo.export(run, to="onnx", out=tmp_path_factory.mktemp("onnx") / "a.onnx").path


def test_the_file_says_where_it_comes_from_and_nothing_of_this_machine(run: lienzo.Run, file: Path) -> None:
    model = onnx.load(file)
    (entry,) = model.metadata_props
    said = json.loads(entry.value)
    assert said["fingerprint"] == lienzo.load(run).fingerprint
    assert said["card"]["recipe"] == run.recipe().to_dict()
    told = lienzo.info(file)
    assert (told["kind"], told["shape"], told["card"]) == ("generator", [16, 16, 3], said["card"])
    assert [value.name for value in model.graph.input] == ["latents"]
    assert [value.name for value in model.graph.output] == ["pictures"]
    assert b"lienzo/" not in file.read_bytes()
    assert os.fsencode(Path(torch.__file__).parent) not in file.read_bytes()


def test_a_file_draws_without_pytorch(python: Callable[..., object], file: Path, tmp_path: Path) -> None:
    words = ["generate", file, "--count", 3, "--out", tmp_path / "drawn"]
    assert_command_does_not_load(python, words, ["torch", "matplotlib", "scipy"])  # type: ignore[arg-type]
    assert len(list((tmp_path / "drawn").iterdir())) == 3


@pytest.mark.parametrize("count", [1, 2, 7, 15, 16, 17, 31, 32, 100, 128])
def test_latents_are_those_of_pytorch(count: int) -> None:
    for seed in (0, 1, 2**32 + 5, 2**62 + 12345):
        expected = torch.randn(count, generator=torch.Generator().manual_seed(seed)).numpy()
        assert np.abs(normal(seed, count) - expected).max() < 1e-6
    assert np.abs(reading.latents(count, 9) - latents(count, 9).numpy()).max() < 1e-6


@pytest.mark.slow
def test_a_wrong_graph_leaves_no_file(run: lienzo.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = writing._model

    def wrong(*given: object) -> onnx.ModelProto:
        model = make(*given)  # type: ignore[arg-type]
        kernel = next(tensor for tensor in model.graph.initializer if len(tensor.dims) == 4)
        kernel.raw_data = bytes(len(kernel.raw_data))
        return model

    monkeypatch.setattr(writing, "_model", wrong)
    with pytest.raises(InputError, match="ONNX Runtime makes other pictures of it than PyTorch"):
        lienzo.export(run, to="onnx", out=tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_generator_that_has_diverged_is_not_exported(run: lienzo.Run, tmp_path: Path) -> None:
    generator = lienzo.load(run)
    with torch.no_grad():
        [*generator.module.parameters()][-1].fill_(torch.nan)
    with pytest.raises(GeneratorError, match="it has diverged"):
        lienzo.export(generator, to="onnx", out=tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []


def test_without_onnxscript_the_extra_is_named(
    run: lienzo.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    with pytest.raises(InputError, match=r"pip install 'lienzo\[onnx\]'"):
        lienzo.export(run, to="onnx", out=tmp_path / "a.onnx")


def test_files_that_hold_no_generator_are_refused(file: Path, tmp_path: Path, command: Command) -> None:
    whole, path = file.read_bytes(), tmp_path / "a.onnx"

    def refused(content: bytes, said: str) -> None:
        path.write_bytes(content)
        with pytest.raises(GeneratorError, match=said):
            lienzo.generate(path, count=1, out=None)

    with pytest.raises(GeneratorError, match="there is no file"):
        lienzo.generate(tmp_path / "nowhere.onnx", count=1, out=None)
    refused(b"not even", "truncated or no ONNX file")
    refused(whole[: len(whole) // 2], "truncated or no ONNX file")
    at = len(whole) // 2
    refused(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :], "damaged or was changed")
    for change, said in {
        "nothing of lienzo's": "is no generator of lienzo",
        "another file": "its tensors lie elsewhere",
        "a loop": "has a graph of its own",
        "a function": "has functions of its own",
        "operators of others": "has operators that are not ONNX's own",
        "another size": "other sizes than it says",
    }.items():
        refused(changed(onnx.load(file), change).SerializeToString(), said)
    with pytest.raises(GeneratorError, match="can only be generated from"):
        lienzo.load(file)
    status, _, said = command("generate", file, "--device", "cuda")
    assert status == 2
    assert "leave --device out" in said


def changed(model: onnx.ModelProto, how: str) -> onnx.ModelProto:
    """Return a model that was changed and sealed again, as someone who means ill would."""
    header = json.loads(model.metadata_props[0].value)
    if how == "nothing of lienzo's":
        del model.metadata_props[:]
        return model
    if how == "another file":
        tensor = model.graph.initializer[0]
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="../secret")
    elif how == "a loop":
        model.graph.node[0].attribute.append(onnx.helper.make_attribute("body", onnx.GraphProto(name="body")))
    elif how == "a function":
        model.functions.add(name="body")
    elif how == "operators of others":
        model.graph.node[0].domain = "com.others"
    elif how == "another size":
        header["latents"] += 1
    onnx.helper.set_model_props(model, {"lienzo": json.dumps(header | {"graph": reading.seal(model)})})
    return model
