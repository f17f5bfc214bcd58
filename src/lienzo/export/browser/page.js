"use strict";

// The page: its views, and how it begins. Pictures are painted by the worker (worker.js), files made by files.js.

const tabs = [...document.querySelectorAll("[role=tab]")];

function show(view) {
  for (const tab of tabs) {
    const chosen = tab.id === `tab-${view}`;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    $(tab.getAttribute("aria-controls")).hidden = !chosen;
  }
  if (view === "picture" && !easel.painted) easel.changed();
  if (view !== "walk") player.pause();
  else if (still.matches) player.paint();
  else player.play();
  scrollTo(0, 0);
}

for (const [i, tab] of tabs.entries()) {
  tab.addEventListener("click", () => show(tab.id.slice(4)));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || isShortcut(event)) return;
    const next = tabs[(i + step + tabs.length) % tabs.length];
    next.focus();
    show(next.id.slice(4));
  });
}

document.documentElement.style.setProperty("--shape", `${WIDTH} / ${HEIGHT}`);
document.documentElement.style.setProperty("--ratio", String(WIDTH / HEIGHT));
if (self !== top) document.body.classList.add("framed"); // the page around it has a heading
if (CHANNELS === 4) document.body.classList.add("transparent");
painter.open();
painter.opened.then(() => {
  wall.begin();
  easel.begin();
  player.begin();
  if (data.walk) player.replay(data.walk);
});
