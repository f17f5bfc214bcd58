// The plane of a duel: the discriminator's surface, real and generated points, and where the generator wants to go.
import { html, useEffect, useRef } from "/page/vendor/htm-preact.js";
import { measure } from "/page/parts.js";

const SIDE = 560; // pixels of the drawing
const LONGEST = 0.12; // of an arrow, in units of the plane

// The colours of the surface, from what the discriminator takes for generated to what it takes for real.
const LOW = [47, 111, 143], MIDDLE = [248, 245, 238], HIGH = [217, 119, 66];

const mixed = (from, to, share) => from.map((value, i) => Math.round(value + share * (to[i] - value)));
const colour = (share) => (share < 0.5 ? mixed(LOW, MIDDLE, 2 * share) : mixed(MIDDLE, HIGH, 2 * share - 1));

/** The lowest and the highest value of the colours: 0 and 1 of a probability, the same distance from 0 of scores. */
function ends(surface, probabilistic) {
  if (probabilistic) return [0, 1];
  const largest = Math.max(1e-9, ...surface.flat().map((value) => Math.abs(value ?? 0)));
  return [-largest, largest];
}

export function Plane({ moment, probabilistic }) {
  const canvas = useRef(null);
  useEffect(() => { if (moment) draw(canvas.current, moment, probabilistic); }, [moment, probabilistic]);
  const [low, high] = moment ? ends(moment.surface, probabilistic) : [0, 1];
  return html`<canvas ref=${canvas} width=${SIDE} height=${SIDE} class="plane-canvas" role="img"
      aria-label="The square from −1 to 1: the discriminator's surface as colours, real points as rings, generated points as dots, and arrows where the generator's loss wants them to go"></canvas>
    <div class="legend" aria-hidden="true"><span>${measure(low)}</span><i></i><span>${measure(high)}</span>
      <span>${probabilistic ? "D, the probability of being real" : "D, a score"}</span><b class="ring"></b><span>real</span><b class="dot"></b><span>generated</span></div>`;
}

function draw(canvas, moment, probabilistic) {
  const context = canvas.getContext("2d");
  const [low, high] = ends(moment.surface, probabilistic);
  const rows = moment.surface.length;
  const small = Object.assign(document.createElement("canvas"), { width: rows, height: rows });
  const image = new ImageData(rows, rows);
  moment.surface.forEach((row, y) => row.forEach((value, x) => {
    const share = value === null ? 0.5 : Math.min(1, Math.max(0, (value - low) / (high - low)));
    image.data.set([...colour(share), 255], 4 * ((rows - 1 - y) * rows + x));
  }));
  small.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  const half = 0.5; // the outermost points of the surface lie on the border
  context.drawImage(small, half, half, rows - 1, rows - 1, 0, 0, SIDE, SIDE);
  const at = ([x, y]) => [((x + 1) / 2) * SIDE, ((1 - y) / 2) * SIDE];
  const dots = (points, radius, paint) => points.forEach((point) => {
    if (point[0] === null) return;
    context.beginPath();
    context.arc(...at(point), radius, 0, 2 * Math.PI);
    paint();
  });
  context.lineWidth = 1.2;
  context.strokeStyle = "#1d1d1f99";
  dots(moment.real, 3, () => context.stroke());
  context.fillStyle = "#0b6b3a";
  context.strokeStyle = "#ffffff";
  context.lineWidth = 0.8;
  dots(moment.generated, 3.2, () => { context.fill(); context.stroke(); });
  const longest = Math.max(1e-12, ...moment.arrows.map(([x, y]) => Math.hypot(x ?? 0, y ?? 0)));
  const scale = LONGEST / Math.max(longest, 0.5); // gradients below ½ are drawn small: they are
  context.strokeStyle = "#0b6b3a";
  context.lineWidth = 1.4;
  moment.arrows.forEach(([x, y], i) => {
    const point = moment.generated[i];
    if (x === null || point[0] === null) return;
    const [from, to] = [at(point), at([point[0] + scale * x, point[1] + scale * y])];
    const angle = Math.atan2(to[1] - from[1], to[0] - from[0]);
    const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
    if (length < 1.5) return;
    const tip = (turn) => [to[0] - Math.min(6, length / 2) * Math.cos(angle + turn), to[1] - Math.min(6, length / 2) * Math.sin(angle + turn)];
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(...to);
    context.moveTo(...tip(0.5));
    context.lineTo(...to);
    context.lineTo(...tip(-0.5));
    context.stroke();
  });
}
