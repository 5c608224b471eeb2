// worker.js - the page of who lends a machine: is it on, what does it do, is it safe, what did I earn, make it stop.
import { h, put, sync, say, logo } from './dom.js';
import { t, has, load, cpt, number, bytes, seconds, when, ago, clock, day } from './i18n.js';
import { ask, get, post, path, query, whenSignedOut } from './api.js';
import { live } from './live.js';
import { frame, leave, does, head, table, facts, bar, stateOf, empty, waiting, trouble, toast, confirm, lazily, preferences, announce } from './shell.js';
import { lines, bars } from './plot.js';

const HOUR = 3600, model = { status: null };
const draws = new Set();
const drawAll = lazily(() => draws.forEach(f => f()));

// Called now and whenever the state is another; returns what ends it.
function watch(draw) {
  draws.add(draw);
  if (model.status) draw(model.status);
  return () => draws.delete(draw);
}

const patch = (address, body) => ask('PATCH', path(address), body);
const words = (group, word) => has(`${group}.${word}`) ? t(`${group}.${word}`) : word;

async function series(name, step) {
  const s = await get(path('series') + query({ name, step }));
  const from = Date.parse(s.from);
  return s.values.map((v, i) => [from + i * step * 1000, v]).filter(v => v[1] !== null);
}

// --- now ------------------------------------------------------------------------------------------------

const morning = () => {
  const at = new Date();
  at.setHours(at.getHours() < 7 ? 7 : 31, 0, 0, 0);
  return Math.ceil((at - Date.now()) / 1000);
};

const order = (address, body) => does(async () => take(await post(path(address), body)));

function switches() {
  const big = h('button', { class: 'main', 'data-f': 'switch', onclick: e => order(isOff() ? 'resume' : 'pause', {})(e) });
  const give = h('button', { class: 'danger', 'data-f': 'give', onclick: async e => {
    const button = e.currentTarget;
    if (await confirm(t('w.give'), t('w.give.sure'), t('w.give'))) await order('pause', { give_back: true })({ currentTarget: button });
  } }, t('w.give'));
  const isOff = () => ['paused', 'snoozing'].includes(model.status.state);
  const snooze = h('div', { class: 'row', role: 'group', 'aria-label': t('w.snooze') }, h('span', { class: 'soft' }, t('w.snooze')),
    h('button', { 'data-f': 's1', onclick: order('snooze', { seconds: HOUR }) }, t('w.snooze.1')), h('button', { 'data-f': 's3', onclick: order('snooze', { seconds: 3 * HOUR }) }, t('w.snooze.3')),
    h('button', { 'data-f': 'sm', onclick: e => order('snooze', { seconds: morning() })(e) }, t('w.snooze.morning')));
  return { node: h('div', { class: 'stack tight' }, h('div', { class: 'row' }, big, give), snooze),
    draw: s => {
      say(big, t(isOff() ? 'w.resume' : 'w.pause'));
      give.hidden = !s.tasks.length;
    } };
}

const gauge = (name, g, unit) => [h('div', { class: 'row between' }, h('span', null, t('w.' + name)), h('span', { class: 'soft' }, t('w.of', { used: unit(g.used), all: unit(g.lent ?? g.reserved) }))),
  bar(Math.min(1, g.used / (g.lent || g.reserved || 1)), t('w.' + name), g.used > .9 * (g.lent ?? g.reserved))];
const cores = n => number(n, 2);

function why(s) {
  if (s.state === 'snoozing') return t('w.why.snoozing', { time: when(s.snooze_until) });
  if (s.state === 'paused') return t('w.why.paused');
  if (!s.linked) return t('w.why.unlinked', { pool: s.pool });
  if (s.reason) return s.reason;
  return s.tasks.length ? t('w.why.working') : t('w.why.ready');
}

const taskRow = k => h('li', { class: 'stack tight' }, h('div', { class: 'row between' }, h('b', { class: 'any' }, k.name), stateOf(k.phase === 'running' ? 'RUNNING' : 'PENDING', words('w.phase', k.phase))),
  h('div', { class: 'soft small any' }, h('code', null, k.task), ' · ', k.image ?? t('w.base'), ' · ', t('w.since', { time: clock(Date.parse(k.since)) }), ' · ', t('w.limit', { time: seconds(k.time_limit) })),
  k.phase === 'running' && [gauge('cpus', k.cpus, cores), gauge('memory', k.memory, bytes), gauge('disk', k.disk, bytes)]);

