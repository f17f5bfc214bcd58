"""The README of a generator on the Hugging Face Hub: metadata for its search, and what people should know."""

import json
import shlex
from typing import Any

from lienzo.export.subject import Subject
from lienzo.networks.configurations import times_grown
from lienzo.recipe.recipe import Recipe

LABELS = 50
"""Labels that are listed at most; the weights' header has all."""

MEASURES = {
    "fid": ("FID", 1),
    "kid": ("KID × 1000", 1000),
    "precision": ("precision", 1),
    "recall": ("recall", 1),
    "density": ("density", 1),
    "coverage": ("coverage", 1),
}
"""Measures of the scores -> what they are called, and by how much they are multiplied."""

NOVELTY = {
    "features": "closer to a training picture than 95 in 100 held-out ones (0.05 if nothing is copied, and more with "
    "fewer than 19 held out), by features",
    "pixels": "the same, by pixels",
    "blends": "more like a blend of two training pictures than 95 in 100 held-out ones",
}
"""Ways to ask whether pictures are new -> what a share of them is."""


def readme(subject: Subject, licence: str | None, name: str | None) -> str:
    """Return the README of a generator.

    Args:
        subject: the generator.
        licence: under which it is given to others; none: the page says that it is open.
        name: ``USER/NAME`` of the repository, where it is known.
    """
    parts = [
        _metadata(subject, licence),
        f"# {_plain(subject.name)}",
        "![64 generated pictures](samples.png)",
        f"*The pictures of seeds 0 to 63, none left out.* {_what(subject)}",
        _use(subject, name),
        _data(subject),
        _scores(subject.card.get("scores", [])),
        _training(subject),
        _licence(licence),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _metadata(subject: Subject, licence: str | None) -> str:
    """Return the YAML between two lines of dashes. A text of JSON is one of YAML too."""
    network = subject.generator.header["network"]["name"]
    labelled = ["conditional-image-generation"] if subject.generator.classes else []
    entries = {
        **({"license": licence} if licence else {}),
        "library_name": "lienzo",
        "pipeline_tag": "unconditional-image-generation",
        "tags": ["lienzo", "gan", network, *labelled],
    }
    return "\n".join(["---", *(f"{key}: {json.dumps(value)}" for key, value in entries.items()), "---"])


def _what(subject: Subject) -> str:
    made, card = subject.generator, subject.card
    shown = f", after {card['images']:,} pictures shown in training" if "images" in card else ""
    if "origin" in card:
        shown += (
            f", begun from the trained generator `{card['origin']['generator']}`, whose own training is not counted"
        )
    kind = f"made by the recipe {_plain(str(card['recipe'].get('name')))} of" if "recipe" in card else "made by"
    return (
        f"A generator of pictures of {made.height}×{made.width} pixels with {made.channels} channels, {kind} lienzo"
        f"{shown}. It knows no words: it makes a picture of random numbers."
    )


def _use(subject: Subject, name: str | None) -> str:
    place, extra = (f"hf://{name}", "[hub]") if name else ("generator.safetensors", "")
    vocabulary = subject.generator.vocabulary
    labels = [label for label in vocabulary.counts if label.isprintable()] if vocabulary else []  # of one line
    asked = f"lienzo generate {place} --label {shlex.quote(labels[0])}\n" if labels else ""
    return (
        "## How to use\n\n```sh\n"
        f"pip install 'lienzo{extra}'\nlienzo generate {place} --count 16\n{asked}```\n\n```python\n"
        f'import lienzo\n\npictures = lienzo.load("{place}").generate(seeds=range(16)).images  # uint8, NHWC\n```\n\n'
        "The same seed is always the same picture. The weights are safetensors, which cannot run code."
    )


def _data(subject: Subject) -> str:
    collection, vocabulary = subject.card.get("collection"), subject.generator.vocabulary
    if collection is None and vocabulary is None:
        return ""
    lines = ["## Training data", ""]
    if collection is not None:
        height, width, channels = collection["shape"]
        lines.append(
            f"A collection of {collection['count']:,} pictures, brought to {height}×{width} pixels with {channels} "
            f"channels. Its fingerprint is `{collection['fingerprint']}`."
        )
        if "origin" in subject.card:
            lines.append("The generator that it was begun from may have been trained on others.")
        if "parts" in collection:
            train, held = collection["parts"]["train"], collection["parts"]["holdout"]
            lines.append(f"Trained on were {train:,} of them; {held:,} were held out for the scores.")
        kinds = [f"{_plain(kind)} ({number:,} different)" for kind, number in collection.get("kinds", {}).items()]
        if kinds:
            lines.append(f"Labels of these kinds are known: {', '.join(kinds)}.")
    if vocabulary is not None:
        most = sorted(vocabulary.counts.items(), key=lambda item: -item[1])
        lines += [
            f"The generator was trained with labels of the kind {_plain(vocabulary.kind)}; {vocabulary.unlabelled:,} "
            "pictures have none.",
            "", f"| {_plain(vocabulary.kind)} | pictures |", "|---|---:|",
            *(f"| {_plain(label)} | {number:,} |" for label, number in most[:LABELS]),
        ]  # fmt: skip
        if len(most) > LABELS:
            lines.append(f"| and {len(most) - LABELS:,} more | |")
    return "\n".join(lines)


def _scores(scores: list[dict[str, Any]]) -> str:
    """Return the last scores as a table, each with its standard error."""
    if not scores:
        return "## Scores\n\nIt was not scored."
    newest = scores[-1]
    measures, novelty = newest["measures"], newest.get("novelty") or {}
    rows = [
        (called, _written(measures[key], factor))
        for key, (called, factor) in MEASURES.items()
        if measures.get(key) is not None
    ]
    rows += [
        (f"share {said}", _written(novelty[way]["excess"]["share"], 1))
        for way, said in NOVELTY.items()
        if way in novelty
    ]
    return "\n".join(
        [
            "## Scores",
            "",
            f"{measures['generated']:,} generated pictures against {measures['reference']:,} real ones (part "
            f"`{_plain(newest['part'])}`), by the detector `{_plain(newest['detector'])}`. They compare with "
            "scores that were taken alike, and with no others.",
            "",
            "| measure | value ± standard error |",
            "|---|---|",
            *(f"| {called} | {value} |" for called, value in rows),
        ]
    )


def _training(subject: Subject) -> str:
    if "recipe" not in subject.card:
        return ""
    recipe = Recipe.from_dict(subject.card["recipe"])
    versions = ", ".join(
        f"{_plain(name)} {_plain(version)}" for name, version in subject.card.get("versions", {}).items()
    )
    again = "`recipe.toml` trains another one: `lienzo train COLLECTION --recipe recipe.toml`."
    if "origin" in subject.card:
        grew = ", or `lienzo grow` where it has grown" if times_grown(recipe.network) else ""
        again = (
            "`recipe.toml` alone does not train another one, as it was begun from the generator "
            f"`{subject.card['origin']['generator']}`: it takes that one too, by "
            f"`lienzo train COLLECTION --recipe recipe.toml --from GENERATOR.safetensors`{grew}."
        )
    return f"## Training\n\nWith {versions or 'lienzo'}. {again}\n\n```toml\n{recipe.to_toml().strip()}\n```"


def _licence(licence: str | None) -> str:
    said = f"{_plain(licence)}." if licence else "Not stated yet: ask the owner before you use it."
    return f"## Licence\n\n{said} The rights of the pictures that it was trained on remain with their owners."


def _written(estimate: dict[str, float], factor: float) -> str:
    """Return a value and its standard error."""
    return f"{factor * estimate['value']:.3f} ± {factor * estimate['error']:.3f}"


def _plain(text: str) -> str:
    """Return a text that means nothing in Markdown or HTML, on one line."""
    kept = " ".join(text.split())
    return "".join(f"&#{ord(sign)};" if sign in "<>&|`*_[]#\\" else sign for sign in kept)
