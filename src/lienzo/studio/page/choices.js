// Choices about single pictures, kept in the browser for each collection, and the table that prepare --choices takes.
import { useEffect, useState } from "/page/vendor/htm-preact.js";

const key = (fingerprint) => `choices-${fingerprint}`;

function read(fingerprint) {
  try { return JSON.parse(localStorage.getItem(key(fingerprint))) ?? {}; } catch { return {}; }
}

/** Give [choices, choose]: source -> "drop" or "keep"; choosing the same again takes it back. Tabs share them. */
export function useChoices(fingerprint) {
  const [choices, setChoices] = useState(() => read(fingerprint));
  useEffect(() => {
    setChoices(read(fingerprint));
    const follow = (event) => { if (event.key === key(fingerprint)) setChoices(read(fingerprint)); };
    addEventListener("storage", follow);
    return () => removeEventListener("storage", follow);
  }, [fingerprint]);
  const choose = (source, choice) => {
    const now = { ...read(fingerprint) };
    if (choice === null || now[source] === choice) delete now[source]; else now[source] = choice;
    localStorage.setItem(key(fingerprint), JSON.stringify(now));
    setChoices(now);
  };
  const clear = () => { localStorage.removeItem(key(fingerprint)); setChoices({}); };
  return [choices, choose, clear];
}

/** The table: a row for each choice, by name. */
export function table(choices) {
  const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const rows = Object.keys(choices).sort().map((source) => `${quoted(source)},${choices[source]}`);
  return ["source,choice", ...rows, ""].join("\n");
}

export function save(choices) {
  const address = URL.createObjectURL(new Blob([table(choices)], { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = "choices.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
