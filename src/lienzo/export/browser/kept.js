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

/** Return what was done to a place's latents, as `lienzo generate` writes it. */
function doneTo(place) {
  const done = {};
  if (place.truncation !== undefined && place.truncation !== 1) done.truncation = String(place.truncation);
  const steps = (place.steps || []).map((distance, i) => distance && `${data.directions.names[i]}=${distance}`).filter(Boolean);
  if (steps.length) done.along = steps.join(", ");
  return done;
}

/** Return a text as a part of a file's name: with %xx for what names may not hold, and cut where it is long. */
function partOfName(text) {
  const bytes = (character) => [...new TextEncoder().encode(character)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
  const written = text.replace(/[^\p{L}\p{N}_ .,=-]/gu, bytes);
  if (new TextEncoder().encode(written).length <= 100) return written && `-${written}`;
  let hash = 2166136261; // FNV-1a, which tells long names apart
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 16777619) >>> 0;
  return `-${[...written].slice(0, 25).join("")}~${hash.toString(16).padStart(8, "0")}`;
}

const labelOf = ({ picture }) => (names.length ? writtenLabel([...picture.y]) : "");

/** Return the name of a picture's file: its seed, its label, and what was done to its latents. */
function fileName(one) {
  const done = Object.entries(doneTo(one.place)).map(([key, value]) => `${key}=${value}`).join(", ");
  const begin = one.place.seed === undefined ? "picture" : `seed-${String(one.place.seed).padStart(6, "0")}`;
  return `${begin}${partOfName(labelOf(one))}${partOfName(done)}.png`;
}

const metadata = (pictures) => {
  const about = { Software: "lienzo", seeds: pictures.map(({ place }) => place.seed).filter((seed) => seed !== undefined).join(","), generator: data.fingerprint };
  const labels = pictures.map(labelOf);
  if (labels.some(Boolean)) about.labels = labels.join("; ");
  for (const key of ["truncation", "along"]) {
    const values = pictures.map(({ place }) => doneTo(place)[key] || "");
    if (values.some(Boolean)) about[key] = new Set(values).size === 1 ? values[0] : values.join("; ");
  }
  return about;
};

async function savePicture(one) {
  save(await png(one.picture, CHANNELS, metadata([one])), fileName(one));
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
