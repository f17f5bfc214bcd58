r"""Batch normalisation, step by step.

Batch normalisation (Ioffe and Szegedy 2015, algorithm 1) takes, for each channel, the values $x$ of a whole batch,

    μ = \operatorname{mean}(x), \quad s^2 = \operatorname{mean}((x - μ)^2), \quad
    \hat{x} = \frac{x - μ}{\sqrt{s^2 + ε}}, \quad y = γ \hat{x} + β,

with $γ$ and $β$ learnt. Meanwhile running averages gather what evaluation uses in place of $μ$ and $s^2$,

    μ_\text{run} &\gets (1 - m) \, μ_\text{run} + m \, μ \\
    s^2_\text{run} &\gets (1 - m) \, s^2_\text{run} + m \, s^2 \frac{n}{n - 1},

where $n$ counts the values. So evaluation treats each picture alone. With $g = \partial L / \partial y$, what flows
back is

    \frac{\partial L}{\partial x} &= \frac{γ}{\sqrt{s^2 + ε}} \left( g - \operatorname{mean}(g)
    - \hat{x} \operatorname{mean}(g \hat{x}) \right) \\
    \frac{\partial L}{\partial γ} &= \sum g \hat{x}, \quad \frac{\partial L}{\partial β} = \sum g.

The scale of the layer before does not matter: $\operatorname{BN}(aWx) = \operatorname{BN}(Wx)$. Each step is computed
here by these formulas in 64 bits and compared with PyTorch's layer, then with the layers inside the thesis's generator.
"""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from lienzo import seeds
from lienzo.display import charts
from lienzo.networks.configurations import DCGAN
from lienzo.networks.shape import Shape
from lienzo.theory.finding import Claim, Drawing, Finding
from lienzo.theory.models.laws import Array

OVER = (0, 2, 3)
"""Axes over which a channel's mean and variance are taken: pictures, rows and columns."""


@dataclass(frozen=True)
class Steps:
    """Results of the four steps of batch normalisation, on a batch (N, C, H, W)."""

    mean: Array
    """Means of the channels, (C,)."""

    variance: Array
    """Variances of the channels, with divisor n, (C,)."""

    normalised: Array
    """The normalised values x̂, (N, C, H, W)."""

    output: Array
    """The scaled and shifted values y, (N, C, H, W)."""


def experiment(seed: int) -> Generator[str, None, Finding]:
    """Compare the algorithm, written out in NumPy, with PyTorch's layer in training and in evaluation."""
    yield "against one layer"
    claims = one_layer(seed)
    yield "inside the generator of the thesis"
    before, after, error = inside_the_generator(seed)
    return Finding(
        name="batch-normalisation",
        title="Batch normalisation",
        mathematics=str(__doc__),
        claims=(
            *claims,
            Claim("inside the thesis's generator, four layers: largest error of y", 0.0, error, 1e-4),
        ),
        drawings=(_draw(before, after, seed),),
    )


def normalise(x: Array, gamma: Array, beta: Array, epsilon: float) -> Steps:
    """Return the results of the four steps of algorithm 1 for x (N, C, H, W) and gamma and beta (C,)."""
    mean = x.mean(OVER)
    variance = ((x - _wide(mean)) ** 2).mean(OVER)
    normalised = (x - _wide(mean)) / np.sqrt(_wide(variance) + epsilon)
    return Steps(mean, variance, normalised, _wide(gamma) * normalised + _wide(beta))


