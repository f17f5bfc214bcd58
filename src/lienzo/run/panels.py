"""The measures in the log of a run, by the panels in which charts show them together."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Panel:
    """Measures that belong together and share an axis."""

    title: str
    """What stands above the chart."""
    unit: str
    """What stands beside the axis."""
    curves: dict[str, str]
    """Name of a measure in the log -> its name in the key. One that a run does not have is left out."""
    meaning: str
    """How to read it, in a sentence or two."""
    logarithmic: bool = False
    """Whether the axis is logarithmic."""
    errors: dict[str, str] = field(default_factory=dict)
    """Name of a measure -> that of its standard error in the log."""
    scale: float = 1.0
    """Factor between the numbers of the log and those of the axis."""


PANELS: dict[str, Panel] = {
    "losses": Panel(
        "Losses",
        "loss",
        {
            "discriminator_loss": "discriminator",
            "generator_loss": "generator",
            "feature_loss": "discriminator on features",
        },
        "Neither loss is meant to fall to zero: each player's progress is the other's setback.",
    ),
    "verdict": Panel(
        "The discriminator's verdict",
        "mean score",
        {"real_score": "D(x)", "fake_score": "D(G(z))"},
        "The mean score of real pictures, D(x), and of generated ones, D(G(z)). With the objectives minimax and "
        "non-saturating it is the probability of being real; with the others it is the discriminator's output.",
    ),
    "bound": Panel(
        "Evidence bound",
        "nats",
        {"evidence_bound": "evidence bound"},
        "What training raises: a lower bound of the log-likelihood of a picture.",
    ),
    "divergence": Panel(
        "Divergence",
        "nats of latents",
        {"divergence": "divergence"},
        "How far the encoder's latents are from the normal distribution that pictures are generated from.",
    ),
    "painting": Panel(
        "Reconstruction",
        "painting error",
        {"painting_error": "root mean square"},
        "The difference of a picture from its reconstruction, both in [−1, 1].",
    ),
    "kid": Panel(
        "KID",
        "KID",
        {"kid": "KID"},
        "The kernel distance to real pictures with its standard error: lower is better, 0 is perfect.",
        errors={"kid": "kid_error"},
    ),
    "diversity": Panel(
        "Diversity",
        "deviation",
        {"real_diversity": "real pictures", "fake_diversity": "generated pictures"},
        "How much the pictures of a batch differ. A generator that has collapsed makes pictures that hardly do.",
    ),
    "overfitting": Panel(
        "Overfitting",
        "share",
        {"overfitting": "overfitting of D", "augmentation_probability": "probability of augmentation"},
        "The mean sign of D(x) on real pictures, near 1 where the discriminator knows them by heart, and how often "
        "pictures are changed before it sees them.",
    ),
    "gradients": Panel(
        "Gradients",
        "norm",
        {"discriminator_gradient": "discriminator", "generator_gradient": "generator"},
        "The norms of both gradients. A player whose gradient vanishes no longer learns.",
        logarithmic=True,
    ),
    "penalties": Panel(
        "Penalties",
        "penalty",
        {"r1_penalty": "R1", "r2_penalty": "R2", "gradient_penalty": "gradient penalty"},
        "What is added to the discriminator's loss to bound its slope.",
    ),
    "fade": Panel(
        "Fade",
        "weight of the new layers",
        {"fade": "fade"},
        "How far the new layers of a grown network are faded in; 1 is wholly.",
    ),
    "speed": Panel(
        "Speed",
        "pictures a second",
        {"images_per_second": "speed"},
        "Pictures shown in a second, since the line of the log before.",
    ),
    "memory": Panel(
        "Memory",
        "MiB",
        {"peak_memory": "peak memory"},
        "The most memory that training has held so far; on a GPU, that of the GPU.",
        scale=1 / 2**20,
    ),
}
"""Every panel by its name, in the order in which they are shown."""

BRIEF = ("losses", "verdict", "bound", "divergence", "painting")
"""Panels of ``curves.png``."""


def measured(panel: Panel, names: set[str]) -> dict[str, str]:
    """Return the curves of a panel that a log with measures of these names has."""
    return {name: label for name, label in panel.curves.items() if name in names}
