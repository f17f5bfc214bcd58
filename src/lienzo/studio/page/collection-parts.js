// Pieces that the parts of a collection share.
import { html } from "/page/vendor/htm-preact.js";
import { count } from "/page/parts.js";

export const PAGE = 60;

export const picturePath = (collection, fingerprint, row) =>
  "/api/collection/picture?" + new URLSearchParams({ collection, of: fingerprint, row });

export function Pager({ first, found, set, page = PAGE }) {
  if (found <= page) return null;
  return html`<p class="bar">
    <button disabled=${first === 0} onClick=${() => set({ first: Math.max(0, first - page) || null })}>Before</button>
    <span class="hint">${count(first + 1)} to ${count(Math.min(first + page, found))} of ${count(found)}</span>
    <button disabled=${first + page >= found} onClick=${() => set({ first: first + page })}>Next</button></p>`;
}

export const Choice = ({ source, choice, word, choices, choose }) => html`<button class="choice" aria-pressed=${choices[source] === choice}
  aria-label="${word} ${source}" onClick=${() => choose(source, choice)}>${word}</button>`;
