// access.js - tokens, look and language; and what this is.
import { h, put } from './dom.js';
import { t, has, ago, when, bytes, number } from './i18n.js';
import { get, post, del, path, once } from './api.js';
import { model } from './model.js';
import {
  head,
  does,
  table,
  unseen,
  facts,
  copy,
  dialog,
  waiting,
  trouble,
  confirm,
  preferences,
  empty
} from './shell.js';

const SCOPES = ['submit', 'read', 'worker', 'spend'];

const scopesOf = k =>
  [k.scopes]
    .flat()
    .flatMap(s => s.split(/[ ,]+/))
    .map(s => (has('scope.' + s) ? t('scope.' + s) : s))
    .join(', ');

async function signOut() {
  await del(path('session'));
  location.assign('/');
}

export async function access(main) {
  const list = h('div', null, waiting());
  const form = h(
    'form',
    {
      class: 'stack',
      onsubmit: does(async e => {
        const target = e.currentTarget,
          f = new FormData(target),
          scopes = f.getAll('scope').join(',');
        if (!scopes) throw new Error(t('token.some'));
        const made = await post(
          path('tokens'),
          { scopes, name: f.get('name'), ttl_s: Number(f.get('days')) * 86400 },
          { 'Idempotency-Key': once() }
        );
        target.reset();
        dialog(
          t('token.made'),
          h('div', { class: 'stack' }, h('p', null, t('token.once')), copy(made.secret))
        );
        load();
      })
    },
    h(
      'div',
      { class: 'fields' },
      h('label', null, t('token.name'), h('input', { name: 'name', maxlength: 64 })),
      h(
        'label',
        null,
        t('token.days'),
        h(
          'select',
          { name: 'days' },
          [1, 7, 30, 90].map(n => h('option', { value: n, selected: n === 30 }, t('token.n', { n })))
        )
      )
    ),
    h(
      'fieldset',
      { class: 'row' },
      h('legend', { class: 'unseen' }, t('token.may')),
      SCOPES.map(k =>
        h(
          'label',
          { class: 'check' },
          h('input', { type: 'checkbox', name: 'scope', value: k, checked: k === 'read' }),
          t('scope.' + k)
        )
      )
    ),
    h('div', { class: 'said' }),
    h('div', null, h('button', { class: 'main' }, t('token.make')))
  );
  put(
    main,
    head(t('nav.access'), h('button', { onclick: does(signOut) }, t('signout'))),
    h(
      'div',
      { class: 'stack' },
      h('section', { class: 'card' }, h('h2', null, t('look')), preferences()),
      h('section', { class: 'card stack' }, h('h2', null, t('token.new')), form),
      h('section', { class: 'card' }, h('h2', null, t('tokens')), list)
    )
  );

  async function load() {
    try {
      const { tokens } = await get(path('tokens'));
      if (!tokens.length) return put(list, empty(t('tokens.none')));
      put(
        list,
        table(
          [
            t('token.name'),
            t('token.may'),
            [t('created'), 'wide'],
            [t('token.used'), 'wide'],
            t('token.ends'),
            unseen(t('token.end'))
          ],
          h(
            'tbody',
            null,
            tokens.map(k =>
              h(
                'tr',
                null,
                h(
                  'td',
                  null,
                  h('span', { class: 'cut' }, k.name || '–'),
                  h('code', { class: 'soft' }, k.id.slice(0, 8))
                ),
                h('td', null, scopesOf(k)),
                h('td', { class: 'wide soft' }, ago(k.created)),
                h('td', { class: 'wide soft' }, k.last_used ? ago(k.last_used) : t('token.never')),
                h('td', { class: 'soft' }, ago(k.expires)),
                h(
                  'td',
                  { class: 'num' },
                  h(
                    'button',
                    {
                      class: 'plain',
                      'aria-label': t('token.end') + ' ' + (k.name || k.id),
                      onclick: does(async () => {
                        if (
                          !(await confirm(
                            t('token.end'),
                            t('token.sure', { name: k.name || k.id }),
                            t('token.end')
                          ))
                        )
                          return;
                        await del(path('tokens', k.id));
                        load();
                      })
                    },
                    t('token.end')
                  )
                )
              )
            )
          ),
          t('tokens')
        )
      );
    } catch (e) {
      put(list, trouble(e));
    }
  }
  await load();
}

export async function about(main) {
  put(main, head(t('nav.about')), waiting());
  const [info, health] = await Promise.all([get(path('info')), get(path('health'))]);
  put(
    main,
    head(t('nav.about')),
    h(
      'div',
      { class: 'stack' },
      h(
        'section',
        { class: 'card' },
        h('h2', null, t('about.pool')),
        facts([
          [t('about.address'), h('code', null, info.pool)],
          [t('about.version'), info.version],
          [t('about.since'), when(info.started)],
          [t('tile.workers'), number(info.workers)],
          [
            t('about.tasks'),
            t('about.counts', {
              pending: number(info.tasks.pending),
              running: number(info.tasks.running),
              finished: number(info.tasks.finished)
            })
          ],
          [t('about.store'), info.redis.up ? `Redis ${info.redis.version ?? ''}` : t('about.down')],
          [t('about.bytes'), bytes(info.blob_bytes)]
        ])
      ),
      h(
        'section',
        { class: 'card' },
        h('h2', null, t('about.here')),
        facts([
          [t('about.version'), health.version],
          [t('about.you'), model.account.name],
          [
            t('about.api'),
            h('a', { href: path('openapi.json'), target: '_blank', rel: 'noopener' }, '/api/v1/openapi.json')
          ],
          [t('about.manual'), h('code', null, 'man hivemind')],
          [t('about.manual.api'), h('code', null, 'man hivemind-api')]
        ])
      )
    )
  );
}
