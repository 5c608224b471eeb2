// wallet.js - what I have, what became of it, and giving some away.
import { h, put } from './dom.js';
import { t, cpt, amount, moment, day, number, seconds } from './i18n.js';
import { get, post, path, query, once } from './api.js';
import { model, watch } from './model.js';
import { head, does, table, empty, waiting, trouble, confirm, toast, lazily } from './shell.js';
import { bars } from './plot.js';
import { kindOf, other, asideFor } from './words.js';

const DAYS = 30,
  PAGE = 50,
  LINES = 5000; // of which a plot is made; the days before them are not shown

export async function wallet(main) {
  const tiles = h('div', { class: 'tiles four' }),
    plot = h('div'),
    body = h('tbody'),
    below = h('div'),
    lines = [];
  let next = null,
    over = false,
    open = 0;
  const drawTiles = () =>
    put(
      tiles,
      ['balance', 'reserved', 'pending', 'earned', 'spent'].map(name =>
        h(
          'div',
          { class: 'card tile' },
          h('span', { class: 'soft' }, t('wallet.' + name)),
          h('b', null, model.balance ? number(model.balance[name + '_cpt']) : '–'),
          name === 'balance' &&
            Number(model.balance?.tasks_only_cpt) > 0 &&
            h('span', { class: 'soft small' }, t('wallet.only', { n: cpt(model.balance.tasks_only_cpt) }))
        )
      )
    );

  const give = (name, to, address, body) => {
    let key = once();
    return h(
      'form',
      {
        class: 'card stack',
        oninput: () => {
          key = once();
        },
        onsubmit: does(async e => {
          const form = e.currentTarget,
            f = new FormData(form);
          if (
            !(await confirm(
              t('wallet.' + name),
              t('wallet.sure', { to: f.get('to'), amount: f.get('amount') }),
              t('wallet.' + name)
            ))
          )
            return;
          await post(path(address), body(f), { 'Idempotency-Key': key });
          form.reset();
          toast(t('wallet.gone', { to: f.get('to'), amount: f.get('amount') }));
          load();
        })
      },
      h('h2', null, t('wallet.' + name)),
      h('label', null, t(to), h('input', { name: 'to', required: true, autocomplete: 'off' })),
      h(
        'label',
        null,
        t('amount'),
        h('input', {
          name: 'amount',
          required: true,
          inputmode: 'decimal',
          pattern: '[0-9]+([.][0-9]{1,3})?',
          placeholder: '5'
        })
      ),
      h('div', { class: 'said' }),
      h('div', null, h('button', { class: 'main' }, t('wallet.' + name)))
    );
  };

  put(
    main,
    head(
      t('nav.wallet'),
      h(
        'a',
        {
          class: 'button',
          href: path('account', 'statement') + '?format=csv&limit=500',
          download: 'statement.csv'
        },
        t('wallet.csv')
      )
    ),
    h(
      'div',
      { class: 'stack' },
      tiles,
      h('section', { class: 'card' }, h('h2', null, t('wallet.days', { n: DAYS })), plot),
      h(
        'div',
        { class: 'tiles' },
        give('transfer', 'wallet.to', 'transfers', f => ({ to: f.get('to'), amount_cpt: f.get('amount') })),
        give('tip', 'wallet.project', 'tips', f => ({ project: f.get('to'), amount_cpt: f.get('amount') }))
      ),
      h(
        'section',
        { class: 'card' },
        h('h2', null, t('wallet.statement')),
        table(
          [
            t('plot.time'),
            t('kind'),
            [t('wallet.with'), 'wide'],
            [t('task'), 'wide'],
            [t('ran'), 'num wide'],
            [t('amount'), 'num']
          ],
          body,
          t('wallet.statement')
        ),
        below
      )
    )
  );

  function row(l) {
    const task = l.task ?? asideFor(l);
    return h(
      'tr',
      null,
      h('td', null, moment(l.time)),
      h('td', null, kindOf(l)),
      h('td', { class: 'any wide' }, other(l)),
      h(
        'td',
        { class: 'wide' },
        task &&
          h(
            'a',
            { href: '#/task/' + (task.includes('.') ? task : task + '.1') },
            h('code', null, task.slice(0, 8))
          )
      ),
      h('td', { class: 'num wide' }, seconds(l.seconds)),
      h('td', { class: 'num' }, amount(l.amount_cpt))
    );
  }

  function drawPlot(all) {
    const days = new Map();
    const first = all.length < LINES ? 0 : Date.parse(all.at(-1).time);
    for (let i = DAYS - 1; i >= 0; i--) {
      const ms = Date.now() - i * 86400000;
      if (ms >= first) days.set(new Date(ms).toDateString(), 0);
    }
    for (const l of all) {
      const key = new Date(l.time).toDateString(),
        spent =
          l.kind === 'settle'
            ? Number(l.charge_cpt ?? 0)
            : l.kind === 'tip' || l.kind === 'transfer'
              ? Math.max(0, -Number(l.amount_cpt))
              : 0;
      if (days.has(key)) days.set(key, days.get(key) + spent);
    }
    const values = [...days].map(([key, v]) => [day(key), Math.round(v * 1000) / 1000]),
      sum = values.reduce((n, v) => n + v[1], 0);
    put(
      plot,
      sum > 0
        ? bars({
            title: t('wallet.spend'),
            desc: t('wallet.sum', { sum: cpt(sum), n: DAYS }),
            label: t('wallet.day'),
            values
          })
        : h('p', { class: 'soft' }, t('wallet.nospend'))
    );
  }

  async function load(more) {
    const mine = ++open;
    if (!lines.length) put(below, waiting());
    try {
      if (!more) {
        const all = [];
        for (let after; after !== null && all.length < LINES;) {
          const part = await get(path('account', 'statement') + query({ limit: 500, since: DAYS + 'd', after }));
          if (over || mine !== open) return;
          all.push(...part.lines);
          after = part.next;
        }
        drawPlot(all);
        lines.length = 0;
        next = null;
      }
      const page = await get(path('account', 'statement') + query({ limit: PAGE, after: more && next }));
      if (over || mine !== open) return;
      lines.push(...page.lines);
      next = page.next;
      put(body, lines.map(row));
      put(
        below,
        !lines.length && empty(t('wallet.nothing')),
        next && h('button', { onclick: does(() => load(true)) }, t('more'))
      );
    } catch (e) {
      put(below, trouble(e));
    }
  }

  const soon = lazily(drawTiles);
  let timer = 0;
  const end = watch(kind => {
    if (kind !== 'balance' && kind !== 'all') return;
    soon();
    clearTimeout(timer);
    timer = setTimeout(
      () => lines.length <= PAGE && !main.contains(document.activeElement?.closest('table')) && load(),
      1000
    );
  });
  drawTiles();
  await load();
  return () => {
    over = true;
    end();
    clearTimeout(timer);
  };
}
