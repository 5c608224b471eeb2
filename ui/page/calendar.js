// calendar.js - a year as a strip of 53 weeks: a cell for each day, darker for more.
import { h, s, say } from './dom.js';
import { t, language } from './i18n.js';
import { figure } from './plot.js';

const WEEKS = 53,
  CELL = 13,
  LEFT = 34,
  TOP = 18;

const named = options => new Intl.DateTimeFormat(language(), options);
const levelOf = (value, most) => (value ? Math.ceil((4 * value) / most) : 0);

// From the Sunday 52 weeks ago to today; a day is its noon, which no change of the clock moves to another.
function daysUntil(today) {
  const noon = n => new Date(today.getFullYear(), today.getMonth(), today.getDate() - n, 12);
  const count = (WEEKS - 1) * 7 + today.getDay() + 1;
  return Array.from({ length: count }, (_, i) => noon(count - 1 - i));
}

const labels = days => {
  const month = named({ month: 'short' }),
    weekday = named({ weekday: 'short' });
  const first = days.filter((d, i) => i % 7 === 0 && d.getDate() <= 7);
  return [
    first.map(d => s('text', { x: LEFT + (days.indexOf(d) / 7) * CELL, y: 11 }, month.format(d))),
    [1, 3, 5].map(n => s('text', { x: 0, y: TOP + n * CELL + 10 }, weekday.format(days[n])))
  ];
};

const scale = () =>
  h(
    'div',
    { class: 'row small soft', 'aria-hidden': 'true' },
    t('w.less'),
    h(
      'span',
      { class: 'row scale' },
      [0, 1, 2, 3, 4].map(n => h('i', { class: 'l' + n }))
    ),
    t('w.more')
  );

// Arrow keys go from day to day and from week to week, as a slider does for who cannot see the cells.
function keys(svg, cells, show) {
  const steps = { ArrowUp: -1, ArrowDown: 1, ArrowLeft: -7, ArrowRight: 7 };
  let at = cells.length - 1;
  const go = to => {
    cells[at].classList.remove('at');
    at = Math.max(0, Math.min(cells.length - 1, to));
    cells[at].classList.add('at');
    svg.setAttribute('aria-valuenow', at + 1);
    svg.setAttribute('aria-valuetext', show(at));
  };
  svg.addEventListener('keydown', e => {
    const to = { Home: 0, End: cells.length - 1 }[e.key] ?? (e.key in steps ? at + steps[e.key] : null);
    if (to === null || e.ctrlKey || e.altKey || e.metaKey) return;
    e.preventDefault();
    go(to);
    cells[at].scrollIntoView({ block: 'nearest', inline: 'nearest' });
  });
  svg.addEventListener('click', e => cells.includes(e.target) && go(cells.indexOf(e.target)));
  go(at);
}

// of(day) is what stands for a day: {value, text, row}; value null = nothing is known. head: of the rows' table.
export function calendar({ title, desc, head, of }) {
  const days = daysUntil(new Date()),
    all = days.map(of),
    most = Math.max(1, ...all.map(d => d.value ?? 0)),
    date = named({ dateStyle: 'full' }),
    said = h('p', { class: 'small' });
  const cells = all.map((d, i) =>
    s(
      'rect',
      {
        class: d.value === null ? 'none' : 'l' + levelOf(d.value, most),
        x: LEFT + Math.floor(i / 7) * CELL,
        y: TOP + (i % 7) * CELL,
        width: CELL - 2,
        height: CELL - 2,
        rx: 2
      },
      s('title', null, `${date.format(days[i])}: ${d.text}`)
    )
  );
  const svg = s(
    'svg',
    {
      class: 'plot calendar',
      viewBox: `0 0 ${LEFT + WEEKS * CELL} ${TOP + 7 * CELL}`,
      role: 'slider',
      tabindex: 0,
      'aria-label': title,
      'aria-description': desc,
      'aria-valuemin': 1,
      'aria-valuemax': cells.length
    },
    labels(days),
    cells
  );
  keys(svg, cells, i => say(said, `${date.format(days[i])}: ${all[i].text}`).textContent);
  return figure(
    title,
    h('div', { class: 'scroll year' }, svg),
    () => [head, ...days.map((d, i) => [named({ dateStyle: 'medium' }).format(d), ...all[i].row]).reverse()],
    h('div', { class: 'row between' }, said, scale())
  );
}
