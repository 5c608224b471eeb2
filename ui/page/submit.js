// submit.js - drop a folder or an archive, say what is to be run, see what it may cost, send it.
import { h, put } from './dom.js';
import { t, cpt, number, bytes, seconds, percent } from './i18n.js';
import { get, post, path, once } from './api.js';
import { head, does, bar, facts, copy, trouble, announce, go } from './shell.js';
import { dropped, picked, pack, hash, upload } from './pack.js';
import { manifestOf } from './bill.js';
import { sample } from './overview.js';

const EXAMPLE = {
  hivemind: 1,
  name: 'mytask',
  command: 'sh run.sh',
  resources: { cpus: 1, memory: '128MiB', disk: '1GiB' },
  time_limit: '1h'
};
const FIELDS = [
  ['name', 'text'],
  ['image', 'text'],
  ['command', 'text'],
  ['resources.cpus', 'number'],
  ['resources.memory', 'text'],
  ['resources.disk', 'text'],
  ['resources.gpus', 'number'],
  ['time_limit', 'text'],
  ['max_cpt', 'text']
];
const SHOWN = 200;

const at = (m, key) => key.split('.').reduce((v, k) => v?.[k], m);
function set(m, key, value) {
  const way = key.split('.'),
    last = way.pop(),
    place = way.reduce((v, k) => (v[k] ??= {}), m);
  if (value === '') delete place[last];
  else place[last] = value;
}
const quote = text => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

// A tree of folders; names are text.
function tree(files) {
  const root = new Map();
  for (const f of files.slice(0, SHOWN)) {
    const way = f.path.split('/'),
      name = way.pop();
    way
      .reduce((m, k) => (m.get(k) instanceof Map ? m.get(k) : m.set(k, new Map()).get(k)), root)
      .set(name, f);
  }
  const draw = m =>
    h(
      'ul',
      { class: 'list mono' },
      [...m].map(([name, f]) =>
        f instanceof Map
          ? h(
              'li',
              null,
              h('details', { open: m === root }, h('summary', { class: 'any' }, name + '/'), draw(f))
            )
          : h(
              'li',
              { class: 'row between' },
              h('span', { class: 'any' }, name),
              h('span', { class: 'soft' }, bytes(f.blob.size))
            )
      )
    );
  return [
    draw(root),
    files.length > SHOWN && h('p', { class: 'soft' }, t('files.more', { n: number(files.length - SHOWN) }))
  ];
}

