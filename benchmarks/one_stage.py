"""Updates in one stage (Shen et al. 2021): one pass of the discriminator gives the gradients of both players.

lienzo's discriminator is updated first and passes the same generated pictures once more, for the generator. Here it
passes them once. The generator follows the gradient of the discriminator's loss, reversed: the objective of Goodfellow
et al. 2014, equation 1, which saturates. Batch normalisation couples the pictures of a batch, so that another loss for
each picture would need a second pass back.

``speed`` lets steps take turns, with one thread, and prints milliseconds of processor time for each picture and the
ratio to the catalogue's ``one_layer`` in two stages. ``train`` is `python benchmarks/painting.py` with such updates;
its other words are those of that one.

    python benchmarks/one_stage.py speed [--turns 14]
    python benchmarks/one_stage.py train art-64 --experiments fast-cooled-narrow --seeds 0 --images 40000 --out one
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator

import painting
import torch
from step import CPU, inputs_of, shape_of
from torch import Tensor, autograd

from lienzo.networks.statistics import batches
from lienzo.recipe.catalogue import one_layer
from lienzo.training import augmentation
from lienzo.training.game import Game, StepInputs, diversity, gradient_norm
from lienzo.training.state import State

Measures = dict[str, Tensor]
NARROW = ("network.width=24",)


def main() -> None:
    if sys.argv[1:2] == ["train"]:
        del sys.argv[1]
        Game.halves = at_once  # type: ignore[method-assign,assignment]
        painting.main()
        return
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("what", choices=["speed", "train"])
    words.add_argument("--turns", type=int, default=14)
    speed(words.parse_args().turns)


def at_once(game: Game, inputs: StepInputs, *, watched: bool = True, penalised: bool = True) -> Iterator[Measures]:  # noqa: ARG001
    """Do what ``Game.halves`` does, with one pass of the discriminator: for `one_layer` and recipes like it."""
    assert inputs.chance is not None
    changes = game._decided(inputs.chance, *inputs.real.shape[-2:])[0]
    real, fake = inputs.real[0], torch.cat(list(game._generated(inputs.latents[0], None)))
    measures = {"real_diversity": diversity(real), "fake_diversity": diversity(fake)} if watched else {}
    changed = game._changed(fake, changes[1])
    seen = changed.detach().requires_grad_()
    game.discriminator_optimizer.zero_grad()
    game.generator_optimizer.zero_grad()
    with batches(2):
        real_logits, fake_logits = game._logits(torch.cat([game._changed(real, changes[0]), seen]), None).chunk(2)
    loss = game.objective.discriminator(real_logits, fake_logits)
    autograd.backward(loss)
    assert seen.grad is not None
    autograd.backward([changed], [-seen.grad])
    measures |= {
        "discriminator_loss": loss.detach(),
        "real_score": game._score(real_logits),
        "fake_score": game._score(fake_logits),
        "overfitting": real_logits.detach().sign().mean(),
    }
    probability = augmentation.adapted(game.augmentation, game.probability, measures["overfitting"], len(real))
    game.probability.copy_(probability)
    measures["augmentation_probability"] = game.probability.clone()
    for name, player in game.networks.items() if watched else ():
        measures[f"{name}_gradient"] = gradient_norm(player)
    game.discriminator_optimizer.step()
    yield measures
    game.generator_optimizer.step()
    yield measures | {"generator_loss": -loss.detach(), "fooled_score": measures["fake_score"]}


def speed(turns: int) -> None:
    """Print what a picture costs, of each contestant."""
    torch.set_num_threads(1)
    two_stages = Game.halves
    contestants: dict[str, tuple[tuple[str, ...], Callable[..., Iterator[Measures]]]] = {
        "one layer": ((), two_stages),
        "in one stage": ((), at_once),
        "width 24": (NARROW, two_stages),
        "width 24, in one stage": (NARROW, at_once),
        "tied kernels": (painting.TIED, two_stages),
        "tied kernels, batches of 32": ((*painting.TIED, "batch=32"), two_stages),
    }
    recipes = {name: one_layer().with_settings(list(settings)) for name, (settings, _) in contestants.items()}
    states = {name: State(recipe, shape_of("fast"), CPU) for name, recipe in recipes.items()}
    inputs = {name: inputs_of(recipe) for name, recipe in recipes.items()}
    spent: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(turns + 1):
        for name, (_, halves) in contestants.items():
            Game.halves = halves  # type: ignore[method-assign]
            start = time.process_time()
            states[name].advance([inputs[name]])
            if turn:  # the first step compiles
                spent[name].append((time.process_time() - start) / recipes[name].batch * 1e3)
    for name, times in spent.items():
        ratio = statistics.median(first / own for first, own in zip(spent["one layer"], times, strict=True))
        print(f"{name:28}{statistics.median(times):6.2f} ms a picture, {ratio:.3f} times the speed")


if __name__ == "__main__":
    main()
