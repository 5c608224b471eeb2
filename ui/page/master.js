// master.js - the requester's page. Who is this? -> sign in, or the frame with its screens.
import './theme.js';
import { h, put, logo } from './dom.js';
import { t, load } from './i18n.js';
import { get, post, path, whenSignedOut } from './api.js';
import { live } from './live.js';
import { frame, leave, does, trouble, preferences } from './shell.js';
import { model, follow, load as look } from './model.js';
import { overview } from './overview.js';
import { tasks } from './tasks.js';
import { task } from './task.js';
import { submit } from './submit.js';
import { machines } from './machines.js';
import { wallet } from './wallet.js';
import { access, about } from './access.js';

let inside = false;

async function open(session) {
  inside = true;
  model.account = session.account;
  model.pool = session.pool;
  follow();
  if (/^#k=|^$/.test(location.hash)) history.replaceState(null, '', location.pathname);
  await frame({
    words: [''],
    home: 'overview',
    search: 'tasks',
    within: { task: 'tasks' },
    keys: [['n', 'keys.new']],
    refused: check,
    items: [
      ['overview', 'home'],
      ['submit', 'add'],
      ['tasks', 'tasks'],
      ['workers', 'workers'],
      ['wallet', 'wallet'],
      ['access', 'key'],
      ['about', 'info']
    ].map(([id, icon]) => ({ id, icon })),
    screens: { overview, tasks, task, submit, workers: machines, wallet, access, about },
    who: () =>
      h(
        'div',
        { class: 'who' },
        h('b', { class: 'cut' }, model.account.name),
        h('span', { class: 'soft cut more' }, model.pool)
      )
  });
  live.start();
}

// The stream was refused: has the session ended?
async function check() {
  try {
    const session = await get(path('session'));
    if (!session.signed_in) gate();
  } catch {
    /* whenSignedOut says it, or the pool's banner */
  }
}

function gate(problem) {
  inside = false;
  leave();
  let fresh = false;
  const said = h('div', { class: 'said' });
  const main = h('main', { class: 'stack', id: 'gate' });
  const draw = () => {
    document.title = 'HiveMind · ' + t(fresh ? 'gate.register' : 'gate.enter');
    put(
      main,
      h(
        'div',
        { class: 'card stack' },
        h('div', { class: 'brand' }, logo(), h('h1', null, 'HiveMind')),
        h('p', { class: 'soft' }, t('gate.what')),
        problem && trouble(problem),
        h(
          'form',
          {
            class: 'stack',
            onsubmit: does(async e => {
              const f = new FormData(e.target),
                body = { name: f.get('name'), password: f.get('password') };
              if (fresh && f.get('invitation')) body.invitation = f.get('invitation');
              await open(await post(path(fresh ? 'register' : 'login'), body));
            })
          },
          h(
            'label',
            null,
            t('gate.name'),
            h('input', {
              name: 'name',
              required: true,
              autocomplete: 'username',
              autofocus: true,
              'data-f': 'name'
            })
          ),
          h(
            'label',
            null,
            t('gate.password'),
            h('input', {
              name: 'password',
              type: 'password',
              required: true,
              autocomplete: fresh ? 'new-password' : 'current-password'
            })
          ),
          fresh &&
            h('label', null, h('span', null, t('gate.invitation')), h('input', { name: 'invitation' })),
          said,
          h('button', { class: 'main' }, t(fresh ? 'gate.register' : 'gate.enter'))
        ),
        h(
          'button',
          {
            class: 'plain',
            onclick: () => {
              fresh = !fresh;
              problem = null;
              draw();
            }
          },
          t(fresh ? 'gate.have' : 'gate.none')
        ),
        h('p', { class: 'soft small' }, t('gate.key'), ' ', h('code', null, 'hivemind master --open'))
      ),
      preferences()
    );
  };
  draw();
  put(document.body, h('div', { class: 'gate' }, main));
}

// By the key in the address, or as this browser was signed in before.
async function who(key) {
  let problem = null;
  if (key) {
    history.replaceState(null, '', location.pathname);
    await post(path('session'), { key }).catch(e => (problem = e));
  }
  try {
    const session = await get(path('session'));
    if (session.signed_in) return { session };
  } catch (e) {
    if (e.status !== 401) problem ??= e;
  }
  return { problem };
}

// Person, words and tasks are asked for at once, while the page is still being read.
async function begin() {
  const parsed = new Promise(done => document.addEventListener('DOMContentLoaded', done)),
    key = /^#k=([0-9a-f]+)$/.exec(location.hash)?.[1],
    asked = [who(key), load(''), parsed];
  if (!key) look();
  const [{ session, problem }] = await Promise.all(asked);
  return session ? open(session) : gate(problem);
}

whenSignedOut(e => {
  if (inside) gate(e);
});
addEventListener('keydown', e => {
  if (
    e.key === 'n' &&
    inside &&
    !e.ctrlKey &&
    !e.metaKey &&
    !e.altKey &&
    !e.target.closest('input, textarea, select, dialog')
  )
    location.hash = '#/submit';
});
begin();
