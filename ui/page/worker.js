// worker.js - the page of who lends a machine: is it on, what does it do, is it safe, what did I earn, make it
// stop.
import './theme.js';
import { h, put, logo } from './dom.js';
import { t, load } from './i18n.js';
import { get, post, path, whenSignedOut } from './api.js';
import { live } from './live.js';
import { frame, leave, head, facts, trouble, preferences } from './shell.js';
import { model, take } from './worker-model.js';
import { now } from './worker-now.js';
import { history, earnings } from './worker-past.js';
import { limits } from './worker-limits.js';
import { safety, log } from './worker-safety.js';

const settings = main => {
  put(
    main,
    head(t('nav.settings')),
    h(
      'section',
      { class: 'card stack' },
      preferences(),
      facts([
        [t('w.version'), model.status?.version],
        [t('w.id'), model.status?.id],
        [t('w.pool'), model.status?.pool]
      ])
    )
  );
};

function gate(problem) {
  leave();
  document.title = 'HiveMind';
  put(
    document.body,
    h(
      'div',
      { class: 'gate' },
      h(
        'main',
        { class: 'stack', id: 'gate' },
        h(
          'div',
          { class: 'card stack' },
          h('div', { class: 'brand' }, logo(), h('h1', null, 'HiveMind')),
          problem && trouble(problem),
          h('p', null, t('w.gate'))
        ),
        preferences()
      )
    )
  );
}

async function open() {
  take(await get(path('status')));
  if (/^#k=|^$/.test(location.hash)) window.history.replaceState(null, '', location.pathname);
  live.on('status', take);
  live.on('reset', async () => {
    try {
      take(await get(path('status')));
    } catch {
      /* the banner says it */
    }
  });
  await frame({
    words: ['', 'worker-'],
    home: 'now',
    keys: [],
    refused: async () => {
      try {
        await get(path('session'));
      } catch {
        /* whenSignedOut */
      }
    },
    items: [
      ['now', 'home'],
      ['history', 'tasks'],
      ['earnings', 'wallet'],
      ['limits', 'sliders'],
      ['safety', 'shield'],
      ['log', 'log'],
      ['settings', 'info']
    ].map(([id, icon]) => ({ id, icon })),
    screens: { now, history, earnings, limits, safety, log, settings },
    who: () =>
      h(
        'div',
        { class: 'who' },
        h('b', { class: 'cut' }, model.status.name),
        h('span', { class: 'soft cut more' }, model.status.pool)
      )
  });
  live.start();
}

async function begin() {
  await load('', 'worker-');
  const key = /^#k=([0-9a-f]+)$/.exec(location.hash)?.[1];
  let problem = null;
  if (key) {
    window.history.replaceState(null, '', location.pathname);
    try {
      await post(path('session'), { key });
    } catch (e) {
      problem = e;
    }
  }
  try {
    await open();
  } catch (e) {
    gate(e.status === 401 ? problem : e);
  }
}

whenSignedOut(() => gate());
document.addEventListener('DOMContentLoaded', begin);
