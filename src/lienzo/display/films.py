"""Films: encoders from frames to the bytes of an animated AVIF, WebP or GIF, or of an MP4."""

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
    """Return the function that encodes films of one kind.

    It takes the frames and the number of frames per second, and returns the bytes of the file. All frames have one
    shape, (height, width, 1, 3 or 4 channels), and are uint8.

    Args:
        ending: ending of the file's name, such as ``.avif``.

    Raises:
        InputError: the ending is unknown, or its encoder needs a package that is not installed.
    """
    if ending.lower() not in ENCODERS:
        raise InputError(f"{unknown('ending of a film', ending, ENCODERS)} Without an ending it is a folder of PNGs.")
    if ending.lower() == ".mp4":
        _require_av()
    return ENCODERS[ending.lower()]


def avif(frames: Sequence[Pixels], per_second: float) -> bytes:
    """Return an endlessly repeating AVIF: the smallest of the kinds, shown by browsers since 2023."""
    return _animated(frames, per_second, "AVIF", quality=85, speed=8)


def webp(frames: Sequence[Pixels], per_second: float) -> bytes:
    """Return an endlessly repeating WebP: four times as large as AVIF, shown by browsers since 2020."""
    return _animated(frames, per_second, "WEBP", quality=90, method=2)


def gif(frames: Sequence[Pixels], per_second: float) -> bytes:
    """Return an endlessly repeating GIF of 256 colours; a frame lasts whole hundredths of a second, at least two."""
    milliseconds = max(20, round(100 / per_second) * 10)
    return gallery.gif(frames, milliseconds, hold=milliseconds)


def mp4(frames: Sequence[Pixels], per_second: float) -> bytes:
    """Return an MP4 with H.264 and colour at half resolution (yuv420p), which all players and telephones show.

    The format needs even sides: if one is odd, the last row or column is repeated.
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
"""Ending of a file's name -> the function that encodes such a film."""


def _animated(frames: Sequence[Pixels], per_second: float, kind: str, **options: int) -> bytes:
    first, *others = [gallery.to_pillow(frame) for frame in frames]
    buffer = io.BytesIO()
    first.save(buffer, kind, save_all=True, append_images=others, duration=round(1000 / per_second), loop=0, **options)
    return buffer.getvalue()


def _require_av() -> ModuleType:
    """Import PyAV, or raise an InputError that says how to install it."""
    try:
        import av  # noqa: PLC0415  an extra: its wheels carry encoders under the GPL
    except ImportError:
        raise InputError(
            "an .mp4 needs PyAV: `pip install 'lienzo[video]'`, or end the name in .avif or .webp."
        ) from None
    return av
