"""The pages of exploring: what was found, to look at. Each function returns a whole HTML page."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lienzo.display import gallery, pages
from lienzo.explore import marked
from lienzo.explore.calculation import Calculated
from lienzo.explore.inversion import Reach
from lienzo.explore.proximity import Found
from lienzo.explore.steering import STEP, Steered
from lienzo.metrics.estimate import Estimate

Pixels = NDArray[np.uint8]

SHOWN = 3
"""The correlations of a direction that a page names, the strongest first."""


def arithmetic(calculated: Calculated) -> str:
    """Return the page of an expression: its parts, their means, the result among its neighbours, and a control."""
    done = calculated.computed
    terms = [
        pages.row(
            _shown(mean[None], f"{'+' if term.sign > 0 else '−'} {term.text}", enlarge=2),
            *([_shown(parts, "the mean of these", columns=len(parts))] if len(parts) > 1 else []),
        )
        for term, mean, parts in zip(done.terms, done.means, done.parts, strict=True)
    ]
    blocks = [
        pages.section("The sum", *terms),
        pages.section(
            "The result",
            pages.row(
                _shown(done.result, "The result, in the middle of eight neighbours that differ by a little noise.", 3),
                _shown(done.control, "Control: the same sum of latents drawn at random, nine times.", 3),
            ),
            pages.paragraph(
                f"The result is {done.norm:.2f} times as long as latents are. A sum whose signs cancel, such as "
                "A − B + C of means of three, stays near 1; far from it a generator paints what it has not learnt."
            ),
        ),
    ]
    if calculated.gain is not None:
        rows = [(g.wanted, g.taken, str(g.share), str(g.control), str(g.gain)) for g in calculated.gains]
        blocks.append(
            pages.section(
                "Does arithmetic gain anything?",
                pages.paragraph(
                    "Three pictures of A, less three of B, plus one more of B: how often the result shows A, "
                    "by a linear classifier of the collection's labels, and how often it does where the six are drawn "
                    f"at random. On average over all pairs the gain is {calculated.gain}."
                ),
                pages.table(("A", "B", "shows A", "control", "gain"), rows),
            )
        )
    return marked.page("Arithmetic with latents", *blocks, lead=done.expression)


def directions(steered: Steered) -> str:
    """Return the page of directions: a strip of pictures for each, and what was measured."""
    found, blocks = steered.directions, []
    rows = [
        (number, name, f"{effect.size:.2f}", f"{effect.repeatability:.2f}", _strongest(effect.correlations))
        for number, (name, effect) in enumerate(zip(found.names, steered.effects, strict=True))
    ]
    for name, strips in zip(found.names, steered.strips, strict=True):
        seeds, steps = strips.shape[:2]
        caption = f"Seeds 0 to {seeds - 1}, from {steered.steps[0]:g} to {steered.steps[-1]:g} standard deviations."
        blocks.append(pages.section(name, _shown(strips.reshape(-1, *strips.shape[2:]), caption, steps)))
    table = pages.table(("number", "name", "effect", "repeatability", "goes with (correlation)"), rows)
    return marked.page(
        "Directions",
        pages.section(
            "What each direction does",
            pages.paragraph(
                f"Effect: how far features move from −{STEP:g} to +{STEP:g} standard deviations, 1 being the distance "
                "between two pictures of different seeds. Repeatability: 1 where every seed's picture moves the same "
                "way, 0 where it depends on the seed. Correlations are taken within seeds."
            ),
            table,
        ),
        *blocks,
        lead=f"Found from the generator's {found.method}. A step of 1 is one standard deviation of the latents.",
    )


def inversions(reached: Sequence[Reach]) -> str:
    """Return the page of inverted pictures: each beside what the generator makes nearest to it, and how near."""
    rows = [
        (reach.name, len(reach.found), *(_averaged(of, len(reach.found)) for of in (reach.error, reach.distance)))
        for reach in reached
    ]
    blocks = []
    for reach in reached:
        pairs = np.stack([reach.pictures, np.stack([one.picture for one in reach.found])], 1)
        columns = 2 * min(6, len(pairs))
        blocks.append(
            pages.section(
                f"{reach.name.capitalize()} pictures",
                _shown(pairs.reshape(-1, *pairs.shape[2:]), "Each picture, and at its right what was found.", columns),
                *(
                    [pages.table(("picture", "pixel error", "distance in features"), _each(reach))]
                    if reach.files
                    else []
                ),
            )
        )
    return marked.page(
        "Inversion",
        pages.table(("pictures", "count", "pixel error", "distance in features"), rows),
        pages.paragraph(
            "The pixel error is a root mean square, the range from black to white being 1. Generated pictures show how "
            "well the search does: each has latents that paint it exactly. Training pictures that are reached better "
            "than held-out ones were learnt by heart."
        ),
        *blocks,
        lead="The latents from which the generator paints something closest to given pictures.",
    )


def _each(reach: Reach) -> list[tuple[str, str, str]]:
    """Return how near each picture of a file is reached."""
    return [
        (file, f"{one.error:.4g}", f"{float(apart):.4g}")
        for file, one, apart in zip(reach.files, reach.found, reach.features, strict=True)
    ]


def _averaged(estimate: Estimate, count: int) -> str:
    """Return a mean and its standard error, which one picture alone does not have."""
    return str(estimate) if count > 1 else f"{estimate.value:.4g}"


def neighbours(found: Found) -> str:
    """Return the page of neighbours: each picture, and the nearest ones at its right."""
    together = np.concatenate([found.pictures[:, None], found.neighbours], 1)
    columns = together.shape[1]
    rows = [
        (number, *(f"{of}: {distance:.2f}" for of, distance in zip(numbers, distances, strict=True)))
        for number, (numbers, distances) in enumerate(zip(found.numbers, found.distances, strict=True))
    ]
    what = "seed" if found.of_seeds else "training picture (row of the collection)"
    return marked.page(
        "Neighbours",
        _shown(together.reshape(-1, *together.shape[2:]), "Each picture, and at its right its neighbours.", columns),
        pages.table(("picture", *(f"{what}: distance" for _ in range(columns - 1))), rows),
        lead="Nearest first, by distance in the detector's features.",
    )


def _shown(pictures: Pixels, caption: str, columns: int | None = None, *, enlarge: int = 1) -> str:
    """Return pictures in a grid, small ones enlarged to whole multiples of their pixels."""
    return gallery.sheet(pictures, columns, caption, caption, enlarge=enlarge)


def _strongest(correlations: dict[str, float]) -> str:
    strongest = sorted(correlations, key=lambda name: -abs(correlations[name]))[:SHOWN]
    return ", ".join(f"{name} {correlations[name]:+.2f}" for name in strongest)
