"""The training step of a variational autoencoder; :mod:`lienzo.training.game` has that of a GAN."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lienzo.compute import processes
from lienzo.networks.vae import Autoencoder
from lienzo.recipe.likelihood import EvidenceBound
from lienzo.recipe.objectives import full_precision
from lienzo.training.game import Measures, StepInputs, diversity, gradient_norm
from lienzo.training.optimizers import Optimizer


@dataclass
class Autoencoding:
    """An encoder and a decoder that raise one bound together; the decoder is the generator."""

    autoencoder: Autoencoder
    bound: EvidenceBound
    optimizer: Optimizer
    """The optimiser of both networks."""

    autocast: torch.dtype | None = None
    """Lower precision for the networks' products (``torch.bfloat16``), or none."""

    compiled: bool = False
    """Whether ``torch.compile`` fuses the networks' operations."""

    def __post_init__(self) -> None:
        self._pass = torch.compile(self.autoencoder, dynamic=False) if self.compiled else self.autoencoder

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The networks by name."""
        return {"generator": self.autoencoder.decoder, "encoder": self.autoencoder.encoder}

    @property
    def optimizers(self) -> dict[str, Optimizer]:
        """The optimisers by name."""
        return {"generator": self.optimizer}

    @property
    def memory(self) -> dict[str, Tensor]:
        """Other tensors that a step changes: none."""
        return {}

    def step(self, inputs: StepInputs, watched: bool = True, penalised: bool = True) -> Measures:  # noqa: ARG002
        """Update both networks once, on the first batch of the inputs; there is nothing to penalise.

        Returns:
            Measures from before the update: ``evidence_bound`` and ``divergence``, in nats per picture, and
            ``painting_error``, the root mean square difference between a picture and its reconstruction, both in
            [−1, 1]. If the step is ``watched``, also the norm of the decoder's gradient, and the diversity of the real
            pictures and of the reconstructions.
        """
        images = inputs.real[0]
        with torch.autocast(images.device.type, dtype=self.autocast, enabled=self.autocast is not None):
            made, guess = self._pass(images, inputs.latents[0])
        made, mean, log_variance = (full_precision(part) for part in (made, *guess))
        loss = self.bound.loss(images, made, mean, log_variance)
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        processes.synchronise(self.autoencoder)
        seldom = {}
        if watched:
            seldom["generator_gradient"] = gradient_norm(self.autoencoder.decoder)
            seldom["real_diversity"], seldom["fake_diversity"] = diversity(images), diversity(made)
        self.optimizer.step()
        return seldom | {
            "evidence_bound": -loss.detach(),
            "divergence": self.bound.divergence(mean, log_variance).mean().detach(),
            "painting_error": processes.mean((made - images).square().mean()).sqrt().detach(),
        }
