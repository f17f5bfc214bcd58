// Measures of generators: what they are called, what they mean, how they are written.
import { measure } from "/page/parts.js";

// The columns of scores: what stands above them, and what they mean.
export const COLUMNS = {
  kid: ["KID", "less is better, 0 on average for real pictures"],
  "lowest kid": ["lowest KID", "the lowest that was taken during training"],
  fid: ["FID", "less is better"],
  precision: ["precision", "fidelity: more is better"],
  recall: ["recall", "diversity: more is better"],
  density: ["density", "fidelity: more is better"],
  coverage: ["coverage", "diversity: more is better"],
  patches: ["SWD", "sliced Wasserstein distance of patches: less is better"],
  copies: ["copies", "share of pictures nearer to a training picture than 95 in 100 held-out ones, by features: 0.05 is that of real pictures"],
  "by pixels": ["by pixels", "the same by pixels"],
  blends: ["blends", "share of pictures better explained as a blend of two training pictures than 95 in 100 held-out ones"],
};

/** A value with its standard error. */
export const written = (value) => typeof value?.value === "number" ? `${measure(value.value)}${value.error ? ` ± ${Number(value.error.toPrecision(2))}` : ""}` : "–";
