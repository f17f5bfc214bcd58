"""An entry of another library for docs/records.md: a small denoising diffusion model (Ho et al. 2020) of diffusers.

The settings are those of the library's own tutorial for a thousand pictures (AdamW, warm-up, rates that fall by a
cosine, batches of 16, flips, predicted noise), with a narrower network at a higher rate, so that the training fits into
the class "minutes" or "hour": as many pictures as its multiply-adds allow, three times a pass forward for each. The
pictures of the averaged weights are drawn with 50 steps of DDIM (Song et al. 2021) and written as PNG files, which
`lienzo evaluate` scores. It goes on where it was interrupted.

    pip install diffusers
    python benchmarks/peers.py lienzo-64 [--multiply-adds 6.2e13] [--seed 0] [--out ddpm]
    lienzo evaluate ddpm/pictures lienzo-64 --samples 1056 --device cpu
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler, UNet2DModel
from diffusers.optimization import get_cosine_schedule_with_warmup
from diffusers.training_utils import EMAModel
from PIL import Image
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from lienzo.collection.collection import Collection
from lienzo.compute.pixels import from_bytes
from lienzo.seeds import derive, numpy_generator

BATCH, RATE, WARM_UP = 16, 0.0004, 200
STEPS, DRAWN, PICTURES = 50, 66, 1_056
KEPT_EVERY = 200


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("collection", type=Path)
    words.add_argument("--multiply-adds", type=float, default=6.2e13)
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--bfloat16", action="store_true", help="for training, on processors that have it")
    words.add_argument("--out", type=Path, default=Path("ddpm"))
    given = words.parse_args()
    collection = Collection.open(given.collection)
    given.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(derive(given.seed, "network"))
    network = unet(collection)
    each = 3 * multiply_adds(network)
    steps = int(given.multiply_adds / each / BATCH)
    seconds = train(network, collection, steps, given.seed, given.out / "state.pt", lower=given.bfloat16)
    print(
        f"{steps * BATCH:,} pictures × {each / 1e6:,.0f} million multiply-adds = {steps * BATCH * each:.3g}, "
        f"{seconds:.0f} s with {torch.get_num_threads()} threads",
        flush=True,
    )
    draw(network, given.seed, given.out / "pictures")


def unet(collection: Collection) -> Any:
    """Return a network of the tutorial's kind, with an eighth of its channels and attention at 16×16."""
    plain, attending = "DownBlock2D", "AttnDownBlock2D"
    return UNet2DModel(
        sample_size=collection.height,
        in_channels=collection.channels,
        out_channels=collection.channels,
        layers_per_block=1,
        block_out_channels=(16, 32, 64, 128),
        norm_num_groups=8,
        down_block_types=(plain, plain, attending, plain),
        up_block_types=tuple(kind.replace("Down", "Up") for kind in (plain, attending, plain, plain)),
    )


def multiply_adds(network: Any) -> float:
    """Return the multiply-adds of a pass forward of one picture."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, network.config.in_channels, *2 * [network.config.sample_size]), torch.zeros(1))
    return float(counter.get_total_flops() / 2)


def train(network: Any, collection: Collection, steps: int, seed: int, file: Path, *, lower: bool) -> float:
    """Train the network, give it its averaged weights, and return the seconds that this took."""
    noised = DDPMScheduler(beta_schedule="squaredcos_cap_v2")
    optimizer = torch.optim.AdamW(network.parameters(), RATE)
    rates = get_cosine_schedule_with_warmup(optimizer, WARM_UP, steps)
    average = EMAModel(network.parameters(), use_ema_warmup=True, power=3 / 4)
    parts: dict[str, Any] = {"network": network, "optimizer": optimizer, "rates": rates, "average": average}
    first, before, began = 0, 0.0, time.monotonic()
    if file.exists():
        kept = torch.load(file, weights_only=True)
        first, before = kept.pop("step"), kept.pop("seconds")
        for name, state in kept.items():
            parts[name].load_state_dict(state)
    rows = collection.rows("train")
    for step in range(first, steps):
        numbers = numpy_generator(seed, "step", step)
        real = flipped(from_bytes(torch.from_numpy(collection.take(numbers.choice(rows, BATCH)))), numbers)
        noise = torch.from_numpy(numbers.standard_normal(real.shape, np.float32))
        times = torch.from_numpy(numbers.integers(0, noised.config.num_train_timesteps, BATCH))
        with torch.autocast("cpu", torch.bfloat16, enabled=lower):
            found = network(noised.add_noise(real, noise, times), times).sample
        torch.autograd.backward(torch.nn.functional.mse_loss(found.float(), noise))
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        rates.step()
        optimizer.zero_grad()
        average.step(network.parameters())
        if (step + 1) % KEPT_EVERY == 0 or step + 1 == steps:
            seconds = before + time.monotonic() - began
            states = {name: part.state_dict() for name, part in parts.items()}
            torch.save({"step": step + 1, "seconds": seconds, **states}, file.with_suffix(".new"))
            file.with_suffix(".new").replace(file)
            print(f"{(step + 1) * BATCH:,} pictures, {seconds:.0f} s", flush=True)
    average.copy_to(network.parameters())
    return before + time.monotonic() - began


def flipped(pictures: Tensor, numbers: np.random.Generator) -> Tensor:
    """Return the pictures (n, C, H, W), each of them mirrored or not."""
    mirrored = torch.from_numpy(numbers.random(len(pictures)) < 0.5)[:, None, None, None]
    return torch.where(mirrored, pictures.flip(-1), pictures)


@torch.no_grad()
def draw(network: Any, seed: int, folder: Path) -> None:
    """Write pictures as PNG files, with numbers from 0 on as names."""
    folder.mkdir(exist_ok=True)
    steps = DDIMScheduler(beta_schedule="squaredcos_cap_v2")
    network.eval()
    for first in range(0, PICTURES, DRAWN):
        numbers = numpy_generator(seed, "pictures", first)
        shape = DRAWN, network.config.in_channels, *2 * [network.config.sample_size]
        images = torch.from_numpy(numbers.standard_normal(shape, np.float32))
        steps.set_timesteps(STEPS)
        for moment in steps.timesteps:
            images = steps.step(network(images, moment).sample, moment, images).prev_sample
        for offset, image in enumerate(((images.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()):
            Image.fromarray(image.squeeze()).save(folder / f"{first + offset:06}.png")


if __name__ == "__main__":
    main()
