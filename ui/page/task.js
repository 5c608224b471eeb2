// task.js - one task: what it does, in words, when its attempts did what, and why it waits. Its other tabs
// are in files of their own.
import { h, put } from './dom.js';
import { t, cpt, number, seconds, when } from './i18n.js';
import { get, post, del, path, once } from './api.js';
import { watch, isLive } from './model.js';
import {
  head,
  does,
  stateOf,
  bar,
  facts,
  copy,
  waiting,
  trouble,
  confirm,
  lazily,
  announce,
  go
} from './shell.js';
import { tabs } from './tabs.js';
import { timeline } from './plot.js';
import { sentence, shortId, machine, progressOf } from './words.js';
import { log } from './log.js';
import { usage, files } from './result.js';
import { cost, manifest } from './bill.js';

const NAMES = ['queued', 'staged', 'ran', 'collected'];

// A lane for each attempt; the first one also waited.
function lanesOf(k, attempts) {
  const ms = time => (time ? Date.parse(time) : 0),
    now = Date.now();
  return (attempts.length ? attempts : [{ attempt: 1, ended: k.ended }]).map((a, i) => {
    const at = [i ? 0 : ms(k.created), ms(a.assigned), ms(a.started), ms(a.exited), ms(a.ended)],
      end = at[4] || now;
    return {
      name: t('attempt', { n: a.attempt }) + (a.worker ? ` · ${a.worker.name ?? a.worker.id}` : ''),
      reason: a.reason,
      spans: NAMES.map(
        (name, n) =>
          at[n] && {
            name: t('part.' + name),
            kind: n,
            from: at[n],
            to: Math.max(at[n], at.slice(n + 1).find(Boolean) || end)
          }
      ).filter(Boolean)
    };
  });
}

function drawTimeline(k, attempts) {
  const lanes = lanesOf(k, attempts),
    long = p => `${p.name} ${seconds((p.to - p.from) / 1000)}`;
  return h(
    'section',
    { class: 'card stack tight' },
    h('h2', null, t('timeline')),
    k.losses > 0 && h('p', { class: 'note warn' }, t('timeline.lost', { n: k.losses })),
    timeline({
      title: t('timeline'),
      desc: lanes.map(l => `${l.name}: ${l.spans.map(long).join(', ')}`).join('; '),
      unit: seconds,
      lanes
    }),
    h(
      'ul',
      { class: 'list small' },
      lanes.map(l =>
        h(
          'li',
          null,
          h('b', null, l.name),
          h(
            'div',
            { class: 'row soft' },
            l.spans.map(p => h('span', { class: 'part k' + p.kind }, long(p)))
          ),
          l.reason && h('div', { class: 'soft any' }, l.reason)
        )
      )
    )
  );
}

function summary(view) {
  return panel => {
    const line = h('div', { class: 'stack' }),
      reasons = h('div'),
      times = h('div'),
      more = h('div');
    let explained = '',
      known = '',
      attempts = [];
    put(panel, h('div', { class: 'stack' }, line, reasons, times, more));
    const draw = () => {
      const k = view.task,
        kind = { FAILED: 'bad', COMPLETED: 'good', PENDING: 'warn' }[k.state] ?? '';
      put(
        line,
        h('p', { class: 'note ' + kind }, sentence(k)),
        k.state === 'RUNNING' && bar(progressOf(k), k.name)
      );
      put(
        more,
        h(
          'section',
          { class: 'card' },
          facts([
            [t('worker'), machine(k)],
            [t('created'), when(k.created)],
            [t('started'), when(k.started)],
            [t('ended'), when(k.ended)],
            [t('attempts'), number(Math.max(1, k.epoch))],
            [t('cost'), cpt(k.cost.spent_cpt)],
            k.keep_until && [t('kept'), when(k.keep_until)],
            [t('id'), h('code', null, k.id)]
          ])
        )
      );
      const now = k.state + k.phase + k.epoch;
      if (now !== known)
        get(path('tasks', k.id, 'attempts')).then(
          a => {
            attempts = a.attempts;
            view.draw();
          },
          e => put(times, trouble(e))
        );
      known = now;
      if (!times.contains(document.activeElement) && attempts.length) put(times, drawTimeline(k, attempts));
      const key = k.state + k.reason;
      if (k.state === 'PENDING' && key !== explained) explain(reasons, k);
      else if (k.state !== 'PENDING') put(reasons);
      explained = key;
    };
    draw();
    return view.watch(draw);
  };
}