function now(main) {
  const state = h('div'), reason = h('p', { class: 'any' }), list = h('ul', { class: 'list' }), none = h('p', { class: 'soft' }, t('w.none'));
  const use = h('div', { class: 'stack tight' }), tiles = h('div', { class: 'tiles' }), control = switches(), plot = h('div');
  let told = '';
  put(main, head(t('nav.now')), h('div', { class: 'stack' }, h('section', { class: 'card stack' }, h('div', { class: 'row' }, state), reason, control.node), tiles,
    h('div', { class: 'two' }, h('section', { class: 'card' }, h('h2', null, t('w.tasks')), list, none), h('section', { class: 'card' }, h('h2', null, t('w.use')), use)),
    h('section', { class: 'card' }, h('h2', null, t('w.hour')), plot)));
  const tile = (name, value, more) => h('div', { class: 'card tile' }, h('span', { class: 'soft' }, t(name)), h('b', null, value), h('span', { class: 'soft small' }, more));
  const end = watch(() => {
    const s = model.status;
    put(state, h('b', null, s.name), ' ', stateOf({ working: 'RUNNING', ready: 'ready', paused: 'STOPPED', snoozing: 'STOPPED' }[s.state] ?? 'PENDING', t('w.state.' + s.state.replace(' ', '-'))));
    say(reason, why(s));
    if (told && told !== s.state) announce(t('w.state.' + s.state.replace(' ', '-')));
    told = s.state;
    control.draw(s);
    put(tiles, tile('w.today', number(s.today.completed), t('w.today.ran', { time: seconds(s.today.ran) })), tile('w.settled', s.earnings ? cpt(s.earnings.settled_cpt) : '–', t('w.ever')),
      tile('w.pending', s.earnings ? cpt(s.earnings.pending_cpt) : '–', t('w.pending.how')));
    put(use, gauge('cpus', s.cpus, cores), gauge('memory', s.memory, bytes), gauge('disk', s.disk, bytes));
    none.hidden = s.tasks.length > 0;
    sync(list, s.tasks, k => k.task + k.attempt, k => JSON.stringify(k), taskRow);
  });
  series('cpus', 60).then(v => put(plot, v.length > 1 ? lines({ title: t('w.plot.cpus'), desc: t('w.plot.cpus.desc'), series: [{ name: t('w.cpus'), values: v.slice(-720) }], limit: model.status?.cpus.lent })
    : h('p', { class: 'soft' }, t('w.plot.none'))), e => put(plot, trouble(e)));
  return end;
}

// --- history, earnings ----------------------------------------------------------------------------------

async function history(main) {
  put(main, head(t('nav.history')), waiting());
  const { history: all } = await get(path('history') + query({ limit: 500 }));
  const row = e => h('tr', null, h('td', null, when(e.ended)), h('td', { class: 'any' }, e.name ?? '–', h('div', { class: 'soft small' }, h('code', null, e.task))),
    h('td', null, stateOf({ completed: 'COMPLETED', failed: 'FAILED', stopped: 'STOPPED', lost: 'lost' }[e.result] ?? 'PENDING', words('w.result', e.result))),
    h('td', { class: 'num' }, seconds(e.ran)), h('td', { class: 'num wide' }, seconds(e.cpu)), h('td', { class: 'num wide' }, bytes(e.peak_memory)), h('td', { class: 'any wide' }, e.reason ?? ''));
  put(main, head(t('nav.history')), all.length ? h('section', { class: 'card' }, table([t('plot.time'), t('w.task'), t('w.result'), [t('w.ran'), 'num'], [t('w.cputime'), 'num wide'], [t('w.peak'), 'num wide'], [t('w.reason'), 'wide']],
    h('tbody', null, all.map(row)), t('nav.history'))) : empty(t('w.history.none'), t('w.history.how')));
}

// What came in each day: the difference of what had been settled by its end.
function days(values) {
  const last = new Map();
  for (const [ms, v] of values) last.set(new Date(ms).toDateString(), [ms, v]);
  const ends = [...last.values()];
  return ends.map(([ms, v], i) => [day(ms), Math.max(0, v - (i ? ends[i - 1][1] : values[0][1]))]);
}

