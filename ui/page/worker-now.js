// worker-now.js - is it on, what does it do, and the switch.
import { h, put, sync, say } from './dom.js';
import { t, cpt, number, bytes, seconds, when, clock } from './i18n.js';
import { post, path, series } from './api.js';
import { does, head, bar, stateOf, trouble, confirm, announce } from './shell.js';
import { lines } from './plot.js';
import { HOUR, model, watch, take, words } from './worker-model.js';

const morning = () => {
  const at = new Date();
  at.setHours(at.getHours() < 7 ? 7 : 31, 0, 0, 0);
  return Math.ceil((at - Date.now()) / 1000);
};

const order = (address, body) => does(async () => take(await post(path(address), body)));

function switches() {
  const big = h('button', {
    class: 'main',
    'data-f': 'switch',
    onclick: e => order(isOff() ? 'resume' : 'pause', {})(e)
  });
  const give = h(
    'button',
    {
      class: 'danger',
      'data-f': 'give',
      onclick: async e => {
        const button = e.currentTarget;
        if (await confirm(t('w.give'), t('w.give.sure'), t('w.give')))
          await order('pause', { give_back: true })({ currentTarget: button });
      }
    },
    t('w.give')
  );
  const isOff = () => ['paused', 'snoozing'].includes(model.status.state);
  const snooze = h(
    'div',
    { class: 'row', role: 'group', 'aria-label': t('w.snooze') },
    h('span', { class: 'soft' }, t('w.snooze')),
    h('button', { 'data-f': 's1', onclick: order('snooze', { seconds: HOUR }) }, t('w.snooze.1')),
    h('button', { 'data-f': 's3', onclick: order('snooze', { seconds: 3 * HOUR }) }, t('w.snooze.3')),
    h(
      'button',
      { 'data-f': 'sm', onclick: e => order('snooze', { seconds: morning() })(e) },
      t('w.snooze.morning')
    )
  );
  return {
    node: h('div', { class: 'stack tight' }, h('div', { class: 'row' }, big, give), snooze),
    draw: s => {
      say(big, t(isOff() ? 'w.resume' : 'w.pause'));
      give.hidden = !s.tasks.length;
    }
  };
}

const gauge = (name, g, unit) => [
  h(
    'div',
    { class: 'row between' },
    h('span', null, t('w.' + name)),
    h('span', { class: 'soft' }, t('w.of', { used: unit(g.used), all: unit(g.lent ?? g.reserved) }))
  ),
  bar(
    Math.min(1, g.used / (g.lent || g.reserved || 1)),
    t('w.' + name),
    g.used > 0.9 * (g.lent ?? g.reserved)
  )
];
const cores = n => number(n, 2);

function why(s) {
  if (s.state === 'snoozing') return t('w.why.snoozing', { time: when(s.snooze_until) });
  if (s.state === 'paused') return t('w.why.paused');
  if (!s.linked) return t('w.why.unlinked', { pool: s.pool });
  if (s.reason) return s.reason;
  return s.tasks.length ? t('w.why.working') : t('w.why.ready');
}

const taskRow = k =>
  h(
    'li',
    { class: 'stack tight' },
    h(
      'div',
      { class: 'row between' },
      h('b', { class: 'any' }, k.name),
      stateOf(k.phase === 'running' ? 'RUNNING' : 'PENDING', words('w.phase', k.phase))
    ),
    h(
      'div',
      { class: 'soft small any' },
      h('code', null, k.task),
      ' · ',
      k.image ?? t('w.base'),
      ' · ',
      t('w.since', { time: clock(Date.parse(k.since)) }),
      ' · ',
      t('w.limit', { time: seconds(k.time_limit) })
    ),
    k.phase === 'running' && [
      gauge('cpus', k.cpus, cores),
      gauge('memory', k.memory, bytes),
      gauge('disk', k.disk, bytes)
    ]
  );

export function now(main) {
  const state = h('div'),
    reason = h('p', { class: 'any' }),
    list = h('ul', { class: 'list' }),
    none = h('p', { class: 'soft' }, t('w.none'));
  const use = h('div', { class: 'stack tight' }),
    tiles = h('div', { class: 'tiles four' }),
    control = switches(),
    plot = h('div');
  let told = '';
  put(
    main,
    head(t('nav.now')),
    h(
      'div',
      { class: 'stack' },
      h('section', { class: 'card stack' }, h('div', { class: 'row' }, state), reason, control.node),
      tiles,
      h(
        'div',
        { class: 'two' },
        h('section', { class: 'card' }, h('h2', null, t('w.tasks')), list, none),
        h('section', { class: 'card' }, h('h2', null, t('w.use')), use)
      ),
      h('section', { class: 'card' }, h('h2', null, t('w.hour')), plot)
    )
  );
  const tile = (name, value, more) =>
    h(
      'div',
      { class: 'card tile' },
      h('span', { class: 'soft' }, t(name)),
      h('b', null, value),
      h('span', { class: 'soft small' }, more)
    );
  const end = watch(() => {
    const s = model.status;
    put(
      state,
      h('b', null, s.name),
      ' ',
      stateOf(
        { working: 'RUNNING', ready: 'ready', paused: 'STOPPED', snoozing: 'STOPPED' }[s.state] ?? 'PENDING',
        t('w.state.' + s.state.replace(' ', '-'))
      )
    );
    say(reason, why(s));
    if (told && told !== s.state) announce(t('w.state.' + s.state.replace(' ', '-')));
    told = s.state;
    control.draw(s);
    put(
      tiles,
      tile('w.today', number(s.today.completed), t('w.today.ran', { time: seconds(s.today.ran) })),
      tile('w.settled', s.earnings ? cpt(s.earnings.settled_cpt) : '–', t('w.ever')),
      tile('w.pending', s.earnings ? cpt(s.earnings.pending_cpt) : '–', t('w.pending.how'))
    );
    put(use, gauge('cpus', s.cpus, cores), gauge('memory', s.memory, bytes), gauge('disk', s.disk, bytes));
    none.hidden = s.tasks.length > 0;
    sync(
      list,
      s.tasks,
      k => k.task + k.attempt,
      k => JSON.stringify(k),
      taskRow
    );
  });
  Promise.all([series('cpus', 60), series('cpus', 1)]).then(
    ([minutes, all, v = minutes.length > 5 ? minutes : all]) =>
      put(
        plot,
        v.length > 1
          ? lines({
              title: t('w.plot.cpus'),
              desc: t('w.plot.cpus.desc'),
              series: [{ name: t('w.cpus'), values: v.slice(-720) }],
              limit: model.status?.cpus.lent
            })
          : h('p', { class: 'soft' }, t('w.plot.none'))
      ),
    e => put(plot, trouble(e))
  );
  return end;
}
