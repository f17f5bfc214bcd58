"use strict";

// Paints with a network that lienzo.export.packing has packed: a list of operations on features, and their numbers.
//
// Everything lies in one memory, in float32: the weights, a table of addresses for each product, and the features of a
// few pictures at once. Features are channels-last with a border of one pixel of zeros, so that convolutions need no
// cases at the edge; the channels of a pixel are filled up to `stride` numbers. Vectors, such as latents, have no border.

const ROWS = 4; // as lienzo.export.products has it
const SPACE = 48 << 20; // bytes of features at most: it decides how many pictures are painted at once
const MOST = 8; // pictures painted at once, at most

const stride = (channels) => (channels <= 4 ? 4 : Math.ceil(channels / 8) * 8);

/** Return the bytes that base64 stands for. */
function decoded(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < characters.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}

/** Return the float32 numbers that all 65,536 float16 numbers stand for. */
function halves() {
  const table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const exponent = (bits >> 10) & 31;
    const mantissa = bits & 1023;
    const size =
      exponent === 0 ? mantissa * 2 ** -24
      : exponent === 31 ? (mantissa ? NaN : Infinity)
      : (1 + mantissa / 1024) * 2 ** (exponent - 15);
    table[bits] = bits & 0x8000 ? -size : size;
  }
  return table;
}

class Network {
  /**
   * @param description operations and features, as JSON values
   * @param numbers bytes of its float32 numbers
   * @param weights bytes of its matrices
   * @param wasm bytes of the products in WebAssembly, or null to compute them in JavaScript
   */
  constructor(description, numbers, weights, wasm) {
    this.description = description;
    this.bytes = 0;
    const places = this.plan(description, numbers.length / 4);
    this.products = multiplications(this.bytes, wasm);
    const { buffer } = this.products;
    this.numbers = new Float32Array(buffer);
    this.addresses = new Int32Array(buffer);
    this.numbers.set(new Float32Array(numbers.slice().buffer), this.constants);
    this.unpack(description, weights, places.parts);
    this.operations = description.operations.map((operation, i) => this.prepared(operation, places.parts[i] || []));
  }

  /** Decide where everything lies in memory, in numbers of four bytes. */
  plan(description, constants) {
    let next = 16;
    const take = (count) => {
      const at = next;
      next += Math.ceil(count / 4) * 4;
      return at;
    };
    const shapes = description.features.map(([height, width, channels]) => {
      const border = height * width > 1 ? 1 : 0;
      const pixel = stride(channels);
      const row = (width + 2 * border) * pixel;
      return { height, width, channels, border, pixel, row, size: (height + 2 * border) * row };
    });
    const picture = 4 * shapes.reduce((sum, shape) => sum + shape.size, 0);
    this.batch = Math.max(1, Math.min(MOST, Math.floor(SPACE / picture)));
    this.constants = take(constants);
    const parts = description.operations.map((operation) =>
      operation.kind === "product" ? this.planProduct(operation, shapes, take) : null);
    this.features = shapes.map((shape) => {
      const at = take(this.batch * shape.size);
      return { ...shape, at, first: at + shape.border * (shape.row + shape.pixel) };
    });
    take(64);
    this.bytes = 4 * next;
    return { parts };
  }

  planProduct(operation, shapes, take) {
    const target = shapes[operation.target];
    return operation.parts.map((part) => {
      const rows = Math.ceil((target.height - part.at[0]) / operation.step);
      const columns = Math.ceil((target.width - part.at[1]) / operation.step);
      const runs = part.groups === 1 ? joined(part.taps) : part.taps.map(([y, x]) => [y, x, 1]);
      const count = Math.ceil((this.batch * rows * columns) / ROWS) * ROWS;
      const size = part.groups * part.panels * part.taps.length * part.length * operation.columns;
      return { rows, columns, runs, count, size, weights: take(size), sources: take(runs.length * count), targets: take(count) };
    });
  }

