// shell.js - the frame that both pages have: navigation, screens by address, keys, dialogs, what is said to
// people.
//   frame({items: [{id, icon}], screens: {id: screen}, home: 'overview'})
//   screen(main, parts, words) draws #/id/parts...?words; may return a function that ends it.
import { h, $, put, icon, logo } from './dom.js';
import { t, has, load, language, languages, choice, chooses } from './i18n.js';
import { live } from './live.js';

let setup,
  end = null,
  drawn = 0,
  main,
  banner,
  status,
  toasts;

// --- saying things ---------------------------------------------------------------------------------

let said = 0,
  next = null,
  timer = 0;

// For screen readers, when there is time: one message in five seconds, the last one.
export function announce(text) {
  next = text;
  if (timer) return;
  timer = setTimeout(
    () => {
      timer = 0;
      said = Date.now();
      status.textContent = next;
    },
    Math.max(50, said + 5000 - Date.now())
  );
}

export function toast(text) {
  const note = h('div', { class: 'toast', role: 'status' }, text);
  toasts.append(note);
  setTimeout(() => note.remove(), 6000);
}

// What went wrong, and what to do.
export const trouble = e => h('div', { class: 'note bad', role: 'alert' }, h('b', null, e.message), e.hint);
export const waiting = () =>
  h(
    'p',
    { class: 'empty', role: 'status' },
    h('span', { class: 'wait' }),
    h('span', { class: 'unseen' }, t('waiting'))
  );
export const empty = (title, ...more) => h('div', { class: 'empty' }, h('h2', null, title), more);

// Do it; while it runs the button cannot be pressed, and what goes wrong is said.
export const does = f => async e => {
  e.preventDefault?.();
  const button = e.submitter ?? e.currentTarget,
    place = e.currentTarget.closest('form')?.querySelector('.said');
  button.disabled = true;
  place?.replaceChildren();
  try {
    await f(e);
  } catch (problem) {
    if (place) place.replaceChildren(trouble(problem));
    else toast([problem.message, problem.hint].filter(Boolean).join(' '));
  } finally {
    button.disabled = false;
  }
};

export function dialog(title, content, buttons) {
  const box = h(
    'dialog',
    { 'aria-labelledby': 'dialog-title', onclose: () => box.remove() },
    h('h2', { id: 'dialog-title' }, title),
    content,
    h(
      'div',
      { class: 'ends' },
      buttons ?? h('button', { class: 'main', onclick: () => box.close() }, t('close'))
    )
  );
  document.body.append(box);
  box.showModal();
  return box;
}

export const confirm = (title, text, word) =>
  new Promise(done => {
    const box = dialog(title, h('p', { class: 'any' }, text), [
      h('button', { onclick: () => box.close() }, t('cancel')),
      h(
        'button',
        {
          class: 'danger',
          autofocus: true,
          onclick: () => {
            done(true);
            box.close();
          }
        },
        word
      )
    ]);
    box.addEventListener('close', () => done(false));
  });

export const copy = text =>
  h(
    'div',
    { class: 'copy' },
    h('code', null, text),
    h(
      'button',
      {
        class: 'plain',
        onclick: async e => {
          const button = e.currentTarget;
          try {
            await navigator.clipboard.writeText(text);
            button.textContent = t('copied');
            announce(t('copied'));
          } catch {
            getSelection().selectAllChildren(button.previousSibling);
          }
          setTimeout(() => {
            button.textContent = t('copy');
          }, 2000);
        }
      },
      t('copy')
    )
  );

export const stateOf = (word, text) =>
  h(
    'span',
    { class: 'state ' + word.replace(/\W/g, '-') },
    text ?? (has('state.' + word) ? t('state.' + word) : word)
  );
export const bar = (part, label, high) =>
  h(
    'div',
    {
      class: 'bar' + (part === null ? ' unknown' : '') + (high ? ' high' : ''),
      role: 'progressbar',
      'aria-label': label,
      'aria-valuemin': part === null ? null : 0,
      'aria-valuemax': part === null ? null : 100,
      'aria-valuenow': part === null ? null : Math.round(part * 100)
    },
    h('i', { style: part === null ? {} : { width: Math.min(100, part * 100) + '%' } })
  );
export const facts = pairs =>
  h(
    'dl',
    { class: 'facts' },
    pairs.filter(Boolean).map(([name, value]) => [h('dt', null, name), h('dd', null, value ?? '–')])
  );
export const table = (heads, body, label) =>
  h(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': label },
    h(
      'table',
      null,
      h(
        'thead',
        null,
        h(
          'tr',
          null,
          heads.map(c =>
            c instanceof Node
              ? c
              : Array.isArray(c)
                ? h('th', { scope: 'col', class: c[1] }, c[0])
                : h('th', { scope: 'col' }, c)
          )
        )
      ),
      body
    )
  );
export const unseen = words => h('th', { scope: 'col' }, h('span', { class: 'unseen' }, words));
export const head = (title, ...buttons) => {
  document.title = `${title} · HiveMind`;
  return h('div', { class: 'head' }, h('h1', null, title), buttons);
};

// Draw no more than once in a frame, however much happens.
export function lazily(draw) {
  let asked = 0;
  return () => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      draw();
    });
  };
}

// --- screens ----------------------------------------------------------------------------------------

export const go = address => {
  location.hash = '#/' + address;
};
export function words(values, replace = true) {
  const q = new URLSearchParams(Object.entries(values).filter(([, v]) => v)),
    at = location.hash.split('?')[0] + (q.size ? '?' + q : '');
  if (replace) history.replaceState(null, '', at);
}

