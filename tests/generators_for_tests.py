"""Generators whose answer is known, for the tests of exploring."""

import torch
from torch import Tensor, nn

from lienzo.generation.generation import Generator


def wrapped(module: nn.Module, name: str, *, latents: int = 8, labels: bool = False) -> Generator:
    known = {"labels": {"kind": "style", "counts": {"calm": 3, "wild": 1}, "unlabelled": 0}} if labels else {}
    header = {"fingerprint": name, "network": {"name": "mlp", "latents": latents}, "shape": [16, 16, 3], **known}
    return Generator(module.eval().requires_grad_(False), header)


class Planted(nn.Module):
    """A generator of which one direction changes much more than all others."""

    def __init__(self, direction: Tensor) -> None:
        super().__init__()
        latents = len(direction)
        self.enter = nn.Linear(latents, 64)
        with torch.no_grad():
            self.enter.weight += 4 * torch.outer(torch.randn(64) / 8, direction)
        self.rest = nn.Sequential(nn.LeakyReLU(0.2), nn.Linear(64, 16 * 16 * 3))

    def forward(self, z: Tensor) -> Tensor:
        images: Tensor = self.rest(self.enter(z)).tanh().view(-1, 3, 16, 16)
        return images


class Brightness(nn.Module):
    """A generator whose first latent is its brightness."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(8, 2, bias=False)
        with torch.no_grad():
            self.enter.weight.zero_()
            self.enter.weight[0, 0] = 0.2
            self.enter.weight[1, 1] = 0.02
        self.bend = nn.Tanh()

    def forward(self, z: Tensor) -> Tensor:
        light, other = self.bend(self.enter(z)).unbind(1)
        images = light[:, None, None, None].expand(-1, 3, 16, 16).clone()
        images[:, 0, :8] += other[:, None, None]
        return images


class Halves(nn.Module):
    """A generator whose picture is bright above or bright below by the sign of its first latent."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(8, 1, bias=False)
        with torch.no_grad():
            self.enter.weight.zero_()
            self.enter.weight[0, 0] = 3
        self.bend = nn.Tanh()

    def forward(self, z: Tensor) -> Tensor:
        high = self.bend(self.enter(z))[:, :, None, None].expand(-1, 3, 8, 16)
        return torch.cat([high, -high], 2)
