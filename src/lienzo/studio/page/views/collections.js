// The list of collections.
import { html } from "/page/vendor/htm-preact.js";
import { Pager } from "/page/collection-parts.js";
import { Link, Sentence, count, go, useAnswer } from "/page/parts.js";

/** Collections in one page of the list, as the server tells them. */
const PAGE = 100;

export function Collections({ query }) {
  const first = Number(query.first ?? 0);
  const [answer, error] = useAnswer("/api/collections", { first });
  return html`<section><${Sentence} text=${error} />
    ${answer && !answer.count && html`<p class="sentence">There is no collection below this folder yet. Make one: <code>lienzo prepare PICTURES OUT</code></p>`}
    ${answer?.count > 0 && html`<div class="scroll"><table><thead><tr><th>collection</th><th class="number">pictures</th><th>shape</th><th>labels</th><th class="number">refused</th></tr></thead>
    <tbody>${answer.collections.map((one) => html`<tr key=${one.path}><td>${one.state === "damaged" ? one.path : html`<${Link} to="/collection" query=${{ collection: one.path }}>${one.path}</${Link}>`}</td>${one.state === "damaged"
      ? html`<td colspan="4">${one.sentence}</td>`
      : html`<td class="number">${count(one.pictures)}</td><td>${one.height}×${one.width}×${one.channels}</td>
        <td>${Object.entries(one.labels).map(([kind, number]) => `${kind} (${number})`).join(", ")}</td><td class="number">${count(one.refused)}</td>`}</tr>`)}</tbody></table></div>`}
    <${Pager} first=${first} found=${answer?.count ?? 0} page=${PAGE} set=${(changes) => go("/collections", changes)} />
  </section>`;
}
