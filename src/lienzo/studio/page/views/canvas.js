// The canvas: a wall of seeds, pictures kept from it, and what can be made between and beside them.
// Its whole state stands in the address: going back undoes, and a link shows the same.
import { html, useEffect, useRef, useState } from "/page/vendor/htm-preact.js";
import { Link, Sentence, Typed, count, go, shell, useAnswer } from "/page/parts.js";
import { about, placeName, placeOf, placeText, save, wish } from "/page/canvas-pictures.js";
import { Sheet } from "/page/sheet.js";
import { Mix } from "/page/views/mix.js";

const ROW = 8, WALL = 32, PLANE = 5;
const MODES = { wall: "Wall", plane: "Plane", walk: "Walk", mix: "Mix", sum: "Arithmetic" };

export function Canvas({ query }) {
  const [list, error] = useAnswer("/api/runs", { count: 100 });
  const run = query.run ?? "";
  return html`<article class="canvas">
    <div class="bar"><label>Generator of <select value=${run} onChange=${(event) => go("/canvas", { run: event.target.value })}>
      <option value="">choose a run</option>
      ${run && !list?.runs.some((one) => one.path === run) && html`<option value=${run}>${run}</option>`}
      ${list?.runs.filter((one) => one.state !== "damaged").map((one) => html`<option key=${one.path} value=${one.path}>${one.path}</option>`)}
    </select></label></div>
    <${Sentence} text=${error} />
    ${run ? html`<${Board} key=${run} run=${run} query=${query} />` : html`<p class="hint">Choose a run to play with its generator.</p>`}
  </article>`;
}

function decoded(text) {
  try { return decodeURIComponent(text); } catch { return ""; }
}

function stateOf(query) {
  const kept = (query.kept ?? "").split(",").filter(Boolean).map(placeOf).filter(Boolean);
  const along = Object.fromEntries((query.along ?? "").split(",").filter(Boolean).map((part) => {
    const at = part.lastIndexOf("=");
    return [decoded(part.slice(0, at)), Number(part.slice(at + 1))];
  }).filter(([name, distance]) => name && Number.isFinite(distance)));
  const [x, y] = (query.xy ?? "0,0").split(",").map(Number);
  return { mode: MODES[query.mode] ? query.mode : "wall", first: Number(query.first ?? 0) || 0, kept, along,
    label: query.label ?? "", psi: query.psi === undefined ? 1 : Number(query.psi), x: x || 0, y: y || 0,
    taken: query.taken === undefined ? null : Number(query.taken) || 0, swapped: query.swapped === "1" };
}

function queryOf(run, state) {
  const along = Object.entries(state.along).filter(([, distance]) => distance).map(([name, distance]) => `${encodeURIComponent(name)}=${distance}`).join(",");
  return { run, mode: state.mode === "wall" ? "" : state.mode, first: state.first || "", kept: state.kept.map(placeText).join(","), along,
    label: state.label, psi: state.psi === 1 ? "" : state.psi, xy: state.x || state.y ? `${state.x.toFixed(3)},${state.y.toFixed(3)}` : "",
    taken: state.taken, swapped: state.swapped ? 1 : "" };
}

