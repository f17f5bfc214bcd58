// Near duplicates beside each other: groups that are in the collection, and refused pictures with what they repeat.
import { html, useEffect } from "/page/vendor/htm-preact.js";
import { Sentence, count, counted, useAnswer } from "/page/parts.js";
import { Choice, Pager, picturePath } from "/page/collection-parts.js";

const GROUPS = 20, PAIRS = 30;
const BITS = { 0: "the same hash", 2: "at most 2 of 64 bits", 4: "at most 4 of 64 bits", 6: "at most 6 of 64 bits", 8: "at most 8 of 64 bits" };
const REASONS = ["duplicate", "near-duplicate", "conflicting-labels"];

export function Duplicates({ told, query, set, choices, choose }) {
  const refused = told.reasons.filter((one) => REASONS.includes(one.reason)).reduce((sum, one) => sum + one.files, 0);
  const shared = { told, query, set, choices, choose };
  return html`<div class="bar">
      <label>which <select value=${query.of ?? ""} onChange=${(event) => set({ of: event.target.value || null })}>
        <option value="">in the collection</option><option value="refused">refused as repeats (${count(refused)})</option></select></label>
      ${query.of !== "refused" && html`<label>whose hashes differ in <select value=${query.bits ?? "4"} onChange=${(event) => set({ bits: event.target.value })}>
        ${Object.entries(BITS).map(([bits, words]) => html`<option key=${bits} value=${bits}>${words}</option>`)}</select></label>`}</div>
    ${query.of === "refused" ? html`<${Refused} ...${shared} />` : html`<${Groups} ...${shared} />`}`;
}

function Groups({ told, query, set, choices, choose }) {
  const first = Number(query.first ?? 0), bits = Number(query.bits ?? 4);
  const [answer, error, again] = useAnswer("/api/collection/alike", { collection: told.path, bits, first, count: GROUPS });
  useEffect(() => {
    if (!answer?.looking) return undefined;
    const timer = setTimeout(again, 500);
    return () => clearTimeout(timer);
  }, [answer]);
  if (error) return html`<${Sentence} text=${error} />`;
  if (!answer || answer.looking) return html`<p class="hint" aria-busy="true">Comparing ${count(told.pictures)} pictures …</p>`;
  if (!answer.count) return html`<p class="sentence">No two pictures of the collection are as near as this.</p>`;
  return html`<p class="hint" role="status">${counted(answer.count, "group")}. <code>lienzo prepare --near-duplicates ${bits}</code> would keep
      the first picture of each, and refuse ${counted(answer.repeated, "other")}. Keep all keeps a whole group whatever is refused.</p>
    <ul class="groups">${answer.groups.map((group) => html`<li key=${group.pictures[0].row}>
      <ul class="tiles">${group.pictures.map((one, at) => html`<${Tile} key=${one.row} told=${told} one=${one} choices=${choices} choose=${choose}
        note=${at === 0 ? `${one.width}×${one.height}, first` : `${one.width}×${one.height}, ${one.bits ? counted(one.bits, "bit") : "same"}`} />`)}</ul>
      ${group.sources.length > group.pictures.length && html`<p class="hint">and ${count(group.sources.length - group.pictures.length)} more</p>`}
      <${KeepAll} sources=${group.sources} choices=${choices} choose=${choose} /></li>`)}</ul>
    <${Pager} first=${first} found=${answer.count} page=${GROUPS} set=${set} />`;
}

function Tile({ told, one, note, choices, choose }) {
  return html`<li class=${choices[one.source] ?? ""}>
    <img src=${picturePath(told.path, told.fingerprint, one.row)} alt=${one.source} loading="lazy" width=${told.width} height=${told.height} />
    <span class="hint" title=${one.source}>${one.source}</span>
    <span class="hint" title=${Object.values(one.labels).filter(Boolean).join(", ")}>${note}</span>
    <${Choice} source=${one.source} choice="drop" word="leave out" choices=${choices} choose=${choose} /></li>`;
}

function KeepAll({ sources, choices, choose }) {
  const all = sources.every((source) => choices[source] === "keep");
  const change = () => sources.filter((source) => all || choices[source] !== "keep").forEach((source) => choose(source, "keep"));
  return html`<button class="choice" aria-pressed=${all} aria-label=${`keep all like ${sources[0]}`} onClick=${change}>${sources.length === 2 ? "keep both" : "keep all"}</button>`;
}

function Refused({ told, query, set, choices, choose }) {
  const first = Number(query.first ?? 0);
  const [answer, error] = useAnswer("/api/collection/repeats", { collection: told.path, first, count: PAIRS });
  if (error) return html`<${Sentence} text=${error} />`;
  if (!answer) return html`<p class="hint" aria-busy="true">Reading what was refused …</p>`;
  if (!answer.count) return html`<p class="sentence">Nothing was refused because it repeats another picture.</p>`;
  return html`<p class="hint" role="status">${counted(answer.count, "refused file")}, each beside the picture it repeats.</p>
    <ul class="groups">${answer.pairs.map(({ refused, kept }) => html`<li key=${refused.source}>
      <ul class="tiles">
        ${kept ? html`<${Tile} told=${told} one=${kept} choices=${choices} choose=${choose} note=${`${kept.width}×${kept.height}, kept`} />`
          : html`<li><p class="hint">${refused.detail}</p></li>`}
        <li class=${choices[refused.source] === "keep" ? "" : "refused"}>
          ${refused.thumbnail ? html`<img src=${refused.thumbnail} alt=${`refused: ${refused.source}`} />` : html`<span class="empty">no thumbnail</span>`}
          <span class="hint" title=${refused.source}>${refused.source}</span><span class="hint">${refused.reason}</span>
          <${Choice} source=${refused.source} choice="keep" word="keep both" choices=${choices} choose=${choose} /></li></ul></li>`)}</ul>
    <${Pager} first=${first} found=${answer.count} page=${PAIRS} set=${set} />`;
}
