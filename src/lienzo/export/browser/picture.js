"use strict";

// The view of one picture: seed, truncation, label, directions.

const easel = {
  painted: null, // {place, picture}
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
    $("save-picture").addEventListener("click", () => this.painted && savePicture(this.painted));
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
    $("seed").value = Math.min(Math.max(0, seedOf($("seed")) + step), Number.MAX_SAFE_INTEGER);
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
      this.painted = { place, picture };
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
