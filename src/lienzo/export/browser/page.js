"use strict";

// The page: what is seen and what is asked for. Pictures are painted by the worker (worker.js), files made by files.js.
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

function say(text) {
  $("status").textContent = text;
}

function fail(text) {
  $("failure").textContent = text;
  $("failure").hidden = false;
}

// ---- The painter ----------------------------------------------------------------------------------------------------

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

// ---- Labels ---------------------------------------------------------------------------------------------------------

const vocabulary = data.about.vocabulary;
const names = vocabulary ? vocabulary.names : [];

/** Return the row of parts of labels, which it brings to a sum of 1. */
function row(parts) {
  const sum = parts.reduce((total, part) => total + part, 0);
  return parts.map((part) => (sum ? part / sum : 0));
}

/** Return the row of a label or a mixture as lienzo writes them, or null where there is no such label. */
function parsedLabel(text) {
  const parts = names.map((name) => (name === text ? 1 : 0));
  if (text === "" || names.includes(text)) return row(parts);
  const pattern = /\s*(.+?)\s*=\s*(\d+\.?\d*|\.\d+)\s*(?:,|$)/g;
  if (text.replace(pattern, "")) return null;
  for (const [, name, number] of text.matchAll(pattern)) {
    if (!names.includes(name)) return null;
    parts[names.indexOf(name)] = Number(number);
  }
  return parts.some((part) => part > 0) ? row(parts) : null;
}

/** Return how a row of labels is written. */
function writtenLabel(y) {
  const parts = names.map((name, i) => [name, y[i]]).filter(([, part]) => part > 0);
  if (parts.length === 1 && parts[0][1] === 1) return parts[0][0];
  return parts.map(([name, part]) => `${name}=${Number(part.toFixed(3))}`).join(",");
}

/** Fill a container with the choice of a label or a mixture; `value()` is a part of a place. */
function labelChoice(container, changed) {
  if (!vocabulary) {
    container.hidden = true;
    return { value: () => ({}), set() {} };
  }
  const options = [["drawn", "each seed's own"], ...names.map((name, i) => [String(i), name]), ["none", "no label"], ["mixture", "a mixture …"]];
  const select = element("select", {}, ...options.map(([value, text]) => element("option", { value }, text)));
  const sliders = names.map((name) => {
    const output = element("output", {}, "0 %");
    const input = element("input", { type: "range", min: 0, max: 100, step: 1, value: 0, "aria-label": name });
    return { input, output, line: element("label", { className: "field" }, element("span", { title: name }, name), element("span", { className: "slider" }, input, output)) };
  });
  const mixture = element("fieldset", { hidden: true }, element("legend", {}, "Mixture"), ...sliders.map(({ line }) => line));
  const shares = () => row(sliders.map(({ input }) => Number(input.value)));
  const show = () => {
    mixture.hidden = select.value !== "mixture";
    shares().forEach((share, i) => (sliders[i].output.textContent = `${Math.round(100 * share)} %`));
  };
  const set = (y) => {
    const parts = y ? y.filter((part) => part > 0).length : 0;
    select.value = !y ? "drawn" : parts === 0 ? "none" : parts === 1 ? String(y.findIndex((part) => part > 0)) : "mixture";
    sliders.forEach(({ input }, i) => (input.value = y ? Math.round(100 * y[i]) : 0));
    show();
  };
  select.addEventListener("change", () => {
    if (select.value === "mixture" && !sliders.some(({ input }) => Number(input.value)))
      sliders.slice(0, 2).forEach(({ input }) => (input.value = 50));
    show();
    changed();
  });
  mixture.addEventListener("input", () => {
    show();
    changed();
  });
  container.replaceChildren(element("label", { className: "field" }, vocabulary.kind === "folder" ? "Label" : vocabulary.kind[0].toUpperCase() + vocabulary.kind.slice(1), select), mixture);
  const value = () => {
    if (select.value === "drawn") return {};
    if (select.value === "none") return { y: names.map(() => 0) };
    if (select.value === "mixture") return { y: shares() };
    return { y: names.map((_, i) => (String(i) === select.value ? 1 : 0)) };
  };
  return { value, set };
}

