"use strict";

// Files that the page saves: PNG and animated PNG by an encoder of its own, films by the browser's.

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let i = 0; i < 8; i++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** Return one chunk of a PNG (PNG Specification, third edition, section 5.3). */
function chunk(name, ...parts) {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(12 + length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = name.charCodeAt(i);
  let at = 8;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  let crc = 0xffffffff;
  for (let i = 4; i < at; i++) crc = CRC[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  view.setUint32(at, ~crc >>> 0);
  return bytes;
}

/** Return bytes compressed in zlib's format (RFC 1950), or wrapped in it where the browser cannot compress. */
async function deflated(bytes) {
  if (typeof CompressionStream === "function") {
    const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }
  const blocks = [Uint8Array.of(0x78, 1)];
  let [a, b] = [1, 0];
  for (let at = 0; at < bytes.length || at === 0; at += 65535) {
    const part = bytes.subarray(at, at + 65535);
    const last = at + 65535 >= bytes.length ? 1 : 0;
    blocks.push(Uint8Array.of(last, part.length & 255, part.length >> 8, ~part.length & 255, (~part.length >> 8) & 255), part);
    for (const byte of part) b = (b + (a = (a + byte) % 65521)) % 65521;
  }
  blocks.push(Uint8Array.of(b >> 8, b & 255, a >> 8, a & 255));
  return new Uint8Array(await new Blob(blocks).arrayBuffer());
}

/** Return rows of pixels as PNG compresses them: of the wanted channels, each less what Paeth (1991) expects. */
function filtered({ pixels, width, height }, channels) {
  const chosen = channels === 1 ? [0] : channels === 3 ? [0, 1, 2] : [0, 1, 2, 3];
  const row = width * channels;
  const rows = new Uint8Array(height * (1 + row));
  const at = (y, x, channel) => (y < 0 || x < 0 ? 0 : pixels[4 * (y * width + x) + channel]);
  for (let y = 0, to = 0; y < height; y++) {
    rows[to++] = 4;
    for (let x = 0; x < width; x++)
      for (const channel of chosen) {
        const [left, above, corner] = [at(y, x - 1, channel), at(y - 1, x, channel), at(y - 1, x - 1, channel)];
        const [a, b, c] = [Math.abs(above - corner), Math.abs(left - corner), Math.abs(left + above - 2 * corner)];
        rows[to++] = at(y, x, channel) - (a <= b && a <= c ? left : b <= c ? above : corner);
      }
  }
  return rows;
}

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const COLOURS = { 1: 0, 3: 2, 4: 6 };

function bigEndian(...numbers) {
  const bytes = new Uint8Array(4 * numbers.length);
  numbers.forEach((number, i) => new DataView(bytes.buffer).setUint32(4 * i, number));
  return bytes;
}

function header({ width, height }, channels) {
  return chunk("IHDR", bigEndian(width, height), Uint8Array.of(8, COLOURS[channels], 0, 0, 0));
}

/** Return chunks with text, in UTF-8. */
function texts(metadata) {
  const encode = (text) => new TextEncoder().encode(text);
  return Object.entries(metadata).map(([key, value]) =>
    chunk("iTXt", encode(key), Uint8Array.of(0, 0, 0, 0, 0), encode(value)));
}

/** Return a picture {pixels, width, height}, four numbers a pixel, as a PNG of 1, 3 or 4 channels. */
async function png(picture, channels, metadata) {
  const data = await deflated(filtered(picture, channels));
  return new Blob([SIGNATURE, header(picture, channels), ...texts(metadata), chunk("IDAT", data), chunk("IEND")], { type: "image/png" });
}

/** Return pictures of one size as an animated PNG that repeats without end; what is done ends where `cancelled` says so. */
async function animatedPng(frames, channels, perSecond, metadata, cancelled) {
  const first = frames[0];
  const parts = [SIGNATURE, header(first, channels), ...texts(metadata), chunk("acTL", bigEndian(frames.length, 0))];
  const [delay, base] = [1000, Math.round(1000 * perSecond)];
  const divided = base < 65536 ? [delay, base] : [1, Math.round(perSecond)];
  let number = 0;
  for (const frame of frames) {
    if (cancelled()) break;
    const time = Uint8Array.of(divided[0] >> 8, divided[0] & 255, divided[1] >> 8, divided[1] & 255, 0, 0);
    parts.push(chunk("fcTL", bigEndian(number++, first.width, first.height, 0, 0), time));
    const data = await deflated(filtered(frame, channels));
    parts.push(frame === first ? chunk("IDAT", data) : chunk("fdAT", bigEndian(number++), data));
  }
  return new Blob([...parts, chunk("IEND")], { type: "image/png" });
}

/** Return the kind of film that this browser records, or null. */
function filmKind() {
  if (typeof MediaRecorder !== "function" || !HTMLCanvasElement.prototype.captureStream) return null;
  const kinds = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm", "video/mp4"];
  return kinds.find((kind) => MediaRecorder.isTypeSupported(kind)) || null;
}

/** Return frames recorded by the browser; it takes as long as the film lasts, or until `cancelled` says so. `show` draws a frame on the canvas. */
async function film(canvas, frames, perSecond, show, cancelled) {
  const kind = filmKind();
  const stream = canvas.captureStream();
  const recorder = new MediaRecorder(stream, { mimeType: kind, videoBitsPerSecond: 8e6 });
  const parts = [];
  recorder.ondataavailable = ({ data }) => data.size && parts.push(data);
  const ended = new Promise((resolve) => (recorder.onstop = resolve));
  recorder.start();
  const started = performance.now();
  for (let i = 0; i < frames.length && !cancelled(); i++) {
    show(frames[i], i);
    const wait = started + (1000 * (i + 1)) / perSecond - performance.now();
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, wait)));
  }
  recorder.stop();
  await ended;
  stream.getTracks().forEach((track) => track.stop());
  return new Blob(parts, { type: kind.split(";")[0] });
}

/** Let the user save a file. */
function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
