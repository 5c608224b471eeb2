// task.js - one task: what it does, in words; its log, files, usage, cost and manifest.
import { h, put, say } from './dom.js';
import { t, cpt, number, percent, bytes, seconds, when } from './i18n.js';
import { get, post, del, path, query, read, once } from './api.js';
import { watch, isLive } from './model.js';
import { head, does, stateOf, bar, facts, table, tabs, unseen, copy, waiting, trouble, empty, confirm, lazily, announce, go } from './shell.js';
import { timeline, lines } from './plot.js';
import { sentence, shortId, machine, progressOf, kindOf } from './words.js';
import { log } from './log.js';

const TEXT = /\.(txt|log|md|csv|tsv|json|py|sh|ya?ml|c|h|out)$/i, PICTURE = /\.(png|jpe?g|gif|webp)$/i, SHOWN = 64 * 1024;

// --- what is shown of it ------------------------------------------------------------------------------

const NAMES = ['queued', 'staged', 'ran', 'collected'];

// A lane for each attempt; the first one also waited.
function lanesOf(k, attempts) {
  const ms = time => time ? Date.parse(time) : 0, now = Date.now();
  return (attempts.length ? attempts : [{ attempt: 1, ended: k.ended }]).map((a, i) => {
    const at = [i ? 0 : ms(k.created), ms(a.assigned), ms(a.started), ms(a.exited), ms(a.ended)], end = at[4] || now;
    return { name: t('attempt', { n: a.attempt }) + (a.worker ? ` · ${a.worker.name ?? a.worker.id}` : ''), reason: a.reason,
      spans: NAMES.map((name, n) => at[n] && { name: t('part.' + name), kind: n, from: at[n], to: Math.max(at[n], at.slice(n + 1).find(Boolean) || end) }).filter(Boolean) };
  });
}

function drawTimeline(k, attempts) {
  const lanes = lanesOf(k, attempts), long = p => `${p.name} ${seconds((p.to - p.from) / 1000)}`;
  return h('section', { class: 'card stack tight' }, h('h2', null, t('timeline')), k.losses > 0 && h('p', { class: 'note warn' }, t('timeline.lost', { n: k.losses })),
    timeline({ title: t('timeline'), desc: lanes.map(l => `${l.name}: ${l.spans.map(long).join(', ')}`).join('; '), unit: seconds, lanes }),
    h('ul', { class: 'list small' }, lanes.map(l => h('li', null, h('b', null, l.name), h('div', { class: 'row soft' }, l.spans.map(p =>
      h('span', { class: 'part k' + p.kind }, long(p)))), l.reason && h('div', { class: 'soft any' }, l.reason)))));
}

function summary(view) {
  return panel => {
    const line = h('div', { class: 'stack' }), reasons = h('div'), times = h('div'), more = h('div');
    let explained = '', known = '', attempts = [];
    put(panel, h('div', { class: 'stack' }, line, reasons, times, more));
    const draw = () => {
      const k = view.task, kind = { FAILED: 'bad', COMPLETED: 'good', PENDING: 'warn' }[k.state] ?? '';
      put(line, h('p', { class: 'note ' + kind }, sentence(k)), k.state === 'RUNNING' && bar(progressOf(k), k.name));
      put(more, h('section', { class: 'card' }, facts([[t('worker'), machine(k)], [t('created'), when(k.created)], [t('started'), when(k.started)], [t('ended'), when(k.ended)],
        [t('attempts'), number(Math.max(1, k.epoch))], [t('cost'), cpt(k.cost.spent_cpt)], k.keep_until && [t('kept'), when(k.keep_until)],
        [t('id'), h('code', null, k.id)]])));
      const now = k.state + k.phase + k.epoch;
      if (now !== known) get(path('tasks', k.id, 'attempts')).then(a => { attempts = a.attempts; view.draw(); }, e => put(times, trouble(e)));
      known = now;
      if (!times.contains(document.activeElement) && attempts.length) put(times, drawTimeline(k, attempts));
      const key = k.state + k.reason;
      if (k.state === 'PENDING' && key !== explained) explain(reasons, k);
      else if (k.state !== 'PENDING') put(reasons);
      explained = key;
    };
    draw();
    return view.watch(draw);
  };
}

