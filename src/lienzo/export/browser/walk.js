"use strict";

// The view of walks: through the kept pictures, or along the path of a file.

const player = {
  path: null, // a path file, while one is replayed
  walks: [], // lists of places
  times: [],
  frame: 0,
  playing: false,
  asked: false,
  saving: false,
  waiting: null, // what settle() is given while a walk is saved

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

  /** Begin a walk; while one is saved, the newest waits until that is done. */
  settle(walk) {
    this.waiting = this.saving ? walk : null;
    if (this.saving) return;
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
      const made = frames && (await make(frames));
      if (this.cancelled) say("cancelled");
      else {
        save(made, name);
        say(`${name} saved`);
      }
    } finally {
      this.saving = false;
      $("working").hidden = true;
      if (this.waiting) this.settle(this.waiting);
      else this.paint();
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
        const context = canvas.getContext("2d");
        context.clearRect(0, 0, canvas.width, canvas.height);
        context.drawImage(small, 0, 0, canvas.width, canvas.height);
        $("frame").textContent = `${i + 1} / ${this.frames}`;
      };
      return film(canvas, frames, this.perSecond, show, () => this.cancelled);
    }, `walk.${ending}`);
  },

  saveAnimation() {
    const about = { Software: "lienzo", generator: data.fingerprint };
    return this.saveAs((frames) => animatedPng(frames, CHANNELS, this.perSecond, about, () => this.cancelled), "walk.png");
  },

  /** Save the walk as a path file, which lienzo.explore.walk replays too. */
  async savePath() {
    const { times, columns, curve, closed, perSecond } = this; // which may change while the keyframes are painted
    const walks = await Promise.all(this.walks.map(async (places, i) => {
      const painted = await painter.paint(places);
      return { keyframes: places.map((place, k) => keyframe(place, painted[k])), times: times[i] };
    }));
    const path = {
      generator: data.fingerprint, latents: data.about.network.latents, walks, columns, curve, closed,
      frames_per_second: perSecond, format: "lienzo path", version: 1,
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
