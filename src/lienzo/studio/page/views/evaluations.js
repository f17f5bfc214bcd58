// The evaluations of one run: measures, its least new pictures beside training pictures, and what was found about it.
import { html, useEffect, useState } from "/page/vendor/htm-preact.js";
import { Link, Sentence, count, go, shell, useAnswer } from "/page/parts.js";
import { about } from "/page/canvas-pictures.js";
import { Sheet } from "/page/sheet.js";
import { Finding } from "/page/views/findings.js";
import { COLUMNS, written } from "/page/measures.js";

// The searches for pictures that are not new: title, and what the pictures show.
const TRIALS = {
  features: ["Nearest training pictures, by features", "Above, the pictures that lie closest to a training picture in the detector's features; below each, that training picture."],
  pixels: ["Nearest training pictures, by pixels", "The same by pixels, both shrunk to 16×16."],
  blends: ["Blends", "Above, the pictures that are best explained as a blend of two training pictures; below, the two."],
};

export function Evaluations({ run, query }) {
  const [answer, error] = useAnswer("/api/scores/run", { run });
  const [facts, setFacts] = useState(null);
  const [mistake, setMistake] = useState(null);
  const chosen = answer?.evaluations.find((one) => String(one.number) === query.number) ?? answer?.evaluations[0];
  const paints = Boolean(answer && (answer.findings.length || chosen?.novelty));
  useEffect(() => { if (paints) about(run).then(setFacts, (reason) => setMistake(reason.message)); }, [run, paints]);
  if (error) return html`<${Sentence} text=${error} />`;
  if (!answer) return html`<p class="hint" aria-busy="true">Reading the scores of ${run} …</p>`;
  const folder = shell(answer.folder); // as commands name the run
  return html`<article><div class="bar"><h2>${run}</h2>
      <${Link} class="button" to="/run" query=${{ run }}>The run</${Link}><${Link} class="button" to="/canvas" query=${{ run }}>Play</${Link}>
      <${Link} class="button" to="/scores">All scores</${Link}></div>
    <${Sentence} text=${mistake} />
    ${paints && !facts && !mistake && html`<p class="hint" aria-busy="true">Loading the generator …</p>`}
    ${!chosen && html`<p class="sentence">This run was not scored yet. Score it: <code>lienzo evaluate ${folder} COLLECTION</code></p>`}
    ${answer.count > 1 && html`<div class="bar"><label>Evaluation <select value=${String(chosen.number)} onChange=${(event) => go("/scores", { run, number: event.target.value }, true)}>
      ${answer.evaluations.map((one) => html`<option key=${one.number} value=${String(one.number)}>${named(one)}</option>`)}</select></label></div>`}
    ${chosen && html`<${Evaluation} key=${chosen.number} run=${run} one=${chosen} facts=${facts} setMistake=${setMistake} />`}
    ${answer.findings.map((one) => html`<${Finding} key=${one.file} run=${run} folder=${folder} finding=${one} facts=${facts} setMistake=${setMistake} />`)}
    ${!answer.findings.length && html`<p class="hint">What its units and directions do is found by <code>lienzo explore dissect ${folder}</code> and <code>lienzo explore directions ${folder}</code>, and stands here then.</p>`}
  </article>`;
}

const named = (one) => [`${one.number + 1}: ${one.detector}`, `${count(one.measures.generated)} pictures`, one.truncation !== null && one.truncation !== undefined && `ψ ${one.truncation}`,
  one.images && `after ${count(one.images)}`].filter(Boolean).join(", ");

function Evaluation({ run, one, facts, setMistake }) {
  const names = Object.keys(COLUMNS).filter((name) => name in one.measures);
  const labels = Object.entries(one.labels);
  return html`<section>
    <p class="hint">${one.detector} · ${count(one.measures.generated)} generated against ${count(one.measures.reference)} real pictures (${one.part}) ·
      ${one.here ? html` <${Link} to="/collection" query=${{ collection: one.here }}>${one.here}</${Link}>` : ` collection ${one.collection}`} · generator ${one.generator.slice(0, 8)}${one.images ? ` after ${count(one.images)} pictures` : ""} · lienzo ${one.lienzo}</p>
    <div class="scroll"><table><thead><tr>${labels.length > 0 && html`<th>label</th>`}${names.map((name) => html`<th key=${name} class="number" title=${COLUMNS[name][1]}>${COLUMNS[name][0]}</th>`)}
      ${Object.keys(one.sliced_wasserstein).map((level) => html`<th key=${level} class="number">SWD ${level} px</th>`)}</tr></thead>
      <tbody><tr>${labels.length > 0 && html`<td>all</td>`}${names.map((name) => html`<td key=${name} class="number">${written(one.measures[name])}</td>`)}
        ${Object.entries(one.sliced_wasserstein).map(([level, value]) => html`<td key=${level} class="number">${written({ value })}</td>`)}</tr>
      ${labels.map(([label, measures]) => html`<tr key=${label}><td>${label}</td>${names.map((name) => html`<td key=${name} class="number">${written(measures[name])}</td>`)}</tr>`)}</tbody></table></div>
    ${one.notes.map((note) => html`<p class="hint" key=${note}>${note}.</p>`)}
    ${one.novelty && html`<h3>Is it new?</h3>
      <p class="hint">Compared with ${count(one.novelty.training)} training pictures, beside the same search of held-out real pictures.</p>
      ${!one.newest && html`<p class="sentence warning">The run has another generator by now, so that the pictures that were scored are not painted here. Their seeds are told.</p>`}
      ${!one.here && html`<p class="sentence warning">The collection that it was scored against does not lie below this folder: its pictures are not shown.</p>`}
      ${Object.keys(TRIALS).map((kind) => html`<${Trial} key=${kind} kind=${kind} ...${{ run, one, facts, setMistake }} />`)}`}
  </section>`;
}

function Trial({ kind, run, one, facts, setMistake }) {
  const trial = one.novelty[kind], [title, caption] = TRIALS[kind];
  const psi = one.truncation ?? 1;
  const training = (row) => "/api/collection/picture?" + new URLSearchParams({ collection: one.here, of: one.collection, row });
  return html`<section class="trial"><h4>${title}</h4>
    <p class="hint">${written(trial.excess.share)} of ${count(trial.generated)} pictures fall below the threshold that 0.05 of ${count(trial.held_out)} held-out real pictures fall below.
      Of one picture of either kind, the one that was scored has the lower value with probability ${written(trial.excess.probability)}; 0.5 if there is no difference. ${caption}</p>
    <div class="scroll"><div class="cases" style=${`--cases: ${trial.worst.length}`}>
      ${one.newest && facts ? html`<${Sheet} purpose=${kind} run=${run} facts=${facts} columns=${trial.worst.length} setError=${setMistake}
        pictures=${trial.worst.map((each) => ({ place: { seed: each.seed }, psi }))} label=${(place) => `the picture of seed ${place.seed}`} />`
        : trial.worst.map((each) => html`<span key=${each.seed} class="empty">seed ${each.seed}</span>`)}
      ${one.here && trial.worst[0]?.rows.map((_, at) => trial.worst.map((each) => html`<img key=${`${at} ${each.seed}`} src=${training(each.rows[at])} alt=${`training picture ${each.rows[at]}`} loading="lazy" />`))}
      ${trial.worst.map((each) => html`<span key=${each.seed} class="hint" title=${`seed ${each.seed}, lower than ${Math.round(100 * (1 - each.rank))} in 100 held-out pictures`}>${each.value === null ? "–" : Number(each.value.toPrecision(3))}</span>`)}</div></div></section>`;
}
