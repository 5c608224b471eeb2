// pack.js - what was dropped or picked, as one tar: the same files always give the same bytes, those that
// `hivemind submit` gives (exec/bundle_tree.c). But browsers tell neither of empty folders nor which files
// may be run: what begins as a program does.
// A file is a {path, blob, executable}; nothing of it is read before it is sent, but its first bytes.
import { t } from './i18n.js';
import { get, path, query, Problem } from './api.js';

const TRIES = 6;
const BLOCK = 512,
  bytes = new TextEncoder();

// --- what was given -----------------------------------------------------------------------------------

const all = entry =>
  new Promise((done, failed) => {
    const reader = entry.createReader(),
      found = [];
    const more = () =>
      reader.readEntries(some => {
        if (!some.length) return done(found);
        found.push(...some);
        more();
      }, failed);
    more();
  });

async function walk(entry, prefix, out) {
  if (entry.name === '.git') return;
  if (entry.isFile)
    out.push({
      path: prefix + entry.name,
      blob: await new Promise((done, failed) => entry.file(done, failed))
    });
  else for (const child of await all(entry)) await walk(child, prefix + entry.name + '/', out);
}

// Of a drop: entries must be taken before anything is awaited.
export async function dropped(transfer) {
  const entries = [...transfer.items].map(i => i.webkitGetAsEntry?.()).filter(Boolean),
    out = [];
  if (entries.length === 1 && entries[0].isDirectory) {
    for (const child of await all(entries[0])) await walk(child, '', out);
    return given(out, entries[0].name);
  }
  for (const entry of entries) await walk(entry, '', out);
  return given(out, '');
}

// Of a field: files, or the files of a folder, whose own name is left out.
export const picked = list => {
  const inside = list[0]?.webkitRelativePath.split('/')[0];
  return given(
    [...list].map(f => ({
      path: f.webkitRelativePath ? f.webkitRelativePath.slice(inside.length + 1) : f.name,
      blob: f
    })),
    inside
  );
};

async function given(files, name) {
  const one = files.length === 1 ? files[0] : null;
  if (one && /\.(tar|tar\.gz|tgz)$/i.test(one.path)) {
    let tar = one.blob;
    if (!/\.tar$/i.test(one.path))
      tar = await new Response(tar.stream().pipeThrough(new DecompressionStream('gzip'))).blob();
    return {
      name: one.path.replace(/\.(tar|tar\.gz|tgz)$/i, ''),
      source: one.path,
      tar,
      files: await list(tar)
    };
  }
  if (one && /\.zip$/i.test(one.path))
    return {
      name: one.path.slice(0, -4),
      source: one.path.slice(0, -4),
      files: await kept(await unzip(one.blob))
    };
  return {
    name: name || files[0]?.path.replace(/\.\w+$/, '') || 'task',
    source: name || '.',
    files: await kept(files)
  };
}

// --- what is left out, and what may be run ------------------------------------------------------------

// Patterns of names as exec/glob.h has them.
const GLOB = /\*\*\/?|[*?]|\[[!^]?[^][^\]]*\]|\\?[^]/g,
  MEANS = { '**/': '(.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]' };
const plain = text => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
function means(part) {
  if (part.length < 3) return MEANS[part] ?? plain(part.at(-1));
  const negated = /^.[!^]/.test(part) ? '^' : '';
  return MEANS[part] ?? `(?!/)[${negated}${part.slice(negated ? 2 : 1, -1).replace(/[\\\][^]/g, '\\$&')}]`;
}

function rule(line) {
  if (line[0] === '!') throw new Error(`.hivemindignore: ${line}`);
  const [, root, pattern, folder] = /^(\/?)(.*?)(\/?)$/.exec(line);
  return {
    folder,
    whole: root || pattern.includes('/'),
    like: new RegExp('^' + pattern.replace(GLOB, means) + '$')
  };
}

function leftOut(path, rules) {
  const way = path.split('/');
  return way.some(
    (name, i) =>
      name === '.git' ||
      rules.some(
        r =>
          (!r.folder || i < way.length - 1) && r.like.test(r.whole ? way.slice(0, i + 1).join('/') : name)
      )
  );
}