function where() {
  const [way, rest] = location.hash.replace(/^#\/?/, '').split('?');
  const parts = way
    .split('/')
    .filter(Boolean)
    .map(p => {
      try {
        return decodeURIComponent(p);
      } catch {
        return p;
      }
    });
  return {
    id: setup.screens[parts[0]] ? parts[0] : setup.home,
    parts: parts.slice(1),
    words: Object.fromEntries(new URLSearchParams(rest))
  };
}

export async function show(byHand = true) {
  const { id, parts, words } = where(),
    mine = ++drawn;
  end?.();
  end = null;
  for (const a of document.querySelectorAll('.nav a'))
    if (a.dataset.f === (setup.within?.[id] ?? id)) {
      a.setAttribute('aria-current', 'page');
      a.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    } else a.removeAttribute('aria-current');
  const place = h('div'); // its own: a screen that was left while it waited draws where nobody sees it
  put(main, place);
  if (byHand) {
    main.focus({ preventScroll: true }); // before it is drawn: whoever is quick has a field by then
    scrollTo(0, 0);
  }
  let over = null;
  try {
    over = await setup.screens[id](place, parts, words);
  } catch (e) {
    put(place, head(t('nav.' + id)), trouble(e));
  }
  if (mine !== drawn) over?.();
  else end = over ?? null;
}

export function leave() {
  drawn++;
  end?.();
  end = null;
}

// --- keys -------------------------------------------------------------------------------------------

let before = '',
  at = 0;
const typing = e => e.target.closest('input, textarea, select, dialog') !== null;

function help() {
  const key = (...keys) => keys.map(k => h('kbd', null, k)).flatMap(k => [k, ' ']);
  dialog(
    t('keys'),
    facts([
      [key('/'), t('keys.search')],
      ...setup.items.map(i => [key('g', t('key.' + i.id)), t('nav.' + i.id)]),
      ...(setup.keys ?? []).map(([k, words]) => [key(...k), t(words)]),
      [key('Esc'), t('keys.close')],
      [key('?'), t('keys.help')]
    ])
  );
}

function press(e) {
  if (e.ctrlKey || e.metaKey || e.altKey || typing(e) || document.querySelector('dialog[open]')) return;
  const item = before === 'g' && Date.now() - at < 1500 && setup.items.find(i => t('key.' + i.id) === e.key);
  before = e.key;
  at = Date.now();
  if (item) go(item.id);
  else if (e.key === '?') help();
  else if (e.key === '/') {
    const search = $('[type=search]', main);
    if (search) search.focus();
    else if (setup.search) go(setup.search);
  } else return;
  e.preventDefault();
}

// --- the frame -----------------------------------------------------------------------------------------

let late = 0,
  reason = '';
function online(up, why = '') {
  reason = why;
  clearTimeout(late);
  if (up) banner.hidden = true;
  else
    late = setTimeout(() => {
      banner.hidden = false;
      banner.textContent = reason ? t('offline.pool', { why: reason }) : t('offline');
    }, 3000);
}

export function preferences() {
  const pick = (name, values, label) =>
    h(
      'label',
      null,
      t(name),
      h(
        'select',
        {
          class: 'short',
          'data-f': name,
          onchange: async e => {
            chooses(name, e.target.value);
            if (name === 'lang') {
              await load(...setup.words);
              build();
              show(false);
            } else dispatchEvent(new Event('themechange'));
          }
        },
        values.map(v =>
          h(
            'option',
            { value: v, selected: choice(name) === v || (name === 'lang' && language() === v) },
            label(v)
          )
        )
      )
    );
  return h(
    'div',
    { class: 'row' },
    pick('theme', ['', 'light', 'dark', 'contrast'], v => t('theme.' + (v || 'auto'))),
    pick('lang', languages, v => ({ en: 'English', 'zh-TW': '繁體中文' })[v])
  );
}

function build() {
  main = h('main', { tabindex: -1, id: 'main' });
  banner = h('div', { class: 'banner', role: 'status', hidden: true });
  status = h('div', { class: 'unseen', role: 'status', 'aria-live': 'polite' });
  toasts = h('div', { class: 'toasts' });
  put(
    document.body,
    h(
      'a',
      {
        class: 'skip',
        href: '#main',
        onclick: e => {
          e.preventDefault();
          main.focus();
        }
      },
      t('skip')
    ),
    banner,
    h(
      'div',
      { class: 'frame' },
      h(
        'header',
        { class: 'side' },
        h('a', { class: 'brand', href: '#/' + setup.home }, logo(), 'HiveMind'),
        h(
          'nav',
          { 'aria-label': t('nav') },
          h(
            'ul',
            { class: 'nav' },
            setup.items.map(i =>
              h('li', null, h('a', { href: '#/' + i.id, 'data-f': i.id }, icon(i.icon), t('nav.' + i.id)))
            )
          )
        ),
        setup.who?.()
      ),
      main
    ),
    status,
    toasts
  );
}

let running = false;
export function frame(options) {
  setup = options;
  build();
  if (!running) {
    running = true;
    addEventListener('hashchange', () => $('#main') && show());
    addEventListener('keydown', e => $('#main') && press(e));
    let up = true,
      pool = true,
      why = '';
    live.onState = (now, closed) => {
      up = now;
      online(up && pool, pool ? '' : why);
      if (closed) setup.refused?.();
    };
    live.on('pool', p => {
      pool = p.connected;
      why = p.reason ?? '';
      online(up && pool, why);
    });
  }
  return show(false);
}