  /** Read matrices, and multiply their columns by their scales. */
  unpack(description, bytes, parts) {
    const whole = description.precision === "float32";
    const table = whole ? null : halves();
    const packed = whole ? new Float32Array(bytes.slice().buffer) : new Uint16Array(bytes.slice().buffer);
    const { numbers } = this;
    description.operations.forEach((operation, i) => {
      for (const [j, part] of (operation.parts || []).entries()) {
        const place = parts[i][j];
        if (whole) {
          numbers.set(packed.subarray(part.weights, part.weights + place.size), place.weights);
          continue;
        }
        const { columns } = operation;
        const panel = part.taps.length * part.length * columns;
        let [from, to] = [part.weights, place.weights];
        for (let scale = this.constants + part.scale; to < place.weights + place.size; scale += columns)
          for (const end = to + panel; to < end; )
            for (let column = 0; column < columns; column++) numbers[to++] = table[packed[from++]] * numbers[scale + column];
      }
    });
  }

  /** Return the function of the number of pictures that does what an operation says. */
  prepared(operation, places) {
    const target = this.features[operation.target];
    const source = this.features[operation.source];
    const constants = this.constants;
    switch (operation.kind) {
      case "product": {
        const calls = operation.parts.map((part, i) => this.preparedProduct(operation, part, places[i], source, target));
        return (count) => calls.forEach((call) => call(count));
      }
      case "modulated":
        return (count) => modulate(this.numbers, target, source, operation.slope, count);
      case "noisy":
        return (count) => addNoise(this.numbers, target, source, constants + operation.strength, operation.slope, count);
      case "spread":
        return (count) => spread(this.numbers, target, source, constants + operation.basis, count);
      case "combined":
        return (count) => combine(this.numbers, target, source, operation.share, count);
      case "enlarged":
        return (count) => (operation.bilinear ? double : repeat)(this.numbers, target, source, count);
      case "bounded":
        return (count) => bound(this.numbers, target, operation.by === "tanh" ? Math.tanh : clamped, count);
      default:
        throw new Error(`unknown operation ${operation.kind}`);
    }
  }

  preparedProduct(operation, part, place, source, target) {
    const { rows, columns, runs, count } = place;
    const grid = rows * columns;
    for (let i = 0; i < count; i++) {
      const number = Math.min(i, this.batch * grid - 1); // the last row fills the last group
      const picture = Math.floor(number / grid);
      const y = Math.floor((number % grid) / columns);
      const x = number % columns;
      const from = source.first + picture * source.size;
      runs.forEach(([down, right], run) => {
        const at = from + (y + down) * source.row + (x + right) * source.pixel;
        this.addresses[place.sources + run * count + i] = 4 * at;
      });
      const row = part.at[0] + operation.step * y;
      const column = part.at[1] + operation.step * x;
      this.addresses[place.targets + i] = 4 * (target.first + picture * target.size + row * target.row + column * target.pixel);
    }
    const multiply = this.products[`multiply${operation.columns}`];
    const length = 4 * runs[0][2] * part.length;
    const panels = part.panels * operation.columns;
    const size = part.taps.length * part.length * panels;
    const width = part.groups > 1 ? part.length : 0; // groups have as many inputs as outputs
    const bias = this.constants + operation.bias;
    return (pictures) => {
      const groups = Math.ceil((pictures * grid) / ROWS);
      for (let i = 0; i < part.groups; i++)
        multiply(
          groups, runs.length, length, 4 * place.sources, 4 * count, 4 * i * width, 4 * place.targets, 4 * i * width,
          4 * (place.weights + i * size), 4 * (bias + i * panels), part.panels, operation.slope,
        );
    };
  }