async function kept(files) {
  const ignore = files.find(f => f.path === '.hivemindignore'),
    lines = ignore ? (await ignore.blob.text()).split('\n').map(l => l.trimEnd()) : [],
    rules = lines.filter(l => l && l[0] !== '#').map(rule),
    rest = files.filter(f => f !== ignore && !leftOut(f.path, rules));
  for (const f of rest) {
    const b = new Uint8Array(await f.blob.slice(0, 4).arrayBuffer());
    f.executable =
      (b[0] === 0x23 && b[1] === 0x21) || (b[0] === 0x7f && b[1] === 0x45 && b[2] === 0x4c && b[3] === 0x46);
  }
  return rest;
}

// --- tar ---------------------------------------------------------------------------------------------

// Where a name of more than 100 bytes is divided at a slash; -1: it does not fit.
const cut = name =>
  name.findIndex((c, i) => c === 0x2f && i > 0 && i > name.length - 102 && i < 156 && i + 1 < name.length);

function header(path, size, mode, type) {
  const b = new Uint8Array(BLOCK),
    put = (at, text) => b.set(bytes.encode(text), at),
    octal = (at, n, width) => put(at, n.toString(8).padStart(width - 1, '0'));
  const name = bytes.encode(path),
    at = name.length > 100 ? cut(name) : -1;
  b.set(name.subarray(at + 1, at + 101));
  if (at > 0) b.set(name.subarray(0, at), 345);
  octal(100, mode, 8);
  octal(124, size, 12);
  if (type !== 'x') (octal(108, 0, 8), octal(116, 0, 8), octal(136, 0, 12)); // nobody's, at no time
  put(148, '        ');
  put(156, type);
  put(257, 'ustar\x0000');
  put(
    148,
    b
      .reduce((sum, x) => sum + x, 0)
      .toString(8)
      .padStart(6, '0') + '\0 '
  );
  return b;
}

const padding = size => new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);

function record(key, value) {
  const body = ` ${key}=${value}\n`,
    size = bytes.encode(body).length;
  let n = size;
  while (n !== size + String(n).length) n = size + String(n).length;
  return n + body;
}

// Folder by folder, each by its name, the manifest first.
const order = f => (f.path === 'hivemind.json' ? '' : f.path.replaceAll('/', '\0'));