def one_layer(seed: int) -> list[Claim]:
    """Return the claims that one layer of PyTorch's computes what the algorithm says, forwards and backwards."""
    random = torch.Generator().manual_seed(seeds.derive(seed, "theory/batch-normalisation"))
    layer = nn.BatchNorm2d(5).double()
    layer.weight.data.copy_(1 + 0.5 * torch.randn(5, generator=random))
    layer.bias.data.copy_(torch.randn(5, generator=random))
    x = 3 * torch.randn(8, 5, 6, 6, generator=random, dtype=torch.float64) - 1
    x.requires_grad_()
    gamma, beta = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    steps = normalise(x.detach().numpy(), gamma, beta, layer.eps)

    y = layer(x)
    pull = torch.randn(y.shape, generator=random, dtype=torch.float64)
    torch.autograd.backward(y, pull)
    g, count = pull.numpy(), x.numel() / 5
    flowing = g - _wide(g.mean(OVER)) - steps.normalised * _wide((g * steps.normalised).mean(OVER))
    back = _wide(gamma / np.sqrt(steps.variance + layer.eps)) * flowing

    momentum = 0.1
    averaged = momentum * steps.mean, (1 - momentum) + momentum * steps.variance * count / (count - 1)
    alone = (x.detach().numpy() - _wide(averaged[0])) / np.sqrt(_wide(averaged[1]) + layer.eps)
    layer_scaled = nn.BatchNorm2d(5, eps=1e-12).double()
    comparisons = (
        ("training: y = γ x̂ + β", steps.output, y),
        ("training: μ_run after one batch", averaged[0], layer.running_mean),
        ("training: s²_run after one batch, with n/(n − 1)", averaged[1], layer.running_var),
        ("backwards: ∂L/∂x", back, x.grad),
        ("backwards: ∂L/∂γ", (g * steps.normalised).sum(OVER), layer.weight.grad),
        ("backwards: ∂L/∂β", g.sum(OVER), layer.bias.grad),
        ("evaluation: y from the running averages", _wide(gamma) * alone + _wide(beta), layer.eval()(x)),
        ("BN(aWx) = BN(Wx), a = 7, ε → 0", layer_scaled(x).detach().numpy(), layer_scaled(7 * x)),
    )
    return [
        Claim("x̂ has mean 0: largest over the channels", 0.0, float(np.abs(steps.normalised.mean(OVER)).max()), 1e-12),
        Claim("x̂ has variance s²/(s² + ε): largest error", 0.0, _variance_error(steps, layer.eps), 1e-12),
    ] + [
        Claim(f"{name}: largest error", 0.0, float(np.abs(by_hand - _numpy(by_torch)).max()), 1e-9)
        for name, by_hand, by_torch in comparisons
    ]


def inside_the_generator(seed: int) -> tuple[Array, Array, float]:
    """Return the input and the output of one layer in the thesis's generator, and the largest error of all four."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds.derive(seed, "theory/weights"))
        generator = DCGAN().generator(Shape(64, 64, 3))
        latents = torch.randn(16, 100)
    seen: list[tuple[nn.BatchNorm2d, Tensor, Tensor]] = []
    layers = [layer for layer in generator.modules() if isinstance(layer, nn.BatchNorm2d)]
    hooks = [
        layer.register_forward_hook(lambda layer, inputs, out: seen.append((layer, inputs[0].clone(), out.clone())))
        for layer in layers
    ]
    with torch.no_grad():
        generator(latents)
    for hook in hooks:
        hook.remove()
    error = max(
        float(
            np.abs(normalise(_numpy(x), _numpy(layer.weight), _numpy(layer.bias), layer.eps).output - _numpy(y)).max()
        )
        for layer, x, y in seen
    )
    _, before, after = seen[2]
    return _numpy(before), _numpy(after), error


def _wide(values: Array) -> Array:
    return values[None, :, None, None]


def _numpy(values: Tensor | None) -> Array:
    assert values is not None
    return values.detach().double().numpy()


def _variance_error(steps: Steps, epsilon: float) -> float:
    return float(np.abs(steps.normalised.var(OVER) - steps.variance / (steps.variance + epsilon)).max())


def _draw(before: Array, after: Array, seed: int) -> Drawing:
    random = torch.Generator().manual_seed(seeds.derive(seed, "theory/batch-normalisation/running"))
    layer, averages = nn.BatchNorm2d(1), []
    for _ in range(60):
        layer(2 + 3 * torch.randn(32, 1, 4, 4, generator=random))
        assert layer.running_mean is not None
        assert layer.running_var is not None
        averages.append((float(layer.running_mean), float(layer.running_var)))
    with charts.figure(8.4, 2.8) as figure:
        left, middle, right = figure.subplots(1, 3)
        bins = np.linspace(-4, 4, 81)
        for axes, values, title in ((left, before / before.std(), "before, scaled"), (middle, after, "after")):
            for channel in range(6):
                axes.hist(
                    values[:, channel].ravel(), bins, histtype="step", density=True, color=charts.COLOURS[channel]
                )
            axes.set(xlabel="value", title=title)
        left.set_ylabel("density")
        for values, truth, label, style in zip(
            zip(*averages, strict=True), (2, 9), ("μ_run", "s²_run"), charts.LINES, strict=False
        ):
            right.plot(range(1, 61), values, style, label=label)
            right.axhline(truth, color="0.7", linewidth=0.8)
        right.set(xlabel="batches", title="running averages of N(2, 9)")
        right.legend()
        return Drawing(
            charts.svg(figure),
            "Left and middle: six channels of the generator's third layer before and after. Right: the averages that "
            "evaluation uses approach the truth.",
        )
