// worker-past.js - what has run here, and what it has earned.
import { h, put } from './dom.js';
import { t, cpt, number, bytes, seconds, when, day } from './i18n.js';
import { get, path, query, series } from './api.js';
import { head, table, stateOf, empty, waiting } from './shell.js';
import { lines, bars } from './plot.js';
import { calendar } from './calendar.js';
import { HOUR, DAY, words } from './worker-model.js';

// What came in each day: the difference of what had been settled by its end; nothing is known of the first.
const gains = totals => totals.map(([ms, v], i) => [ms, i ? Math.max(0, v - totals[i - 1][1]) : null]);

// The days of a year: {value, text, row} by toDateString().
async function year() {
  const [completed, totals] = await Promise.all([series('completed', DAY), series('earned', DAY)]);
  const gained = new Map(gains(totals));
  const known = new Map();
  for (const [ms, n] of completed) {
    const gain = gained.get(ms) ?? null,
      text = t(gain === null ? 'w.year.tasks' : 'w.year.earned', { n: number(n), cpt: cpt(gain) });
    known.set(new Date(ms + HOUR * 12000).toDateString(), {
      value: n,
      text,
      row: [number(n), gain === null ? '–' : number(gain)]
    });
  }
  return known;
}

function strip(known) {
  if (![...known.values()].some(d => d.value > 0)) return h('p', { class: 'soft' }, t('w.year.none'));
  const unknown = { value: null, text: t('w.year.unknown'), row: ['–', '–'] };
  return calendar({
    title: t('w.year'),
    desc: t('w.year.desc'),
    head: [t('w.day'), t('w.completed'), 'CPT'],
    of: d => known.get(d.toDateString()) ?? unknown
  });
}

export async function history(main) {
  put(main, head(t('nav.history')), waiting());
  const [{ history: all }, known] = await Promise.all([get(path('history') + query({ limit: 500 })), year()]);
  const row = e =>
    h(
      'tr',
      null,
      h('td', null, when(e.ended)),
      h('td', { class: 'any' }, e.name ?? '–', h('div', { class: 'soft small' }, h('code', null, e.task))),
      h(
        'td',
        null,
        stateOf(
          { completed: 'COMPLETED', failed: 'FAILED', stopped: 'STOPPED', lost: 'lost' }[e.result] ??
            'PENDING',
          words('w.result', e.result)
        ),
        h('div', { class: 'soft small narrow' }, seconds(e.ran))
      ),
      h('td', { class: 'num wide' }, seconds(e.ran)),
      h('td', { class: 'num wide' }, seconds(e.cpu)),
      h('td', { class: 'num wide' }, bytes(e.peak_memory)),
      h('td', { class: 'any wide' }, e.reason ?? '')
    );
  const list = () =>
    table(
      [
        t('plot.time'),
        t('w.task'),
        t('w.result'),
        [t('w.ran'), 'num wide'],
        [t('w.cputime'), 'num wide'],
        [t('w.peak'), 'num wide'],
        [t('w.reason'), 'wide']
      ],
      h('tbody', null, all.map(row)),
      t('nav.history')
    );
  put(
    main,
    head(t('nav.history')),
    h(
      'div',
      { class: 'stack' },
      h('section', { class: 'card' }, h('h2', null, t('w.year')), strip(known)),
      all.length
        ? h('section', { class: 'card' }, h('h2', null, t('w.list')), list())
        : empty(t('w.history.none'), t('w.history.how'))
    )
  );
}

export async function earnings(main) {
  put(main, head(t('nav.earnings')), waiting());
  const [e, hours, totals] = await Promise.all([
    get(path('earnings')),
    series('earned', HOUR),
    series('earned', DAY)
  ]);
  const days = gains(totals)
    .filter(([, v]) => v !== null)
    .slice(-30)
    .map(([ms, v]) => [day(ms + HOUR * 12000), v]);
  const tile = (name, value) =>
    h('div', { class: 'card tile' }, h('span', { class: 'soft' }, t(name)), h('b', null, value));
  put(
    main,
    head(t('nav.earnings')),
    h(
      'div',
      { class: 'stack' },
      e.error && h('div', { class: 'note warn', role: 'status' }, e.error),
      h(
        'div',
        { class: 'tiles' },
        tile('w.settled', e.known ? cpt(e.settled_cpt) : '–'),
        tile('w.pending', e.known ? cpt(e.pending_cpt) : '–')
      ),
      h(
        'section',
        { class: 'card' },
        h('h2', null, t('w.perday')),
        days.length
          ? bars({ title: t('w.perday'), desc: t('w.perday.desc'), label: t('w.day'), values: days })
          : h('p', { class: 'soft' }, t('w.plot.none'))
      ),
      h(
        'section',
        { class: 'card' },
        h('h2', null, t('w.total')),
        hours.length > 1
          ? lines({ title: t('w.total'), desc: t('w.total.desc'), series: [{ name: 'CPT', values: hours }] })
          : h('p', { class: 'soft' }, t('w.plot.none'))
      ),
      h(
        'section',
        { class: 'card' },
        h('h2', null, t('w.now')),
        e.tasks.length
          ? table(
              [t('w.task'), [t('w.pending'), 'num']],
              h(
                'tbody',
                null,
                e.tasks.map(k =>
                  h(
                    'tr',
                    null,
                    h('td', null, h('code', null, k.task)),
                    h('td', { class: 'num' }, cpt(k.pending_cpt))
                  )
                )
              ),
              t('w.now')
            )
          : h('p', { class: 'soft' }, t('w.none'))
      )
    )
  );
}
