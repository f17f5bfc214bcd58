"""Moving pictures: frames to the bytes of a film."""

import io
from collections.abc import Callable, Sequence
from fractions import Fraction
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from lienzo.display import gallery
from lienzo.errors import InputError, unknown

Pixels = NDArray[np.uint8]


def encoder(ending: str) -> Callable[[Sequence[Pixels], float], bytes]:
    """Return the function that encodes films of a kind.

    It takes frames, each (height, width, channels) uint8, all of one shape, channels being 1, 3 or 4, and frames per
    second, and returns the file's bytes.

    Args:
        ending: of the file's name, such as ``.avif``.

    Raises:
        InputError: no such kind, or one that needs a package that is not there.
    """
    if ending.lower() not in ENCODERS:
        raise InputError(f"{unknown('ending of a film', ending, ENCODERS)} Without an ending it is a folder of PNGs.")
    if ending.lower() == ".mp4":
        _require_av()
    return ENCODERS[ending.lower()]


def avif(frames: Sequence[Pixels], per_second: float) -> bytes:
    """Return an endless AVIF: the smallest of the kinds, which browsers of 2023 and later show."""
    return _animated(frames, per_second, "AVIF", quality=85, speed=8)


def webp(frames: Sequence[Pixels], per_second: float) -> bytes:
    """Return an endless WebP: four times as large as AVIF, which browsers of 2020 and later show."""
    return _animated(frames, per_second, "WEBP", quality=90, method=2)


def gif(frames: Sequence[Pixels], per_second: float) -> bytes:
    """Return an endless GIF of 256 colours, which everything shows; frames last whole hundredths of a second."""
    milliseconds = max(20, round(100 / per_second) * 10)
    return gallery.gif(frames, milliseconds, hold=milliseconds)


def mp4(frames: Sequence[Pixels], per_second: float) -> bytes:
    """Return H.264 with halved colour (yuv420p) in MP4, which every player and telephone shows.

    Such pictures have even sides: a last row or column is repeated where one is odd.
    """
    av = _require_av()
    buffer = io.BytesIO()
    height, width, _ = frames[0].shape
    odd = ((0, height % 2), (0, width % 2), (0, 0))
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream(
            "libx264", rate=Fraction(per_second).limit_denominator(1001), options={"crf": "17", "threads": "1"}
        )
        stream.height, stream.width, stream.pix_fmt = height + height % 2, width + width % 2, "yuv420p"
        for frame in frames:
            colours = np.asarray(gallery.to_pillow(np.pad(frame, odd, "edge")).convert("RGB"))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(colours, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()


ENCODERS: dict[str, Callable[[Sequence[Pixels], float], bytes]] = {
    ".avif": avif,
    ".webp": webp,
    ".gif": gif,
    ".mp4": mp4,
}
"""The kinds of films by the ending of their files' names."""


def _animated(frames: Sequence[Pixels], per_second: float, kind: str, **options: int) -> bytes:
    first, *others = [gallery.to_pillow(frame) for frame in frames]
    buffer = io.BytesIO()
    first.save(buffer, kind, save_all=True, append_images=others, duration=round(1000 / per_second), loop=0, **options)
    return buffer.getvalue()


def _require_av() -> ModuleType:
    try:
        import av  # noqa: PLC0415  an extra: its wheels carry encoders under the GPL
    except ImportError:
        raise InputError(
            "an .mp4 needs PyAV: `pip install 'lienzo[video]'`, or end the name in .avif or .webp."
        ) from None
    return av
