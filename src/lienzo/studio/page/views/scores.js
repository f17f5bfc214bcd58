// All that was scored, in groups whose numbers can be compared; with a run in the address, its scores alone.
import { html } from "/page/vendor/htm-preact.js";
import { Link, Sentence, count, counted, go, useAnswer } from "/page/parts.js";
import { COLUMNS, written } from "/page/measures.js";
import { Evaluations } from "/page/views/evaluations.js";

export function Scores({ query }) {
  return query.run ? html`<${Evaluations} run=${query.run} query=${query} />` : html`<${Comparison} query=${query} />`;
}

function Comparison({ query }) {
  const sort = COLUMNS[query.sort] ? query.sort : "kid", down = query.down === "1";
  const [answer, error] = useAnswer("/api/scores", { sort, down: down ? 1 : "", group: query.group ?? "", first: query.first ?? 0 });
  if (error) return html`<${Sentence} text=${error} />`;
  if (!answer) return html`<p class="hint" aria-busy="true">Reading the scores …</p>`;
  if (!answer.count && !Object.keys(answer.left_out).length) return html`<p class="sentence">No run below this folder was scored yet. Score one: <code>lienzo evaluate RUN COLLECTION</code></p>`;
  const change = (changes) => go("/scores", { ...query, ...changes }, true);
  return html`<section><p class="hint">${counted(answer.lines, "evaluation")} in ${counted(answer.count, "group")}. Numbers of one group can be compared;
      those in bold are the best, or no worse than it by more than two standard errors of the difference. Where all are alike, none is.</p>
    ${answer.groups.map((group, at) => html`<${Group} key=${group.key} group=${group} first=${at === 0} sort=${sort} down=${down} change=${change} />`)}
    ${Object.entries(answer.left_out).map(([run, why]) => html`<p class="sentence warning" key=${run}>${run} has scores that are left out: ${why}.</p>`)}
    ${answer.count > answer.groups.length && html`<p class="hint">The ${answer.groups.length} largest groups are shown.</p>`}</section>`;
}

function Group({ group, first, sort, down, change }) {
  const about = group.conditions;
  const turn = (column) => change({ sort: column === "kid" ? "" : column, down: sort === column && !down ? 1 : "", group: "", first: "" });
  const heading = (column) => html`<th key=${column} class="number" title=${COLUMNS[column][1]} aria-sort=${sort === column ? (down ? "descending" : "ascending") : "none"}>
    <button class="plain" onClick=${() => turn(column)}>${COLUMNS[column][0]}${sort === column ? (down ? " ↓" : " ↑") : ""}</button></th>`;
  const truncated = group.lines.some((line) => line.truncation !== null);
  return html`<section class="group"><h3>${about.detector} on ${group.collection ? html`<${Link} to="/collection" query=${{ collection: group.collection }}>${group.collection}</${Link}>` : `the collection ${about.collection}`}</h3>
    <p class="hint">${count(about["number of generated pictures"])} generated against ${count(about["number of real pictures"])} real pictures (${about["part of it"]})
      · collection ${about.collection} · detector ${about["detector's fingerprint"] ?? "of your own"}${truncated && " · truncated latents"}</p>
    ${!first && html`<p class="sentence warning">Not to be compared with the first group. They differ in: ${group.differs.join(", ")}.</p>`}
    <div class="scroll"><table class="scores"><thead><tr><th>run</th>${truncated && html`<th class="number">ψ</th>`}<th>recipe</th><th class="number" title="in training, before it was scored">shown</th>
      ${group.columns.map(heading)}</tr></thead>
      <tbody>${group.lines.map((line) => html`<tr key=${line.run + line.number}>
        <td>${line.number < 0 ? html`<${Link} to="/run" query=${{ run: line.run }}>${line.run}</${Link}>` : html`<${Link} to="/scores" query=${{ run: line.run, number: line.number }}>${line.run}</${Link}>`}</td>
        ${truncated && html`<td class="number">${line.truncation ?? "–"}</td>`}<td>${line.recipe}</td><td class="number" title=${line.generator && `generator ${line.generator}`}>${line.images === null ? "–" : count(line.images)}</td>
        ${group.columns.map((column) => html`<td key=${column} class="number">${line.best.includes(column) ? html`<b title="best within error">${written(line.values[column])}</b>` : written(line.values[column])}</td>`)}</tr>`)}</tbody></table></div>
    ${group.count > group.page && html`<p class="bar">
      <button disabled=${group.first === 0} onClick=${() => change({ group: group.key, first: Math.max(0, group.first - group.page) })}>Before</button>
      <span class="hint">${count(group.first + 1)} to ${count(Math.min(group.first + group.page, group.count))} of ${count(group.count)}</span>
      <button disabled=${group.first + group.page >= group.count} onClick=${() => change({ group: group.key, first: group.first + group.page })}>Next</button></p>`}
  </section>`;
}
