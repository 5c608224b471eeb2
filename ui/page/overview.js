// overview.js - how is it going, and what needs me?
import { h, put, sync, say } from './dom.js';
import { t, cpt, number, clock, chooses, choice } from './i18n.js';
import { post, path, once } from './api.js';
import { model, watch, counts, some, isOn } from './model.js';
import { head, does, bar, stateOf, copy, waiting, trouble, lazily, announce, go } from './shell.js';
import { spark } from './plot.js';
import { past } from './past.js';
import { doing, progressOf, why } from './words.js';

const SAMPLE = {
  manifest: {
    hivemind: 1,
    name: 'sample',
    command: 'sh run.sh',
    resources: { cpus: 1, memory: '64MiB' },
    time_limit: '5m'
  },
  files: {
    'run.sh': [
      'mkdir -p out',
      'i=1',
      'while [ $i -le 10 ]; do',
      '\techo "step $i of 10"',
      '\techo "$i squared is $((i * i))" >> out/squares.txt',
      '\ti=$((i + 1))',
      '\tsleep 1',
      'done\n'
    ].join('\n')
  }
};

export const sample = does(async () => {
  const made = await post(path('tasks'), SAMPLE, { 'Idempotency-Key': once() });
  go('task/' + made.id + '.1/logs');
});

const start = () =>
  h(
    'div',
    { class: 'card stack' },
    h('h2', null, t('start')),
    h(
      'ol',
      { class: 'list stack' },
      h('li', null, h('b', null, t('start.1')), copy('hivemind worker --join ' + model.pool)),
      h('li', null, h('b', null, t('start.2')), copy('hivemind init mytask')),
      h('li', null, h('b', null, t('start.3')), copy('hivemind submit mytask --wait'))
    ),
    h(
      'div',
      { class: 'row' },
      h('button', { class: 'main', onclick: sample }, t('start.sample')),
      h('a', { class: 'button', href: '#/submit' }, t('nav.submit'))
    )
  );

// Failed since they were last put away, and what waits for a reason.
function needs() {
  const seen = Number(choice('seen')) || 0,
    n = [];
  for (const k of some('FAILED').reverse())
    if (Date.parse(k.ended) > seen)
      n.push({ key: k.id, kind: 'bad', id: k.id, title: k.name, text: why(k), state: k.state });
  for (const k of some('PENDING')
    .filter(k => k.reason)
    .slice(-10))
    n.push({ key: k.id, kind: 'warn', id: k.id, title: k.name, text: k.reason, state: k.state });
  if (model.balance && Number(model.balance.balance_cpt) < 1)
    n.push({ key: 'balance', kind: 'warn', title: t('low'), text: t('low.how') });
  return n.slice(0, 12);
}

