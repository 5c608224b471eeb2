// tabs.js - panels of which one is seen.
import { h } from './dom.js';

// One of several panels: [[id, words, draw(panel)]]; draw may return a function that ends it.
export function tabs(label, list, chosen, onchoose) {
  const panel = h('div', { role: 'tabpanel', id: 'panel', tabindex: 0 });
  let end = null;
  const buttons = list.map(([id, words]) =>
    h(
      'button',
      { role: 'tab', id: 'tab-' + id, 'aria-controls': 'panel', 'data-f': id, onclick: () => open(id) },
      words
    )
  );
  const row = h(
    'div',
    {
      role: 'tablist',
      class: 'tabs',
      'aria-label': label,
      onkeydown: e => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key],
          at = buttons.indexOf(document.activeElement);
        if (!step || at < 0) return;
        const to = (at + step + list.length) % list.length;
        buttons[to].focus();
        open(list[to][0]);
      }
    },
    buttons
  );
  function open(id, quietly) {
    end?.();
    buttons.forEach((b, i) => {
      b.setAttribute('aria-selected', String(list[i][0] === id));
      b.tabIndex = list[i][0] === id ? 0 : -1;
    });
    panel.setAttribute('aria-labelledby', 'tab-' + id);
    requestAnimationFrame(() =>
      document.getElementById('tab-' + id)?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
    );
    panel.replaceChildren();
    end = list.find(k => k[0] === id)[2](panel);
    if (!quietly) onchoose?.(id);
  }
  open(list.some(k => k[0] === chosen) ? chosen : list[0][0], true);
  return { node: h('div', null, row, panel), end: () => end?.() };
}
