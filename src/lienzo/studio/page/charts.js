// Curves over pictures shown, all bound to one moment.
import { html, useEffect, useRef } from "/page/vendor/htm-preact.js";
import uPlot from "/page/vendor/uplot.js";
import { count, measure } from "/page/parts.js";

// The charts of a run in their order: title, the measures of each, and whether the axis is logarithmic.
export const CHARTS = [
  ["Losses", { discriminator_loss: "discriminator", generator_loss: "generator", evidence_bound: "evidence bound", painting_error: "reconstruction", divergence: "divergence" }],
  ["Scores", { real_score: "D(x) on real", fake_score: "D(G(z)) on generated", fooled_score: "D(G(z)) after the update" }],
  ["KID", { kid: "KID" }],
  ["Gradients", { discriminator_gradient: "discriminator", generator_gradient: "generator" }, true],
  ["Diversity", { real_diversity: "real", fake_diversity: "generated" }],
  ["Overfitting", { overfitting: "sign of D(x)", augmentation_probability: "augmentation" }],
  ["Penalties", { r1_penalty: "R1", r2_penalty: "R2", gradient_penalty: "gradient penalty" }],
  ["Speed", { images_per_second: "pictures/s" }],
  ["Memory", { peak_memory: "bytes at most" }],
];

const INKS = ["--one", "--two", "--three", "--four", "--five"];
const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** One chart; `columns` are those of the server, `moment` is the number of pictures that all charts mark. */
export function Chart({ title, measures, logarithmic, columns, moment, troubles = [], onMoment, onRange, others = [] }) {
  const place = useRef(null);
  const chart = useRef(null);
  const now = useRef({ moment, troubles });
  now.current = { moment, troubles };
  const sets = [{ columns, prefix: "", dash: [] }, ...others];
  const series = sets.flatMap((set, number) => Object.entries(measures)
    .filter(([name]) => set.columns[name]?.some((value) => value !== null && value !== undefined))
    .map(([name, label], at) => ({ name, label: set.prefix + label, set, ink: INKS[(number + at * sets.length) % INKS.length] })));
  const shape = series.map((one) => one.label).join("|") + matchMedia("(prefers-color-scheme: dark)").matches;
  const data = joined(series, sets);

  useEffect(() => {
    if (!series.length) return undefined;
    const mark = (plot) => {
      const { ctx, bbox } = plot;
      ctx.save();
      for (const { images } of now.current.troubles) {
        const x = plot.valToPos(images, "x", true);
        ctx.fillStyle = ink("--trouble");
        if (x >= bbox.left && x <= bbox.left + bbox.width) ctx.fillRect(x - 1, bbox.top, 2, bbox.height);
      }
      const x = plot.valToPos(now.current.moment, "x", true);
      ctx.fillStyle = ink("--ink");
      if (x >= bbox.left && x <= bbox.left + bbox.width) ctx.fillRect(x, bbox.top, 1, bbox.height);
      ctx.restore();
    };
    const axis = { stroke: ink("--soft"), grid: { stroke: ink("--line"), width: 1 }, ticks: { stroke: ink("--line") } };
    chart.current = new uPlot({
      width: place.current.clientWidth, height: 190,
      scales: { x: { time: false }, y: logarithmic ? { distr: 3 } : {} },
      axes: [{ ...axis, values: (_, values) => values.map((value) => value >= 1000 ? `${measure(value / 1000)}k` : value) },
             { ...axis, size: 56, values: (_, values) => values.map((value) => value === null ? "" : measure(value)) }],
      series: [{ label: "pictures", value: (_, value) => count(value) },
        ...series.map((one) => ({ label: one.label, stroke: ink(one.ink), width: 1.5, dash: one.set.dash, spanGaps: true,
          value: (_, value) => measure(value), points: { show: data[0].length < 3 } }))],
      cursor: { sync: { key: "run" }, drag: { x: true, y: false, setScale: false }, bind: {
        dblclick: () => () => onRange?.(null) } },
      hooks: { draw: [mark], setSelect: [(plot) => {
        if (plot.select.width < 8) return;
        onRange?.([Math.max(0, Math.round(plot.posToVal(plot.select.left, "x"))), Math.round(plot.posToVal(plot.select.left + plot.select.width, "x"))]);
        plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
      }] },
    }, data, place.current);
    const click = () => {
      const { left } = chart.current.cursor;
      if (left >= 0) onMoment?.(Math.round(chart.current.posToVal(left, "x")));
    };
    chart.current.over.addEventListener("click", click);
    const watch = new ResizeObserver(() => chart.current?.setSize({ width: place.current.clientWidth, height: 190 }));
    watch.observe(place.current);
    return () => { watch.disconnect(); chart.current.destroy(); chart.current = null; };
  }, [shape]);
  useEffect(() => { chart.current?.setData(data); }, [columns, ...others.map((set) => set.columns)]);
  useEffect(() => { chart.current?.redraw(false, false); }, [moment, troubles.length]);
  if (!series.length) return null;
  const at = nearest(columns.images ?? [], moment);
  const spoken = series.filter((one) => one.set === sets[0]).map((one) => `${one.label} ${measure(columns[one.name][at])}`).join(", ");
  return html`<figure class="chart"><figcaption>${title} <span>${spoken}</span></figcaption>
    <div ref=${place} role="img" aria-label=${`${title} after ${count(moment)} pictures: ${spoken}`}></div></figure>`;
}

/** The index of the value nearest to the one asked for, of ascending values. */
export function nearest(values, wanted) {
  let low = 0, high = values.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < wanted) low = middle + 1; else high = middle;
  }
  return low > 0 && wanted - values[low - 1] < values[low] - wanted ? low - 1 : Math.max(0, low);
}

function joined(series, sets) {
  if (sets.length === 1) return [sets[0].columns.images ?? [], ...series.map((one) => one.set.columns[one.name])];
  const tables = sets.map((set) => [set.columns.images ?? [], ...series.filter((one) => one.set === set).map((one) => set.columns[one.name])]);
  return uPlot.join(tables);
}
