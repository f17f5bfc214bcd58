"""The game: one alternating update of the two players (Goodfellow et al. 2014, algorithm 1).

The same step trains on paintings and, in the theory laboratory, on densities that are known exactly.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from lienzo.compute import processes
from lienzo.networks.conditions import apply, mismatched
from lienzo.networks.statistics import batches, moments
from lienzo.recipe.augmentation import Augmentation
from lienzo.recipe.objectives import Objective, Regularisation, full_precision
from lienzo.training import augmentation
from lienzo.training.feature_discriminator import FeatureDiscriminator
from lienzo.training.optimizers import Optimizer

Measures = dict[str, Tensor]
"""Name of a measure -> a scalar on the device, detached. The loop reads none of them back from the device."""


SELDOM = frozenset({"discriminator_gradient", "generator_gradient", "real_diversity", "fake_diversity"})
"""Measures that only watched steps take, since together they cost about a hundredth of a step."""

COARSE = 8
"""Height and width to which pictures are averaged before their diversity is measured: it sees layout, and no noise."""


@dataclass(frozen=True)
class StepInputs:
    """All pictures and random numbers of one training step: a batch for each of the discriminator's k updates."""

    real: Tensor
    """(k, N, ...) pictures in [−1, 1], or points; from the input pipeline pictures are uint8 (k, N, H, W, C)."""

    latents: Tensor
    """(k, N, latents) from N(0, 1); the generator learns from the last of them."""

    mix: Tensor | None = None
    """(k, N) uniform in [0, 1), where the regularisation has a ``gradient_penalty``."""

    chance: Tensor | None = None
    """(k + 1, 2, N, chances) uniform in [0, 1), where there is a policy of augmentation: for each of the
    discriminator's k updates and for the generator's, how real and how generated pictures are changed."""

    labels: Tensor | None = None
    """(k, N, classes) rows of the real pictures' labels, where the networks are conditional and labels count already.
    Generated pictures are made for the same rows, so that both kinds carry the same labels equally often."""


