"""The losses of the generator and the discriminator: each objective is a frozen dataclass that reads like its paper.

An objective sees logits, never probabilities: ``real`` = D(x) and ``fake`` = D(G(z)), both of shape (N,), before any
sigmoid. It returns the mean loss of one network, a scalar to be minimised, and knows no network, optimiser or device.
What needs the discriminator itself rather than its logits (penalties on its gradient, clipping of its weights) is
:class:`Regularisation`.

With σ the sigmoid, D(x) = σ(logit), −log σ(l) = softplus(−l) and −log(1 − σ(l)) = softplus(l). These stable forms are
used here.

A recipe holds an objective as a value, which is read without PyTorch; the functions at the end import it when a loss is
computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn


class Objective(Protocol):
    """The losses of the two networks, from logits of shape (N,)."""

    relativistic: ClassVar[bool]
    """Whether the generator's loss depends on the logits of real pictures too."""

    probabilistic: ClassVar[bool]
    """Whether σ(logit) is the discriminator's probability of a real picture; otherwise a logit is a score as it is."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the discriminator's loss, a scalar."""
        ...

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        """Return the generator's loss, a scalar; ``real`` is given where the objective is relativistic."""
        ...


@dataclass(frozen=True)
class Minimax:
    """The zero-sum game: min over G, max over D of E[log D(x)] + E[log(1 − D(G(z)))].

    Goodfellow et al. 2014, equation 1. The generator's loss saturates where the discriminator wins.
    """

    relativistic: ClassVar[bool] = False
    probabilistic: ClassVar[bool] = True

    real_label: float = 1.0
    """Target of D on real pictures; below 1 it is one-sided label smoothing (Salimans et al. 2016, section 3.4)."""

    def __post_init__(self) -> None:
        _check_labels(self.real_label)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return −E[α log D(x) + (1 − α) log(1 − D(x))] − E[log(1 − D(G(z)))], α being ``real_label``."""
        return cross_entropy(real, self.real_label) + softplus(fake).mean()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:  # noqa: ARG002
        """Return E[log(1 − D(G(z)))]."""
        return -softplus(fake).mean()


@dataclass(frozen=True)
class NonSaturating:
    """The discriminator of the zero-sum game against a generator that maximises log D(G(z)).

    Goodfellow et al. 2014, section 3: the same fixed point, much stronger gradients early in training.
    """

    relativistic: ClassVar[bool] = False
    probabilistic: ClassVar[bool] = True

    real_label: float = 1.0
    """Target of D on real pictures; below 1 it is one-sided label smoothing (Salimans et al. 2016, section 3.4)."""

    generator_label: float = 1.0
    """Target of D on generated pictures in the generator's step; 1 in the paper, 0.9 in the code of the thesis."""

    def __post_init__(self) -> None:
        _check_labels(self.real_label, self.generator_label)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return −E[α log D(x) + (1 − α) log(1 − D(x))] − E[log(1 − D(G(z)))], α being ``real_label``."""
        return cross_entropy(real, self.real_label) + softplus(fake).mean()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:  # noqa: ARG002
        """Return −E[β log D(G(z)) + (1 − β) log(1 − D(G(z)))], β being ``generator_label``."""
        return cross_entropy(fake, self.generator_label)


@dataclass(frozen=True)
class LeastSquares:
    """Least squares with the labels 0, 1, 1 (Mao et al. 2017, equation 9)."""

    relativistic: ClassVar[bool] = False
    probabilistic: ClassVar[bool] = False

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return ½ E[(D(x) − 1)²] + ½ E[D(G(z))²]."""
        return 0.5 * (real - 1).square().mean() + 0.5 * fake.square().mean()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:  # noqa: ARG002
        """Return ½ E[(D(G(z)) − 1)²]."""
        return 0.5 * (fake - 1).square().mean()


@dataclass(frozen=True)
class Hinge:
    """The hinge loss (Lim and Ye 2017; Miyato et al. 2018, equations 16 and 17)."""

    relativistic: ClassVar[bool] = False
    probabilistic: ClassVar[bool] = False

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return E[max(0, 1 − D(x))] + E[max(0, 1 + D(G(z)))]."""
        return (1 - real).relu().mean() + (1 + fake).relu().mean()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:  # noqa: ARG002
        """Return −E[D(G(z))]."""
        return -fake.mean()


@dataclass(frozen=True)
class Wasserstein:
    """The Kantorovich-Rubinstein dual of the Wasserstein-1 distance (Arjovsky et al. 2017, equation 2).

    It holds for a 1-Lipschitz critic only, which :class:`Regularisation` or spectral normalisation has to provide.
    """

    relativistic: ClassVar[bool] = False
    probabilistic: ClassVar[bool] = False

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return E[D(G(z))] − E[D(x)]."""
        return fake.mean() - real.mean()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:  # noqa: ARG002
        """Return −E[D(G(z))]."""
        return -fake.mean()


