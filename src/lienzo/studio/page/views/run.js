// One run: samples, curves, scores and trouble of one moment, live while it trains.
import { html, useEffect, useMemo, useRef, useState } from "/page/vendor/htm-preact.js";
import { Link, Sentence, ask, bytes, count, duration, go, measure, pace, samplePath, useAnswer, useVisible } from "/page/parts.js";
import { Chart, nearest, usePanels } from "/page/charts.js";
import { COLUMNS, written as estimate } from "/page/measures.js";

const MOST = 1200; // points of a curve; when live ones make them twice as many, the curve is asked for anew

export function Run({ query }) {
  const path = query.run ?? "";
  const [run, error, again] = useAnswer("/api/run", { run: path });
  const [columns, setColumns] = useState({ images: [] });
  const [live, setLive] = useState({ state: null, lost: false });
  const [range, setRange] = useState(null);
  const panels = usePanels();
  const [playing, setPlaying] = useState(false);
  const [asked, setAsked] = useState("");
  const visible = useVisible();
  const [mistake, setMistake] = useState("");
  const [tick, setTick] = useState(null); // the newest line of the log; the curves may be those of a part
  const newest = Math.max(run?.images ?? 0, tick?.images ?? 0, range ? 0 : columns.images.at(-1) ?? 0);
  const pinned = query.at !== undefined;
  const moment = pinned ? Number(query.at) : newest;
  const setMoment = (images) => go("/run", { ...query, at: images }, true);
  const follow = () => go("/run", { run: path }, true);

  const place = useRef({ offset: 0, range });
  place.current.range = range;
  const load = () => ask("/api/run/curve", { run: path, most: MOST, ...(range ? { first: range[0], last: range[1] } : {}) }).then(setColumns, () => {});
  useEffect(() => { load(); }, [path, range]);

  useEffect(() => {
    if (!visible || run?.offset === undefined) return undefined;
    const stream = new EventSource("/api/run/news?" + new URLSearchParams({ run: path, offset: place.current.offset || run.offset }));
    const on = (name, act) => stream.addEventListener(name, (event) => { place.current.offset = event.lastEventId; act(JSON.parse(event.data)); });
    on("tick", (lines) => { setTick(lines.at(-1)); setColumns((now) => place.current.range ? now : extended(now, lines)); });
    on("samples", () => again());
    on("state", ({ state }) => { setLive({ state, lost: false }); again(); });
    on("reset", () => { setTick(null); again(); load(); });
    on("gone", () => { stream.close(); setLive({ state: "gone", lost: false }); });
    stream.onerror = () => {
      const refused = stream.readyState === EventSource.CLOSED;
      setLive((now) => ({ state: refused ? "unknown" : now.state, lost: !refused }));
      if (refused) again(); // the answer says why
    };
    stream.onopen = () => setLive((now) => ({ ...now, lost: false }));
    return () => stream.close();
  }, [path, run?.offset === undefined, visible]);
  const missing = run ? run.state === "damaged" : Boolean(error); // as a training that begins is, or files that are being copied
  useEffect(() => {
    if (!missing) return undefined;
    const timer = setInterval(() => { if (!document.hidden) { again(); load(); } }, 2000);
    return () => clearInterval(timer);
  }, [missing, path]);
  useEffect(() => { if (columns.images.length > 2 * MOST && !range) load(); }, [columns.images.length]);

  const samples = run?.samples ?? [];
  const shown = samples.length ? samples[nearest(samples, moment)] : null;
  const timer = useRef(0);
  useEffect(() => {
    if (!playing) return undefined;
    timer.current = setInterval(() => {
      const here = new URLSearchParams(location.search).get("at");
      const next = samples[samples.indexOf(samples[nearest(samples, Number(here ?? 0))]) + 1];
      if (next === undefined) setPlaying(false); else setMoment(next);
    }, 250);
    return () => clearInterval(timer.current);
  }, [playing, samples.length]);
  const play = () => { if (!playing && (shown === samples.at(-1) || !pinned)) setMoment(samples[0]); setPlaying(!playing); };
  const troubles = useMemo(() => [...(run?.troubles ?? []), ...(run?.rollbacks ?? []).map((one) => ({ images: one.at, trouble: `${one.trouble} The run was set back to ${count(one.to)} pictures.` }))], [run]);

  const bid = (what) => async () => {
    setAsked(what);
    try { await ask(`/api/train/${what}`, { run: path }, { method: "POST" }); setMistake(""); } catch (reason) { setMistake(reason.message); setAsked(""); }
  };
  useEffect(() => { setAsked(""); }, [live.state]);

  if (error && !run) return html`<${Sentence} text=${error} />`;
  if (!run) return html`<p class="hint" aria-busy="true">Reading ${path} …</p>`;
  if (run.state === "damaged") return html`<h2>${path}</h2><${Sentence} text=${run.sentence} />`;
  const ended = live.state === "resting" && run.state === "live"; // the answer that says how is on its way
  const state = ended ? "interrupted" : ["gone", "live", "unknown"].includes(live.state) ? live.state : run.state;
  const unfinished = ["interrupted", "stopped"].includes(state);
  const speed = tick?.images_per_second ?? run.images_per_second;
  return html`<article class="run">
    <div class="bar"><h2>${path}</h2><span class="state ${state}">${state}</span>
      <span class="hint">${run.recipe} · ${count(newest)} of ${count(run.total)} pictures
        ${state === "live" && speed > 0 && html` · ${duration((run.total - newest) / speed)} left, ${pace(speed)}`}</span>
      ${state === "live" && !run.read_only && html`<button onClick=${bid("stop")} disabled=${asked}>${asked === "stop" ? "Stopping …" : "Stop and save"}</button>`}
      ${unfinished && !run.read_only && run.collection.here && html`<button onClick=${bid("continue")} disabled=${asked}>${asked === "continue" ? "Beginning …" : "Go on"}</button>`}
      <${Link} class="button" to="/canvas" query=${{ run: path }}>Play</${Link}>
      <${Link} class="button" to="/scores" query=${{ run: path }}>Scores</${Link}>
      <${Link} class="button" to="/compare" query=${{ a: path }}>Compare</${Link}></div>
    ${live.lost && html`<${Sentence} kind="warning" text="The connection was lost; trying again." />`}
    ${state === "gone" && html`<${Sentence} text="This run is no longer there: it was moved or deleted." />`}
    ${state !== "gone" && html`<${Sentence} text=${error} />`}
    <${Sentence} text=${mistake} />
    ${unfinished && html`<p class="hint">To go on: <code>${run.command}</code></p>`}
    <${Verdict} advice=${run.advice} />
    <div class="moment">
      <button onClick=${play} disabled=${samples.length < 2} aria-label=${playing ? "Pause" : "Play the samples"}>${playing ? "❚❚" : "▶"}</button>
      <input type="range" min="0" max=${Math.max(newest, samples.at(-1) ?? 0, 1)} step="1" value=${moment}
        aria-label="The moment shown, in pictures" onInput=${(event) => setMoment(Number(event.target.value))}
        onKeyDown=${(event) => stepped(event, samples, shown, setMoment)} />
      <output>${count(moment)}</output>
      ${pinned && html`<button onClick=${follow}>newest</button>`}
    </div>
    <div class="columns">
      <section class="samples">
        ${shown === null ? html`<p class="hint">No samples yet.</p>` : html`<figure>
          <img src=${samplePath(run, shown)} alt=${`The fixed latents after ${count(shown)} pictures`} />
          <figcaption>The fixed latents after ${count(shown)} pictures (${samples.indexOf(shown) + 1} of ${samples.length} drawings).
            Page up and page down step through the drawings.</figcaption></figure>`}
        <${Troubles} troubles=${troubles} onMoment=${setMoment} />
      </section>
      <section class="curves">
        ${range && html`<p class="bar"><button onClick=${() => setRange(null)}>Whole training</button> <span class="hint">${count(range[0])} to ${count(range[1])} pictures</span></p>`}
        ${panels.map((panel) => html`<${Chart} key=${panel.title} panel=${panel}
          columns=${columns} moment=${moment} troubles=${troubles} onMoment=${setMoment} onRange=${setRange} />`)}
        <p class="hint">Click on a curve for its moment, drag to zoom, double click for the whole.</p>
      </section>
    </div>
    <${Scores} scores=${run.scores} />
    <details><summary>Recipe, collection, machine</summary>
      <p>${run.collection.here ? html`<${Link} to="/collection" query=${{ collection: run.collection.here }}>${run.collection.here}</${Link}>` : run.collection.path}:
        ${count(run.collection.count)} pictures of ${run.collection.shape.join("×")}, ${run.collection.fingerprint}</p>
      <pre>${written(run.settings)}</pre>
      <pre>${written({ machine: run.machine, versions: run.versions })}</pre>
      <p class="hint">Memory at most ${columns.peak_memory?.length ? bytes(columns.peak_memory.at(-1) ?? 0) : "unknown"} · trained for ${duration(run.seconds)}</p></details>
  </article>`;
}

