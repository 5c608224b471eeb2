// hash.js - a worker: the SHA-256 (FIPS 180-4) of a Blob, piece by piece, so that its size does not matter.
// Takes a Blob; says {done: bytes} now and then, and {sha256} or {error} at the end.
const K = new Int32Array(64),
  first = new Int32Array(8);
for (let n = 2, i = 0; i < 64; n++) {
  let prime = true;
  for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
  if (!prime) continue;
  if (i < 8) first[i] = (Math.sqrt(n) % 1) * 2 ** 32;
  K[i++] = (Math.cbrt(n) % 1) * 2 ** 32;
}

export class Sha256 {
  constructor() {
    this.h = new Int32Array(first);
    this.w = new Int32Array(64);
    this.rest = new Uint8Array(64);
    this.n = 0;
  }

  block(data, at) {
    const { h: H, w } = this;
    for (let i = 0; i < 16; i++, at += 4)
      w[i] = (data[at] << 24) | (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3];
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15],
        y = w[i - 2];
      w[i] = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      w[i] += (((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)) + w[i - 16] + w[i - 7];
    }
    let a = H[0],
      b = H[1],
      c = H[2],
      d = H[3],
      e = H[4],
      f = H[5],
      g = H[6],
      k = H[7];
    for (let i = 0; i < 64; i++) {
      const one =
        (k +
          (((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))) +
          (g ^ (e & (f ^ g))) +
          K[i] +
          w[i]) |
        0;
      const two =
        ((((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))) +
          ((a & b) | (c & (a | b)))) |
        0;
      k = g;
      g = f;
      f = e;
      e = (d + one) | 0;
      d = c;
      c = b;
      b = a;
      a = (one + two) | 0;
    }
    H[0] += a;
    H[1] += b;
    H[2] += c;
    H[3] += d;
    H[4] += e;
    H[5] += f;
    H[6] += g;
    H[7] += k;
  }

  update(data) {
    let at = 0;
    const have = this.n % 64;
    this.n += data.length;
    if (have) {
      at = Math.min(64 - have, data.length);
      this.rest.set(data.subarray(0, at), have);
      if (have + at < 64) return;
      this.block(this.rest, 0);
    }
    for (; at + 64 <= data.length; at += 64) this.block(data, at);
    this.rest.set(data.subarray(at));
  }

  hex() {
    const n = this.n,
      pad = new Uint8Array((n % 64 < 56 ? 64 : 128) - (n % 64));
    pad[0] = 0x80;
    new DataView(pad.buffer).setBigUint64(pad.length - 8, BigInt(n) * 8n);
    this.update(pad);
    return [...this.h].map(x => (x >>> 0).toString(16).padStart(8, '0')).join('');
  }
}

if (typeof WorkerGlobalScope !== 'undefined')
  onmessage = async ({ data: blob }) => {
    try {
      const hash = new Sha256(),
        reader = blob.stream().getReader();
      for (let told = 0, piece; !(piece = await reader.read()).done;) {
        hash.update(piece.value);
        if (hash.n - told > 4 << 20) postMessage({ done: (told = hash.n) });
      }
      postMessage({ sha256: hash.hex() });
    } catch (e) {
      postMessage({ error: String(e.message ?? e) });
    }
  };
