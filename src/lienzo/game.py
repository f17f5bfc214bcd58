"""The game: one alternating update of the two players (Goodfellow et al. 2014, algorithm 1).

The same game is played on paintings and, in the theory laboratory, on densities that are known exactly.
"""

from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lienzo.augment import Augmentation
from lienzo.nets.conditions import told
from lienzo.objectives import Objective, Regularisation, full_precision

Measures = dict[str, Tensor]
"""Scalars on the device, detached: nothing is read back from there inside the loop."""


@dataclass(frozen=True)
class Round:
    """What one step takes from the collection and from chance: a batch for each of the discriminator's k updates."""

    real: Tensor
    """(k, N, ...) pictures in [−1, 1], or points."""

    latents: Tensor
    """(k, N, latents) from N(0, 1); the generator learns from the last of them."""

    mix: Tensor | None = None
    """(k, N) uniform in [0, 1), where the regularisation has a ``gradient_penalty``."""

    chance: Tensor | None = None
    """(k + 1, 2, N, chances) uniform in [0, 1), where there is a policy of augmentation: for each of the
    discriminator's k updates and for the generator's, how real and how generated pictures are changed."""

    labels: Tensor | None = None
    """(k, N, classes) rows of the real pictures' labels, where the networks are conditional. Generated pictures are
    made for the same rows, so that both kinds carry the same labels equally often."""


@dataclass
class Game:
    """Two networks, what each wants, and how each learns."""

    generator: nn.Module
    """From latents (N, latents), and labels (N, classes) where there are any, to pictures or points (N, ...)."""

    discriminator: nn.Module
    """From such a batch, and labels where there are any, to logits (N,)."""

    objective: Objective
    generator_optimizer: Optimizer
    discriminator_optimizer: Optimizer
    regularisation: Regularisation = field(default_factory=Regularisation)

    augmentation: Augmentation = field(default_factory=Augmentation)
    """How pictures are changed before the discriminator sees them."""

    probability: Tensor = field(default_factory=lambda: torch.zeros(()))
    """Of each of ada's changes, a scalar on the device: the game moves it."""

    autocast: torch.dtype | None = None
    """Lower precision for the networks' products (``torch.bfloat16``), or none."""

    def step(self, dealt: Round) -> Measures:
        """Update the discriminator k times and the generator once; return what the log wants to know of this step."""
        fake, measures, updates = torch.empty(0), {}, len(dealt.real)
        chance = [None] * (updates + 1) if dealt.chance is None else dealt.chance
        labels = [None] * updates if dealt.labels is None else dealt.labels
        for i in range(updates):
            last = i == updates - 1
            with torch.set_grad_enabled(last), self._precision(dealt.real):
                fake = told(self.generator, dealt.latents[i], labels[i])
            mix = None if dealt.mix is None else dealt.mix[i]
            measures = self.discriminator_step(dealt.real[i], fake, mix, chance[i], labels[i])
        return measures | self.generator_step(dealt.real[-1], fake, chance[-1], labels[-1])

    def discriminator_step(
        self,
        real: Tensor,
        fake: Tensor,
        mix: Tensor | None = None,
        chance: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> Measures:
        """Update the discriminator once, against generated pictures that are taken as they are.

        Penalties look at the slope where the discriminator looks, at the changed pictures: what is to be bounded is D,
        and not how strongly a change happens to scale a picture.
        """
        regularisation = self.regularisation
        if chance is not None:
            real, fake = self._changed(real, chance[0]), self._changed(fake.detach(), chance[1])
        real = real.detach().requires_grad_(regularisation.r1 > 0)
        fake = fake.detach().requires_grad_(regularisation.r2 > 0)
        with self._precision(real):
            real_logits, fake_logits = self._judge(real, labels), self._judge(fake, labels)
        loss = self.objective.discriminator(real_logits, fake_logits)
        measures = {
            "discriminator_loss": loss.detach(),
            "real_score": real_logits.detach().sigmoid().mean(),
            "fake_score": fake_logits.detach().sigmoid().mean(),
        }
        penalties: Measures = {}
        if regularisation.r1:
            penalties["r1_penalty"] = regularisation.penalty(real, real_logits, regularisation.r1)
        if regularisation.r2:
            penalties["r2_penalty"] = regularisation.penalty(fake, fake_logits, regularisation.r2)
        if regularisation.gradient_penalty:
            assert mix is not None
            judge = partial(self._judge, labels=labels)
            penalties["gradient_penalty"] = regularisation.interpolated_penalty(judge, real, fake, mix)
        for name, penalty in penalties.items():
            loss = loss + penalty
            measures[name] = penalty.detach()
        self.discriminator_optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.discriminator_optimizer.step()
        if regularisation.clip:
            regularisation.clip_weights(self.discriminator)
        if self.augmentation.policy == "ada":
            measures["overfitting"] = real_logits.detach().sign().mean()
            self.probability.copy_(self.augmentation.adapted(self.probability, measures["overfitting"], len(real)))
            measures["augmentation_probability"] = self.probability.clone()
        return measures

    def generator_step(
        self, real: Tensor, fake: Tensor, chance: Tensor | None = None, labels: Tensor | None = None
    ) -> Measures:
        """Update the generator once, through the pictures ``fake`` that it made with gradients."""
        self.discriminator.requires_grad_(False)  # its gradients would be thrown away
        if chance is not None:
            real = self._changed(real, chance[0]) if self.objective.relativistic else real
            fake = self._changed(fake, chance[1])
        with self._precision(real):
            real_logits = self._judge(real, labels) if self.objective.relativistic else None
            fake_logits = self._judge(fake, labels)
        loss = self.objective.generator(real_logits, fake_logits)
        self.generator_optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.generator_optimizer.step()
        self.discriminator.requires_grad_(True)
        return {"generator_loss": loss.detach(), "fooled_score": fake_logits.detach().sigmoid().mean()}

    def _changed(self, images: Tensor, chance: Tensor) -> Tensor:
        return self.augmentation.apply(full_precision(images), chance, self.probability)

    def _judge(self, images: Tensor, labels: Tensor | None) -> Tensor:
        return full_precision(told(self.discriminator, images, labels))

    def _precision(self, tensor: Tensor) -> torch.autocast:
        return torch.autocast(tensor.device.type, dtype=self.autocast, enabled=self.autocast is not None)
