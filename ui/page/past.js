// past.js - what the pool was like: its cores and tasks over an hour, a day, a month, a year.
import { h, put } from './dom.js';
import { t, number, choice, chooses } from './i18n.js';
import { series } from './api.js';
import { trouble } from './shell.js';
import { lines } from './plot.js';

const RANGES = { hour: [1, '1h'], day: [60, '24h'], month: [3600, '30d'], year: [86400, '371d'] },
  LOOK = 15000,
  POINTS = 240;

const every = all => Math.ceil(all.length / POINTS);
const thin = all => all.filter((_, i) => i % every(all) === 0 || i === all.length - 1);

// A part of the overview: draw() when something has happened; nothing is asked when nothing does.
export function past() {
  const plots = h('div', { class: 'stack' }, h('p', { class: 'soft' }, t('waiting')));
  let range = choice('range') in RANGES ? choice('range') : 'hour',
    asked = 0;
  const pair = (title, a, b) =>
    lines({
      title,
      desc: t('range.' + range),
      gap: 3000 * RANGES[range][0] * every(a[1]),
      unit: n => number(n, 2),
      series: [a, b].map(([name, values]) => ({ name, values: thin(values) }))
    });

  async function draw() {
    const [step, since] = RANGES[range];
    if (Date.now() - asked < Math.max(LOOK, step * 1000) || plots.contains(document.activeElement)) return;
    const mine = (asked = Date.now());
    try {
      const [offered, used, waits, runs] = await Promise.all(
        ['cores_offered', 'cores_used', 'tasks_pending', 'tasks_running'].map(name => series(name, step, since))
      );
      if (mine !== asked) return;
      put(
        plots,
        offered.length > 1
          ? [
              pair(t('cores.plot'), [t('cores.offered'), offered], [t('cores.in'), used]),
              pair(t('past.tasks'), [t('tile.waiting'), waits], [t('tile.running'), runs])
            ]
          : h('p', { class: 'soft' }, t('past.none'))
      );
    } catch (e) {
      put(plots, trouble(e));
    }
  }

  const pick = h(
    'select',
    {
      class: 'short',
      'aria-label': t('range'),
      onchange: e => {
        chooses('range', (range = e.target.value));
        asked = 0;
        draw();
      }
    },
    Object.keys(RANGES).map(v => h('option', { value: v, selected: v === range }, t('range.' + v)))
  );
  return { node: h('div', { class: 'stack' }, h('div', null, pick), plots), draw };
}
