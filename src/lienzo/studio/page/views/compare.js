// Two runs beside each other: samples under a wiper, curves in one frame, what differs in their recipes.
import { html, useEffect, useState } from "/page/vendor/htm-preact.js";
import { Link, Sentence, ask, count, go, samplePath, useAnswer } from "/page/parts.js";
import { Chart, nearest, usePanels } from "/page/charts.js";

export function Compare({ query }) {
  const [list, error] = useAnswer("/api/runs", { count: 100 });
  const { a = "", b = "" } = query;
  const choose = (side) => (event) => go("/compare", { ...query, [side]: event.target.value }, true);
  const select = (side, value) => html`<label>${side.toUpperCase()} <select value=${value} onChange=${choose(side)}>
    <option value="">choose a run</option>
    ${value && !list?.runs.some((run) => run.path === value) && html`<option value=${value}>${value}</option>`}
    ${list?.runs.map((run) => html`<option key=${run.path} value=${run.path}>${run.path}</option>`)}</select></label>`;
  return html`<article>
    <div class="bar">${select("a", a)} ${select("b", b)}</div>
    <${Sentence} text=${error} />
    ${a && b ? html`<${Pair} key=${a + "\n" + b} a=${a} b=${b} query=${query} />` : html`<p class="hint">Choose two runs.</p>`}
  </article>`;
}

function Pair({ a, b, query }) {
  const [one, wrongA] = useAnswer("/api/run", { run: a }, 5000);
  const [other, wrongB] = useAnswer("/api/run", { run: b }, 5000);
  const [curves, setCurves] = useState([{ images: [] }, { images: [] }]);
  const [wipe, setWipe] = useState(50);
  const panels = usePanels();
  useEffect(() => {
    Promise.all([a, b].map((run) => ask("/api/run/curve", { run }))).then(setCurves, () => {});
  }, [a, b, one?.images, other?.images]);
  if (wrongA || wrongB) return html`<${Sentence} text=${wrongA ?? wrongB} />`;
  const damaged = [one, other].find((run) => run?.state === "damaged");
  if (damaged) return html`<${Sentence} text=${`${damaged.path} cannot be compared: ${damaged.sentence}`} />`;
  if (!one || !other) return html`<p class="hint" aria-busy="true">Reading both …</p>`;
  const most = Math.max(one.images, other.images, 1);
  const moment = query.at === undefined ? most : Number(query.at);
  const setMoment = (images) => go("/compare", { ...query, at: images }, true);
  const shown = [one, other].map((run) => run.samples.length ? run.samples[nearest(run.samples, moment)] : null);
  const rows = differences(one.settings, other.settings);
  return html`
    <div class="moment"><input type="range" min="0" max=${most} value=${moment} aria-label="The moment shown, in pictures"
      onInput=${(event) => setMoment(Number(event.target.value))} /><output>${count(moment)}</output></div>
    <div class="columns"><section class="samples">
      ${shown.includes(null) ? html`<p class="hint">One of them has no samples yet.</p>` : html`<figure class="wiper">
        <div class="pair">
          <img src=${samplePath(one, shown[0])} alt=${`A, ${a}, after ${count(shown[0])} pictures`} />
          <img class="above" src=${samplePath(other, shown[1])} alt=${`B, ${b}, after ${count(shown[1])} pictures`} style=${`clip-path: inset(0 0 0 ${wipe}%)`} />
        </div>
        <input type="range" min="0" max="100" value=${wipe} aria-label="Wiper: A on its left, B on its right" onInput=${(event) => setWipe(Number(event.target.value))} />
        <figcaption>A after ${count(shown[0])} pictures on the left of the wiper, B after ${count(shown[1])} on its right.</figcaption></figure>`}
      <h3>What differs</h3>
      ${rows.length ? html`<div class="scroll"><table><thead><tr><th>key</th><th>A</th><th>B</th></tr></thead><tbody>
        ${rows.map(([key, left, right]) => html`<tr key=${key}><td><code>${key}</code></td><td>${left}</td><td>${right}</td></tr>`)}</tbody></table></div>`
        : html`<p class="hint">Their recipes are the same.</p>`}
      ${one.collection.fingerprint !== other.collection.fingerprint && html`<${Sentence} kind="warning" text="They are trained on different collections: their scores do not compare." />`}
      <p><${Link} to="/run" query=${{ run: a }}>${a}</${Link}> · <${Link} to="/run" query=${{ run: b }}>${b}</${Link}></p>
    </section><section class="curves">
      ${panels.map((panel) => html`<${Chart} key=${panel.title} panel=${panel}
        columns=${curves[0]} others=${[{ columns: curves[1], prefix: "B: ", dash: [5, 4] }]} moment=${moment} onMoment=${setMoment} />`)}
    </section></div>`;
}

function flat(value, before = "") {
  return Object.entries(value).flatMap(([key, item]) => item && typeof item === "object" && !Array.isArray(item)
    ? flat(item, `${before}${key}.`) : [[before + key, Array.isArray(item) ? item.join(", ") : String(item)]]);
}

function differences(left, right) {
  const [a, b] = [new Map(flat(left)), new Map(flat(right))];
  return [...new Set([...a.keys(), ...b.keys()])].filter((key) => a.get(key) !== b.get(key)).map((key) => [key, a.get(key) ?? "–", b.get(key) ?? "–"]);
}
