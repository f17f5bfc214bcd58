"use strict";

// Labels and mixtures, and how a place is called.

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
  let exact = null; // the mixture as it was given, until a slider is moved: they stand at whole percents
  const shares = () => exact || row(sliders.map(({ input }) => Number(input.value)));
  const show = () => {
    mixture.hidden = select.value !== "mixture";
    shares().forEach((share, i) => (sliders[i].output.textContent = `${Math.round(100 * share)} %`));
  };
  const set = (y) => {
    const parts = y ? y.filter((part) => part > 0).length : 0;
    select.value = !y ? "drawn" : parts === 0 ? "none" : parts === 1 ? String(y.findIndex((part) => part > 0)) : "mixture";
    sliders.forEach(({ input }, i) => (input.value = y ? Math.round(100 * y[i]) : 0));
    exact = select.value === "mixture" ? y : null;
    show();
  };
  select.addEventListener("change", () => {
    if (select.value === "mixture" && !sliders.some(({ input }) => Number(input.value)))
      sliders.slice(0, 2).forEach(({ input }) => (input.value = 50));
    show();
    changed();
  });
  mixture.addEventListener("input", () => {
    exact = null;
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
