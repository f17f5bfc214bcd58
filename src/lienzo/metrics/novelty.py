"""Whether generated pictures are new: neither copies of training pictures nor blends of two of them.

A distance to the training set says little alone. Here it always stands beside the distances of real pictures that
were not trained on (held out): a generator that has learnt the distribution comes as close to its training pictures
as they do, one that has learnt the pictures by heart comes closer. Compare Meehan et al., A Non-Parametric Test to
Detect Data-Copying, 2020 (https://arxiv.org/abs/2004.05675).
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from lienzo.metrics.distances import CHUNK, middle
from lienzo.metrics.estimate import Estimate, share
from lienzo.metrics.results import Excess, expected_share


class Blends(NamedTuple):
    """Each picture explained as α · first + (1 − α) · second, two training pictures, the first with the larger part."""

    unexplained: (
        Tensor  # (n,) float64: what is left, over the picture's own deviation from the mean; 0 is a perfect blend
    )
    first: Tensor  # (n,) int64, rows of the training pictures
    second: Tensor  # (n,) int64
    alpha: Tensor  # (n,) float64 in [½, 1]


def excess(generated: Tensor, held_out: Tensor) -> Excess:
    """Compare numbers of generated pictures with those of held-out real ones, where low numbers are suspicious.

    The threshold lies at place (m + 1) · q of the held-out numbers, so that one more of them falls below it with
    probability q: see :func:`~lienzo.metrics.results.expected_share`.

    The standard error of the probability is DeLong's (1988). That of the share has two parts: the binomial one, and
    what the share gains where the threshold moves by its own error (Woodruff 1952, Confidence Intervals for Medians and
    Other Position Measures). That is √(q (1 − q) / (m + 2)), the spread of the probability below the threshold, which
    has a Beta distribution. It is moved both ways, as far as there are held-out numbers.

    Args:
        generated: (n,) such as distances to the nearest training picture.
        held_out: (m,) the same of real pictures that were not trained on.
    """
    generated, held_out = generated.double(), held_out.double()
    n, m = len(generated), len(held_out)

    def threshold(at: float) -> Tensor:
        place = ((m + 1) * at - 1) / max(1, m - 1)
        return held_out.quantile(min(1.0, max(0.0, place)))

    usual = expected_share(m)
    step = math.sqrt(usual * (1 - usual) / (m + 2))
    low, high = max(1 / (m + 1), usual - step), min(m / (m + 1), usual + step)
    below = share(generated < threshold(usual))
    between = ((generated >= threshold(low)) & (generated < threshold(high))).double().mean().item()
    moved = between * step / (high - low) if high > low else step
    higher = _above(held_out, generated)  # for each generated picture, the share of held-out ones above it
    lower = 1 - _above(generated, held_out)
    variance = higher.var(correction=0) / n + lower.var(correction=0) / m
    probability = Estimate(higher.mean().item(), math.sqrt(variance.item()))
    return Excess(Estimate(below.value, math.hypot(below.error, moved)), probability, threshold(usual).item())


def blends(pictures: Tensor, training: Tensor, *, candidates: int = 8, chunk: int | None = None) -> Blends:
    """Explain each picture as the best blend of two training pictures.

    The first of the two is one of the ``candidates`` training pictures that correlate with it most (either part of an
    even blend of two uncorrelated pictures correlates with it by 0.7, any other picture by 0). The second is sought
    among all.

    Args:
        pictures: (n, d) pixels.
        training: (N, d) pixels of the same kind, N > 1.
        candidates: number of training pictures that are tried as the first of the two.
        chunk: pictures taken at a time; by default up to 32, as many as keep chunk · candidates · N within a tile of
            distances.
    """
    chunk = chunk or max(1, min(32, CHUNK**2 // (candidates * len(training))))
    origin = middle(training)
    base = training.double() - origin
    norms = base.square().sum(1)
    found = []
    for start in range(0, len(pictures), chunk):
        picture = pictures[start : start + chunk].double() - origin
        length = picture.square().sum(1)
        likeness = picture @ base.T  # (c, N)
        first = (likeness / norms.sqrt().clamp_min(1e-12)).topk(min(candidates, len(base)), 1).indices  # (c, k)
        with_first = likeness.gather(1, first)[:, :, None]
        among = (base[first.flatten()] @ base.T).reshape(*first.shape, -1)  # (c, k, N)
        own = norms[first][:, :, None]
        # The picture minus the second, along the line from the second to the first:
        along = with_first - likeness[:, None] - among + norms
        line = (own + norms - 2 * among).clamp_min(1e-12)
        alpha = (along / line).clamp(0, 1)
        left = (length[:, None, None] - 2 * likeness[:, None] + norms) - 2 * alpha * along + alpha.square() * line
        best = left.flatten(1).min(1)
        row, other = best.indices // len(base), best.indices % len(base)
        every = torch.arange(len(picture), device=picture.device)
        one, share = first[every, row], alpha[every, row, other]
        more = share >= 0.5
        found.append(
            Blends(
                best.values.clamp_min(0) / length.clamp_min(1e-12),
                torch.where(more, one, other),
                torch.where(more, other, one),
                torch.where(more, share, 1 - share),
            )
        )
    return Blends(*(torch.cat(part) for part in zip(*found, strict=True)))


def _above(others: Tensor, values: Tensor) -> Tensor:
    """Return for each of ``values`` the share of ``others`` above it, equal ones counting half."""
    ordered = others.sort().values
    not_above = torch.searchsorted(ordered, values, side="left") + torch.searchsorted(ordered, values, side="right")
    return 1 - not_above.double() / (2 * len(ordered))
