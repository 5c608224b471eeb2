// api.js - the JSON API of the program that served this page. What goes wrong is a Problem, whose words are
// for people.

export class Problem extends Error {
  constructor(status, body) {
    super(body?.detail || body?.title || `HTTP ${status}`);
    this.status = status;
    this.code = body?.code;
    this.hint = body?.hint;
  }
}

// Where a session has ended the page asks to sign in again.
let onSignedOut = () => {};
export const whenSignedOut = f => {
  onSignedOut = f;
};

export const path = (...parts) => '/api/v1/' + parts.map(encodeURIComponent).join('/');
export const query = words => {
  const q = new URLSearchParams(
    Object.entries(words).filter(([, v]) => v !== '' && v !== null && v !== undefined && v !== false)
  );
  return q.size ? '?' + q : '';
};

export async function read(answer) {
  if (answer.ok) return answer;
  let body = null;
  try {
    body = await answer.json();
  } catch {
    /* no problem+json: the status has to do */
  }
  const problem = new Problem(answer.status, body);
  if (answer.status === 401 && body?.code !== 'WRONG_KEY') onSignedOut(problem);
  throw problem;
}

export async function ask(method, target, body, headers = {}) {
  const options = { method, headers: { Accept: 'application/json', ...headers } };
  if (method !== 'GET') options.headers['X-Hivemind-Csrf'] = '1';
  if (body !== undefined) {
    options.headers['Content-Type'] = 'application/json';
    options.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(target, options);
  } catch (e) {
    if (e.name === 'AbortError') throw e;
    throw new Problem(0, {
      code: 'GONE',
      detail: 'The program behind this page does not answer.',
      hint: 'Start it again and reload.'
    });
  }
  await read(answer);
  return answer.status === 204 ? null : answer.json();
}

export const get = (target, headers) => ask('GET', target, undefined, headers);
export const post = (target, body = {}, headers) => ask('POST', target, body, headers);
export const del = (target, headers) => ask('DELETE', target, undefined, headers);

// What a value was: [[ms, value]...], without the times at which nobody looked.
export async function series(name, step, since) {
  const s = await get(path('series') + query({ name, step, since })),
    from = Date.parse(s.from);
  return s.values.map((v, i) => [from + i * step * 1000, v]).filter(v => v[1] !== null);
}

// A name under which a request may be repeated.
export const once = () =>
  [...crypto.getRandomValues(new Uint8Array(10))].map(b => b.toString(16).padStart(2, '0')).join('');