  /**
   * Paint pictures.
   *
   * @param latents Float32Array of `count` times as many numbers as there are latents
   * @param labels Float32Array of `count` rows of labels; empty where the network knows none
   * @returns an array of Uint8ClampedArray, the pixels of each picture as red, green, blue and opacity
   */
  paint(latents, labels, count) {
    const pictures = [];
    for (let first = 0; first < count; first += this.batch) {
      const some = Math.min(this.batch, count - first);
      for (let i = 0; i < some; i++) {
        this.enter(this.features[0], latents, first + i, i);
        if (this.description.classes) this.enter(this.features[1], labels, first + i, i);
      }
      for (const operation of this.operations) operation(some);
      for (let i = 0; i < some; i++) pictures.push(this.pixels(i));
    }
    return pictures;
  }

  enter(vector, values, from, to) {
    const { channels } = vector;
    this.numbers.set(values.subarray(from * channels, (from + 1) * channels), vector.at + to * vector.size);
  }

  /** Return the pixels of a picture that was painted. */
  pixels(number) {
    const [height, width, channels] = this.description.shape;
    const features = this.features[this.description.picture];
    const flat = features.height === 1 && features.width === 1; // all numbers of the picture as one vector
    const pixel = flat ? channels : features.pixel;
    const row = flat ? width * channels : features.row;
    const first = features.first + number * features.size;
    const pixels = new Uint8ClampedArray(4 * height * width);
    for (let y = 0, to = 0; y < height; y++)
      for (let x = 0; x < width; x++, to += 4) {
        const from = first + y * row + x * pixel;
        for (let channel = 0; channel < 4; channel++) {
          if (channel === 3 && channels !== 4) pixels[to + 3] = 255;
          else pixels[to + channel] = this.byte(from + (channels === 1 ? 0 : channel));
        }
      }
    return pixels;
  }

  /** Return the byte of a number in [−1, 1], rounded to even as PyTorch does. */
  byte(at) {
    const value = Math.fround(Math.fround(this.numbers[at] + 1) * 127.5);
    if (!Number.isFinite(value)) throw new Error("the generator makes values that are no finite numbers: it has diverged");
    const below = Math.floor(value);
    return value - below === 0.5 ? below + (below & 1) : Math.round(value);
  }
}

/** Return runs [row, column, pixels] of neighbouring taps [row, column]. */
function joined(taps) {
  const runs = [];
  for (const [y, x] of taps) {
    const last = runs[runs.length - 1];
    if (last && last[0] === y && last[1] + last[2] === x) last[2]++;
    else runs.push([y, x, 1]);
  }
  return runs;
}

/** Return memory of so many bytes, and the products in it: by WebAssembly, or by JavaScript where there is none. */
function multiplications(bytes, wasm) {
  if (wasm) {
    const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536) });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(wasm), { page: { memory } });
    return { buffer: memory.buffer, multiply4: exports.multiply4, multiply8: exports.multiply8 };
  }
  const buffer = new ArrayBuffer(bytes);
  const [numbers, addresses] = [new Float32Array(buffer), new Int32Array(buffer)];
  const by = (columns) => (...given) => multiply(numbers, addresses, columns, ...given);
  return { buffer, multiply4: by(4), multiply8: by(8) };
}

/** Do what lienzo.export.products does in WebAssembly, with the same parameters. */
function multiply(
  numbers, addresses, columns, groups, runs, length, sources, step, from, targets, to, weights, bias, panels, slope,
) {
  const sums = new Float32Array(columns);
  for (let panel = 0; panel < panels; panel++) {
    const first = (weights >> 2) + (panel * runs * (length >> 2)) * columns;
    const offset = (bias >> 2) + panel * columns;
    for (let row = 0; row < groups * ROWS; row++) {
      for (let column = 0; column < columns; column++) sums[column] = numbers[offset + column];
      let weight = first;
      for (let run = 0; run < runs; run++) {
        const start = (addresses[((sources + run * step) >> 2) + row] + from) >> 2;
        for (let at = start; at < start + (length >> 2); at++, weight += columns) {
          const value = numbers[at];
          if (value !== 0) // after a ReLU half of them are
            for (let column = 0; column < columns; column++) sums[column] += value * numbers[weight + column];
        }
      }
      const target = ((addresses[(targets >> 2) + row] + to) >> 2) + panel * columns;
      for (let column = 0; column < columns; column++)
        numbers[target + column] = Math.max(sums[column], slope * sums[column]);
    }
  }
}

