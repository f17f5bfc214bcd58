"use strict";

// The gallery: a wall of seeds that goes on.

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
    const last = Math.min(first + 47, Number.MAX_SAFE_INTEGER);
    for (let seed = first; seed <= last; seed++) {
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
    if (last < Number.MAX_SAFE_INTEGER) this.end.observe($("end"));
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
    if (at < 0 || isShortcut(event)) return;
    const top = this.tiles[0].item.offsetTop;
    const beside = this.tiles.findIndex(({ item }) => item.offsetTop !== top);
    const columns = beside < 0 ? this.tiles.length : beside;
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -at };
    if (event.key.toLowerCase() === "o") openPicture(this.tiles[at].place);
    else if (event.key in steps) {
      const next = this.tiles[at + steps[event.key]];
      if (next) next.button.focus();
    } else return;
    event.preventDefault();
  },
};
