"""An estimate of how long a training takes on this machine, logged once, after some seconds of measuring."""

import logging
import time

from lienzo.display import wording

SECONDS = 5.0
"""Time over which the speed is measured, in seconds, after the first step, which also prepares memory and libraries."""

log = logging.getLogger("lienzo")


class Estimate:
    """A sentence about the time to the end, said once."""

    def __init__(self, images: int, total: int) -> None:
        """Begin at the clock ``images`` of ``total``."""
        self.images, self.total = images, total
        self._since: tuple[float, int] | None = None
        self._said = images >= total

    def update(self, images: int) -> None:
        """Take note that a step has ended, after so many pictures shown."""
        now = time.perf_counter()
        if self._said:
            return
        if self._since is None:
            self._since = now, images
            return
        started, shown = self._since
        if now - started >= SECONDS and images < self.total:
            self._said = True
            speed = (images - shown) / (now - started)
            log.info("%s", sentence(self.total - self.images, speed))


def sentence(images: int, speed: float) -> str:
    """Say how long so many pictures take at so many a second.

    >>> sentence(160_000, 80.0)
    'Training takes about 33 min here, at 80 pictures a second: 160,000 are to be shown.'
    """
    seconds = images / speed
    minutes = round(seconds / 60)
    if minutes >= 60:
        rounded = 10 * round(minutes / 10)
        length = f"{rounded // 60} h" + (f" {rounded % 60} min" if rounded % 60 else "")
    else:
        length = f"{minutes} min" if seconds >= 90 else f"{round(seconds)} s"
    pace = wording.speed(speed)
    return f"Training takes about {length} here, at {pace} pictures a second: {images:,} are to be shown."
