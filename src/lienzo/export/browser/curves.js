"use strict";

// Curves through latents, as lienzo.explore.curves computes them: directions on the unit sphere, norms apart from them.
// Keyframes are Float32Arrays; everything is computed in float64 and rounded once, at the end.

const TINY = 2.2250738585072014e-308;

/** Return the latents, a Float32Array, at a time of a walk: 0 is its first keyframe, 1 its second, and so on. */
function pointAt(keyframes, time, curve, closed) {
  const [segment, share] = located(keyframes.length, time, closed);
  const at = (step) => keyframes[neighbouring(segment, keyframes.length, closed, step)];
  if (share === 0) return at(0);
  if (share === 1) return at(1);
  const norms = [at(0), at(1)].map(norm);
  const direction = CURVES[curve]([-1, 0, 1, 2].map((step) => unit(at(step))), share);
  const length = norms[0] * (1 - share) + norms[1] * share;
  return Float32Array.from(direction, (value) => value * length);
}

/** Return the labels, a Float32Array, at a time of a walk, mixed linearly. */
function mixedAt(rows, time, closed) {
  const [segment, share] = located(rows.length, time, closed);
  const after = rows[neighbouring(segment, rows.length, closed, 1)];
  return Float32Array.from(rows[segment], (value, i) => value * (1 - share) + after[i] * share);
}

/** Return the times of a walk that gives each segment the same share of its frames. */
function evenTimes(keyframes, frames, easing, closed) {
  const segments = closed ? keyframes : keyframes - 1;
  const last = closed ? frames : Math.max(1, frames - 1);
  return Array.from({ length: frames }, (_, i) => {
    const time = (i * segments) / last;
    const whole = Math.min(Math.floor(time), Math.max(0, segments - 1));
    const share = time - whole;
    return whole + (easing === "smooth" ? share * share * (3 - 2 * share) : share);
  });
}

const CURVES = {
  /** The great circle between two directions (Shoemake 1985). */
  "great-circles"([, before, after], share) {
    const cosine = Math.max(-1, Math.min(1, before.reduce((sum, value, i) => sum + value * after[i], 0)));
    const angle = Math.acos(cosine);
    const sine = Math.sin(angle);
    if (sine < 1e-6) return unit(before.map((value, i) => value * (1 - share) + after[i] * share));
    const [one, other] = [Math.sin((1 - share) * angle) / sine, Math.sin(share * angle) / sine];
    return unit(before.map((value, i) => one * value + other * after[i]));
  },
  /** The spline of Catmull and Rom (1974) through four directions, brought back to the sphere. */
  spline([p0, p1, p2, p3], t) {
    return unit(p1.map((value, i) =>
      0.5 * (2 * value + (p2[i] - p0[i]) * t + (2 * p0[i] - 5 * value + 4 * p2[i] - p3[i]) * t ** 2 +
        (3 * value - p0[i] - 3 * p2[i] + p3[i]) * t ** 3)));
  },
};

/** Return the segment that a time lies in, and the share of it that has passed. */
function located(count, time, closed) {
  const last = Math.max(0, closed ? count - 1 : count - 2);
  const segment = Math.min(last, Math.max(0, Math.floor(time)));
  return [segment, time - segment];
}

function neighbouring(segment, count, closed, step) {
  const moved = segment + step;
  return closed ? ((moved % count) + count) % count : Math.max(0, Math.min(count - 1, moved));
}

function norm(vector) {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
}

function unit(vector) {
  const length = Math.max(norm(vector), TINY);
  return Float64Array.from(vector, (value) => value / length);
}
