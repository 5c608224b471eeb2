// bill.js - what a task costs, tick by tick, and what was asked for: tabs of a task.
import { h, put, say } from './dom.js';
import { t, cpt, amount, number, bytes, seconds, moment } from './i18n.js';
import { get, path, query } from './api.js';
import { isLive } from './model.js';
import { facts, table, trouble } from './shell.js';
import { lines } from './plot.js';
import { kindOf, other } from './words.js';

// Where the hold went: sums of ticks; the end, whatever it was, takes the rest of the cost.
function ticksOf(k) {
  let sum = 0;
  const points = [];
  for (const l of k.lines.toReversed()) {
    if (l.kind === 'hold') points.push([Date.parse(l.time), 0]);
    else if (l.kind === 'tick') points.push([Date.parse(l.time), (sum -= Number(l.amount_cpt))]);
    else if (l.charge_cpt) points.push([Date.parse(l.time), (sum = Number(l.charge_cpt))]);
  }
  return points;
}

export function cost(view) {
  return panel => {
    const now = h('b'),
      most = h('span', { class: 'soft' }),
      ticks = h('div'),
      rows = h('div');
    let shown = null,
      asked = 0,
      over = false;
    put(
      panel,
      h(
        'div',
        { class: 'stack' },
        h('section', { class: 'card tile' }, h('span', { class: 'soft' }, t('cost.so')), now, most),
        ticks,
        rows
      )
    );
    async function read() {
      const k = await get(path('tasks', view.task.id, 'cost') + query({ limit: 500 }));
      if (over || panel.contains(document.activeElement?.closest('.card'))) return;
      put(
        ticks,
        h(
          'section',
          { class: 'card' },
          h('h2', null, t('cost.ticks')),
          lines({
            title: t('cost.ticks'),
            desc: cpt(k.spent_cpt),
            series: [{ name: 'CPT', values: ticksOf(k) }],
            unit: n => number(n, 3)
          })
        )
      );
      put(
        rows,
        h(
          'section',
          { class: 'card' },
          h('h2', null, t('cost.lines')),
          table(
            [
              t('plot.time'),
              t('kind'),
              [t('to'), 'wide'],
              [t('attempt.n'), 'wide'],
              [t('ran'), 'num wide'],
              [t('amount'), 'num']
            ],
            h(
              'tbody',
              null,
              k.lines.map(l =>
                h(
                  'tr',
                  null,
                  h('td', null, moment(l.time)),
                  h('td', null, kindOf(l)),
                  h('td', { class: 'any wide' }, other(l)),
                  h('td', { class: 'wide' }, l.attempt ?? '–'),
                  h('td', { class: 'num wide' }, seconds(l.seconds)),
                  h('td', { class: 'num' }, amount(l.amount_cpt))
                )
              )
            ),
            t('cost.lines')
          )
        )
      );
    }
    const draw = () => {
      const k = view.task,
        key = k.state + k.cost.spent_cpt;
      say(now, cpt(k.cost.spent_cpt));
      say(most, t('cost.most', { most: cpt(k.cost.reserved_cpt ?? '0') }));
      if (key === shown || (isLive(k) && Date.now() - asked < 2000)) return;
      shown = key;
      asked = Date.now();
      read().catch(e => put(rows, trouble(e)));
    };
    draw();
    const end = view.watch(draw);
    return () => {
      over = true;
      end();
    };
  };
}

// A number as a person would write it: 64MiB, 2h.
const short = (n, units) => {
  const [name, size] = units.find(u => n && n % u[1] === 0) ?? ['', 1];
  return name ? n / size + name : n;
};
const SIZES = ['T', 'G', 'M', 'K'].map((u, i) => [u + 'iB', 1024 ** (4 - i)]),
  TIMES = [
    ['d', 86400],
    ['h', 3600],
    ['m', 60],
    ['s', 1]
  ];

// A task's spec as the manifest that would give it again.
export function manifestOf(spec) {
  const m = { hivemind: 1, name: spec.name };
  if (spec.image) m.image = spec.image;
  m.command = spec.command;
  if (Object.keys(spec.env).length) m.env = spec.env;
  const { memory, disk } = spec.resources;
  m.resources = { ...spec.resources, memory: short(memory, SIZES), disk: short(disk, SIZES) };
  if (spec.outputs.length) m.outputs = spec.outputs;
  m.time_limit = short(spec.time_limit, TIMES);
  m.grace = short(spec.grace, TIMES);
  m.keep = short(spec.keep, TIMES);
  m.max_output = short(spec.max_output, SIZES);
  if (spec.max_cpt) m.max_cpt = spec.max_cpt;
  if (spec.on_disconnect && spec.on_disconnect !== 'requeue') m.on_disconnect = spec.on_disconnect;
  if (Object.keys(spec.retry?.on_exit ?? {}).length) m.retry = spec.retry;
  if (Object.keys(spec.labels).length) m.labels = spec.labels;
  return m;
}

export const manifest = view => panel => {
  const text = JSON.stringify(manifestOf(view.task.spec), null, 2);
  put(
    panel,
    h(
      'div',
      { class: 'stack' },
      h('pre', { class: 'file', tabindex: 0, 'aria-label': t('manifest') }, text),
      view.task.bundle &&
        facts([
          [t('bundle'), h('code', { class: 'any' }, view.task.bundle.sha256)],
          [t('size'), bytes(view.task.bundle.bytes)]
        ])
    )
  );
};
