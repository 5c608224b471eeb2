// model.js - what is known just now: loaded once, then kept by events. Screens watch it; nothing asks again
// and again.
import { get, path, query, series } from './api.js';
import { live } from './live.js';

const ENDED_KEPT = 300,
  LIVE_KEPT = 1000,
  FEED = 10,
  POINTS = 240,
  STEP = 15000; // together an hour

export const model = {
  account: null,
  pool: '',
  balance: null,
  ready: false,
  problem: null,
  more: false,
  tasks: new Map(),
  workers: new Map(),
  feed: [],
  history: { running: [], waiting: [], workers: [], balance: [] }
};

const watchers = new Set();
export function watch(f) {
  watchers.add(f);
  return () => watchers.delete(f);
}
const changed = (kind, item) => watchers.forEach(f => f(kind, item));

export const isLive = k => k.state === 'PENDING' || k.state === 'RUNNING';
export const isOn = w => w.state !== 'lost';
export const list = () => [...model.tasks.values()];
export const some = state => list().filter(k => k.state === state);

export function counts() {
  const n = {
    running: 0,
    waiting: 0,
    workers: 0,
    balance: Number(model.balance?.balance_cpt ?? 0),
    offered: 0,
    used: 0
  };
  for (const k of model.tasks.values())
    ((n.running += k.state === 'RUNNING'), (n.waiting += k.state === 'PENDING'));
  for (const w of model.workers.values())
    if (isOn(w)) (n.workers++, (n.offered += w.cpus.offered), (n.used += w.cpus.used));
  return n;
}

// A point when something has changed, one in STEP; the oldest go.
function note() {
  const n = counts(),
    ms = Date.now();
  for (const [name, values] of Object.entries(model.history)) {
    const last = values.at(-1);
    if (last && last[1] === n[name] && values.at(-2)?.[1] === n[name]) last[0] = ms;
    else if (last && ms - last[0] < STEP && values.length > 1) last[1] = n[name];
    else values.push([ms, n[name]]);
    if (values.length > POINTS) values.shift();
  }
}

// What has ended longest ago is forgotten first.
function trim() {
  if (model.tasks.size <= LIVE_KEPT + ENDED_KEPT) return;
  let over = model.tasks.size - LIVE_KEPT;
  for (const [id, k] of model.tasks) if (over > 0 && !isLive(k)) (model.tasks.delete(id), over--);
  for (const id of model.tasks.keys()) {
    if (model.tasks.size <= LIVE_KEPT + ENDED_KEPT) break;
    model.tasks.delete(id);
  }
}

function news(k, old) {
  if (old && old.state === k.state) return;
  model.feed.unshift({
    time: Date.now(),
    id: k.id,
    name: k.name,
    state: k.state,
    worker: k.worker?.name ?? ''
  });
  model.feed.length = Math.min(FEED, model.feed.length);
}

let touched = null;
live.on('task', k => {
  touched?.add(k.id);
  const old = model.tasks.get(k.id);
  news(k, old);
  if (old && !isLive(k)) model.tasks.delete(k.id); // to the end: it is the newest of those that have ended
  model.tasks.set(k.id, k);
  trim();
  note();
  changed('task', k);
});
live.on('removed', ({ id }) => {
  touched?.add(id);
  model.tasks.delete(id);
  note();
  changed('removed', { id });
});
live.on('worker', w => {
  w.seen = Date.now();
  model.workers.set(w.id, w);
  note();
  changed('worker', w);
});
live.on('left', ({ id }) => {
  model.workers.delete(id);
  note();
  changed('left', { id });
});
live.on('balance', b => {
  model.balance = b;
  note();
  changed('balance', b);
});

export function takeWorkers(all) {
  model.workers = new Map(all.map(w => [w.id, { ...w, seen: Date.now() }]));
  changed('worker');
}

// Everything anew. What events have said meanwhile is newer than what the lists say.
let loading = null;
async function ask() {
  touched = new Set();
  try {
    const [running, last, workers, balance] = await Promise.all([
      get(path('tasks') + query({ state: 'PENDING,RUNNING', limit: 500 })),
      get(path('tasks') + query({ limit: 30 })),
      get(path('workers')),
      get(path('account', 'balance'))
    ]);
    const kept = new Map([...model.tasks].filter(([id]) => touched.has(id)));
    model.tasks = new Map(
      [...last.tasks.filter(k => !isLive(k)).reverse(), ...running.tasks.reverse()].map(k => [k.id, k])
    );
    for (const [id, k] of kept) model.tasks.set(id, k);
    if (!model.feed.length)
      last.tasks
        .slice(0, FEED)
        .forEach(k =>
          model.feed.push({
            time: Date.parse(k.ended ?? k.started ?? k.created),
            id: k.id,
            name: k.name,
            state: k.state,
            worker: k.worker?.name ?? ''
          })
        );
    model.feed.sort((a, b) => b.time - a.time);
    model.more = running.next !== null;
    model.balance = balance;
    model.problem = null;
    takeWorkers(workers.workers);
  } catch (e) {
    model.problem = e;
  }
  touched = null;
  model.ready = true;
  note();
  changed('all');
  if (!model.problem) before().catch(() => {}); // without it they begin now
}

export const load = () => (loading = (loading ?? Promise.resolve()).then(ask));

// What happened before the events begin is in none of them.
// What was before this page: the pool's workers as it has them, the balance by what has changed it since.
async function before() {
  const [workers, { lines }] = await Promise.all([
      series('workers', 1, '1h'),
      get(path('account', 'statement') + query({ limit: 200, since: '1h' }))
    ]),
    every = Math.ceil(workers.length / POINTS),
    now = Date.now();
  let has = Number(model.balance.balance_cpt);
  const balance = [[now, has]];
  for (const l of lines) {
    const ms = Date.parse(l.time);
    balance.unshift([ms, has]);
    has -= Number(l.amount_cpt);
    balance.unshift([ms, has]);
  }
  if (lines.length < 200) balance.unshift([now - 3600000, has]);
  model.history.workers = workers.filter((_, i) => i % every === 0);
  model.history.balance = balance.slice(-POINTS);
  note();
  changed('all');
}

export function follow() {
  if (!loading || model.problem) {
    model.ready = false;
    load();
  }
  live.on('reset', load);
}