async function earnings(main) {
  put(main, head(t('nav.earnings')), waiting());
  const [e, hours] = await Promise.all([get(path('earnings')), series('earned', HOUR)]);
  const tile = (name, value) => h('div', { class: 'card tile' }, h('span', { class: 'soft' }, t(name)), h('b', null, value));
  put(main, head(t('nav.earnings')), h('div', { class: 'stack' }, e.error && h('div', { class: 'note warn', role: 'status' }, e.error),
    h('div', { class: 'tiles' }, tile('w.settled', e.known ? cpt(e.settled_cpt) : '–'), tile('w.pending', e.known ? cpt(e.pending_cpt) : '–')),
    h('section', { class: 'card' }, h('h2', null, t('w.perday')), hours.length ? bars({ title: t('w.perday'), desc: t('w.perday.desc'), label: t('w.day'), values: days(hours) }) : h('p', { class: 'soft' }, t('w.plot.none'))),
    h('section', { class: 'card' }, h('h2', null, t('w.total')), hours.length > 1 ? lines({ title: t('w.total'), desc: t('w.total.desc'), series: [{ name: 'CPT', values: hours }] }) : h('p', { class: 'soft' }, t('w.plot.none'))),
    h('section', { class: 'card' }, h('h2', null, t('w.now')), e.tasks.length ? table([t('w.task'), [t('w.pending'), 'num']], h('tbody', null, e.tasks.map(k => h('tr', null, h('td', null, h('code', null, k.task)), h('td', { class: 'num' }, cpt(k.pending_cpt))))), t('w.now'))
      : h('p', { class: 'soft' }, t('w.none')))));
}

// --- limits -----------------------------------------------------------------------------------------------

const GIB = 2 ** 30;

async function limits(main) {
  put(main, head(t('nav.limits')), waiting());
  let policy = await get(path('policy'));
  const said = h('div', { class: 'said', role: 'status' }), form = h('form', { class: 'stack', onsubmit: e => e.preventDefault() });
  const send = async body => {
    try {
      policy = await patch('policy', body);
      put(said, h('div', { class: 'note good' }, policy.reason ?? t('w.saved')));
    } catch (e) {
      put(said, trouble(e));
    }
    draw();
  };
  const amount = (name, scale, step) => h('label', null, t('w.lend.' + name), h('input', { type: 'number', 'data-f': name, min: step, max: policy.most[name] / scale, step: 'any', value: Math.round(policy[name] / scale * 1000) / 1000,
    onchange: e => send({ [name]: scale > 1 ? Math.min(policy.most[name], Math.round(Number(e.target.value) * scale)) : Number(e.target.value) }) }),
  h('span', { class: 'soft small' }, t('w.most', { n: number(policy.most[name] / scale, 2) })));
  const tick = (name, off) => h('label', { class: 'check' }, h('input', { type: 'checkbox', 'data-f': name, checked: policy[name], disabled: off, onchange: e => send({ [name]: e.target.checked }) }), t('w.' + name));
  const dayName = d => new Intl.DateTimeFormat(document.documentElement.lang, { weekday: 'short' }).format(new Date(2023, 0, 1 + d));
  const cell = (d, n) => h('td', null, h('input', { type: 'checkbox', 'data-f': `h${d}.${n}`, 'aria-label': `${dayName(d)} ${n}:00`, checked: policy.hours[d][n] === '1', onchange: e => {
    const all = [...policy.hours];
    all[d] = all[d].slice(0, n) + (e.target.checked ? '1' : '0') + all[d].slice(n + 1);
    send({ hours: all });
  } }));
  const grid = () => table([t('w.day'), ...[...Array(24).keys()].map(n => h('th', { scope: 'col' }, n))], h('tbody', null, policy.hours.map((_, d) => h('tr', null, h('th', { scope: 'row' }, dayName(d)), [...Array(24).keys()].map(n => cell(d, n))))), t('w.hours'));
  const all = row => Array(7).fill(row);
  const draw = () => put(form, h('section', { class: 'card stack' }, h('h2', null, t('w.lend')), h('div', { class: 'fields' }, amount('cpus', 1, 0.1), amount('memory', GIB, 0.1), amount('disk', GIB, 0.1), amount('max_tasks', 1, 1))),
    h('section', { class: 'card stack' }, h('h2', null, t('w.when')), tick('only_idle'), tick('only_mains'), !policy.has_battery && h('p', { class: 'soft small' }, t('w.no_battery')),
      h('h3', null, t('w.hours')), h('div', { class: 'row' }, [['always', '1'.repeat(24)], ['nights', '1'.repeat(8) + '0'.repeat(14) + '11']].map(([name, row]) => h('button', { 'data-f': name, onclick: () => send({ hours: all(row) }) }, t('w.hours.' + name)))), grid()),
    h('section', { class: 'card stack' }, h('h2', null, t('w.images')), h('label', null, t('w.images.how'), h('textarea', { rows: 3, 'data-f': 'images', value: policy.images.join('\n'), onchange: e => send({ images: e.target.value.split('\n').map(x => x.trim()).filter(Boolean) }) }))));
  draw();
  put(main, head(t('nav.limits')), h('div', { class: 'stack' }, h('p', { class: 'soft' }, t('w.limits.how')), said, form));
}

// --- safety, log ------------------------------------------------------------------------------------------

