"""The table of the theory laboratory's experiments, each of which checks a theorem on lienzo's own training code."""

from lienzo.theory.experiments import (
    batch_normalisation,
    convergence,
    convolutions,
    divergences,
    equilibrium,
    global_minimum,
    mode_collapse,
    optimal_discriminator,
    other_models,
    saturation,
)
from lienzo.theory.finding import Experiment

EXPERIMENTS: dict[str, Experiment] = {
    "divergences": divergences.experiment,
    "optimal-discriminator": optimal_discriminator.experiment,
    "global-minimum": global_minimum.experiment,
    "convergence": convergence.experiment,
    "equilibrium": equilibrium.experiment,
    "saturation": saturation.experiment,
    "mode-collapse": mode_collapse.experiment,
    "other-models": other_models.experiment,
    "convolutions": convolutions.experiment,
    "batch-normalisation": batch_normalisation.experiment,
}
"""Name of an experiment -> the function that runs it, in the order of the thesis."""
