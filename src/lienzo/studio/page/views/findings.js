// What was found about a generator: what its directions do, and what its units go with.
import { html, useState } from "/page/vendor/htm-preact.js";
import { Link, Sentence, count, counted, shell, useAnswer } from "/page/parts.js";
import { Sheet } from "/page/sheet.js";

const STEPS = [-3, -2, -1, 0, 1, 2, 3], SEEDS = [0, 1, 2];
const UNITS = 5; // effects and units of a concept that are named
const VIEWS = {
  before: "Before.", off: "Its best units off.", control: "Control: as many others of equal activation off.",
  on: "Its best units on, in a square at the upper left.", mask: "Where pictures show it.", active: "Where the unit that agrees best is active.",
};

export function Finding({ run, folder, finding, facts, setMistake }) {
  const [told, error] = useAnswer("/api/scores/finding", { run, file: finding.file });
  const title = finding.kind === "directions" ? "Directions" : "Dissection";
  return html`<section class="finding"><h3>${title}</h3><p class="hint">${finding.file}</p>
    ${!finding.newest && html`<p class="sentence warning">This was found for another generator of the run, an earlier one or the best.</p>`}
    <${Sentence} text=${error} />
    ${!told && !error && html`<p class="hint" aria-busy="true">Reading ${finding.file} …</p>`}
    ${told?.kind === "directions" && html`<${Directions} run=${run} told=${told} facts=${finding.newest ? facts : null} setMistake=${setMistake} />`}
    ${told?.kind === "dissection" && html`<${Dissection} run=${run} folder=${folder} file=${finding.file} told=${told} />`}</section>`;
}

const number = (value, digits = 2) => typeof value === "number" ? value.toFixed(digits).replace("-", "−") : "–";
const strongest = (correlations) => Object.entries(correlations).sort(([, a], [, b]) => Math.abs(b) - Math.abs(a)).slice(0, 3)
  .map(([name, value]) => `${name} (${number(value)})`).join(", ");

function Directions({ run, told, facts, setMistake }) {
  const measured = told.directions.some((one) => one.effect);
  const painted = facts && told.directions.every((one) => facts.directions.includes(one.name));
  return html`<p class="hint">Found by ${told.method}. <${Link} to="/canvas" query=${{ run }}>Go along them on the canvas</${Link}>.
      ${!measured && " What they do was not kept: find them again with this lienzo."}</p>
    ${measured && html`<div class="scroll"><table><thead><tr><th>direction</th><th class="number" title="distance of both ends, over that of two seeds">effect</th>
      <th class="number" title="1 where it does the same to all pictures">repeatability</th><th>goes with (correlation)</th></tr></thead>
      <tbody>${told.directions.map((one) => html`<tr key=${one.name}><td>${one.name}</td><td class="number">${number(one.effect.size)}</td>
        <td class="number">${number(one.effect.repeatability)}</td><td>${strongest(one.effect.correlations)}</td></tr>`)}</tbody></table></div>`}
    ${painted && told.directions.map((one, at) => html`<${Strip} key=${one.name} open=${at === 0} ...${{ run, one, facts, setMistake }} />`)}`;
}

function Strip({ run, one, facts, setMistake, open }) {
  const [shown, setShown] = useState(open);
  const pictures = SEEDS.flatMap((seed) => STEPS.map((step) => ({ place: { seed }, along: { [one.name]: step } })));
  return html`<details open=${open} onToggle=${(event) => setShown(event.currentTarget.open)}><summary>${one.name}</summary>
    ${shown && html`<${Sheet} purpose=${`along ${one.name}`} run=${run} facts=${facts} columns=${STEPS.length} pictures=${pictures} setError=${setMistake}
      label=${(place, at) => `seed ${place.seed}, ${STEPS[at % STEPS.length]} along ${one.name}`} />
      <p class="hint">Seeds 0 to 2, from −3 to 3 standard deviations.</p>`}</details>`;
}

const percent = (change, of) => of > 0 ? `${number((100 * change.value) / of, 0)} ± ${number((100 * change.error) / of, 0)} %` : "–";

function Dissection({ run, folder, file, told }) {
  const picture = (example, view) => "/api/scores/example?" + new URLSearchParams({ run, file, example, view });
  return html`<p class="hint">${count(told.layers.reduce((sum, layer) => sum + layer.units, 0))} units of ${counted(told.layers.length, "layer")}, compared with ${counted(told.concepts.length, "concept")} on ${count(told.count)} pictures.</p>
    ${told.examples.map((example, at) => html`<details key=${example.concept} open=${at === 0}><summary>${example.concept}</summary>
      <div class="views">${Object.entries(VIEWS).map(([view, caption]) => html`<figure key=${view}><img src=${picture(at, view)} alt=${`${example.concept}: ${caption}`} loading="lazy" /><figcaption>${caption}</figcaption></figure>`)}</div>
      <div class="scroll"><table><thead><tr><th>units of ${told.effects.find((one) => one.concept === example.concept)?.units[0]?.split(":")[0] ?? "the layer"}</th><th class="number">area</th><th class="number">change</th><th class="number">control</th><th class="number">pictures that show it</th><th class="number">change</th></tr></thead>
        <tbody>${told.effects.filter((one) => one.concept === example.concept).map((one) => html`<tr key=${one.how + one.units.length}><td>${counted(one.units.length, "unit")} ${one.how}</td>
          <td class="number">${number(100 * one.area, 1)} %</td><td class="number">${percent(one.change, one.area)}</td><td class="number">${percent(one.control, one.area)}</td>
          <td class="number">${number(100 * one.seen, 0)} %</td><td class="number">${percent(one.seen_change, one.seen)}</td></tr>`)}</tbody></table></div>
      <p class="hint">The same as a command: <code>lienzo generate ${folder} --units ${shell(example.held)}</code></p></details>`)}
    <details><summary>Concepts, labels and layers</summary><div class="scroll"><table><thead><tr><th>concept</th><th>found by</th><th class="number">share of pixels</th><th>units that agree best (IoU)</th></tr></thead>
      <tbody>${told.concepts.map((one) => html`<tr key=${one.name}><td>${one.name}</td><td>${one.source}</td><td class="number">${number(100 * one.share, 1)} %</td>
        <td>${one.units.slice(0, UNITS).map((unit, at) => `${unit} (${number(one.iou[at])})`).join(", ")}</td></tr>`)}</tbody></table></div>
      ${Object.keys(told.labels).length > 0 && html`<div class="scroll"><table><thead><tr><th>label</th><th>unit that tells it best</th><th class="number">AUC</th></tr></thead>
        <tbody>${Object.entries(told.labels).map(([label, one]) => html`<tr key=${label}><td>${label}</td><td>${one.unit}</td><td class="number">${number(one.auc)}</td></tr>`)}</tbody></table></div>`}
      <div class="scroll"><table><thead><tr><th>layer</th><th class="number">units</th><th>maps</th><th>units that go with a concept</th></tr></thead>
        <tbody>${told.layers.map((one) => html`<tr key=${one.name}><td>${one.name}</td><td class="number">${count(one.units)}</td><td>${one.width}×${one.height}</td>
          <td>${Object.entries(one.tied).slice(0, UNITS).map(([name, units]) => `${name} (${units})`).join(", ") || "none"}</td></tr>`)}</tbody></table></div></details>`;
}