/** Return what to call a place. */
function called(place) {
  const parts = [place.seed === undefined ? "latents" : `seed ${place.seed}`];
  const label = place.y ? writtenLabel(place.y) : place.drawn >= 0 ? names[place.drawn] : "";
  if (label) parts.push(label);
  if (place.truncation !== undefined && place.truncation !== 1) parts.push(`truncation ${place.truncation}`);
  (place.steps || []).forEach((distance, i) => distance && parts.push(`${data.directions.names[i]} ${distance}`));
  return parts.join(", ");
}

/** Return a slider's number; its value is shown beside it. */
function shown(input, digits) {
  input.parentElement.querySelector("output").textContent = Number(input.value).toFixed(digits);
  return Number(input.value);
}

function seedOf(input) {
  const seed = Math.floor(Number(input.value));
  return seed >= 0 && seed <= Number.MAX_SAFE_INTEGER ? seed : 0;
}

// ---- Kept pictures --------------------------------------------------------------------------------------------------

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

// ---- The gallery ----------------------------------------------------------------------------------------------------

const wall = {
  tiles: [],
  queue: new Set(),
  busy: false,

  begin() {
    this.labels = labelChoice($("gallery-labels"), () => this.restart());
    this.near = new IntersectionObserver((entries) => entries.forEach((entry) => this.moved(entry)), { rootMargin: "75% 0px" });
    this.end = new IntersectionObserver(([entry]) => entry.isIntersecting && this.more(), { rootMargin: "100% 0px" });
    $("gallery-seed").addEventListener("change", () => this.restart());
    $("gallery-truncation").addEventListener("input", () => this.restart());
    $("wall").addEventListener("keydown", (event) => this.pressed(event));
    this.restart();
  },

  restart() {
    const truncation = shown($("gallery-truncation"), 2);
    this.settings = { truncation, ...this.labels.value() };
    this.near.disconnect();
    this.queue.clear();
    this.tiles = [];
    $("wall").replaceChildren();
    this.more();
    this.end.disconnect();
    this.end.observe($("end"));
  },

  /** Hang more tiles at the end. */
  more() {
    const first = seedOf($("gallery-seed")) + this.tiles.length;
    for (let seed = first; seed < first + 48; seed++) {
      const place = { seed, ...this.settings };
      const canvas = element("canvas", { width: 0, height: 0 });
      const button = element("button", { className: "tile", tabIndex: this.tiles.length ? -1 : 0, "aria-pressed": String(isKept(place)), "aria-label": called(place) }, canvas);
      const open = element("button", { className: "open", tabIndex: -1, "aria-label": `Open seed ${seed}`, title: "open" }, "⤢");
      const item = element("li", {}, button, open);
      const tile = { place, canvas, button, item };
      button.addEventListener("click", () => toggleKept(place));
      button.addEventListener("focus", () => this.reached(tile));
      open.addEventListener("click", () => openPicture(place));
      item.tile = tile;
      this.tiles.push(tile);
      $("wall").append(item);
      this.near.observe(item);
    }
    this.end.unobserve($("end")); // observed anew, it says whether even more are needed
    this.end.observe($("end"));
  },

  /** Paint what comes near, and forget the pixels of what is far away. */
  moved({ target, isIntersecting }) {
    const { tile } = target;
    if (isIntersecting) {
      if (!tile.canvas.width) this.queue.add(tile);
      this.paint();
    } else {
      this.queue.delete(tile);
      Object.assign(tile.canvas, { width: 0, height: 0, className: "" });
    }
  },

  async paint() {
    if (this.busy || !this.queue.size) return;
    this.busy = true;
    const fast = painter.milliseconds === undefined ? 1 : Math.floor(60 / painter.milliseconds);
    const some = [...this.queue].slice(0, Math.max(1, Math.min(painter.batch, fast)));
    some.forEach((tile) => this.queue.delete(tile));
    try {
      const pictures = await painter.paint(some.map(({ place }) => place));
      pictures.forEach((picture, i) => {
        const { canvas, button, place } = some[i];
        draw(canvas, picture);
        canvas.className = "painted";
        button.setAttribute("aria-label", called({ ...place, drawn: picture.drawn }));
        button.title = button.getAttribute("aria-label");
      });
      this.busy = false;
      this.paint();
    } catch {
      this.busy = false; // the failure is shown
    }
  },

  /** One tile at a time can be reached by the tabulator: the one that had the focus last. */
  reached(tile) {
    for (const { button } of this.tiles) button.tabIndex = -1;
    tile.button.tabIndex = 0;
  },

  pressed(event) {
    const at = this.tiles.findIndex(({ item }) => item.contains(document.activeElement));
    if (at < 0) return;
    const top = this.tiles[0].item.offsetTop;
    const beside = this.tiles.findIndex(({ item }) => item.offsetTop !== top);
    const columns = beside < 0 ? this.tiles.length : beside;
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -at };
    if (event.key === "o") openPicture(this.tiles[at].place);
    else if (event.key in steps) {
      const next = this.tiles[at + steps[event.key]];
      if (next) next.button.focus();
    } else return;
    event.preventDefault();
  },
};

