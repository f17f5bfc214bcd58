"""The reasons for which preparation refuses a file, and how often each was met."""

from lienzo.collection.reasons import EXPLANATIONS, Reason
from lienzo.theory.finding import Table
from lienzo.thesis.edition import Edition, Language

SPANISH = {
    Reason.UNREADABLE: "No se pudo leer el fichero: sin permiso, una tubería, un enlace roto, un archivo dañado.",
    Reason.VANISHED: "El fichero estaba al hacer la lista y ya no cuando había que leerlo.",
    Reason.CHANGED: "El tamaño del fichero cambió entre la lista y la lectura.",
    Reason.TOO_LARGE: "El fichero es mayor que cualquier imagen, o se desempaqueta en más de lo que declara.",
    Reason.EMPTY: "Ningún byte, o solo ceros.",
    Reason.NOT_A_PICTURE: "Otra cosa con nombre de imagen; el detalle dice qué.",
    Reason.UNSUPPORTED: "Una imagen, pero en un formato que lienzo no descodifica.",
    Reason.TRUNCATED: "Falta el final del fichero.",
    Reason.UNDECODABLE: "El descodificador se rindió.",
    Reason.EXHAUSTED: "El descodificador murió, no terminó o no tuvo memoria; en una máquina ociosa quizá sí.",
    Reason.DAMAGED: "Se descodifica, pero se perdió parte del contenido.",
    Reason.BOMB: "Más píxeles que el límite.",
    Reason.TOO_SMALL: "Menor que las imágenes de la colección, una vez recortados los bordes.",
    Reason.FEATURELESS: "Un solo color, o casi.",
    Reason.DUPLICATE: "La misma imagen que una anterior.",
    Reason.NEAR_DUPLICATE: "Casi la misma imagen que una anterior.",
    Reason.CONFLICT: "La misma imagen está en la fuente con etiquetas distintas.",
    Reason.LEFT_OUT: "La tabla de decisiones dice que se deje fuera.",
}
"""The explanations in Spanish."""

HEADERS: dict[Language, tuple[str, ...]] = {"en": ("reason", "what it means"), "es": ("motivo", "qué significa")}
COUNT: dict[Language, str] = {"en": "files", "es": "ficheros"}
TITLES: dict[Language, str] = {"en": "Reasons to refuse a file", "es": "Motivos para rechazar un fichero"}


def reasons(edition: Edition) -> Table:
    """Return all reasons with what they mean; with a collection of the reader's, also how many files each refused."""
    language, collection = edition.language, edition.collection
    explained = EXPLANATIONS if language == "en" else SPANISH
    rows: list[tuple[str | float, ...]] = [(reason.value, explained[reason]) for reason in Reason]
    headers = HEADERS[language]
    if collection is not None:
        headers = (*headers, COUNT[language])
        rows = [(*row, str(collection.refused.get(str(row[0]), 0))) for row in rows]
    return Table(TITLES[language], headers, tuple(rows))
