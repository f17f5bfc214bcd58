// The list of runs: live ones first seen, each with its newest samples.
import { html, useState, useEffect } from "/page/vendor/htm-preact.js";
import { Link, Sentence, useAnswer, count, duration, measure, pace, samplePath, go } from "/page/parts.js";

const PAGE = 60;

function Card({ run, first, onPick, picked }) {
  if (run.state === "damaged")
    return html`<li class="card damaged"><h2>${run.path}</h2><p>${run.sentence}</p></li>`;
  const share = run.total ? Math.min(1, run.images / run.total) : 0;
  return html`<li class="card">
    <${Link} to="/run" query=${{ run: run.path }} class="cover">
      ${run.picture !== null
        ? html`<img src=${samplePath(run, run.picture)} alt=${`Samples of ${run.path} after ${count(run.picture)} pictures`} loading="lazy" />`
        : html`<span class="empty">no samples yet</span>`}
      <h2>${run.path}</h2>
    </${Link}>
    <p class="facts"><span class="state ${run.state}">${run.state}</span> ${run.recipe}
      ${run.kid !== null && html` · KID ${measure(run.kid)}`}</p>
    <progress max="1" value=${share} aria-label="pictures shown"></progress>
    <p class="facts">${count(run.images)} of ${count(run.total)}
      ${run.seconds_left !== null && html` · ${duration(run.seconds_left)} left · ${pace(run.images_per_second)}`}</p>
    ${run.trouble && html`<p class="trouble">${run.trouble}</p>`}
    <label class="pick"><input type="checkbox" checked=${picked} onChange=${onPick} /> compare</label>
  </li>`;
}

export function Runs({ query }) {
  const first = Number(query.first ?? 0);
  const search = query.search ?? "";
  const [answer, error] = useAnswer("/api/runs", { first, count: PAGE, search }, 3000);
  const [picked, setPicked] = useState([]);
  const pick = (path) => setPicked((now) => now.includes(path) ? now.filter((other) => other !== path) : [...now, path].slice(-2));
  return html`<section>
    <div class="bar">
      <input type="search" placeholder="Search runs" aria-label="Search runs" value=${search}
        onInput=${(event) => go("/runs", { search: event.target.value }, true)} />
      ${picked.length === 2
        ? html`<${Link} class="button" to="/compare" query=${{ a: picked[0], b: picked[1] }}>Compare these two</${Link}>`
        : html`<span class="hint">${picked.length ? "Choose one more run to compare." : answer ? `${count(answer.count)} runs in ${answer.root}` : ""}</span>`}
    </div>
    <${Sentence} text=${error} />
    ${answer && !answer.count && html`<p class="sentence">There is no run ${search ? "of this name" : "below this folder yet"}. Train one: <code>lienzo train COLLECTION</code></p>`}
    <ul class="cards">${answer?.runs.map((run) => html`
      <${Card} key=${run.path} run=${run} picked=${picked.includes(run.path)} onPick=${() => pick(run.path)} />`)}</ul>
    ${answer && answer.count > PAGE && html`<p class="bar">
      ${first > 0 && html`<${Link} class="button" to="/runs" query=${{ first: Math.max(0, first - PAGE), search }}>Newer</${Link}>`}
      <span class="hint">${first + 1} to ${Math.min(first + PAGE, answer.count)} of ${count(answer.count)}</span>
      ${first + PAGE < answer.count && html`<${Link} class="button" to="/runs" query=${{ first: first + PAGE, search }}>Older</${Link}>`}</p>`}
  </section>`;
}