// ---- One picture ----------------------------------------------------------------------------------------------------

const easel = {
  picture: null,
  painting: false,
  again: false,

  begin() {
    this.labels = labelChoice($("picture-labels"), () => this.changed());
    const { directions } = data;
    this.steps = directions ? directions.names.map((name) => {
      const input = element("input", { type: "range", min: -4, max: 4, step: 0.1, value: 0, "aria-label": name });
      const line = element("span", { className: "slider" }, input, element("output", {}, "0.0"));
      $("directions").append(element("label", { className: "field" }, element("span", { title: name }, name), line));
      return input;
    }) : [];
    $("directions").hidden = !directions;
    for (const input of [$("seed"), $("truncation"), ...this.steps]) input.addEventListener("input", () => this.changed());
    $("before").addEventListener("click", () => this.move(-1));
    $("after").addEventListener("click", () => this.move(1));
    $("keep").addEventListener("click", () => toggleKept(this.place()));
    $("save-picture").addEventListener("click", () => this.picture && savePicture({ place: this.place(), picture: this.picture }));
    $("reset").addEventListener("click", () => this.open({ seed: seedOf($("seed")) }));
  },

  place() {
    const place = { seed: seedOf($("seed")), truncation: shown($("truncation"), 2), ...this.labels.value() };
    const steps = this.steps.map((input) => shown(input, 1));
    return steps.some(Boolean) ? { ...place, steps } : place;
  },

  open(place) {
    $("seed").value = place.seed || 0;
    $("truncation").value = place.truncation === undefined ? 1 : place.truncation;
    this.steps.forEach((input, i) => (input.value = place.steps ? place.steps[i] : 0));
    this.labels.set(place.y);
    this.changed();
  },

  move(step) {
    $("seed").value = Math.max(0, seedOf($("seed")) + step);
    this.changed();
  },

  /** Paint what the controls say; while one picture is painted, only the newest wish waits. */
  async changed() {
    if (this.painting) {
      this.again = true;
      return;
    }
    this.painting = true;
    do {
      this.again = false;
      const place = this.place();
      const [picture] = await painter.paint([place]).catch(() => []);
      if (!picture) break;
      this.picture = picture;
      draw($("picture-canvas"), picture);
      $("picture-canvas").setAttribute("aria-label", called({ ...place, drawn: picture.drawn }));
      $("keep").textContent = isKept(place) ? "Kept: let go" : "Keep";
    } while (this.again);
    this.painting = false;
  },
};

function openPicture(place) {
  show("picture");
  easel.open(place);
}

// ---- Walks ----------------------------------------------------------------------------------------------------------

