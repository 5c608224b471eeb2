// dom.js - elements. Whatever comes from elsewhere becomes text nodes and attributes, never markup: nothing
// here, and nothing
// that uses it, knows innerHTML.

const SVG = 'http://www.w3.org/2000/svg';

function fill(node, attrs, children) {
  for (const [name, value] of Object.entries(attrs ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (name === 'value' || name === 'checked') node[name] = value;
    else if (name === 'style') Object.assign(node.style, value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(
    ...children
      .flat(9)
      .filter(c => c !== null && c !== undefined && c !== false)
      .map(c => (c instanceof Node ? c : String(c)))
  );
  return node;
}

// h('button', {class: 'main', onclick: f}, 'words', [more])
export const h = (tag, attrs, ...children) => fill(document.createElement(tag), attrs, children);
export const s = (tag, attrs, ...children) => fill(document.createElementNS(SVG, tag), attrs, children);

export const $ = (selector, root = document) => root.querySelector(selector);

// Other children than before, and the focus where it was (by data-f).
export function put(node, ...children) {
  const key = node.contains(document.activeElement) ? document.activeElement.dataset.f : null;
  node.replaceChildren();
  fill(node, null, children);
  if (key)
    [...node.querySelectorAll('[data-f]')].find(e => e.dataset.f === key)?.focus({ preventScroll: true });
  return node;
}

// Text that is only touched when it is another.
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
  return node;
}

// Make an element say what a fresh one says, so that what is pressed, focused or moving stays what it is.
function become(node, fresh) {
  if (node.nodeName !== fresh.nodeName) return node.replaceWith(fresh);
  if (node.nodeType === Node.TEXT_NODE) return say(node, fresh.data);
  for (const { name, value } of fresh.attributes)
    if (name === 'style') node.style.cssText = fresh.style.cssText;
    else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  for (const { name } of [...node.attributes]) if (!fresh.hasAttribute(name)) node.removeAttribute(name);
  if ('checked' in fresh) node.checked = fresh.checked;
  const old = [...node.childNodes],
    wanted = [...fresh.childNodes];
  wanted.forEach((child, i) => (old[i] ? become(old[i], child) : node.append(child)));
  old.slice(wanted.length).forEach(child => child.remove());
}

// A list by key: rows are made once and made to say something else only when what they show (print(item))
// is another.
export function sync(parent, items, key, print, make) {
  const old = new Map([...parent.children].map(row => [row.dataset.key, row]));
  let at = parent.firstElementChild;
  for (const item of items) {
    const k = String(key(item)),
      words = print(item);
    let row = old.get(k);
    old.delete(k);
    if (!row || row.words !== words) {
      const fresh = make(item);
      fresh.dataset.key = k;
      if (row) become(row, fresh);
      else row = fresh;
      row.words = words;
    }
    if (row === at) at = at.nextElementSibling;
    else parent.insertBefore(row, at);
  }
  for (const row of old.values()) row.remove();
}

const PATHS = {
  home: 'M3 11l9-8 9 8v9a1 1 0 0 1-1 1h-5v-7H9v7H4a1 1 0 0 1-1-1z',
  add: 'M12 16V4m0 0L7 9m5-5l5 5M4 16v3a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-3',
  tasks: 'M8 6h13M8 12h13M8 18h13M3 6h.01M3 12h.01M3 18h.01',
  workers: 'M4 5h16v6H4zM4 13h16v6H4zM8 8h.01M8 16h.01',
  wallet: 'M3 7a2 2 0 0 1 2-2h13v4M3 7v10a2 2 0 0 0 2 2h16V9H5a2 2 0 0 1-2-2zm14 7h.01',
  key: 'M14.5 9.5L21 3m-3 3l2 2M8 21a5 5 0 1 1 0-10 5 5 0 0 1 0 10z',
  info: 'M12 22a10 10 0 1 1 0-20 10 10 0 0 1 0 20zM12 11v6m0-9.5h.01',
  shield: 'M12 3l8 3v6c0 5-3.5 8-8 9-4.5-1-8-4-8-9V6z',
  sliders: 'M4 6h10m4 0h2M4 12h2m4 0h10M4 18h12m4 0h0M16 4v4M8 10v4M18 16v4',
  log: 'M5 4h14v16H5zM9 9h6m-6 4h6'
};
export const icon = name =>
  s('svg', { class: 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true' }, s('path', { d: PATHS[name] }));

export const logo = () =>
  s(
    'svg',
    { viewBox: '0 0 32 32', 'aria-hidden': 'true' },
    s('path', { d: 'M16 2l12 7v14l-12 7-12-7V9z', fill: 'var(--honey)' }),
    s('path', { d: 'M16 9l6 3.5v7L16 23l-6-3.5v-7z', fill: 'none', stroke: '#2a1d00', 'stroke-width': 2.5 })
  );
