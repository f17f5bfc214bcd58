// One collection: its pictures by label, what was refused and why, near duplicates, and choices for the next preparation.
import { html } from "/page/vendor/htm-preact.js";
import { Sentence, bytes, count, counted, go, useAnswer } from "/page/parts.js";
import { save, table, useChoices } from "/page/choices.js";
import { Choice, PAGE, Pager, picturePath } from "/page/collection-parts.js";
import { Duplicates } from "/page/views/duplicates.js";

export function Collection({ query }) {
  const path = query.collection ?? "";
  const [told, error] = useAnswer("/api/collection", { collection: path });
  const [choices, choose, clear] = useChoices(told?.fingerprint ?? "");
  if (error) return html`<${Sentence} text=${error} />`;
  if (!told) return html`<p class="hint" aria-busy="true">Reading ${path} …</p>`;
  const view = query.view ?? "pictures";
  const set = (changes) => go("/collection", { ...query, first: null, ...changes }, true);
  const tabs = [["pictures", `Pictures (${count(told.pictures)})`], ["refused", `Refused (${count(told.refused)})`], ["alike", "Near duplicates"], ["choices", `Choices (${count(Object.keys(choices).length)})`]];
  return html`<article class="collection">
    <div class="bar"><h2>${path}</h2>
      <span class="hint">${told.height}×${told.width}×${told.channels} · ${count(told.parts.train)} to train on, ${count(told.parts.holdout)} held out · fingerprint ${told.fingerprint}</span></div>
    <div class="bar tabs" role="group" aria-label="Parts of the collection">${tabs.map(([name, title]) => html`
      <button key=${name} aria-pressed=${view === name} onClick=${() => go("/collection", { collection: path, view: name })}>${title}</button>`)}</div>
    ${view === "pictures" && html`<${Pictures} told=${told} query=${query} set=${set} choices=${choices} choose=${choose} />`}
    ${view === "refused" && html`<${Refused} told=${told} query=${query} set=${set} choices=${choices} choose=${choose} />`}
    ${view === "alike" && html`<${Duplicates} told=${told} query=${query} set=${set} choices=${choices} choose=${choose} />`}
    ${view === "choices" && html`<${Choices} told=${told} choices=${choices} choose=${choose} clear=${clear} />`}
  </article>`;
}

const Search = ({ query, set, what }) => html`<input type="search" aria-label="Search ${what}" placeholder="Search ${what}" value=${query.search ?? ""}
  onInput=${(event) => set({ search: event.target.value })} />`;

function Pictures({ told, query, set, choices, choose }) {
  const first = Number(query.first ?? 0);
  const kind = told.kinds.find((one) => one.kind === query.kind);
  const [answer, error] = useAnswer("/api/collection/pictures", {
    collection: told.path, first, count: PAGE, search: query.search ?? "", kind: query.kind ?? "", label: query.label ?? "" });
  return html`
    <div class="bar"><${Search} query=${query} set=${set} what="pictures" />
      ${told.kinds.map((one) => html`<label key=${one.kind}>${one.kind} <select value=${one === kind ? "=" + (query.label ?? "") : ""}
        onChange=${(event) => set(event.target.value ? { kind: one.kind, label: event.target.value.slice(1) } : { kind: null, label: null })}>
        <option value="">all</option>
        ${one.labels.map((each) => html`<option value=${"=" + each.label}>${each.label} (${count(each.pictures)})</option>`)}
        ${one.without > 0 && html`<option value="=">without one (${count(one.without)})</option>`}</select></label>`)}
      <span class="hint" role="status">${answer && counted(answer.count, "picture")}</span></div>
    <${Sentence} text=${error} />
    <ul class="tiles">${answer?.pictures.map((one) => html`<li key=${one.row} class=${choices[one.source] ?? ""}>
      <img src=${picturePath(told.path, told.fingerprint, one.row)} alt=${one.source} loading="lazy" width=${told.width} height=${told.height} />
      <span class="hint" title=${[`${one.width}×${one.height}`, one.part, ...(one.notes ?? [])].join(", ")}>${one.source}</span>
      <${Choice} source=${one.source} choice="drop" word="leave out" choices=${choices} choose=${choose} /></li>`)}</ul>
    <${Pager} first=${first} found=${answer?.count ?? 0} set=${set} />`;
}

function Refused({ told, query, set, choices, choose }) {
  const first = Number(query.first ?? 0);
  const [answer, error] = useAnswer("/api/collection/refused", {
    collection: told.path, first, count: PAGE, search: query.search ?? "", reason: query.reason ?? "" });
  const chosen = told.reasons.find((one) => one.reason === query.reason);
  return html`
    <div class="bar"><${Search} query=${query} set=${set} what="refused files" />
      <label>reason <select value=${query.reason ?? ""} onChange=${(event) => set({ reason: event.target.value || null })}>
        <option value="">all</option>${told.reasons.map((one) => html`<option value=${one.reason}>${one.reason} (${count(one.files)})</option>`)}</select></label>
      <span class="hint" role="status">${answer && counted(answer.count, "file")}</span></div>
    ${chosen && html`<p class="hint">${chosen.meaning}</p>`}
    <${Sentence} text=${error} />
    ${answer?.count === 0 && html`<p class="sentence">Nothing was refused${query.reason || query.search ? " that this finds" : ""}.</p>`}
    ${answer?.count > 0 && html`<div class="scroll"><table><thead><tr><th>picture</th><th>file</th><th>reason</th><th>detail</th><th class="number">size</th><th>choice</th></tr></thead>
      <tbody>${answer.files.map((one) => html`<tr key=${one.source + one.reason} class=${choices[one.source] ?? ""}>
        <td>${one.thumbnail ? html`<img class="thumbnail" src=${one.thumbnail} alt=${`what is left of ${one.source}`} />` : html`<span class="hint">none</span>`}</td>
        <td class="source">${one.source}</td><td>${one.reason}</td><td>${one.detail}</td><td class="number">${bytes(one.bytes ?? 0)}</td>
        <td>${one.keepable ? html`<${Choice} source=${one.source} choice="keep" word="keep" choices=${choices} choose=${choose} />` : html`<span class="hint">cannot be kept</span>`}</td></tr>`)}</tbody></table></div>`}
    <${Pager} first=${first} found=${answer?.count ?? 0} set=${set} />`;
}

function Choices({ told, choices, choose, clear }) {
  const sources = Object.keys(choices).sort();
  if (!sources.length)
    return html`<p class="sentence">Nothing is chosen yet. Leave pictures out, or keep refused ones after all, in the other parts.</p>`;
  return html`
    <p>This browser keeps the choices. Save them as a table, and prepare the collection once more with it, into another folder:</p>
    <pre>${told.prepare}</pre>
    <div class="bar"><button onClick=${() => save(choices)}>Save choices.csv</button><button onClick=${clear}>Take all back</button></div>
    <div class="scroll"><table><thead><tr><th>file</th><th>choice</th><th></th></tr></thead><tbody>${sources.map((source) => html`
      <tr key=${source}><td class="source">${source}</td><td>${choices[source]}</td>
      <td><button aria-label="Take back ${source}" onClick=${() => choose(source, null)}>take back</button></td></tr>`)}</tbody></table></div>
    <details><summary>The table</summary><pre>${table(choices)}</pre></details>`;
}