function stepped(event, samples, shown, setMoment) {
  const by = { PageDown: -1, PageUp: 1 }[event.key];
  const next = by && samples[samples.indexOf(shown) + by];
  if (next !== undefined && by) { event.preventDefault(); setMoment(next); }
}

/** The columns with new lines at their end; what is in them already is left out. */
function extended(now, lines) {
  const newest = now.images.at(-1) ?? -1;
  const fresh = lines.filter((line) => line.images > newest);
  const names = new Set([...Object.keys(now), ...fresh.flatMap((line) => Object.keys(line).filter((name) => typeof line[name] === "number"))]);
  return Object.fromEntries([...names].map((name) => [name,
    [...(now[name] ?? Array(now.images.length).fill(null)), ...fresh.map((line) => line[name] ?? null)]]));
}

const TRENDS = { improving: "KID still falls: go on.", flat: "KID is flat within its error: more of the same will change little.", worse: "KID rises: the best generator is behind." };

function Verdict({ advice }) {
  if (!advice) return null;
  return html`<p class="sentence ${advice.trend}">When to stop: ${TRENDS[advice.trend]}
    Since ${count(advice.since)} pictures it changes by ${measure(advice.slope)} ± ${measure(advice.error)} in 100,000.</p>`;
}

function Troubles({ troubles, onMoment }) {
  if (!troubles.length) return null;
  return html`<h3>Trouble</h3><ul class="troubles">${troubles.map((one) => html`<li key=${one.images + one.trouble}>
    <button onClick=${() => onMoment(one.images)}>${count(one.images)}</button> ${one.trouble}</li>`)}</ul>`;
}

function Scores({ scores }) {
  if (!scores.length) return null;
  const names = Object.keys(COLUMNS).filter((name) => scores.some((one) => one.measures[name]));
  return html`<h3>Scores</h3><div class="scroll"><table><thead><tr><th>of</th><th>part</th><th>detector</th>${names.map((name) => html`<th class="number" title=${COLUMNS[name][1]}>${COLUMNS[name][0]}</th>`)}</tr></thead>
    <tbody>${scores.map((one) => html`<tr><td>${one.subject}</td><td>${one.part}</td><td>${one.detector}</td>
      ${names.map((name) => html`<td class="number">${estimate(one.measures[name])}</td>`)}</tr>`)}</tbody></table></div>`;
}

function written(value, indent = "") {
  return Object.entries(value).map(([key, item]) => item && typeof item === "object" && !Array.isArray(item)
    ? `${indent}${key}\n${written(item, indent + "  ")}` : `${indent}${key} = ${Array.isArray(item) ? item.join(", ") : item}`).join("\n");
}
