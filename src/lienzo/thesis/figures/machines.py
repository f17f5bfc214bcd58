"""How fast machines are at the thesis's own training."""

from lienzo.display import wording
from lienzo.report.resources import MACHINES, THESIS, duration
from lienzo.theory.finding import Table
from lienzo.thesis.edition import Edition, Language

HEADERS: dict[Language, tuple[str, ...]] = {
    "en": ("machine", "precision", "threads", "pictures a second", "the whole training", "source"),
    "es": ("máquina", "precisión", "hilos", "imágenes por segundo", "todo el entrenamiento", "fuente"),
}

TITLES: dict[Language, str] = {
    "en": "The thesis's training on several machines",
    "es": "El entrenamiento de la tesis en varias máquinas",
}


def table(edition: Edition) -> Table:
    """Return the machines on which the recipe ``thesis`` was timed, the fastest first."""
    measured = [one for machine in MACHINES.values() for one in machine if one.recipe == "thesis"]
    rows = [
        (
            one.machine,
            one.precision,
            str(one.threads or "−"),
            wording.speed(one.images_per_second),
            duration(THESIS / one.images_per_second),
            one.source,
        )
        for one in sorted(measured, key=lambda one: -one.images_per_second)
    ]
    return Table(TITLES[edition.language], HEADERS[edition.language], tuple(rows))
