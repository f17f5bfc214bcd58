"use strict";

// Path files, as lienzo.explore.walk writes and replays them. They are data of any origin.

/** Return a place as a keyframe of a path. */
function keyframe(place, { z, y }) {
  const plain = place.seed !== undefined && (place.truncation === undefined || place.truncation === 1) && !place.steps;
  const labelled = place.y || (!plain && names.length) ? { y: [...y] } : {};
  return plain ? { seed: place.seed, ...labelled } : { z: [...z], ...labelled };
}

/** Return what a path file says, with places for keyframes; it is data of any origin. */
function checkedPath(path) {
  const check = (holds, text) => {
    if (!holds) throw new Error(text);
  };
  const list = (value, most) => Array.isArray(value) && value.length > 0 && value.length <= most;
  const numbers = (value, length) => list(value, length) && value.length === length && value.every(Number.isFinite);
  check(path && path.format === "lienzo path" && path.version === 1, "it is no path that this page knows");
  check(path.generator === data.fingerprint, "it is the path of another generator");
  check(path.latents === data.about.network.latents && list(path.walks, 400), "it is damaged");
  const { curve = "great-circles", closed = false, columns = 1, frames_per_second = 30 } = path;
  check(Object.hasOwn(CURVES, curve) && typeof closed === "boolean", "it is damaged");
  check(Number.isInteger(columns) && columns > 0 && frames_per_second >= 0.1 && frames_per_second <= 1000, "it is damaged");
  const walks = path.walks.map((walk) => {
    check(walk && list(walk.keyframes, 10000) && list(walk.times, 100000), "it is damaged");
    check(walk.times.every((time) => Number.isFinite(time) && time >= 0) && walk.times.length === path.walks[0].times.length, "it is damaged");
    return { times: walk.times, places: walk.keyframes.map((one) => placeOf(one, check, numbers)) };
  });
  return { walks, curve, closed, columns: Math.min(columns, walks.length), frames_per_second };
}

function placeOf(one, check, numbers) {
  check(one && (one.seed === undefined || one.seed === null) !== (one.z === undefined || one.z === null), "it is damaged");
  const place = {};
  if (one.z) {
    check(numbers(one.z, data.about.network.latents), "it is damaged");
    place.z = one.z;
  } else {
    check(Number.isSafeInteger(one.seed) && one.seed >= 0, "it has a seed that this page cannot hold");
    place.seed = one.seed;
  }
  if (typeof one.label === "string") {
    place.y = parsedLabel(one.label);
    check(names.length && place.y, "it has a label that the generator does not know");
  }
  if (one.y) {
    check(numbers(one.y, names.length), "it is damaged");
    place.y = one.y;
  }
  return place;
}
