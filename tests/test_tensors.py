"""Tensors in files: what was written is read, anything else is refused in one sentence."""

import json
import pickle
from pathlib import Path

import pytest
import safetensors.torch
import torch

from lienzo.errors import GeneratorError
from lienzo.storage import sealed, tensors

HEADER = {"kind": "generator", "network": {"name": "dcgan", "latents": 8}}
TENSORS = {"weight": torch.arange(12.0).view(3, 4), "count": torch.tensor(7)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "generator.safetensors"
    tensors.save(path, TENSORS, HEADER)
    return path


def load(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, object]]:
    return tensors.load(path, "generator", GeneratorError)


def test_tensors_of_every_kind_come_back(tmp_path: Path) -> None:
    kept = {
        "float32": torch.randn(2, 3),
        "bfloat16": torch.randn(5).bfloat16(),
        "int64": torch.tensor(-3),
        "bool": torch.tensor([True, False]),
        "empty": torch.empty(0, 4),
        "channels last": torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
        "part": torch.randn(4, 4)[:, 1],
        "with a gradient": torch.randn(2, requires_grad=True),
    }
    fingerprint = tensors.save(tmp_path / "a.safetensors", kept, HEADER)
    loaded, header = load(tmp_path / "a.safetensors")
    assert header == {"format": sealed.FORMAT, **HEADER, "fingerprint": fingerprint}
    assert loaded.keys() == kept.keys()
    for name, tensor in kept.items():
        assert loaded[name].dtype == tensor.dtype
        assert torch.equal(loaded[name], tensor.detach())


def test_the_same_content_is_the_same_file(tmp_path: Path, path: Path) -> None:
    tensors.save(tmp_path / "again.safetensors", TENSORS, HEADER)
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_the_fingerprint_is_of_the_content(tmp_path: Path) -> None:
    first = tensors.save(tmp_path / "a.safetensors", TENSORS, HEADER)
    assert tensors.save(tmp_path / "b.safetensors", dict(reversed(TENSORS.items())), HEADER) == first
    others = [
        ({**TENSORS, "count": torch.tensor(8)}, HEADER),
        ({**TENSORS, "weight": TENSORS["weight"].view(4, 3)}, HEADER),
        ({**TENSORS, "weight": TENSORS["weight"].view(torch.int32)}, HEADER),
        ({"weight": TENSORS["weight"], "counts": TENSORS["count"]}, HEADER),
        (TENSORS, {**HEADER, "images": 1}),
    ]
    assert len({first, *(tensors.save(tmp_path / "c.safetensors", *other) for other in others)}) == 6


def test_a_truncated_file_is_refused_wherever_it_ends(path: Path) -> None:
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(GeneratorError, match="truncated or no safetensors file"):
            load(path)


def test_a_longer_file_is_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(GeneratorError):
        load(path)


def test_a_flipped_bit_is_noticed_wherever_it_is(path: Path) -> None:
    """A flipped bit is refused, or changed nothing that is read (such as a blank of the padding)."""
    whole = path.read_bytes()
    expected = load(path)[1]
    noticed = 0
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        try:
            loaded, header = load(path)
        except GeneratorError:
            noticed += 1
            continue
        assert header == expected
        assert loaded.keys() == TENSORS.keys()
        assert all(torch.equal(loaded[name], TENSORS[name]) for name in TENSORS)
    assert noticed > 0.98 * len(whole)


@pytest.mark.parametrize("content", [
    b"", b"\0" * 100, b"\x89PNG\r\n\x1a\n" + b"\0" * 50, b"<!doctype html><html></html>", pickle.dumps({"weight": 1}),
    b"\xff" * 64, (2**62).to_bytes(8, "little") + b"{}", (2).to_bytes(8, "little") + b"[]",
], ids=["empty", "zeros", "png", "html", "pickle", "ones", "endless header", "list"])  # fmt: skip
def test_a_file_that_pretends_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pretender.safetensors"
    path.write_bytes(content)
    with pytest.raises(GeneratorError, match="truncated or no safetensors file"):
        load(path)


@pytest.mark.parametrize("metadata", [
    None, {"format": "pt"}, {"lienzo": "no JSON"}, {"lienzo": "[]"}, {"lienzo": "{}"}, {"lienzo": '{"format": "1"}'},
    {"lienzo": '{"format": 1}'}, {"lienzo": '{"format": 1, "kind": "checkpoint"}'}, {"lienzo": "null"},
])  # fmt: skip
def test_what_others_wrote_is_refused(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    path = tmp_path / "foreign.safetensors"
    safetensors.torch.save_file(TENSORS, path, metadata)
    with pytest.raises(GeneratorError, match="is no lienzo generator"):
        load(path)


def test_what_a_newer_lienzo_wrote_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "newer.safetensors"
    header = json.dumps({"format": sealed.FORMAT + 1, **HEADER, "fingerprint": "0"})
    safetensors.torch.save_file(TENSORS, path, {"lienzo": header})
    with pytest.raises(GeneratorError, match="newer lienzo: update"):
        load(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match=r"there is no file .*nowhere"):
        load(tmp_path / "nowhere.safetensors")
    with pytest.raises(GeneratorError, match="cannot be read"):
        load(tmp_path)
