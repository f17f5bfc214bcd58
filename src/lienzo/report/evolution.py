"""The evolution of a run as a slider over its saved samples: a piece of HTML that needs nothing else."""

import base64
import io
from collections.abc import Sequence

from PIL import Image

from lienzo.display import gallery, pages

Pixels = gallery.Pixels

WIDTH = 1_024
"""Most pixels side by side in a sample on a page; wider ones are shrunk."""

QUALITY = 88
"""Quality of the WebP files."""

SCRIPT = """
for (const box of document.querySelectorAll(".evolution")) {
  const frames = JSON.parse(box.querySelector("script[type='application/json']").textContent);
  const [image, slider, output, button] = ["img", "input", "output", "button"].map((name) => box.querySelector(name));
  let timer = 0;
  const show = (number) => {
    slider.value = number;
    image.src = frames[number].picture;
    output.value = frames[number].text;
    slider.setAttribute("aria-valuetext", frames[number].text);
  };
  const stop = () => { clearInterval(timer); timer = 0; button.textContent = "Play"; };
  slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
  button.addEventListener("click", () => {
    if (timer) return stop();
    button.textContent = "Stop";
    if (Number(slider.value) === frames.length - 1) show(0);
    timer = setInterval(() => {
      show(Number(slider.value) + 1);
      if (Number(slider.value) === frames.length - 1) stop();
    }, 400);
  });
  box.querySelector(".controls").hidden = false;
}
"""
"""Moves the slider. Without scripts the last sample is shown."""

STYLE = """
.evolution .controls { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; margin: .5rem 0; }
.evolution .controls[hidden] { display: none; }
.evolution input { flex: 1 1 14rem; min-width: 0; height: 2rem; accent-color: #0072B2; }
.evolution output { min-width: 12rem; font-variant-numeric: tabular-nums; }
.evolution button { font: inherit; color: inherit; background: var(--shade); border: 1px solid var(--soft);
                    border-radius: 6px; padding: .3rem 1rem; min-width: 5rem; min-height: 2.5rem; }
.evolution :focus-visible { outline: 3px solid #0072B2; outline-offset: 2px; }
"""


def slider(frames: Sequence[tuple[int, Pixels]], alt: str) -> str:
    """Return the samples of a run under a slider, which arrow keys, Home and End move too.

    Args:
        frames: pictures shown, and the sample (height, width, channels), of each moment; at least one.
        alt: what the pictures show, for people who cannot see them.
    """
    shown = [(_data(frame), f"after {images:,} pictures shown") for images, frame in frames]
    last, text = shown[-1]
    listed = ",".join(f'{{"picture":"{picture}","text":"{words}"}}' for picture, words in shown)
    width = min(WIDTH, max(frames[-1][1].shape[1], 512))
    return (
        f'<style>{STYLE}</style>\n<figure class="evolution">'
        f'<img class="pixels" width="{width}" src="{last}" alt="{pages.escape(alt)}">'
        '<div class="controls" hidden>'
        '<button type="button">Play</button>'
        f'<input type="range" min="0" max="{len(shown) - 1}" value="{len(shown) - 1}" '
        f'aria-label="Moment of the training" aria-valuetext="{text}">'
        f"<output>{text}</output></div>"
        f'<script type="application/json">[{listed}]</script></figure>\n<script>{SCRIPT}</script>'
    )


def _data(frame: Pixels) -> str:
    """Return a sample as a data URL, shrunk to the width of a page."""
    image = gallery.to_pillow(frame)
    if image.width > WIDTH:
        image = image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
