"""A generator as one safetensors file, with its card in the header."""

from pathlib import Path

import numpy as np
import torch

from lienzo.errors import InputError
from lienzo.export.progress import Progress, Steps
from lienzo.export.subject import Subject
from lienzo.generation import generation
from lienzo.storage import tensors

TRIED = 64
"""Pictures that are compared before a file with float16 weights is left behind."""


def write(subject: Subject, path: Path, *, float16: bool = False, licence: str | None = None) -> Steps:
    """Write a generator's weights and card; :func:`lienzo.load` reads the file like any other generator's.

    Args:
        subject: the generator.
        path: of the file.
        float16: store the weights of two and more dimensions as float16. The rest, such as the statistics of batch
            normalisation, is small and stays as it is.
        licence: for the card.

    Raises:
        InputError: with float16 weights the pictures differ by more than 1 of 255.
    """
    generator = subject.generator
    state = dict(generator.module.state_dict())
    header = {key: value for key, value in generator.header.items() if key not in ("fingerprint", "weights", "card")}
    header["card"] = subject.card | ({"licence": licence} if licence else {})
    if float16:
        state = {name: tensor.half() if _is_weight(tensor) else tensor for name, tensor in state.items()}
        header["weights"] = "float16"
    yield Progress("writing", 0, 1)
    fingerprint = tensors.save(path, state, header)
    yield Progress("comparing", 0, TRIED)
    written, seeds = generation.load(path), range(TRIED)
    before, after = (made.generate(seeds).images.astype(np.int16) for made in (generator, written))
    difference = int(np.abs(before - after).max())
    if difference > 1:
        raise InputError(
            f"with float16 weights its pictures would differ by {difference} of 255: export it without --float16."
        )
    return {"fingerprint": fingerprint, "difference": difference}


def _is_weight(tensor: torch.Tensor) -> bool:
    return tensor.dtype == torch.float32 and tensor.ndim >= 2