function Board({ run, query }) {
  const [facts, setFacts] = useState(null);
  const [error, setError] = useState(null);
  const state = stateOf(query);
  const change = (changes, replace = false) => go("/canvas", queryOf(run, { ...state, ...changes }), replace);
  useEffect(() => { about(run).then(setFacts, (reason) => setError(reason.message)); }, [run]);
  const picture = (place) => ({ place, psi: state.psi, along: state.along, ...(state.label ? { label: state.label } : {}) });
  const keep = (place) => change({ kept: state.kept.some((one) => placeText(one) === placeText(place))
    ? state.kept.filter((one) => placeText(one) !== placeText(place)) : [...state.kept, place].slice(-12) });
  const newest = useRef(null); // what keeps a picture now; none when this generator is no longer shown
  newest.current = keep;
  useEffect(() => () => { newest.current = null; }, []);
  const [inverting, setInverting] = useState(false);
  const invert = async (file) => {
    if (!file || inverting) return;
    setInverting(true);
    setError(null);
    try {
      const answer = await wish("invert", "/api/canvas/invert?" + new URLSearchParams({ run }), file, "application/octet-stream");
      if (answer) {
        const { z, y } = JSON.parse(await answer.text());
        newest.current?.(y.length ? { z, y } : { z });
      }
    } catch (reason) { setError(reason.message); }
    setInverting(false);
  };
  if (!facts) return error ? html`<${Sentence} text=${error} />` : html`<p class="hint" aria-busy="true">Loading the generator …</p>`;
  const shared = { run, facts, state, change, picture, keep, setError };
  return html`<div class="board" onDragOver=${(event) => event.preventDefault()}
      onDrop=${(event) => { event.preventDefault(); if (event.dataTransfer.files.length) invert(event.dataTransfer.files[0]); }}>
    <aside aria-label="Settings">
      <div class="modes" role="group" aria-label="What to show">${Object.entries(MODES).map(([mode, title]) => html`
        <button key=${mode} aria-pressed=${state.mode === mode} onClick=${() => change({ mode })}>${title}</button>`)}</div>
      <label class="slider">Truncation <output>${state.psi.toFixed(2)}</output>
        <input type="range" aria-label="Truncation" min="0" max="1.5" step="0.05" value=${state.psi} onInput=${(event) => change({ psi: Number(event.target.value) }, true)} /></label>
      ${facts.labels.length > 0 && html`<label class="slider">Label <${Typed} type="text" list="labels" placeholder="each its own" value=${state.label}
          onGive=${(given) => change({ label: given.trim() })} /></label>
        <datalist id="labels">${facts.labels.map((label) => html`<option value=${label} />`)}</datalist>
        <p class="hint">A label, or a mixture such as ${facts.labels[0]}=0.5,${facts.labels[1] ?? facts.labels[0]}=0.5.</p>`}
      ${facts.directions.map((name) => html`<label class="slider" key=${name}>${name} <output>${(state.along[name] ?? 0).toFixed(1)}</output>
        <input type="range" aria-label=${name} min="-6" max="6" step="0.2" value=${state.along[name] ?? 0}
          onInput=${(event) => change({ along: { ...state.along, [name]: Number(event.target.value) } }, true)} /></label>`)}
      ${!facts.directions.length && html`<p class="hint">Directions with names become sliders here: <code>lienzo explore directions ${shell(facts.folder)}</code></p>`}
      <div class="bar"><button onClick=${() => history.back()}>Undo</button>
        <button onClick=${() => go("/canvas", { run })}>Begin again</button></div>
      <label class="drop">${inverting ? "Looking for its latents …" : "Drop a picture of your own here, or choose one"}
        <input type="file" accept="image/*" disabled=${inverting} onChange=${(event) => invert(event.target.files[0])} /></label>
      <${Link} to="/run" query=${{ run }}>The run</${Link}>
    </aside>
    <div class="stage">
      <${Sentence} text=${error} />
      <${Kept} ...${shared} />
      ${state.mode === "wall" && html`<${Wall} ...${shared} />`}
      ${state.mode === "plane" && html`<${Plane} ...${shared} />`}
      ${state.mode === "walk" && html`<${Walk} ...${shared} />`}
      ${state.mode === "mix" && html`<${Mix} ...${shared} />`}
      ${state.mode === "sum" && html`<${Sum} ...${shared} />`}
    </div></div>`;
}

function Kept({ state, change, picture, keep, ...rest }) {
  if (!state.kept.length) return html`<p class="hint">Click on pictures to keep them. Two make a walk, three a plane.</p>`;
  return html`<section class="kept"><h3>Kept</h3>
    <${Sheet} purpose="kept" ...${rest} pictures=${state.kept.map(picture)} columns=${state.kept.length} draggable
      label=${(place) => `Let go of ${placeName(place)}`} onPick=${keep} /></section>`;
}

function Wall({ state, change, picture, keep, ...rest }) {
  const picked = (place) => state.kept.some((one) => placeText(one) === placeText(place));
  const [more, setMore] = useState(1);
  const end = useRef(null);
  useEffect(() => {
    const watch = new IntersectionObserver(([entry]) => { if (entry.isIntersecting) setMore((now) => Math.min(now + 1, 60)); }, { rootMargin: "300px" });
    watch.observe(end.current);
    return () => watch.disconnect();
  }, []);
  return html`<section class="wall">
    <div class="bar"><label>From seed <${Typed} type="number" min="0" value=${state.first} onGive=${(given) => change({ first: Math.max(0, Math.floor(Number(given))) })} /></label>
      <button onClick=${() => change({ first: Math.floor(Math.random() * 1e9) })}>Somewhere else</button></div>
    ${Array.from({ length: more }, (_, block) => html`<${Sheet} key=${block} purpose=${`wall${block}`} ...${rest} columns=${ROW} draggable
      pictures=${Array.from({ length: WALL }, (_, at) => picture({ seed: state.first + block * WALL + at }))}
      label=${(place) => `Keep ${placeName(place)}`} picked=${picked} onPick=${keep} />`)}
    <div ref=${end}></div></section>`;
}

