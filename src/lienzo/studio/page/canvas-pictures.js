// Pictures of the canvas: what a picture is, and how it comes from the server. The newest wish of each kind wins.
import { answered, ask } from "/page/parts.js";

const page = crypto.getRandomValues(new Uint32Array(2)).join("-"); // randomUUID would need a secure connection

/** The bytes of an answer to a wish; null if a newer wish of the same purpose replaced it. */
export async function wish(purpose, path, body, type = "application/json", signal = undefined) {
  const answer = await answered(path, { method: "POST", body, signal, headers: { "content-type": type, "x-page": `${page}-${purpose}` } });
  return answer.status === 204 ? null : answer.blob();
}

/** Pictures as one bitmap, row by row; null if a newer wish came. */
export async function painted(purpose, run, pictures, columns, signal) {
  const blob = await wish(purpose, "/api/canvas/wish", JSON.stringify({ kind: "paint", run, pictures, columns }), "application/json", signal);
  return blob && createImageBitmap(blob);
}

export const about = (run) => ask("/api/canvas", { run });

const written = (numbers) => btoa(String.fromCharCode(...new Uint8Array(Float32Array.from(numbers).buffer))).replaceAll("+", "-").replaceAll("/", "_");
const read = (text) => [...new Float32Array(Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0)).buffer)];

/** A place as text for the address and for people, and back: 7, or z:base64 with the label's row as :base64, or 0.5*7~0.5*8, or 0.5*(0.5*7~0.5*8)~0.5*9. */
export function placeText(place) {
  if (place.seed !== undefined) return String(place.seed);
  if (place.z) return "z:" + [place.z, ...(place.y ? [place.y] : [])].map(written).join(":");
  return place.mixture.map(([weight, part]) => `${Number(weight.toFixed(4))}*${part.mixture ? `(${placeText(part)})` : placeText(part)}`).join("~");
}

export function placeOf(text) {
  if (/^\d{1,15}$/.test(text)) return { seed: Number(text) };
  if (text.startsWith("z:")) {
    try {
      const [z, y] = text.slice(2).split(":").map(read);
      return y ? { z, y } : { z };
    } catch { return null; }
  }
  const parts = cut(text).map((part) => {
    const [, weight, rest] = /^(-?[\d.]+)\*(.+)$/.exec(part) ?? [];
    const inner = /^\((.+)\)$/.exec(rest ?? "")?.[1];
    const place = inner ? placeOf(inner) : rest && !rest.includes("*") ? placeOf(rest) : null;
    return place && Number.isFinite(Number(weight)) ? [Number(weight), place] : null;
  });
  return parts.length && parts.every(Boolean) ? { mixture: parts } : null;
}

/** The parts of a mixture's text, which ~ separates outside of brackets. */
function cut(text) {
  const parts = [""];
  let depth = 0;
  for (const letter of text) {
    depth += (letter === "(") - (letter === ")");
    if (letter === "~" && depth === 0) parts.push("");
    else parts[parts.length - 1] += letter;
  }
  return parts;
}

/** What people call a place. */
export const placeName = (place) => place.seed !== undefined ? `seed ${place.seed}` : place.z ? "a picture of yours"
  : place.mixture.map(([weight, part]) => `${weight < 0 ? "−" : "+"} ${Math.abs(weight) === 1 ? "" : Math.abs(weight).toFixed(2) + " "}${placeName(part)}`).join(" ").replace(/^\+ /, "");

/** Save the bytes of an answer under a name. */
export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
