// plot.js - plots as SVG: each with a title, a description, a table that says the same, and a file for
// spreadsheets.
import { h, s } from './dom.js';
import { t, number, clock, day } from './i18n.js';

let serial = 0;
const H = 180,
  L = 48,
  B = 22;
let W = 640; // as wide as there is room, so that words keep their size

// What draw() makes, made anew when there is more or less room.
function fitting(draw) {
  const box = h('div');
  const fit = room => {
    W = Math.max(280, Math.min(1140, room));
    box.replaceChildren(draw());
  };
  fit((document.querySelector('main')?.clientWidth ?? 760) - 110);
  new ResizeObserver(([{ contentRect: now }]) => {
    if (now.width > 0 && Math.abs(now.width - W) > 24) requestAnimationFrame(() => fit(now.width));
  }).observe(box);
  return box;
}
const round = n => Math.round(n * 10) / 10;

function nice(max) {
  const power = 10 ** Math.floor(Math.log10(max || 1));
  return [1, 2, 5, 10].map(n => n * power).find(n => n >= max) || 1;
}

// A line without words, for tiles: values [[ms, value]...].
export function spark(node, values) {
  const from = values[0]?.[0] ?? 0,
    span = (values.at(-1)?.[0] ?? 1) - from || 1;
  const top = Math.max(1e-9, ...values.map(v => v[1])) * 1.1;
  const points = values.map(([x, y]) => `${round(((x - from) / span) * 200)},${round(31 - (y / top) * 28)}`);
  const flat = points.length < 2 ? ['0,31', '200,31'] : points;
  node ??= s(
    'svg',
    { class: 'spark', viewBox: '0 0 200 32', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    s('path', { class: 'area' }),
    s('path', { class: 'line' })
  );
  node.children[0].setAttribute('d', `M0,32L${flat.join('L')}L200,32Z`);
  node.children[1].setAttribute('d', `M${flat.join('L')}`);
  return node;
}

function frame(title, desc, top, unit) {
  const id = 'plot' + ++serial,
    lines = [0, 0.5, 1].map(part => {
      const y = round(8 + (H - B - 8) * (1 - part));
      return [
        s('line', { class: 'grid', x1: L, x2: W, y1: y, y2: y }),
        s('text', { x: L - 6, y: y + 4, 'text-anchor': 'end' }, unit(top * part))
      ];
    });
  return s(
    'svg',
    { class: 'plot', viewBox: `0 0 ${W} ${H}`, role: 'img', 'aria-labelledby': `${id}t ${id}d` },
    s('title', { id: id + 't' }, title),
    s('desc', { id: id + 'd' }, desc),
    lines
  );
}

const csv = rows =>
  rows
    .map(r => r.map(c => (/[",\n]/.test(c) ? `"${String(c).replaceAll('"', '""')}"` : c)).join(','))
    .join('\r\n') + '\r\n';

export function save(name, text, type = 'text/csv') {
  const url = URL.createObjectURL(new Blob([text], { type }));
  h('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

// The plot with its buttons: rows() gives the table, head first.
export function figure(title, svg, rows, legend) {
  const place = h('div', { hidden: true, class: 'scroll', tabindex: 0, role: 'region', 'aria-label': title });
  const show = h(
    'button',
    {
      class: 'plain',
      'aria-expanded': 'false',
      onclick: () => {
        place.hidden = !place.hidden;
        show.setAttribute('aria-expanded', String(!place.hidden));
        const [head, ...body] = rows();
        place.replaceChildren(
          h(
            'table',
            null,
            h(
              'thead',
              null,
              h(
                'tr',
                null,
                head.map(c => h('th', { scope: 'col' }, c))
              )
            ),
            h(
              'tbody',
              null,
              body.map(r =>
                h(
                  'tr',
                  null,
                  r.map(c => h('td', null, c))
                )
              )
            )
          )
        );
      }
    },
    t('plot.table')
  );
  return h(
    'figure',
    { class: 'stack tight' },
    svg,
    legend,
    h(
      'div',
      { class: 'row' },
      show,
      h(
        'button',
        { class: 'plain', onclick: () => save(title.replace(/\W+/g, '-') + '.csv', csv(rows())) },
        'CSV'
      )
    ),
    place
  );
}

// series: [{name, values: [[ms, value]...]}]; limit: a line that should not be crossed; gap: ms without a value
// that are none.
export function lines({ title, desc, series, limit, gap = Infinity, unit = n => number(n, 1) }) {
  const all = series.flatMap(k => k.values),
    from = Math.min(...all.map(v => v[0])),
    to = Math.max(...all.map(v => v[0]));
  const top = nice(Math.max(limit ?? 0, ...all.map(v => v[1])));
  const long = to - from > 129600000; // more than a day and a half
  const draw = () => {
    const x = ms => round(L + ((ms - from) / (to - from || 1)) * (W - L - 4)),
      y = v => round(8 + (H - B - 8) * (1 - v / top));
    const svg = frame(title, desc, top, unit);
    series.forEach((k, i) => {
      const points = k.values
        .map(([ms, v], n) => `${n && ms - k.values[n - 1][0] <= gap ? 'L' : 'M'}${x(ms)},${y(v)}`)
        .join('');
      if (!points) return;
      svg.append(
        s(
          'g',
          { class: 'k' + i },
          series.length === 1 &&
            s('path', { class: 'area', d: `M${x(from)},${y(0)}L${points.slice(1)}L${x(to)},${y(0)}Z` }),
          s('path', { class: 'line', d: points, 'stroke-dasharray': ['', '6 3', '2 3', '8 3 2 3'][i] })
        )
      );
    });
    if (limit) svg.append(s('line', { class: 'limit', x1: L, x2: W, y1: y(limit), y2: y(limit) }));
    svg.append(
      s('text', { x: L, y: H - 4 }, (long ? day : clock)(from)),
      s('text', { x: W, y: H - 4, 'text-anchor': 'end' }, (long ? day : clock)(to))
    );
    return svg;
  };
  const rows = () => [
    [t('plot.time'), ...series.map(k => k.name)],
    ...series[0].values.map(([ms, v], i) => [
      long ? `${day(ms)} ${clock(ms)}` : clock(ms),
      v,
      ...series.slice(1).map(k => k.values[i]?.[1] ?? '')
    ])
  ];
  const legend =
    series.length > 1 &&
    h(
      'div',
      { class: 'row small' },
      h('b', null, title),
      series.map((k, i) => h('span', { class: 'part k' + i }, k.name))
    );
  return figure(title, fitting(draw), rows, legend);
}

// bars: [[label, value]...]
export function bars({ title, desc, label, values, unit = n => number(n, 2) }) {
  const top = nice(Math.max(...values.map(v => v[1])));
  const draw = () => {
    const step = (W - L) / Math.max(1, values.length),
      every = Math.ceil(values.length / (W / 80));
    const svg = frame(title, desc, top, unit);
    values.forEach(([name, v], i) => {
      const height = (v / top) * (H - B - 8);
      svg.append(
        s(
          'rect',
          {
            class: 'block',
            x: round(L + i * step + step * 0.15),
            y: round(H - B - height),
            width: round(step * 0.7),
            height: round(Math.max(height, v > 0 ? 1 : 0)),
            rx: Math.min(3, step * 0.2)
          },
          s('title', null, `${name}: ${unit(v)}`)
        )
      );
      if (i % every === 0)
        svg.append(s('text', { x: round(L + (i + 0.5) * step), y: H - 4, 'text-anchor': 'middle' }, name));
    });
    return svg;
  };
  return figure(title, fitting(draw), () => [[label, title], ...values]);
}

// Spans of time in lanes: lanes [{name, spans: [{from, to, kind, name}]}]; kind 0..3 chooses the colour.
export function timeline({ title, desc, lanes, unit }) {
  const all = lanes.flatMap(l => l.spans),
    from = Math.min(...all.map(p => p.from)),
    to = Math.max(from + 1, ...all.map(p => p.to));
  const draw = () => {
    const id = 'plot' + ++serial,
      height = lanes.length * 34 + 26,
      x = ms => round(((ms - from) / (to - from)) * W);
    const svg = s(
      'svg',
      { class: 'plot', viewBox: `0 0 ${W} ${height}`, role: 'img', 'aria-labelledby': `${id}t ${id}d` },
      s('title', { id: id + 't' }, title),
      s('desc', { id: id + 'd' }, desc)
    );
    lanes.forEach((lane, i) => {
      svg.append(s('line', { class: 'grid', x1: 0, x2: W, y1: i * 34 + 17, y2: i * 34 + 17 }));
      for (const p of lane.spans)
        svg.append(
          s(
            'g',
            { class: 'k' + p.kind },
            s(
              'rect',
              {
                class: 'block',
                x: x(p.from),
                y: i * 34 + 5,
                width: Math.max(2, round(x(p.to) - x(p.from))),
                height: 24,
                rx: 4
              },
              s('title', null, `${p.name}: ${unit((p.to - p.from) / 1000)}`)
            )
          )
        );
    });
    svg.append(
      s('text', { x: 0, y: height - 6 }, clock(from)),
      s('text', { x: W, y: height - 6, 'text-anchor': 'end' }, clock(to))
    );
    return svg;
  };
  return figure(title, fitting(draw), () => [
    [t('plot.part'), t('plot.from'), t('plot.lasted')],
    ...lanes.flatMap(l =>
      l.spans.map(p => [`${l.name} ${p.name}`, clock(p.from), unit((p.to - p.from) / 1000)])
    )
  ]);
}
