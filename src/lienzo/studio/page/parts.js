// Pieces that every view uses: requests, links, numbers as people read them.
import { html, useEffect, useState, useCallback } from "/page/vendor/htm-preact.js";

/** The answer of the server; one that is no success becomes an error with its sentence. */
export async function answered(address, options = {}) {
  let answer;
  try {
    answer = await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The studio does not answer: is lienzo studio still running?");
  }
  if (answer.ok) return answer;
  const text = await answer.text();
  let sentence = text;
  try { sentence = JSON.parse(text).error; } catch { /* plain text */ }
  throw new Error(sentence);
}

/** Ask the server for something that is JSON. */
export async function ask(path, query = {}, options = {}) {
  const address = path + (Object.keys(query).length ? "?" + new URLSearchParams(query) : "");
  return (await answered(address, options)).json();
}

/** Send what the page changed. */
export const send = (path, body) =>
  ask(path, {}, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

/** Ask now, and again every so many milliseconds; gives [answer, error, ask again]. */
export function useAnswer(path, query = {}, every = 0) {
  const [answer, setAnswer] = useState(null);
  const [error, setError] = useState(null);
  const key = path + JSON.stringify(query);
  const again = useCallback((signal) => ask(path, query, { signal })
    .then((found) => { setAnswer(found); setError(null); })
    .catch((reason) => { if (reason.name !== "AbortError") setError(reason.message); }), [key]);
  useEffect(() => {
    const stop = new AbortController();
    setAnswer(null);
    again(stop.signal);
    const timer = every ? setInterval(() => { if (!document.hidden) again(stop.signal); }, every) : 0;
    return () => { stop.abort(); clearInterval(timer); };
  }, [key, every]);
  return [answer, error, again];
}

/** An input that keeps what is being typed, however often its view is drawn meanwhile; `onGive` gets it when it is done. */
export function Typed({ value, onGive, ...rest }) {
  const [draft, setDraft] = useState(null);
  return html`<input ...${rest} value=${draft ?? value} onInput=${(event) => setDraft(event.target.value)}
    onChange=${(event) => { setDraft(null); onGive(event.target.value); }} onBlur=${() => setDraft(null)} />`;
}

/** Whether the page is seen. A browser opens six connections to a server: a page that nobody sees keeps none open. */
export function useVisible() {
  const [visible, setVisible] = useState(!document.hidden);
  useEffect(() => {
    const look = () => setVisible(!document.hidden);
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, []);
  return visible;
}

/** Go to another view, or to another state of this one (replace). */
export function go(path, query = {}, replace = false) {
  const wanted = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const address = path + (wanted.length ? "?" + new URLSearchParams(wanted) : "");
  history[replace ? "replaceState" : "pushState"](null, "", address);
  dispatchEvent(new PopStateEvent("popstate"));
}

export function Link({ to, query = {}, children, ...rest }) {
  const address = to + (Object.keys(query).length ? "?" + new URLSearchParams(query) : "");
  const follow = (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go(to, query);
    scrollTo(0, 0);
  };
  return html`<a href=${address} onClick=${follow} ...${rest}>${children}</a>`;
}

export const Sentence = ({ text, kind = "error" }) => text && html`<p class="sentence ${kind}" role="status">${text}</p>`;

export const count = (value) => (value === null || value === undefined ? "" : value.toLocaleString("en"));

export const counted = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

export function measure(value) {
  if (value === null || value === undefined) return "";
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e7)) return value.toExponential(2);
  return size >= 1000 ? Math.round(value).toLocaleString("en") : value.toPrecision(4).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
}

/** Pictures in a second: of a slow training less than one. */
export const pace = (speed) => `${speed < 10 ? measure(Number(speed.toPrecision(2))) : count(Math.round(speed))} pictures/s`;

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const bytes = (value) => {
  const power = Math.min(4, value ? Math.floor(Math.log10(value) / 3) : 0);
  return `${(value / 1000 ** power).toFixed(power > 2 ? 1 : 0)} ${["bytes", "kB", "MB", "GB", "TB"][power]}`;
};

/** A word of a command, as a shell reads it. */
export const shell = (word) => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** The address of a drawing of a run; `drawn` changes with the drawings, so that a browser may keep them. */
export const samplePath = ({ path, drawn }, images) => "/api/run/sample?" + new URLSearchParams({ run: path, images, drawn });
