"""The recipes that lienzo knows: functions that return a whole :class:`~lienzo.recipe.recipe.Recipe`.

The first line of each docstring says what the recipe is for; ``lienzo recipes`` prints it.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import overload

from lienzo.errors import RecipeError, unknown
from lienzo.networks.configurations import DCGAN, MLP
from lienzo.recipe.annealing import Annealing
from lienzo.recipe.augmentation import Augmentation
from lienzo.recipe.likelihood import EvidenceBound
from lienzo.recipe.objectives import NonSaturating, Regularisation, Wasserstein
from lienzo.recipe.pretrained import Pretrained
from lienzo.recipe.recipe import Adam, Recipe


def thesis() -> Recipe:
    """The DCGAN of the thesis of 2019, faithful in every point: the baseline.

    Both networks with batch normalisation and weights from N(0, 0.02²); non-saturating cross-entropy with 0.9 as the
    label of real pictures, in the generator's step too, as in the author's code; Adam(0.0002, (0.5, 0.999)); batches
    of 128; 30 epochs; 64 fixed latents drawn every 200 steps; every epoch's generator kept; no average of weights.
    """
    return Recipe(
        name="thesis",
        network=DCGAN(latents=100, width=64),
        objective=NonSaturating(real_label=0.9, generator_label=0.9),
        generator_optimizer=Adam(0.0002, (0.5, 0.999)),
        discriminator_optimizer=Adam(0.0002, (0.5, 0.999)),
        batch=128,
        epochs=30.0,
        sample_every=200 * 128,
    )


def fast() -> Recipe:
    """Good pictures in ten to forty minutes of two cores.

    Compared with the thesis: narrower networks with two more layers at the picture's own size; a generator whose batch
    normalisation z modulates (Chen et al. 2019), and whose kernels are tied against a checkerboard (Karras et al.
    2018); a discriminator without normalisation, held by the penalty R1 (Mescheder et al. 2018) in every eighth step
    and begun with weights that keep features in size (He et al. 2015), which learns at four times the generator's rate
    (Heusel et al. 2017); minibatch deviation (Karras et al. 2018) and adaptive augmentation (Karras et al. 2020);
    batches of 16, without momentum and with a shorter memory of squares; rates that fall to zero over
    the second half; flips; and an averaged generator (docs/log.md, sections "A second layer at the picture's own size"
    and "A discriminator without normalisation").
    """
    begun = normalised()
    assert isinstance(begun.network, DCGAN)
    return dataclasses.replace(
        begun,
        name="fast",
        network=dataclasses.replace(begun.network, discriminator_norm="none", discriminator_weights="he"),
        regularisation=Regularisation(r1=0.05, interval=8),
        discriminator_optimizer=dataclasses.replace(begun.discriminator_optimizer, rate=0.0016),
    )


def normalised() -> Recipe:
    """Return what ``fast`` was, which ``modern-plain``, ``few`` and others still begin with; no recipe by itself.

    Compared with ``fast``: batch normalisation in the discriminator, which learns at the generator's rate and without
    R1 (docs/log.md, section "A second layer at the picture's own size").
    """
    adam = Adam(0.0004, (0.0, 0.99))
    return Recipe(
        name="normalised",
        network=DCGAN(
            100, 24, minibatch_deviation=True, self_modulation=True, tied_kernels=True, stem=16, stem_layers=2
        ),
        objective=NonSaturating(real_label=0.9, generator_label=0.9),
        augmentation=Augmentation(flips=True, policy="ada", target=0.5, speed=100_000),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        batch=16,
        average_half_life=20_000,
        cool_down=0.5,
        epochs=None,
        images=160_000,
        sample_every=16_000,
        keep_epochs=False,
    )


def fast_features() -> Recipe:
    """Better scores than those of fast in about 1.5 times its time, with a network trained on photographs.

    ``fast`` with a narrower discriminator and a second one beside it, which sees pictures through MobileNetV2 (Sauer et
    al. 2021; Kumari et al. 2022). That is 1.08 times the arithmetic of ``fast``. It needs the extra ``pretrained``
    (docs/log.md, section "Features of photographs without normalisation").
    """
    begun = fast()
    assert isinstance(begun.network, DCGAN)
    return dataclasses.replace(
        begun,
        name="fast-features",
        network=dataclasses.replace(begun.network, discriminator_width=18),
        pretrained=Pretrained(weight=1.0, channels=32),
    )


def modern() -> Recipe:
    """The best pictures for hours of two cores, with a network that was trained on photographs.

    ``fast`` for longer, with a second discriminator beside its own, which sees pictures through MobileNetV2 (Sauer et
    al. 2021; Kumari et al. 2022). The rates fall to zero over the whole training. It needs the extra ``pretrained``
    (docs/log.md, section "Features of photographs without normalisation").
    """
    return dataclasses.replace(
        fast(),
        name="modern",
        pretrained=Pretrained(weight=1.0, channels=64),
        cool_down=1.0,
        images=600_000,
        sample_every=50_000,
    )


def modern_plain() -> Recipe:
    """Better pictures than those of fast, in one to four hours of two cores, learnt from your pictures alone.

    What ``fast`` was when its discriminator had batch normalisation, for a million pictures: for that long it paints
    better (docs/log.md, sections "`fast` for longer" and "A discriminator without normalisation").
    """
    return dataclasses.replace(normalised(), name="modern-plain", images=1_000_000, sample_every=50_000)


def one_layer() -> Recipe:
    """Return what recipes for GPUs begin with, and the demo; no recipe by itself.

    Compared with ``normalised``: one layer at the picture's own size, in wider networks without tied kernels; Adam with
    momentum and a longer memory; and constant rates, so that a run can be made longer at any time (docs/log.md, section
    "An hour").
    """
    adam = Adam(0.0004, (0.5, 0.999))
    return dataclasses.replace(
        normalised(),
        name="one-layer",
        network=DCGAN(100, 32, minibatch_deviation=True, self_modulation=True, stem=16),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        cool_down=0.0,
        images=1_000_000,
        sample_every=50_000,
    )


def modern_gpu() -> Recipe:
    """The best pictures for some minutes of a GPU.

    Compared with ``modern-plain``: one layer at the picture's own size, in networks more than twice as wide; batches of
    32, for more than three times as many pictures; Adam with momentum; rates that fall over the last 30 %. The penalty
    R1 (Mescheder et al. 2018), computed in every eighth step, keeps the discriminator from overfitting (docs/log.md,
    section "Minutes of a GPU").
    """
    return dataclasses.replace(
        one_layer(),
        name="modern-gpu",
        network=DCGAN(100, 64, minibatch_deviation=True, self_modulation=True, stem=32),
        regularisation=Regularisation(r1=0.03, interval=8),
        batch=32,
        average_half_life=200_000,
        cool_down=0.3,
        images=3_600_000,
    )


def modern_plain_128() -> Recipe:
    """Pictures of 128×128 in some hours of two cores, learnt from your pictures alone.

    ``fast`` in networks of half the width, with one more innermost layer, for longer. R1 has four times the weight, for
    four times the pixels, and the rates fall to zero over the whole training (docs/log.md, section "Larger pictures
    without normalisation").
    """
    begun = fast()
    assert isinstance(begun.network, DCGAN)
    return dataclasses.replace(
        begun,
        name="modern-plain-128",
        network=dataclasses.replace(begun.network, width=12, stem=8),
        regularisation=Regularisation(r1=0.2, interval=8),
        cool_down=1.0,
        images=300_000,
        sample_every=50_000,
    )


def modern_128() -> Recipe:
    """Pictures of 128×128 in hours of two cores, with a network that was trained on photographs.

    ``modern-plain-128`` with the second discriminator of ``fast-features``, and with a generator of twice the width,
    which smooths what comes to the picture's size (docs/log.md, section "A smooth layer and a wider generator").
    """
    begun = modern_plain_128()
    assert isinstance(begun.network, DCGAN)
    return dataclasses.replace(
        begun,
        name="modern-128",
        network=dataclasses.replace(begun.network, width=24, stem=16, discriminator_width=12, smooth=True),
        pretrained=Pretrained(weight=1.0, channels=32),
        images=210_000,
    )


def modern_plain_256() -> Recipe:
    """Pictures of 256×256 in some hours of two cores, learnt from your pictures alone.

    ``modern-plain-128`` with one more innermost layer and one less beside the picture, at half the rates (docs/log.md,
    section "Larger pictures without normalisation").
    """
    begun = modern_plain_128()
    assert isinstance(begun.network, DCGAN)
    return dataclasses.replace(
        begun,
        name="modern-plain-256",
        network=dataclasses.replace(begun.network, stem_layers=1),
        generator_optimizer=dataclasses.replace(begun.generator_optimizer, rate=0.0002),
        discriminator_optimizer=dataclasses.replace(begun.discriminator_optimizer, rate=0.0008),
        images=100_000,
        sample_every=25_000,
    )


def modern_256() -> Recipe:
    """Pictures of 256×256 in hours of two cores, with a network that was trained on photographs.

    ``modern-plain-256`` with the second discriminator of ``modern``, which sees pictures of half the size (docs/log.md,
    section "Features of photographs at 256 px").
    """
    return dataclasses.replace(
        modern_plain_256(),
        name="modern-256",
        pretrained=Pretrained(weight=1.0, channels=64, shrink=2),
        images=60_000,
    )


def modern_gpu_128() -> Recipe:
    """Pictures of 128×128 in some minutes of a GPU; its scores are not measured yet.

    The networks of ``modern-gpu`` in the Haar domain (Gal et al. 2021), where they make 128×128, with kernels that are
    tied against a checkerboard; batches of 64 at √2 times the rate. Over the whole training the rates fall to zero and
    R1 to a tenth, by a cosine. docs/recipes.md has the reasons.
    """
    adam = Adam(0.00057, (0.5, 0.99))
    return dataclasses.replace(
        modern_gpu(),
        name="modern-gpu-128",
        network=DCGAN(
            100, 64, minibatch_deviation=True, self_modulation=True, tied_kernels=True, stem=32, wavelet_levels=1
        ),
        regularisation=Regularisation(r1=0.05, interval=8),
        cool_down=1.0,
        annealing=Annealing(shape="cosine", r1=0.005),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        batch=64,
    )


def modern_gpu_256() -> Recipe:
    """Pictures of 256×256 in half an hour of a GPU; its scores are not measured yet.

    ``modern-gpu-128`` with one more innermost layer, and four times the weight of R1, for four times the pixels.
    """
    return dataclasses.replace(
        modern_gpu_128(),
        name="modern-gpu-256",
        regularisation=Regularisation(r1=0.2, interval=8),
        annealing=Annealing(shape="cosine", r1=0.02),
    )


def conditional() -> Recipe:
    """Pictures by label: the generator learns to make a picture of a given folder, or another kind of label.

    ``fast`` as it was when its discriminator had batch normalisation, for longer. Its networks learn labels when they
    paint already, after a quarter of the training (Shahbazi et al. 2022): with labels from the beginning they learn one
    picture of each. Real pictures with labels of others are refused too (Reed et al. 2016), so that labels are obeyed
    (docs/log.md, section "Labels for networks that paint already"). ``--set labels=style`` takes another kind of
    labels.
    """
    return dataclasses.replace(
        normalised(),
        name="conditional",
        labels="folder",
        balanced=True,
        label_start=0.25,
        mismatched_labels=True,
        images=640_000,
        sample_every=40_000,
    )


def few() -> Recipe:
    """For collections of only 100 to 2,000 pictures.

    ``fast`` as it was when its discriminator had batch normalisation, with the penalty R1 (Mescheder et al. 2018) in
    every eighth step. Adaptive augmentation (Karras et al. 2020) and R1 keep the discriminator from learning the
    pictures by heart (docs/log.md, section "Few pictures").
    """
    return dataclasses.replace(normalised(), name="few", regularisation=Regularisation(r1=0.05, interval=8))


def gan_2014() -> Recipe:
    """The first GAN (Goodfellow et al. 2014), of two multilayer perceptrons, for comparison on small pictures.

    Two hidden layers of 1,200 units in both players, as in the authors' settings for small pictures, the generator's
    loss that does not saturate, and batches of 100. What differs: latents from N(0, 1) instead of a uniform law, leaky
    ReLU instead of maxout with dropout in the discriminator, and Adam instead of gradient descent with momentum.
    """
    return Recipe(
        name="gan-2014",
        network=MLP(latents=100, width=1200, depth=2),
        objective=NonSaturating(),
        batch=100,
        epochs=30.0,
    )


def wgan_gp() -> Recipe:
    """The Wasserstein GAN with gradient penalty (Gulrajani et al. 2017, algorithm 1), for comparison.

    λ = 10, five updates of the critic for one of the generator, Adam(0.0001, (0, 0.9)), batches of 64, and DCGAN's
    networks without batch normalisation in the critic, where it would tie the slopes of a batch's pictures together.
    """
    adam = Adam(0.0001, (0.0, 0.9))
    return Recipe(
        name="wgan-gp",
        network=DCGAN(latents=100, width=64, discriminator_norm="none"),
        objective=Wasserstein(),
        regularisation=Regularisation(gradient_penalty=10.0),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        batch=64,
        discriminator_steps=5,
        epochs=30.0,
    )


def vae() -> Recipe:
    """A variational autoencoder (Kingma and Welling 2014) with the thesis's layers, for comparison.

    The decoder is the thesis's generator, the encoder its discriminator with the mean and the log variance of each
    latent as outputs. There is no adversary. A reconstruction is the mean of all pictures that its latents allow, and
    therefore blurred. Adam(0.0002, (0.9, 0.999)) and batches of 64.
    """
    return Recipe(
        name="vae",
        network=DCGAN(latents=100, width=64),
        objective=EvidenceBound(deviation=0.2),
        generator_optimizer=Adam(0.0002, (0.9, 0.999)),
        batch=64,
        epochs=30.0,
    )


RECIPES: dict[str, Callable[[], Recipe]] = {
    "thesis": thesis,
    "fast": fast,
    "fast-features": fast_features,
    "modern": modern,
    "modern-plain": modern_plain,
    "modern-gpu": modern_gpu,
    "modern-128": modern_128,
    "modern-plain-128": modern_plain_128,
    "modern-256": modern_256,
    "modern-plain-256": modern_plain_256,
    "modern-gpu-128": modern_gpu_128,
    "modern-gpu-256": modern_gpu_256,
    "few": few,
    "conditional": conditional,
    "gan-2014": gan_2014,
    "wgan-gp": wgan_gp,
    "vae": vae,
}
"""Every recipe by its name."""

NOT_SCORED = frozenset({"modern-gpu-128", "modern-gpu-256"})
"""Recipes of which no scores have been taken yet. They are not chosen where nobody named one."""


@overload
def recipes(name: None = None) -> dict[str, Recipe]: ...
@overload
def recipes(name: str | Path) -> Recipe: ...
def recipes(name: str | Path | None = None) -> dict[str, Recipe] | Recipe:
    """Return every recipe by its name, or the one of this name or in this ``.toml`` file.

    Raises:
        RecipeError: an unknown name (with the nearest known one), or a file that holds no recipe.
    """
    return {known: make() for known, make in RECIPES.items()} if name is None else find(name)


def find(name: str | Path) -> Recipe:
    """Return the recipe of this name, or the one in this ``.toml`` file.

    Raises:
        RecipeError: an unknown name (with the nearest known one), or a file that holds no recipe.
    """
    if str(name).endswith(".toml"):
        return Recipe.from_toml(Path(name))
    if str(name) not in RECIPES:
        if Path(name).suffix or Path(name).exists():
            raise RecipeError(
                f"{name} is no recipe: give a .toml file, or one of the names {', '.join(sorted(RECIPES))}."
            )
        raise RecipeError(unknown("recipe", str(name), RECIPES))
    return RECIPES[str(name)]()
