"""Figure 4.2: both networks of the thesis with the sizes of their inputs and outputs."""

import re

from lienzo.display import charts
from lienzo.networks.configurations import DCGAN
from lienzo.networks.layers import Layer, players
from lienzo.networks.shape import Shape
from lienzo.report import networks as report
from lienzo.theory.finding import Drawing, Table
from lienzo.thesis.edition import Edition, Language

HEADERS: dict[Language, tuple[str, ...]] = {
    "en": ("layer", "kernel and stride", "input", "output", "parameters", "multiply-adds"),
    "es": ("capa", "núcleo y paso", "entrada", "salida", "parámetros", "multiplicaciones con suma"),
}

WORDS: dict[str, dict[Language, str]] = {
    "seen": {
        "en": "Both networks as columns of boxes, layer by layer, as in the tables below.",
        "es": "Ambas redes como columnas de cajas, capa por capa, como en las tablas de abajo.",
    },
    "generator": {"en": "Generator", "es": "Generador"},
    "discriminator": {"en": "Discriminator", "es": "Discriminador"},
    "sum": {"en": "in all", "es": "en total"},
}

SPANISH = {
    "Generator: from latents to a picture": "Generador: de los latentes a una imagen",
    "Discriminator: from a picture to a logit": "Discriminador: de una imagen a un logit",
    "latents z": "latentes z",
    "picture": "imagen",
    "parameters": "parámetros",
    "multiply-adds": "mult. con suma",
    "stride": "paso",
}
"""Words of the figure and of its tables, in Spanish."""


def networks(edition: Edition) -> Drawing:
    """Draw both networks side by side."""
    chart = report.chart(_layers())
    with charts.figure(chart.width, chart.height) as drawn:
        chart.draw(drawn)
        for text in (text for axes in drawn.axes for text in axes.texts):
            text.set_text(_said(text.get_text(), edition.language))
        return Drawing(charts.svg(drawn), WORDS["seen"][edition.language])


def generator_layers(edition: Edition) -> Table:
    """Return the generator's layers as a table."""
    return _table("generator", edition.language)


def discriminator_layers(edition: Edition) -> Table:
    """Return the discriminator's layers as a table."""
    return _table("discriminator", edition.language)


def _layers() -> dict[str, list[Layer]]:
    return players(DCGAN(), Shape(64, 64, 3))


def _table(player: str, language: Language) -> Table:
    layers = _layers()[player]
    rows = [
        (
            layer.name,
            _said(report.window(layer), language),
            report.size(layer.inputs),
            report.size(layer.outputs),
            f"{layer.parameters:,}",
            f"{layer.multiply_adds:,}",
        )
        for layer in layers
    ]
    parameters, multiply_adds = (f"{sum(numbers):,}" for numbers in zip(*_counts(layers), strict=True))
    return Table(
        WORDS[player][language],
        HEADERS[language],
        (*rows, (WORDS["sum"][language], "", "", "", parameters, multiply_adds)),
    )


def _said(text: str, language: Language) -> str:
    """Return words of the figure in a language, with its decimal point."""
    if language == "en":
        return text
    for english, spanish in SPANISH.items():
        text = text.replace(english, spanish)
    return re.sub(r"(\d)\.(\d)", r"\1,\2", text)


def _counts(layers: list[Layer]) -> list[tuple[int, int]]:
    return [(layer.parameters, layer.multiply_adds) for layer in layers]
