r"""Convolution arithmetic: sizes, transposes and receptive fields.

A convolution with kernel $K$, padding $P$ and stride $S$ turns a side of $W$ pixels into

    O = \left\lfloor \frac{W - K + 2P}{S} \right\rfloor + 1,

and a transposed convolution turns $W$ into

    O = S (W - 1) + K - 2P.

The second undoes the size of the first, not its values. Written as matrices on flattened pictures, a transposed
convolution is the transpose of the convolution with the same kernel,
$\langle A x, y \rangle = \langle x, A^\top y \rangle$ (Dumoulin and Visin 2016).

The receptive field of a layer is the side of the patch of the picture that one of its outputs sees. It grows as

    r_0 = 1, \quad r_i = r_{i-1} + (K_i - 1) \, S_1 \cdots S_{i-1}.

The networks of the thesis follow: 64 → 32 → 16 → 8 → 4 → 1 in the discriminator, and back in the generator.
"""

import itertools
from collections.abc import Generator, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d

from lienzo import seeds
from lienzo.display import charts
from lienzo.networks.configurations import DCGAN
from lienzo.networks.ends import Projection, Readout
from lienzo.networks.shape import Shape
from lienzo.theory.finding import Claim, Drawing, Finding, Table
from lienzo.theory.models.laws import Array

THESIS = Shape(64, 64, 3)


def experiment(seed: int) -> Generator[str, None, Finding]:
    """Compare sizes, matrices and receptive fields with PyTorch's convolutions and the thesis's networks."""
    yield "sizes"
    claims = sizes()
    yield "matrices"
    claims += transposes(seed)
    yield "the networks of the thesis"
    measured, rows = networks()
    return Finding(
        name="convolutions",
        title="Convolution arithmetic",
        mathematics=str(__doc__),
        claims=(*claims, *measured),
        drawings=(_draw_matrices(), _draw_field(rows)),
        tables=(
            Table(
                "The thesis's discriminator, layer by layer",
                ("layer", "kernel", "stride", "padding", "side in", "side out", "receptive field"),
                tuple(rows),
            ),
        ),
    )


def shrunk(side: int, kernel: int, stride: int, padding: int) -> int:
    """Return the output side, in pixels, of a convolution."""
    return (side - kernel + 2 * padding) // stride + 1


def grown(side: int, kernel: int, stride: int, padding: int) -> int:
    """Return the output side, in pixels, of a transposed convolution."""
    return stride * (side - 1) + kernel - 2 * padding


def sizes() -> list[Claim]:
    """Return the claims that both formulas hold for every combination of side, kernel, stride and padding tried."""
    wrong, wrong_back, tried = 0, 0, 0
    for side, kernel, stride, padding in itertools.product(range(4, 17), range(1, 6), range(1, 4), range(3)):
        if shrunk(side, kernel, stride, padding) < 1 or grown(side, kernel, stride, padding) < 1:
            continue
        picture = torch.zeros(1, 1, side, side)
        tried += 1
        wrong += _layer(nn.Conv2d, kernel, stride, padding)(picture).shape[-1] != shrunk(side, kernel, stride, padding)
        back = _layer(nn.ConvTranspose2d, kernel, stride, padding)(picture)
        wrong_back += back.shape[-1] != grown(side, kernel, stride, padding)
    return [
        Claim(f"O = (W − K + 2P)/S + 1: sizes that differ, of {tried} combinations", 0.0, float(wrong)),
        Claim(f"O = S(W − 1) + K − 2P: sizes that differ, of {tried} combinations", 0.0, float(wrong_back)),
    ]


def matrix(layer: nn.Module, side: int) -> Array:
    """Return the matrix (outputs, side²) of a linear layer on flattened pictures of one channel."""
    pixels = torch.eye(side * side).view(-1, 1, side, side)
    with torch.no_grad():
        columns: Tensor = layer(pixels)
    return columns.flatten(1).T.double().numpy()