function safety(main) {
  const body = h('div', { class: 'stack' });
  put(main, head(t('nav.safety')), body);
  return watch(() => {
    const { safety: k, engine } = model.status;
    put(body, h('div', { class: 'note ' + ({ passed: 'good', failed: 'bad' }[k.canary] ?? ''), role: 'status' }, h('b', null, t('w.canary.' + k.canary)), k.text, ' ', k.fix),
      h('section', { class: 'card' }, h('h2', null, t('w.engine')), facts([[t('w.engine'), engine.kind ? `${engine.kind} ${engine.version ?? ''}` : t('w.engine.none')], engine.error && [t('w.reason'), engine.error], engine.fix && [t('w.fix'), h('code', null, engine.fix)]])),
      h('section', { class: 'card' }, h('h2', null, t('w.settings')), h('ul', { class: 'list' }, k.settings.map(x => h('li', null, stateOf(x.set ? 'ready' : 'lost', t(x.set ? 'w.on' : 'w.off')), ' ', t('w.set.' + x.name))))));
  });
}

async function log(main) {
  const text = h('div', { class: 'log wrap', tabindex: 0, role: 'log', 'aria-label': t('nav.log') }), checks = h('div');
  const read = async () => {
    const answer = await fetch(path('log'));
    put(text, (await answer.text()).split('\n').map(line => h('div', null, line)));
    text.scrollTop = text.scrollHeight;
  };
  put(main, head(t('nav.log'), h('button', { 'data-f': 'again', onclick: does(read) }, t('w.again'))), h('div', { class: 'stack' }, h('section', { class: 'card' }, h('h2', null, t('w.log')), text),
    h('section', { class: 'card stack' }, h('h2', null, t('w.doctor')), h('p', { class: 'soft' }, t('w.doctor.how')), h('div', null, h('button', { class: 'main', 'data-f': 'doctor', onclick: does(async () => {
      put(checks, waiting());
      try {
        const found = await post(path('doctor'));
        put(checks, h('ul', { class: 'list' }, found.checks.map(c => h('li', { class: 'any' }, stateOf({ good: 'ready', warning: 'PENDING', bad: 'lost' }[c.verdict], t('w.check.' + c.verdict)), ' ', h('b', null, c.name), ' ', c.text,
          c.fix && h('div', { class: 'soft' }, t('w.fix'), ': ', h('code', null, c.fix))))));
      } catch (e) { put(checks, trouble(e)); }
    }) }, t('w.doctor.run'))), checks)));
  await read();
}

const settings = main => { put(main, head(t('nav.settings')), h('section', { class: 'card stack' }, preferences(), facts([[t('w.version'), model.status?.version], [t('w.id'), model.status?.id], [t('w.pool'), model.status?.pool]]))); };

// --- who is there -----------------------------------------------------------------------------------------

function take(status) {
  model.status = status;
  drawAll();
}

function gate(problem) {
  leave();
  document.title = 'HiveMind';
  put(document.body, h('div', { class: 'gate' }, h('main', { class: 'stack', id: 'gate' }, h('div', { class: 'card stack' }, h('div', { class: 'brand' }, logo(), h('h1', null, 'HiveMind')),
    problem && trouble(problem), h('p', null, t('w.gate'))), preferences())));
}

async function open() {
  take(await get(path('status')));
  if (/^#k=|^$/.test(location.hash)) window.history.replaceState(null, '', location.pathname);
  live.on('status', take);
  live.on('reset', async () => { try { take(await get(path('status'))); } catch { /* the banner says it */ } });
  await frame({ words: ['', 'worker-'], home: 'now', keys: [],
    refused: async () => { try { await get(path('session')); } catch { /* whenSignedOut */ } },
    items: [['now', 'home'], ['history', 'tasks'], ['earnings', 'wallet'], ['limits', 'sliders'], ['safety', 'shield'], ['log', 'log'], ['settings', 'info']].map(([id, icon]) => ({ id, icon })),
    screens: { now, history, earnings, limits, safety, log, settings },
    who: () => h('div', { class: 'who' }, h('b', { class: 'cut' }, model.status.name), h('span', { class: 'soft cut more' }, model.status.pool)) });
  live.start();
}

async function begin() {
  await load('', 'worker-');
  const key = /^#k=([0-9a-f]+)$/.exec(location.hash)?.[1];
  let problem = null;
  if (key) {
    window.history.replaceState(null, '', location.pathname);
    try { await post(path('session'), { key }); } catch (e) { problem = e; }
  }
  try {
    await open();
  } catch (e) {
    gate(e.status === 401 ? problem : e);
  }
}

whenSignedOut(() => gate());
document.addEventListener('DOMContentLoaded', begin);
