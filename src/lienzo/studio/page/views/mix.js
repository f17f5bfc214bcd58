// Two kept pictures mixed by layer: the first layers take the latents of one, the last those of the other.
import { html, useState } from "/page/vendor/htm-preact.js";
import { counted, shell } from "/page/parts.js";
import { placeName, save, wish } from "/page/canvas-pictures.js";
import { Sheet } from "/page/sheet.js";

export function Mix({ run, facts, state, change, picture, keep, setError, ...rest }) {
  const [busy, setBusy] = useState(false);
  const layers = facts.layers;
  if (layers < 2) return html`<p class="sentence">Latents enter this generator by one layer only, so that nothing can be mixed by layer. The recipe
    <code>fast</code> trains one that can: <code>network.self_modulation</code>.</p>`;
  if (state.kept.length < 2) return html`<p class="sentence">Keep two pictures: one gives the composition, the other the details.</p>`;
  const [coarse, fine] = state.swapped ? state.kept.slice(-2).reverse() : state.kept.slice(-2);
  const taken = Math.min(Math.max(state.taken ?? Math.ceil(layers / 2), 0), layers);
  const mixed = (number) => number === 0 ? picture(coarse) : number === layers ? picture(fine)
    : { ...picture(coarse), mix: { place: fine, layer: layers - number } };
  const said = (number) => number === 0 ? `${placeName(coarse)} alone` : number === layers ? `${placeName(fine)} alone`
    : `${counted(number, "layer")} of ${placeName(fine)}`;
  const download = async () => {
    setBusy(true);
    try {
      const blob = await wish("mixed", "/api/canvas/wish", JSON.stringify({ kind: "paint", run, pictures: [mixed(taken)], columns: 1 }));
      if (blob) save(blob, "mixed.png");
      setError(null);
    } catch (reason) { setError(reason.message); }
    setBusy(false);
  };
  const shared = { run, facts, setError };
  return html`<section class="mix">
    <label class="slider">The last ${taken} of ${layers} layers take the latents of ${placeName(fine)}, the first ${layers - taken} those of ${placeName(coarse)}
      <input type="range" min="0" max=${layers} step="1" value=${taken} aria-label="Layers that take the second picture, from the finest on"
        onInput=${(event) => change({ taken: Number(event.target.value) }, true)} /></label>
    <${Sheet} purpose="mixes" ...${shared} columns=${layers + 1} pictures=${Array.from({ length: layers + 1 }, (_, number) => mixed(number))}
      label=${(_, number) => said(number)} picked=${(_, number) => number === taken} onPick=${(_, number) => change({ taken: number }, true)} />
    <figure><${Sheet} purpose="mix" ...${shared} columns=${1} pictures=${[mixed(taken)]} label=${() => said(taken)} />
      <figcaption>${said(taken)}</figcaption></figure>
    <div class="bar"><button onClick=${() => change({ swapped: !state.swapped })}>Swap the two</button>
      <button disabled=${busy} onClick=${download}>Save the picture</button></div>
    <${Command} ...${{ folder: facts.folder, state, coarse, fine, layers, taken }} />
  </section>`;
}

/** The command that paints the same, where seeds say all of it. */
function Command({ folder, state, coarse, fine, layers, taken }) {
  if (coarse.seed === undefined || fine.seed === undefined || Object.values(state.along).some(Boolean)) return null;
  const first = layers - taken;
  const span = first === layers - 1 ? first : `${first}-${layers - 1}`;
  const words = [`lienzo generate ${shell(folder)} --seeds ${coarse.seed}`, taken && `--mix ${fine.seed}:${span}`,
    state.psi !== 1 && `--truncation ${state.psi}`, state.label && `--label ${shell(state.label)}`];
  return html`<p class="hint">The same as a command: <code>${words.filter(Boolean).join(" ")}</code></p>`;
}