const player = {
  path: null, // a path file, while one is replayed
  walks: [], // lists of places
  times: [],
  frame: 0,
  playing: false,
  asked: false,

  begin() {
    for (const id of ["curve", "seconds", "closed", "smooth"]) $(id).addEventListener("input", () => this.path || this.fromKept());
    $("time").addEventListener("input", () => {
      this.pause();
      this.goTo(Number($("time").value));
    });
    $("play").addEventListener("click", () => (this.playing ? this.pause() : this.play()));
    $("save-path").addEventListener("click", () => this.savePath());
    $("save-film").addEventListener("click", () => this.saveFilm());
    $("save-animation").addEventListener("click", () => this.saveAnimation());
    $("cancel").addEventListener("click", () => (this.cancelled = true));
    $("leave-path").addEventListener("click", () => this.leavePath());
    $("open-path").addEventListener("change", async ({ target }) => {
      if (target.files.length) this.replay(await target.files[0].text());
      target.value = "";
    });
    $("save-film").hidden = !filmKind();
    this.fromKept();
  },

  /** Walk through the kept pictures, or through some seeds until there are two. */
  fromKept() {
    const few = kept.length < 2;
    const places = few ? [0, 1, 2, 3].map((seed) => ({ seed })) : kept.map(({ place }) => place);
    const closed = $("closed").checked;
    const segments = places.length - (closed ? 0 : 1);
    const frames = Math.max(2, Math.round(segments * shown($("seconds"), 1) * PER_SECOND)) + (closed ? 0 : 1);
    const times = evenTimes(places.length, frames, $("smooth").checked ? "smooth" : "none", closed);
    $("walk-note").textContent = few ? "Keep two pictures or more in the gallery, and the walk goes through them. Until then it goes through seeds 0 to 3." : "";
    this.settle({ walks: [places], times: [times], curve: $("curve").value, closed, perSecond: PER_SECOND, columns: 1 });
    this.hang(few ? [] : kept);
  },

  settle(walk) {
    Object.assign(this, walk);
    this.frames = walk.times[0].length;
    painter.walk(walk.walks, walk.curve, walk.closed);
    $("time").max = this.frames - 1;
    this.goTo(Math.min(this.frame, this.frames - 1));
  },

  /** Show the keyframes, which can be put into another order. */
  hang(ones) {
    const swap = (i, j) => {
      [kept[i], kept[j]] = [kept[j], kept[i]];
      keptChanged();
      const moved = $("keyframes").children[j];
      const button = moved.querySelector(i > j ? ".earlier" : ".later");
      (button.disabled ? moved.querySelector("button:not(:disabled)") : button).focus();
    };
    $("keyframes").hidden = !ones.length;
    $("keyframes").replaceChildren(...ones.map(({ place, picture }, i) => {
      const canvas = element("canvas", { role: "img", "aria-label": called(place) });
      draw(canvas, picture);
      const earlier = element("button", { className: "earlier", "aria-label": `Move ${called(place)} forward`, disabled: i === 0 }, "‹");
      const later = element("button", { className: "later", "aria-label": `Move ${called(place)} back`, disabled: i === ones.length - 1 }, "›");
      earlier.addEventListener("click", () => swap(i, i - 1));
      later.addEventListener("click", () => swap(i, i + 1));
      return element("li", {}, element("div", { className: "thumb" }, canvas), element("div", { className: "move" }, earlier, later));
    }));
  },

  places(frame) {
    return this.times.map((times, walk) => ({ walk, time: times[frame] }));
  },

  shownFrame(pictures) {
    return pictures.length === 1 ? pictures[0] : grid(pictures, this.columns);
  },

  goTo(frame) {
    this.frame = frame;
    $("time").value = frame;
    $("time").setAttribute("aria-valuetext", `frame ${frame + 1} of ${this.frames}`);
    $("frame").textContent = `${frame + 1} / ${this.frames}`;
    return this.paint();
  },

  /** Paint the frame; while one is painted, only the newest wish waits. */
  async paint() {
    if (this.asked || $("walk").hidden || this.saving) return;
    this.asked = true;
    for (let painted = null; painted !== this.wish(); ) {
      painted = this.wish();
      const pictures = await painter.paint(this.places(this.frame)).catch(() => null);
      if (!pictures) break;
      draw($("walk-canvas"), this.shownFrame(pictures));
      $("walk-canvas").dataset.frame = this.frame;
    }
    this.asked = false;
  },

  wish() {
    return JSON.stringify([this.frame, this.walks, this.curve, this.closed]);
  },

  play() {
    this.playing = true;
    $("play").setAttribute("aria-pressed", "true");
    $("play").setAttribute("aria-label", "Pause");
    let [start, from] = [performance.now(), this.frame];
    const next = async () => {
      if (!this.playing) return;
      const frame = (from + Math.floor(((performance.now() - start) / 1000) * this.perSecond)) % this.frames;
      if (frame !== this.frame) await this.goTo(frame);
      requestAnimationFrame(next);
    };
    if (this.frame >= this.frames - 1) from = 0;
    requestAnimationFrame(next);
  },

  pause() {
    this.playing = false;
    $("play").setAttribute("aria-pressed", "false");
    $("play").setAttribute("aria-label", "Play");
  },

  /** Return all frames, or nothing where the user cancelled. */
  async all() {
    this.pause();
    this.cancelled = false;
    this.saving = true;
    $("working").hidden = false;
    const frames = [];
    for (let i = 0; i < this.frames && !this.cancelled; i++) {
      frames.push(this.shownFrame(await painter.paint(this.places(i))));
      $("progress").value = (i + 1) / this.frames;
    }
    return this.cancelled ? null : frames;
  },

  async saveAs(make, name) {
    if (this.saving) return;
    try {
      const frames = await this.all();
      if (!frames) say("cancelled");
      else {
        save(await make(frames), name);
        say(`${name} saved`);
      }
    } finally {
      this.saving = false;
      $("working").hidden = true;
      this.paint();
    }
  },

  saveFilm() {
    const larger = Math.max(1, Math.floor(512 / Math.max(WIDTH, HEIGHT)));
    const small = element("canvas");
    const canvas = $("walk-canvas");
    const ending = filmKind().includes("webm") ? "webm" : "mp4";
    return this.saveAs(async (frames) => {
      Object.assign(canvas, { width: larger * frames[0].width, height: larger * frames[0].height });
      const show = (frame, i) => {
        draw(small, frame);
        canvas.getContext("2d").drawImage(small, 0, 0, canvas.width, canvas.height);
        $("frame").textContent = `${i + 1} / ${this.frames}`;
      };
      return film(canvas, frames, this.perSecond, show);
    }, `walk.${ending}`);
  },

  saveAnimation() {
    const about = { Software: "lienzo", generator: data.fingerprint };
    return this.saveAs((frames) => animatedPng(frames, CHANNELS, this.perSecond, about), "walk.png");
  },

  /** Save the walk as a path file, which lienzo.explore.walk replays too. */
  async savePath() {
    const walks = await Promise.all(this.walks.map(async (places, i) => {
      const painted = await painter.paint(places);
      return { keyframes: places.map((place, k) => keyframe(place, painted[k])), times: this.times[i] };
    }));
    const path = {
      generator: data.fingerprint, latents: data.about.network.latents, walks, columns: this.columns, curve: this.curve,
      closed: this.closed, frames_per_second: this.perSecond, format: "lienzo path", version: 1,
    };
    save(new Blob([JSON.stringify(path), "\n"], { type: "application/json" }), "walk.json");
    say("walk.json saved");
  },

  replay(text) {
    let path = null;
    try {
      path = checkedPath(JSON.parse(text));
    } catch (error) {
      $("walk-note").textContent = `This file cannot be replayed: ${error instanceof SyntaxError ? "it is no JSON" : error.message}.`;
      say($("walk-note").textContent);
      return;
    }
    this.path = path;
    this.frame = 0;
    $("leave-path").hidden = false;
    for (const id of ["curve", "seconds", "closed", "smooth"]) $(id).disabled = true;
    const count = path.walks.length;
    $("walk-note").textContent = `The path of a file: ${count === 1 ? "one walk" : `${count} walks`} of ${path.walks[0].times.length} frames, ${path.curve.replace("-", " ")}.`;
    this.hang([]);
    this.settle({
      walks: path.walks.map(({ places }) => places), times: path.walks.map(({ times }) => times), curve: path.curve,
      closed: path.closed, perSecond: path.frames_per_second, columns: path.columns,
    });
  },

  leavePath() {
    this.path = null;
    $("leave-path").hidden = true;
    for (const id of ["curve", "seconds", "closed", "smooth"]) $(id).disabled = false;
    this.fromKept();
  },
};

