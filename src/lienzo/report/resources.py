"""What a training took, and how fast other machines were: the table of the thesis's section 4.4.1."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lienzo.display import pages, wording

THESIS = 3_097_500
"""Pictures that the thesis's own training showed: 30 passes over 103,250."""


@dataclass(frozen=True)
class Measured:
    """How fast a machine trained with a recipe."""

    machine: str
    """Processor or GPU."""
    recipe: str
    """Name of the recipe."""
    images_per_second: float
    """Pictures shown in a second."""
    source: str
    """Where the number is from, or how it was measured."""
    precision: str = "float32"
    """Of the networks' products."""
    threads: int | None = None
    """Threads that computed; none on a GPU."""


MACHINES: dict[str, tuple[Measured, ...]] = {
    "quadro-p5000": (Measured("Quadro P5000 (2019)", "thesis", 36, "the thesis, section 4.4: 24 hours in all"),),
    "h200": (Measured("NVIDIA H200", "thesis", 57_947, "benchmarks/results/nvidia-h200.md", "bfloat16"),),
    "h100": (Measured("NVIDIA H100 80GB", "thesis", 51_156, "benchmarks/results/nvidia-h100.md", "bfloat16"),),
    "zen3": (
        Measured("AMD EPYC, Zen 3 (AVX2)", "thesis", 51, "docs/train.md", threads=2),
        Measured("AMD EPYC, Zen 3 (AVX2)", "modern-plain", 71, "docs/recipes.md", threads=2),
    ),
    "avx512-bf16": (
        Measured("AMD EPYC, AVX512-BF16", "thesis", 156, "benchmarks/results/two-cores-amd-epyc.md", "bfloat16", 2),
        Measured("AMD EPYC, AVX512-BF16", "modern-plain", 122, "docs/train.md", "bfloat16", 1),
        Measured("AMD EPYC, AVX512-BF16", "fast", 293, "docs/recipes.md", "bfloat16", 2),
        Measured("AMD EPYC, AVX512-BF16", "fast-features", 202, "docs/recipes.md", "bfloat16", 2),
        Measured("AMD EPYC, AVX512-BF16", "modern", 169, "docs/recipes.md", "bfloat16", 2),
    ),
    "amx": (
        Measured("Intel Xeon, AMX", "thesis", 337, "benchmarks/results/two-cores-intel-xeon-amx.md", "bfloat16", 2),
    ),
}
"""Machines on which a training was timed, 64×64 pixels, by a short name."""


def machine(described: dict[str, Any]) -> list[tuple[str, object]]:
    """Return the machine of a run as rows of a table of two columns.

    Args:
        described: what ``run.json`` says of it; older runs say little.
    """
    gigabytes = f"{described['memory'] / 2**30:.0f} GiB" if "memory" in described else None
    known = {
        "GPU": described.get("gpu"),
        "processor": described.get("model") or described.get("processor"),
        "cores": described.get("cores"),
        "memory": gigabytes,
        "threads of PyTorch": described.get("threads"),
        "system": described.get("system"),
    }
    return [(name, value) for name, value in known.items() if value is not None]


def comparison(own: Measured | None) -> str:
    """Return the table of known machines as a piece of HTML, the run's own first and then those of its recipe."""
    others: Iterable[Measured] = (one for machine in MACHINES.values() for one in machine)
    alike = sorted(others, key=lambda one: (own is not None and one.recipe != own.recipe, -one.images_per_second))
    return pages.table(
        ("machine", "recipe", "precision", "threads", "pictures a second", "the thesis's 3.1 million", "source"),
        [
            (
                one.machine,
                one.recipe,
                one.precision,
                one.threads or "−",
                wording.speed(one.images_per_second),
                duration(THESIS / one.images_per_second),
                one.source,
            )
            for one in ([own] if own else []) + alike
        ],
    )


def duration(seconds: float) -> str:
    """Return a time as people read it.

    >>> duration(58.6), duration(3_700), duration(90_000)
    ('59 s', '1 h 02 min', '25 h 00 min')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