/** The plane through three kept pictures a, b, c: a + x (b − a) + y (c − a), as mixtures. */
function Plane({ state, change, picture, keep, ...rest }) {
  const from = useRef(null);
  if (state.kept.length < 3) return html`<p class="sentence">Keep three pictures: the plane goes through them.</p>`;
  const [a, b, c] = state.kept.slice(-3);
  const at = (x, y) => ({ mixture: [[1 - x - y, a], [x, b], [y, c]].filter(([weight]) => Math.abs(weight) > 1e-4) });
  const places = Array.from({ length: PLANE * PLANE }, (_, i) =>
    at(state.x + ((i % PLANE) - 2) / 4, state.y + (Math.floor(i / PLANE) - 2) / 4));
  const move = (x, y, replace = true) => change({ x: state.x + x, y: state.y + y }, replace);
  const keys = (event) => {
    const by = { ArrowLeft: [-0.125, 0], ArrowRight: [0.125, 0], ArrowUp: [0, -0.125], ArrowDown: [0, 0.125] }[event.key];
    if (by) { event.preventDefault(); move(...by); }
  };
  const drag = (event) => {
    if (!from.current) return;
    const tile = event.currentTarget.clientWidth / PLANE * 4;
    const [x, y] = [event.clientX - from.current.x, event.clientY - from.current.y];
    if (Math.abs(x) + Math.abs(y) < 6) return;
    from.current = { x: event.clientX, y: event.clientY };
    move(-x / tile, -y / tile);
  };
  return html`<section class="plane"><p class="hint">Drag, or use the arrow keys. Here ${state.x.toFixed(2)} of the way to the second picture, ${state.y.toFixed(2)} to the third.</p>
    <div tabindex="0" aria-label="The plane through the last three kept pictures; arrow keys move over it" onKeyDown=${keys}
      onPointerDown=${(event) => { from.current = { x: event.clientX, y: event.clientY }; }} onPointerMove=${drag}
      onPointerUp=${() => { from.current = null; }} onPointerLeave=${() => { from.current = null; }}>
      <${Sheet} purpose="plane" ...${rest} columns=${PLANE} pictures=${places.map(picture)} label=${(place) => `Keep ${placeName(place)}`} onPick=${keep} /></div></section>`;
}

function Walk({ run, state, change, picture, keep, setError, ...rest }) {
  const [shown, setShown] = useState(null);
  const [frames, setFrames] = useState(120);
  const [busy, setBusy] = useState(false);
  useEffect(() => () => { if (shown) URL.revokeObjectURL(shown); }, [shown]);
  if (state.kept.length < 2) return html`<p class="sentence">Keep two pictures or more: the walk goes through them and back.</p>`;
  const make = async (form) => {
    setBusy(true);
    try {
      const body = JSON.stringify({ kind: "film", run, pictures: state.kept.map(picture), frames, closed: true, form });
      const blob = await wish("film", "/api/canvas/wish", body);
      if (blob && form === "webp") setShown(URL.createObjectURL(blob));
      if (blob && form !== "webp") save(blob, form === "json" ? "walk.json" : `walk.${form}`);
      setError(null);
    } catch (reason) { setError(reason.message); }
    setBusy(false);
  };
  return html`<section class="walk"><div class="bar"><label>Frames <${Typed} type="number" min="2" max="600" value=${frames} onGive=${(given) => setFrames(Math.max(2, Math.min(600, Number(given) || 120)))} /></label>
      <button disabled=${busy} onClick=${() => make("webp")}>${busy ? "Painting …" : "Play"}</button>
      ${shown && html`<a class="button" href=${shown} download="walk.webp">Save the film</a>`}
      <button disabled=${busy} onClick=${() => make("gif")}>Save a GIF</button>
      <button disabled=${busy} onClick=${() => make("json")}>Save the path</button></div>
    ${shown && html`<img class="film" src=${shown} alt=${`A walk through ${state.kept.map(placeName).join(", ")}`} />`}
    <p class="hint">The path is a small file that <code>lienzo explore walk RUN --path walk.json</code> and an exported page replay.</p></section>`;
}

/** A − B + C of three slots; pictures are dragged into them, or taken from the kept ones in turn. */
function Sum({ state, picture, keep, ...rest }) {
  const [slots, setSlots] = useState([null, null, null]);
  const chosen = slots.map((slot, at) => slot ?? state.kept[at] ?? null);
  const put = (at) => (event) => {
    const place = placeOf(event.dataTransfer.getData("text/plain"));
    if (place) { event.preventDefault(); event.stopPropagation(); setSlots(slots.map((slot, other) => other === at ? place : slot)); }
  };
  const result = chosen.every(Boolean) && !chosen.some((place) => place.mixture)
    ? { mixture: [[1, chosen[0]], [-1, chosen[1]], [1, chosen[2]]] } : null;
  return html`<section class="sum"><p class="hint">Drag kept pictures into the three places, or keep three: the first minus the second plus the third.</p>
    <div class="slots">${chosen.map((place, at) => html`${at > 0 && html`<b aria-hidden="true">${at === 1 ? "−" : "+"}</b>`}
      <div class="slot" key=${at} onDragOver=${(event) => event.preventDefault()} onDrop=${put(at)}>
        ${place ? html`<${Sheet} purpose=${`slot${at}`} ...${rest} columns=${1} pictures=${[picture(place)]} label=${placeName} onPick=${() => setSlots(slots.map((slot, other) => other === at ? null : slot))} />` : html`<span class="hint">drop here</span>`}</div>`)}
      <b aria-hidden="true">=</b><div class="slot result">${result && html`<${Sheet} purpose="sum" ...${rest} columns=${1} pictures=${[picture(result)]} label=${(place) => `Keep ${placeName(place)}`} onPick=${keep} />`}</div></div>
    ${chosen.some((place) => place?.mixture) && html`<${Sentence} kind="warning" text="A picture that is a mixture already cannot be added to: keep single ones." />`}</section>`;
}