async function explain(node, k) {
  try {
    const e = await get(path('tasks', k.id, 'explain'));
    put(node, h('section', { class: 'card' }, h('h2', null, t('explain')), e.workers.length ? h('ul', { class: 'list' }, e.workers.map(w =>
      h('li', { class: 'row between' }, h('b', { class: 'cut' }, w.name), h('span', { class: 'soft any' }, w.fits ? t('explain.fits') : w.reason)))) : h('p', null, t('explain.none'))));
  } catch (problem) {
    put(node, trouble(problem));
  }
}

function usage(view) {
  return panel => {
    const draw = () => {
      const k = view.task, u = k.usage, need = k.spec?.resources;
      if (!u || !need) return put(panel, empty(t(isLive(k) ? 'usage.later' : 'usage.none')));
      const cores = u.wall > 0 ? u.cpu / u.wall : 0;
      const part = (name, used, limit, show) => h('section', { class: 'card stack tight' }, h('div', { class: 'row between' }, h('h2', null, t(name)),
        h('b', { class: 'num' }, t('of', { used: show(used), limit: show(limit) }))), bar(limit ? used / limit : 0, t(name), used / limit > .9), h('span', { class: 'soft small' }, percent(limit ? used / limit : 0)));
      put(panel, h('div', { class: 'stack' }, part('usage.cpu', cores, need.cpus, n => number(n)), part('usage.memory', u.peak_memory, need.memory, bytes),
        part('usage.time', u.wall, k.spec.time_limit, seconds),
        view.cores.length > 2 && h('section', { class: 'card' }, h('h2', null, t('usage.live')), lines({ title: t('usage.live'), desc: t('of', { used: number(cores), limit: number(need.cpus) }),
          series: [{ name: t('usage.cpu'), values: view.cores }], limit: need.cpus }))));
    };
    draw();
    return view.watch(draw);
  };
}

// --- files ---------------------------------------------------------------------------------------------

const fileAt = (id, file) => path('tasks', id, 'files') + '/' + file.split('/').map(encodeURIComponent).join('/');

async function preview(place, id, f) {
  const address = fileAt(id, f.path), title = h('div', { class: 'row between' }, h('h2', { class: 'any' }, f.path), h('a', { class: 'button', href: address + '?download=true', download: '' }, t('download')));
  if (PICTURE.test(f.path)) return put(place, title, h('img', { class: 'file', src: address, alt: f.path }));
  if (!TEXT.test(f.path)) return put(place, title, h('p', { class: 'soft' }, t('files.only')));
  put(place, title, waiting());
  try {
    const text = f.bytes ? await (await read(await fetch(address, { headers: f.bytes > SHOWN ? { Range: `bytes=0-${SHOWN - 1}` } : {} }))).text() : '';
    put(place, title, h('pre', { class: 'file', tabindex: 0, 'aria-label': f.path }, text || t('files.empty')), f.bytes > SHOWN && h('p', { class: 'soft' }, t('files.part', { shown: bytes(SHOWN) })));
  } catch (e) {
    put(place, title, trouble(e));
  }
  announce(f.path);
}

