"use strict";

// From a seed to latents and a label: the same numbers as lienzo.generation.generation.latents and
// lienzo.collection.vocabulary.Vocabulary.drawn give, bit for bit. So the same seed is the same picture here and there.
//
//   seed --BLAKE2b--> 63 bits --Mersenne Twister, Box and Muller--> latents     (PyTorch's torch.randn on a CPU)
//                             --Philox, Lemire's bounded integers--> label      (NumPy's Generator.integers)

// ---- Seeds of streams: lienzo.seeds.derive ------------------------------------------------------------------------

const BLAKE2B_START = [
  0x6a09e667f3bcc908n, 0xbb67ae8584caa73bn, 0x3c6ef372fe94f82bn, 0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n, 0x9b05688c2b3e6c1fn, 0x1f83d9abfb41bd6bn, 0x5be0cd19137e2179n,
];

const BLAKE2B_ORDERS = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
  [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4], [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
  [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13], [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
  [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11], [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
  [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5], [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];

/** Return the first 64 bits of the BLAKE2b digest (RFC 7693) of 8 bytes, of a text of at most 128 ASCII characters. */
function blake2b(text) {
  const bytes = new Uint8Array(128);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const message = new BigUint64Array(bytes.buffer); // little-endian, as every machine with a browser is
  const v = new BigUint64Array([...BLAKE2B_START, ...BLAKE2B_START]);
  const first = BLAKE2B_START[0] ^ 0x01010008n; // digest of 8 bytes, no key, no tree
  v[0] = first;
  v[12] ^= BigInt(text.length);
  v[14] = ~v[14];
  const turn = (value, bits) => BigInt.asUintN(64, (value >> bits) | (value << (64n - bits)));
  const mix = (a, b, c, d, x, y) => {
    v[a] += v[b] + x;
    v[d] = turn(v[d] ^ v[a], 32n);
    v[c] += v[d];
    v[b] = turn(v[b] ^ v[c], 24n);
    v[a] += v[b] + y;
    v[d] = turn(v[d] ^ v[a], 16n);
    v[c] += v[d];
    v[b] = turn(v[b] ^ v[c], 63n);
  };
  for (let round = 0; round < 12; round++) {
    const m = BLAKE2B_ORDERS[round % 10].map((position) => message[position]);
    for (let i = 0; i < 4; i++) mix(i, 4 + i, 8 + i, 12 + i, m[2 * i], m[2 * i + 1]);
    for (let i = 0; i < 4; i++) mix(i, 4 + ((i + 1) % 4), 8 + ((i + 2) % 4), 12 + ((i + 3) % 4), m[8 + 2 * i], m[9 + 2 * i]);
  }
  return first ^ v[0] ^ v[8];
}

/** Return the 63-bit seed of a stream, as a BigInt. `seed` is a whole number from 0 on, as a number or a BigInt. */
function derive(seed, stream) {
  return blake2b(`${seed}/${stream}/0`) >> 1n;
}

// ---- Latents: torch.randn ------------------------------------------------------------------------------------------

/** The Mersenne Twister MT19937 (Matsumoto and Nishimura 1998); PyTorch seeds it with the low 32 bits of a seed. */
class MersenneTwister {
  constructor(seed) {
    this.state = new Uint32Array(624);
    this.state[0] = Number(BigInt.asUintN(32, seed));
    for (let i = 1; i < 624; i++) {
      const before = this.state[i - 1] ^ (this.state[i - 1] >>> 30);
      this.state[i] = Math.imul(1812433253, before) + i;
    }
    this.position = 624;
  }

  /** Return the next whole number of 32 bits. */
  next() {
    if (this.position === 624) this.refill();
    let y = this.state[this.position++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  refill() {
    const { state } = this;
    for (let i = 0; i < 624; i++) {
      const joined = (state[i] & 0x80000000) | (state[(i + 1) % 624] & 0x7fffffff);
      state[i] = state[(i + 397) % 624] ^ (joined >>> 1) ^ (joined & 1 ? 0x9908b0df : 0);
    }
    this.position = 0;
  }
}

const float64 = new Float64Array(1);
const float64Words = new Uint32Array(float64.buffer);
const float32 = new Float32Array(1);
const float32Word = new Int32Array(float32.buffer);
const single = Math.fround;

/** Return a · b + c of float32 numbers, rounded once to float32, as a processor's fused multiply-add does. */
function fused(a, b, c) {
  const product = a * b; // exact in float64
  const sum = product + c;
  const part = sum - product;
  const lost = product - (sum - part) + (c - part); // what `sum` was rounded by (Knuth's two-sum)
  if (lost === 0) return single(sum);
  float64[0] = sum; // rounded to odd, after which a second rounding does no harm (Boldo and Melquiond 2008)
  if (!(float64Words[0] & 1)) float64Words[0] += (lost > 0) === (sum > 0) ? 1 : -1;
  return single(float64[0]);
}

const LOGARITHM = [
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
].map(single);

/** Return the natural logarithm of a float32 number in (0, 1], by Cephes's polynomial, with fused multiply-adds. */
function logarithm(value) {
  float32[0] = value;
  let exponent = (float32Word[0] >> 23) - 126;
  float32Word[0] = (float32Word[0] & 0x7fffff) | 0x3f000000; // the mantissa, in [0.5, 1)
  const mantissa = float32[0];
  const small = mantissa < single(0.707106781186547524);
  if (small) exponent -= 1;
  const x = single(single(mantissa - 1) + (small ? mantissa : 0));
  const square = single(x * x);
  let y = LOGARITHM[0];
  for (const coefficient of LOGARITHM.slice(1)) y = fused(y, x, coefficient);
  y = single(y * x);
  y = fused(y, square, single(exponent * single(-2.1219444e-4)));
  y = fused(-square, 0.5, y);
  return fused(exponent, single(0.693359375), single(x + y));
}

/** Return cosine and sine of a float32 number from 0 on, by Cephes's polynomials, with fused multiply-adds. */
function cosineAndSine(angle) {
  let octant = Math.trunc(single(angle * single(1.27323954473516)));
  octant = (octant + 1) & ~1;
  let x = fused(octant, single(-0.78515625), angle);
  x = fused(octant, single(-2.4187564849853515625e-4), x);
  x = fused(octant, single(-3.77489497744594108e-8), x);
  const z = single(x * x);
  let even = fused(single(2.443315711809948e-5), z, single(-1.388731625493765e-3));
  even = fused(even, z, single(4.166664568298827e-2));
  even = single(single(fused(single(even * z), z, -single(z * 0.5))) + 1);
  let odd = fused(single(-1.9515295891e-4), z, single(8.3321608736e-3));
  odd = fused(odd, z, single(-1.6666654611e-1));
  odd = fused(single(odd * z), x, x);
  const swapped = (octant & 2) !== 0;
  const cosine = swapped ? odd : even;
  const sine = swapped ? even : odd;
  return [((octant - 2) & 4) === 0 ? -cosine : cosine, (octant & 4) === 0 ? sine : -sine];
}

/** Fill 16 numbers with normal ones (Box and Muller 1958): the first 8 and the last 8 are pairs of uniform numbers. */
function normalSixteen(numbers, start) {
  for (let i = start; i < start + 8; i++) {
    const radius = single(Math.sqrt(single(-2 * logarithm(single(1 - numbers[i])))));
    const [cosine, sine] = cosineAndSine(single(single(2 * Math.PI) * numbers[i + 8]));
    numbers[i] = radius * cosine;
    numbers[i + 8] = radius * sine;
  }
}

/** Return the latents (dimension,) of a seed, a Float32Array drawn from N(0, 1). */
function latents(dimension, seed) {
  const twister = new MersenneTwister(derive(seed, "picture"));
  const numbers = new Float32Array(dimension);
  if (dimension < 16) return fewNormal(numbers, twister);
  const uniform = (from) => {
    for (let i = from; i < from + 16 || i < dimension; i++) numbers[i] = (twister.next() & 0xffffff) / 0x1000000;
  };
  uniform(0);
  for (let i = 0; i + 16 <= dimension; i += 16) normalSixteen(numbers, i);
  if (dimension % 16) {
    uniform(dimension - 16); // the last sixteen are drawn anew
    normalSixteen(numbers, dimension - 16);
  }
  return numbers;
}

/** Fill fewer than 16 numbers: PyTorch then computes in float64, and uses both numbers of a pair in turn. */
function fewNormal(numbers, twister) {
  const uniform = () => {
    const high = twister.next();
    return ((high & 0x1fffff) * 0x100000000 + twister.next()) / 0x20000000000000;
  };
  for (let i = 0; i < numbers.length; i += 2) {
    const angle = 2 * Math.PI * uniform();
    const radius = Math.sqrt(-2 * Math.log1p(-uniform()));
    numbers[i] = radius * Math.cos(angle);
    if (i + 1 < numbers.length) numbers[i + 1] = radius * Math.sin(angle);
  }
  return numbers;
}

// ---- Labels: numpy.random.Generator(Philox(seed)).integers ---------------------------------------------------------

/** Return the key of NumPy's Philox for a seed: two words of 64 bits by `SeedSequence.generate_state`. */
function philoxKey(seed) {
  const words = seed > 0xffffffffn ? [Number(seed & 0xffffffffn), Number(seed >> 32n)] : [Number(seed)];
  const pool = new Uint32Array(4);
  let constant = 0x43b0d7e5;
  const hashed = (value) => {
    let word = (value ^ constant) >>> 0;
    constant = Math.imul(constant, 0x931e8875) >>> 0;
    word = Math.imul(word, constant) >>> 0;
    return (word ^ (word >>> 16)) >>> 0;
  };
  const mixed = (x, y) => {
    const word = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) >>> 0;
    return (word ^ (word >>> 16)) >>> 0;
  };
  for (let i = 0; i < 4; i++) pool[i] = hashed(i < words.length ? words[i] : 0);
  for (let from = 0; from < 4; from++)
    for (let to = 0; to < 4; to++) if (from !== to) pool[to] = mixed(pool[to], hashed(pool[from]));
  constant = 0x8b51f9dd;
  const state = new Uint32Array(4);
  for (let i = 0; i < 4; i++) {
    let word = (pool[i] ^ constant) >>> 0;
    constant = Math.imul(constant, 0x58f38ded) >>> 0;
    word = Math.imul(word, constant) >>> 0;
    state[i] = word ^ (word >>> 16);
  }
  return new BigUint64Array(state.buffer);
}

/** Return block `counter` of Philox 4×64 with ten rounds (Salmon et al. 2011): four words of 64 bits. */
function philoxBlock(key, counter) {
  const wide = (value) => BigInt.asUintN(64, value);
  let [a, b, c, d] = [counter, 0n, 0n, 0n];
  let [k, l] = key;
  for (let round = 0; round < 10; round++) {
    const first = a * 0xd2e7470ee14c6c93n;
    const second = c * 0xca5a826395121157n;
    [a, b, c, d] = [(second >> 64n) ^ b ^ k, wide(second), (first >> 64n) ^ d ^ l, wide(first)];
    k = wide(k + 0x9e3779b97f4a7c15n);
    l = wide(l + 0xbb67ae8584caa73bn);
  }
  return [a, b, c, d];
}

/** Return a whole number below `bound` (at most 2³²), as `Generator(Philox(seed)).integers(bound)` (Lemire 2019). */
function integerBelow(bound, seed) {
  if (bound <= 1) return 0;
  const key = philoxKey(seed);
  const words = [];
  let counter = 0n;
  const next = () => {
    if (!words.length)
      for (const word of philoxBlock(key, ++counter)) words.push(word & 0xffffffffn, word >> 32n);
    return words.shift();
  };
  const size = BigInt(bound);
  const threshold = (0x100000000n - size) % size;
  let product = next() * size;
  while ((product & 0xffffffffn) < threshold) product = next() * size;
  return Number(product >> 32n);
}

/** Return the position of the label that a seed draws, as often as it is among the training pictures; −1 for none. */
function drawnLabel(counts, unlabelled, seed) {
  const total = counts.reduce((sum, count) => sum + count, unlabelled);
  let drawn = integerBelow(total, derive(seed, "label"));
  for (let position = 0; position < counts.length; position++) {
    if (drawn < counts[position]) return position;
    drawn -= counts[position];
  }
  return -1;
}
