// Curves over pictures shown, all bound to one moment.
import { html, useEffect, useRef, useState } from "/page/vendor/htm-preact.js";
import uPlot from "/page/vendor/uplot.js";
import { ask, count, measure } from "/page/parts.js";

let listed = null;

/** The panels of charts in their order, as the server has them: title, unit, curves, meaning, scale and errors of each. */
export function usePanels() {
  const [panels, setPanels] = useState([]);
  useEffect(() => {
    listed ??= ask("/api/panels").catch(() => { listed = null; return []; });
    listed.then(setPanels);
  }, []);
  return panels;
}

const INKS = ["--one", "--two", "--three", "--four", "--five"];
const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The chart of a panel; `columns` are those of the server, `moment` is what all charts mark, in units of the `clock`. */
export function Chart({ panel, columns, moment, troubles = [], onMoment, onRange, others = [], clock = "pictures" }) {
  const place = useRef(null);
  const chart = useRef(null);
  const now = useRef({ moment, troubles });
  now.current = { moment, troubles };
  const sets = [{ columns, prefix: "", dash: [] }, ...others];
  const series = sets.flatMap((set, number) => Object.entries(panel.curves)
    .filter(([name]) => set.columns[name]?.some((value) => value !== null && value !== undefined))
    .map(([name, label], at) => ({ name, label: set.prefix + label, set, ink: INKS[(number + at * sets.length) % INKS.length] })));
  const spreads = series.filter((one) => one.set.columns[panel.errors[one.name]]);
  const shape = [...series, ...spreads].map((one) => one.label).join("|") + matchMedia("(prefers-color-scheme: dark)").matches;
  const data = joined(series, spreads, sets, panel);

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
      scales: { x: { time: false }, y: panel.logarithmic ? { distr: 3 } : {} },
      axes: [{ ...axis, values: (_, values) => values.map((value) => value >= 1000 ? `${measure(value / 1000)}k` : value) },
             { ...axis, size: 56, label: panel.unit, labelSize: 20, labelFont: "12px system-ui",
               values: (_, values) => values.map((value) => value === null ? "" : measure(value)) }],
      series: [{ label: clock, value: (_, value) => count(value) },
        ...series.map((one) => ({ label: one.label, stroke: ink(one.ink), width: 1.5, dash: one.set.dash, spanGaps: true,
          value: (_, value) => measure(value), points: { show: data[0].length < 3 } })),
        ...spreads.flatMap((one) => [0, 1].map(() => ({ stroke: "transparent", spanGaps: true, points: { show: false } })))],
      bands: spreads.map((one, at) => ({ series: [2, 1].map((side) => series.length + 2 * at + side), fill: `${ink(one.ink)}44` })),
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
    const watch = new ResizeObserver(() => { if (place.current) chart.current?.setSize({ width: place.current.clientWidth, height: 190 }); });
    watch.observe(place.current);
    return () => { watch.disconnect(); chart.current.destroy(); chart.current = null; };
  }, [shape]);
  useEffect(() => { chart.current?.setData(data); }, [columns, ...others.map((set) => set.columns)]);
  useEffect(() => { chart.current?.redraw(false, false); }, [moment, troubles.length]);
  if (!series.length) return null;
  const at = nearest(columns.images ?? [], moment);
  const spoken = (name) => [name, panel.errors[name]].map((each) => columns[each]?.[at]).filter((value) => value !== null && value !== undefined)
    .map((value) => measure(value * panel.scale)).join(" ± ");
  const told = series.filter((one) => one.set === sets[0]).map((one) => `${one.label} ${spoken(one.name)}`).join(", ");
  return html`<figure class="chart"><figcaption title=${panel.meaning}>${panel.title} <span>${told}</span></figcaption>
    <div ref=${place} role="img" aria-label=${`${panel.title} after ${count(moment)} ${clock}: ${told}. ${panel.meaning}`}></div></figure>`;
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

/** The data of the plot: pictures, a column for each curve, and two for each spread, its lower and its upper end. */
function joined(series, spreads, sets, { scale, errors }) {
  const scaled = (values) => scale === 1 ? values : values.map((value) => value === null ? null : value * scale);
  const end = (one, sign) => one.set.columns[one.name].map((value, at) => {
    const error = one.set.columns[errors[one.name]][at];
    return value === null || error === null ? null : (value + sign * error) * scale;
  });
  const columns = (set) => [...series.filter((one) => one.set === set).map((one) => scaled(set.columns[one.name]))];
  const ends = (set) => spreads.filter((one) => one.set === set).flatMap((one) => [end(one, -1), end(one, 1)]);
  const tables = sets.map((set) => [set.columns.images ?? [], ...columns(set), ...ends(set)]);
  if (tables.length === 1) return tables[0];
  const [images, ...rest] = uPlot.join(tables);
  const starts = tables.map((_, at) => tables.slice(0, at).reduce((sum, table) => sum + table.length - 1, 0));
  const part = (from) => sets.flatMap((set, at) => rest.slice(...from(starts[at], columns(set).length, tables[at].length - 1)));
  return [images, ...part((start, curves) => [start, start + curves]), ...part((start, curves, all) => [start + curves, start + all])];
}