function files(view) {
  return panel => {
    let shown = '', over = false;
    const draw = async () => {
      const k = view.task, key = k.result?.sha256 ?? k.state;
      if (key === shown) return;
      shown = key;
      if (!k.result) return put(panel, empty(t(isLive(k) ? 'files.later' : 'files.none')));
      put(panel, waiting());
      try {
        const list = await get(path('tasks', k.id, 'files')), place = h('section', { class: 'card stack', hidden: true, 'aria-live': 'polite' });
        if (over) return;
        put(panel, h('div', { class: 'stack' }, h('section', { class: 'card' }, h('div', { class: 'row between' }, h('h2', null, t('files.n', { n: number(list.files.length), size: bytes(list.bytes) })),
          h('a', { class: 'button main', href: path('tasks', k.id, 'result'), download: `${shortId(k.id)}.tar` }, t('files.all'))),
        table([t('file'), [t('size'), 'num'], unseen(t('download'))], h('tbody', null, list.files.slice(0, 2000).map(f => h('tr', null,
          h('td', null, h('button', { class: 'plain any', onclick: () => { place.hidden = false; preview(place, k.id, f); } }, f.path)), h('td', { class: 'num' }, bytes(f.bytes)),
          h('td', { class: 'num' }, h('a', { href: fileAt(k.id, f.path) + '?download=true', download: '', 'aria-label': t('download') + ' ' + f.path }, t('download')))))), t('files'))), place));
      } catch (e) {
        put(panel, trouble(e));
      }
    };
    draw();
    const end = view.watch(draw);
    return () => { over = true; end(); };
  };
}

// --- cost and manifest -----------------------------------------------------------------------------------

// Where the hold went: sums of ticks; the end, whatever it was, takes the rest of the cost.
function ticksOf(k) {
  let sum = 0;
  const points = [];
  for (const l of k.lines.toReversed()) {
    if (l.kind === 'hold') points.push([Date.parse(l.time), 0]);
    else if (l.kind === 'tick') points.push([Date.parse(l.time), sum -= Number(l.amount_cpt)]);
    else if (l.charge_cpt) points.push([Date.parse(l.time), sum = Number(l.charge_cpt)]);
  }
  return points;
}

function cost(view) {
  return panel => {
    const now = h('b'), most = h('span', { class: 'soft' }), ticks = h('div'), rows = h('div');
    let shown = null, asked = 0, over = false;
    put(panel, h('div', { class: 'stack' }, h('section', { class: 'card tile' }, h('span', { class: 'soft' }, t('cost.so')), now, most), ticks, rows));
    async function read() {
      const k = await get(path('tasks', view.task.id, 'cost') + query({ limit: 500 }));
      if (over || panel.contains(document.activeElement?.closest('.card'))) return;
      put(ticks, h('section', { class: 'card' }, h('h2', null, t('cost.ticks')), lines({ title: t('cost.ticks'), desc: cpt(k.spent_cpt), series: [{ name: 'CPT', values: ticksOf(k) }], unit: n => number(n, 3) })));
      put(rows, h('section', { class: 'card' }, h('h2', null, t('cost.lines')), table([t('plot.time'), t('kind'), t('to'), t('attempt.n'), [t('ran'), 'num'], [t('amount'), 'num']],
        h('tbody', null, k.lines.map(l => h('tr', null, h('td', null, when(l.time)), h('td', null, kindOf(l)), h('td', { class: 'any' }, l.name ?? l.counterparty), h('td', null, l.attempt ?? '–'),
          h('td', { class: 'num' }, seconds(l.seconds)), h('td', { class: 'num' }, cpt(l.amount_cpt))))), t('cost.lines'))));
    }
    const draw = () => {
      const k = view.task, key = k.state + k.cost.spent_cpt;
      say(now, cpt(k.cost.spent_cpt));
      say(most, t('cost.most', { most: cpt(k.cost.reserved_cpt ?? '0') }));
      if (key === shown || (isLive(k) && Date.now() - asked < 2000)) return;
      shown = key;
      asked = Date.now();
      read().catch(e => put(rows, trouble(e)));
    };
    draw();
    const end = view.watch(draw);
    return () => { over = true; end(); };
  };
}

// A task's spec as the manifest that would give it again.
export function manifestOf(spec) {
  const m = { hivemind: 1, name: spec.name };
  if (spec.image) m.image = spec.image;
  m.command = spec.command;
  if (Object.keys(spec.env).length) m.env = spec.env;
  m.resources = spec.resources;
  if (spec.outputs.length) m.outputs = spec.outputs;
  m.time_limit = spec.time_limit;
  m.grace = spec.grace;
  m.keep = spec.keep;
  m.max_output = spec.max_output;
  if (spec.max_cpt) m.max_cpt = spec.max_cpt;
  if (spec.on_disconnect && spec.on_disconnect !== 'requeue') m.on_disconnect = spec.on_disconnect;
  if (Object.keys(spec.retry?.on_exit ?? {}).length) m.retry = spec.retry;
  if (Object.keys(spec.labels).length) m.labels = spec.labels;
  return m;
}

