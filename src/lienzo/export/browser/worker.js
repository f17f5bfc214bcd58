"use strict";

// Paints beside the page, so that the page stays fluid. It is sent
//   {open: {...}}                                what the page carries; it answers {opened: {...}} or {failed: text}
//   {walk: {walks, curve, closed}}               walks as lists of places, whose frames are places {walk: 0, time} and so on
//   {paint: {number, places}}                    it answers {painted: {number, pictures, places}} or {failed, number}
//
// A place is what a picture is painted from: a seed or latents, with a label or a row of labels, a truncation, and steps
// along directions. What was painted comes back as pixels, with latents `z`, labels `y` and the label's number `drawn`.

let network = null;
let about = null;
let directions = null;
let walks = [];

/** Return latents and labels of a place. */
function placed(place) {
  if (place.walk !== undefined) {
    const { points, rows, curve, closed } = walks[place.walk];
    return { z: pointAt(points, place.time, curve, closed), y: mixedAt(rows, place.time, closed), drawn: -1 };
  }
  const { vocabulary } = about;
  const z = place.z ? Float32Array.from(place.z) : latents(about.network.latents, place.seed);
  const psi = place.truncation === undefined ? 1 : place.truncation;
  if (psi !== 1) z.forEach((value, i) => (z[i] = value * Math.fround(psi)));
  (place.steps || []).forEach((distance, k) => {
    if (distance) for (let i = 0; i < z.length; i++) z[i] += Math.fround(distance) * directions[k * z.length + i];
  });
  let drawn = -1;
  let y = new Float32Array(about.network.classes);
  if (place.y) y = Float32Array.from(place.y);
  else if (vocabulary && place.seed !== undefined) {
    drawn = drawnLabel(vocabulary.counts, vocabulary.unlabelled, place.seed);
    if (drawn >= 0) y[drawn] = 1;
  }
  return { z, y, drawn };
}

function painted(places) {
  const found = places.map(placed);
  const z = new Float32Array(found.length * about.network.latents);
  const y = new Float32Array(found.length * about.network.classes);
  found.forEach((place, i) => {
    z.set(place.z, i * about.network.latents);
    y.set(place.y, i * about.network.classes);
  });
  const pictures = network.paint(z, y, found.length).map((pixels) => pixels.buffer);
  return { pictures, places: found };
}

const TASKS = {
  open(given) {
    about = given.about;
    directions = given.directions && new Float32Array(decoded(given.directions).buffer);
    const started = performance.now();
    let wasm = null;
    if (given.wasm && typeof WebAssembly === "object") {
      const bytes = decoded(given.wasm);
      if (WebAssembly.validate(bytes)) wasm = bytes; // it is not valid where there is no SIMD
    }
    const description = { ...about.network, shape: about.shape };
    network = new Network(description, decoded(given.numbers), decoded(given.weights), wasm);
    return { opened: { by: wasm ? "WebAssembly" : "JavaScript", batch: network.batch, milliseconds: performance.now() - started } };
  },
  walk({ walks: several, curve, closed }) {
    walks = several.map((keyframes) => {
      const places = keyframes.map(placed);
      return { points: places.map(({ z }) => z), rows: places.map(({ y }) => y), curve, closed };
    });
    return null;
  },
  paint({ number, places }) {
    const started = performance.now();
    return { painted: { number, ...painted(places), milliseconds: performance.now() - started } };
  },
};

self.onmessage = ({ data }) => {
  const [task] = Object.keys(data);
  try {
    const answer = TASKS[task](data[task]);
    if (answer) self.postMessage(answer, answer.painted ? answer.painted.pictures : []);
  } catch (error) {
    self.postMessage({ failed: String(error.message || error), number: data[task].number });
  }
};
