"""A walk through latent space: from one seed's picture to another's, along a great circle, as an animated GIF.

python examples/walk.py RUN walk.gif
"""

import math
from argparse import ArgumentParser
from pathlib import Path

import torch

import lienzo
from lienzo.display.gallery import gif
from lienzo.generation.generation import latents, render


def main(run: Path, out: Path, seeds: tuple[int, int], frames: int) -> None:
    """Draw the walk.

    Args:
        run: folder of a run, or a generator's .safetensors file.
        out: the GIF.
        seeds: where the walk begins and where it ends.
        frames: pictures of the animation.
    """
    generator = lienzo.load(run)
    first, last = (latents(generator.latents, seed) for seed in seeds)
    angles = torch.linspace(0, math.pi / 2, frames)[:, None]
    z = angles.cos() * first + angles.sin() * last  # (frames, latents): each of them N(0, 1) as well
    out.write_bytes(gif(list(render(generator.module, z)), milliseconds=60))
    print(out)


if __name__ == "__main__":
    words = ArgumentParser(description=__doc__)
    words.add_argument("run", type=Path)
    words.add_argument("out", type=Path)
    words.add_argument("--seeds", type=int, nargs=2, default=(0, 1))
    words.add_argument("--frames", type=int, default=30)
    main(**vars(words.parse_args()))