export function overview(main) {
  const tile = (name, address, digits) => {
    const value = h('b', null, '–'),
      line = spark(null, []);
    return {
      name,
      node: h(
        'a',
        { class: 'card tile', href: '#/' + address },
        h('span', { class: 'soft' }, t('tile.' + name)),
        value,
        line
      ),
      draw: n => {
        say(
          value,
          name === 'balance'
            ? number(n[name], digits)
            : number(n[name]) + (model.more && name !== 'workers' ? '+' : '')
        );
        spark(line, model.history[name]);
      }
    };
  };
  const tiles = [
    tile('running', 'tasks?state=RUNNING'),
    tile('waiting', 'tasks?state=PENDING'),
    tile('workers', 'workers'),
    tile('balance', 'wallet', 2)
  ];
  const need = h('ul', { class: 'list' }),
    running = h('ul', { class: 'list' }),
    feed = h('ul', { class: 'list' });
  const needCard = h(
    'section',
    { class: 'card', hidden: true },
    h(
      'div',
      { class: 'row between' },
      h('h2', null, t('needs')),
      h(
        'button',
        {
          class: 'plain',
          onclick: () => {
            chooses('seen', String(Date.now()));
            draw();
          }
        },
        t('needs.seen')
      )
    ),
    need
  );
  const none = h('p', { class: 'soft' }, t('running.none')),
    quiet = h('p', { class: 'soft' }, t('feed.none')),
    cores = h('div', { class: 'stack tight' }),
    before = past(),
    first = h('div', { hidden: true });
  const whole = h(
    'div',
    { class: 'stack', hidden: true },
    h(
      'div',
      { class: 'tiles four' },
      tiles.map(k => k.node)
    ),
    first,
    needCard,
    h(
      'div',
      { class: 'two' },
      h('section', { class: 'card' }, h('h2', null, t('running')), running, none),
      h('section', { class: 'card' }, h('h2', null, t('feed')), feed, quiet)
    ),
    h('section', { class: 'card' }, h('h2', null, t('cores')), cores, before.node)
  );
  const wait = h('div', null, waiting());
  put(
    main,
    head(t('nav.overview'), h('a', { class: 'button main', href: '#/submit' }, t('nav.submit'))),
    wait,
    whole
  );

  let started = false;
  function drawCores(n) {
    const said = t('cores.used', { used: number(n.used), offered: number(n.offered) });
    if (cores.firstChild?.textContent !== said)
      put(cores, h('div', null, said), bar(n.offered ? n.used / n.offered : 0, t('cores')));
    before.draw();
  }

  function draw() {
    if (!model.ready) return;
    if (model.problem) {
      put(wait, trouble(model.problem));
      wait.hidden = false;
    } else wait.hidden = true;
    whole.hidden = false;
    const n = counts();
    tiles.forEach(k => k.draw(n));
    const fresh = model.tasks.size === 0 && !model.problem;
    if (fresh !== started) {
      started = fresh;
      put(first, fresh && start());
      first.hidden = !fresh;
    }
    const needed = needs();
    needCard.hidden = !needed.length;
    sync(
      need,
      needed,
      k => k.key,
      k => JSON.stringify(k),
      k =>
        h(
          'li',
          null,
          h(
            'div',
            { class: 'row between' },
            k.id
              ? h('a', { class: 'cut', href: '#/task/' + k.id, 'data-f': 'n' + k.id }, k.title)
              : h('b', null, k.title),
            k.state && stateOf(k.state)
          ),
          h('div', { class: 'soft small any' }, k.text)
        )
    );
    const now = some('RUNNING').reverse().slice(0, 12);
    none.hidden = now.length > 0;
    sync(
      running,
      now,
      k => k.id,
      k => k.name + doing(k) + JSON.stringify(k.progress) + k.cost.spent_cpt,
      k =>
        h(
          'li',
          { class: 'stack tight' },
          h(
            'div',
            { class: 'row between' },
            h('a', { class: 'cut grow', href: '#/task/' + k.id, 'data-f': 'r' + k.id }, k.name),
            h('span', { class: 'soft small num' }, cpt(k.cost.spent_cpt))
          ),
          bar(progressOf(k), k.name),
          h('span', { class: 'soft small' }, doing(k))
        )
    );
    quiet.hidden = model.feed.length > 0;
    sync(
      feed,
      model.feed,
      k => k.id + k.state + k.time,
      () => '',
      k =>
        h(
          'li',
          null,
          h(
            'div',
            { class: 'row between' },
            h('a', { class: 'cut grow', href: '#/task/' + k.id, 'data-f': 'f' + k.id + k.state }, k.name),
            stateOf(k.state)
          ),
          h('div', { class: 'soft small' }, [clock(k.time), k.worker].filter(Boolean).join(' · '))
        )
    );
    drawCores(n);
  }

  const soon = lazily(draw),
    over = watch((kind, k) => {
      if (kind === 'task' && !['PENDING', 'RUNNING'].includes(k.state) && k.ended)
        announce(`${k.name}: ${t('state.' + k.state)}`);
      soon();
    });
  draw();
  return over;
}
