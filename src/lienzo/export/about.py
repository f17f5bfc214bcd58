"""The card of a generator as HTML: what is known of it, for people who look at its pictures."""

import json
from collections.abc import Iterator
from typing import Any

from lienzo.display.pages import code, escape, facts, paragraph, section, table
from lienzo.evaluation.scores import written
from lienzo.generation.generation import Generator
from lienzo.metrics.estimate import Estimate

MEASURES = {
    "fid": "FID, lower is better",
    "kid": "KID × 1000, lower is better",
    "precision": "precision: share of its pictures that look like real ones",
    "recall": "recall: share of real pictures that it comes near to",
    "density": "density",
    "coverage": "coverage",
}
"""Measures of the scores, and what to call them."""

NOVELTY = {
    "features": "by what a network sees in them",
    "pixels": "by their pixels",
    "blends": "as a blend of two",
}
"""Ways in which copies of training pictures were looked for."""


def card(known: dict[str, Any], generator: Generator) -> str:
    """Return what a generator's card says as sections of HTML; all texts are escaped."""
    blocks = [facts(_facts(known, generator)), *_how(generator)]
    scores = known.get("scores", [])
    if scores:
        blocks += _scores(scores[-1])
    if "origin" in known:
        said = "Its training began from another trained generator, whose own training is not counted here:"
        blocks.append(section("What it was begun from", paragraph(said), code(known["origin"]["generator"])))
    if "collection" in known:
        blocks.append(section("What it was trained on", table(("", ""), _collection(known["collection"]))))
    if "recipe" in known:
        blocks.append(section("How it was trained", table(("key", "value"), _flat(known["recipe"]))))
    if "licence" in known:
        blocks.append(section("Licence", paragraph(str(known["licence"]))))
    return "\n".join(blocks)


def _facts(known: dict[str, Any], generator: Generator) -> Iterator[tuple[object, str]]:
    yield f"{generator.width} × {generator.height}", "pixels of a picture"
    yield generator.latents, "latents"
    if generator.classes:
        yield generator.classes, "labels"
    if "images" in known:
        yield f"{known['images']:,}", "pictures shown in training"
    recipe = known.get("recipe", {}).get("name")
    if recipe:
        yield recipe, "recipe"


def _how(generator: Generator) -> list[str]:
    steps = [
        "In the gallery, a click keeps a picture or lets it go; the small button in its corner opens it. By keyboard: "
        "the arrow keys go from picture to picture, Enter keeps, and O opens.",
        "A walk goes through the kept pictures, from latents to latents on great circles. It can be saved as a film, "
        "as an animated PNG, and as a path file, which lienzo replays to the same pictures.",
        "A truncation below 1 draws latents towards their mean: pictures get better and more alike.",
    ]
    return [
        section(
            "How to use this page",
            paragraph(
                "This page holds a generator: a network that was trained on pictures and paints new ones. It computes "
                "them on this device, and asks nothing of any network. Each picture comes from a seed, a whole number; "
                "the same seed always gives the same picture."
            ),
            "<ul>" + "".join(f"<li>{escape(step)}</li>" for step in steps) + "</ul>",
            paragraph("The same pictures by lienzo, from the generator with this fingerprint:"),
            code(f"lienzo generate GENERATOR.safetensors --seeds 0-9\n# {generator.fingerprint}"),
        )
    ]


def _scores(scores: dict[str, Any]) -> list[str]:
    """Return sections of what was measured, each number with its standard error."""
    measures = scores.get("measures", {})
    rows = []
    for key, name in MEASURES.items():
        if measures.get(key):
            factor = 1000 if key == "kid" else 1
            rows.append((name, written(_estimate(measures[key], factor))))
    counts = f"{measures.get('generated', 0):,} generated against {measures.get('reference', 0):,} real pictures"
    how = f"{counts}, by the detector {scores.get('detector', '')}. Behind ± stands the standard error."
    found = [section("Scores", paragraph(how), table(("measure", "value"), rows))]
    novelty = scores.get("novelty")
    if novelty:
        looked = [
            (name, written(_estimate(novelty[key]["excess"]["share"])))
            for key, name in NOVELTY.items()
            if key in novelty
        ]
        said = (
            f"Share of generated pictures that are closer to one of {novelty.get('training', 0):,} training pictures "
            "than all but one in twenty of the pictures that were kept aside. Well above 0.05 would mean copies."
        )
        found.append(section("Are they new?", paragraph(said), table(("compared", "share"), looked)))
    return found


def _estimate(value: dict[str, float], factor: int = 1) -> Estimate:
    return Estimate(factor * value["value"], factor * value["error"])


def _collection(collection: dict[str, Any]) -> list[tuple[str, str]]:
    height, width, channels = collection["shape"]
    return [
        ("pictures", f"{collection['count']:,}"),
        ("size", f"{width} × {height} pixels, {channels} channels"),
        ("fingerprint", str(collection["fingerprint"])),
    ]


def _flat(value: dict[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Yield the keys of nested values with dots, and their values."""
    for key, item in value.items():
        if isinstance(item, dict):
            yield from _flat(item, f"{before}{key}.")
        else:
            yield f"{before}{key}", json.dumps(item, ensure_ascii=False) if not isinstance(item, str) else item