def transposes(seed: int) -> list[Claim]:
    """Return the claims that a transposed convolution is the transpose of the convolution with its kernel."""
    apart, products = 0.0, 0.0
    random = torch.Generator().manual_seed(seeds.derive(seed, "theory/convolutions"))
    for kernel, stride, padding in ((4, 2, 1), (3, 1, 1), (3, 2, 1), (5, 2, 2), (2, 2, 0)):
        small = 4
        large = grown(small, kernel, stride, padding)
        forward, back = _pair(kernel, stride, padding)
        apart = max(apart, float(np.abs(matrix(back, small) - matrix(forward, large).T).max()))
        x, y = torch.randn(1, 1, large, large, generator=random), torch.randn(1, 1, small, small, generator=random)
        with torch.no_grad():
            products = max(products, abs(float((forward(x) * y).sum() - (x * back(y)).sum())))
    return [
        Claim("a transposed convolution is the transpose of the matrix: largest difference", 0.0, apart, 1e-7),
        Claim("⟨Ax, y⟩ = ⟨x, Aᵀy⟩: largest difference", 0.0, products, 1e-4),
    ]


def networks() -> tuple[list[Claim], list[tuple[str | float, ...]]]:
    """Return the claims about the thesis's networks, and the rows of a table of its discriminator's layers."""
    generator, discriminator = DCGAN().generator(THESIS).eval(), DCGAN().discriminator(THESIS).eval()
    descending, ascending = _convolving(discriminator), _convolving(generator)
    rows: list[tuple[str | float, ...]] = []
    side, field, spacing = 64, 1, 1
    for number, layer in enumerate(descending, 1):
        kernel, stride, padding = _arithmetic(layer)
        field += (kernel - 1) * spacing
        spacing *= stride
        rows.append(
            (f"convolution {number}", kernel, stride, padding, side, shrunk(side, kernel, stride, padding), field)
        )
        side = shrunk(side, kernel, stride, padding)
    risen = list(itertools.accumulate(ascending, lambda side, layer: grown(side, *_arithmetic(layer)), initial=side))[
        1:
    ]
    down, up = (
        _sides(discriminator, descending, torch.zeros(1, 3, 64, 64)),
        _sides(generator, ascending, torch.zeros(1, 100)),
    )
    seen = [_seen(descending[: number + 1]) for number in range(len(descending))]
    return [
        Claim(
            "discriminator, sides 64, 32, 16, 8, 4, 1: layers that differ from O",
            0,
            _different(down, [row[5] for row in rows]),
        ),
        Claim("generator, sides 1, 4, 8, 16, 32, 64: layers that differ from O", 0, _different(up, risen)),
        Claim(
            "discriminator, receptive fields: layers that differ from r", 0, _different(seen, [row[6] for row in rows])
        ),
        Claim(
            "the generator's first layer is a transposed convolution of one pixel: largest error",
            0.0,
            _first_error(),
            1e-5,
        ),
        Claim("the discriminator's last layer is a convolution to one pixel: largest error", 0.0, _last_error(), 1e-5),
        Claim("generator: number of parameters", 3_576_704, sum(p.numel() for p in generator.parameters())),
        Claim("discriminator: number of parameters", 2_765_568, sum(p.numel() for p in discriminator.parameters())),
    ], rows


def _convolving(network: nn.Module) -> list[nn.Module]:
    kinds = (nn.Conv2d, nn.ConvTranspose2d, Projection, Readout)
    return [layer for layer in network.modules() if isinstance(layer, kinds)]


