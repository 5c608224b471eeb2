// worker-safety.js - is it safe? And what it says of itself: log and doctor.
import { h, put } from './dom.js';
import { t } from './i18n.js';
import { post, path } from './api.js';
import { does, head, facts, stateOf, waiting, trouble } from './shell.js';
import { model, watch } from './worker-model.js';

export function safety(main) {
  const body = h('div', { class: 'stack' });
  put(main, head(t('nav.safety')), body);
  return watch(() => {
    const { safety: k, engine } = model.status;
    put(
      body,
      h(
        'div',
        { class: 'note ' + ({ passed: 'good', failed: 'bad' }[k.canary] ?? ''), role: 'status' },
        h('b', null, t('w.canary.' + k.canary)),
        k.text,
        ' ',
        k.fix
      ),
      h(
        'section',
        { class: 'card' },
        h('h2', null, t('w.engine')),
        h('p', null, engine.kind ? `${engine.kind} ${engine.version ?? ''}` : t('w.engine.none')),
        facts([
          engine.error && [t('w.reason'), engine.error],
          engine.fix && [t('w.fix'), h('code', null, engine.fix)]
        ])
      ),
      h(
        'section',
        { class: 'card' },
        h('h2', null, t('w.settings')),
        h(
          'ul',
          { class: 'list' },
          k.settings.map(x =>
            h(
              'li',
              { class: 'line' },
              stateOf(x.set ? 'ready' : 'lost', t(x.set ? 'w.on' : 'w.off')),
              h('span', null, t('w.set.' + x.name))
            )
          )
        )
      )
    );
  });
}

export async function log(main) {
  const text = h('div', { class: 'log wrap short', tabindex: 0, role: 'log', 'aria-label': t('nav.log') }),
    checks = h('div');
  const read = async () => {
    const answer = await fetch(path('log'));
    put(
      text,
      (await answer.text()).split('\n').map(line => h('div', null, line))
    );
    text.scrollTop = text.scrollHeight;
  };
  put(text, waiting());
  put(
    main,
    head(t('nav.log'), h('button', { 'data-f': 'again', onclick: does(read) }, t('w.again'))),
    h(
      'div',
      { class: 'stack' },
      h('section', { class: 'card' }, h('h2', null, t('w.log')), text),
      h(
        'section',
        { class: 'card stack' },
        h('h2', null, t('w.doctor')),
        h('p', { class: 'soft' }, t('w.doctor.how')),
        h(
          'div',
          null,
          h(
            'button',
            {
              class: 'main',
              'data-f': 'doctor',
              onclick: does(async () => {
                put(checks, waiting());
                try {
                  const found = await post(path('doctor'));
                  put(
                    checks,
                    h(
                      'ul',
                      { class: 'list' },
                      found.checks.map(c =>
                        h(
                          'li',
                          { class: 'any line' },
                          stateOf(
                            { good: 'ready', warning: 'PENDING', bad: 'lost' }[c.verdict],
                            t('w.check.' + c.verdict)
                          ),
                          h(
                            'div',
                            null,
                            h('b', null, c.name),
                            ' ',
                            c.text,
                            c.fix && h('div', { class: 'soft' }, t('w.fix'), ': ', h('code', null, c.fix))
                          )
                        )
                      )
                    )
                  );
                } catch (e) {
                  put(checks, trouble(e));
                }
              })
            },
            t('w.doctor.run')
          )
        ),
        checks
      )
    )
  );
  await read();
}