const manifest = view => panel => {
  const text = JSON.stringify(manifestOf(view.task.spec), null, 2);
  put(panel, h('div', { class: 'stack' }, h('pre', { class: 'file', tabindex: 0, 'aria-label': t('manifest') }, text), view.task.bundle && facts([[t('bundle'), h('code', { class: 'any' }, view.task.bundle.sha256)], [t('size'), bytes(view.task.bundle.bytes)]])));
};

// --- the screen -------------------------------------------------------------------------------------------

export async function task(main, [id, tab]) {
  put(main, waiting());
  const first = await get(path('tasks', id)), watchers = new Set();
  const view = { task: first, cores: [], watch: f => { watchers.add(f); return () => watchers.delete(f); } };
  const title = head(first.name), state = h('span'), acts = h('div', { class: 'row' });
  title.append(state, acts);
  const commands = [`hivemind status ${shortId(first.id)}`, `hivemind logs ${shortId(first.id)} --follow`, `hivemind get ${shortId(first.id)}`];

  const act = {
    stop: does(async () => await confirm(t('stop'), t('stop.sure', { name: first.name }), t('stop')) && apply(await post(path('tasks', first.id, 'stop'), {}, { 'Idempotency-Key': once() }))),
    remove: does(async () => {
      if (!await confirm(t('remove'), t('remove.sure', { name: first.name }), t('remove'))) return;
      await del(path('tasks', first.id), { 'Idempotency-Key': once() });
      go('tasks');
    }),
  };
  let shown = '';
  function buttons() {
    const k = view.task;
    if (shown === k.state) return;
    shown = k.state;
    put(state, stateOf(k.state));
    put(acts, isLive(k) ? h('button', { class: 'danger', 'data-f': 'act', onclick: act.stop }, t('stop')) : h('button', { class: 'danger', 'data-f': 'act', onclick: act.remove }, t('remove')),
      h('a', { class: 'button', href: '#/submit?from=' + k.id }, t('clone')));
  }

  function apply(k) {
    const was = view.task;
    view.task = { ...k, spec: k.spec ?? was.spec, bundle: k.bundle ?? was.bundle, cost: { ...k.cost, reserved_cpt: k.cost.reserved_cpt ?? was.cost.reserved_cpt } };
    if (k.usage && was.usage && k.usage.wall > was.usage.wall) view.cores.push([Date.now(), (k.usage.cpu - was.usage.cpu) / (k.usage.wall - was.usage.wall)]);
    if (view.cores.length > 600) view.cores.shift();
    if (k.state !== was.state) announce(t('state.' + k.state));
    soon();
  }
  const soon = view.draw = lazily(() => { buttons(); watchers.forEach(f => f()); });

  buttons();
  const pick = tabs(first.name, [['summary', t('tab.summary'), summary(view)], ['logs', t('tab.logs'), log(view)], ['files', t('tab.files'), files(view)], ['usage', t('tab.usage'), usage(view)],
    ['cost', t('tab.cost'), cost(view)], ['manifest', t('tab.manifest'), manifest(view)], ['terminal', t('tab.terminal'), panel => { put(panel, h('div', { class: 'stack' }, commands.map(copy))); }]],
  tab, name => history.replaceState(null, '', `#/task/${id}/${name}`));
  put(main, title, pick.node);
  const end = watch((kind, k) => {
    if (kind === 'task' && k.id === first.id) apply(k);
    else if (kind === 'all') get(path('tasks', first.id)).then(apply, () => {});
    else if (kind === 'removed' && k.id === first.id) go('tasks');
  });
  const clock = setInterval(() => view.task.state === 'RUNNING' && soon(), 1000);
  return () => { end(); pick.end(); clearInterval(clock); };
}
