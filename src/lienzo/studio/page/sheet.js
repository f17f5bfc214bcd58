// A row or block of pictures that the canvas's process paints.
import { html, useEffect, useRef, useState } from "/page/vendor/htm-preact.js";
import { painted, placeName, placeText } from "/page/canvas-pictures.js";

/** Pictures in so many columns, each a button; `label`, `picked` and `onPick` are given its place and its number. */
export function Sheet({ purpose, run, facts, pictures, columns, label, onPick, draggable, setError, picked }) {
  const canvas = useRef(null);
  const [busy, setBusy] = useState(false);
  const key = JSON.stringify(pictures);
  useEffect(() => {
    if (!pictures.length) return undefined;
    const stop = new AbortController(); // a browser sends six wishes at once: older ones would go before the newest
    setBusy(true);
    painted(purpose, run, pictures, columns, stop.signal).then((bitmap) => {
      if (!bitmap || stop.signal.aborted || !canvas.current) return;
      canvas.current.width = bitmap.width;
      canvas.current.height = bitmap.height;
      canvas.current.getContext("2d").drawImage(bitmap, 0, 0);
      setBusy(false);
      setError(null);
    }, (reason) => { if (!stop.signal.aborted) { setBusy(false); setError(reason.message); } });
    return () => stop.abort();
  }, [key, run, columns]);
  const rows = Math.ceil(pictures.length / columns);
  return html`<div class="sheet" aria-busy=${busy} style=${`--columns: ${columns}; --width: ${facts.width}; --height: ${facts.height}`}>
    <canvas ref=${canvas} width=${columns * facts.width} height=${rows * facts.height} aria-hidden="true"></canvas>
    <div class="buttons">${pictures.map((one, at) => html`<button key=${at} class=${picked?.(one.place, at) ? "picked" : ""} title=${placeName(one.place)}
      aria-label=${label(one.place, at)} aria-pressed=${picked ? picked(one.place, at) : null} draggable=${draggable}
      onDragStart=${(event) => event.dataTransfer.setData("text/plain", placeText(one.place))} onClick=${() => onPick?.(one.place, at)} disabled=${!onPick}></button>`)}</div>
  </div>`;
}
