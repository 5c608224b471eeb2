// log.js - what a task prints, as it prints it. Colours that terminals know become classes; all else is text.
import { h, put } from './dom.js';
import { t, number } from './i18n.js';
import { path, query } from './api.js';
import { isLive } from './model.js';

const LINES = 5000;

// "\x1b[31mred" as spans; what moves cursors, sets titles or rings bells is left out. style is carried from
// line to line.
const CODES =
  /\x1b\[([0-9;]*)m|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b\[[0-?]*[ -/]*[@-~]?|\x1b[@-Z\\^_]?|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;
export function colours(text, style) {
  const out = [];
  let at = 0;
  const flush = end => {
    if (end <= at) return;
    const words = text.slice(at, end);
    out.push(
      style.colour || style.bold ? h(style.bold ? 'b' : 'span', { class: style.colour }, words) : words
    );
  };
  for (const m of text.matchAll(CODES)) {
    flush(m.index);
    at = m.index + m[0].length;
    for (const code of m[1] === undefined ? [] : m[1].split(';').map(Number)) {
      if (code === 0) style.colour = style.bold = null;
      else if (code === 1) style.bold = true;
      else if (code === 22) style.bold = null;
      else if (code === 39) style.colour = null;
      else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) style.colour = 'a' + (code % 10);
    }
  }
  flush(text.length);
  return out;
}

export const log = view => panel => {
  const id = view.task.id,
    style = {},
    waiting = [];
  let follow = true,
    found = [],
    at = -1,
    begun = false,
    last = {},
    dropped = 0,
    frame = 0,
    stream = null;
  const box = h('div', {
    class: 'log',
    tabindex: 0,
    role: 'log',
    'aria-live': 'off',
    'aria-label': t('tab.logs'),
    onscroll: () => {
      const low = box.scrollHeight - box.scrollTop - box.clientHeight < 30;
      if (low !== follow && !frame) follow = pin.checked = low;
    }
  });
  const note = h('p', { class: 'soft small', role: 'status' }, t('log.waiting')),
    hits = h('span', { class: 'soft small', role: 'status' });
  const pin = h('input', {
    type: 'checkbox',
    checked: true,
    onchange: () => {
      follow = pin.checked;
      if (follow) box.scrollTop = box.scrollHeight;
    }
  });
  const search = h('input', {
    type: 'search',
    class: 'short',
    placeholder: t('log.search'),
    'aria-label': t('log.search'),
    oninput: () => find(),
    onkeydown: e => {
      if (e.key === 'Enter') step(e.shiftKey ? -1 : 1);
      else if (e.key === 'Escape') {
        search.value = '';
        find();
        search.blur();
      }
    }
  });
  put(
    panel,
    h(
      'div',
      { class: 'stack' },
      h(
        'div',
        { class: 'row' },
        search,
        hits,
        h('span', { class: 'grow' }),
        h('label', { class: 'check' }, pin, t('log.follow')),
        h(
          'label',
          { class: 'check' },
          h('input', { type: 'checkbox', onchange: e => box.classList.toggle('wrap', e.target.checked) }),
          t('log.wrap')
        ),
        h('a', { class: 'button', href: path('tasks', id, 'logs'), download: `${id}.log` }, t('download'))
      ),
      box,
      note
    )
  );

  function match(line) {
    const hit = search.value !== '' && line.textContent.toLowerCase().includes(search.value.toLowerCase());
    line.classList.toggle('hit', hit);
    if (hit) found.push(line);
  }
  const tell = () => {
    hits.textContent = search.value ? t('log.hits', { n: number(found.length) }) : '';
  };
  function find() {
    found = [];
    at = -1;
    [...box.children].forEach(match);
    tell();
    if (found.length) step(1);
  }
  function step(by) {
    found = found.filter(line => line.parentNode);
    if (!found.length) return;
    found[at]?.classList.remove('now');
    at = (at + by + found.length) % found.length;
    follow = pin.checked = false;
    found[at].classList.add('now');
    found[at].scrollIntoView({ block: 'center' });
  }

  // Whole lines become elements; one that has no end yet is made anew when more of it comes.
  function draw() {
    frame = 0;
    const fresh = document.createDocumentFragment();
    for (const { stream: name, text } of waiting.splice(0)) {
      const lines = ((last[name]?.words ?? '') + text).split('\n'),
        open = last[name]?.node;
      lines.forEach((words, i) => {
        const whole = i < lines.length - 1,
          node = i === 0 && open ? open : h('div', { class: name === 'stdout' ? null : name });
        if (!whole && words === '' && !(i === 0 && open)) {
          last[name] = null;
          return;
        }
        const from = i === 0 && open ? last[name].style : { ...style[name] },
          now = { ...from };
        put(node, colours(words.slice(words.lastIndexOf('\r', words.length - 2) + 1).slice(0, 20000), now));
        if (!node.parentNode) fresh.append(node);
        last[name] = whole ? null : { node, words: words.slice(-20000), style: from };
        if (whole) style[name] = now;
        if (search.value) match(node);
      });
    }
    box.append(fresh);
    while (box.childElementCount > LINES) {
      box.firstElementChild.remove();
      dropped++;
    }
    if (dropped) note.textContent = t('log.dropped', { n: number(LINES) });
    if (search.value) tell();
    if (follow) box.scrollTop = box.scrollHeight;
  }

  function open() {
    stream = new EventSource(path('tasks', id, 'logs') + query({ follow: isLive(view.task) }));
    stream.addEventListener('log', e => {
      if (!begun) note.textContent = '';
      begun = true;
      waiting.push(JSON.parse(e.data));
      frame ||= requestAnimationFrame(draw);
    });
    stream.addEventListener('end', () => {
      stream.close();
      note.textContent = begun
        ? dropped
          ? t('log.dropped', { n: number(LINES) })
          : t('log.end')
        : t('log.none');
    });
    stream.onerror = () => {
      if (stream.readyState === 2) note.textContent = t('log.gone');
    };
  }
  open();
  return () => {
    stream.close();
    cancelAnimationFrame(frame);
  };
};
