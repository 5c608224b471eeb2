// machines.js - the workers of the pool: what they offer, what of it is used, when they were last heard of.
import { h, put, sync, say } from './dom.js';
import { t, number, bytes, seconds, cpt } from './i18n.js';
import { get, path } from './api.js';
import { model, watch, takeWorkers, isOn } from './model.js';
import { head, bar, stateOf, empty, copy, facts, trouble, lazily } from './shell.js';

const LOOK = 2000; // heartbeats are no events: while this screen is seen, it asks for their age

export async function machines(main) {
  const cards = h('ul', {
      class: 'tiles',
      style: { gridTemplateColumns: 'repeat(auto-fill, minmax(min(320px, 100%), 1fr))' }
    }),
    none = h('div'),
    asks = h('div');
  let heard = false; // just now, by this screen
  put(main, head(t('nav.workers')), h('div', { class: 'stack' }, cards, none, asks));
  const share = (name, of, show) =>
    h(
      'div',
      { class: 'stack tight' },
      h(
        'div',
        { class: 'row between small' },
        h('span', null, name),
        h('span', { class: 'soft num' }, t('of', { used: show(of.used), limit: show(of.offered) }))
      ),
      bar(of.offered ? of.used / of.offered : 0, name)
    );
  const age = w =>
    isOn(w)
      ? t('worker.beat', { time: seconds(Math.max(0, w.heartbeat_age + (Date.now() - w.seen) / 1000)) })
      : t('worker.lost');

  function draw() {
    const all = [...model.workers.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    sync(
      cards,
      all,
      w => w.id,
      w => JSON.stringify({ ...w, heartbeat_age: 0, seen: 0 }),
      w =>
        h(
          'li',
          { class: 'card stack' },
          h('div', { class: 'row between' }, h('h2', { class: 'cut' }, w.name), stateOf(w.state)),
          w.not_ready && h('p', { class: 'note warn small' }, w.not_ready),
          share(t('cpus'), w.cpus, n => number(n)),
          share(t('memory'), w.memory, bytes),
          share(t('disk'), w.disk, bytes),
          w.gpus.length > 0 &&
            h('p', { class: 'small' }, w.gpus.map(g => `${g.model} ${bytes(g.memory)}`).join(', ')),
          h(
            'p',
            { class: 'soft small any' },
            [
              w.host && `${w.host.cpu_model || w.host.arch}`,
              w.engine && `${w.engine.kind ?? '?'} ${w.engine.version ?? ''}`
            ]
              .filter(Boolean)
              .join(' · ')
          ),
          h(
            'div',
            { class: 'row between small soft' },
            h('span', null, t('worker.tasks', { n: w.tasks })),
            h('span', { class: 'age', 'data-id': w.id })
          )
        )
    );
    for (const node of cards.querySelectorAll('.age')) {
      const w = model.workers.get(node.dataset.id);
      if (w && heard) say(node, age(w));
    }
    if (all.length) put(none);
    else if (!none.firstChild)
      put(
        none,
        h(
          'div',
          { class: 'card' },
          empty(t('workers.none'), h('p', null, t('start.1')), copy('hivemind worker --join ' + model.pool))
        )
      );
  }

  const soon = lazily(draw),
    over = watch(kind => ['worker', 'left', 'all'].includes(kind) && soon());
  const look = async () => {
    if (document.hidden || !model.workers.size) return;
    try {
      const { workers } = await get(path('workers'));
      heard = true;
      takeWorkers(workers);
    } catch {
      /* the banner says it */
    }
  };
  const timer = setInterval(look, LOOK);
  draw();
  look();
  get(path('price')).then(
    p =>
      put(
        asks,
        h(
          'section',
          { class: 'card' },
          h('h2', null, t('price')),
          facts([
            [t('price.start'), cpt(p.start_cpt)],
            [t('price.core'), cpt(Number(p.core_second_cpt) * 3600)],
            [t('price.gib'), cpt(Number(p.gib_second_cpt) * 3600)],
            [t('price.gpu'), cpt(Number(p.gpu_second_cpt) * 3600)]
          ])
        )
      ),
    e => put(asks, trouble(e))
  );
  return () => {
    over();
    clearInterval(timer);
  };
}