/** Call a function with where each row of features of each picture begins. */
function eachRow({ first, size, height, row }, count, call) {
  for (let picture = 0; picture < count; picture++)
    for (let y = 0; y < height; y++) call(first + picture * size + y * row, picture, y);
}

function modulate(numbers, target, style, slope, count) {
  const { channels, pixel, width } = target;
  eachRow(target, count, (start, picture) => {
    const scale = style.at + picture * style.size;
    const shift = scale + channels;
    for (let at = start, end = start + width * pixel; at < end; at += pixel)
      for (let channel = 0; channel < channels; channel++) {
        const value = numbers[at + channel] * numbers[scale + channel] + numbers[shift + channel];
        numbers[at + channel] = value < 0 ? value * slope : value;
      }
  });
}

function addNoise(numbers, target, noise, strength, slope, count) {
  const { channels, pixel, width } = target;
  eachRow(target, count, (start, picture, y) => {
    const row = noise.at + picture * noise.size + y * width;
    for (let x = 0; x < width; x++)
      for (let channel = 0; channel < channels; channel++) {
        const at = start + x * pixel + channel;
        const value = numbers[at] + numbers[row + x] * numbers[strength + channel];
        numbers[at] = value < 0 ? value * slope : value;
      }
  });
}

function spread(numbers, target, vector, basis, count) {
  const { channels, pixel, width } = target;
  eachRow(target, count, (start, picture, y) => {
    const strength = vector.at + picture * vector.size;
    for (let x = 0; x < width; x++)
      for (let channel = 0; channel < channels; channel++)
        numbers[start + x * pixel + channel] =
          numbers[basis + (y * width + x) * channels + channel] * numbers[strength + channel];
  });
}

function combine(numbers, target, source, share, count) {
  const length = target.width * target.pixel;
  const away = (picture, y) => source.first + picture * source.size + y * source.row;
  eachRow(target, count, (start, picture, y) => {
    const other = away(picture, y);
    for (let i = 0; i < length; i++) {
      const value = numbers[other + i];
      numbers[start + i] += share === null ? value : share * (value - numbers[start + i]);
    }
  });
}

function repeat(numbers, target, source, count) {
  const { pixel, width } = target;
  eachRow(target, count, (start, picture, y) => {
    const from = source.first + picture * source.size + (y >> 1) * source.row;
    for (let x = 0; x < width; x++) {
      const at = from + (x >> 1) * pixel;
      for (let channel = 0; channel < pixel; channel++) numbers[start + x * pixel + channel] = numbers[at + channel];
    }
  });
}

/** Double features bilinearly: three quarters of the pixel and a quarter of its neighbour, along both axes. */
function double(numbers, target, source, count) {
  const { pixel, width, height } = target;
  const neighbour = (i, last) => Math.max(0, Math.min(last, (i >> 1) + (i & 1 ? 1 : -1)));
  eachRow(target, count, (start, picture, y) => {
    const from = source.first + picture * source.size;
    const near = from + (y >> 1) * source.row;
    const far = from + neighbour(y, height / 2 - 1) * source.row;
    for (let x = 0; x < width; x++) {
      const here = (x >> 1) * pixel;
      const beside = neighbour(x, width / 2 - 1) * pixel;
      for (let channel = 0; channel < pixel; channel++)
        numbers[start + x * pixel + channel] =
          0.5625 * numbers[near + here + channel] +
          0.1875 * (numbers[far + here + channel] + numbers[near + beside + channel]) +
          0.0625 * numbers[far + beside + channel];
    }
  });
}

const clamped = (value) => Math.max(-1, Math.min(1, value));

function bound(numbers, target, by, count) {
  const length = target.width * target.pixel;
  eachRow(target, count, (start) => {
    for (let at = start; at < start + length; at++) numbers[at] = by(numbers[at]);
  });
}
