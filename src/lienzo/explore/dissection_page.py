"""The page of a dissection: which units go with which concepts, and pictures with units switched off and on."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lienzo.display import charts, gallery, pages
from lienzo.explore import marked
from lienzo.explore.causes import CONTROLS, REGION, SEEN, Effect
from lienzo.explore.concepts import TIED, Masks
from lienzo.explore.dissection import Dissection, Example
from lienzo.metrics.estimate import Estimate

Pixels = NDArray[np.uint8]

SHADE = 0.25
"""What is left of the brightness of a picture where a mask is not."""


def page(found: Dissection) -> str:
    """Return the whole page."""
    units = sum(ties.layer.units for ties in found.layers)
    blocks = [
        pages.facts(
            [
                (f"{units:,}", f"units in {len(found.layers)} layers"),
                (len(found.concepts), "concepts"),
                (f"{found.count:,}", "pictures compared"),
                (len(found.examples), "concepts switched"),
            ]
        ),
        *(_switched(found, example) for example in found.examples),
        _concepts(found),
        *([_labels(found)] if found.labels else []),
        _layers(found),
    ]
    lead = (
        "Which units of this generator are active where its pictures show something, and what becomes of that without "
        "them."
    )
    return marked.page("Dissection", *blocks, lead=lead)


def _switched(found: Dissection, example: Example) -> str:
    """Return the section of a concept whose units were switched."""
    effects = [effect for effect in found.effects if effect.concept == example.concept]
    off, on = (
        [effect for effect in effects if effect.how == "off"],
        [effect for effect in effects if effect.how == "on"],
    )
    layer, unit, iou = next(best for best in found.best_units(example.concept, _all(found)) if best[0] == off[-1].layer)
    count = len(off[-1].units)
    return pages.section(
        example.concept[:1].upper() + example.concept[1:],
        pages.paragraph(_sentence(off)),
        pages.row(
            _shown(lit(example.before, example.mask), f"Where pictures show it: “{example.concept}”."),
            _shown(lit(example.before, example.active), f"Where unit {unit} of {layer} is active. IoU {iou:.2f}."),
        ),
        pages.row(
            _shown(example.before, "Before."),
            _shown(example.off, f"{_units(count)} of {layer} off, those that agree best."),
            _shown(example.control, f"Control: {_units(count)} of equal activation off."),
            _shown(example.on, f"The best {_units(count)} on, in a square at the upper left."),
        ),
        pages.svg(
            _chart(off), caption=f"What is left as units are switched off, over {found.count // 2} other pictures."
        ),
        pages.table(("units", "area", "change", "control", "pictures", "change ", "control "), map(_row, off)),
        *(pages.paragraph(_inserted(effect)) for effect in on),
        pages.code(f"lienzo generate RUN --units {example.held}"),
    )


def _all(found: Dissection) -> int:
    return sum(ties.layer.units for ties in found.layers)


def _sentence(off: Sequence[Effect]) -> str:
    most = off[-1]
    if not (most.area and most.seen):
        return f"None of these pictures show it enough to lose it: it covers {100 * most.area:.2g} % of their area."
    return (
        f"Without the {_units(len(most.units))} of {most.layer} that agree best with it, its area changes by "
        f"{_percent(most.relative(most.change))}; without as many others of equal activation, by "
        f"{_percent(most.relative(most.control))}. The number of pictures that show it changes by "
        f"{_percent(most.relative_seen(most.seen_change))}; without the others, by "
        f"{_percent(most.relative_seen(most.seen_control))}."
    )


def _percent(change: Estimate | None) -> str:
    if change is None:
        return "–"
    return f"{100 * change.value:+.0f} ± {100 * change.error:.0f} %".replace("-", "−")


def _row(effect: Effect) -> tuple[str, ...]:
    changes = (effect.relative(effect.change), effect.relative(effect.control))
    seen = (effect.relative_seen(effect.seen_change), effect.relative_seen(effect.seen_control))
    written = [[_percent(one) for one in pair] for pair in (changes, seen)]
    return (
        str(len(effect.units)),
        f"{100 * effect.area:.2g} %",
        *written[0],
        f"{100 * effect.seen:.0f} %",
        *written[1],
    )


def _inserted(effect: Effect) -> str:
    left, top, right, bottom = REGION
    return (
        f"On: in a region from {left:.0%}, {top:.0%} to {right:.0%}, {bottom:.0%} of the sides it covers "
        f"{effect.area:.1%}. With the {_units(len(effect.units))} held at their 99 % quantile there, that changes by "
        f"{100 * effect.change.value:+.1f} ± {100 * effect.change.error:.1f} points; with others, by "
        f"{100 * effect.control.value:+.1f} ± {100 * effect.control.error:.1f}."
    )


def _chart(off: Sequence[Effect]) -> str:
    """Return how much of a concept is left as more units are switched off, as SVG."""
    with charts.figure(6.0, 2.8) as figure:
        axes = figure.subplots()
        counts = [len(effect.units) for effect in off]
        for name, changes in (
            ("those that agree best", [effect.relative(effect.change) for effect in off]),
            ("others of equal activation", [effect.relative(effect.control) for effect in off]),
        ):
            known = [(count, one) for count, one in zip(counts, changes, strict=True) if one is not None]
            left, errors = [1 + one.value for _, one in known], [one.error for _, one in known]
            axes.errorbar([count for count, _ in known], left, errors, marker="o", capsize=3, label=name)
        axes.set_xscale("log", base=2)
        axes.set_xticks(counts, [str(count) for count in counts])
        axes.set_ylim(bottom=0)
        axes.set_xlabel("units switched off")
        axes.set_ylabel("area left")
        axes.legend()
        return charts.svg(figure)


def _concepts(found: Dissection) -> str:
    rows = []
    for concept in sorted(found.concepts, key=lambda one: -found.best_units(one.name, 1)[0][2]):
        best = [one for one in found.best_units(concept.name, 3) if one[2] >= 0.01]
        quality = "defined" if concept.quality is None else f"{concept.quality:.2f}"
        named = ", ".join(f"{layer}:{unit} ({iou:.2f})" for layer, unit, iou in best) or "none"
        rows.append((concept.name, concept.source, quality, f"{100 * concept.share:.2g} %", named))
    return pages.section(
        "Concepts",
        pages.paragraph(
            "Masks of the painter's parts come from a small segmenter. Their quality is the IoU with the exact masks "
            "of painted pictures that it did not learn from. Measured concepts are defined by their colours."
        ),
        pages.table(("concept", "found by", "quality", "share of pixels", "units that agree best (IoU)"), rows),
    )


def _labels(found: Dissection) -> str:
    rows = []
    for column, label in enumerate(found.labels):
        ties, unit = found.best_of_label(column)
        rows.append((label, f"{ties.layer.name}:{unit}", f"{ties.auc[unit, column]:.2f}"))
    return pages.section(
        "Labels",
        pages.paragraph(
            "A label says something of a picture as a whole. AUC is the chance that a unit is more active in a picture "
            "of the label than in one of another: 1 and 0 tell them apart, 0.5 does not."
        ),
        pages.table(("label", "unit that tells it best", "AUC"), rows),
    )


def _layers(found: Dissection) -> str:
    rows = []
    for ties in found.layers:
        layer, named = ties.layer, [name for name, iou in found.best_concepts(ties.layer.name) if iou >= TIED]
        common = sorted(set(named), key=lambda name: (-named.count(name), name))[:4]
        most = ", ".join(f"{name} ({named.count(name)})" for name in common)
        rows.append((layer.name, layer.units, f"{layer.width}×{layer.height}", len(named), most or "none"))
    return pages.section(
        "Layers",
        pages.paragraph(f"A unit goes with the concept that it agrees best with, from an IoU of {TIED} on."),
        pages.table(("layer", "units", "maps", "units with a concept", "most common (units)"), rows),
        pages.paragraph(
            "Thresholds were chosen on half of the pictures, IoU was measured on the other half. Effects were measured "
            f"on further pictures; the control is the mean of {CONTROLS} draws of other units. A picture shows a "
            f"concept if that covers {SEEN:.1%} of its pixels."
        ),
    )


def _units(count: int) -> str:
    return "unit" if count == 1 else f"{count} units"


def lit(pictures: Pixels, masks: Masks) -> Pixels:
    """Return pictures (n, height, width, channels), dark where masks (n, h, w) are not."""
    height, width = pictures.shape[1:3]
    rows, columns = np.arange(height) * masks.shape[1] // height, np.arange(width) * masks.shape[2] // width
    larger = masks[:, rows][:, :, columns, None]
    lit = np.where(larger, pictures, pictures * SHADE).astype(np.uint8)
    if pictures.shape[3] == 4:
        lit[..., 3] = pictures[..., 3]
    return lit


def _shown(pictures: Pixels, caption: str) -> str:
    """Return pictures in rows of four, enlarged to whole multiples of their pixels."""
    grid = gallery.grid(pictures, min(4, len(pictures)))
    larger = max(1, 64 // pictures.shape[2])
    return pages.picture(gallery.png(grid), caption, caption=caption, pixels=True, width=grid.shape[1] * larger)
