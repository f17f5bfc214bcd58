// The two players on a law of the plane, played by lienzo's own game in a process of the server.
// The setup and the moment stand in the address, so that a link shows the same game.
import { html, useEffect, useRef, useState } from "/page/vendor/htm-preact.js";
import { Sentence, Typed, answered, count, counted, go, measure, useAnswer } from "/page/parts.js";
import { Chart } from "/page/charts.js";
import { Plane } from "/page/plane.js";

// How far one answer goes on, in half steps, and how long the page waits after it, in milliseconds.
const SPEEDS = { slow: [1, 900, "slow motion"], step: [2, 120, "step by step"], fast: [2000, 0, "as fast as it goes"] };
const CHOICES = { law: "laws", objective: "objectives", penalty: "penalties" };
const STEPS = { weight: 0.01, generator_rate: 0.0005, discriminator_rate: 0.0005, momentum: 0.1 };
const PANELS = [
  { title: "Losses", unit: "loss", curves: { discriminator_loss: "discriminator", generator_loss: "generator" }, errors: {}, scale: 1,
    meaning: "Each player's progress is the other's setback." },
  { title: "What the discriminator says", unit: "mean", curves: { real_score: "real points", fake_score: "generated points" }, errors: {}, scale: 1,
    meaning: "Where it cannot tell them apart, both are equal." },
];

const LESSONS = [
  ["A ring is learnt", {}, "Press Play. The arrows show where the generator's loss wants each point to go: up the discriminator's surface."],
  ["Theorem 1: the best answer to a generator that holds still", { law: "one Gaussian", generator_rate: 0 },
    "The generator does not move. The surface becomes p(real) / (p(real) + p(generated)): one where only real points are, ½ where both are equally dense."],
  ["Modes that are lost", { law: "grid of 25", momentum: 0.5 }, "Momentum of 0.5 is usual for pictures. Here modes are found and lost again: for example 20, 17 and 24 of 25 after 1,000, 3,000 and 5,000 steps. Set it to 0 and compare."],
  ["A loss that saturates", { law: "one Gaussian", objective: "minimax", generator_rate: 0 },
    "The generator holds still, so the discriminator wins. Where D is near 0, log(1 − D) is flat: after 200 steps most arrows are short. Choose the non-saturating objective: the same discriminator, and arrows that are far longer."],
  ["A critic that nothing bounds", { objective: "wasserstein" }, "Its scores grow and grow, since the Wasserstein dual holds for bounded slopes only. Choose the gradient penalty and compare."],
  ["Two penalties", { law: "grid of 25", objective: "relativistic", penalty: "r1 and r2", weight: 0.02 }, "The objective of R3GAN: the surface stays smooth, and most of the modes are found: for example 24, 25 and 22 of 25 after 1,000, 3,000 and 5,000 steps."],
];

export function Theory({ query }) {
  const [about, error] = useAnswer("/api/theory");
  if (error) return html`<${Sentence} text=${error} />`;
  return about ? html`<${Game} about=${about} query=${query} />` : html`<p class="hint" aria-busy="true">Reading …</p>`;
}

/** The setup of an address: the server's own where the address says nothing. */
function setupOf(query, setup) {
  return Object.fromEntries(Object.entries(setup).map(([key, usual]) => {
    const given = query[key] ?? usual;
    return [key, typeof usual === "number" ? (Number.isFinite(Number(given)) ? Number(given) : usual) : given];
  }));
}

function queryOf(setup, usual, halves) {
  return { ...Object.fromEntries(Object.entries(setup).filter(([key, value]) => value !== usual[key])), at: halves || "" };
}