export async function submit(main, parts, words) {
  let bundle = null,
    reused = null,
    error = null,
    quoted = null,
    timer = 0,
    key = once(),
    mine = 0;
  const abort = new AbortController();
  const text = h('textarea', {
    rows: 14,
    spellcheck: 'false',
    'aria-describedby': 'verdict',
    'data-f': 'json',
    oninput: () => {
      fromText();
      look();
    }
  });
  const verdict = h('div', { id: 'verdict', 'aria-live': 'polite' }),
    price = h('div', { class: 'stack tight', 'aria-live': 'polite' });
  const content = h('div'),
    command = h('div'),
    said = h('div', { class: 'said' }),
    going = h('div', { hidden: true, class: 'stack tight' });
  const fields = new Map(
    FIELDS.map(([name, type]) => [
      name,
      h('input', {
        type,
        name,
        'data-f': name,
        min: type === 'number' ? 0 : null,
        step: 'any',
        oninput: () => {
          toText();
          look();
        }
      })
    ])
  );
  const button = h('button', { class: 'main' }, t('submit.go'));

  // --- the form and the text say the same ---
  const parse = () => {
    try {
      const m = JSON.parse(text.value);
      return m && typeof m === 'object' && !Array.isArray(m) ? m : null;
    } catch {
      return null;
    }
  };
  function fromText() {
    const m = parse();
    for (const [name, field] of fields) {
      const v = m ? (at(m, name) ?? (name === 'max_cpt' ? m.budget?.max_cpt : undefined)) : undefined;
      field.disabled = !m || (name === 'command' && Array.isArray(v));
      if (m) field.value = Array.isArray(v) ? v.map(quote).join(' ') : (v ?? '');
    }
  }
  function toText() {
    const m = parse();
    if (!m) return;
    for (const [name, type] of FIELDS) {
      const field = fields.get(name),
        v = field.value.trim();
      if (field.disabled || String(at(m, name) ?? '') === v) continue;
      set(m, name, type === 'number' && v !== '' ? Number(v) : v);
    }
    text.value = JSON.stringify(m, null, 2);
  }

  // --- is it right, and what may it cost? ---
  const body = () => ({
    manifest: text.value,
    entries:
      bundle?.files
        .filter(f => !f.path.includes('/'))
        .map(f => f.path)
        .slice(0, 1000) ?? (reused ? ['run.sh'] : [])
  });
  async function judge() {
    const now = ++mine;
    try {
      const checked = await post(path('check'), body());
      if (now !== mine) return;
      error = null;
      const k = checked.task;
      put(
        verdict,
        h(
          'div',
          { class: 'note good' },
          h('b', null, t('check.good')),
          h('code', { class: 'any' }, k.command.map(quote).join(' ')),
          ' ',
          h('span', { class: 'soft' }, k.image ?? t('check.base'))
        )
      );
      quoted = await post(path('quote'), body());
      if (now !== mine) return;
      put(
        price,
        facts([
          [t('quote.most'), h('b', null, cpt(quoted.most_cpt))],
          [
            t('quote.rate'),
            t('quote.start', { start: cpt(quoted.start_cpt), rate: cpt(Number(quoted.rate_cpt) * 3600) })
          ],
          [t('quote.lasts'), seconds(quoted.lasts)],
          [t('quote.workers'), number(quoted.workers)],
          [t('balance'), cpt(quoted.balance_cpt)]
        ]),
        Number(quoted.missing_cpt) > 0 &&
          h('p', { class: 'note bad' }, t('quote.missing', { missing: cpt(quoted.missing_cpt) })),
        quoted.reason && h('p', { class: 'note warn' }, quoted.reason)
      );
    } catch (e) {
      if (now !== mine) return;
      error = e;
      put(e.status === 400 ? verdict : price, trouble(e));
    }
    text.setAttribute('aria-invalid', String(error?.status === 400));
    button.disabled = error?.status === 400;
  }
  function look() {
    key = once();
    clearTimeout(timer);
    timer = setTimeout(judge, 250);
    line();
  }

  // --- the same in a terminal ---
  function line() {
    const where = quote(bundle?.source ?? 'mytask');
    if (reused) put(command, copy(`hivemind submit mytask`));
    else if (bundle && (bundle.tar || bundle.manifest === text.value))
      put(command, copy(`hivemind submit ${where}`));
    else
      put(
        command,
        copy(`cat > ${where}/hivemind.json <<'EOF'\n${text.value}\nEOF\nhivemind submit ${where}`)
      );
  }

  async function take(promise) {
    put(content, h('p', { class: 'soft', role: 'status' }, t('submit.reading')));
    try {
      const b = await promise;
      const own = b.files.find(f => f.path === 'hivemind.json');
      if (own && own.blob.size <= 1 << 20) text.value = b.manifest = await own.blob.text();
      else
        text.value = JSON.stringify(
          {
            ...parse(),
            name: b.name.slice(0, 64),
            ...(b.files.some(f => f.path === 'main.py') && !b.files.some(f => f.path === 'run.sh')
              ? { command: 'python3 main.py', image: 'python:3-slim' }
              : {})
          },
          null,
          2
        );
      bundle = b;
      reused = null;
      fromText();
      drawContent();
      announce(t('submit.taken', { n: number(b.files.length) }));
      look();
    } catch (e) {
      put(content, trouble({ message: t('submit.unreadable'), hint: e.message }));
    }
  }
  function drawContent() {
    const drop = () => {
      bundle = reused = null;
      drawContent();
      look();
    };
    if (reused)
      return put(
        content,
        h(
          'p',
          { class: 'note' },
          t('submit.reused', { size: bytes(reused.bytes) }),
          ' ',
          h('button', { class: 'plain', onclick: drop, type: 'button' }, t('submit.other'))
        )
      );
    if (!bundle) return put(content, h('p', { class: 'soft' }, t('submit.nothing')));
    const size = bundle.files.reduce((n, f) => n + f.blob.size, 0);
    put(
      content,
      h(
        'div',
        { class: 'row between' },
        h('b', { class: 'any' }, bundle.name),
        h('span', { class: 'soft' }, t('files.n', { n: number(bundle.files.length), size: bytes(size) })),
        h('button', { class: 'plain', onclick: drop, type: 'button' }, t('submit.other'))
      ),
      tree(bundle.files)
    );
  }

  // --- sending ---
  const step = (name, part) => {
    going.hidden = false;
    put(
      going,
      h(
        'div',
        { class: 'row between' },
        h('span', null, t('send.' + name)),
        h('span', { class: 'num' }, part === null ? '' : percent(part))
      ),
      bar(part, t('send.' + name))
    );
  };
  const work = does(async () => {
    try {
      const request = { manifest: text.value };
      if (reused) request.bundle = reused;
      else if (bundle) {
        const own = { path: 'hivemind.json', blob: new Blob([text.value]), executable: false };
        const tar = bundle.tar ?? pack([...bundle.files.filter(f => f.path !== own.path), own]);
        step('hash', 0);
        const sha256 = await hash(tar, n => step('hash', n / tar.size), abort.signal);
        step('bytes', 0);
        await upload(tar, sha256, n => step('bytes', Math.min(1, n / tar.size)), abort.signal);
        request.bundle = { sha256, bytes: tar.size };
        request.entries = body().entries;
      }
      step('queue', null);
      const made = await post(path('tasks'), request, { 'Idempotency-Key': key });
      announce(t('submit.done'));
      go('task/' + made.id + '.1');
    } finally {
      going.hidden = true;
    }
  });

  const drop = h(
    'div',
    { class: 'drop' },
    h('h2', null, t('submit.drop')),
    h('p', { class: 'soft' }, t('submit.what')),
    h(
      'div',
      { class: 'row' },
      ...[
        ['folder', { webkitdirectory: true }],
        ['files', { multiple: true }]
      ].map(([name, more]) => {
        const field = h('input', {
          type: 'file',
          class: 'unseen',
          tabindex: -1,
          'aria-hidden': 'true',
          'data-pick': name,
          ...more,
          onchange: () => field.files.length && take(picked(field.files))
        });
        return [
          field,
          h(
            'button',
            { type: 'button', 'data-f': 'pick-' + name, onclick: () => field.click() },
            t('submit.' + name)
          )
        ];
      }),
      h('button', { type: 'button', class: 'plain', onclick: sample }, t('start.sample'))
    )
  );
  const form = h(
    'form',
    { class: 'stack', onsubmit: work },
    drop,
    h(
      'div',
      { class: 'two' },
      h(
        'div',
        { class: 'stack' },
        h(
          'section',
          { class: 'card stack' },
          h('h2', null, t('manifest')),
          h(
            'div',
            { class: 'fields' },
            FIELDS.map(([name]) => h('label', null, t('field.' + name), fields.get(name)))
          ),
          h('label', null, t('submit.json'), text),
          verdict
        )
      ),
      h(
        'div',
        { class: 'stack' },
        h(
          'section',
          { class: 'card stack' },
          h('h2', null, t('quote')),
          price,
          said,
          going,
          h(
            'div',
            { class: 'row' },
            button,
            h('span', { class: 'soft small' }, h('kbd', null, 'Ctrl'), ' ', h('kbd', null, 'Enter'))
          )
        ),
        h('section', { class: 'card' }, h('h2', null, t('content')), content),
        h('section', { class: 'card' }, h('h2', null, t('submit.command')), command)
      )
    )
  );
  put(main, head(t('nav.submit')), form);

  const over = on => e => {
    if (!e.dataTransfer?.types.includes('Files')) return;
    e.preventDefault();
    drop.classList.toggle('over', on);
    if (e.type === 'drop') take(dropped(e.dataTransfer));
  };
  const keys = e => {
    if (e.key === 'Enter' && (e.ctrlKey || e.metaKey) && !button.disabled) form.requestSubmit(button);
  };
  const on = { dragover: over(true), dragleave: over(false), drop: over(false), keydown: keys };
  Object.entries(on).forEach(([name, f]) => addEventListener(name, f));

  if (words.from) {
    const old = await get(path('tasks', words.from));
    reused = old.bundle;
    text.value = JSON.stringify(manifestOf(old.spec), null, 2);
  } else text.value = JSON.stringify(EXAMPLE, null, 2);
  fromText();
  drawContent();
  look();
  return () => {
    abort.abort();
    clearTimeout(timer);
    Object.entries(on).forEach(([name, f]) => removeEventListener(name, f));
  };
}