/** Return a place as a keyframe of a path. */
function keyframe(place, { z, y }) {
  const plain = place.seed !== undefined && (place.truncation === undefined || place.truncation === 1) && !place.steps;
  const labelled = place.y || (!plain && names.length) ? { y: [...y] } : {};
  return plain ? { seed: place.seed, ...labelled } : { z: [...z], ...labelled };
}

/** Return what a path file says, with places for keyframes; it is data of any origin. */
function checkedPath(path) {
  const check = (holds, text) => {
    if (!holds) throw new Error(text);
  };
  const list = (value, most) => Array.isArray(value) && value.length > 0 && value.length <= most;
  const numbers = (value, length) => list(value, length) && value.length === length && value.every(Number.isFinite);
  check(path && path.format === "lienzo path" && path.version === 1, "it is no path that this page knows");
  check(path.generator === data.fingerprint, "it is the path of another generator");
  check(path.latents === data.about.network.latents && list(path.walks, 400), "it is damaged");
  const { curve = "great-circles", closed = false, columns = 1, frames_per_second = 30 } = path;
  check(Object.hasOwn(CURVES, curve) && typeof closed === "boolean", "it is damaged");
  check(Number.isInteger(columns) && columns > 0 && columns <= 400 && frames_per_second > 0 && frames_per_second <= 1000, "it is damaged");
  const walks = path.walks.map((walk) => {
    check(walk && list(walk.keyframes, 10000) && list(walk.times, 100000), "it is damaged");
    check(walk.times.every((time) => Number.isFinite(time) && time >= 0) && walk.times.length === path.walks[0].times.length, "it is damaged");
    return { times: walk.times, places: walk.keyframes.map((one) => placeOf(one, check, numbers)) };
  });
  return { walks, curve, closed, columns: Math.min(columns, walks.length), frames_per_second };
}