function Game({ about, query }) {
  const setup = setupOf(query, about.setup);
  const key = JSON.stringify(setup);
  const [moment, setMoment] = useState(null);
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState("fast");
  const [mistake, setMistake] = useState("");
  const page = useRef(crypto.getRandomValues(new Uint32Array(2)).join("-"));
  const now = useRef({});
  now.current = { key, speed, moment };

  /** Ask for a moment, again and again until the game is there, or once; null where the page wants something else meanwhile. */
  const reach = async (halves, once = false) => {
    for (;;) {
      const answer = await answered("/api/theory/play", { method: "POST", headers: { "content-type": "application/json", "x-page": page.current },
        body: JSON.stringify({ setup, halves }) }).catch((reason) => reason);
      if (now.current.key !== key) return null;
      if (answer instanceof Error) {
        setMistake(answer.message);
        setPlaying(false);
        return null;
      }
      if (answer.status === 204) return null;
      const found = await answer.json();
      setMistake("");
      setMoment({ key, ...found });
      if (once || found.halves >= halves) return found;
    }
  };

  const shown = moment?.key === key ? moment : null;
  useEffect(() => () => { now.current.key = null; }, []); // what still plays then is of no view
  useEffect(() => { reach(Math.max(0, Math.floor(Number(query.at ?? 0)) || 0)); }, [key]);
  useEffect(() => {
    if (!playing) return undefined;
    let stopped = false;
    (async () => {
      let at = now.current.moment?.key === key ? now.current.moment.halves : 0;
      while (!stopped) {
        const [further, wait] = SPEEDS[now.current.speed];
        const found = document.hidden ? { halves: at } : await reach(at + further, true);
        if (!found) break;
        at = found.halves;
        await new Promise((resolve) => setTimeout(resolve, document.hidden ? 500 : Math.max(wait, 16)));
      }
      if (now.current.key === key) go("/theory", queryOf(setup, about.setup, at), true); // the moment at which it was paused
    })();
    return () => { stopped = true; };
  }, [playing, key]);

  const change = (changes) => { setPlaying(false); go("/theory", queryOf({ ...setup, ...changes }, about.setup, 0)); };
  const step = async (halves) => { setPlaying(false); const found = await reach((shown?.halves ?? 0) + halves); if (found) go("/theory", queryOf(setup, about.setup, found.halves), true); };
  const restart = () => { setPlaying(false); go("/theory", queryOf(setup, about.setup, 0), true); setMoment(null); reach(0); };
  const halves = shown?.halves ?? 0;
  const objective = about.objectives[setup.objective];
  const columns = shown ? { ...shown.history, images: shown.history.step ?? [] } : { images: [] };

  return html`<article class="theory">
    <div class="bar"><h2>The two players, on the plane</h2>
      <button class="play" onClick=${() => setPlaying(!playing)}>${playing ? "Pause" : "Play"}</button>
      <button onClick=${() => step(1)} title="First the discriminator moves, then the generator">Half a step</button>
      <button onClick=${() => step(2)}>One step</button>
      <button onClick=${restart}>From the beginning</button>
      <label>Speed <select value=${speed} onChange=${(event) => setSpeed(event.target.value)}>
        ${Object.entries(SPEEDS).map(([name, [, , text]]) => html`<option value=${name} selected=${name === speed}>${text}</option>`)}</select></label></div>
    <${Sentence} text=${mistake} />
    <div class="board">
      <aside><${Controls} about=${about} setup=${setup} change=${change} /></aside>
      <div>
        <div class="columns">
          <figure><${Plane} moment=${shown} probabilistic=${objective?.probabilistic} />
            <figcaption role="status">${told(shown, halves)}</figcaption></figure>
          <div>${PANELS.map((panel) => html`<${Chart} key=${panel.title} panel=${panel} columns=${columns} moment=${Math.floor(halves / 2)} clock="steps" />`)}
            ${objective && html`<h3>${setup.objective}</h3><p>${objective.meaning}</p><p class="hint">${objective.more}</p>
              <details open><summary>The lines of lienzo that play it</summary><pre>${objective.source}</pre></details>`}</div>
        </div>
        <h3>Try this</h3>
        <ul class="lessons">${LESSONS.map(([title, changes, text]) => html`<li key=${title}>
          <button onClick=${() => { setPlaying(false); go("/theory", queryOf({ ...about.setup, ...changes }, about.setup, 0)); }}>${title}</button> ${text}</li>`)}</ul>
      </div>
    </div>
  </article>`;
}

function told(shown, halves) {
  if (!shown) return "Beginning …";
  const who = halves % 2 ? ", and the discriminator has moved once more" : "";
  const parts = shown.modes > 1 ? `${shown.found} of ${shown.modes} modes found, ` : "";
  return `After ${counted(Math.floor(halves / 2), "step")}${who}: ${parts}${Math.round(100 * shown.near)} % of the generated points lie near the data.`;
}

function Controls({ about, setup, change }) {
  return Object.entries(about.setup).map(([key, usual]) => {
    const name = key.replaceAll("_", " ");
    const meaning = about.meanings[key];
    if (CHOICES[key]) {
      const known = about[CHOICES[key]];
      const names = Array.isArray(known) ? known : Object.keys(known);
      const note = key === "penalty" ? known[setup.penalty] : "";
      return html`<label class="field" key=${key} title=${meaning}><span>${name}</span>
        <select name=${key} value=${setup[key]} onChange=${(event) => change({ [key]: event.target.value })}>${names.map((each) => html`<option value=${each} selected=${each === setup[key]}>${each}</option>`)}</select>
        ${note && html`<small>${note}</small>`}</label>`;
    }
    if (key === "weight" && setup.penalty === "none") return null;
    return html`<label class="field" key=${key} title=${meaning}><span>${name}</span>
      <${Typed} name=${key} type="number" min="0" step=${STEPS[key] ?? 1} value=${setup[key]} onGive=${(given) => change({ [key]: given === "" ? usual : Number(given) })} />
      <small>${meaning}</small></label>`;
  });
}
