// Start a training: a form made of the recipe's own keys; the command it stands for is always shown.
import { html, useEffect, useState } from "/page/vendor/htm-preact.js";
import { Sentence, go, send, useAnswer } from "/page/parts.js";

const FIRST = ["images", "epochs", "batch", "seed", "evaluate_every", "labels", "on_trouble", "precision"];

export function Train({ query }) {
  const [forms, error] = useAnswer("/api/train/forms");
  const [collection, setCollection] = useState(query.collection ?? "");
  const [recipe, setRecipe] = useState("fast");
  const [name, setName] = useState("");
  const [changed, setChanged] = useState({});
  const [command, setCommand] = useState("");
  const [mistake, setMistake] = useState("");
  const [busy, setBusy] = useState(false);
  const chosen = collection || forms?.collections[0] || "";
  const form = forms?.recipes.find((one) => one.name === recipe);
  const usual = chosen ? `${chosen.split("/").at(-1)}-${recipe}` : "";
  const body = { collection: chosen, recipe, name: name || usual,
    settings: Object.entries(changed).filter(([key, value]) => value !== "" && form?.keys.some((one) => one.key === key && one.value !== value)).map(([key, value]) => `${key}=${value}`) };
  const wanted = JSON.stringify(body);
  useEffect(() => {
    if (!form || !chosen) return undefined;
    const timer = setTimeout(() => send("/api/train/command", body).then((answer) => { setCommand(answer.command); setMistake(""); },
      (reason) => { setCommand(""); setMistake(reason.message); }), 250);
    return () => clearTimeout(timer);
  }, [wanted, form === undefined]);
  const begin = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const { run } = await send("/api/train/start", body);
      go("/run", { run });
    } catch (reason) { setMistake(reason.message); }
    setBusy(false);
  };
  if (error) return html`<${Sentence} text=${error} />`;
  if (!forms) return html`<p class="hint" aria-busy="true">Reading the recipes …</p>`;
  if (!forms.collections.length) return html`<p class="sentence">There is no collection below this folder yet. Make one: <code>lienzo prepare PICTURES OUT</code></p>`;
  const field = ({ key, value, meaning }) => html`<label class="field" key=${key}><span>${key}</span>
    <input type="text" value=${changed[key] ?? ""} placeholder=${value || "none"} onInput=${(event) => setChanged({ ...changed, [key]: event.target.value.trim() })} />
    <small>${meaning}</small></label>`;
  const first = form.keys.filter((one) => FIRST.includes(one.key));
  return html`<form class="train" onSubmit=${begin}>
    <div class="fields">
      <label class="field"><span>Collection</span><select value=${chosen} onChange=${(event) => setCollection(event.target.value)}>
        ${forms.collections.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select></label>
      <label class="field"><span>Recipe</span><select value=${recipe} onChange=${(event) => { setRecipe(event.target.value); setChanged({}); }}>
        ${forms.recipes.map((one) => html`<option key=${one.name} value=${one.name}>${one.name}</option>`)}</select><small>${form.purpose}</small></label>
      <label class="field"><span>Name of the run</span><input type="text" value=${name} placeholder=${usual} onInput=${(event) => setName(event.target.value)} /></label>
    </div>
    <div class="fields">${first.map(field)}</div>
    <details><summary>All other keys of the recipe</summary><div class="fields">${form.keys.filter((one) => !FIRST.includes(one.key)).map(field)}</div></details>
    <h3>The command</h3>
    ${command ? html`<pre>${command}</pre>` : html`<${Sentence} text=${mistake} />`}
    ${command && mistake && html`<${Sentence} text=${mistake} />`}
    <div class="bar">${forms.read_only ? html`<span class="hint">This studio is read only: copy the command.</span>`
      : html`<button disabled=${busy || !command}>${busy ? "Starting …" : "Start the training"}</button><span class="hint">It goes on when the studio is closed.</span>`}
      ${navigator.clipboard && html`<button type="button" disabled=${!command} onClick=${() => navigator.clipboard.writeText(command)}>Copy the command</button>`}</div>
  </form>`;
}