async function explain(node, k) {
  try {
    const e = await get(path('tasks', k.id, 'explain'));
    put(
      node,
      h(
        'section',
        { class: 'card' },
        h('h2', null, t('explain')),
        e.workers.length
          ? h(
              'ul',
              { class: 'list' },
              e.workers.map(w =>
                h(
                  'li',
                  { class: 'row between' },
                  h('b', { class: 'cut' }, w.name),
                  h('span', { class: 'soft any' }, w.fits ? t('explain.fits') : w.reason)
                )
              )
            )
          : h('p', null, t('explain.none'))
      )
    );
  } catch (problem) {
    put(node, trouble(problem));
  }
}

// --- the screen -------------------------------------------------------------------------------------------

export async function task(main, [id, tab]) {
  put(main, waiting());
  const first = await get(path('tasks', id)),
    watchers = new Set();
  const view = {
    task: first,
    cores: [],
    watch: f => {
      watchers.add(f);
      return () => watchers.delete(f);
    }
  };
  const title = head(first.name),
    state = h('span'),
    acts = h('div', { class: 'row' });
  title.append(state, acts);
  const commands = [
    `hivemind status ${shortId(first.id)}`,
    `hivemind logs ${shortId(first.id)} --follow`,
    `hivemind get ${shortId(first.id)}`
  ];

  const act = {
    stop: does(async () => {
      if (!(await confirm(t('stop'), t('stop.sure', { name: first.name }), t('stop')))) return;
      await post(path('tasks', first.id, 'stop'), {}, { 'Idempotency-Key': once() });
      apply(await get(path('tasks', first.id))); // its answer may be older than what events have told since
    }),
    remove: does(async () => {
      if (!(await confirm(t('remove'), t('remove.sure', { name: first.name }), t('remove')))) return;
      await del(path('tasks', first.id), { 'Idempotency-Key': once() });
      go('tasks');
    })
  };
  let shown = '';
  function buttons() {
    const k = view.task;
    if (shown === k.state) return;
    shown = k.state;
    put(state, stateOf(k.state));
    put(
      acts,
      isLive(k)
        ? h('button', { class: 'danger', 'data-f': 'act', onclick: act.stop }, t('stop'))
        : h('button', { class: 'danger', 'data-f': 'act', onclick: act.remove }, t('remove')),
      h('a', { class: 'button', href: '#/submit?from=' + k.id }, t('clone'))
    );
  }

  function apply(k) {
    const was = view.task;
    view.task = {
      ...k,
      spec: k.spec ?? was.spec,
      bundle: k.bundle ?? was.bundle,
      result: k.result ?? (k.epoch === was.epoch ? was.result : undefined),
      cost: { ...k.cost, reserved_cpt: k.cost.reserved_cpt ?? was.cost.reserved_cpt }
    };
    if (k.usage && was.usage && k.usage.wall > was.usage.wall)
      view.cores.push([Date.now(), (k.usage.cpu - was.usage.cpu) / (k.usage.wall - was.usage.wall)]);
    if (view.cores.length > 600) view.cores.shift();
    if (k.state !== was.state) announce(t('state.' + k.state));
    soon();
  }
  const soon = (view.draw = lazily(() => {
    buttons();
    watchers.forEach(f => f());
  }));

  buttons();
  const pick = tabs(
    first.name,
    [
      ['summary', t('tab.summary'), summary(view)],
      ['logs', t('tab.logs'), log(view)],
      ['files', t('tab.files'), files(view)],
      ['usage', t('tab.usage'), usage(view)],
      ['cost', t('tab.cost'), cost(view)],
      ['manifest', t('tab.manifest'), manifest(view)],
      [
        'terminal',
        t('tab.terminal'),
        panel => {
          put(panel, h('div', { class: 'stack' }, commands.map(copy)));
        }
      ]
    ],
    tab,
    name => history.replaceState(null, '', `#/task/${id}/${name}`)
  );
  put(main, title, pick.node);
  const end = watch((kind, k) => {
    if (kind === 'task' && k.id === first.id) apply(k);
    else if (kind === 'all') get(path('tasks', first.id)).then(apply, () => {});
    else if (kind === 'removed' && k.id === first.id) go('tasks');
  });
  const clock = setInterval(() => view.task.state === 'RUNNING' && soon(), 1000);
  return () => {
    end();
    pick.end();
    clearInterval(clock);
  };
}
