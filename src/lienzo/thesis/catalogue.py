"""The tables of the thesis: its chapters, its figures, and its long results that are not experiments of the theory."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lienzo.theory.finding import Drawing, Table
from lienzo.thesis.edition import Edition, Language
from lienzo.thesis.experiments import ablations, downsampling, dying_units, paintings
from lienzo.thesis.figures import architecture, cleaning, idea, machines, recommendations, sample
from lienzo.thesis.kept import Kept


@dataclass(frozen=True)
class Chapter:
    """A chapter of the thesis, which is one page."""

    number: str
    """Its number in the thesis, such as ``3.1``."""

    titles: dict[Language, str]
    """Its title in each language, plain text."""


CHAPTERS: dict[str, Chapter] = {
    "introduction": Chapter("1", {"en": "Introduction", "es": "Introducción"}),
    "divergences": Chapter("2.1", {"en": "Divergences and equilibrium", "es": "Divergencias y equilibrio"}),
    "networks": Chapter("2.2", {"en": "Neural networks", "es": "Redes neuronales"}),
    "convolutions": Chapter("2.3", {"en": "Convolutional networks", "es": "Redes convolucionales"}),
    "idea": Chapter("3.1", {"en": "The idea: two players", "es": "La idea: dos jugadores"}),
    "game": Chapter("3.2.1", {"en": "The minimax game and Algorithm 1", "es": "El juego minimax y el algoritmo 1"}),
    "theorems": Chapter("3.2.2", {"en": "Three theorems", "es": "Tres teoremas"}),
    "other-models": Chapter("3.3", {"en": "Other generative models", "es": "Otros modelos generativos"}),
    "dcgan": Chapter("4.1", {"en": "DCGAN and the data", "es": "DCGAN y los datos"}),
    "cleaning": Chapter("4.2", {"en": "Cleaning the data", "es": "La limpieza de los datos"}),
    "architecture": Chapter("4.3", {"en": "The architecture", "es": "La arquitectura"}),
    "results": Chapter("4.4", {"en": "Training and results", "es": "Entrenamiento y resultados"}),
    "resources": Chapter("4.5", {"en": "Resources", "es": "Recursos"}),
    "conclusion": Chapter("5", {"en": "Conclusion", "es": "Conclusión"}),
}
"""Name of a chapter -> its number and titles, in the order of the thesis. Its text is in ``chapters/en`` and
``chapters/es``, in the file ``NUMBER-NAME.md``."""

FIGURES: dict[str, Callable[[Edition], Drawing | Table]] = {
    "idea": idea.figure,
    "sample": sample.figure,
    "recommendations": recommendations.table,
    "reasons": cleaning.reasons,
    "networks": architecture.networks,
    "generator-layers": architecture.generator_layers,
    "discriminator-layers": architecture.discriminator_layers,
    "machines": machines.table,
}
"""Name of a figure -> the function that draws it, in seconds. A drawing's caption says what it shows to people who
cannot see it; the caption that all read stands in the chapter's text."""

Computation = Callable[[Path, Edition], Generator[str, None, tuple[Kept, Sequence[Drawing]]]]
"""A long experiment: a generator function that gets a folder for what it needs to go on after an interruption, and the
edition, whose collection it may take. It yields a few words before each of its parts, and returns its result with the
drawings."""

RESULTS: dict[str, Computation] = {
    "downsampling": downsampling.result,
    "dying-units": dying_units.result,
    "ablations": ablations.result,
    "paintings": paintings.result,
}
"""Name of a kept result -> what computes it again. The experiments of ``lienzo theory`` are kept by their own names,
and are not in this table."""
