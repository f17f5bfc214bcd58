"use strict";

// Kept pictures: the tray below every view, and the files that are made of it.

let kept = []; // {place, key, picture}
const keyOf = (place) => JSON.stringify([place.seed, place.z, place.y, place.truncation, place.steps]);
const isKept = (place) => kept.some(({ key }) => key === keyOf(place));

async function toggleKept(place) {
  const key = keyOf(place);
  if (isKept(place)) kept = kept.filter((one) => one.key !== key);
  else {
    const [picture] = await painter.paint([place]);
    if (!isKept(place)) kept.push({ place: { ...place, drawn: picture.drawn }, key, picture });
  }
  say(`${called(place)} ${isKept(place) ? "kept" : "no longer kept"}; ${kept.length} kept`);
  keptChanged();
}

function keptChanged() {
  $("tray").hidden = !kept.length;
  $("kept").replaceChildren(...kept.map(({ place, picture }) => {
    const canvas = element("canvas");
    draw(canvas, picture);
    const button = element("button", { className: "thumb", "aria-label": `Open ${called(place)}`, title: called(place) }, canvas);
    button.addEventListener("click", () => openPicture(place));
    return element("li", {}, button);
  }));
  for (const tile of wall.tiles) tile.button.setAttribute("aria-pressed", String(isKept(tile.place)));
  $("keep").textContent = isKept(easel.place()) ? "Kept: let go" : "Keep";
  if (!player.path) player.fromKept();
}

const metadata = (pictures) => {
  const about = { Software: "lienzo", seeds: pictures.map(({ place }) => place.seed).filter((seed) => seed !== undefined).join(","), generator: data.fingerprint };
  const labels = pictures.map(({ place, picture }) => (names.length ? writtenLabel([...picture.y]) : ""));
  if (labels.some(Boolean)) about.labels = labels.join("; ");
  const changes = pictures.map(({ place }) => called({ ...place, y: undefined, drawn: -1 })).filter((text) => text.includes(","));
  if (changes.length) about.changed = changes.join("; ");
  return about;
};

async function savePicture(one) {
  const name = one.place.seed === undefined ? "picture" : `seed-${String(one.place.seed).padStart(6, "0")}`;
  save(await png(one.picture, CHANNELS, metadata([one])), `${name}.png`);
  say(`${called(one.place)} saved`);
}

$("save-kept").addEventListener("click", async () => {
  if (kept.length === 1) return savePicture(kept[0]);
  const columns = Math.ceil(Math.sqrt((kept.length * HEIGHT) / WIDTH));
  save(await png(grid(kept.map(({ picture }) => picture), columns), CHANNELS, metadata(kept)), "kept.png");
  say(`${kept.length} pictures saved`);
});
$("clear-kept").addEventListener("click", () => {
  kept = [];
  say("nothing is kept");
  keptChanged();
});
$("walk-kept").addEventListener("click", () => {
  player.leavePath();
  show("walk");
});