def _arithmetic(layer: nn.Module) -> tuple[int, int, int]:
    """Return kernel, stride and padding; :class:`Projection` and :class:`Readout` have stride 1 and no padding."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        return layer.kernel_size[0], layer.stride[0], int(layer.padding[0])
    return layer.get_parameter("weight").shape[-1], 1, 0


def _different(measured: list[int], predicted: Sequence[str | float]) -> int:
    return sum(a != b for a, b in zip(measured, predicted, strict=True))


@torch.no_grad()
def _first_error() -> float:
    layer, z = Projection(10, 6, 4, 4), torch.linspace(-1, 1, 30).view(3, 10)
    layer.weight.copy_(torch.linspace(-1, 1, layer.weight.numel()).view_as(layer.weight))
    return float((layer(z) - conv_transpose2d(z[:, :, None, None], layer.weight)).abs().max())


@torch.no_grad()
def _last_error() -> float:
    layer, features = Readout(6, 4, 4), torch.linspace(-1, 1, 3 * 6 * 16).view(3, 6, 4, 4)
    layer.weight.copy_(torch.linspace(-1, 1, layer.weight.numel()).view_as(layer.weight))
    return float((layer(features) - conv2d(features, layer.weight).flatten(1)).abs().max())


def _layer(kind: type[nn.Conv2d] | type[nn.ConvTranspose2d], kernel: int, stride: int, padding: int) -> nn.Module:
    return kind(1, 1, kernel, stride=stride, padding=padding, bias=False)


def _pair(kernel: int, stride: int, padding: int) -> tuple[nn.Module, nn.Module]:
    """Return a convolution and a transposed convolution with the same kernel, all of whose weights differ."""
    forward, back = (_layer(kind, kernel, stride, padding) for kind in (nn.Conv2d, nn.ConvTranspose2d))
    weight = torch.linspace(-1, 1, kernel * kernel).view(1, 1, kernel, kernel)
    for layer in (forward, back):
        layer.load_state_dict({"weight": weight})
    return forward, back


def _sides(network: nn.Module, layers: list[nn.Module], inputs: Tensor) -> list[int]:
    """Run a network and return the side of each layer's output in pixels; outputs without height have side 1."""
    sides: list[int] = []
    hooks = [
        layer.register_forward_hook(lambda _, __, out: sides.append(out.shape[-1] if out.dim() == 4 else 1))
        for layer in layers
    ]
    with torch.no_grad():
        network(inputs)
    for hook in hooks:
        hook.remove()
    return sides


def _seen(layers: list[nn.Module]) -> int:
    """Measure the receptive field of the last of these convolutions: the side of the patch that affects an output.

    The picture is larger than the patch, and the weights are made positive, so that no two changes cancel.
    """
    picture = torch.zeros(1, 3, 192, 192, requires_grad=True)
    signal: Tensor = picture
    for layer in layers:
        _, stride, padding = _arithmetic(layer)
        signal = conv2d(signal, layer.get_parameter("weight").abs(), stride=stride, padding=padding)
    middle = signal.shape[-1] // 2
    (gradient,) = torch.autograd.grad(signal[0, 0, middle, middle], picture)
    touched = torch.nonzero(gradient[0, 0].sum(0))
    return int(touched.max() - touched.min()) + 1


def _draw_matrices() -> Drawing:
    forward, back = _pair(4, 2, 1)
    with charts.figure(7.0, 3.0) as figure:
        left, right = figure.subplots(1, 2, width_ratios=(4, 1))
        reach = float(np.abs(matrix(forward, 8)).max())
        for axes, values, title in (
            (left, matrix(forward, 8), "convolution, 8×8 → 4×4"),
            (right, matrix(back, 4), "back"),
        ):
            axes.imshow(values, cmap="PuOr", vmin=-reach, vmax=reach, interpolation="nearest")
            axes.set_title(title, fontsize=9)
            axes.set(xlabel="pixel in")
            axes.grid(visible=False)
        left.set_ylabel("pixel out")
        return Drawing(
            charts.svg(figure), "One kernel (K = 4, S = 2, P = 1) as two matrices: the second is the first, transposed."
        )


def _draw_field(rows: list[tuple[str | float, ...]]) -> Drawing:
    fields = [float(row[-1]) for row in rows]
    with charts.figure(5.0, 2.6) as figure:
        axes = figure.subplots()
        axes.bar(range(1, len(fields) + 1), fields, color=charts.COLOURS[0])
        axes.axhline(64, color=charts.COLOURS[1], linestyle="--", label="the whole picture, 64 pixels")
        for layer, field in enumerate(fields, 1):
            axes.annotate(f"{field:.0f}", (layer, field), ha="center", va="bottom")
        axes.set(xlabel="convolution of the discriminator", ylabel="receptive field in pixels", ylim=(0, 108))
        axes.legend(loc="upper left")
        return Drawing(
            charts.svg(figure), "How much of the picture one output of each layer sees; the last sees all of it."
        )
