// The studio's page: which view an address shows, and the frame around it.
import { html, render, useEffect, useState } from "/page/vendor/htm-preact.js";
import { Link, useAnswer, bytes } from "/page/parts.js";
import { Runs } from "/page/views/runs.js";
import { Train } from "/page/views/train.js";
import { Run } from "/page/views/run.js";
import { Compare } from "/page/views/compare.js";
import { Canvas } from "/page/views/canvas.js";
import { Scores } from "/page/views/scores.js";
import { Theory } from "/page/views/theory.js";
import { Collections } from "/page/views/collections.js";
import { Collection } from "/page/views/collection.js";

// The first word of an address, its view, and the name in the navigation (none: reached from another view).
const VIEWS = {
  runs: [Runs, "Runs"],
  run: [Run, ""],
  train: [Train, "Train"],
  compare: [Compare, "Compare"],
  canvas: [Canvas, "Canvas"],
  scores: [Scores, "Scores"],
  collections: [Collections, "Collections"],
  collection: [Collection, ""],
  theory: [Theory, "Theory"],
};

function Machine() {
  const [machine] = useAnswer("/api/machine", {}, 5000);
  if (!machine) return null;
  const share = (part) => `${Math.round((100 * part.used) / part.total)} %`;
  return html`<p class="machine" title=${machine.root}>
    <span>processor ${Math.round(100 * machine.processor)} %</span>
    <span>memory ${share(machine.memory)}</span>
    <span>${bytes(machine.disk.total - machine.disk.used)} free</span>
    ${machine.read_only && html`<span class="badge">read only</span>`}
  </p>`;
}

function Studio() {
  const [, again] = useState(0);
  useEffect(() => {
    const follow = () => again((number) => number + 1);
    addEventListener("popstate", follow);
    return () => removeEventListener("popstate", follow);
  }, []);
  const name = location.pathname.split("/")[1] || "runs";
  const query = Object.fromEntries(new URLSearchParams(location.search));
  const title = [query.run ?? query.collection, VIEWS[name]?.[1], "lienzo studio"].filter(Boolean).join(" · ");
  useEffect(() => { document.title = title; }, [title]);
  const [View] = VIEWS[name] ?? [() => html`<p class="sentence error">There is no view at this address. <${Link} to="/runs">To the runs</${Link}></p>`];
  return html`
    <a class="skip" href="#main">To the content</a>
    <header>
      <h1><${Link} to="/runs">lienzo <em>studio</em></${Link}></h1>
      <nav aria-label="Views">
        ${Object.entries(VIEWS).filter(([, [, title]]) => title).map(([view, [, title]]) => html`
          <${Link} to=${"/" + view} key=${view} aria-current=${view === name ? "page" : null}>${title}</${Link}>`)}
      </nav>
      <${Machine} />
    </header>
    <main id="main" tabindex="-1"><${View} query=${query} key=${name + (query.run ?? query.collection ?? "")} /></main>`;
}

render(html`<${Studio} />`, document.getElementById("studio"));
