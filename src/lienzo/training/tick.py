"""A tick: the report on a training every so many pictures."""

from dataclasses import dataclass

from lienzo.display.wording import speed

FIGURES = {
    "discriminator_loss": "loss D {:.3f}",
    "generator_loss": "G {:.3f}",
    "real_score": "D(x) {:.2f}",
    "fake_score": "D(G(z)) {:.2f}",
    "evidence_bound": "bound {:,.0f}",
    "divergence": "divergence {:,.1f}",
    "painting_error": "error {:.3f}",
    "fade": "fade {:.2f}",
    "kid": "KID {:.4f}",
}
"""The measures beside the progress bar, and how each is written there."""


@dataclass(frozen=True)
class Tick:
    """The state of training, reported every ``recipe.tick`` pictures."""

    images: int
    """Pictures shown so far: the clock."""

    total: int
    """Pictures that the whole training shows; the last step is a whole one."""

    seconds: float
    """Time spent training, in earlier calls too."""

    images_per_second: float
    """Pictures per second since the last tick."""

    measures: dict[str, float]
    """Means over the steps since the last tick: losses, scores D(x) and D(G(z)), penalties, norms of gradients,
    diversity; and ``peak_memory``, the most bytes that were held so far, on a GPU those of the GPU."""

    trouble: str | None = None
    """The trouble that there is, if any, and settings to try, in one sentence."""

    @property
    def seconds_left(self) -> float:
        """Time to the end at the present speed."""
        return (self.total - self.images) / self.images_per_second

    @property
    def figures(self) -> str:
        """Speed and measures as one line of text."""
        texts = [form.format(self.measures[name]) for name, form in FIGURES.items() if name in self.measures]
        return "  ".join([f"{speed(self.images_per_second)} pictures/s", *texts])

    def to_dict(self) -> dict[str, float | str]:
        """Return the line of the log."""
        return {
            "images": self.images,
            "seconds": round(self.seconds, 3),
            "images_per_second": round(self.images_per_second, 2),
            **self.measures,
            **({"trouble": self.trouble} if self.trouble else {}),
        }
