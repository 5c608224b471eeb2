// words.js - a task in words.
import { h } from './dom.js';
import { t, has, seconds, cpt } from './i18n.js';

export const shortId = id =>
  id.slice(0, 8) + (id.includes('.') && !id.endsWith('.1') ? id.slice(id.indexOf('.')) : '');
export const since = (from, to) => (from ? (Date.parse(to ?? new Date()) - Date.parse(from)) / 1000 : null);
export const ran = k => k.durations.ran ?? since(k.started, k.exited ?? k.ended);
export const machine = k => (k.worker ? (k.worker.name ?? k.worker.id) : t('nobody'));

// Part done, 0 to 1; null = it does not say.
export const progressOf = k => (k.progress?.total ? Math.min(1, k.progress.done / k.progress.total) : null);

export function why(k) {
  if (k.failure === 'user_exit') return t('why.user_exit', { code: k.exit_code });
  const known = has('why.' + k.failure) ? t('why.' + k.failure) : k.failure;
  return [known, k.reason].filter(Boolean).join(' · ') || t('why.unknown');
}

export function doing(k) {
  if (k.phase === 'EXECUTING')
    return (
      t('doing.EXECUTING', { worker: machine(k) }) +
      (k.progress?.total ? ` · ${k.progress.done} / ${k.progress.total}` : '')
    );
  return has('doing.' + k.phase) ? t('doing.' + k.phase, { worker: machine(k) }) : k.phase;
}

// What the pool says of it, as a sentence of its own.
const reason = k => (k.reason ? ` ${k.reason[0].toUpperCase()}${k.reason.slice(1)}.` : '');

export function sentence(k) {
  const values = { worker: machine(k), time: seconds(ran(k)), waited: seconds(since(k.created)) };
  switch (k.state) {
    case 'PENDING':
      return t('says.PENDING', values) + reason(k);
    case 'RUNNING':
      return k.phase === 'EXECUTING' ? t('says.RUNNING', values) : doing(k);
    case 'COMPLETED':
      return t('says.COMPLETED', values);
    case 'FAILED':
      return t('says.FAILED', values) + ' ' + why(k);
    default:
      return t('says.STOPPED', values) + reason(k);
  }
}

export const nameOf = k => [
  h('a', { href: '#/task/' + k.id, class: 'cut', 'data-f': 'a' + k.id, title: k.name }, k.name),
  h('code', { class: 'soft' }, shortId(k.id))
];

// A line of the statement. What settles a task gives back what was set aside and not used: its cost is
// another number.
export const kindOf = l =>
  (has('kind.' + l.kind) ? t('kind.' + l.kind) : l.kind) + (l.charge_cpt ? ` ${cpt(l.charge_cpt)}` : '');
// The submission for which it lies aside; with whom it was otherwise.
export const asideFor = l => /^hold:(.*)/.exec(l.counterparty)?.[1];
export const other = l => l.name ?? (asideFor(l) ? '–' : l.counterparty);