@dataclass
class Game:
    """The GAN that is trained: two networks, their objective, and their optimisers."""

    generator: nn.Module
    """Maps latents (N, latents), and labels (N, classes) if there are any, to pictures or points (N, ...)."""

    discriminator: nn.Module
    """Maps pictures or points (N, ...), and labels if there are any, to logits (N,)."""

    objective: Objective
    generator_optimizer: Optimizer
    discriminator_optimizer: Optimizer
    regularisation: Regularisation = field(default_factory=Regularisation)

    augmentation: Augmentation = field(default_factory=Augmentation)
    """The random changes of pictures before the discriminator sees them."""

    feature_discriminator: FeatureDiscriminator | None = None
    """A second discriminator, whose weighted losses are added to those of the first. ``discriminator_optimizer``
    updates both. Penalties, labels and the measures of the log are about the first alone."""

    probability: Tensor = field(default_factory=lambda: torch.zeros(()))
    """Probability of each change of the policy ``ada``, a scalar on the device. Each update of the discriminator adapts
    it for the next step: all changes of a step are decided at its beginning."""

    autocast: torch.dtype | None = None
    """Lower precision for the networks' products (``torch.bfloat16``), or none."""

    mismatched_labels: bool = False
    """Whether the discriminator has to refuse real pictures with labels that are not theirs, as it refuses generated
    ones, with half of the weight of both (Reed et al. 2016, algorithm 1)."""

    accumulate: int = 1
    """An update sums the gradients of so many equal parts of its batch, which holds the memory of one part only."""

    compiled: bool = False
    """Whether ``torch.compile`` fuses the operations of each player."""

    r1: float | Tensor = field(init=False)
    """The γ of R1 from now on: that of the regularisation, unless annealing sets another, a number or a scalar on the
    device."""

    r2: float | Tensor = field(init=False)
    """The γ of R2, likewise."""

    def __post_init__(self) -> None:
        self.r1, self.r2 = self.regularisation.r1, self.regularisation.r2
        self._passes: dict[nn.Module, Callable[..., Tensor]] = {}

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The players by name."""
        players = {"generator": self.generator, "discriminator": self.discriminator}
        if self.feature_discriminator is not None:
            players["feature_discriminator"] = self.feature_discriminator
        return players

    @property
    def optimizers(self) -> dict[str, Optimizer]:
        """The optimisers by name."""
        return {"generator": self.generator_optimizer, "discriminator": self.discriminator_optimizer}

    @property
    def memory(self) -> dict[str, Tensor]:
        """Other tensors that a step changes: the probability of ``ada``."""
        return {"probability": self.probability} if self.augmentation.policy == "ada" else {}

    def step(self, inputs: StepInputs, watched: bool = True, penalised: bool = True) -> Measures:
        """Update the discriminator k times and the generator once, and return the measures of this step for the log.

        Args:
            inputs: pictures, latents and random numbers; k is the length of their first dimension.
            watched: whether to take the measures in ``SELDOM`` too.
            penalised: whether to add the penalties of the regularisation.
        """
        _, measures = self.halves(inputs, watched=watched, penalised=penalised)
        return measures

    def halves(self, inputs: StepInputs, *, watched: bool = True, penalised: bool = True) -> Iterator[Measures]:
        """Do what :meth:`step` does, with the same arguments, and yield the measures after each of its two halves.

        The first half is the discriminator's k updates, the second the generator's one.
        """
        whole = self.accumulate == 1  # then both updates use one autograd graph; parts are made again for the generator
        fake, measures, updates = torch.empty(0), {}, len(inputs.real)
        size = inputs.real.shape[-2:]
        changes = [None] * (updates + 1) if inputs.chance is None else self._decided(inputs.chance, *size)
        labels = [None] * updates if inputs.labels is None else inputs.labels
        for i in range(updates):
            last = i == updates - 1
            with torch.set_grad_enabled(last and whole):
                fake = torch.cat(list(self._generated(inputs.latents[i], labels[i])))
            mix = None if inputs.mix is None else inputs.mix[i]
            measures = self.discriminator_step(
                inputs.real[i], fake, mix, changes[i], labels[i], watched=watched and last, penalised=penalised
            )
        yield measures
        fakes = [fake] if whole else self._generated(inputs.latents[-1], labels[-1])
        yield measures | self.generator_step(inputs.real[-1], fakes, changes[-1], labels[-1], watched=watched)

    def discriminator_step(
        self,
        real: Tensor,
        fake: Tensor,
        mix: Tensor | None = None,
        changes: Tensor | None = None,
        labels: Tensor | None = None,
        *,
        watched: bool = True,
        penalised: bool = True,
    ) -> Measures:
        """Update the discriminator once; no gradient flows into the generated pictures ``fake`` (N, ...).

        ``changes`` (2, N, numbers) are those that the augmentation decided on, of real and of generated pictures.

        Penalties take the gradient with respect to the changed pictures, those that the discriminator gets: they bound
        the slope of D, not how strongly a change happens to scale a picture.
        """
        differ = {"real_diversity": diversity(real), "fake_diversity": diversity(fake)} if watched else {}
        if changes is not None:
            real, fake = self._changed(real, changes[0]), self._changed(fake.detach(), changes[1])
        self.discriminator_optimizer.zero_grad()
        parts = self._parts(real.detach()), self._parts(fake.detach()), self._if_any(mix), self._if_any(labels)
        measures = self._mean(
            self._discriminator_gradient(*part, penalised=penalised) for part in zip(*parts, strict=True)
        )
        for network in self._discriminators():
            processes.synchronise(network)
        if watched:
            measures["discriminator_gradient"] = gradient_norm(self.discriminator)
        self.discriminator_optimizer.step()
        if self.regularisation.clip:
            self.regularisation.clip_weights(self.discriminator)
        if self.augmentation.policy == "ada":
            measures["overfitting"] = processes.mean(measures["overfitting"])
            images = len(real) * processes.count()
            probability = augmentation.adapted(self.augmentation, self.probability, measures["overfitting"], images)
            self.probability.copy_(probability)
            measures["augmentation_probability"] = self.probability.clone()
        return measures | differ

    def generator_step(
        self,
        real: Tensor,
        fakes: Iterable[Tensor],
        changes: Tensor | None = None,
        labels: Tensor | None = None,
        *,
        watched: bool = True,
    ) -> Measures:
        """Update the generator once, through pictures that it made with gradients: the whole batch, or its parts."""
        for network in self._discriminators():
            network.requires_grad_(False)  # its gradients would be thrown away
        self.generator_optimizer.zero_grad()
        parts = self._parts(real), fakes, self._if_any(changes, dim=1), self._if_any(labels)
        measures = self._mean(self._generator_gradient(*part) for part in zip(*parts, strict=True))
        processes.synchronise(self.generator)
        if watched:
            measures["generator_gradient"] = gradient_norm(self.generator)
        self.generator_optimizer.step()
        for network in self._discriminators():
            network.requires_grad_(True)
        return measures

    def _discriminator_gradient(
        self, real: Tensor, fake: Tensor, mix: Tensor | None, labels: Tensor | None, *, penalised: bool
    ) -> Measures:
        """Add a part's share to the discriminator's gradient."""
        regularisation = self.regularisation if penalised else Regularisation()
        real.requires_grad_(regularisation.r1 > 0)
        fake.requires_grad_(regularisation.r2 > 0)
        with self._precision(real):
            real_logits, fake_logits, refused = self._logits_of_all(real, fake, labels)
        loss = self.objective.discriminator(real_logits, refused)
        measures = {
            "discriminator_loss": loss.detach(),
            "real_score": self._score(real_logits),
            "fake_score": self._score(fake_logits),
        }
        if self.augmentation.policy == "ada":
            measures["overfitting"] = real_logits.detach().sign().mean()
        penalties: Measures = {}
        if regularisation.r1:
            penalties["r1_penalty"] = regularisation.penalty(real, real_logits, self.r1)
        if regularisation.r2:
            penalties["r2_penalty"] = regularisation.penalty(fake, fake_logits, self.r2)
        if regularisation.gradient_penalty:
            assert mix is not None
            with self._precision(real):  # as the passes that r1 and r2 differentiate
                logits_of = partial(self._logits, labels=labels, twice=True)
                penalties["gradient_penalty"] = regularisation.interpolated_penalty(logits_of, real, fake, mix)
        for name, penalty in penalties.items():
            loss = loss + regularisation.interval * penalty
            measures[name] = regularisation.interval * penalty.detach()
        if self.feature_discriminator is not None:
            with self._precision(real):
                by_features = self.feature_discriminator.discriminator_loss(real, fake)
            loss = loss + by_features
            measures["feature_loss"] = by_features.detach()
        torch.autograd.backward(loss / self.accumulate)
        return measures

    def _generator_gradient(
        self, real: Tensor, fake: Tensor, changes: Tensor | None, labels: Tensor | None
    ) -> Measures:
        """Add a part's share to the generator's gradient."""
        if changes is not None:
            real = self._changed(real, changes[0]) if self.objective.relativistic else real
            fake = self._changed(fake, changes[1])
        with self._precision(real):
            real_logits = self._logits(real, labels) if self.objective.relativistic else None
            fake_logits = self._logits(fake, labels)
        loss = self.objective.generator(real_logits, fake_logits)
        measures = {"generator_loss": loss.detach(), "fooled_score": self._score(fake_logits)}
        if self.feature_discriminator is not None:
            with self._precision(fake):
                loss = loss + self.feature_discriminator.generator_loss(fake)
        torch.autograd.backward(loss / self.accumulate)
        return measures

    def _discriminators(self) -> list[nn.Module]:
        return [network for name, network in self.networks.items() if name != "generator"]

    def _generated(self, latents: Tensor, labels: Tensor | None) -> Iterator[Tensor]:
        """Yield generated pictures part by part, each made when it is asked for."""
        for z, y in zip(self._parts(latents), self._if_any(labels), strict=True):
            with self._precision(z):
                fake = apply(self._pass(self.generator), z, y)
            yield fake

    def _parts(self, batch: Tensor) -> Sequence[Tensor]:
        return batch.chunk(self.accumulate)

    def _if_any(self, batch: Tensor | None, dim: int = 0) -> Sequence[Tensor | None]:
        """Return the equal parts of a batch, or None for each part where there is no batch."""
        return [None] * self.accumulate if batch is None else batch.chunk(self.accumulate, dim)

    def _mean(self, parts: Iterable[Measures]) -> Measures:
        """Return the means over equal parts, each of which is computed when it is asked for."""
        first, *rest = parts
        return {name: sum((part[name] for part in rest), value) / self.accumulate for name, value in first.items()}

    def _decided(self, chance: Tensor, height: int, width: int) -> Tensor:
        return augmentation.decide(self.augmentation, chance, self.probability, height, width)

    def _changed(self, images: Tensor, changes: Tensor) -> Tensor:
        return augmentation.change(self.augmentation, full_precision(images), changes)

    def _score(self, logits: Tensor) -> Tensor:
        """Return the mean D(x) of logits (N,), a scalar: a probability where the objective knows one."""
        logits = logits.detach()
        return (logits.sigmoid() if self.objective.probabilistic else logits).mean()

    def _logits_of_all(self, real: Tensor, fake: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Return the logits of real and of generated pictures, and of all that is refused.

        These are the generated pictures, and as many real pictures with mismatched labels where these count.

        They are of one pass, or of two if a penalty needs gradients. Spectral normalisation takes a step of its power
        iteration in each pass, so that one pass sees one norm. Where mismatched labels contradict nothing, the logits
        of generated pictures stand in for theirs.
        """
        given, contradict = labels, None
        if labels is not None and self.mismatched_labels:
            others, contradict = mismatched(labels)
            given = torch.stack([labels, others])
        if real.requires_grad or fake.requires_grad:
            of_real, of_fake = self._logits(real, given, twice=True), self._logits(fake, labels, twice=True)
        else:
            with batches(2):
                both = None if given is None else torch.cat([given, given], -2)
                of_real, of_fake = self._logits(torch.cat([real, fake]), both).chunk(2, -1)
        if contradict is None:
            return of_real, of_fake, of_fake
        of_fake = of_fake[0] if of_fake.dim() > 1 else of_fake
        return of_real[0], of_fake, torch.cat([of_fake, torch.where(contradict, of_real[1], of_fake)])

    def _logits(self, images: Tensor, labels: Tensor | None, *, twice: bool = False) -> Tensor:
        """Return the logits (N,) in float32. A compiled network cannot be differentiated ``twice``, as penalties do."""
        discriminator = self.discriminator if twice else self._pass(self.discriminator)
        return full_precision(apply(discriminator, images, labels))

    def _pass(self, player: nn.Module) -> Callable[..., Tensor]:
        """Return the function to call for a network: itself, or its compiled form."""
        if self.compiled and player not in self._passes:
            self._passes[player] = torch.compile(player, dynamic=False)
        return self._passes.get(player, player)

    def _precision(self, tensor: Tensor) -> torch.autocast:
        return torch.autocast(tensor.device.type, dtype=self.autocast, enabled=self.autocast is not None)


def gradient_norm(module: nn.Module) -> Tensor:
    """Return the Euclidean norm of a network's gradient, a scalar on its device."""
    return nn.utils.get_total_norm([value.grad for value in module.parameters() if value.grad is not None])


@torch.no_grad()
def diversity(batch: Tensor) -> Tensor:
    """Return how much the pictures of a batch differ: the root of the mean variance over the batch, a scalar.

    Times √(2N / (N − 1)) it is the root mean square distance, per value, of two pictures of the batch. Karras et al.
    2018, section 3, show the discriminator a like deviation against mode collapse.

    Args:
        batch: (N, C, H, W), which is averaged over ``COARSE`` × ``COARSE`` fields first, or points (N, D).
    """
    values = adaptive_avg_pool2d(batch, COARSE) if batch.dim() == 4 else batch
    return moments(values, (0,))[1].mean().sqrt()