// A Blob that refers to the files: however large they are, they are not in memory.
export function pack(files) {
  const parts = [],
    folders = new Set();
  const entry = (path, size, mode, type) => {
    const name = bytes.encode(path),
      long = name.length > 100 && cut(name) < 0,
      large = size >= 8 ** 11;
    if (long || large) {
      const extra = bytes.encode((long ? record('path', path) : '') + (large ? record('size', size) : ''));
      parts.push(header('pax', extra.length, 0o644, 'x'), extra, padding(extra.length));
    }
    parts.push(header(path, large ? 0 : size, mode, type));
  };
  for (const f of [...files].sort((a, b) => (order(a) < order(b) ? -1 : 1))) {
    for (const { index } of f.path.matchAll(/\//g)) {
      const folder = f.path.slice(0, index + 1);
      if (!folders.has(folder)) entry(folder, 0, 0o755, '5');
      folders.add(folder);
    }
    entry(f.path, f.blob.size, f.executable ? 0o755 : 0o644, '0');
    parts.push(f.blob, padding(f.blob.size));
  }
  parts.push(new Uint8Array(2 * BLOCK));
  return new Blob(parts, { type: 'application/x-tar' });
}

// What is in a tar, as far as it can be shown; whether it is right, the pool says.
async function list(tar) {
  const found = [],
    text = (b, at, n) => new TextDecoder().decode(b.subarray(at, at + n)).replace(/\0[^]*$/, '');
  let longer = '';
  for (let at = 0; at + BLOCK <= tar.size && found.length < 100000;) {
    const b = new Uint8Array(await tar.slice(at, at + BLOCK).arrayBuffer());
    if (!b[0]) break;
    const size = parseInt(text(b, 124, 12), 8) || 0,
      type = text(b, 156, 1) || '0',
      blob = tar.slice(at + BLOCK, at + BLOCK + size);
    const name =
      (text(b, 257, 5) === 'ustar' && text(b, 345, 155) ? text(b, 345, 155) + '/' : '') + text(b, 0, 100);
    if (type === 'x') longer = /(?:^|\n)\d+ path=([^\n]*)/.exec(await blob.text())?.[1] ?? '';
    else if (type === 'L') longer = (await blob.text()).replace(/\0[^]*$/, '');
    else {
      if (type === '0')
        found.push({
          path: (longer || name).replace(/^\.\//, ''),
          blob,
          executable: (parseInt(text(b, 100, 8), 8) & 0o111) !== 0
        });
      longer = '';
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return found;
}

// --- zip: what its directory names, stored or deflated -----------------------------------------------------

async function unzip(zip) {
  const tail = new DataView(await zip.slice(-65557).arrayBuffer());
  let end = tail.byteLength - 22;
  while (end >= 0 && tail.getUint32(end, true) !== 0x06054b50) end--;
  if (end < 0) throw new Error('zip');
  const count = tail.getUint16(end + 10, true),
    from = tail.getUint32(end + 16, true),
    out = [];
  const dir = await zip.slice(from, from + tail.getUint32(end + 12, true)).arrayBuffer(),
    d = new DataView(dir);
  for (let i = 0, at = 0; i < count && at + 46 <= dir.byteLength; i++) {
    const method = d.getUint16(at + 10, true),
      size = d.getUint32(at + 20, true),
      n = d.getUint16(at + 28, true),
      where = d.getUint32(at + 42, true);
    const path = new TextDecoder().decode(new Uint8Array(dir, at + 46, n)),
      local = new DataView(await zip.slice(where, where + 30).arrayBuffer());
    const start = where + 30 + local.getUint16(26, true) + local.getUint16(28, true),
      data = zip.slice(start, start + size);
    if (!path.endsWith('/'))
      out.push({
        path,
        blob:
          method === 0
            ? data
            : await new Response(data.stream().pipeThrough(new DecompressionStream('deflate-raw'))).blob()
      });
    at += 46 + n + d.getUint16(at + 30, true) + d.getUint16(at + 32, true);
  }
  const top = out[0]?.path.split('/')[0] + '/';
  return out.length && out.every(f => f.path.startsWith(top))
    ? out.map(f => ({ ...f, path: f.path.slice(top.length) }))
    : out;
}

// --- its name, and its way -------------------------------------------------------------------------------

export const hash = (blob, progress, signal) =>
  new Promise((done, failed) => {
    const worker = new Worker('/hash.js', { type: 'module' });
    const end = f => x => {
      worker.terminate();
      f(x);
    };
    signal?.addEventListener('abort', () => end(failed)(new DOMException('', 'AbortError')));
    worker.onmessage = ({ data }) =>
      data.sha256
        ? end(done)(data.sha256)
        : data.error
          ? end(failed)(new Error(data.error))
          : progress(data.done);
    worker.onerror = e => end(failed)(new Error(e.message));
    worker.postMessage(blob);
  });

// PUT or PATCH of a Blob, with progress; fetch() tells none.
const send = (method, address, blob, offset, progress, signal) =>
  new Promise((done, failed) => {
    const x = new XMLHttpRequest();
    x.open(method, address);
    x.setRequestHeader('Content-Type', 'application/x-tar');
    x.setRequestHeader('X-Hivemind-Csrf', '1');
    x.setRequestHeader('Upload-Offset', offset);
    x.upload.onprogress = e => progress(offset + e.loaded);
    const fail = (status, body) => failed(new Problem(status, body));
    x.onload = () => {
      let body = null;
      try {
        body = JSON.parse(x.responseText);
      } catch {
        /* the status has to do */
      }
      if (x.status < 300) done(body);
      else fail(x.status, body);
    };
    x.onerror = () => fail(0, { detail: t('send.broke') });
    x.onabort = () => failed(new DOMException('', 'AbortError'));
    signal.addEventListener('abort', () => x.abort());
    x.send(blob.slice(offset));
  });

// From where the pool has it, again and again while it gets further.
export async function upload(tar, sha256, progress, signal) {
  const address = path('bundles', sha256) + query({ bytes: tar.size });
  for (let tries = 0, before = -1; ;) {
    try {
      const there = await get(address);
      if (there.complete) return;
      if (there.offset > before) tries = 0;
      before = there.offset;
      if ((await send(there.offset ? 'PATCH' : 'PUT', address, tar, there.offset, progress, signal)).complete)
        return;
    } catch (e) {
      if (signal.aborted || ![0, 409, 502, 503, 504].includes(e.status) || ++tries >= TRIES) throw e;
      await new Promise(done => setTimeout(done, 500 * 2 ** tries));
    }
  }
}
