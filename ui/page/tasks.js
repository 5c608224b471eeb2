// tasks.js - all tasks, page by page; the filter is in the address.
import { h, put, sync } from './dom.js';
import { t, amount, seconds, ago } from './i18n.js';
import { get, post, del, path, query, once } from './api.js';
import { watch } from './model.js';
import {
  head,
  does,
  table,
  stateOf,
  empty,
  waiting,
  trouble,
  confirm,
  lazily,
  toast,
  words
} from './shell.js';
import { nameOf, ran, doing, why, machine } from './words.js';

const STATES = ['PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'STOPPED'],
  LIMIT = 100;

export async function tasks(main, parts, filter) {
  let rows = [],
    next = null,
    over = false;
  const picked = new Set();
  const body = h('tbody'),
    count = h('span', { class: 'soft' }),
    pages = h('div', { class: 'row' }),
    below = h('div');
  const all = h('input', {
    type: 'checkbox',
    'aria-label': t('tasks.all'),
    onchange: () => {
      rows.forEach(k => (all.checked ? picked.add(k.id) : picked.delete(k.id)));
      draw();
    }
  });
  const act = (word, test, f, kind) =>
    h(
      'button',
      {
        class: kind,
        onclick: does(async () => {
          const chosen = rows.filter(k => picked.has(k.id) && test(k));
          if (!chosen.length) return toast(t('tasks.none.' + word));
          if (
            !(await confirm(
              t('tasks.' + word),
              t('tasks.sure.' + word, { n: chosen.length }),
              t('tasks.' + word)
            ))
          )
            return;
          for (const k of chosen) await f(k);
          chosen.forEach(k => picked.delete(k.id));
          draw();
        })
      },
      t('tasks.' + word)
    );
  const live = k => ['PENDING', 'RUNNING'].includes(k.state);
  const many = h(
    'div',
    { class: 'row', hidden: true, role: 'group', 'aria-label': t('tasks.picked') },
    count,
    act('stop', live, k => post(path('tasks', k.id, 'stop'), {}, { 'Idempotency-Key': once() }), 'danger'),
    act(
      'remove',
      k => !live(k),
      k => del(path('tasks', k.id), { 'Idempotency-Key': once() })
    )
  );

  const change = more => {
    Object.assign(filter, { after: '' }, more);
    words(filter);
    load();
  };
  const option = (value, text) =>
    h('option', { value, selected: (filter.state ?? '') === value || filter.since === value }, text);
  let typing = 0;
  put(
    main,
    head(t('nav.tasks'), h('a', { class: 'button main', href: '#/submit' }, t('nav.submit'))),
    h(
      'section',
      { class: 'card stack' },
      h(
        'form',
        { class: 'fields', role: 'search', onsubmit: e => e.preventDefault() },
        h(
          'label',
          null,
          t('tasks.search'),
          h('input', {
            type: 'search',
            name: 'name',
            value: filter.name ?? '',
            placeholder: t('tasks.name'),
            oninput: e => {
              clearTimeout(typing);
              typing = setTimeout(() => change({ name: e.target.value.trim() }), 250);
            }
          })
        ),
        h(
          'label',
          null,
          t('tasks.state'),
          h(
            'select',
            { name: 'state', onchange: e => change({ state: e.target.value }) },
            option('', t('tasks.any')),
            STATES.map(k => option(k, t('state.' + k)))
          )
        ),
        h(
          'label',
          null,
          t('tasks.age'),
          h(
            'select',
            { name: 'since', onchange: e => change({ since: e.target.value }) },
            h('option', { value: '' }, t('tasks.ever')),
            ['1h', '1d', '7d', '30d'].map(k =>
              h('option', { value: k, selected: filter.since === k }, t('tasks.' + k))
            )
          )
        ),
        h(
          'label',
          null,
          t('tasks.label'),
          h('input', {
            name: 'label',
            value: filter.label ?? '',
            placeholder: 'key=value',
            onchange: e => change({ label: e.target.value.trim() })
          })
        )
      ),
      many,
      table(
        [
          h('th', { scope: 'col' }, all),
          t('task'),
          t('tasks.state'),
          [t('worker'), 'wide'],
          [t('created'), 'wide'],
          [t('ran'), 'num wide'],
          [t('cost.cpt'), 'num wide']
        ],
        body,
        t('nav.tasks')
      ),
      below,
      pages
    )
  );

  const make = k =>
    h(
      'tr',
      null,
      h(
        'td',
        null,
        h('input', {
          type: 'checkbox',
          'data-f': 'c' + k.id,
          checked: picked.has(k.id),
          'aria-label': t('tasks.pick', { name: k.name }),
          onchange: e => {
            if (e.target.checked) picked.add(k.id);
            else picked.delete(k.id);
            tell();
          }
        })
      ),
      h('td', null, nameOf(k)),
      h(
        'td',
        null,
        stateOf(k.state),
        h(
          'div',
          { class: 'soft small cut' },
          k.state === 'RUNNING'
            ? doing(k)
            : k.state === 'FAILED'
              ? why(k)
              : k.state === 'PENDING'
                ? k.reason
                : ''
        )
      ),
      h('td', { class: 'wide' }, h('span', { class: 'cut' }, k.worker ? machine(k) : '–')),
      h('td', { class: 'soft wide', title: k.created }, ago(k.created)),
      h('td', { class: 'num wide' }, seconds(ran(k))),
      h('td', { class: 'num wide' }, amount(k.cost.spent_cpt))
    );

  function tell() {
    many.hidden = !picked.size;
    count.textContent = t('tasks.n', { n: picked.size });
    all.checked = picked.size > 0 && rows.every(k => picked.has(k.id));
  }

  function draw() {
    sync(
      body,
      rows,
      k => k.id,
      k => k.state + k.phase + k.reason + k.cost.spent_cpt + JSON.stringify(k.progress) + picked.has(k.id),
      make
    );
    if (!rows.length)
      put(
        below,
        Object.entries(filter).some(([, v]) => v)
          ? empty(
              t('tasks.nothing'),
              h(
                'button',
                {
                  onclick: () => {
                    filter = {};
                    words({});
                    tasks(main, parts, {});
                  }
                },
                t('tasks.clear')
              )
            )
          : empty(t('tasks.empty'), h('a', { class: 'button main', href: '#/submit' }, t('nav.submit')))
      );
    else put(below);
    const to = after => '#/tasks' + query({ ...filter, after });
    put(
      pages,
      filter.after && h('a', { class: 'button', href: to('') }, t('tasks.first')),
      next && h('a', { class: 'button', href: to(next) }, t('tasks.next'))
    );
    tell();
  }

  let asked = 0;
  async function load() {
    const mine = ++asked;
    if (!rows.length) put(below, waiting());
    try {
      const page = await get(path('tasks') + query({ ...filter, limit: LIMIT }));
      if (over || mine !== asked) return;
      rows = page.tasks;
      next = page.next;
      draw();
    } catch (e) {
      if (mine === asked) put(below, trouble(e));
    }
  }

  // Would the first page show it, as far as a row tells?
  const wanted = k =>
    !filter.after &&
    !filter.label &&
    (!filter.state || filter.state.split(',').includes(k.state)) &&
    (!filter.name || k.name.includes(filter.name));
  const soon = lazily(draw);
  const end = watch((kind, k) => {
    const at = k?.id ? rows.findIndex(row => row.id === k.id) : -1;
    if (kind === 'all') load();
    else if (kind === 'removed' && at >= 0) rows.splice(at, 1);
    else if (kind === 'task' && at >= 0) rows[at] = k;
    else if (kind === 'task' && wanted(k) && (!rows.length || k.created >= rows[0].created)) {
      rows.unshift(k);
      rows.length = Math.min(rows.length, LIMIT);
    } else return;
    soon();
  });
  await load();
  return () => {
    over = true;
    end();
  };
}
