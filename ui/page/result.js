// result.js - what a task has used of what it may, and what it has left: tabs of a task.
import { h, put } from './dom.js';
import { t, number, percent, bytes, seconds } from './i18n.js';
import { get, path, read } from './api.js';
import { isLive } from './model.js';
import { bar, table, unseen, waiting, trouble, empty, announce } from './shell.js';
import { lines } from './plot.js';
import { shortId } from './words.js';

const TEXT = /\.(txt|log|md|csv|tsv|json|py|sh|ya?ml|c|h|out)$/i,
  PICTURE = /\.(png|jpe?g|gif|webp)$/i,
  SHOWN = 64 * 1024;

export function usage(view) {
  return panel => {
    const draw = () => {
      const k = view.task,
        u = k.usage,
        need = k.spec?.resources;
      if (!u || !need) return put(panel, empty(t(isLive(k) ? 'usage.later' : 'usage.none')));
      const cores = u.wall > 0 ? u.cpu / u.wall : 0;
      const part = (name, used, limit, show) =>
        h(
          'section',
          { class: 'card stack tight' },
          h(
            'div',
            { class: 'row between' },
            h('h2', null, t(name)),
            h('b', { class: 'num' }, t('of', { used: show(used), limit: show(limit) }))
          ),
          bar(limit ? used / limit : 0, t(name), used / limit > 0.9),
          h('span', { class: 'soft small' }, percent(limit ? used / limit : 0))
        );
      put(
        panel,
        h(
          'div',
          { class: 'stack' },
          part('usage.cpu', cores, need.cpus, n => number(n)),
          part('usage.memory', u.peak_memory, need.memory, bytes),
          part('usage.time', u.wall, k.spec.time_limit, seconds),
          view.cores.length > 2 &&
            h(
              'section',
              { class: 'card' },
              h('h2', null, t('usage.live')),
              lines({
                title: t('usage.live'),
                desc: t('of', { used: number(cores), limit: number(need.cpus) }),
                series: [{ name: t('usage.cpu'), values: view.cores }],
                limit: need.cpus
              })
            )
        )
      );
    };
    draw();
    return view.watch(draw);
  };
}

// --- files ---------------------------------------------------------------------------------------------

const fileAt = (id, file) =>
  path('tasks', id, 'files') + '/' + file.split('/').map(encodeURIComponent).join('/');

async function preview(place, id, f) {
  const address = fileAt(id, f.path),
    title = h(
      'div',
      { class: 'row between' },
      h('h2', { class: 'any' }, f.path),
      h('a', { class: 'button', href: address + '?download=true', download: '' }, t('download'))
    );
  if (PICTURE.test(f.path)) return put(place, title, h('img', { class: 'file', src: address, alt: f.path }));
  if (!TEXT.test(f.path)) return put(place, title, h('p', { class: 'soft' }, t('files.only')));
  put(place, title, waiting());
  try {
    const text = f.bytes
      ? await (
          await read(
            await fetch(address, { headers: f.bytes > SHOWN ? { Range: `bytes=0-${SHOWN - 1}` } : {} })
          )
        ).text()
      : '';
    put(
      place,
      title,
      h('pre', { class: 'file', tabindex: 0, 'aria-label': f.path }, text || t('files.empty')),
      f.bytes > SHOWN && h('p', { class: 'soft' }, t('files.part', { shown: bytes(SHOWN) }))
    );
  } catch (e) {
    put(place, title, trouble(e));
  }
  announce(f.path);
}

export function files(view) {
  return panel => {
    let shown = '',
      over = false;
    const draw = async () => {
      const k = view.task,
        key = k.result?.sha256 ?? k.state;
      if (key === shown) return;
      shown = key;
      if (!k.result) return put(panel, empty(t(isLive(k) ? 'files.later' : 'files.none')));
      put(panel, waiting());
      try {
        const list = await get(path('tasks', k.id, 'files')),
          place = h('section', { class: 'card stack', hidden: true, 'aria-live': 'polite' });
        if (over) return;
        put(
          panel,
          h(
            'div',
            { class: 'stack' },
            h(
              'section',
              { class: 'card' },
              h(
                'div',
                { class: 'row between' },
                h('h2', null, t('files.n', { n: number(list.files.length), size: bytes(list.bytes) })),
                h(
                  'a',
                  {
                    class: 'button main',
                    href: path('tasks', k.id, 'result'),
                    download: `${shortId(k.id)}.tar`
                  },
                  t('files.all')
                )
              ),
              table(
                [t('file'), [t('size'), 'num'], unseen(t('download'))],
                h(
                  'tbody',
                  null,
                  list.files.slice(0, 2000).map(f =>
                    h(
                      'tr',
                      null,
                      h(
                        'td',
                        null,
                        h(
                          'button',
                          {
                            class: 'plain any',
                            onclick: () => {
                              place.hidden = false;
                              preview(place, k.id, f);
                            }
                          },
                          f.path
                        )
                      ),
                      h('td', { class: 'num' }, bytes(f.bytes)),
                      h(
                        'td',
                        { class: 'num' },
                        h(
                          'a',
                          {
                            href: fileAt(k.id, f.path) + '?download=true',
                            download: '',
                            'aria-label': t('download') + ' ' + f.path
                          },
                          t('download')
                        )
                      )
                    )
                  )
                ),
                t('files')
              )
            ),
            place
          )
        );
      } catch (e) {
        put(panel, trouble(e));
      }
    };
    draw();
    const end = view.watch(draw);
    return () => {
      over = true;
      end();
    };
  };
}