@dataclass(frozen=True)
class Relativistic:
    """Relativistic pairing (Jolicoeur-Martineau 2018; Huang et al. 2024, arXiv 2501.05441, equation 2).

    Each real picture is compared with one generated picture; with R1 and R2 this is the objective of R3GAN.
    """

    relativistic: ClassVar[bool] = True
    probabilistic: ClassVar[bool] = False

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return E[−log σ(D(x) − D(G(z)))]."""
        return softplus(fake - real).mean()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        """Return E[−log σ(D(G(z)) − D(x))]."""
        assert real is not None
        return softplus(real - fake).mean()


OBJECTIVES: dict[str, type[Objective]] = {
    "minimax": Minimax,
    "non-saturating": NonSaturating,
    "least-squares": LeastSquares,
    "hinge": Hinge,
    "wasserstein": Wasserstein,
    "relativistic": Relativistic,
}
"""Every objective by the name that recipes use."""


@dataclass(frozen=True)
class Regularisation:
    """Penalties on the discriminator's gradient, and bounds on its weights. A weight of 0 turns each off."""

    r1: float = 0.0
    """γ of the penalty γ/2 · E‖∇D(x)‖² on real pictures (Mescheder et al. 2018, equation 9)."""

    r2: float = 0.0
    """γ of the penalty γ/2 · E‖∇D(G(z))‖² on generated pictures (Mescheder et al. 2018, equation 10)."""

    gradient_penalty: float = 0.0
    """λ of the penalty λ · E(‖∇D(x̂)‖ − 1)² between real and generated pictures (Gulrajani et al. 2017, equation 3)."""

    interval: int = 1
    """Compute the penalties in one of so many steps only, multiplied by that number, which saves most of their cost
    (Karras et al. 2020, Analyzing and Improving the Image Quality of StyleGAN, appendix B)."""

    clip: float = 0.0
    """Bound c on the absolute value of each of the discriminator's weights (Arjovsky et al. 2017, algorithm 1)."""

    def __post_init__(self) -> None:
        for name in ("r1", "r2", "gradient_penalty", "clip"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is a weight and cannot be negative; 0 turns it off.")
        if self.interval < 1:
            raise ValueError(f"interval is {self.interval}, but is a number of steps: give 1 or more.")
        if self.interval > 1 and not self.penalises:
            raise ValueError(
                "interval belongs to the penalties r1, r2 and gradient_penalty: choose one, or set interval=1."
            )
        if self.clip and self.penalises:
            raise ValueError("clip and a gradient penalty both bound the discriminator's gradient; choose one of them.")
        if self.gradient_penalty and (self.r1 or self.r2):
            raise ValueError(
                "gradient_penalty wants gradients of norm 1, r1 and r2 want gradients of 0; choose one kind of penalty."
            )

    @property
    def penalises(self) -> bool:
        """Whether there is a penalty on the discriminator's gradient, which is then differentiated twice."""
        return bool(self.r1 or self.r2 or self.gradient_penalty)

    def due(self, step: int) -> bool:
        """Say whether a step, counted from 0, computes the penalties. The first one always does."""
        return self.penalises and step % self.interval == 0

    def penalty(self, images: Tensor, logits: Tensor, gamma: float | Tensor) -> Tensor:
        """Return γ/2 · E‖∇D(x)‖², a scalar that can be differentiated again.

        Args:
            images: (N, ...) the discriminator's input, which requires a gradient.
            logits: (N,) its output on them.
            gamma: the weight γ, a number or a scalar on the device.
        """
        return gamma / 2 * gradients(images, logits).square().sum(1).mean()

    def interpolated_penalty(self, D: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
        """Return λ · E(‖∇D(x̂)‖ − 1)² at x̂ = ε x + (1 − ε) G(z), a scalar that can be differentiated again.

        Args:
            D: the discriminator, from (N, ...) to logits (N,).
            real: (N, ...) pictures x.
            fake: (N, ...) pictures G(z).
            mix: (N,) the ε, uniform in [0, 1).
        """
        epsilon = mix.view(-1, *[1] * (real.dim() - 1))
        between = (epsilon * real + (1 - epsilon) * fake).detach().requires_grad_()
        norms = gradients(between, D(between)).square().sum(1).add(1e-12).sqrt()
        return self.gradient_penalty * (norms - 1).square().mean()

    def clip_weights(self, discriminator: nn.Module) -> None:
        """Clamp each weight to [−c, c]."""
        from torch import no_grad

        with no_grad():
            for parameter in discriminator.parameters():
                parameter.clamp_(-self.clip, self.clip)


def _check_labels(*labels: float) -> None:
    if not all(0.5 < label <= 1 for label in labels):
        raise ValueError(
            "a label is the probability of a real picture, and of 0.5 or less the player would learn the contrary: "
            "give a number above 0.5, up to 1."
        )


def softplus(logits: Tensor) -> Tensor:
    """Return log(1 + e^logit) of each logit."""
    from torch.nn import functional

    return functional.softplus(logits)


def cross_entropy(logits: Tensor, label: float) -> Tensor:
    """Return −E[α log σ(l) + (1 − α) log(1 − σ(l))] of logits (N,), a scalar, α being the label."""
    from torch.nn.functional import binary_cross_entropy_with_logits

    return binary_cross_entropy_with_logits(logits, logits.new_full(logits.shape, label))


def gradients(images: Tensor, logits: Tensor) -> Tensor:
    """Return the gradients (N, C·H·W) of logits (N,) by their images (N, ...), which can be differentiated again."""
    from torch import autograd

    (found,) = autograd.grad(logits.sum(), images, create_graph=True)
    return full_precision(found.flatten(1))


def full_precision(tensor: Tensor) -> Tensor:
    """Return a tensor of fewer than 32 bits as float32, and any other as it is: sums over many pictures need it."""
    return tensor.float() if tensor.dtype.itemsize < 4 else tensor
