"""How each of DCGAN's recommendations is switched off, as settings of the recipe ``thesis``."""

from lienzo.theory.finding import Table
from lienzo.thesis.edition import Edition, Language
from lienzo.thesis.experiments.ablations import VARIANTS
from lienzo.thesis.wording import translated

HEADERS: dict[Language, tuple[str, ...]] = {
    "en": ("variant", "without", "instead", "settings"),
    "es": ("variante", "sin", "en su lugar", "ajustes"),
}
TITLES: dict[Language, str] = {
    "en": "The variants: settings of lienzo train --set",
    "es": "Las variantes: ajustes de lienzo train --set",
}


def table(edition: Edition) -> Table:
    """Return all variants with their settings."""
    language = edition.language
    rows = [
        (name, translated(each.without, language), translated(each.instead, language), " ".join(each.settings))
        for name, each in VARIANTS.items()
    ]
    return Table(TITLES[language], HEADERS[language], tuple(rows))
