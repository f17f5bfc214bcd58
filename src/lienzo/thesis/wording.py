"""The words of the pages that stand in no chapter, in each language."""

from lienzo.thesis.edition import Language

WORDS: dict[str, dict[Language, str]] = {
    "title": {"en": "Generative adversarial networks", "es": "Redes generativas antagónicas"},
    "lead": {
        "en": "The mathematics of generative adversarial networks, an implementation, and what comes out of it on "
        "paintings. Every number was made by lienzo's own code.",
        "es": "Las matemáticas de las redes generativas antagónicas, una implementación y lo que resulta de ella con "
        "pinturas. Todos los números los ha hecho el propio código de lienzo.",
    },
    "contents": {"en": "Contents", "es": "Índice"},
    "on this page": {"en": "On this page", "es": "En esta página"},
    "previous": {"en": "Previous", "es": "Anterior"},
    "next": {"en": "Next", "es": "Siguiente"},
    "bibliography": {"en": "Bibliography", "es": "Bibliografía"},
    "lines": {"en": "lines", "es": "líneas"},
    "claims": {
        "en": "{held} of {count} claims hold: all numbers",
        "es": "Se cumplen {held} de {count} afirmaciones: todos los números",
    },
    "theorem": {"en": "claim", "es": "afirmación"},
    "predicted": {"en": "predicted", "es": "predicho"},
    "measured": {"en": "measured", "es": "medido"},
    "error": {"en": "error", "es": "error"},
    "tolerance": {"en": "tolerance", "es": "tolerancia"},
    "holds": {"en": "holds", "es": "se cumple"},
    "yes": {"en": "yes", "es": "sí"},
    "no": {"en": "NO", "es": "NO"},
    "kept": {
        "en": "Kept from {date}: {processor}, {time}, {seeds}. To compute it again: {command}",
        "es": "Conservado del {date}: {processor}, {time}, {seeds}. Para volver a calcularlo: {command}",
    },
    "made": {
        "en": "Computed now: {processor}, {time}, {seeds}, by {command}",
        "es": "Calculado ahora: {processor}, {time}, {seeds}, con {command}",
    },
    "seed": {"en": "seed", "es": "semilla"},
    "seeds": {"en": "seeds", "es": "semillas"},
    "figure": {"en": "Figure", "es": "Figura"},
    "proof": {"en": "Proof.", "es": "Demostración."},
    "how made": {
        "en": "These pages were written by lienzo {version}: {command}",
        "es": "Estas páginas las ha escrito lienzo {version}: {command}",
    },
}
"""Words by their key and their language; what stands in braces is filled in."""

SPANISH: dict[str, str] = {}
"""Titles, headers and statements of kept results in Spanish, by the English that the results have. Statements that are
not here are shown in English."""


def say(key: str, language: Language, **values: object) -> str:
    """Return words in a language, with values in the place of their braces."""
    return WORDS[key][language].format(**values)


def translated(text: str, language: Language) -> str:
    """Return a title, header or statement of a kept result in a language, or as it is where no translation is known."""
    return SPANISH.get(text, text) if language == "es" else text