function placeOf(one, check, numbers) {
  check(one && (one.seed === undefined || one.seed === null) !== (one.z === undefined || one.z === null), "it is damaged");
  const place = {};
  if (one.z) {
    check(numbers(one.z, data.about.network.latents), "it is damaged");
    place.z = one.z;
  } else {
    check(Number.isSafeInteger(one.seed) && one.seed >= 0, "it has a seed that this page cannot hold");
    place.seed = one.seed;
  }
  if (typeof one.label === "string") {
    place.y = parsedLabel(one.label);
    check(names.length && place.y, "it has a label that the generator does not know");
  }
  if (one.y) {
    check(numbers(one.y, names.length), "it is damaged");
    place.y = one.y;
  }
  return place;
}

// ---- Views ----------------------------------------------------------------------------------------------------------

const tabs = [...document.querySelectorAll("[role=tab]")];

function show(view) {
  for (const tab of tabs) {
    const chosen = tab.id === `tab-${view}`;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    $(tab.getAttribute("aria-controls")).hidden = !chosen;
  }
  if (view === "picture" && !easel.picture) easel.changed();
  if (view !== "walk") player.pause();
  else if (still.matches) player.paint();
  else player.play();
  scrollTo(0, 0);
}

for (const [i, tab] of tabs.entries()) {
  tab.addEventListener("click", () => show(tab.id.slice(4)));
  tab.addEventListener("keydown", ({ key }) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (!step) return;
    const next = tabs[(i + step + tabs.length) % tabs.length];
    next.focus();
    show(next.id.slice(4));
  });
}

document.documentElement.style.setProperty("--shape", `${WIDTH} / ${HEIGHT}`);
document.documentElement.style.setProperty("--ratio", String(WIDTH / HEIGHT));
if (CHANNELS === 4) document.body.classList.add("transparent");
painter.open();
painter.opened.then(() => {
  wall.begin();
  easel.begin();
  player.begin();
  if (data.walk) player.replay(data.walk);
});
