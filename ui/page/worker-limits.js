// worker-limits.js - what its owner lends, and when.
import { h, put } from './dom.js';
import { t, number } from './i18n.js';
import { ask, get, path } from './api.js';
import { head, table, waiting, trouble } from './shell.js';

const patch = (address, body) => ask('PATCH', path(address), body);
const GIB = 2 ** 30;

export async function limits(main) {
  put(main, head(t('nav.limits')), waiting());
  let policy = await get(path('policy'));
  const said = h('div', { class: 'said', role: 'status' }),
    form = h('form', { class: 'stack', onsubmit: e => e.preventDefault() });
  const send = async body => {
    try {
      policy = await patch('policy', body);
      put(said, h('div', { class: 'note good' }, policy.reason ?? t('w.saved')));
    } catch (e) {
      put(said, trouble(e));
    }
    draw();
  };
  const amount = (name, scale, step) =>
    h(
      'label',
      null,
      t('w.lend.' + name),
      h('input', {
        type: 'number',
        'data-f': name,
        min: step,
        max: policy.most[name] / scale,
        step: 'any',
        value: Math.round((policy[name] / scale) * 1000) / 1000,
        onchange: e =>
          send({
            [name]:
              scale > 1
                ? Math.min(policy.most[name], Math.round(Number(e.target.value) * scale))
                : Number(e.target.value)
          })
      }),
      h('span', { class: 'soft small' }, t('w.most', { n: number(policy.most[name] / scale, 2) }))
    );
  const tick = (name, off) =>
    h(
      'label',
      { class: 'check' },
      h('input', {
        type: 'checkbox',
        'data-f': name,
        checked: policy[name],
        disabled: off,
        onchange: e => send({ [name]: e.target.checked })
      }),
      t('w.' + name)
    );
  const dayName = d =>
    new Intl.DateTimeFormat(document.documentElement.lang, { weekday: 'short' }).format(
      new Date(2023, 0, 1 + d)
    );
  const cell = (d, n) =>
    h(
      'td',
      null,
      h('input', {
        type: 'checkbox',
        'data-f': `h${d}.${n}`,
        'aria-label': `${dayName(d)} ${n}:00`,
        checked: policy.hours[d][n] === '1',
        onchange: e => {
          const all = [...policy.hours];
          all[d] = all[d].slice(0, n) + (e.target.checked ? '1' : '0') + all[d].slice(n + 1);
          send({ hours: all });
        }
      })
    );
  const grid = () =>
    table(
      [t('w.day'), ...[...Array(24).keys()].map(n => h('th', { scope: 'col' }, n))],
      h(
        'tbody',
        null,
        policy.hours.map((_, d) =>
          h(
            'tr',
            null,
            h('th', { scope: 'row' }, dayName(d)),
            [...Array(24).keys()].map(n => cell(d, n))
          )
        )
      ),
      t('w.hours')
    );
  const all = row => Array(7).fill(row);
  const draw = () =>
    put(
      form,
      h(
        'section',
        { class: 'card stack' },
        h('h2', null, t('w.lend')),
        h(
          'div',
          { class: 'fields' },
          amount('cpus', 1, 0.1),
          amount('memory', GIB, 0.1),
          amount('disk', GIB, 0.1),
          amount('max_tasks', 1, 1)
        )
      ),
      h(
        'section',
        { class: 'card stack' },
        h('h2', null, t('w.when')),
        tick('only_idle'),
        tick('only_mains'),
        !policy.has_battery && h('p', { class: 'soft small' }, t('w.no_battery')),
        h('h3', null, t('w.hours')),
        h(
          'div',
          { class: 'row' },
          [
            ['always', '1'.repeat(24)],
            ['nights', '1'.repeat(8) + '0'.repeat(14) + '11']
          ].map(([name, row]) =>
            h('button', { 'data-f': name, onclick: () => send({ hours: all(row) }) }, t('w.hours.' + name))
          )
        ),
        grid()
      ),
      h(
        'section',
        { class: 'card stack' },
        h('h2', null, t('w.images')),
        h(
          'label',
          null,
          t('w.images.how'),
          h('textarea', {
            rows: 3,
            'data-f': 'images',
            value: policy.images.join('\n'),
            onchange: e =>
              send({
                images: e.target.value
                  .split('\n')
                  .map(x => x.trim())
                  .filter(Boolean)
              })
          })
        )
      )
    );
  draw();
  put(
    main,
    head(t('nav.limits')),
    h('div', { class: 'stack' }, h('p', { class: 'soft' }, t('w.limits.how')), said, form)
  );
}
