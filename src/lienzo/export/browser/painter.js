"use strict";

// The page's ground: its data, its elements, and the painter, which is the worker seen from the page.
//
// A place is what a picture is painted from (see worker.js). Text that comes from files is only ever set as text.

const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const [HEIGHT, WIDTH, CHANNELS] = data.about.shape;
const PER_SECOND = 30; // frames of a walk
const GAP = 2; // pixels between the pictures of a grid, as in lienzo's own
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** Return an element with properties and children. */
function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties))
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Say whether a key was pressed for the browser or the system. */
function isShortcut({ ctrlKey, altKey, metaKey }) {
  return ctrlKey || altKey || metaKey;
}

function say(text) {
  $("status").textContent = text;
}

function fail(text) {
  $("failure").textContent = text;
  $("failure").hidden = false;
}

const painter = {
  waiting: new Map(),
  number: 0,
  batch: 1,

  open() {
    const source = new Blob([$("worker").textContent], { type: "text/javascript" });
    this.worker = new Worker(URL.createObjectURL(source));
    this.worker.onmessage = ({ data: answer }) => this.answered(answer);
    this.worker.onerror = (error) => fail(`The painter stopped: ${error.message || "this browser lets no page work beside itself"}.`);
    const text = (id) => $(id).textContent.trim();
    const vectors = data.directions && data.directions.vectors;
    const open = { about: data.about, directions: vectors, numbers: text("numbers"), weights: text("weights"), wasm: text("wasm") };
    this.opened = new Promise((resolve) => (this.ready = resolve));
    this.worker.postMessage({ open });
    $("weights").remove(); // the worker has it now
  },

  answered(answer) {
    if (answer.opened) {
      this.batch = answer.opened.batch;
      this.ready(answer.opened);
      return;
    }
    const number = answer.failed === undefined ? answer.painted.number : answer.number;
    const { resolve, reject } = this.waiting.get(number) || {};
    this.waiting.delete(number);
    if (answer.failed !== undefined) {
      fail(`No picture could be painted: ${answer.failed}.`);
      if (reject) reject(new Error(answer.failed));
      return;
    }
    const { pictures, places, milliseconds } = answer.painted;
    this.milliseconds = milliseconds / pictures.length;
    resolve(pictures.map((buffer, i) => ({
      pixels: new Uint8ClampedArray(buffer), width: WIDTH, height: HEIGHT, ...places[i],
    })));
  },

  /** Return the pictures of places: {pixels, width, height, z, y, drawn} each. */
  paint(places) {
    const number = this.number++;
    this.worker.postMessage({ paint: { number, places } });
    return new Promise((resolve, reject) => this.waiting.set(number, { resolve, reject }));
  },

  walk(walks, curve, closed) {
    this.worker.postMessage({ walk: { walks, curve, closed } });
  },
};

/** Draw a picture on a canvas, which takes its size. */
function draw(canvas, picture) {
  if (canvas.width !== picture.width || canvas.height !== picture.height) Object.assign(canvas, { width: picture.width, height: picture.height });
  canvas.getContext("2d").putImageData(new ImageData(picture.pixels, picture.width, picture.height), 0, 0);
}

/** Return pictures side by side, with white between them. */
function grid(pictures, columns) {
  const [width, height] = [columns * (WIDTH + GAP) + GAP, Math.ceil(pictures.length / columns) * (HEIGHT + GAP) + GAP];
  const pixels = new Uint8ClampedArray(4 * width * height).fill(255);
  pictures.forEach((picture, i) => {
    const [top, left] = [GAP + Math.floor(i / columns) * (HEIGHT + GAP), GAP + (i % columns) * (WIDTH + GAP)];
    for (let y = 0; y < HEIGHT; y++)
      pixels.set(picture.pixels.subarray(4 * y * WIDTH, 4 * (y + 1) * WIDTH), 4 * ((top + y) * width + left));
  });
  return { pixels, width, height };
}
